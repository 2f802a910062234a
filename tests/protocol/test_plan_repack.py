"""Plans between walls: what a bay lacks, others take."""

import random

from hypothesis import given
from hypothesis import strategies as st

from lparvm.protocol.plan_model import Expand, Free, apply, reached
from lparvm.protocol.plan_repack import plan_by_repacking
from plan_reference import drawn, layout, predict, scattered


def test_a_bay_is_cleared_into_another_one_that_is_packed_first():
    # Below the wall 4 frames are free in 2 pieces: B fits there only after A slid.
    start = layout(16, (2, 2), (8, 3), (12, 3), retired=(6,))
    plan = plan_by_repacking(start, Free(6), predict)
    assert [step.lpar for step in plan.steps][:2] == ["A", "B"]
    assert reached(plan.layouts[-1], Free(6))


def test_one_that_is_to_grow_comes_to_the_bay_or_stays():
    start = layout(16, (2, 2), (8, 3), (12, 3), retired=(6,))
    for goal in (Expand("A", 6), Expand("B", 6)):
        plan = plan_by_repacking(start, goal, predict)
        assert plan is not None, f"{goal} is possible"
        assert reached(plan.layouts[-1], goal)


def test_one_that_cannot_move_grows_into_the_bay_behind_it():
    start = layout(16, (0, 2), (3, 3), (8, 3), retired=(7,), fixed="A")
    plan = plan_by_repacking(start, Expand("A", 4), predict)
    assert {step.lpar for step in plan.steps} == {"B"}
    assert plan_by_repacking(layout(9, (0, 2), (3, 3), fixed="AB"), Expand("A", 4), predict) is None


def test_what_fits_in_no_other_bay_stays():
    assert plan_by_repacking(layout(11, (0, 3), (7, 3), retired=(5,)), Free(4), predict) is None


@given(st.randoms(use_true_random=False), st.integers(1, 6), st.integers(12, 24), st.integers(0, 3))
def test_each_plan_is_valid(generator, lpars, frames, retired):
    start, goal = drawn(
        generator, lpars, frames, frames // (2 * lpars) or 1, retired, generator.choice([0, 0.3])
    )
    plan = plan_by_repacking(start, goal, predict) if not reached(start, goal) else None
    at = start
    for step in plan.steps if plan else ():
        at = apply(at, step)
    assert plan is None or reached(at, goal), f"{plan} does not reach {goal}"


def test_without_walls_it_always_works():
    for seed in range(5):
        start, goal = scattered(random.Random(seed), 12, 10_000, 0.9)
        assert plan_by_repacking(start, goal, predict) is not None, (
            f"seed {seed}: everything slides for {goal}"
        )
