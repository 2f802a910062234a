"""What a run comes to: values, errors, ends that don't come by themselves, and a trio that can't be controlled."""

import gc
import warnings
from contextlib import nullcontext, suppress

import pytest
import trio
from attrs import frozen

from dst_programs import spinners, steps, timeout_race
from lparvm import dst
from lparvm.dst import deterministic, ending, simulation

POLICIES = ["walk", "seeded", "pct:2"]


async def _wait_for_ever(_tape: object = None) -> None:
    await trio.Event().wait()


async def _shielded(_tape: object = None) -> None:
    with trio.CancelScope(shield=True):
        await trio.Event().wait()


async def _swallow(_tape: object = None) -> None:
    while True:
        with suppress(trio.Cancelled):
            await trio.lowlevel.checkpoint()


def test_a_run_has_the_value_the_tape_and_the_virtual_time():
    async def main(tape: dst.Tape) -> int:
        await trio.sleep(2.5)
        dst.sometimes("slept")
        return tape.stream("a").between(5, 9)

    run = dst.run(main, "walk", 3)
    assert run.unwrap() == dst.run(main, tape=run.tape.again()).unwrap()
    assert (run.virtual_s, run.error, run.controlled, str(run.policy)) == (2.5, None, True, "walk")
    assert run.probes == {"slept": 1}
    assert run.steps > 0


def test_what_main_raises_is_what_comes_of_it():
    async def main(_tape: dst.Tape) -> None:
        raise ValueError("7")

    run = dst.run(main)
    assert isinstance(run.error, ValueError)
    with pytest.raises(ValueError, match="7"):
        run.unwrap()


def test_what_a_task_raises_comes_as_trio_brings_it():
    async def fail() -> None:
        raise ValueError("7")

    async def main(_tape: dst.Tape) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(_wait_for_ever)

    run = dst.run(main)
    assert isinstance(run.error, ExceptionGroup)
    assert run.error.subgroup(ValueError) is not None


def test_ctrl_c_ends_the_campaign_and_not_just_the_run():
    async def interrupted() -> None:
        await trio.lowlevel.checkpoint()
        raise KeyboardInterrupt

    async def main(_tape: dst.Tape) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(interrupted)

    with pytest.raises(BaseException) as caught:
        dst.run(main)
    error = caught.value
    assert isinstance(error, KeyboardInterrupt) or error.subgroup(KeyboardInterrupt)


def test_the_collector_rests_meanwhile():
    async def main(_tape: dst.Tape) -> bool:
        return gc.isenabled()

    assert (dst.run(main).unwrap(), gc.isenabled()) == (False, True)


# --- ends that don't come by themselves ----------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_a_deadlock_is_told_with_who_waits(policy):
    async def main(_tape: dst.Tape) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_wait_for_ever, name="reader")
            nursery.start_soon(_wait_for_ever, name="writer")
            nursery.start_soon(_wait_for_ever, name="writer")

    run = dst.run(main, policy)
    assert isinstance(run.error, dst.Deadlock)
    assert "reader, 2 writer would wait for ever" in str(run.error)


def test_many_kinds_of_waiters_are_told_in_one_short_line():
    async def main(_tape: dst.Tape) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(30):
                nursery.start_soon(_wait_for_ever, name=f"task{number}")

    error = dst.run(main).error
    assert str(error).endswith("task7 and 22 other kinds would wait for ever")


def test_who_waits_for_all_to_be_blocked_is_no_deadlock():
    async def main(_tape: dst.Tape) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_wait_for_ever)
            for cushion_s in (0.0, 0.0, 0.001):
                await trio.testing.wait_all_tasks_blocked(cushion_s)
            nursery.cancel_scope.cancel()

    dst.run(main).unwrap()


@pytest.mark.parametrize("policy", POLICIES)
def test_a_program_that_never_ends_is_ended(policy):
    async def main(_tape: dst.Tape) -> None:
        while True:
            await trio.lowlevel.checkpoint()

    run = dst.run(main, policy, steps_max=500)
    assert isinstance(run.error, dst.StepsExhausted)
    assert run.error.__cause__ is None
    assert 500 <= run.steps < 520


def test_a_run_may_take_all_the_steps_it_may():
    needed = dst.run(spinners(2, 20), "fifo").steps
    assert dst.run(spinners(2, 20), "fifo", steps_max=needed).error is None
    assert isinstance(dst.run(spinners(2, 20), "fifo", steps_max=needed - 1).error, dst.StepsExhausted)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("stubborn", [_swallow, _shielded])
