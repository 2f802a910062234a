"""`null`: a device that takes whatever is written and has nothing to read.

Every output command, of writing or control, takes the program's data and ends normally; every input command ends
at once and gives nothing. There is no wait.
"""

from typing import ClassVar

from lparvm.arch.channel import ENDED, Direction, direction_of
from lparvm.devices.base import DataArea, Device, Waits

_MOST = 65_536  # more than the count of a CCW


class Null(Device):
    """A device that takes anything that is written, and has nothing to read."""

    KIND = "null"
    ANY_LENGTH: ClassVar[frozenset[int]] = frozenset(
        code for code in range(256) if direction_of(code) is Direction.OUTPUT
    )

    def operation(self, command: int) -> str:
        """READ, WRITE or CONTROL: any command will do."""
        names = {0x01: "WRITE", 0x02: "READ"}
        return names.get(command & 0x03) or super().operation(command)

    def execute(self, command: int, data: DataArea, *, chained: bool) -> Waits:  # noqa: ARG002
        """Take everything, or give nothing."""
        if command in self.ANY_LENGTH:
            while len(data.take(_MOST)) == _MOST:
                yield 0
        return ENDED
