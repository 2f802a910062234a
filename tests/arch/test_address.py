import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import PAGE_BYTES, Zone, frames_of

ZONES = st.builds(Zone, st.integers(0, 40), st.integers(0, 40))
LARGE = st.integers(0, 1 << 28)


def _frames(zone: Zone) -> set[int]:
    return set(range(zone.origin, zone.end))


@given(ZONES, ZONES)
def test_zones_overlap_where_a_frame_lies_in_both(one: Zone, other: Zone):
    assert one.overlaps(other) == bool(_frames(one) & _frames(other))
    assert one.overlaps(other) == other.overlaps(one)


@given(ZONES, ZONES.filter(lambda zone: zone.extent))
def test_a_zone_contains_another_where_it_has_all_its_frames(one: Zone, other: Zone):
    assert one.contains(other) == (_frames(other) <= _frames(one))


@given(ZONES, ZONES)
def test_what_is_left_of_a_zone_is_the_difference_of_its_frames(one: Zone, other: Zone):
    left = one.minus(other)
    assert set().union(*map(_frames, left)) == _frames(one) - _frames(other)
    assert sum(zone.extent for zone in left) == len(_frames(one) - _frames(other)), (
        "no frame stands in two parts"
    )
    assert all(zone.extent for zone in left), "no part is empty"
    assert list(left) == sorted(left), "parts ascend"
    assert len(left) <= 2


@given(LARGE, LARGE)
def test_a_zone_of_bytes_gives_the_bytes_back(origin: int, extent: int):
    zone = Zone.from_bytes(origin * PAGE_BYTES, extent * PAGE_BYTES)
    assert zone == Zone(origin, extent)
    assert (zone.origin_bytes, zone.extent_bytes) == (origin * PAGE_BYTES, extent * PAGE_BYTES)


@given(st.integers(0, 1 << 50).filter(lambda size_bytes: size_bytes % PAGE_BYTES))
def test_what_is_no_multiple_of_a_page_has_no_frames(size_bytes: int):
    with pytest.raises(ValueError, match="is not a multiple of 4096"):
        frames_of(size_bytes)


@pytest.mark.parametrize(("origin", "extent"), [(-1, 1), (0, -1)])
def test_a_zone_has_no_negative_frames(origin: int, extent: int):
    with pytest.raises(ValueError, match=">= 0"):
        Zone(origin, extent)
