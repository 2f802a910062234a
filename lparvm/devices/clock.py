"""`clock`: a device that asks for attention at a fixed interval.

Each interval from the start of the run is a tick: ATTENTION for every LPAR that uses the clock. READ gives the ticks
so far, 8 bytes big-endian; other commands are rejected. There is no wait.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from lparvm.arch.channel import ENDED, DeviceStatus
from lparvm.arch.device_commands import ClockCommand
from lparvm.config import DEVICE_INTERVAL_NS_MIN, RUN_NS_MAX
from lparvm.devices.base import DataArea, Device, Waits
from lparvm.options import Option, duration

TICK_BYTES = 8


class Clock(Device):
    """A device that asks for attention at a fixed interval, and counts how often it did."""

    KIND = "clock"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("every", duration(DEVICE_INTERVAL_NS_MIN, RUN_NS_MAX), 10_000_000, "The interval."),
    )
    COMMANDS: ClassVar[Mapping[int, str]] = {command: command.name for command in ClockCommand}
    ticks = 0
    """How often it asked."""

    def execute(self, command: int, data: DataArea, *, chained: bool) -> Waits:  # noqa: ARG002
        """Perform one of `ClockCommand`."""
        yield from ()
        if command != ClockCommand.READ:
            raise self.reject(command)
        data.give(self.ticks.to_bytes(TICK_BYTES, "big"))
        return ENDED

    def alone(self) -> Iterator[tuple[int, DeviceStatus]]:
        """Ticks for ever; one counts as soon as it is offered."""
        while True:
            yield self.options["every"], DeviceStatus.ATTENTION
            self.ticks += 1
