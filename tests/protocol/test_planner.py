"""The planner: exact where it says so, against a search over every frame; valid and bounded where it doesn't."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.config import PLAN_LOOKS_MAX, PLAN_NODES_MAX, PLAN_PACKINGS_A_NODE
from lparvm.protocol import plan_search, planner
from lparvm.protocol.plan_model import Exchange, Expand, Free, Move, NoPlan, Plan, apply, reached
from lparvm.protocol.plan_windows import plan_by_windows
from lparvm.protocol.planner import find_plan
from plan_reference import Exhausted, Reference, drawn, layout, predict, scattered


def check(start, goal, looks: int = 60_000) -> Plan | NoPlan:
    """A plan that was compared with the reference, if there is time for that."""
    found = find_plan(start, goal, predict)
    at = start
    for step in found.steps if isinstance(found, Plan) else ():
        at = apply(at, step)
    if isinstance(found, Plan):
        assert reached(at, goal), f"the steps of {found} don't reach {goal} from {start}"
    try:
        least = Reference(start, goal).least(looks)
    except Exhausted:
        return found
    mine = found.cost.weighed if isinstance(found, Plan) else None
    certain = found.exact if isinstance(found, Plan) else found.proven
    assert certain, f"{start} is small enough to be certain about {goal}"
    assert mine == least, f"{goal} from {start}: {found} costs {mine}, and {least} would do"
    return found


@settings(max_examples=150)
@given(
    st.randoms(use_true_random=False), st.integers(1, 4), st.integers(8, 14), st.integers(1, 4),
    st.integers(0, 2), st.sampled_from([0.0, 0.3]),
)  # fmt: skip
def test_no_sequence_over_all_frames_costs_less(generator, lpars, frames, largest, retired, fixed):
    check(*drawn(generator, lpars, frames, min(largest, frames // lpars), retired, fixed))


@pytest.mark.parametrize("seed", range(8))
def test_a_sweep_finds_the_same_costs(seed: int):
    generator = random.Random(seed)
    for _ in range(40):
        lpars, frames = generator.randint(2, 5), generator.randint(9, 12)
        largest = min(4, frames // lpars)
        check(
            *drawn(
                generator, lpars, frames, largest, generator.choice([0, 0, 1, 2]), generator.choice([0, 0.3])
            )
        )


@pytest.mark.parametrize("frames", [10, 11, 12])
def test_eight_lpars_are_planned_exactly(frames: int):
    generator = random.Random(frames)
    for _ in range(40):
        check(*drawn(generator, 8, frames, 1 if frames < 11 else 2, generator.choice([0, 0, 1])), looks=4_000)


def test_every_layout_of_three_is_planned_exactly():
    # All ways to place 1, 2 and 3 frames in this order among 9, and all goals.
    for first in range(4):
        for second in range(first + 1, 5):
            for third in range(second + 2, 7):
                start = layout(9, (first, 1), (second, 2), (third, 3))
                for frames in (2, 3):
                    check(start, Free(frames))
                check(start, Expand("A", 3))
                check(start, Expand("B", 5))


@pytest.mark.parametrize(
    ("start", "goal", "pages"),
    [
        # An exchange lands where its partner ends: C must stand one frame from the end of its gap for it.
        (layout(12, (0, 3), (8, 2), (4, 2), retired=(3, 10)), Expand("A", 4), 7),
        # A must stand where there is room behind it only after others have left.
        (layout(14, (1, 3), (6, 3), (11, 2), (9, 2)), Expand("A", 7), 8),
        (layout(14, (10, 3), (4, 2), (2, 2), (0, 1)), Expand("D", 7), 6),
        (layout(14, (0, 1), (1, 4), (9, 3), (6, 1), (12, 1), retired=(5,)), Expand("B", 7), 11),
    ],
)
def test_the_best_place_may_be_at_no_end_of_a_gap(start, goal, pages):
    found = check(start, goal)
    assert found.cost.moved_bytes == pages * 4096


def test_an_exchange_is_used_where_it_is_cheapest():
    start = layout(12, (0, 3), (8, 2), (4, 2), retired=(3, 10))
    found = check(start, Expand("A", 4))
    assert found.steps == (Move("C", 5), Exchange("A", "C")), "A could not leave its bay otherwise"


def test_without_room_between_walls_there_is_no_plan():
    for start, goal in (
        (layout(8, (0, 3), (4, 2), retired=(7,)), Free(3)),
        (layout(10, (0, 2), (2, 3), (6, 3), retired=(5, 9)), Free(2)),
    ):
        assert isinstance(check(start, goal), NoPlan), f"{goal} from {start}"


def test_room_that_is_there_already_needs_no_step():
    found = find_plan(layout(12, (0, 3)), Free(9), predict)
    assert (found.steps, found.exact) == ((), True)


def test_too_little_in_all_is_said_so():
    found = find_plan(layout(12, (0, 3), (5, 3)), Free(7), predict)
    assert found == NoPlan("28K are wanted, and 24K are free in all", proven=True)
    found = find_plan(layout(12, (0, 3), (5, 3)), Expand("A", 10), predict)
    assert found == NoPlan("28K are wanted, and 24K are free in all", proven=True)


def test_walls_that_leave_no_place_are_said_so():
    found = find_plan(layout(12, (5, 2), retired=(3, 9)), Free(6), predict)
    assert found == NoPlan("what can't be moved, and frames out of use, leave no such room", proven=True)


def test_what_can_not_be_packed_is_proven():
    # Either bay could be the room, but then the other one would have to take both LPARs.
    found = check(layout(11, (0, 3), (7, 3), retired=(5,)), Free(4))
    assert found == NoPlan("no sequence of moves and exchanges makes the room", proven=True)


def test_an_lpar_that_cannot_move_grows_where_it_is():
    for start in (layout(12, (1, 3), (5, 2), fixed="A"), layout(12, (1, 3), (5, 2), retired=(2,))):
        found = check(start, Expand("A", 6))
        assert [step.lpar for step in found.steps] == ["B"], f"only B is in the way: {found}"
    assert isinstance(check(layout(12, (1, 3), (5, 2), fixed="AB"), Expand("A", 6)), NoPlan)
    assert isinstance(check(layout(12, (1, 1), (2, 2), retired=(1,)), Expand("A", 12)), NoPlan)


def test_a_search_that_was_ended_does_not_claim_to_be_exact(monkeypatch):
    monkeypatch.setattr(planner, "PLAN_NODES_MAX", 1)
    monkeypatch.setattr(planner, "PLAN_HASTY_NODES_MAX", 1)
    start = layout(14, (10, 3), (4, 2), (2, 2), (0, 1))
    found = find_plan(start, Expand("D", 7), predict)
    assert isinstance(found, Plan)
    assert not found.exact
    monkeypatch.setattr(planner, "plan_by_windows", lambda *_: None)
    monkeypatch.setattr(planner, "plan_by_repacking", lambda *_: None)
    found = find_plan(start, Expand("D", 7), predict)
    assert found == NoPlan("none was found among 1 arrangements", proven=False)


def test_haste_finds_what_care_has_no_time_for(monkeypatch):
    monkeypatch.setattr(planner, "plan_by_windows", lambda *_: None)
    monkeypatch.setattr(planner, "plan_by_repacking", lambda *_: None)
    monkeypatch.setattr(planner, "PLAN_NODES_MAX", 1)
    found = find_plan(layout(14, (10, 3), (4, 2), (2, 2), (0, 1)), Expand("D", 7), predict)
    assert isinstance(found, Plan)
    assert not found.exact, "the first one that haste found need not be the cheapest"


def test_nearly_all_hard_layouts_of_eight_are_proven():
    unproven = 0
    for seed in range(12):
        found = find_plan(*scattered(random.Random(seed), 8, 10_000, 0.7), predict)
        unproven += not found.exact
    assert unproven <= 1, f"{unproven} of 12 were not proven"


def test_stopped_time_decides_between_plans_of_the_same_size():
    # Either of two equal LPARs may leave; B has no guest processors that would stand still.
    start = layout(12, (1, 2), (5, 2), (9, 3))
    zones = tuple(one if one.name != "B" else type(one)("B", one.zone) for one in start.zones)
    found = find_plan(type(start)(12, zones), Free(3), predict)
    assert {name for step in found.steps for name in (step.lpar,)} == {"B"}
    assert found.cost.stopped_ns == 0


def test_the_same_layout_has_the_same_plan():
    for seed in range(5):
        first, second = (find_plan(*scattered(random.Random(seed), 8, 5000, 0.8), predict) for _ in range(2))
        assert first == second


# --- many LPARs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filled", [0.5, 0.8, 0.95])
def test_64_lpars_without_walls_always_have_a_plan(filled: float):
    for seed in range(2):
        start, goal = scattered(random.Random(seed), 64, 100_000, filled)
        found = find_plan(start, goal, predict)
        assert isinstance(found, Plan), f"seed {seed}: without walls all can slide together for {goal}"
        assert reached(found.layouts[-1], goal)
        assert len(found.steps) <= 2 * 64, f"seed {seed}: {len(found.steps)} steps"


def test_all_that_is_free_can_be_had_in_one_piece():
    for seed in range(2):
        start, _ = scattered(random.Random(seed), 64, 100_000, 0.9)
        free = sum(gap.extent for gap in start.gaps())
        assert isinstance(find_plan(start, Free(free), predict), Plan), f"seed {seed}"
        name = start.zones[seed * 40].name
        goal = Expand(name, start.of(name).zone.extent + free)
        assert isinstance(find_plan(start, goal, predict), Plan), f"seed {seed}: {goal}"


def test_walls_seldom_prevent_a_plan_of_64():
    without = 0
    for seed in range(8):
        start, goal = scattered(random.Random(seed), 64, 100_000, 0.7, retired=2)
        without += isinstance(find_plan(start, goal, predict), NoPlan)
    assert without <= 1, f"{without} of 8 have no plan, and nearly all could have one"


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(9, 20), st.sampled_from([0.5, 0.8, 0.95]), st.integers(0, 3),
       st.sampled_from([0.0, 0.2]))  # fmt: skip
def test_whatever_is_planned_for_many_is_valid(seed, lpars, filled, retired, fixed):
    start, goal = scattered(random.Random(seed), lpars, 400, filled, retired, fixed)
    found = find_plan(start, goal, predict)
    if isinstance(found, Plan):
        at = start
        for step in found.steps:
            at = apply(at, step)
        assert reached(at, goal)


def test_plans_for_many_are_near_the_best():
    ratios = []
    for seed in range(30):
        start, goal = scattered(random.Random(seed), 8, 5000, 0.6)
        best = find_plan(start, goal, predict)
        if isinstance(best, Plan) and best.exact and best.steps:
            quick = plan_by_windows(start, goal, predict)
            ratios.append(quick.cost.moved_bytes / best.cost.moved_bytes)
    assert sum(ratios) / len(ratios) < 1.4, f"windows move too much: {ratios}"
    assert sum(ratio == 1 for ratio in ratios) > len(ratios) / 2


@pytest.mark.parametrize("filled", [0.5, 0.95])
def test_looks_are_counted(filled: float, monkeypatch):
    from lparvm.protocol import plan_windows

    made = []
    kept = plan_windows._Clearing

    def clearing(*args):
        made.append(kept(*args))
        return made[-1]

    monkeypatch.setattr(plan_windows, "_Clearing", clearing)
    start, goal = scattered(random.Random(1), 64, 100_000, filled)
    plan_windows.plan_by_windows(start, goal, predict)
    # The last place begun may take it below 0, by what one place costs.
    assert -10_000 < made[0].looks_left < PLAN_LOOKS_MAX


def test_arrangements_and_packings_are_counted(monkeypatch):
    made = []
    kept = plan_search.Bounds

    def bounds(*args):
        made.append(kept(*args))
        return made[-1]

    monkeypatch.setattr(plan_search, "Bounds", bounds)
    for seed in range(3):
        find_plan(*scattered(random.Random(seed), 8, 5000, 0.9), predict)
    # The last bound begun may ask for each set of 8 LPARs, twice.
    most = PLAN_NODES_MAX * PLAN_PACKINGS_A_NODE + 512
    assert max(one.packings for one in made) <= most, f"{[one.packings for one in made]} packings"
