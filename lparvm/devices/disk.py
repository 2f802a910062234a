"""`disk`: fixed blocks of 512 bytes, in memory or in a sparse file; the commands are those of a 9336.

- DEFINE EXTENT: 16 bytes, see `arch.fixed_block`: the part of the disk that this chain may touch. Once a chain.
- LOCATE: 8 bytes: what for, from which block on, how many. It must follow a DEFINE EXTENT, and lie in it.
- READ, WRITE: the blocks located, after one positioning of `latency_ns`. A count of fewer bytes leaves the other
  blocks for the next READ or WRITE of the chain; a WRITE that ends within a block fills it with zeros.
- READ DEVICE CHARACTERISTICS: 32 bytes.

Anything else is a command reject, and so is a READ or WRITE that no LOCATE of its kind goes before in its
chain. Extent and location end with the chain.

A file outlives the run. Of a write that was cut off as the run was killed, the blocks are data checks until they are
written again, in this run or a later one (`intents`).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from lparvm.arch.channel import ENDED
from lparvm.arch.fixed_block import (
    CHARACTERISTICS_BYTES,
    EXTENT_BYTES,
    LOCATE_BYTES,
    DiskCommand,
    Extent,
    Location,
    Mask,
    Operation,
)
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.devices.base import DataArea, Device, DeviceCheck, Sense, Waits
from lparvm.devices.blocks import SIZE_EXPECTED, Blocks, FileBlocks, MemoryBlocks, is_disk_size
from lparvm.devices.files import path_option
from lparvm.options import Option, size

_OPERATIONS = {DiskCommand.READ: Operation.READ, DiskCommand.WRITE: Operation.WRITE}
# As plain numbers: enums are slow to look through, and each transfer asks.
_MASKS = tuple(map(int, Mask))
_OPERATION_BYTES = {int(operation): operation for operation in Operation}

# Of a 9336 model 20. Operation modes and features, class (disk of fixed blocks), type.
_CHARACTERISTICS = bytes.fromhex("30 08 21 11")
_GROUP_BLOCKS, _POSITION_BLOCKS = 111, 777  # of a cyclical group, and of an access position

SIZE_OPTION = Option(
    "size", size(DISK_BLOCK_BYTES), 16 << 20,
    "Size, a multiple of 512 bytes; where it isn't given, a file that exists has its own.",
)  # fmt: skip


def rejected(problem: str) -> DeviceCheck:
    """A command reject."""
    return DeviceCheck(Sense.COMMAND_REJECT, problem)


class Disk(Device):
    """A disk of fixed 512-byte blocks, in memory or in a sparse file.

    Attributes:
        blocks_at_once: of a READ or WRITE, between two storage points, where a simulation lets others run; None: all.
    """

    KIND = "disk"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        SIZE_OPTION,
        path_option("File that holds the blocks; none: in memory."),
    )
    # Control unit 6310 model 80, device 9336 model 10.
    IDENTITY = bytes.fromhex("FF 6310 80 9336 10")
    COMMANDS: ClassVar[Mapping[int, str]] = {command: command.name for command in DiskCommand}

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any], seed: int = 0) -> None:
        """Open the file, if there is one.

        Raises:
            UsageError: an option is wrong, or the file cannot be used.
        """
        super().__init__(number, latency_ns, options, seed)
        self._store = self._make_store(given="size" in options)
        self._extent: Extent | None = None
        self._located: Operation | None = None
        self.blocks_at_once: int | None = None
        self._block = self._left = 0  # of the location: number on the disk of the next block, and how many

    def _make_store(self, *, given: bool) -> Blocks:
        size_bytes: int = self.options["size"]
        if not is_disk_size(size_bytes):
            raise self.option_error("size", f"{size_bytes} bytes", SIZE_EXPECTED)
        path: str | None = self.options.get("path")
        if path is not None:
            return FileBlocks(path, size_bytes, given=given, option_error=self.option_error)
        try:
            return MemoryBlocks(size_bytes // DISK_BLOCK_BYTES)
        except OSError as error:
            raise self.option_error("size", str(error.strerror), "what the address space holds") from None

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return self._store.count

    def begin_chain(self) -> None:
        """Forget extent and location."""
        self._extent = self._located = None
        self._left = 0

    def execute(self, command: int, data: DataArea, *, chained: bool) -> Waits:  # noqa: ARG002
        """Perform one of `DiskCommand`."""
        match command:
            case DiskCommand.DEFINE_EXTENT:
                self._define_extent(data)
            case DiskCommand.LOCATE:
                self._locate(data)
            case DiskCommand.READ | DiskCommand.WRITE:
                self.expect(DiskCommand(command))
                yield from self.transfer(DiskCommand(command), data)
            case DiskCommand.READ_DEVICE_CHARACTERISTICS:
                data.give(self.characteristics())
            case _:
                raise self.reject(command)
        return ENDED

    def _define_extent(self, data: DataArea) -> None:
        given = bytes(data.take(EXTENT_BYTES))
        if len(given) < EXTENT_BYTES:
            raise rejected(f"{len(given)} bytes of extent; expected {EXTENT_BYTES}")
        if self._extent is not None:
            raise rejected("a second extent in one chain; expected one")
        extent = Extent.decode(given)
        if extent.mask not in _MASKS:
            raise rejected(f"mask {extent.mask:02X}; expected 00, 40 or C0")
        if not extent.first <= extent.last or extent.physical + extent.last - extent.first >= self.blocks:
            raise rejected(f"an extent that ends before it begins, or behind block {self.blocks - 1}")
        self._extent = extent

    def _locate(self, data: DataArea) -> None:
        self._located, self._left = None, 0
        given = bytes(data.take(LOCATE_BYTES))
        if len(given) < LOCATE_BYTES:
            raise rejected(f"{len(given)} bytes of location; expected {LOCATE_BYTES}")
        extent, location = self._extent, Location.decode(given)
        if extent is None:
            raise rejected("LOCATE; expected DEFINE EXTENT before it")
        if location.operation not in _OPERATION_BYTES:
            raise rejected(f"operation {location.operation:02X}; expected 01 or 06")
        if location.operation == Operation.WRITE and extent.mask == Mask.NO_WRITING:
            raise rejected("LOCATE for a write; expected an extent that permits it")
        last = location.block + location.count - 1
        if not location.count or location.block < extent.first or last > extent.last:
            problem = f"{location.count} blocks from {location.block} on"
            raise rejected(f"{problem}; expected some from {extent.first} to {extent.last}")
        self._located, self._left = _OPERATION_BYTES[location.operation], location.count
        self._block = extent.physical + location.block - extent.first

    def expect(self, command: DiskCommand) -> None:
        """Whether blocks are located for this READ or WRITE.

        Raises:
            DeviceCheck: none are, or for the other one.
        """
        if self._located != _OPERATIONS[command] or not self._left:
            raise rejected(f"{command.name}; expected a LOCATE for it, with blocks that are left")

    def transfer(self, command: DiskCommand, data: DataArea) -> Waits:
        """READ or WRITE: position, then move all blocks that are located, as far as the program's count goes."""
        yield self.latency_ns
        if self.blocks_at_once is not None:
            while self.move(command, data, self.blocks_at_once):
                yield 0  # a storage point
        self.move(command, data, self._left)
        return ENDED

    def move(self, command: DiskCommand, data: DataArea, most: int) -> bool:
        """Move up to `most` of the blocks that are located; whether the program may have count for more of them.

        Raises:
            DeviceCheck: the medium; the blocks before have been moved.
            ChannelCheck: out of `data`.
        """
        most = min(most, self._left)
        if command == DiskCommand.WRITE:
            written = data.take(most * DISK_BLOCK_BYTES)
            if len(written):
                self._store.write(self._block, written)
            return self._advance(len(written), most)
        while most:
            read = self._store.read(self._block, most)
            blocks = len(read) // DISK_BLOCK_BYTES
            if not self._advance(data.give(read), blocks):
                return False
            most -= blocks
        return self._left > 0

    def _advance(self, moved_bytes: int, blocks: int) -> bool:
        moved = -(-moved_bytes // DISK_BLOCK_BYTES)
        self._block += moved
        self._left -= moved
        return self._left > 0 and moved_bytes == blocks * DISK_BLOCK_BYTES

    def characteristics(self) -> bytes:
        """The 32 bytes of READ DEVICE CHARACTERISTICS: kind, block size, blocks of group, position and disk."""
        return b"".join((
            _CHARACTERISTICS,
            DISK_BLOCK_BYTES.to_bytes(2, "big"),
            _GROUP_BLOCKS.to_bytes(4, "big"),
            _POSITION_BLOCKS.to_bytes(4, "big"),
            # All of 2^32 blocks do not fit.
            min(self.blocks, (1 << 32) - 1).to_bytes(4, "big"),
        )).ljust(CHARACTERISTICS_BYTES, b"\0")  # fmt: skip

    def close(self) -> None:
        """Write the file's blocks out and close it; memory is given back. Idempotent."""
        self._store.close()
