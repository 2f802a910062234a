"""Where two zones stand after their exchange, and what lies between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.exchange_geometry import exchange_targets, frames_between_needed

extents = st.integers(1, 50)


@pytest.mark.parametrize(
    ("lower", "upper", "new_lower", "new_upper", "between"),
    [
        (Zone(0, 4), Zone(4, 4), Zone(4, 4), Zone(0, 4), ()),
        (Zone(2, 4), Zone(10, 4), Zone(10, 4), Zone(2, 4), ()),
        (Zone(0, 2), Zone(2, 6), Zone(6, 2), Zone(0, 6), ()),
        (Zone(0, 2), Zone(10, 5), Zone(13, 2), Zone(0, 5), (Zone(2, 3),)),
        (Zone(0, 2), Zone(3, 5), Zone(6, 2), Zone(0, 5), (Zone(2, 1),)),
        (Zone(0, 5), Zone(10, 2), Zone(7, 5), Zone(0, 2), (Zone(7, 3),)),
        (Zone(0, 5), Zone(6, 2), Zone(3, 5), Zone(0, 2), (Zone(5, 1),)),
    ],
)
def test_the_upper_lands_at_the_lowers_origin_and_the_lower_ends_where_the_upper_did(
    lower, upper, new_lower, new_upper, between
):
    assert exchange_targets(lower, upper) == (new_lower, new_upper)
    assert exchange_targets(upper, lower) == (new_upper, new_lower), "in the order given"
    assert frames_between_needed(lower, upper) == frames_between_needed(upper, lower) == between


@given(st.integers(0, 9), extents, st.integers(0, 60), extents, st.booleans())
def test_what_is_needed_between_is_what_the_targets_have_beyond_the_zones(origin, low, gap, high, turned):
    zones = (Zone(origin, low), Zone(origin + low + gap, high))
    zones = zones[::-1] if turned else zones

    def frames(*areas):
        return {frame for area in areas for frame in range(area.origin, area.end)}

    targets = exchange_targets(*zones)
    assert [one.extent for one in targets] == [one.extent for one in zones]
    assert not targets[0].overlaps(targets[1])
    assert frames(*frames_between_needed(*zones)) == frames(*targets) - frames(*zones)
    lower, upper = sorted(targets)
    assert upper.origin - lower.end == gap, "as many frames lie between as before"
    assert exchange_targets(*targets) == zones, "exchanged twice, all is as before"


@pytest.mark.parametrize(
    ("zones", "problem"),
    [((Zone(0, 0), Zone(4, 4)), "at least one frame"), ((Zone(0, 5), Zone(4, 4)), "two zones")],
)
def test_what_are_no_two_zones_is_not_exchanged(zones, problem):
    with pytest.raises(AssertionError, match=problem):
        exchange_targets(*zones)
