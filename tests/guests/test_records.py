import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.channel import Ccw, Command
from lparvm.guests.records import Area, Lane, digest_of, record_bytes

SIZES = st.integers(1, 64).map(lambda blocks: blocks * 512)


@given(size=SIZES, page=st.integers(0, 1000))
def test_guards_and_record_fill_the_area_and_never_overlap(size, page):
    area = Area(page * 4096, size)
    taken = set(range(area.record, area.record + size))
    for number in range(len(area.generations)):
        line = set(range(area.line(number), area.line(number) + 64))
        assert not line & taken
        taken |= line
    assert taken == set(range(area.address, area.address + Area.pages(size) * 4096))


@given(size=SIZES)
def test_a_full_page_lies_behind_the_record(size):
    area = Area(0, size)
    assert Area.pages(size) * 4096 - (area.record + size) >= 4096


@given(size=SIZES)
def test_a_lanes_areas_follow_each_other(size):
    lane = Lane(10, size, 0, 0)
    assert lane.write_area.address == 11 * 4096
    assert lane.read_area.address == lane.write_area.address + Area.pages(size) * 4096
    assert lane.read_area.address + Area.pages(size) * 4096 == (10 + Lane.pages(size)) * 4096


def test_the_channel_programs_seek_then_write_or_read():
    lane = Lane(2, 1024, 0, 0, block=77)
    data = lane.program_bytes()
    ccws = [Ccw.decode(data[place : place + 8]) for place in range(0, 32, 8)]
    assert [ccw.command for ccw in ccws] == [Command.SEEK, Command.WRITE, Command.SEEK, Command.READ]
    assert [ccw.chains for ccw in ccws] == [True, False, True, False]
    assert [ccw.count for ccw in ccws] == [4, 1024, 4, 1024]
    assert (ccws[1].address, ccws[3].address) == (lane.write_area.record, lane.read_area.record)
    seek = ccws[0].address - lane.write_program
    assert data[seek : seek + 4] == (77).to_bytes(4, "big")
    assert lane.read_program == lane.write_program + 16


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
