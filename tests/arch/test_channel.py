from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.channel import CCW_ADDRESS_MAX, CCW_BYTES, Ccw, CcwFlag, Command

BYTES = st.integers(0, 255)
CCWS = st.builds(Ccw, BYTES, BYTES, st.integers(0, 0xFFFF), st.integers(0, CCW_ADDRESS_MAX))


@given(CCWS)
def test_a_ccw_comes_back_from_storage_as_it_was(ccw: Ccw):
    assert Ccw.decode(ccw.encode()) == ccw


@given(st.binary(min_size=CCW_BYTES, max_size=CCW_BYTES))
def test_any_eight_bytes_are_a_ccw_that_encodes_to_them(data: bytes):
    assert Ccw.decode(data).encode() == data


def test_a_ccw_is_laid_out_as_format_1():
    ccw = Ccw(Command.READ, CcwFlag.CHAIN_COMMAND | CcwFlag.SUPPRESS_LENGTH, 0x1000, 0x12345678)
    assert ccw.encode() == bytes.fromhex("02 60 1000 12345678")


@given(CCWS)
def test_only_the_command_chaining_flag_chains_commands(ccw: Ccw):
    assert ccw.chains == bool(ccw.flags & 0x40)
