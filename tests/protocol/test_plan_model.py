"""Layouts, goals, steps and costs, as the planner sees them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.errors import ProtocolError
from lparvm.protocol.plan_model import (
    Cost,
    Exchange,
    Expand,
    Free,
    Move,
    apply,
    leaving,
    lpars_of,
    plan_of,
    reached,
    room_for,
    windows_of,
)
from plan_reference import layout, predict

SPREAD = layout(20, (2, 4), (8, 2), (12, 4), retired=(18,))


def test_gaps_are_between_zones_and_frames_out_of_use():
    assert SPREAD.gaps() == (Zone(0, 2), Zone(6, 2), Zone(10, 2), Zone(16, 2), Zone(19, 1))
    assert SPREAD.gaps("B") == (Zone(0, 2), Zone(6, 6), Zone(16, 2), Zone(19, 1)), (
        "what B holds counts as free"
    )


def test_an_lpar_with_a_frame_out_of_use_cannot_move():
    faulty = layout(20, (2, 4), (8, 2), retired=(9,))
    assert [faulty.may_move(one) for one in faulty.zones] == [True, False]
    with pytest.raises(ProtocolError, match="B can't be moved"):
        apply(faulty, Move("B", 14))


def test_a_move_may_overlap_its_own_old_frames():
    after = apply(SPREAD, Move("A", 4))
    assert [one.zone for one in after.zones] == [Zone(4, 4), Zone(8, 2), Zone(12, 4)]


def test_zones_stay_in_order_of_origin():
    assert [one.name for one in apply(SPREAD, Move("B", 0)).zones] == ["B", "A", "C"]


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (Move("A", 5), "has frames of B"),
        (Move("C", 17), "ends past storage"),
        (Move("B", 17), "has a faulty frame"),
        (Exchange("B", "C"), None),
        (Exchange("A", "B"), None),
    ],
)
def test_what_the_machine_would_refuse_is_refused(step, problem):
    if problem is None:
        apply(SPREAD, step)
        return
    with pytest.raises(ProtocolError, match=problem):
        apply(SPREAD, step)


def test_an_exchange_lands_at_the_outer_ends():
    after = apply(layout(12, (0, 4), (6, 2)), Exchange("A", "B"))
    assert {one.name: one.zone for one in after.zones} == {"B": Zone(0, 2), "A": Zone(4, 4)}


def test_an_exchange_needs_the_gap_it_reaches_into():
    # C is 3 frames long: at A's place it would reach into B.
    with pytest.raises(ProtocolError, match="has frames of B"):
        apply(layout(12, (0, 1), (2, 2), (6, 3)), Exchange("A", "C"))


def test_an_expansion_needs_only_what_is_behind():
    assert room_for(layout(12, (2, 4), (8, 2)), Expand("A", 6)) == Zone(2, 6)
    assert room_for(layout(12, (2, 4), (8, 2)), Expand("A", 7)) is None
    assert room_for(layout(12, (2, 4)), Expand("A", 11)) is None, "storage ends before"


def test_a_frame_out_of_use_inside_is_no_hindrance_to_grow():
    assert reached(layout(12, (2, 4), retired=(3,)), Expand("A", 8)), (
        "EXPAND takes what is behind; it has its own"
    )
    assert not reached(layout(12, (2, 4), retired=(7,)), Expand("A", 8))


def test_free_room_is_the_first_that_is_long_enough():
    assert room_for(SPREAD, Free(2)) == Zone(0, 2)
    assert room_for(SPREAD, Free(3)) is None


def test_what_must_leave_a_window():
    assert leaving(SPREAD, Zone(5, 4), ()) == 6, "A and B overlap it"
    assert leaving(SPREAD, Zone(5, 4), ("A",)) == 2
    assert leaving(SPREAD, Zone(17, 2), ()) is None, "frame 18 is out of use"
    assert leaving(SPREAD, Zone(18, 4), ()) is None, "it ends past storage"
    assert leaving(layout(12, (2, 4), fixed="A"), Zone(0, 3), ()) is None, "A can't leave"


@given(st.integers(1, 19), st.integers(0, 19))
def test_no_place_is_better_than_the_windows(frames: int, origin: int):
    least = min((cost for cost, _ in windows_of(SPREAD, frames, ())), default=None)
    here = leaving(SPREAD, Zone(origin, frames), ())
    assert here is None or (least is not None and least <= here), f"{frames} at {origin} cost less"


def test_bytes_come_before_time_and_time_before_guests():
    assert Cost(4096, 0, 0).weighed > Cost(0, 10**12, 64).weighed
    assert Cost(0, 1, 0).weighed > Cost(0, 0, 64).weighed


def test_a_plan_is_what_its_steps_lead_to():
    steps = (Move("B", 0), Exchange("A", "C"))
    plan = plan_of(SPREAD, Free(4), steps, predict, exact=False)
    assert len(plan.layouts) == 3
    assert plan.cost.moved_bytes == (2 + 8) * 4096
    assert plan.cost.guests == 3
    one, two = predict("move", 2), predict("exchange", 8)
    assert plan.stops == (one, two)
    assert plan.cost.stopped_ns == one.expected_ns + 2 * two.expected_ns, "both guests stand in an exchange"
    assert lpars_of(steps[1]) == ("A", "C")
