"""What all devices have in common: sense, reservation, one program at a time."""

from typing import ClassVar

import pytest

from lparvm.arch.channel import ENDED, SENSE_BYTES, Command
from lparvm.devices.base import Device, DeviceCheck, Sense
from lparvm.errors import UsageError

from .data_areas import Run, run

CHECK, NOTHING = 0x11, 0x21


class Sample(Device):
    """Fails, or does nothing."""

    KIND = "sample"
    COMMANDS: ClassVar = {CHECK: "CHECK"}

    def execute(self, command, data, *, chained):
        yield 5
        if command == CHECK:
            raise DeviceCheck(Sense.DATA_CHECK, "as asked", bytes(range(1, 40)))
        return ENDED


@pytest.fixture
def device():
    return Sample(0x190, 0, {})


def sense(device, user="LPAR1"):
    (data,) = run(device, (Command.SENSE, 64), user=user)
    return data


def fail(device, user="LPAR1"):
    with pytest.raises(DeviceCheck):
        run(device, (CHECK, b""), user=user)


def test_sense_tells_why_the_last_command_failed_until_another_one(device):
    assert sense(device) == bytes(SENSE_BYTES)
    fail(device)
    expected = bytes((Sense.DATA_CHECK, *range(1, 32)))
    assert sense(device) == expected
    run(device, (Command.NO_OPERATION, b""))
    assert sense(device) == expected, "neither SENSE nor NO-OPERATION changes it"
    run(device, (NOTHING, b""))
    assert sense(device) == bytes(SENSE_BYTES)


def test_each_lpar_has_sense_data_of_its_own(device):
    fail(device)
    assert sense(device, "LPAR2") == bytes(SENSE_BYTES)
    assert sense(device, "LPAR1")[0] == Sense.DATA_CHECK


def test_sense_id_begins_with_ff_and_ends_where_the_count_does(device):
    assert run(device, (Command.SENSE_ID, 64), (Command.SENSE_ID, 1)) == [Device.IDENTITY, b"\xff"]


def test_commands_have_names(device):
    names = [device.operation(command) for command in (CHECK, Command.SENSE_ID, 0x77)]
    assert names == ["CHECK", "SENSE_ID", "command 77"]


def test_a_device_runs_one_program_at_a_time(device):
    with Run(device):
        assert not device.available("LPAR1")
        assert not device.available("LPAR2")
    assert device.available("LPAR2")
    device.disconnect()
    assert device.available("LPAR2"), "a second disconnect changes nothing"


@pytest.mark.parametrize("command", [Command.RESERVE, Command.UNCONDITIONAL_RESERVE])
def test_a_reserved_device_is_available_to_its_holder_only_until_release(device, command):
    run(device, (command, b""))
    assert (device.available("LPAR1"), device.available("LPAR2")) == (True, False)
    run(device, (command, b""), (NOTHING, b""))
    assert not device.available("LPAR2"), "a second RESERVE is no count"
    run(device, (Command.RELEASE, b""))
    assert device.available("LPAR2")


def test_a_reset_of_the_holder_lets_the_device_go_and_one_of_others_does_not(device):
    fail(device)
    run(device, (Command.RESERVE, b""))
    device.reset("LPAR2")
    assert not device.available("LPAR2")
    device.reset("LPAR1")
    assert device.available("LPAR2")
    assert sense(device) == bytes(SENSE_BYTES)


def test_two_devices_draw_differently_and_one_always_the_same():
    def draw(number, seed):
        return Sample(number, 0, {}, seed).rng.random()

    assert draw(1, 0) == draw(1, 0)
    assert len({draw(1, 0), draw(2, 0), draw(1, 1)}) == 3


def test_most_devices_do_nothing_by_themselves_and_take_no_lines(device):
    assert list(device.alone()) == []
    assert device.take_output() == ()
    with pytest.raises(UsageError, match=r"device 0190 .* takes no lines from 'LPAR1'; expected a console"):
        device.enter("hello", "LPAR1")
    device.close()
