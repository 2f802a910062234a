"""Pure decisions: messages, the relocation machine, admission, results. No trio, no numpy, no clock."""
