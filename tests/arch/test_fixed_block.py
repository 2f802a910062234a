"""The parameters of DEFINE EXTENT and LOCATE, byte by byte."""

from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.channel import Direction, direction_of
from lparvm.arch.device_commands import ClockCommand, ConsoleCommand, TapeCommand
from lparvm.arch.fixed_block import (
    EXTENT_BYTES,
    LOCATE_BYTES,
    DiskCommand,
    Extent,
    Location,
    Mask,
    Operation,
    define_extent,
    locate,
)

_WORD = st.integers(0, (1 << 32) - 1)


def test_an_extent_is_a_mask_and_three_block_numbers():
    data = define_extent(2, 9, mask=Mask.NO_WRITING, physical=0x1234)
    assert data.hex(" ", 4) == "40000000 00001234 00000002 00000009"
    assert define_extent(2, 9) == define_extent(2, 9, mask=Mask.ALL, physical=2)


def test_a_location_is_an_operation_a_count_and_a_block_number():
    assert locate(Operation.READ, 0x12345678, 3).hex(" ", 4) == "06000003 12345678"


@given(st.sampled_from(Mask), _WORD, _WORD, _WORD)
def test_an_extent_is_read_as_it_was_built(mask, physical, first, last):
    data = define_extent(first, last, mask=mask, physical=physical)
    assert len(data) == EXTENT_BYTES
    assert Extent.decode(data) == Extent(mask, physical, first, last)


@given(st.sampled_from(Operation), _WORD, st.integers(0, 65_535))
def test_a_location_is_read_as_it_was_built(operation, block, count):
    data = locate(operation, block, count)
    assert len(data) == LOCATE_BYTES
    assert Location.decode(data) == Location(operation, count, block)


@given(st.binary(min_size=16, max_size=16))
def test_any_bytes_are_an_extent_or_location_for_the_disk_to_judge(data):
    Extent.decode(data)
    Location.decode(data[:LOCATE_BYTES])


def test_the_data_of_each_command_go_the_way_its_name_says():
    inputs = [
        command.name
        for commands in (DiskCommand, TapeCommand, ConsoleCommand, ClockCommand)
        for command in commands
        if direction_of(command) is Direction.INPUT
    ]
    assert inputs == [
        "READ", "READ_DEVICE_CHARACTERISTICS", "READ_FORWARD", "READ_BACKWARD", "READ_INQUIRY", "READ",
    ]  # fmt: skip
