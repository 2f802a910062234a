"""Where a disk keeps its blocks: in memory, or in a file. A run of blocks is one copy, or one call of the system."""

import contextlib
import os
from collections.abc import Callable
from typing import Protocol

from lparvm.config import DISK_BLOCK_BYTES, DISK_BLOCKS_MAX, DISK_READ_BLOCKS_MAX
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.files import DeviceFile, write_all
from lparvm.devices.intents import Intents
from lparvm.errors import UsageError
from lparvm.storage.lazy_memory import LazyMemory
from lparvm.units import format_size

SIZE_EXPECTED = (
    f"a multiple of {DISK_BLOCK_BYTES} bytes, {format_size(DISK_BLOCKS_MAX * DISK_BLOCK_BYTES)} at most"
)


def is_disk_size(size_bytes: int) -> bool:
    """Whether a disk can have this size."""
    blocks, rest = divmod(size_bytes, DISK_BLOCK_BYTES)
    return not rest and 0 < blocks <= DISK_BLOCKS_MAX


class Blocks(Protocol):
    """The blocks of a disk.

    Attributes:
        count: how many there are.
    """

    count: int

    def read(self, first: int, count: int) -> memoryview:
        """Blocks from `first` on: `count`, or fewer, one at least; good until the next call.

        Raises:
            DeviceCheck: the first one cannot be read.
        """

    def write(self, first: int, data: bytes | memoryview) -> None:
        """Write `data` from block `first` on; of the last block, what `data` leaves is zeros.

        Raises:
            DeviceCheck: it could not be written.
        """

    def close(self) -> None:
        """Let go of everything; reads and writes are equipment checks from then on. Idempotent.

        Raises:
            UsageError: the file system could not keep what was written.
        """


def _closed() -> DeviceCheck:
    return DeviceCheck(Sense.EQUIPMENT_CHECK, "the disk is closed")


def _padding(data: bytes | memoryview) -> bytes:
    return bytes(-len(data) % DISK_BLOCK_BYTES)


class MemoryBlocks:
    """Blocks in memory; one that was never written is zeros and takes no room."""

    def __init__(self, count: int) -> None:
        """Reserve the addresses only.

        Raises:
            OSError: there are not so many.
        """
        self.count = count
        self._memory: LazyMemory | None = LazyMemory(count * DISK_BLOCK_BYTES)

    def read(self, first: int, count: int) -> memoryview:
        """All of them, in place."""
        if self._memory is None:
            raise _closed()
        return self._memory.buffer[first * DISK_BLOCK_BYTES : (first + count) * DISK_BLOCK_BYTES]

    def write(self, first: int, data: bytes | memoryview) -> None:
        """Copy them."""
        if self._memory is None:
            raise _closed()
        start = first * DISK_BLOCK_BYTES
        end = start + len(data)
        self._memory.buffer[start:end] = data
        if padding := _padding(data):
            self._memory.buffer[end : end + len(padding)] = padding

    def close(self) -> None:
        """Give the memory back."""
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()


class FileBlocks:
    """Blocks in a sparse file that outlives the run; see `intents` for a run that is killed.

    A missing or empty file is made with the disk's size, all of it a hole; one that exists must have the size
    asked for, and gives the disk its size where none was.
    """

    def __init__(
        self, path: str, size_bytes: int, *, given: bool, option_error: Callable[[str, str, str], UsageError]
    ) -> None:
        """Open and lock the file, and read which blocks an earlier run left torn.

        Args:
            path: of the file.
            size_bytes: of the disk.
            given: whether the size was asked for, or is the default.
            option_error: makes the error of an option.

        Raises:
            UsageError: the file cannot be used; nothing is open or changed then.
        """
        self._file = DeviceFile(path, option_error)
        self._intents = Intents(path, option_error)
        with self._file.claim() as length:
            if length:
                self._check_length(length, size_bytes if given else length)
                size_bytes = length
            self.count = size_bytes // DISK_BLOCK_BYTES
            self._intents.open(self.count, new=not length)
            if not length:
                self._make(size_bytes)
        self._buffer = bytearray()

    def _check_length(self, length: int, size_bytes: int) -> None:
        if not is_disk_size(length):
            raise self._file.error(f"the file has {length} bytes", SIZE_EXPECTED)
        if length != size_bytes:
            raise self._file.error(f"the file has {length} bytes", f"{size_bytes}, as option 'size' says")

    def _make(self, size_bytes: int) -> None:
        try:
            os.ftruncate(self._descriptor(), size_bytes)
        except OSError:
            self._intents.close()
            raise

    def _descriptor(self) -> int:
        if self._file.descriptor is None:
            raise _closed()
        return self._file.descriptor

    def read(self, first: int, count: int) -> memoryview:
        """As many as go into the buffer, up to the first torn one."""
        descriptor = self._descriptor()
        count = min(count, DISK_READ_BLOCKS_MAX)
        torn = self._intents.torn(first, count)
        if torn == first:
            problem = f"block {first}: a write to it was cut off; it must be written again"
            raise DeviceCheck(Sense.DATA_CHECK, problem)
        size_bytes = ((torn or first + count) - first) * DISK_BLOCK_BYTES
        if len(self._buffer) < size_bytes:
            self._buffer = bytearray(size_bytes)
        buffer = memoryview(self._buffer)[:size_bytes]
        try:
            found = os.preadv(descriptor, (buffer,), first * DISK_BLOCK_BYTES)
        except OSError as error:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"block {first}: {error.strerror}") from None
        if found < size_bytes:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"block {first}: somebody cut the file short")
        return buffer

    def write(self, first: int, data: bytes | memoryview) -> None:
        """In one call, between an intent and its end."""
        descriptor = self._descriptor()
        padding = _padding(data)
        count = (len(data) + len(padding)) // DISK_BLOCK_BYTES
        try:
            self._intents.begin(first, count)
            try:
                write_all(descriptor, (data, padding), first * DISK_BLOCK_BYTES)
            except OSError:
                self._intents.fail(first, count)
                raise
            self._intents.end(first, count)
        except OSError as error:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"block {first}: {error.strerror}") from None

    def close(self) -> None:
        """Write the blocks out, then drop the intents: they stand as long as the blocks may not."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._file.drop)
            stack.callback(self._intents.close)
            self._file.sync()
