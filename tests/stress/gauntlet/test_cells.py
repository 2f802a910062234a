"""The gauntlet: how long a mutant is looked for, and what counts."""

from collections.abc import Callable

import pytest

from lparvm.config import GAUNTLET_CHUNK_SEEDS, GAUNTLET_FIRST_SEEDS, GAUNTLET_SEEDS_MAX
from lparvm.stress.campaign.model import Chunk, Loss, Outcome
from lparvm.stress.gauntlet.cells import HEALTHY, Table
from lparvm.stress.gauntlet.running import run_gauntlet
from lparvm.stress.verdict import FAILED, PASSED, SeedJob, SeedVerdict

POLICIES = ("fifo", "walk")


class FakeEngine:
    """Answers at once, the oldest chunk or the newest first; a seed fails where `fails` says so."""

    name, aim_s = "fake", 1.0

    def __init__(
        self, fails: Callable[[SeedJob], bool], *, slots: int = 1, newest_first: bool = False
    ) -> None:
        self._fails, self.slots, self._newest = fails, slots, newest_first
        self._chunks: list[Chunk] = []
        self.dies_at: SeedJob | None = None

    def start(self, chunk: Chunk) -> None:
        assert len(self._chunks) < self.slots, "no more chunks than slots"
        self._chunks.append(chunk)

    def finished(self, timeout_s: float) -> list[Outcome]:
        del timeout_s
        chunk = self._chunks.pop(-1 if self._newest else 0)
        verdicts = []
        for job in chunk.jobs:
            if job == self.dies_at:
                return [Outcome(chunk, tuple(verdicts), Loss("worker-died", "signal 9"))]
            failed = self._fails(job)
            verdicts.append(
                SeedVerdict(job.seed, job.policy, FAILED if failed else PASSED, "leak" if failed else "")
            )
        return [Outcome(chunk, tuple(verdicts))]


def _run(fails: Callable[[SeedJob], bool], *mutants: str, **engine) -> Table:
    table = Table(mutants, POLICIES)
    run_gauntlet(table, FakeEngine(fails, **engine))
    return table


def test_a_mutant_is_caught_at_its_first_seed_that_fails():
    table = _run(lambda job: job.mutant == "m" and job.policy == "walk" and job.seed in (5, 7), "m")
    caught = table.cell("m", "walk").caught
    assert caught is not None
    assert (caught.seeds, caught.oracle) == (6, "leak")
    assert table.cell("m", "fifo").caught is None
    assert table.cell("m", "fifo").run == GAUNTLET_FIRST_SEEDS, "it had its budget"
    assert table.passed


def test_one_that_nobody_has_caught_is_looked_for_longer_and_no_longer_than_needed():
    late = 3 * GAUNTLET_FIRST_SEEDS
    table = _run(lambda job: job.mutant == "m" and job.policy == "fifo" and job.seed == late, "m")
    assert table.passed
    assert table.cell("m", "walk").run <= late + 2 * GAUNTLET_CHUNK_SEEDS
    assert table.cell(HEALTHY, "walk").run == GAUNTLET_FIRST_SEEDS


def test_a_survivor_is_told_when_its_budget_is_used_up():
    table = _run(lambda _job: False, "m", "n")
    assert (table.passed, table.survivors) == (False, ("m", "n"))
    assert all(cell.run >= GAUNTLET_SEEDS_MAX for cell in table.row("m"))


def test_what_cries_wolf_catches_nothing():
    table = _run(lambda job: job.seed == 3, "m")
    assert not table.survivors
    assert [cell.policy for cell in table.false_alarms] == list(POLICIES)
    assert not table.passed


def test_a_seed_that_kills_its_worker_counts_as_caught():
    table = Table(("m",), ("walk",))
    engine = FakeEngine(lambda _job: False)
    engine.dies_at = SeedJob(2, "walk", "m", "mixed")
    run_gauntlet(table, engine)
    caught = table.cell("m", "walk").caught
    assert caught is not None
    assert (caught.seeds, caught.oracle) == (3, "worker-died")


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("slots", [1, 2, 5])
def test_the_table_is_the_same_however_many_work_at_a_time(slots, newest_first):
    def fails(job: SeedJob) -> bool:
        return bool(job.mutant) and (job.seed * 7 + len(job.mutant + job.policy)) % 29 == 0

    one = _run(fails, "a", "bb", "ccc")
    other = _run(fails, "a", "bb", "ccc", slots=slots, newest_first=newest_first)
    assert one.as_json() == other.as_json()
