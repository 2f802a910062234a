from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.psw import Psw

WORDS = st.integers(0, (1 << 64) - 1)
PSWS = st.builds(Psw, WORDS, WORDS)


@given(PSWS)
def test_a_psw_comes_back_from_storage_as_it_was(psw: Psw):
    assert len(psw.encode()) == 16
    assert Psw.decode(psw.encode()) == psw


@given(st.binary(min_size=16, max_size=16))
def test_any_sixteen_bytes_are_a_psw_that_encodes_to_them(data: bytes):
    assert Psw.decode(data).encode() == data


@given(PSWS, st.integers(0, 15))
def test_a_new_key_changes_nothing_but_the_key(psw: Psw, key: int):
    changed = psw.with_key(key)
    assert changed.key == key
    assert changed.with_key(psw.key) == psw


def test_the_bits_stand_where_the_architecture_has_them():
    # Bits count from the left: 8-11 key, 14 wait, 15 problem state, 18-19 condition code.
    psw = Psw.decode(bytes.fromhex("00A3200180000000 0000000000001000"))
    assert (psw.key, psw.wait, psw.problem_state, psw.condition_code) == (10, True, True, 2)
    assert psw.address == 0x1000


def test_a_psw_begins_in_64_bit_mode_with_the_master_key_running():
    psw = Psw()
    assert psw.mask == 1 << (63 - 31) | 1 << (63 - 32), "bits 31 and 32: extended and basic addressing mode"
    assert (psw.key, psw.wait, psw.problem_state, psw.condition_code) == (0, False, False, 0)
