import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.channel import (
    CCW_ADDRESS_MAX,
    CCW_ADDRESS_MAX_0,
    CCW_BYTES,
    Ccw,
    CcwFlag,
    Command,
    Direction,
    Ending,
    direction_of,
)

BYTES = st.integers(0, 255)
COUNTS = st.integers(0, 0xFFFF)
CCWS = st.builds(Ccw, BYTES, BYTES, COUNTS, st.integers(0, CCW_ADDRESS_MAX))
CCWS_0 = st.builds(Ccw, BYTES, BYTES, COUNTS, st.integers(0, CCW_ADDRESS_MAX_0))


@given(CCWS, CCWS_0)
def test_a_ccw_comes_back_from_storage_as_it_was(ccw: Ccw, ccw_0: Ccw):
    assert Ccw.decode(ccw.encode()) == ccw
    assert Ccw.decode(ccw_0.encode(format_1=False), format_1=False) == ccw_0


@given(st.binary(min_size=CCW_BYTES, max_size=CCW_BYTES))
def test_any_eight_bytes_are_a_ccw_that_encodes_to_them(data: bytes):
    assert Ccw.decode(data).encode() == data
    # In format 0 the byte between flags and count is not looked at.
    assert Ccw.decode(data, format_1=False).encode(format_1=False) == data[:5] + b"\0" + data[6:]


def test_a_ccw_is_laid_out_as_its_format_says():
    flags = CcwFlag.CHAIN_COMMAND | CcwFlag.SUPPRESS_LENGTH
    assert Ccw(0x02, flags, 0x1000, 0x12345678).encode() == bytes.fromhex("02 60 1000 12345678")
    assert Ccw(0x02, flags, 0x1000, 0x345678).encode(format_1=False) == bytes.fromhex("02 345678 60 00 1000")


def test_a_format_0_ccw_has_no_room_for_an_address_of_31_bits():
    with pytest.raises(OverflowError):
        Ccw(0x02, 0, 1, CCW_ADDRESS_MAX_0 + 1).encode(format_1=False)


def test_flags_are_bits_32_to_38_of_a_format_0_ccw():
    names = [
        "CHAIN_DATA",
        "CHAIN_COMMAND",
        "SUPPRESS_LENGTH",
        "SKIP",
        "PROGRAM_CONTROLLED",
        "INDIRECT",
        "SUSPEND",
    ]
    assert [flag.name for flag in CcwFlag] == names
    for bit, flag in enumerate(CcwFlag, start=32):
        word = int.from_bytes(Ccw(0, flag, 0, 0).encode(format_1=False), "big")
        assert word == 1 << (63 - bit), flag.name


@given(CCWS)
def test_only_the_command_chaining_flag_chains_commands(ccw: Ccw):
    assert ccw.chains == bool(ccw.flags & 0x40)


@given(BYTES)
def test_modifier_bits_make_the_direction(command: int):
    """Principles of Operation, "Command Code": MMMM MM01 write, 10 read, 11 control, 0100 sense, 1100 backward."""
    low = f"{command:08b}"[4:]
    if low.endswith(("01", "11")):
        expected = Direction.OUTPUT
    elif low.endswith("10") or low in ("0100", "1100"):
        expected = Direction.INPUT
    else:
        assert low in ("0000", "1000")
        expected = Direction.INVALID
    assert direction_of(command) is expected


def test_only_transfer_in_channel_is_a_command_of_no_device():
    assert [c for c in Command if direction_of(c) is Direction.INVALID] == [Command.TRANSFER_IN_CHANNEL]


@given(BYTES, BYTES)
def test_only_channel_end_with_device_end_is_a_normal_end(device_status: int, subchannel_status: int):
    ending = Ending(device_status, subchannel_status, 0, 0)
    assert ending.normal == ((device_status, subchannel_status) == (0x0C, 0))
