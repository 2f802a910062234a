"""Exact replays; jumps of the clock and freezes, which come only where they are chosen."""

from collections import Counter
from itertools import groupby

import pytest
import trio

from dst_programs import lag, mixture, spinners, steps, timeout_race
from lparvm import dst
from lparvm.dst.windows import FREEZE_NS

POLICIES = ["walk", "pct:3", "delay:3", "fifo", "seeded"]


def _followed(**options):
    """A run, and each step of it."""
    told = []
    run = dst.run(mixture, listener=lambda *step: told.append(step), **options)
    return run, (told, run.unwrap(), run.steps, run.virtual_s, run.tape.choices)


def _wild(policy: str) -> tuple[dst.Run, object]:
    """A run in which the clock jumps and, where the policy has freezes, a task is frozen."""
    for seed in range(200):
        run, followed = _followed(policy=policy, seed=seed, chaos=dst.Chaos(jumps=100, freezes=100))
        kinds = {"clock"} if policy == "seeded" else {"clock", "freeze"}
        if kinds <= run.tape.choices.keys():
            return run, followed
    raise AssertionError(f"no run in 200 has jumps and freezes by {policy}")


def test_replays_are_exact_100_times_in_100():
    for policy in POLICIES:
        run, expected = _wild(policy)
        for number in range(20):
            again, followed = _followed(tape=run.tape.again())
            assert followed == expected, f"replay {number} of a run by {policy} went another way"
            assert again.controlled


@pytest.mark.sweep
@pytest.mark.parametrize("policy", POLICIES)
def test_replays_of_many_seeds_are_exact(policy):
    for seed in range(500):
        run, expected = _followed(policy=policy, seed=seed, chaos=dst.Chaos(jumps=60, freezes=60))
        assert _followed(tape=run.tape.again())[1] == expected, f"seed {seed} of {policy} replays another way"


def test_a_replay_from_a_file_is_exact(tmp_path):
    run, expected = _wild("walk")
    run.tape.save(tmp_path / "tape")
    again, followed = _followed(policy=f"replay:{tmp_path / 'tape'}")
    assert (followed, str(again.policy)) == (expected, "replay")


