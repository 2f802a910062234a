"""Arrangements: what stays open, what steps demand, and the positions that come of it."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.protocol.plan_orders import Bodies, Demand, Shift, Swap, placed, settled

# A (3 frames) at 2, B (2) at 8, C (1) at 11, in 16 frames; body 3 is the lower end of storage, 4 the upper.
BODIES = Bodies((3, 2, 1, 0, 0), (0, 16))
ORIGINS = (2, 8, 11)
START = placed(BODIES, (3, 0, 1, 2, 4), ORIGINS)


def test_what_is_in_its_place_leaves_one_distance():
    assert [START.room(*pair) for pair in ((3, 0), (0, 1), (1, 2), (2, 4), (3, 4))] == [2, 3, 1, 4, 16]


def test_a_move_leaves_its_position_open():
    after = START.after(Shift(2, 0, 1))
    assert after.order == (3, 0, 2, 1, 4)
    assert (after.room(0, 2), after.room(2, 1)) == (2, 2), (
        "C stands at either end of the 3 frames, or between"
    )
    assert after.room(0, 1) == 3, "A and B are where they were"


def test_what_is_open_is_decided_by_what_comes_after():
    at = START.after(Shift(2, 0, 1)).after(Shift(1, 2, 4))
    # C must leave room for nothing; B, 2 frames, went anywhere above it.
    assert at.order == (3, 0, 2, 1, 4)
    assert at.room(2, 1) == 16 - 2 - 1 - 5, "C next to A, B at the end"


def test_a_step_binds_what_was_open_before():
    bodies = Bodies((1, 2, 2, 0, 0), (0, 8))
    at = placed(bodies, (3, 0, 1, 2, 4), (0, 4, 6)).after(Shift(0, 3, 1))
    assert at.room(0, 1) == 3, "A stands anywhere in the first 4 frames"
    at = at.after(Shift(2, 3, 0))
    assert at.room(2, 0) == 1, "A left 2 frames for C below it, so it stands 1 above at most"
    assert at.room(3, 0) == 3


def test_an_exchange_demands_the_frames_that_it_reaches_into():
    bodies = Bodies((1, 2, 3, 0, 0), (0, 12))
    at = placed(bodies, (3, 0, 1, 2, 4), (0, 2, 6))
    assert Swap(0, 2) not in set(at.changes()), "C, 3 frames, would reach into B"
    at = at.after(Shift(1, 0, 2))
    assert Swap(0, 2) in set(at.changes()), "B may stand where it isn't reached"
    after = at.after(Swap(0, 2))
    assert after.order == (3, 2, 1, 0, 4)
    assert (after.room(3, 2), after.room(0, 4)) == (0, 3), "C begins where A began, and A ends where C ended"


def test_positions_are_as_low_as_all_steps_allow():
    changes = [Shift(2, 0, 1), Shift(1, 2, 4)]
    assert settled(START, ORIGINS, changes, Demand(2, 1, 5)) == [5, 10], "C next to A, and B as demanded"
    assert settled(START, ORIGINS, changes, Demand(0, 2, 5)) == [7, 8], "C leaves room for 2 more behind A"


@settings(max_examples=100)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_whatever_is_told_can_be_had(seed: int, steps: int):
    """Walks through arrangements, lets positions follow, and carries the steps out with these."""
    generator = random.Random(seed)
    at, changes = START, []
    for _ in range(steps):
        changes.append(generator.choice(list(at.changes())))
        at = at.after(changes[-1])
    lower, upper = at.order[1], at.order[2]
    wanted = at.room(lower, upper)
    targets = settled(START, ORIGINS, changes, Demand(lower, upper, BODIES.extents[lower] + wanted))
    origins = [*ORIGINS, *BODIES.walls]
    for change, target in zip(changes, targets, strict=True):
        if isinstance(change, Shift):
            origins[change.one] = target
        else:
            low, high = change
            origins[low], origins[high] = (
                origins[high] + BODIES.extents[high] - BODIES.extents[low], origins[low],
            )  # fmt: skip
        order = sorted(range(3), key=lambda body: origins[body])
        ends = [0] + [origins[body] + BODIES.extents[body] for body in order]
        begins = [origins[body] for body in order] + [16]
        told = f"{changes} at {targets}"
        assert all(end <= begin for end, begin in zip(ends, begins, strict=True)), (
            f"{origins} overlap: {told}"
        )
    assert origins[upper] - origins[lower] - BODIES.extents[lower] >= wanted, "the room told is there"


def test_only_an_arrangement_with_all_positions_covers():
    wide = START.after(Shift(2, 0, 1))
    narrow = wide.after(Shift(1, 2, 4)).after(Shift(1, 2, 4))
    assert wide.covers(wide)
    assert narrow.covers(wide)
    assert not wide.covers(narrow), "B is open there, and not here"
