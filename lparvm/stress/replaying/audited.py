"""Audit of the stress runs: the same seeds in two processes with two hash seeds; all that happens must be the same.

Run as a module, it is one of the two processes: it prints every event of every seed, and what each came to.
"""

import os
import sys
from collections.abc import Sequence

import orjson
from attrs import asdict, frozen

from lparvm.dst.audit import audit_commands, scatter_memory
from lparvm.machine import Options
from lparvm.stress.episode.run import run_episode
from lparvm.stress.verdict import SeedJob
from lparvm.trace.vocabulary import Level
from lparvm.trace.writer import Event


@frozen
class StressAudit:
    """What an audit came to.

    Attributes:
        lines: how many lines were compared: events, and one more a seed.
        difference: the first that differs, and of which seed, in words; empty: none does.
    """

    lines: int
    difference: str = ""


def audit_seeds(
    first: int, end: int, policy: str, mutant: str, size: str, *, program: Sequence[str] = ("-m", __name__)
) -> StressAudit:
    """Run seeds from `first` to `end`, exclusive, in two processes, and compare.

    Args:
        first: the first seed.
        end: the seed behind the last.
        policy: as in `SeedJob`.
        mutant: as in `SeedJob`.
        size: as in `SeedJob`.
        program: how Python is to run one of the processes.

    Raises:
        UsageError: a process failed.
    """
    command = [sys.executable, *program, str(first), str(end), policy, mutant, size]
    audit = audit_commands(command)
    if audit.difference is None:
        return StressAudit(audit.lines)
    one, other = (_told(line) for line in (audit.difference.one, audit.difference.other))
    return StressAudit(audit.lines, f"{one} with one hash seed, {other} with another")


def _told(line: str | None) -> str:
    return "the end" if line is None else line


def main(arguments: Sequence[str]) -> None:
    """One of the processes: first seed, seed behind the last, policy, mutant, size."""
    first, end, policy, mutant, size = arguments
    for seed in range(int(first), int(end)):
        # Anew for each seed: what depends on addresses shows.
        kept = scatter_memory(int(os.environ.get("PYTHONHASHSEED", "0")) + 2 * seed)
        _follow(SeedJob(seed, policy, mutant, size))
        del kept


def _follow(job: SeedJob) -> None:
    out = sys.stdout

    def told(event: Event) -> None:
        line = orjson.dumps(event, default=str).decode()
        out.write(f"seed {job.seed}: {line}\n")

    episode = run_episode(job, options=Options(level=Level.STORAGE), listeners=(told,))
    verdict = {**asdict(episode.verdict()), "tape": episode.run.tape.choices}
    out.write(f"seed {job.seed}: verdict {orjson.dumps(verdict).decode()}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
