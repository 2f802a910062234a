"""The core, with an engine that runs seeds in this process: order, lost workers, limits, Ctrl-C."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lparvm.stress.campaign import running
from lparvm.stress.campaign.model import Campaign, Chunk, Loss, Outcome
from lparvm.stress.campaign.results import ResultsFile
from lparvm.stress.campaign.running import run_campaign
from lparvm.stress.campaign.totals import Totals
from lparvm.stress.verdict import FAILED, PASSED, SeedJob, SeedVerdict

MS = 1_000_000


class Clock:
    """Real time, which goes on only where a test says so."""

    def __init__(self):
        self.now_ns = 0

    def monotonic_ns(self) -> int:
        return self.now_ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(running, "time", clock)
    return clock


class StandIn:
    """An engine. Each seed takes 1 ms; a worker is lost at the seeds that `lose` names."""

    name, aim_s = "stand-in", 0.02

    def __init__(
        self, clock: Clock, slots: int = 2, lose: Callable[[int, bool], bool] = lambda _seed, _alone: False
    ):
        self.slots, self._clock, self._lose = slots, clock, lose
        self.started: list[Chunk] = []
        self.under_way: list[Chunk] = []
        self.most = 0
        self.backwards = False

    def start(self, chunk: Chunk) -> None:
        self.started.append(chunk)
        self.under_way.append(chunk)
        self.most = max(self.most, len(self.under_way))

    def finished(self, timeout_s: float) -> Sequence[Outcome]:
        del timeout_s
        chunk = self.under_way.pop(-1 if self.backwards else 0)
        verdicts: list[SeedVerdict] = []
        for job in chunk.jobs:
            self._clock.now_ns += MS
            if self._lose(job.seed, chunk.alone):
                return [Outcome(chunk, tuple(verdicts), Loss("worker-died", "planted"))]
            verdicts.append(judged(job))
        return [Outcome(chunk, tuple(verdicts))]


def judged(job: SeedJob) -> SeedVerdict:
    verdict = FAILED if job.seed % 10 == 3 else PASSED
    return SeedVerdict(
        job.seed, "walk", verdict, digest=f"{job.seed:x}", probes={"tie": 1}, faults={"late": 2}
    )


def seeds_of(engine: StandIn) -> list[int]:
    return [job.seed for chunk in engine.started for job in chunk.jobs]


def test_all_seeds_are_run_once_in_order(clock: Clock):
    engine = StandIn(clock)
    totals = run_campaign(Campaign(5, 400), engine)
    assert seeds_of(engine) == list(range(5, 400))
    assert totals.seeds == 395
    assert totals.faults == {"late": 790}
    assert engine.most == engine.slots, "every slot has work"


def test_chunks_become_as_long_as_the_engine_likes_and_short_at_the_end(clock: Clock):
    engine = StandIn(clock)
    run_campaign(Campaign(0, 400), engine)
    sizes = [len(chunk.jobs) for chunk in engine.started]
    assert sizes[0] == 1, "nothing is known of the speed yet"
    assert 10 <= max(sizes) <= 40, f"20 ms at 1 ms a seed, or a little more while others wait: {sizes}"
    assert sizes[-1] <= 2, f"else one slot works long after the other: {sizes}"


def test_the_digest_does_not_depend_on_order_or_slots(clock: Clock):
    backwards = StandIn(clock, slots=5)
    backwards.backwards = True
    one, other = (
        run_campaign(Campaign(0, 200), StandIn(clock, slots=1)),
        run_campaign(Campaign(0, 200), backwards),
    )
    assert one.digest == other.digest
    assert one.failing(5) == other.failing(5)
    assert [verdict.seed for verdict in one.failing(5)] == [3, 13, 23, 33, 43]


def test_the_seeds_of_a_lost_worker_are_run_again_one_by_one(clock: Clock):
    engine = StandIn(clock, lose=lambda seed, alone: seed == 150 and not alone)
    totals = run_campaign(Campaign(0, 200), engine)
    lost = next(chunk for chunk in engine.started if 150 in [job.seed for job in chunk.jobs])
    again = [chunk.jobs[0].seed for chunk in engine.started if chunk.alone]
    assert again == [job.seed for job in lost.jobs if job.seed >= 150], "those that had a verdict keep it"
    assert totals.seeds == 200
    assert totals.crashed == 0, "the second time it passed"
    assert totals.workers_lost == 1
    assert totals.digest == run_campaign(Campaign(0, 200), StandIn(clock)).digest


def test_a_seed_that_loses_its_worker_alone_has_crashed(clock: Clock):
    totals = run_campaign(Campaign(0, 200), StandIn(clock, lose=lambda seed, _alone: seed == 150))
    crashed = [verdict for verdict in totals.failing(99) if verdict.verdict == "crashed"]
    assert crashed == [SeedVerdict(150, "mix", "crashed", "worker-died", "planted")]
    assert totals.seeds == 200
    assert totals.workers_lost == 2


def test_a_campaign_of_nothing_but_crashes_ends(clock: Clock):
    totals = run_campaign(Campaign(0, 30), StandIn(clock, lose=lambda _seed, _alone: True))
    assert totals.crashed == totals.seeds == 30


def test_the_time_limit_leaves_no_holes(clock: Clock):
    engine = StandIn(clock)
    totals = run_campaign(Campaign(0, None, time_limit_ns=100 * MS), engine)
    assert 100 <= totals.seeds <= 160, "what is under way then is ended"
    assert sorted(seeds_of(engine)) == list(range(totals.seeds))


def test_however_short_the_time_every_slot_gets_a_seed(clock: Clock):
    assert run_campaign(Campaign(0, None, time_limit_ns=1), StandIn(clock)).seeds == 2


def test_a_campaign_goes_on_from_its_results(clock: Clock, tmp_path: Path):
    path, campaign = tmp_path / "r.jsonl", Campaign(0, 300)
    with ResultsFile(path, campaign) as results:
        run_campaign(Campaign(0, 90), StandIn(clock), results=results)
    engine, watcher = StandIn(clock), Recorder()
    with ResultsFile(path, campaign) as results:
        totals = run_campaign(campaign, engine, results=results, watchers=[watcher])
    assert seeds_of(engine) == list(range(90, 300))
    assert (totals.seeds, totals.resumed) == (300, 90)
    assert totals.digest == run_campaign(campaign, StandIn(clock)).digest
    assert sorted(watcher.seeds) == list(range(300)), "watchers are told of all of them"


def test_seeds_in_the_results_that_were_not_asked_for_do_not_count(clock: Clock, tmp_path: Path):
    with ResultsFile(tmp_path / "r", Campaign()) as results:
        run_campaign(Campaign(0, 90), StandIn(clock), results=results)
    with ResultsFile(tmp_path / "r", Campaign()) as results:
        totals = run_campaign(Campaign(80, 100), StandIn(clock), results=results)
    assert (totals.seeds, totals.resumed) == (20, 10)
    assert totals.digest == run_campaign(Campaign(80, 100), StandIn(clock)).digest


class Recorder:
    """A watcher; it may press Ctrl-C."""

    def __init__(self, interrupt_at: int | None = None):
        self.seeds: list[int] = []
        self._interrupt_at = interrupt_at

    def judged(self, verdict: SeedVerdict) -> None:
        self.seeds.append(verdict.seed)
        if len(self.seeds) == self._interrupt_at:
            raise KeyboardInterrupt

    def looked(self, totals: Totals) -> None:
        assert totals.seeds == len(self.seeds)


def test_an_interrupted_campaign_keeps_what_was_done_and_goes_on(clock: Clock, tmp_path: Path):
    campaign = Campaign(0, 200)
    with ResultsFile(tmp_path / "r", campaign) as results:
        totals = run_campaign(campaign, StandIn(clock), results=results, watchers=[Recorder(interrupt_at=70)])
    assert totals.interrupted
    assert totals.seeds == 70
    with ResultsFile(tmp_path / "r", campaign) as results:
        totals = run_campaign(campaign, StandIn(clock), results=results)
    assert (totals.seeds, totals.resumed, totals.interrupted) == (200, 70, False)
