"""One worker process, with runners that break it: what was lost, and why, is found out."""

from types import SimpleNamespace

import pytest

from lparvm.errors import UsageError
from lparvm.stress.campaign import worker as worker_module
from lparvm.stress.campaign.model import Chunk, Outcome
from lparvm.stress.campaign.process import WorkerProcess
from lparvm.stress.verdict import SeedJob


def run(runner: str, *seeds: int, seed_limit_s: float = 30.0) -> Outcome:
    worker = WorkerProcess(f"fake_runners:{runner}", seed_limit_s)
    try:
        outcome = worker.run(Chunk(tuple(SeedJob(seed) for seed in seeds)))
        assert worker.usable is (outcome.loss is None)
        return outcome
    finally:
        worker.close()


LOSSES = {
    "leaving": "the worker process ended itself with exit code 7",
    "killed": "the worker process was killed by SIGKILL",
    "segfaulting": "the worker process was killed by SIGSEGV; it was in string_at (__init__.py:",
}


@pytest.mark.parametrize("runner", LOSSES)
def test_a_seed_that_kills_its_process_is_the_first_without_a_verdict(runner: str):
    outcome = run(runner, 3, 4, 5)
    assert [verdict.seed for verdict in outcome.verdicts] == [3]
    assert outcome.missing == (SeedJob(4), SeedJob(5))
    assert outcome.loss is not None
    assert outcome.loss.oracle == "worker-died"
    assert outcome.loss.detail.startswith(LOSSES[runner])


def test_a_seed_that_hangs_is_ended_and_says_where_it_was():
    outcome = run("hanging", 3, 4, 5, seed_limit_s=0.7)
    assert outcome.missing == (SeedJob(4), SeedJob(5))
    assert outcome.loss is not None
    assert outcome.loss.oracle == "worker-hung"
    assert outcome.loss.detail.startswith("no verdict within 0.7 s; it was in hanging (fake_runners.py:")


def test_a_runner_that_does_it_wrong_costs_its_seeds_only():
    outcome = run("odd", 3, 4, 5, 6, 7, 8)
    assert outcome.loss is None
    told = [(verdict.seed, verdict.verdict, verdict.oracle) for verdict in outcome.verdicts]
    crashed = [(seed, "crashed", "exception") for seed in (4, 5, 6)]
    assert told == [(3, "passed", ""), *crashed, (7, "passed", ""), (8, "passed", "")], outcome
    details = [verdict.detail for verdict in outcome.verdicts[1:4]]
    assert details[0].startswith("RuntimeError: a fault of the runner itself (fake_runners.py:")
    assert "expected a verdict of seed 5" in details[1]
    assert "the runner gave None" in details[2]


def test_a_runner_that_is_not_there_is_told():
    with pytest.raises(UsageError, match="fake_runners has no function 'nothing'"):
        run("nothing", 1)


def test_a_process_ends_when_nobody_hands_out_seeds_any_more():
    worker = WorkerProcess("fake_runners:passing", 30.0)
    assert worker._process.stdin is not None
    worker._process.stdin.close()
    assert worker._process.wait(10) == 0
    worker.close()


def test_the_watchdog_is_set_anew_now_and_then_and_rests_while_there_is_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch,
):
    calls: list[object] = []
    now_s = iter([0.0, 1.0, 14.0, 16.0, 17.0, 18.0])
    monkeypatch.setattr(worker_module.time, "monotonic", lambda: next(now_s))
    fake = SimpleNamespace(
        dump_traceback_later=lambda after_s, **more: calls.append((after_s, more)),
        cancel_dump_traceback_later=lambda: calls.append("rest"),
    )
    monkeypatch.setattr(worker_module, "faulthandler", fake)
    watchdog = worker_module._Watchdog(60.0)
    for _ in range(5):
        watchdog.feed()
    watchdog.rest()
    watchdog.feed()
    assert calls == [(120.0, {"exit": True}), (120.0, {"exit": True}), "rest", (120.0, {"exit": True})]
