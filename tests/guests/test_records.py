import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.guests.records import Area, digest_of, record_bytes

from .bench import PAGE

SIZES = st.integers(1, 64).map(lambda blocks: blocks * 512)


@given(size=SIZES, page=st.integers(0, 1000), scattered=st.booleans())
def test_guards_and_record_fill_the_area_and_never_overlap(size, page, scattered):
    area = Area(page * PAGE, size, 0, 0, scattered)
    assert area.end - area.address == Area.pages(size, scattered=scattered) * PAGE
    taken = set()
    for address, count in (*area.pieces, *((line, 64) for line in area.guards)):
        part = set(range(address, address + count))
        assert not part & taken
        taken |= part
    assert taken == set(range(area.address, area.end))
    assert sum(count for _, count in area.pieces) == size


@given(size=SIZES)
def test_a_scattered_record_lies_in_pieces_that_do_not_follow_each_other(size):
    area = Area(0, size, 0, 0, scattered=True)
    assert len(area.pieces) > 1
    for (address, count), (following, _) in zip(area.pieces, area.pieces[1:], strict=False):
        assert address + count != following
        assert (address + count) % PAGE == 0, "an IDAW goes to the end of its page"
        assert following % PAGE == 0, "and the next one begins at a page"


@given(size=SIZES, scattered=st.booleans(), data=st.data())
def test_each_byte_of_a_record_has_its_address(size, scattered, data):
    area = Area(7 * PAGE, size, 0, 0, scattered)
    place = data.draw(st.integers(0, size - 1))
    addresses = [address + n for address, count in area.pieces for n in range(count)]
    assert area.address_of(place) == addresses[place]
    with pytest.raises(IndexError):
        area.address_of(size)


@pytest.mark.parametrize(
    "other",
    [(1, 0, 1, 8), (0, 1, 1, 8), (0, 0, 2, 8), (0, 0, 1, 9)],
    ids=["salt", "lip", "generation", "block"],
)
def test_records_differ_in_every_word(other):
    one = record_bytes(0, 0, 1, 8, 1024)
    two = record_bytes(other[0] << 40, other[1], other[2], other[3], 1024)
    assert len(one) == len(two) == 1024
    assert all(one[n : n + 8] != two[n : n + 8] for n in range(0, 1024, 8))
    assert digest_of(one) != digest_of(two)
