"""`disk`: fixed blocks of 512 bytes, in memory or in a sparse file.

A block that was never written reads as zeros and takes no room. With `path` the blocks lie in a file that
outlives the run: a missing or empty one is made with the disk's size, all of it a hole; one that exists must
have the size that `size` says, and gives the disk its size where `size` is not given.

The descriptor is the disk's alone: it is opened at construction, locked against other devices and runs, and
closed by `close`, which writes everything out first.
"""

import fcntl
import os
import stat
from collections.abc import Mapping
from typing import Any, ClassVar

from lparvm.config import DISK_BLOCK_BYTES, DISK_BLOCKS_MAX
from lparvm.devices.base import Device, DeviceCheck, Sense
from lparvm.options import Kind, Option, size
from lparvm.units import format_size

_SIZE_EXPECTED = (
    f"a multiple of {DISK_BLOCK_BYTES} bytes, {format_size(DISK_BLOCKS_MAX * DISK_BLOCK_BYTES)} at most"
)


def _path(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(value)
    return value


class Disk(Device):
    """A disk of fixed 512-byte blocks, in memory or in a sparse file."""

    KIND = "disk"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option(
            "size", size(DISK_BLOCK_BYTES), 16 << 20,
            "Size, a multiple of 512 bytes; where it isn't given, a file that exists has its own.",
        ),
        Option(
            "path", Kind("the path of a file", _path), None, "File that holds the blocks; none: in memory."
        ),
    )  # fmt: skip
    block_bytes = DISK_BLOCK_BYTES

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any]) -> None:
        """Open the file, if there is one.

        Raises:
            UsageError: an option is wrong, or the file cannot be used.
        """
        super().__init__(number, latency_ns, options)
        size_bytes: int = self.options["size"]
        if not _is_disk_size(size_bytes):
            raise self.option_error("size", f"{size_bytes} bytes", _SIZE_EXPECTED)
        self.path: str | None = self.options["path"]
        self._memory: dict[int, bytes] = {}
        self._descriptor: int | None = None
        if self.path is not None:
            size_bytes = self._open(self.path, size_bytes, given="size" in options)
        self.blocks = size_bytes // DISK_BLOCK_BYTES

    def _open(self, path: str, size_bytes: int, *, given: bool) -> int:
        """Open and lock the file; returns the disk's size in bytes. After an error nothing is open."""
        descriptor = None
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            size_bytes = self._claim(descriptor, path, size_bytes, given=given)
        except BlockingIOError:
            raise self.option_error(
                "path", f"{path}: another device or run uses it", "a file for each disk"
            ) from None
        except (OSError, ValueError) as error:
            problem = error.strerror if isinstance(error, OSError) else str(error)
            raise self.option_error(
                "path", f"{path}: {problem}", "a file that can be read and written"
            ) from None
        else:
            self._descriptor, descriptor = descriptor, None
        finally:
            if descriptor is not None:
                os.close(descriptor)
        return size_bytes

    def _claim(self, descriptor: int, path: str, size_bytes: int, *, given: bool) -> int:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise self.option_error("path", f"{path}: no regular file", "a file that can be read and written")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Looked at again under the lock: another run may just have given it its size.
        length = os.fstat(descriptor).st_size
        if not length:
            os.ftruncate(descriptor, size_bytes)
            return size_bytes
        if not _is_disk_size(length):
            raise self.option_error("path", f"{path}: the file has {length} bytes", _SIZE_EXPECTED)
        if given and length != size_bytes:
            expected = f"{size_bytes}, as option 'size' says"
            raise self.option_error("path", f"{path}: the file has {length} bytes", expected)
        return length

    def seek(self, block: int) -> None:
        """Stand before a block."""
        self._check(block)
        self.block = block

    def read_block(self) -> bytes:
        """The next block."""
        block = self.block
        self._check(block)
        data = self._memory.get(block, bytes(DISK_BLOCK_BYTES)) if self.path is None else self._read(block)
        self.block += 1
        return data

    def write_block(self, data: bytes) -> None:
        """Write the next block."""
        assert len(data) == DISK_BLOCK_BYTES, f"{len(data)} bytes for a block"
        block = self.block
        self._check(block)
        if self.path is None:
            self._memory[block] = data
        else:
            self._write(block, data)
        self.block += 1

    def _check(self, block: int) -> None:
        if not 0 <= block < self.blocks:
            raise DeviceCheck(Sense.COMMAND_REJECT, f"block {block}; expected one below {self.blocks}")

    def _read(self, block: int) -> bytes:
        try:
            data = os.pread(self._open_descriptor(), DISK_BLOCK_BYTES, block * DISK_BLOCK_BYTES)
        except OSError as error:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"block {block}: {error.strerror}") from None
        if len(data) < DISK_BLOCK_BYTES:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"block {block}: somebody cut the file short")
        return data

    def _write(self, block: int, data: bytes) -> None:
        try:
            written = os.pwrite(self._open_descriptor(), data, block * DISK_BLOCK_BYTES)
        except OSError as error:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"block {block}: {error.strerror}") from None
        if written < DISK_BLOCK_BYTES:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, f"block {block}: only {written} bytes were written")

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise DeviceCheck(Sense.EQUIPMENT_CHECK, "the disk's file is closed")
        return self._descriptor

    def close(self) -> None:
        """Write the file's blocks out and close it. Idempotent.

        Raises:
            UsageError: the file system could not keep what was written; the file is closed all the same.
        """
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            os.fsync(descriptor)
        except OSError as error:
            problem = f"{self.path}: {error.strerror}, when it was closed"
            raise self.option_error("path", problem, "a file that keeps what is written") from None
        finally:
            os.close(descriptor)


def _is_disk_size(size_bytes: int) -> bool:
    blocks, rest = divmod(size_bytes, DISK_BLOCK_BYTES)
    return not rest and 0 < blocks <= DISK_BLOCKS_MAX
