"""Requests of a guest: what a channel subsystem can work with, and what is refused where it is made."""

import attrs
import numpy as np
import pytest

from lparvm.arch import interception
from lparvm.arch.interception import (
    ALL_CLASSES,
    REQUESTS,
    ClearSubchannel,
    HaltSubchannel,
    ModifySubchannel,
    ResumeSubchannel,
    SetAddressLimit,
    StartSubchannel,
    StoreSubchannel,
    TestPendingInterruption,
    TestSubchannel,
    WaitForInterruption,
)
from lparvm.arch.subchannel import Irb, LimitMode, Orb, Scsw

ORB = Orb(0x100)


@pytest.mark.parametrize(
    "request_of",
    [HaltSubchannel, ClearSubchannel, ResumeSubchannel, TestSubchannel, StoreSubchannel, ModifySubchannel],
)
def test_a_device_number_is_a_number_of_any_sort_and_not_negative(request_of):
    request = request_of(np.int64(0x190))
    assert type(request.device) is int
    assert request == request_of(0x190)
    with pytest.raises(ValueError, match="device is -1; expected 0 or more"):
        request_of(-1)
    with pytest.raises(TypeError):
        request_of("0190")


def test_numbers_of_an_orb_become_ints():
    orb = Orb(np.uint32(0x100), key=np.int8(3), parameter=np.uint64(5), format_1=1, path_mask=np.uint8(0x80))
    kept = StartSubchannel(0x190, orb).orb
    assert kept == Orb(0x100, 3, 5, format_1=True, path_mask=0x80)
    assert [type(getattr(kept, name)) for name in ("program", "key", "parameter", "path_mask")] == [int] * 4
    assert kept.format_1 is True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"program": -8}, "program is -8; expected 0 or more"),
        ({"key": 16}, "key is 16; expected 0 to 15"),
        ({"parameter": 1 << 32}, "parameter is 4294967296; expected 0 to 4294967295"),
        ({"path_mask": 256}, "path_mask is 256; expected 0 to 255"),
    ],
)
def test_an_orb_that_no_instruction_could_name_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        StartSubchannel(0x190, attrs.evolve(ORB, **change))


def test_what_is_no_orb_is_refused():
    with pytest.raises(TypeError, match="expected an Orb"):
        StartSubchannel(0x190, 0x100)


@pytest.mark.parametrize("program", [0x101, 1 << 40])
def test_where_the_program_is_is_the_channels_to_judge(program):
    assert StartSubchannel(0x190, Orb(program)).orb.program == program


@pytest.mark.parametrize(
    ("name", "wrong"), [("isc", 8), ("isc", -1), ("parameter", 1 << 32), ("limit_mode", 3)]
)
def test_a_subchannel_is_modified_within_its_fields(name, wrong):
    assert ModifySubchannel(0x190, isc=7, limit_mode=2).limit_mode is LimitMode.BELOW
    with pytest.raises(ValueError):
        ModifySubchannel(0x190, **{name: wrong})


@pytest.mark.parametrize(
    ("limit", "fits"), [(0, True), (0x7FFF0000, True), (1 << 31, False), (1, False), (-0x10000, False)]
)
def test_an_address_limit_is_a_multiple_of_64_kib_below_2_gib(limit, fits):
    if fits:
        assert SetAddressLimit(limit).limit == limit
    else:
        with pytest.raises(ValueError, match="expected a multiple of 64 KiB below 2 GiB"):
            SetAddressLimit(limit)


@pytest.mark.parametrize("request_of", [WaitForInterruption, TestPendingInterruption])
def test_devices_are_given_as_any_iterable_or_none(request_of):
    assert request_of([0x190, np.int64(0x191)]).devices == (0x190, 0x191)
    assert request_of(None).devices is None
    assert request_of().classes == ALL_CLASSES
    with pytest.raises(ValueError, match="classes is 256"):
        request_of(classes=0x100)


def test_a_wait_is_for_no_device_at_first_and_a_test_for_all():
    assert WaitForInterruption().devices == ()
    assert WaitForInterruption().duration_ns is None
    assert TestPendingInterruption().devices is None
    with pytest.raises(ValueError, match="duration_ns is -1"):
        WaitForInterruption(duration_ns=-1)


def test_the_reply_to_test_subchannel_holds_an_irb_or_nothing():
    assert interception.Tested(0, Irb(Scsw())).irb == Irb(Scsw())
    assert interception.Tested(3).irb is None
    with pytest.raises(TypeError):
        interception.Tested(0, Scsw())


def test_every_request_is_listed_once():
    assert len(set(REQUESTS)) == len(REQUESTS)
    assert set(REQUESTS) == set(interception.Request.__args__)
