"""What a way costs at least: packing, and the cheapest set that must move."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.protocol import plan_bounds
from lparvm.protocol.plan_bounds import NEVER, Bounds, Wanted, fits
from lparvm.protocol.plan_orders import Bodies, Shift, placed

# A (3 frames) at 2, B (2) at 8, C (1) at 11, in 16 frames.
BODIES = Bodies((3, 2, 1, 0, 0), (0, 16))
START = placed(BODIES, (3, 0, 1, 2, 4), (2, 8, 11))
COSTS = (3000, 2000, 1000)


def remains(wanted: Wanted, at=START, touched=0, guess=0, enough=0, limit=NEVER):
    return Bounds(BODIES, wanted, COSTS).remains(at, touched, guess, enough, limit)


def packed(needs: list[int], groups: list[tuple[int, list[int]]]) -> bool:
    """Tries every room for every need."""
    rooms = [(number, room) for number, (_, rooms) in enumerate(groups) for room in rooms]
    for choice in itertools.product(range(len(rooms)), repeat=len(needs)):
        filled, totals = [0] * len(rooms), [0] * len(groups)
        for need, at in zip(needs, choice, strict=True):
            filled[at] += need
            totals[rooms[at][0]] += need
        if all(used <= room for used, (_, room) in zip(filled, rooms, strict=True)) and all(
            used <= total for used, (total, _) in zip(totals, groups, strict=True)
        ):
            return True
    return False


GROUPS = st.lists(
    st.tuples(st.integers(0, 12), st.lists(st.integers(0, 9), min_size=1, max_size=2)), max_size=3
)


@given(st.lists(st.integers(1, 6), max_size=4), GROUPS)
def test_packing_is_as_trying_everything(needs: list[int], groups: list[tuple[int, list[int]]]):
    needs.sort(reverse=True)
    groups = [(min(total, sum(rooms)), rooms) for total, rooms in groups]
    assert fits(needs, groups) == packed(needs, groups)


def test_rooms_of_a_group_share_what_is_free():
    assert fits([4, 4], [(8, [4, 4])])
    assert not fits([4, 4], [(7, [4, 4])]), "either may be 4 frames long, but not both"
    assert fits([4, 4], [(7, [4, 4]), (4, [4])])


def test_packing_that_takes_too_long_may_be_possible(monkeypatch):
    monkeypatch.setattr(plan_bounds, "PLAN_PACKING_TRIALS_MAX", 0)
    assert fits([5, 4, 4], [(7, [7]), (6, [6])]), "it is not known, and a bound must not be too high"
    assert not fits([5, 5, 4], [(7, [7]), (6, [6])]), "there are not even frames enough"


def test_a_room_that_is_there_costs_nothing():
    assert remains(Wanted(4, None)) == (0, 0)


def test_the_cheapest_set_that_makes_room_counts():
    assert remains(Wanted(5, None)) == (1001, 0b100), "C fits elsewhere, and it touches one guest"
    assert remains(Wanted(5, None), touched=0b100) == (1000, 0b100)


def test_an_expansion_moves_those_behind_or_itself():
    assert remains(Wanted(6, 0)) == (0, 0)
    assert remains(Wanted(7, 0))[1] in (0b010, 0b110, 0b001)
    assert remains(Wanted(4, 1)) == (1001, 0b100), "C leaves"


def test_what_fits_nowhere_is_never_reached():
    assert remains(Wanted(11, None)) == (NEVER, 0)
    assert remains(Wanted(5, None), limit=1000) == (NEVER, 0), "too dear is as bad"


def test_what_is_known_already_need_not_be_found():
    assert remains(Wanted(5, None), guess=0b100, enough=1500) == (1500, 0b100)
    assert remains(Wanted(5, None), enough=1500)[0] == 1500


def test_open_positions_give_all_the_room_they_may():
    after = START.after(Shift(2, 0, 1))
    # C between A and B; above B are 6 frames. Next to C are 2 at most, on either side, and not on both.
    assert remains(Wanted(6, None), after) == (0, 0)
    assert remains(Wanted(7, None), after)[0] > 0


@pytest.mark.parametrize("frames", range(1, 17))
def test_more_frames_never_cost_less(frames: int):
    assert remains(Wanted(frames, None))[0] <= remains(Wanted(frames + 1, None))[0]
