"""`disk`: fixed blocks of 512 bytes, in memory or in a sparse file.

A block that was never written reads as zeros. With `path` the blocks lie in a file, which is made when it is
missing; it grows by what is written, up to `size`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lparvm.config import DISK_BLOCK_BYTES
from lparvm.devices.base import Device, DeviceCheck
from lparvm.errors import UsageError
from lparvm.options import Kind, Option, size


def _path(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(value)
    return value


class Disk(Device):
    """A fixed-block disk."""

    KIND = "disk"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("size", size(DISK_BLOCK_BYTES), 16 << 20, "Size, a multiple of 512 bytes."),
        Option("path", Kind("the path of a file", _path), None, "File that holds the blocks; none: in memory."),
    )
    block_bytes = DISK_BLOCK_BYTES

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any]) -> None:
        """Open the file, if there is one.

        Raises:
            UsageError: an option is wrong, or the file cannot be used.
        """
        super().__init__(number, latency_ns, options)
        if self.options["size"] % DISK_BLOCK_BYTES:
            raise UsageError(
                f"device {number:04X} (disk): option 'size': {self.options['size']} bytes; expected a multiple of "
                f"{DISK_BLOCK_BYTES}"
            )
        self.blocks = self.options["size"] // DISK_BLOCK_BYTES
        self._memory: dict[int, bytes] = {}
        self._descriptor: int | None = None
        if self.options["path"] is not None:
            self._descriptor = self._open(Path(self.options["path"]))

    def _open(self, path: Path) -> int:
        place = f"device {self.number:04X} (disk): option 'path': {path}"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(
                f"{place}: {error.strerror}; expected a file that can be read and written"
            ) from None
        length = os.fstat(descriptor).st_size
        if length % DISK_BLOCK_BYTES or length > self.options["size"]:
            os.close(descriptor)
            expected = f"a multiple of {DISK_BLOCK_BYTES} up to the disk's size, {self.options['size']} bytes"
            raise UsageError(f"{place}: the file has {length} bytes; expected {expected}")
        return descriptor

    def seek(self, block: int) -> None:
        """Stand before a block."""
        if not 0 <= block < self.blocks:
            raise DeviceCheck(f"block {block} is not on the disk")
        self.block = block

    def read_block(self) -> bytes:
        """The next block."""
        block = self._next()
        if self._descriptor is None:
            return self._memory.get(block, bytes(DISK_BLOCK_BYTES))
        try:
            data = os.pread(self._descriptor, DISK_BLOCK_BYTES, block * DISK_BLOCK_BYTES)
        except OSError as error:
            raise DeviceCheck(f"block {block}: {error.strerror}") from None
        return data.ljust(DISK_BLOCK_BYTES, b"\0")  # past the end of a sparse file

    def write_block(self, data: bytes) -> None:
        """Write the next block."""
        block = self._next()
        if self._descriptor is None:
            self._memory[block] = data
            return
        try:
            os.pwrite(self._descriptor, data, block * DISK_BLOCK_BYTES)
        except OSError as error:
            raise DeviceCheck(f"block {block}: {error.strerror}") from None

    def _next(self) -> int:
        if self.block >= self.blocks:
            raise DeviceCheck(f"block {self.block} is not on the disk")
        self.block += 1
        return self.block - 1

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
