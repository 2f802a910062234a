"""Campaigns on real worker processes: what breaks one of them costs no other seed."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from lparvm.stress.campaign.model import Campaign, Chunk
from lparvm.stress.campaign.pool import PoolEngine
from lparvm.stress.campaign.running import run_campaign
from lparvm.stress.campaign.totals import Totals
from lparvm.stress.verdict import SeedJob, SeedVerdict

SEEDS = 12


def run(runner: str, jobs: int = 1) -> Totals:
    with PoolEngine(f"fake_runners:{runner}", jobs) as engine:
        return run_campaign(Campaign(0, SEEDS), engine)


def test_one_process_and_two_come_to_the_same_whatever_the_hash_seed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    one = run("passing")
    monkeypatch.setenv("PYTHONHASHSEED", "78")
    two = run("passing", jobs=2)
    assert one.digest == two.digest
    assert (one.seeds, one.failures) == (SEEDS, 0)
    assert one.virtual_ns == SEEDS * 2_000_000_000


def test_a_seed_that_kills_its_process_is_named_and_all_others_are_run():
    totals = run("leaving")
    assert totals.seeds == SEEDS
    (failure,) = totals.failing(SEEDS)
    assert (failure.seed, failure.verdict, failure.oracle) == (4, "crashed", "worker-died")
    assert totals.workers_lost == 2, "once among others, once alone"


def test_a_process_that_died_by_chance_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_RUNNER_MARKER", str(tmp_path / "marker"))
    totals = run("once_killed")
    assert (totals.seeds, totals.failures, totals.workers_lost) == (SEEDS, 0, 1)


def test_an_idle_process_that_died_is_replaced():
    with PoolEngine("fake_runners:passing", 1) as engine:
        first = run_seed(engine, 1)
        (idle,) = engine._idle
        os.kill(idle.pid, signal.SIGKILL)
        idle._process.wait()
        assert run_seed(engine, 1) == first


def run_seed(engine: PoolEngine, seed: int) -> SeedVerdict:
    engine.start(Chunk((SeedJob(seed),)))
    while not (outcomes := engine.finished(10)):
        pass
    (outcome,) = outcomes
    assert outcome.loss is None, outcome.loss
    return outcome.verdicts[0]


def test_a_seed_that_hangs_is_given_up():
    with PoolEngine("fake_runners:hanging", 1, seed_limit_s=0.3) as engine:
        engine.start(Chunk((SeedJob(4),)))
        while not (outcomes := engine.finished(10)):
            pass
    assert outcomes[0].loss is not None
    assert outcomes[0].loss.oracle == "worker-hung"


def test_processes_end_with_the_engine():
    with ExitStack() as stack:
        engine = stack.enter_context(PoolEngine("fake_runners:hanging", 1))
        engine.start(Chunk((SeedJob(4),)))
        (worker,) = engine._busy
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)
