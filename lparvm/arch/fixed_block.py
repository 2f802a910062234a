"""Fixed-block disks: command codes, and the parameters of DEFINE EXTENT and LOCATE.

The codes and layouts are those of the 3370 and 9336 (IBM GA26-1661, GC26-4617): a chain is DEFINE EXTENT, which
says what part of the disk it may touch, LOCATE, which says where and how many blocks, then READ or WRITE.
All numbers are big-endian.
"""

import enum
import struct

from attrs import frozen

EXTENT_BYTES = 16
LOCATE_BYTES = 8
CHARACTERISTICS_BYTES = 32
LOCATE_BLOCKS_MAX = 0xFFFF
"""Most blocks of one LOCATE."""

_EXTENT = struct.Struct(">B3xIII")
_LOCATION = struct.Struct(">BxHI")


class DiskCommand(enum.IntEnum):
    """A fixed-block disk's own command codes."""

    WRITE = 0x41
    READ = 0x42
    LOCATE = 0x43
    DEFINE_EXTENT = 0x63
    READ_DEVICE_CHARACTERISTICS = 0x64


class Operation(enum.IntEnum):
    """What a LOCATE is for: the low four bits of its operation byte."""

    WRITE = 0x01
    READ = 0x06


class Mask(enum.IntEnum):
    """What a DEFINE EXTENT permits; all the others are invalid."""

    NO_FORMATTING = 0x00
    NO_WRITING = 0x40
    ALL = 0xC0


@frozen
class Extent:
    """The part of a disk that a chain may touch.

    Attributes:
        mask: a `Mask`, or an invalid one.
        physical: number on the disk of the extent's first block.
        first: number that LOCATE uses for that block.
        last: number that LOCATE uses for the extent's last block.
    """

    mask: int
    physical: int
    first: int
    last: int

    @classmethod
    def decode(cls, data: bytes) -> "Extent":
        """The extent of 16 bytes; 1 to 3 are not looked at."""
        return cls(*_EXTENT.unpack(data))


@frozen
class Location:
    """Where a READ or WRITE begins.

    Attributes:
        operation: operation byte: an `Operation`, or an invalid one.
        count: blocks.
        block: number of the first block, as the extent counts them.
    """

    operation: int
    count: int
    block: int

    @classmethod
    def decode(cls, data: bytes) -> "Location":
        """The location of 8 bytes; the replication count is not looked at."""
        return cls(*_LOCATION.unpack(data))


def define_extent(first: int, last: int, *, mask: Mask = Mask.ALL, physical: int | None = None) -> bytes:
    """The 16 bytes of a DEFINE EXTENT from block `first` to `last`, inclusive.

    Args:
        first: number of the first block; LOCATE counts from it.
        last: number of the last block.
        mask: what is permitted.
        physical: where on the disk the first block is; where it isn't given: at `first`.
    """
    return _EXTENT.pack(mask, first if physical is None else physical, first, last)


def locate(operation: Operation, block: int, count: int) -> bytes:
    """The 8 bytes of a LOCATE of `count` blocks, 1 to 65535, from `block` on."""
    return _LOCATION.pack(operation, count, block)
