"""Blocks of a subchannel, bit by bit (Principles of Operation, chapters 14 to 16)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.subchannel import (
    IRB_BYTES,
    ORB_BYTES,
    PMCW_BYTES,
    SCHIB_BYTES,
    SCSW_BYTES,
    Activity,
    Function,
    Irb,
    LimitMode,
    Orb,
    Pmcw,
    Schib,
    Scsw,
    Status,
)

WORDS = st.integers(0, 0xFFFFFFFF)
BYTES = st.integers(0, 255)
FLAGS = st.booleans()
ORBS = st.builds(Orb, WORDS, st.integers(0, 15), WORDS, FLAGS, FLAGS, FLAGS, FLAGS, BYTES, FLAGS)
SCSWS = st.builds(
    Scsw, st.integers(0, 15), FLAGS, FLAGS, st.integers(0, 3), st.builds(Function, st.integers(0, 7)),
    st.builds(Activity, st.integers(0, 0x7F)), st.builds(Status, st.integers(0, 0x1F)), WORDS, BYTES, BYTES,
    st.integers(0, 0xFFFF),
)  # fmt: skip


def bits(data, first, last=None, word=0):
    """Bits `first` to `last` of a word, bit 0 the leftmost."""
    last = first if last is None else last
    return int.from_bytes(data[4 * word : 4 * word + 4], "big") >> (31 - last) & (
        (1 << (last - first + 1)) - 1
    )


@given(ORBS)
def test_an_orb_is_laid_out_in_three_words_and_comes_back(orb):
    data = orb.encode()
    assert len(data) == ORB_BYTES
    assert int.from_bytes(data[0:4], "big") == orb.parameter
    assert bits(data, 0, 3, word=1) == orb.key
    assert bits(data, 4, word=1) == orb.suspend_control
    assert bits(data, 8, word=1) == orb.format_1
    assert bits(data, 11, word=1) == orb.address_limit
    assert bits(data, 12, word=1) == orb.suppress_suspended
    assert bits(data, 14, word=1) == orb.format_2_idaws
    assert bits(data, 16, 23, word=1) == orb.path_mask
    others = (5, 7), (9, 10), (13, 13), (15, 15), (24, 31)
    assert not any(bits(data, first, last, word=1) for first, last in others)
    assert int.from_bytes(data[8:12], "big") == orb.program
    assert Orb.decode(data) == orb


@given(st.binary(min_size=ORB_BYTES, max_size=ORB_BYTES))
def test_any_twelve_bytes_are_an_orb(data):
    orb = Orb.decode(data)
    assert Orb.decode(orb.encode()) == orb


@given(SCSWS)
def test_an_scsw_is_laid_out_in_three_words(scsw):
    data = scsw.encode()
    assert len(data) == SCSW_BYTES
    assert bits(data, 0, 3) == scsw.key
    assert bits(data, 4) == scsw.suspend_control
    assert bits(data, 6, 7) == scsw.deferred_code
    assert bits(data, 8) == scsw.format_1
    assert bits(data, 17, 19) == scsw.function
    assert bits(data, 20, 26) == scsw.activity
    assert bits(data, 27, 31) == scsw.status
    assert not bits(data, 5)
    assert not bits(data, 9, 16)
    assert int.from_bytes(data[4:8], "big") == scsw.ccw_address
    assert (data[8], data[9]) == (scsw.device_status, scsw.subchannel_status)
    assert int.from_bytes(data[10:12], "big") == scsw.count


@pytest.mark.parametrize(
    ("flag", "bit"),
    [
        (Function.START, 17), (Function.HALT, 18), (Function.CLEAR, 19),
        (Activity.RESUME_PENDING, 20), (Activity.START_PENDING, 21), (Activity.HALT_PENDING, 22),
        (Activity.CLEAR_PENDING, 23), (Activity.SUBCHANNEL_ACTIVE, 24), (Activity.DEVICE_ACTIVE, 25),
        (Activity.SUSPENDED, 26), (Status.ALERT, 27), (Status.INTERMEDIATE, 28), (Status.PRIMARY, 29),
        (Status.SECONDARY, 30), (Status.PENDING, 31),
    ],
)  # fmt: skip
def test_each_control_bit_has_its_place_in_the_scsw(flag, bit):
    name = {Function: "function", Activity: "activity", Status: "status"}[type(flag)]
    data = Scsw(format_1=False, **{name: flag}).encode()
    assert int.from_bytes(data, "big") == 1 << (95 - bit)


def test_a_start_has_ended_when_status_is_pending_and_nothing_is_active():
    pending = Status.PENDING | Status.PRIMARY | Status.SECONDARY
    assert not Scsw(activity=Activity.SUBCHANNEL_ACTIVE).ended
    assert not Scsw(status=pending, activity=Activity.DEVICE_ACTIVE).ended
    ended = Scsw(status=pending, function=Function.START, device_status=0x0C)
    assert (ended.pending, ended.ended, ended.ended_normally) == (True, True, True)
    for wrong in (
        Scsw(status=pending, function=Function.START, device_status=0x0E),
        Scsw(status=pending, function=Function.START, device_status=0x0C, subchannel_status=0x40),
        Scsw(status=pending, function=Function.START | Function.HALT, device_status=0x0C),
        Scsw(status=pending, function=Function.START, device_status=0x0C, deferred_code=3),
        Scsw(function=Function.START, device_status=0x0C),
    ):
        assert not wrong.ended_normally, wrong


PMCWS = st.builds(
    Pmcw, st.integers(0, 0xFFFF), WORDS, st.integers(0, 7), FLAGS, st.sampled_from(LimitMode), BYTES, BYTES,
    BYTES, BYTES,
)  # fmt: skip


@given(PMCWS)
def test_a_pmcw_is_laid_out_in_seven_words(pmcw):
    data = pmcw.encode()
    assert len(data) == PMCW_BYTES
    assert int.from_bytes(data[0:4], "big") == pmcw.parameter
    assert bits(data, 2, 4, word=1) == pmcw.isc
    assert bits(data, 8, word=1) == pmcw.enabled
    assert bits(data, 9, 10, word=1) == pmcw.limit_mode
    assert bits(data, 15, word=1) == 1, "the device number is valid"
    assert bits(data, 16, 31, word=1) == pmcw.device
    assert not any(bits(data, first, last, word=1) for first, last in ((0, 1), (5, 7), (11, 14)))
    masks = (pmcw.path_mask, pmcw.not_operational, pmcw.last_used, pmcw.path_mask)
    assert tuple(data[8:12]) == masks, "logical, not operational, last used, installed"
    assert tuple(data[14:16]) == (pmcw.operational, pmcw.operational), "operational, available"
    installed = [path for path in range(8) if pmcw.path_mask & 0x80 >> path]
    assert [path for path in range(8) if data[16 + path]] == [path for path in installed if path]
    assert not any(data[24:])


@given(PMCWS, SCSWS)
def test_a_schib_is_a_pmcw_and_an_scsw(pmcw, scsw):
    data = Schib(pmcw, scsw).encode()
    assert len(data) == SCHIB_BYTES
    assert data == pmcw.encode() + scsw.encode() + bytes(12)


@given(SCSWS, BYTES)
def test_an_irb_is_an_scsw_and_the_last_path_used(scsw, path):
    data = Irb(scsw, path).encode()
    assert len(data) == IRB_BYTES
    assert data == scsw.encode() + bytes((0, path, 0, 0)) + bytes(48)