def test_the_same_seed_is_the_same_run_and_another_is_another():
    runs = [_followed(policy="walk", seed=seed)[1] for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_a_tape_that_draws_follows_the_policy_like_a_seed():
    for policy in POLICIES:
        by_tape, by_seed = (
            _followed(policy=policy, **how)[1] for how in ({"tape": dst.Tape(4)}, {"seed": 4})
        )
        assert by_tape == by_seed, policy


def test_steps_are_told_in_order_and_all_of_them():
    for policy in POLICIES:
        told: list[int] = []
        run = dst.run(spinners(3, 50), policy, listener=lambda number, *_, told=told: told.append(number))
        assert told == list(range(1, run.steps + 1)), policy


# --- jumps ---------------------------------------------------------------------------------------------------


def _outcomes(chaos: dst.Chaos, seeds: int) -> Counter[str]:
    return Counter(dst.run(timeout_race, "walk", seed, chaos=chaos).unwrap() for seed in range(seeds))


def test_without_jumps_a_timeout_never_races_with_work():
    assert _outcomes(dst.Chaos(), 40).keys() == {"answered"}


def test_with_jumps_a_timeout_comes_before_at_and_after_its_answer():
    outcomes = _outcomes(dst.Chaos(jumps=100), 120)
    assert outcomes.keys() == {"answered", "tied", "timed out"}, outcomes


def test_a_jump_that_would_be_too_far_is_none():
    far = dst.Chaos(jumps=100, jump_max_s=0.0009)
    runs = [dst.run(timeout_race, "fifo", seed, chaos=far) for seed in range(20)]
    assert {run.unwrap() for run in runs} == {"answered"}
    assert all(not run.tape.choices for run in runs), "nor is it on the tape"


def test_a_timeout_of_nothing_strikes_at_the_next_checkpoint():
    async def main(_tape: dst.Tape) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(steps, 30)
            await steps(3)
            with trio.move_on_after(0) as scope:
                await trio.lowlevel.checkpoint()
            assert scope.cancelled_caught, "as trio promises"

    for policy in POLICIES:
        dst.run(main, policy).unwrap()


# --- freezes -------------------------------------------------------------------------------------------------


async def _two(tape: dst.Tape) -> tuple[str, float]:
    """Two that spin: who took the steps, and when both were done."""
    del tape
    order = ""

    async def spin(name: str) -> None:
        nonlocal order
        for _ in range(40):
            order += name
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(spin, "a", name="a")
        nursery.start_soon(spin, "b", name="b")
    return order, trio.current_time()


def _frozen(names: str) -> dst.Run[tuple[str, float]]:
    """A run in which one of them was frozen, long before its end."""
    for seed in range(60):
        run = dst.run(_two, "fifo", seed, chaos=dst.Chaos(freezes=100, freezable=lambda name: name in names))
        if 0 < run.tape.choices.get("freeze", (0,))[0] < 60 * len(FREEZE_NS):
            return run
    raise AssertionError("nothing was frozen in 60 runs")


def test_while_one_is_frozen_the_others_go_on():
    order, now_s = _frozen("ab").unwrap()
    longest = max(len(list(group)) for _, group in groupby(order))
    assert longest > 1, f"without a freeze they alternate, and so they do here: {order}"
    assert now_s >= 1e-5, "it was frozen for a while of virtual time"


def test_who_may_not_be_frozen_is_not():
    run = _frozen("b")
    assert "aa" in run.unwrap()[0], "only b stood still"
    assert "bb" not in run.unwrap()[0].rstrip("b")
    for seed in range(20):
        spared = dst.run(_two, "fifo", seed, chaos=dst.Chaos(freezes=100, freezable=lambda _name: False))
        assert spared.tape.choices == {}, (
            "a freeze that had no effect is none, so that it doesn't come in a replay"
        )


def test_a_run_that_is_calm_goes_round_and_thaws_who_was_frozen():
    async def main(tape: dst.Tape) -> tuple[str, float]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(steps, 300, name="sloth")
            await steps(tape.stream("when").between(1, 60))
            dst.calm()
        began_s = trio.current_time()
        order, _ = await _two(tape)
        return order, began_s

    thawed = 0
    for seed in range(40):
        run = dst.run(main, "walk", seed, chaos=dst.Chaos(freezes=100, freezable="sloth".__eq__))
        order, began_s = run.unwrap()
        thawed += "freeze" in run.tape.choices
        assert order == "ab" * 40, f"seed {seed}: first come, first served"
        assert began_s == 0.0, f"seed {seed}: nobody waited for the end of a freeze"
    assert thawed, "in no run was there anything to thaw"


def test_in_a_run_that_is_calm_the_clock_does_not_jump():
    async def main(tape: dst.Tape) -> str:
        dst.calm()
        return await timeout_race(tape)

    outcomes = {dst.run(main, "walk", seed, chaos=dst.Chaos(jumps=100)).unwrap() for seed in range(30)}
    assert outcomes == {"answered"}


def test_calm_outside_of_a_run_does_nothing():
    dst.calm()


def test_a_run_in_another_thread_is_left_alone():
    async def other() -> int:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(steps, 20)
        return 5

    async def main(_tape: dst.Tape) -> int:
        return await trio.to_thread.run_sync(trio.run, other)

    run = dst.run(main)
    assert run.unwrap() == 5, "who waits for a thread is in no deadlock"
    assert run.steps < 50, f"{run.steps} steps: those of the other run are none of this one"


def test_trio_is_left_as_it_was():
    private = trio._core._run
    before = private._r, private._ALLOW_DETERMINISTIC_SCHEDULING
    dst.run(lag(1), "seeded")
    assert (private._r, private._ALLOW_DETERMINISTIC_SCHEDULING) == before
