"""What a tape's records lie on, in memory: a list. `aws_tape` is the same in a file."""

from typing import Protocol

from lparvm.devices.base import DeviceCheck, Sense

HEADER_BYTES = 6
"""What a record or tape mark takes besides its data, also where it isn't stored: a tape has the same capacity
in memory and in a file."""


class Reel(Protocol):
    """Records and tape marks, one behind the other, counted from 0.

    Attributes:
        torn: whether more follows that is cut off: it cannot be read, only written over.
    """

    torn: bool

    @property
    def records(self) -> int:
        """How many, tape marks included."""

    def read(self, number: int) -> bytes | None:
        """A record; None: a tape mark.

        Raises:
            DeviceCheck: it cannot be read.
        """

    def append(self, record: bytes | memoryview | None) -> None:
        """Write a record, or a tape mark, behind the last one.

        Raises:
            DeviceCheck: it could not be written; nothing was.
        """

    def truncate(self, number: int) -> None:
        """Forget record `number` and all that follows, and what is torn."""

    def end_of(self, number: int) -> int:
        """Bytes taken by the first `number` records."""

    def close(self) -> None:
        """Write out what is held back, and let go of it. Idempotent."""


class MemoryReel:
    """Records in memory."""

    torn = False

    def __init__(self) -> None:
        """Blank."""
        self._data: list[bytes | None] = []
        self._ends: list[int] = [0]
        self._closed = False

    @property
    def records(self) -> int:
        """How many."""
        return len(self._data)

    def end_of(self, number: int) -> int:
        """Bytes taken by the first `number` records."""
        return self._ends[number]

    def read(self, number: int) -> bytes | None:
        """As it was written."""
        self._check_open()
        return self._data[number]

    def append(self, record: bytes | memoryview | None) -> None:
        """Keep a copy."""
        self._check_open()
        self._data.append(None if record is None else bytes(record))
        self._ends.append(self._ends[-1] + HEADER_BYTES + len(record or b""))

    def truncate(self, number: int) -> None:
        """Let go of them."""
        self._check_open()
        del self._data[number:]
        del self._ends[number + 1 :]

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, "the tape is closed")

    def close(self) -> None:
        """Nothing is kept."""
        self._closed = True
        self._data, self._ends = [], [0]
