"""What the seeds of a campaign came to, added up as their verdicts come, in any order."""

import sys
from collections import Counter
from collections.abc import Iterable

from attrs import Factory, define, evolve

from lparvm.stress.verdict import CRASHED, SeedVerdict, campaign_digest

_NONE: dict[str, int] = {}


@define
class PolicyTotals:
    """Of the seeds that were run under one policy.

    Attributes:
        seeds: how many.
        failures: how many did not pass.
        first_failure: the lowest seed that did not; None: all passed.
        probes: how many seeds reached each probe.
    """

    seeds: int = 0
    failures: int = 0
    first_failure: int | None = None
    probes: Counter[str] = Factory(Counter)


@define
class OracleTotals:
    """Of the failures that one oracle found.

    Attributes:
        failures: how many.
        first: the first of them, by seed.
        policies: how many under each policy.
    """

    failures: int
    first: SeedVerdict
    policies: Counter[str] = Factory(Counter)


class Totals:
    """The sums.

    Attributes:
        seeds: verdicts.
        failures: verdicts other than passed, crashed ones among them.
        crashed: seeds whose worker died, or in which lparvm itself failed.
        steps: of the scheduler.
        virtual_ns: virtual time of all seeds.
        relocations: moves and exchanges that completed.
        operations: commands that were answered.
        faults: that struck, by kind.
        probes: how often each was reached.
        policies: by policy.
        oracles: by oracle.
        resumed: verdicts that stood in the results file already.
        workers_lost: worker processes that died or hung.
        elapsed_ns: real time of this session.
        interrupted: whether it was ended by Ctrl-C.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self.seeds = self.failures = self.crashed = 0
        self.steps = self.virtual_ns = self.relocations = self.operations = 0
        self.faults: Counter[str] = Counter()
        self.probes: Counter[str] = Counter()
        self.policies: dict[str, PolicyTotals] = {}
        self.oracles: dict[str, OracleTotals] = {}
        self.resumed = self.workers_lost = self.elapsed_ns = 0
        self.interrupted = False
        # Of each seed what the digest needs, and of a failure what is told.
        self._verdicts: dict[int, SeedVerdict] = {}

    def __contains__(self, seed: int) -> bool:
        return seed in self._verdicts

    @property
    def seeds_per_s(self) -> float:
        """Seeds a second, of this session."""
        return (self.seeds - self.resumed) * 1e9 / self.elapsed_ns if self.elapsed_ns else 0.0

    @property
    def digest(self) -> str:
        """The campaign's digest: the same for the same seeds, however they were run."""
        return campaign_digest(self._verdicts.values())

    def add(self, verdict: SeedVerdict) -> None:
        """One more seed."""
        assert verdict.seed not in self._verdicts, "a seed has one verdict"
        self._verdicts[verdict.seed] = _slim(verdict)
        self.seeds += 1
        self.steps += verdict.steps
        self.virtual_ns += verdict.virtual_ns
        self.relocations += verdict.relocations
        self.operations += verdict.operations
        self.faults.update(verdict.faults)
        self.probes.update(verdict.probes)
        policy = self.policies.setdefault(verdict.policy, PolicyTotals())
        policy.seeds += 1
        policy.probes.update([name for name, times in verdict.probes.items() if times])
        if not verdict.passed:
            self._add_failure(self._verdicts[verdict.seed], policy)

    def _add_failure(self, verdict: SeedVerdict, policy: PolicyTotals) -> None:
        self.failures += 1
        self.crashed += verdict.verdict == CRASHED
        policy.failures += 1
        if policy.first_failure is None or verdict.seed < policy.first_failure:
            policy.first_failure = verdict.seed
        name = verdict.oracle or verdict.verdict
        oracle = self.oracles.setdefault(name, OracleTotals(0, verdict))
        oracle.failures += 1
        oracle.policies[verdict.policy] += 1
        if verdict.seed < oracle.first.seed:
            oracle.first = verdict

    def failing(self, most: int) -> list[SeedVerdict]:
        """The first failures, by seed, without their tapes."""
        return sorted(
            (verdict for verdict in self._verdicts.values() if not verdict.passed), key=lambda one: one.seed
        )[:most]

    def never_reached(self, probes: Iterable[str]) -> list[str]:
        """Those of these probes that no seed has reached."""
        return [name for name in probes if not self.probes[name]]


def _slim(verdict: SeedVerdict) -> SeedVerdict:
    """Without what is added up, and with words that are shared: there may be millions of them."""
    return evolve(
        verdict, policy=sys.intern(verdict.policy), verdict=sys.intern(verdict.verdict),
        oracle=sys.intern(verdict.oracle), faults=_NONE, probes=_NONE, tape=None,
    )  # fmt: skip
