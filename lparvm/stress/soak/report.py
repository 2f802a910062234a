"""What a soak came to, and its JSON form."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import asdict, frozen

from lparvm.protocol.results import Result
from lparvm.report import FAILED, INTACT, RunReport
from lparvm.stress.soak.counts import Counts
from lparvm.stress.soak.memory import Growth, Usage, growth_of, growth_problems
from lparvm.stress.soak.options import SoakOptions
from lparvm.units import seconds

GREW = "grew"
"""The verdict on a run that is intact but for what it needs more and more of."""


@frozen
class SoakGuest:
    """What ran in an LPAR.

    Attributes:
        lpar: its name.
        guest: what was loaded there.
        lives: how often.
        steps: steps of work, verified, in all lives.
        damage: damage found, in all lives that are remembered.
    """

    lpar: str
    guest: str
    lives: int
    steps: int
    damage: int


@frozen
class SoakReport:
    """What a soak came to. Times are in ns; `as_json` has seconds.

    Attributes:
        options: how it was run.
        run: the machine's own report: guests, rules, frames.
        reasons: what was wrong, as far as it is told; empty where nothing was.
        interrupted: it was ended by Ctrl-C.
        results: commands that were answered, by verb and result.
        relocations: moves and exchanges that were committed.
        moved_bytes: of pages that were moved and stayed.
        answer_median_ns, answer_longest_ns: how long commands took to their answer.
        stopped_median_ns, stopped_longest_ns: of moves and exchanges that completed, how long the LIP that stood
            longest stood.
        guests: what ran in each LPAR, in all its lives.
        samples: memory, threads and files over the run.
        growth: what of it grew; None: too few samples to tell.
    """

    options: SoakOptions
    run: RunReport
    reasons: tuple[str, ...]
    interrupted: bool
    results: Mapping[tuple[str, Result], int]
    relocations: int
    moved_bytes: int
    answer_median_ns: int
    answer_longest_ns: int
    stopped_median_ns: int
    stopped_longest_ns: int
    guests: tuple[SoakGuest, ...]
    samples: tuple[Usage, ...]
    growth: Growth | None

    @property
    def commands(self) -> int:
        """How many were answered."""
        return sum(self.results.values())

    @property
    def verdict(self) -> str:
        """The machine's own verdict, where that isn't intact; else whether anything else was wrong."""
        if self.run.verdict != INTACT or not self.reasons:
            return self.run.verdict
        return GREW if set(self.reasons) == set(growth_problems(self.growth)) else FAILED

    @property
    def exit_code(self) -> int:
        """0 all intact, 1 not, 130 interrupted."""
        if self.interrupted:
            return 130
        return 0 if self.verdict == INTACT else 1

    def as_json(self) -> dict[str, Any]:
        """The object that `lparvm stress --real --json` prints; every key is always there."""
        return {
            "seed": self.options.seed,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "interrupted": self.interrupted,
            "duration_s": seconds(self.run.duration_ns),
            "main_storage": self.options.storage_bytes,
            "operators": self.options.operators,
            "trace": None if self.run.trace is None else str(self.run.trace),
            "commands": self._commands(),
            "relocations": self.relocations,
            "moved_bytes": self.moved_bytes,
            "answer_median_s": seconds(self.answer_median_ns),
            "answer_longest_s": seconds(self.answer_longest_ns),
            "stopped_median_s": seconds(self.stopped_median_ns),
            "stopped_longest_s": seconds(self.stopped_longest_ns),
            "guests": [asdict(guest) for guest in self.guests],
            "rules": [
                {"rule": rule.rule, "verdict": str(rule.verdict), "checked": rule.checked}
                for rule in self.run.rules
            ],
            "growth": _growth(self.growth),
            "memory": [_usage(sample) for sample in self.samples],
        }

    def _commands(self) -> dict[str, dict[str, int]]:
        by_verb: dict[str, dict[str, int]] = {}
        for (verb, result), count in sorted(self.results.items()):
            by_verb.setdefault(verb, {})[str(result)] = count
        return by_verb


def report_of(
    options: SoakOptions,
    run: RunReport,
    counts: Counts,
    problems: Sequence[str],
    samples: Sequence[Usage],
    *,
    interrupted: bool,
) -> SoakReport:
    """The report of a soak that has ended."""
    growth = growth_of(samples)
    broken = [f"rule {rule.rule}: {rule.violation}" for rule in run.rules if rule.violation is not None]
    damaged = [
        f"{guest.lpar}: damage at guest absolute {one.address:#x}: expected {one.expected}, found {one.found}"
        for guest in run.guests
        for one in guest.damage
    ]
    guests = tuple(
        SoakGuest(
            guest.lpar, guest.guest, counts.lives[guest.lpar], counts.steps[guest.lpar],
            guest.damage_count + sum(life.damage_count for life in guest.lives),
        )
        for guest in run.guests
    )  # fmt: skip
    # What was told when it was found is told by the machine's report again.
    reasons = dict.fromkeys((*problems, *counts.problems, *damaged, *broken, *growth_problems(growth)))
    return SoakReport(
        options=options, run=run, reasons=tuple(reasons), interrupted=interrupted, results=dict(counts.results),
        relocations=counts.relocations, moved_bytes=counts.moved_bytes,
        answer_median_ns=counts.answers.quantile_ns(0.5), answer_longest_ns=counts.answers.longest_ns,
        stopped_median_ns=counts.stops.quantile_ns(0.5), stopped_longest_ns=counts.stops.longest_ns,
        guests=guests, samples=tuple(samples), growth=growth,
    )  # fmt: skip


def _growth(growth: Growth | None) -> dict[str, Any] | None:
    if growth is None:
        return None
    return {
        "over_s": seconds(growth.over_ns),
        "own_bytes": growth.own_bytes,
        "own_bytes_an_hour": growth.hour_bytes,
        "threads": growth.threads,
        "files": growth.files,
        "samples": growth.samples,
    }


def _usage(sample: Usage) -> dict[str, Any]:
    return {
        "at_s": seconds(sample.at_ns),
        "rss": sample.rss_bytes,
        "storage": sample.storage_bytes,
        "own": sample.own_bytes,
        "threads": sample.threads,
        "files": sample.files,
    }
