"""Plans for many: jumps, slides and both, in places that are tried in their order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.config import PLAN_LOOKS_MAX
from lparvm.protocol import plan_windows
from lparvm.protocol.plan_model import Expand, Free, Move, Plan, apply, reached
from lparvm.protocol.plan_windows import plan_by_windows
from plan_reference import drawn, layout, predict, scattered


def steps(start, goal):
    plan = plan_by_windows(start, goal, predict)
    return None if plan is None else plan.steps


def test_what_is_in_a_window_jumps_to_the_smallest_gap_that_holds_it():
    start = layout(16, (0, 2), (4, 2), (8, 2), (13, 3))
    assert steps(start, Free(5)) in [(Move("B", 2),), (Move("C", 2),), (Move("B", 10),), (Move("A", 2),)]
    assert plan_by_windows(start, Free(5), predict).cost.moved_bytes == 2 * 4096


def test_where_nothing_fits_elsewhere_all_slide():
    start = layout(14, (1, 3), (5, 3), (9, 3))
    plan = plan_by_windows(start, Free(5), predict)
    assert reached(plan.layouts[-1], Free(5))
    assert [one.name for one in plan.layouts[-1].zones] == ["A", "B", "C"], "they keep their order"


def test_one_that_is_to_grow_slides_with_the_others():
    start = layout(14, (1, 3), (5, 3), (9, 3))
    assert [step.lpar for step in steps(start, Expand("B", 8))] == ["A", "C", "B"]


def test_one_that_is_to_grow_may_jump_last():
    start = layout(14, (0, 1), (1, 2), (4, 2), fixed="BC")
    assert steps(start, Expand("A", 8)) == (Move("A", 6),)


def test_one_that_cannot_move_grows_where_it_is():
    assert steps(layout(12, (1, 3), (5, 2), fixed="A"), Expand("A", 6)) == (Move("B", 7),)
    assert steps(layout(12, (1, 3), (5, 2), retired=(2,)), Expand("A", 6)) == (Move("B", 7),)


def test_walls_are_left_alone():
    assert steps(layout(12, (2, 2), (6, 1), fixed="B"), Free(7)) is None
    assert steps(layout(12, (2, 2), retired=(6,)), Free(7)) is None


@given(st.randoms(use_true_random=False), st.integers(1, 6), st.integers(12, 24), st.integers(0, 2))
def test_each_plan_is_valid(generator, lpars, frames, retired):
    start, goal = drawn(
        generator, lpars, frames, frames // (2 * lpars) or 1, retired, generator.choice([0, 0.3])
    )
    plan = plan_by_windows(start, goal, predict) if not reached(start, goal) else None
    at = start
    for step in plan.steps if plan else ():
        at = apply(at, step)
    assert plan is None or reached(at, goal), f"{plan} does not reach {goal}"


def test_windows_at_every_frame_find_nothing_that_these_miss(monkeypatch):
    """The places tried are enough: with all origins as places no plan is cheaper in its ways."""
    generator = random.Random(4)
    drawn_ones = [drawn(generator, 5, 20, 3) for _ in range(60)]
    few = [plan_by_windows(*one, predict) for one in drawn_ones if not reached(*one)]
    monkeypatch.setattr(plan_windows._Clearing, "_edges", lambda self, frames: set(range(self.frame_count)))
    all_ = [plan_by_windows(*one, predict) for one in drawn_ones if not reached(*one)]
    missed = sum(
        every is not None and (one is None or every.cost.moved_bytes < one.cost.moved_bytes)
        for one, every in zip(few, all_, strict=True)
    )
    assert missed == 0, f"{missed} of {len(few)} plans are cheaper with a place at each frame"


def test_the_best_so_far_is_taken_when_looks_run_out(monkeypatch):
    start, goal = scattered(random.Random(3), 64, 100_000, 0.9)
    assert PLAN_LOOKS_MAX > 10_000
    full = plan_by_windows(start, goal, predict)
    monkeypatch.setattr(plan_windows, "_Clearing", lambda *args: KEPT(*args, looks_left=20_000))
    hasty = plan_by_windows(start, goal, predict)
    assert isinstance(full, Plan)
    assert hasty is None or hasty.cost.weighed >= full.cost.weighed


KEPT = plan_windows._Clearing


@pytest.mark.parametrize("lpars", [1, 2, 5])
def test_full_storage_packs_to_either_side(lpars: int):
    zones = [(3 * number + 1, 2) for number in range(lpars)]
    start = layout(3 * lpars, *zones)
    assert reached(plan_by_windows(start, Free(lpars), predict).layouts[-1], Free(lpars)) or lpars == 1
