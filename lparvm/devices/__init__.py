"""Device models and the channel-program interpreter. Synchronous."""
