"""The kinds of device a scenario can name."""

import pytest

from lparvm.devices.base import Device
from lparvm.devices.registry import DEVICES, check_options, device_class, make_device
from lparvm.errors import UsageError


def test_there_are_disks_and_stuck_devices():
    assert list(DEVICES) == ["disk", "stuck"]
    assert all(kind == device.KIND for kind, device in DEVICES.items())


@pytest.mark.parametrize("kind", DEVICES)
def test_each_kind_tells_what_it_is_and_which_options_it_takes(kind):
    device = device_class(kind)
    assert device.summary().endswith(".")
    for option in device.OPTIONS:
        assert option.doc.endswith(".")
        assert option.default_text
        if option.default is not None:
            assert option.kind.parse(option.default_text) == option.default


@pytest.mark.parametrize("kind", DEVICES)
def test_a_device_is_made_from_its_kind(kind):
    device = make_device(kind, 0x191, 5, {})
    assert isinstance(device, Device)
    assert (device.number, device.latency_ns, device.block) == (0x191, 5, 0)
    device.close()


def test_an_unknown_kind_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="unknown kind of device 'drum'; expected one of disk, stuck"):
        make_device("drum", 1, 0, {})


def test_an_unknown_option_is_refused_with_those_there_are():
    with pytest.raises(
        UsageError, match=r"device 01A0 \(disk\): unknown option 'sise'; expected one of size"
    ):
        make_device("disk", 0x1A0, 0, {"sise": "1M"})
    with pytest.raises(UsageError, match="device stuck: unknown option 'size'; expected one of ends_after"):
        check_options("stuck", {"size": "1M"})


@pytest.mark.parametrize("value", ["soon", 5, "0s", "-1s", None, "10001h", "9" * 400 + "h", "9" * 5000 + "h"])
def test_a_wrong_time_to_end_is_refused(value):
    with pytest.raises(UsageError, match=r"device 0001 \(stuck\): option 'ends_after': .*; expected"):
        make_device("stuck", 1, 0, {"ends_after": value})


def test_a_stuck_device_may_end_when_the_longest_run_does():
    assert make_device("stuck", 1, 0, {"ends_after": "10000h"}).begin() is not None


def test_options_are_checked_without_opening_a_file(tmp_path):
    path = tmp_path / "disk.img"
    check_options("disk", {"path": str(path)})
    assert not path.exists()
