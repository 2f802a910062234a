"""Whole processes, as a user starts them: to the first guest instruction, and a run under the virtual clock.

The start of the first slice stands in the trace in ns of the run clock; the header, written when that clock
begins, has the wall clock time. So one `time.time_ns` before the process is spawned is all that is needed.
"""

import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, Target
from benchmarks.quiet import Rounds

ROOT = Path(__file__).resolve().parents[2]
START_TARGET = Target(1.0)
VIRTUAL_TARGET = Target(3.0)


def _run(*arguments: str) -> tuple[int, float]:
    """Run `lparvm run` with arguments; wall clock ns when it was spawned, and how long it took in s."""
    command = [sys.executable, "-m", "lparvm", "run", *arguments]
    spawned_ns, began_s = time.time_ns(), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
    return spawned_ns, time.perf_counter() - began_s


def _first_instruction_ns(trace: Path) -> int:
    """Wall clock ns of the first guest instruction told in a trace of level `io`."""
    with trace.open("rb") as lines:
        header = json.loads(next(lines))
        since = dt.datetime.fromisoformat(header["started"]) - dt.datetime.fromtimestamp(0, dt.UTC)
        started_ns = since // dt.timedelta(microseconds=1) * 1000
        slices = (json.loads(line) for line in lines if b'"slice.ended"' in line)
        # Slices are told as they end: the first one told began first, or within a slice of it.
        return started_ns + int(next(slices)["first_ns"])


def _start_s(scenario: str, trace: Path) -> float:
    spawned_ns, _ = _run(scenario, "--trace", str(trace), "--trace-level", "io")
    return (_first_instruction_ns(trace) - spawned_ns) / 1e9


def measure_start(repeats: int, *, scenario: str = "figure-3") -> list[Figure]:
    """Seconds from spawning a process to its first guest instruction."""
    rounds = Rounds(repeats)
    with tempfile.TemporaryDirectory() as folder:
        values = rounds.kept([_start_s(scenario, Path(folder, f"{number}.jsonl")) for number in rounds])
    return [Figure("start", f"`{scenario}`: spawn to first guest instruction", values, START_TARGET, "s")]


def measure_virtual(repeats: int, *, scenario: str = "figure-3") -> list[Figure]:
    """Seconds that a whole process takes under the virtual clock, final checks and all."""
    rounds = Rounds(repeats)
    values = rounds.kept([_run(scenario, "--clock", "virtual")[1] for _ in rounds])
    return [Figure("virtual", f"`{scenario} --clock virtual`: whole process", values, VIRTUAL_TARGET, "s")]
