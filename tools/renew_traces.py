#!/usr/bin/env python3
"""Replay the reference traces: `python tools/renew_traces.py [--check] [SCENARIO ...]`.

Each built-in scenario is run under the virtual clock with seed 0, and its trace of level `protocol` is compared with
the one in traces/. Where they part, the first event that differs is shown, and the file is renewed; with `--check` it
is left alone, and the exit code is 1.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a clone that is not installed works as well

from lparvm.errors import UsageError
from lparvm.machine import Options
from lparvm.runner import run
from lparvm.scenario import builtin_names
from lparvm.trace.difference import ABSENT, Ignoring, compare
from lparvm.trace.reader import open_trace
from lparvm.trace.wording import line_text

TRACES = Path(__file__).resolve().parents[1] / "traces"
CONTEXT_EVENTS = 2


def reference(name: str, directory: Path = TRACES) -> Path:
    """The reference trace of a scenario."""
    return directory / f"{name}.jsonl"


def record(name: str, file: Path) -> str:
    """Run a scenario as its reference was; returns the digest."""
    return run(name, clock="virtual", options=Options(trace=file)).digest


def digest_of(file: Path) -> str | None:
    """By its trailer; None where there is none, or no such file."""
    try:
        with open_trace(file) as trace:
            for _ in trace:
                pass
            return None if trace.problem_count or trace.trailer is None else trace.trailer["digest"]
    except UsageError:
        return None


def difference(old: Path, new: Path) -> list[str]:
    """Lines that show where two traces part; empty where they don't."""
    if digest_of(old) is None:
        return [f"{old.name}: there is no whole trace to compare with"]
    with open_trace(old) as one, open_trace(new) as other:
        found = compare(one, other, Ignoring(), context=CONTEXT_EVENTS)
    if not found.parted:
        return []
    lines = [f"{old.name}: {found.equal} events are equal, then they part"]
    lines += [f"    {line_text(event)}" for event in found.before]
    lines += [f"  - {line_text(event)}" for event in found.first]
    lines += [f"  + {line_text(event)}" for event in found.second]
    for path, left, right in found.differences:
        shown = ["not there" if value is ABSENT else f"{value}" for value in (left, right)]
        lines.append(f"    {path}: {shown[0]} -> {shown[1]}")
    return lines


def renew(name: str, directory: Path, *, check: bool) -> bool:
    """Replay one; whether it was as before."""
    old = reference(name, directory)
    with tempfile.TemporaryDirectory() as scratch:
        new = Path(scratch) / old.name
        if record(name, new) == digest_of(old):
            return True  # also its header is kept: it says when these events were first seen
        print("\n".join(difference(old, new)), flush=True)
        if not check:
            shutil.copyfile(new, old)
    return False


def main(arguments: Sequence[str] | None = None, directory: Path = TRACES) -> int:
    """Replay all, or those named."""
    parser = argparse.ArgumentParser(prog="renew_traces.py", description="Replay the traces in traces/.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 where one differs")
    parser.add_argument("scenario", nargs="*", help="built-in scenarios; all when none is named")
    given = parser.parse_args(arguments)
    names = builtin_names()
    if unknown := [name for name in given.scenario if name not in names]:
        parser.error(f"{', '.join(unknown)}: no built-in scenario")
    directory.mkdir(exist_ok=True)
    same = [renew(name, directory, check=given.check) for name in given.scenario or names]
    old = (
        []
        if given.scenario
        else [file for file in sorted(directory.glob("*.jsonl")) if file.stem not in names]
    )
    for file in old:
        print(f"{file.name}: there is no such scenario any more")
        if not given.check:
            file.unlink()
    changed = same.count(False) + len(old)
    print(f"{len(same)} replayed, {changed} {'differ' if given.check else 'renewed'}")
    return int(given.check and changed > 0)


if __name__ == "__main__":
    sys.exit(main())
