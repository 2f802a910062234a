"""`lparvm trace check`, `sql`, `schema`, `perfetto`, `chrome`: the trace for other programs, and its proof."""
