"""Which blocks of a disk's file are torn: written in part only, because the run was killed meanwhile.

Beside the file lies another, `<path>.intent`, of records of 32 bytes, each `write <first block> <blocks>` or blank.
A record is written before the blocks are, and blanked after them. One that is found when the file is opened tells
what was cut off. It stays until these blocks are written again, over any number of runs; without any the file
is removed when the disk is closed.

This holds against a run that is killed, at whatever point: what it wrote stays with the system, in order. Against a
loss of power nothing is done; that would cost a wait for the medium at each write.

Invariant: at each point in time the records cover every block that may be torn. So of what is left of a record, all
but one piece is written elsewhere before the record itself is changed. A record never lies across two pages, and
is written whole.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

from lparvm.devices.files import DeviceFile, write_all
from lparvm.errors import UsageError

RECORD_BYTES = 32
_BLANK = b" " * (RECORD_BYTES - 1) + b"\n"
_WRITE = b"write "
_RECORD = re.compile(rb"write +(\d+) +(\d+)\n")
_EXPECTED = "what lparvm left there, or no such file"


class Intents:
    """The records of one disk."""

    def __init__(self, path: str, option_error: Callable[[str, str, str], UsageError]) -> None:
        """Open nothing yet; `path` is that of the disk's file."""
        self._file = DeviceFile(path + ".intent", option_error)
        # By place in the file: first block, and the one after the last.
        self._torn: dict[int, tuple[int, int]] = {}
        self._place = 0  # the first that is free: of the next intent

    def open(self, blocks: int, *, new: bool) -> None:
        """Read what an earlier run left; of a new disk nothing can be torn.

        Raises:
            UsageError: the file cannot be used, or is not of a disk of so many blocks.
        """
        with self._file.claim() as length:
            descriptor = self._descriptor()
            if new:
                os.ftruncate(descriptor, 0)
                return
            data = os.pread(descriptor, length, 0)
            whole = length - length % RECORD_BYTES
            rest = data[whole:]
            # A record that was cut off itself tells that its blocks were not written yet.
            if rest[: len(_WRITE)] != _WRITE[: len(rest)] and rest.strip(b" "):
                raise self._file.error("this is no record of a disk's writes", _EXPECTED)
            for place, at in enumerate(range(0, whole, RECORD_BYTES)):
                self._read(place, data[at : at + RECORD_BYTES], blocks)
        self._find_place()

    def _read(self, place: int, record: bytes, blocks: int) -> None:
        if record == _BLANK:
            return
        match = _RECORD.fullmatch(record)
        if match is None:
            raise self._file.error("this is no record of a disk's writes", _EXPECTED)
        first, count = int(match[1]), int(match[2])
        if not count or first + count > blocks:
            problem = f"it tells of blocks {first} to {first + count - 1}"
            raise self._file.error(problem, f"blocks of a disk that has {blocks}")
        self._torn[place] = (first, first + count)

    def torn(self, first: int, count: int) -> int | None:
        """The first torn block of `count` from `first` on."""
        if not self._torn:
            return None
        end = first + count
        found = [max(first, low) for low, high in self._torn.values() if low < end and first < high]
        return min(found, default=None)

    def begin(self, first: int, count: int) -> None:
        """These blocks are about to be written.

        Raises:
            OSError: that could not be noted; nothing is to be written.
        """
        self._note(self._place, first, first + count)

    def end(self, first: int, count: int) -> None:
        """They are written, all of them.

        Raises:
            OSError: that could not be noted; the next run may call them torn.
        """
        if self._torn:
            self._mend(first, first + count)
        write_all(self._descriptor(), (_BLANK,), self._place * RECORD_BYTES)

    def fail(self, first: int, count: int) -> None:
        """They are written in part, for all that is known: from now on they are torn."""
        self._torn[self._place] = (first, first + count)
        self._find_place()

    def _mend(self, first: int, end: int) -> None:
        for place, (low, high) in list(self._torn.items()):
            if high <= first or end <= low:
                continue
            pieces = [piece for piece in ((low, first), (end, high)) if piece[0] < piece[1]]
            if len(pieces) == 2:
                # Over the intent: its blocks are whole by now. The next free place takes over as the intent's.
                self._torn[self._place] = pieces[1]
                self._note(self._place, *pieces[1])
                self._find_place()
            if pieces:
                self._torn[place] = pieces[0]
                self._note(place, *pieces[0])
            else:
                del self._torn[place]
                write_all(self._descriptor(), (_BLANK,), place * RECORD_BYTES)

    def _note(self, place: int, low: int, high: int) -> None:
        record = b"write %12d %12d\n" % (low, high - low)
        write_all(self._descriptor(), (record,), place * RECORD_BYTES)

    def _find_place(self) -> None:
        self._place = 0
        while self._place in self._torn:
            self._place += 1

    def _descriptor(self) -> int:
        assert self._file.descriptor is not None, f"{self._file.path} is closed"
        return self._file.descriptor

    def close(self) -> None:
        """Close the file; without torn blocks it is removed. Idempotent.

        Raises:
            UsageError: the file system could not keep it.
        """
        try:
            if self._torn:
                self._file.sync()
            elif self._file.descriptor is not None:
                Path(self._file.path).unlink(missing_ok=True)
        finally:
            self._file.drop()
