"""A tape in a file of AWSTAPE format, which other emulators read and write too.

Each part of the file is a header of 6 bytes, then data: two bytes with the length of the data, two with the
length of the data before (both little-endian), a byte of flags, and a zero. Flags: X'80' begins a record, X'20' ends
it, X'40' is a tape mark, without data. lparvm writes a record in one part (X'A0'); others may spread it over several.

The whole file is gone through when it is opened, headers only. Anything that is not of this format is refused, and
nothing changed, with one exception: a file that ends within a part was cut off as something wrote it. What comes
before is the tape, and behind it is a place that cannot be read (`torn`), until it is written over.
"""

import os
import struct
from array import array
from collections.abc import Callable

from lparvm.arch.device_commands import TAPE_RECORD_BYTES_MAX
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.files import DeviceFile, write_all
from lparvm.devices.reels import HEADER_BYTES
from lparvm.errors import UsageError

_HEADER = struct.Struct("<HHBB")
_BEGIN, _MARK, _END = 0x80, 0x40, 0x20
_EXPECTED = "a tape in AWSTAPE format, or no file"
# Read at once when headers are looked for: records are often short.
_SCAN_BYTES = 4096


class AwsReel:
    """Records in a file.

    Attributes:
        torn: whether the file ends in a part that was cut off.
    """

    def __init__(self, path: str, option_error: Callable[[str, str, str], UsageError]) -> None:
        """Open, lock and check the file; one that is missing or empty is a blank tape.

        Raises:
            UsageError: the file cannot be used, or is no tape; nothing is changed.
        """
        self._file = DeviceFile(path, option_error)
        self._ends = array("Q", (0,))  # of each record: where it ends and the next one begins
        self._last = 0  # bytes of data of the last part
        self.torn = False
        with self._file.claim() as length:
            _Scan(self._file, length, self._ends).run()
            self._last = self._last_part()
            self.torn = length > self._ends[-1]

    @property
    def records(self) -> int:
        """How many, tape marks included."""
        return len(self._ends) - 1

    def end_of(self, number: int) -> int:
        """Bytes taken by the first `number` records."""
        return self._ends[number]

    def read(self, number: int) -> bytes | None:
        """Out of the file; parts are put together."""
        parts = self._parts(number)
        return None if parts is None else b"".join(parts)

    def _parts(self, number: int) -> list[memoryview] | None:
        start, end = self._ends[number], self._ends[number + 1]
        try:
            data = memoryview(os.pread(self._descriptor(), end - start, start))
        except OSError as error:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"record {number}: {error.strerror}") from None
        parts, at = [], 0
        while at < end - start:
            if len(data) < end - start:
                raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"record {number}: somebody cut the file short")
            length, _, flags, _ = _HEADER.unpack_from(data, at)
            if flags & _MARK:
                return None
            parts.append(data[at + HEADER_BYTES : at + HEADER_BYTES + length])
            at += HEADER_BYTES + length
        return parts

    def append(self, record: bytes | memoryview | None) -> None:
        """In one call of the system."""
        descriptor = self._descriptor()
        data = b"" if record is None else record
        header = _HEADER.pack(len(data), self._last, _MARK if record is None else _BEGIN | _END, 0)
        end = self._ends[-1]
        try:
            if self.torn:
                os.ftruncate(descriptor, end)
                self.torn = False
            write_all(descriptor, (header, data), end)
        except OSError as error:
            self._cut(descriptor, end)
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"the tape's file: {error.strerror}") from None
        self._ends.append(end + HEADER_BYTES + len(data))
        self._last = len(data)

    def _cut(self, descriptor: int, end: int) -> None:
        """Take back what was written of a record; if not even that works, the tape is torn there."""
        try:
            os.ftruncate(descriptor, end)
        except OSError:
            self.torn = True

    def truncate(self, number: int) -> None:
        """Cut the file.

        Raises:
            DeviceCheck: that is not possible; nothing is changed.
        """
        try:
            os.ftruncate(self._descriptor(), self._ends[number])
        except OSError as error:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"the tape's file: {error.strerror}") from None
        del self._ends[number + 1 :]
        self.torn = False
        self._last = self._last_part()

    def _last_part(self) -> int:
        parts = self._parts(self.records - 1) if self.records else None
        return len(parts[-1]) if parts else 0

    def _descriptor(self) -> int:
        if self._file.descriptor is None:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, "the tape is closed")
        return self._file.descriptor

    def close(self) -> None:
        """Write it out and close the file. Idempotent.

        Raises:
            UsageError: the file system could not keep what was written; the file is closed all the same.
        """
        try:
            self._file.sync()
        finally:
            self._file.drop()


class _Scan:
    """Finds the records of a file, from its first header on."""

    def __init__(self, file: DeviceFile, length: int, ends: "array[int]") -> None:
        self._file = file
        self._length = length
        self._ends = ends
        self._window = b""
        self._window_at = 0

    def run(self) -> None:
        """Go through the whole file.

        Raises:
            UsageError: it is no tape.
        """
        at, before, record_bytes = 0, 0, 0
        inside = False
        while at < self._length:
            header = self._header(at)
            if len(header) < HEADER_BYTES:
                if not at:
                    raise self._refused(at)
                return
            length, previous, flags, more = _HEADER.unpack(header)
            begins = bool(flags & (_BEGIN | _MARK))
            if more or previous != before or begins == inside or not _right(flags, length):
                raise self._refused(at)
            record_bytes = length if begins else record_bytes + length
            if record_bytes > TAPE_RECORD_BYTES_MAX:
                raise self._refused(at)
            at += HEADER_BYTES + length
            if at > self._length:
                return
            inside = not flags & (_END | _MARK)
            if not inside:
                self._ends.append(at)
            before = length

    def _header(self, at: int) -> bytes:
        start = at - self._window_at
        if not 0 <= start <= len(self._window) - HEADER_BYTES:
            assert self._file.descriptor is not None, "the file is claimed"
            self._window = os.pread(self._file.descriptor, _SCAN_BYTES, at)
            self._window_at, start = at, 0
        return self._window[start : start + HEADER_BYTES]

    def _refused(self, at: int) -> UsageError:
        return self._file.error(f"this is no tape: there is no header at byte {at}", _EXPECTED)


def _right(flags: int, length: int) -> bool:
    if flags & ~(_BEGIN | _MARK | _END):
        return False  # compressed, for one
    return not length and not flags & _BEGIN if flags & _MARK else length > 0
