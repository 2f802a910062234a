"""What the gauntlet runs: a cell for each mutant and policy, seed after seed, until one fails.

All cells have the same budget of seeds at first. A mutant that no policy has caught then gets a few more under each of
them, again and again, until one has caught it or there are too many: so the common ones cost little, and the rare ones
are looked for.
"""

from collections.abc import Iterator, Sequence

from attrs import define, frozen

from lparvm.config import GAUNTLET_CHUNK_SEEDS, GAUNTLET_FIRST_SEEDS, GAUNTLET_SEEDS_MAX
from lparvm.stress.verdict import SeedJob, SeedVerdict

POLICIES = ("seeded", "fifo", "walk", "pct:3", "pct:8", "delay:3")
HEALTHY = ""
"""The mutant that is none: no seed of it may fail, or the oracles cry wolf and all that is caught means nothing."""


@frozen
class Caught:
    """A mutant was caught.

    Attributes:
        seeds: at which seed, counted from 1.
        oracle: by which oracle.
        detail: what it found.
    """

    seeds: int
    oracle: str
    detail: str


@define(eq=False)
class Cell:
    """A mutant under a policy.

    Attributes:
        mutant: its name; `HEALTHY`: none.
        policy: the policy.
        size: of the swarm.
        run: seeds that were run.
        under_way: whether seeds are with the engine.
        caught: what came of it; None: nothing yet.
    """

    mutant: str
    policy: str
    size: str
    run: int = 0
    under_way: bool = False
    caught: Caught | None = None

    def jobs(self, budget: int) -> tuple[SeedJob, ...]:
        """The next seeds."""
        end = min(budget, self.run + GAUNTLET_CHUNK_SEEDS)
        return tuple(SeedJob(seed, self.policy, self.mutant, self.size) for seed in range(self.run, end))

    def take(self, verdicts: Sequence[SeedVerdict]) -> None:
        """What came of seeds that follow those that were run."""
        for verdict in verdicts:
            self.run += 1
            if not verdict.passed:
                self.caught = Caught(self.run, verdict.oracle, verdict.detail)
                return


class Table:
    """All cells.

    Attributes:
        mutants: names, in order; the healthy machine first.
        policies: in order.
    """

    def __init__(
        self, mutants: Sequence[str], policies: Sequence[str] = POLICIES, size: str = "mixed"
    ) -> None:
        """Nothing was run yet."""
        self.mutants, self.policies = (HEALTHY, *mutants), tuple(policies)
        self._cells = {(m, p): Cell(m, p, size) for m in self.mutants for p in self.policies}
        self._budgets = dict.fromkeys(self.mutants, GAUNTLET_FIRST_SEEDS)

    def cell(self, mutant: str, policy: str) -> Cell:
        """One of them."""
        return self._cells[mutant, policy]

    def row(self, mutant: str) -> tuple[Cell, ...]:
        """All cells of a mutant, by policy."""
        return tuple(self._cells[mutant, policy] for policy in self.policies)

    def waiting(self) -> Iterator[tuple[Cell, int]]:
        """Cells that have something to run now, and their budgets; those with the smallest budget first."""
        for mutant in self.mutants:
            if self._may_go_on(mutant, self.row(mutant)):
                self._budgets[mutant] += GAUNTLET_CHUNK_SEEDS
        for mutant in sorted(self.mutants, key=self._budgets.__getitem__):
            budget = self._budgets[mutant]
            for cell in self.row(mutant):
                if cell.caught is None and cell.run < budget and not cell.under_way:
                    yield cell, budget

    def _may_go_on(self, mutant: str, row: Sequence[Cell]) -> bool:
        """Whether all policies have used their budget up, nobody caught it, and there may be more seeds."""
        budget = self._budgets[mutant]
        if mutant == HEALTHY or budget >= GAUNTLET_SEEDS_MAX:
            return False
        return all(cell.caught is None and not cell.under_way and cell.run >= budget for cell in row)

    @property
    def survivors(self) -> tuple[str, ...]:
        """Mutants that no policy caught."""
        return tuple(one for one in self.mutants[1:] if not any(cell.caught for cell in self.row(one)))

    @property
    def false_alarms(self) -> tuple[Cell, ...]:
        """Where the healthy machine failed."""
        return tuple(cell for cell in self.row(HEALTHY) if cell.caught is not None)

    @property
    def passed(self) -> bool:
        """Whether every mutant was caught, and nothing else."""
        return not self.survivors and not self.false_alarms

    def first(self, mutant: str) -> Caught | None:
        """How it was caught with the fewest seeds; of equal ones by the first policy."""
        caught = [cell.caught for cell in self.row(mutant) if cell.caught is not None]
        return min(caught, key=lambda one: one.seeds, default=None)

    def as_json(self) -> list[dict[str, object]]:
        """For programs: an object a mutant."""
        return [
            {
                "mutant": mutant,
                "caught_by": None if (first := self.first(mutant)) is None else first.oracle,
                "seeds": {
                    cell.policy: {
                        "run": cell.run,
                        "caught": None if cell.caught is None else cell.caught.seeds,
                    }
                    for cell in self.row(mutant)
                },
            }
            for mutant in self.mutants
        ]