def test_who_is_not_ended_by_being_cancelled_is_ended_all_the_same(policy, stubborn, monkeypatch):
    monkeypatch.setattr(ending, "CLEANUP_STEPS_MAX", 200)

    async def main(_tape: dst.Tape) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stubborn)
            nursery.start_soon(_wait_for_ever)

    run = dst.run(main, policy, steps_max=500)
    assert isinstance(run.error, dst.Deadlock if stubborn is _shielded else dst.StepsExhausted)
    assert isinstance(run.error.__cause__, BaseExceptionGroup)
    assert run.error.__cause__.subgroup(dst.Abandoned) is not None
    assert run.steps < 1000


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_who_swallows_everything_stops_trio_itself(monkeypatch):
    monkeypatch.setattr(ending, "CLEANUP_STEPS_MAX", 200)

    async def main(_tape: dst.Tape) -> None:
        while True:
            with suppress(BaseException):
                await trio.lowlevel.checkpoint()

    run = dst.run(main, steps_max=500)
    assert isinstance(run.error, dst.StepsExhausted)
    assert isinstance(run.error.__cause__, trio.TrioInternalError)
    del run
    gc.collect()  # what is left of it complains here, where that is expected


def test_what_the_program_raised_on_its_way_out_is_the_cause():
    async def main(_tape: dst.Tape) -> None:
        try:
            await trio.Event().wait()
        finally:
            raise ValueError("in clean-up")

    error = dst.run(main).error
    assert isinstance(error, dst.Deadlock)
    assert isinstance(error.__cause__, ValueError)


def test_the_main_task_may_be_stopped_while_others_are_frozen():
    """Who is frozen when a run ends is woken up: also a task of trio's own kind, which nobody awaits."""

    async def main(_tape: dst.Tape) -> None:
        trio.lowlevel.spawn_system_task(steps, 200, name="background")
        await steps(20)

    for seed in range(20):
        run = dst.run(
            main, "walk", seed, chaos=dst.Chaos(freezes=100, freezable="background".__eq__), steps_max=5_000
        )
        assert run.error is None, f"seed {seed}: {run.error!r}"


@pytest.mark.parametrize("policy", POLICIES)
def test_a_listener_that_fails_ends_the_run(policy):
    def listener(number: int, _task: str, _now_s: float) -> None:
        assert number < 20, "far enough"

    run = dst.run(spinners(3, 30), policy, listener=listener)
    assert isinstance(run.error, AssertionError)
    assert run.steps < 40


@pytest.mark.parametrize("batches", [False, True])
def test_a_policy_that_fails_ends_the_run(batches):
    @frozen
    class Broken:
        batches: bool

        def picker(self, _tape: dst.Tape):
            return lambda ready: 1 // (len(ready) - 3)

    run = dst.run(spinners(3, 30), Broken(batches))
    assert isinstance(run.error, ZeroDivisionError)


# --- a trio whose inside is another --------------------------------------------------------------------------


def _another_inside(monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    """As if this trio lacked the name: to `dst` alone, as trio itself would not work."""
    monkeypatch.setattr(deterministic, "_has", lambda name: name != hidden)


@pytest.mark.parametrize("hidden", ["Deadlines.next_deadline", "_r"])
def test_where_trio_cannot_be_controlled_a_run_says_so_and_goes_on(monkeypatch, hidden):
    _another_inside(monkeypatch, hidden)
    with pytest.warns(RuntimeWarning, match=f"has no {hidden}: its tasks run in an order of its own") as told:
        run = dst.run(timeout_race, "walk", 3)
    assert len(told) == 1
    assert (run.value, run.controlled) == ("answered", False)
    assert told[0].filename == __file__, "the warning names who called"


def test_a_seed_decides_there_where_that_much_is_left(monkeypatch):
    _another_inside(monkeypatch, "Runner.runq")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        orders = [tuple(dst.run(spinners(4, 4), "walk", seed).unwrap()) for seed in (1, 1, 2, 3)]
    assert orders[0] == orders[1]
    assert len(set(orders)) > 1


def test_there_too_a_run_comes_to_its_end(monkeypatch):
    _another_inside(monkeypatch, "Runner.runq")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert isinstance(dst.run(_wait_for_ever).error, dst.Deadlock)
        exhausted = dst.run(spinners(2, 100), steps_max=50)
    assert isinstance(exhausted.error, dst.StepsExhausted)
    assert 50 < exhausted.steps < 80


def test_a_warning_is_told_once_for_a_campaign(monkeypatch):
    _another_inside(monkeypatch, "Runner.runq")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for seed in range(5):
            dst.run(spinners(1, 1), "walk", seed)
    assert len(told) == 1


def test_a_trio_that_never_asks_its_generator_is_told(monkeypatch):
    monkeypatch.setattr(simulation, "generator_replaced", lambda _scheduler: nullcontext())
    with pytest.warns(RuntimeWarning, match="never asked its generator"):
        run = dst.run(timeout_race)
    assert (run.value, run.controlled) == ("answered", False)
