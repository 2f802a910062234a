"""The file of a failing seed: what was run, what it showed, and every choice of the run.

A tape says which way to go at each fork, not where the forks are: those are in the code that draws and schedules. So it
replays with the versions that made it, and other ones refuse it. The Python's is only noted.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson
import trio
from attrs import asdict, fields, frozen

from lparvm.config import STRESS_TAPE_BYTES_MAX, STRESS_TAPE_STREAMS_MAX
from lparvm.dst.policies import parse_policy
from lparvm.dst.tape import Tape
from lparvm.errors import UsageError
from lparvm.stress.mutants import find_mutant
from lparvm.stress.swarm.draw import SWARM_VERSION
from lparvm.stress.verdict import SIZES, SeedJob, SeedVerdict
from lparvm.version import VERSION

FORMAT = "lparvm.stress tape"
FORMAT_VERSION = 1

_T = TypeVar("_T")


@frozen
class Shown:
    """What a run showed: the same in each replay.

    Attributes:
        verdict: `passed` or `failed`.
        oracle: who found the first problem; empty: none was found.
        detail: what it found.
        digest: SHA-256, hex, of the run's events; empty where it had no end.
        steps: steps of the scheduler.
        virtual_ns: virtual time that passed.
    """

    verdict: str
    oracle: str
    detail: str
    digest: str
    steps: int
    virtual_ns: int

    @classmethod
    def of(cls, verdict: SeedVerdict) -> "Shown":
        """Of a verdict, what must come again."""
        return cls(**{one.name: getattr(verdict, one.name) for one in fields(cls)})


@frozen
class TapeFile:
    """A run that can be replayed.

    Attributes:
        job: what was run; its policy is the one that was used, never `mix`.
        shown: what it showed.
        tape: its choices.
        python: the Python that made it, such as 3.11.
    """

    job: SeedJob
    shown: Shown
    tape: Tape
    python: str = f"{sys.version_info.major}.{sys.version_info.minor}"

    @classmethod
    def of(cls, verdict: SeedVerdict, mutant: str, size: str) -> "TapeFile":
        """Of a verdict that has a tape, from a campaign with this mutant and size."""
        assert verdict.tape is not None, f"seed {verdict.seed} left no tape"
        job = SeedJob(verdict.seed, verdict.policy, mutant, size)
        return cls(job, Shown.of(verdict), Tape.from_json(verdict.tape))

    def as_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "made_by": {**versions(), "python": self.python},
            "job": asdict(self.job),
            "shown": asdict(self.shown),
            "tape": self.tape.as_json(),
        }

    def text(self) -> str:
        """The file: JSON, a line for each stream."""
        told = self.as_json()
        streams = told["tape"].pop("streams")
        lines = [
            f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in told.items() if name != "tape"
        ]
        lines += [f'  "tape": {json.dumps(told["tape"])[:-1]}, "streams": {{']
        lines += [
            ",\n".join(f"    {json.dumps(name)}: {json.dumps(values)}" for name, values in streams.items())
        ]
        return "\n".join(("{", *lines, "  }}", "}")) + "\n"

    def write(self, path: Path) -> None:
        """Write the file.

        Raises:
            UsageError: it can't be written.
        """
        try:
            path.write_text(self.text(), encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: can't be written: {_reason(error)}") from None


def title_of(file: TapeFile) -> str:
    """Which run it is."""
    job = file.job
    mutant = f", mutant {job.mutant}" if job.mutant else ""
    return f"seed {job.seed}, {job.policy}{mutant}"


def versions() -> dict[str, Any]:
    """What must be the same where a tape is replayed."""
    return {"lparvm": VERSION, "trio": trio.__version__, "swarm": SWARM_VERSION}


def load(path: Path) -> TapeFile:
    """Read a file.

    Raises:
        UsageError: it can't be read, is no tape of a seed, of another version, or damaged.
    """
    try:
        with path.open("rb") as file:
            data = file.read(STRESS_TAPE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {_reason(error)}") from None
    try:
        return parse(data)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def parse(data: bytes) -> TapeFile:
    """As `load`, of the file's bytes."""
    if len(data) > STRESS_TAPE_BYTES_MAX:
        raise UsageError(f"too large for a tape; expected at most {STRESS_TAPE_BYTES_MAX} bytes")
    try:
        read = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"this is no tape of a seed: not JSON ({error})") from None
    if not isinstance(read, dict) or read.get("format") != FORMAT:
        expected = f"expected a JSON object with format {FORMAT!r}, as lparvm stress --keep writes it"
        raise UsageError(f"this is no tape of a seed; {expected}")
    if read.get("version") != FORMAT_VERSION:
        told = f"a tape file of version {read.get('version')!r:.40}"
        raise UsageError(f"{told}; expected {FORMAT_VERSION}, which this lparvm writes")
    made_by = read.get("made_by")
    python = _check_versions(made_by if isinstance(made_by, dict) else {})
    job, shown = _record(read, "job", SeedJob), _record(read, "shown", Shown)
    return TapeFile(job, shown, _tape(read.get("tape"), job), python)


def _check_versions(made_by: Mapping[str, object]) -> str:
    """The Python that made it; what else made it must be what is here."""
    own = versions()
    others = [
        f"{name} {made_by.get(name, 'unknown')!s:.40}" for name in own if made_by.get(name) != own[name]
    ]
    if others:
        here = ", ".join(f"{name} {own[name]}" for name in own if made_by.get(name) != own[name])
        raise UsageError(f"a tape from another version: made by {', '.join(others)}, and this is {here}")
    return f"{made_by.get('python', '')!s:.10}"


def _record(read: Mapping[str, Any], name: str, kind: type[_T]) -> _T:
    """An object with exactly the fields of a class, each of the type of its field."""
    told = read.get(name)
    known = {one.name: one.type for one in fields(kind)}  # type: ignore[arg-type]  # an attrs class
    if not isinstance(told, dict) or told.keys() != known.keys():
        raise UsageError(f"damaged tape: {name}; expected an object with {', '.join(known)}")
    for key, value in told.items():
        if type(value) is not known[key]:
            raise UsageError(f"damaged tape: {name}: {key} {value!r:.40}; expected {_KINDS[known[key]]}")
    return kind(**told)


_KINDS: dict[Any, str] = {int: "a whole number", str: "a text"}


def _tape(read: object, job: SeedJob) -> Tape:
    streams = read.get("streams") if isinstance(read, dict) else None
    if isinstance(streams, dict) and len(streams) > STRESS_TAPE_STREAMS_MAX:
        raise UsageError(f"damaged tape: {len(streams)} streams; expected {STRESS_TAPE_STREAMS_MAX} at most")
    tape = Tape.from_json(read)
    if job.mutant:
        find_mutant(job.mutant)
    if job.size not in SIZES:
        raise UsageError(f"damaged tape: size {job.size!r:.40}; expected {' or '.join(SIZES)}")
    mode = "batch" if parse_policy(job.policy).batches else "step"
    if tape.mode != mode:
        raise UsageError(f"damaged tape: mode {tape.mode}; expected {mode}, by policy {job.policy}")
    return tape


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


__all__ = ["FORMAT", "FORMAT_VERSION", "Shown", "TapeFile", "load", "parse", "title_of", "versions"]
