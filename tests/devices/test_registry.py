"""The kinds of device a scenario can name."""

import pytest

from lparvm.arch.channel import ENDED, SENSE_BYTES, Command
from lparvm.devices.base import Device
from lparvm.devices.registry import DEVICES, check_options, device_class, make_device
from lparvm.errors import UsageError

from .data_areas import Run


def test_these_are_the_kinds_there_are():
    assert list(DEVICES) == ["disk", "tape", "console", "clock", "null", "fault", "stuck"]
    assert all(kind == device.KIND for kind, device in DEVICES.items())


@pytest.mark.parametrize("kind", DEVICES)
def test_each_kind_tells_what_it_is_and_which_options_it_takes(kind):
    device = device_class(kind)
    assert device.summary().endswith(".")
    for option in device.OPTIONS:
        assert option.doc.endswith(".")
        assert option.default_text
        if isinstance(option.default, bool):
            assert option.default_text == str(option.default).lower()
        elif option.default is not None:
            assert option.kind.parse(option.default_text) == option.default


@pytest.mark.parametrize("kind", DEVICES)
def test_a_device_is_made_from_its_kind_and_lets_go_of_everything_twice(kind):
    device = make_device(kind, 0x191, 5, {}, seed=3)
    assert isinstance(device, Device)
    assert (device.number, device.latency_ns, device.user) == (0x191, 5, None)
    assert device.name == f"device 0191 ({kind})"
    device.close()
    device.close()


@pytest.mark.parametrize("kind", DEVICES)
def test_every_device_tells_its_identity_and_has_sense_data(kind):
    device = make_device(kind, 0x191, 5, {})
    with Run(device) as start:
        identity = start.input(Command.SENSE_ID, 64)
        assert (len(identity), identity[0]) == (7, 0xFF)
        assert start.input(Command.SENSE, 64) == bytes(SENSE_BYTES)
        assert start.output(Command.NO_OPERATION) == ENDED
        assert start.waits == []
    device.close()


def test_the_default_seed_is_that_of_a_run_without_one():
    draws = [make_device("fault", 1, 0, {}, **seed).rng.random() for seed in ({}, {"seed": 0}, {"seed": 1})]
    assert draws[0] == draws[1] != draws[2]


def test_an_unknown_kind_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="unknown kind of device 'drum'; expected one of disk, tape,"):
        make_device("drum", 1, 0, {})


def test_an_unknown_option_is_refused_with_those_there_are():
    with pytest.raises(
        UsageError, match=r"device 01A0 \(disk\): unknown option 'sise'; expected one of size"
    ):
        make_device("disk", 0x1A0, 0, {"sise": "1M"})
    with pytest.raises(UsageError, match="device stuck: unknown option 'size'; expected one of ends_after"):
        check_options("stuck", {"size": "1M"})


@pytest.mark.parametrize("kind", ["disk", "tape"])
def test_options_are_checked_without_opening_a_file(tmp_path, kind):
    path = tmp_path / "medium"
    check_options(kind, {"path": str(path)})
    assert not path.exists()
