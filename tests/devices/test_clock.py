"""A clock ticks for ever and counts."""

import itertools

import pytest

from lparvm.arch.channel import DeviceStatus
from lparvm.arch.device_commands import ClockCommand
from lparvm.devices.base import DeviceCheck
from lparvm.devices.clock import Clock
from lparvm.errors import UsageError

from .data_areas import run


def ticks(clock):
    ((data),) = run(clock, (ClockCommand.READ, 64))
    assert len(data) == 8
    return int.from_bytes(data, "big")


def test_each_tick_is_attention_and_counted_once_it_was_offered():
    clock = Clock(0x1F, 0, {"every": "2ms"})
    alone = clock.alone()
    for count in range(3):
        assert ticks(clock) == max(0, count - 1)
        assert next(alone) == (2_000_000, DeviceStatus.ATTENTION)
        assert ticks(clock) == count


def test_it_never_stops():
    assert len(list(itertools.islice(Clock(0x1F, 0, {}).alone(), 10_000))) == 10_000


def test_it_knows_no_other_command():
    with pytest.raises(DeviceCheck):
        run(Clock(0x1F, 0, {}), (0x01, b"x"))


@pytest.mark.parametrize("every", ["9us", "0s", "soon", 5, "10001h"])
def test_an_interval_that_leaves_no_time_for_others_is_refused(every):
    with pytest.raises(UsageError, match=r"option 'every': .* 10000 ns at least"):
        Clock(0x1F, 0, {"every": every})
