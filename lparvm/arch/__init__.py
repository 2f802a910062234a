"""What the architecture says: addresses, keys, channel words, PSW, state description. No state, no I/O."""
