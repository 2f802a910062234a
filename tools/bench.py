#!/usr/bin/env python3
"""Measure lparvm: `python tools/bench.py [--quick] [--only NAME] [--json FILE]`.

Every figure is the median of paired repetitions in one process, taken in turn; docs/benchmarks.md explains
each. Exits with 1 where a target was missed.
"""

import argparse
import datetime as dt
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a clone that is not installed works as well

from benchmarks.channel import measure_channel
from benchmarks.dst import measure_dst
from benchmarks.exchange import measure_cancel, measure_exchange
from benchmarks.figures import Figure, table
from benchmarks.messages import measure_messages
from benchmarks.moves import measure_move, measure_proof, measure_sizes
from benchmarks.planner import measure_planner
from benchmarks.start import measure_start, measure_virtual
from benchmarks.stress import measure_stress
from benchmarks.throughput import measure_throughput
from benchmarks.trace import measure_trace

from lparvm.units import NS_PER_S

REPEATS, REPEATS_QUICK = 7, 3

MEASURES: dict[str, Callable[[int], list[Figure]]] = {
    "move": measure_move,
    "proof": measure_proof,
    "sizes": measure_sizes,
    "exchange": measure_exchange,
    "cancel": measure_cancel,
    "throughput": measure_throughput,
    "messages": measure_messages,
    "channel": measure_channel,
    "planner": measure_planner,
    "dst": measure_dst,
    "stress": measure_stress,
    "trace": measure_trace,
    "start": measure_start,
    "virtual": measure_virtual,
}
# The same, smaller: seconds in place of minutes, and figures that only show that it works.
QUICK: dict[str, Callable[[int], list[Figure]]] = {
    **MEASURES,
    "sizes": lambda repeats: measure_sizes(repeats, sizes_mib=(16, 64, 256)),
    "cancel": lambda repeats: measure_cancel(repeats, size_mib=768),
    "throughput": lambda repeats: measure_throughput(repeats, window_ns=NS_PER_S // 2),
    "messages": lambda repeats: measure_messages(repeats, count=2_000),
    "channel": lambda repeats: measure_channel(repeats, window_ns=NS_PER_S // 5),
    "planner": lambda repeats: measure_planner(repeats, count=9),
    "dst": lambda repeats: measure_dst(repeats, steps=20_000, runs=200),
    "stress": lambda repeats: measure_stress(repeats, seeds=20, relocations=50, campaign=20, pages=512),
    "trace": lambda repeats: measure_trace(repeats, total=20_000, runs=1),
}


def machine_line() -> str:
    """What it was measured on."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "trio"))
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return (
        f"{today}: {platform.machine()}, {cores} cores, load {load:.1f} at the start, "
        f"Python {platform.python_version()}, {versions}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="bench.py", description="Measure lparvm; see docs/benchmarks.md.")
    parser.add_argument(
        "--quick", action="store_true", help=f"{REPEATS_QUICK} small repetitions, not {REPEATS}"
    )
    parser.add_argument("--only", action="append", choices=MEASURES, help="a measure; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values as JSON")
    given = parser.parse_args(arguments)
    measures, repeats = (QUICK, REPEATS_QUICK) if given.quick else (MEASURES, REPEATS)
    machine = machine_line()
    figures: list[Figure] = []
    for name in given.only or measures:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        figures += measures[name](repeats)
    print(f"{machine}. Median of {repeats}.\n\n{table(figures)}")
    if given.json:
        content = {"machine": machine, "repeats": repeats, "figures": [one.as_json() for one in figures]}
        given.json.write_text(json.dumps(content, indent=2) + "\n")
    return int(any(figure.target and not figure.target.met(figure.median) for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
