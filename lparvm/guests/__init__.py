"""Guest programs. Synchronous; a LIP calls `Guest.run`, its SIE."""
