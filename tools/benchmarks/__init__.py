"""What `tools/bench.py` measures, a module a kind of measure; see docs/benchmarks.md."""
