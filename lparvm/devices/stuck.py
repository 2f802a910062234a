"""`stuck`: a device that takes a start and does not end it, ever or for a given time.

It is what step 202 is there for: it keeps its IOP in operation after the guest was stopped. It transfers
nothing while it is stuck; when its time is over it takes any command as a disk without data would, without end:
reads give zeros until the program's count is used up, and what is written goes nowhere.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from lparvm.arch.channel import ENDED, Direction, direction_of
from lparvm.arch.fixed_block import DiskCommand
from lparvm.config import RUN_NS_MAX
from lparvm.devices.base import DataArea, Deaf, Device, Waits
from lparvm.options import Option, boolean, duration
from lparvm.units import NS_PER_S

# Long, so that a virtual clock does not spin when nothing else is left to wait for; finite, as clocks need.
STUCK_WAIT_NS = 3_600 * NS_PER_S

_ZEROS = bytes(65_536)  # more than the count of a CCW


class Stuck(Device):
    """A device that takes a start and never ends it, or ends it after a given time."""

    KIND = "stuck"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option(
            "ends_after", duration(1, RUN_NS_MAX), None, "When a start ends after all; without it: never."
        ),
        Option("deaf", boolean(), False, "Whether it doesn't hear HALT either."),
    )
    ANY_LENGTH = frozenset(range(256))
    # A disk's names for what it is told: any will do.
    COMMANDS: ClassVar[Mapping[int, str]] = {command: command.name for command in DiskCommand}

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any], seed: int = 0) -> None:
        """Check the options."""
        super().__init__(number, latency_ns, options, seed)
        self._stuck = True

    def begin_chain(self) -> None:
        """Be stuck once in each start."""
        self._stuck = True

    def execute(self, command: int, data: DataArea, *, chained: bool) -> Waits:  # noqa: ARG002
        """Be stuck; then take any command."""
        if self._stuck:
            ends_after_ns: int | None = self.options["ends_after"]
            yield self._wait(STUCK_WAIT_NS if ends_after_ns is None else ends_after_ns)
            while ends_after_ns is None:
                yield self._wait(STUCK_WAIT_NS)
            self._stuck = False
        if direction_of(command) is Direction.INPUT:
            while data.give(_ZEROS) == len(_ZEROS):
                yield 0
        else:
            while len(data.take(len(_ZEROS))) == len(_ZEROS):
                yield 0
        return ENDED

    def _wait(self, duration_ns: int) -> int | Deaf:
        return Deaf(duration_ns) if self.options["deaf"] else duration_ns
