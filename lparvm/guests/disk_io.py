"""Channel programs of guests for fixed-block disks, and running them whatever an operator does."""

from collections.abc import Generator, Sequence
from typing import Any

from lparvm.arch.channel import CCW_BYTES, Ccw, CcwFlag
from lparvm.arch.fixed_block import (
    EXTENT_BYTES,
    LOCATE_BYTES,
    DiskCommand,
    Operation,
    define_extent,
    locate,
)
from lparvm.arch.subchannel import Function, Orb, Scsw
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.channel_io import run_program

IoSteps = Generator[Any, Any, Scsw]
"""I/O under way; returns the SCSW of its end."""


def disk_program(at: int, command: DiskCommand, block: int, pieces: Sequence[tuple[int, int]]) -> bytes:
    """A channel program that reads or writes consecutive blocks, to be stored at guest absolute `at`.

    DEFINE EXTENT, LOCATE, and one READ or WRITE; its data may lie in several pieces of storage, which are
    data-chained. The parameters follow the CCWs.

    Args:
        at: where it will lie, a multiple of 8.
        command: READ or WRITE.
        block: number of the first block.
        pieces: (guest absolute address, bytes) of each piece of storage; together whole blocks.
    """
    blocks = sum(count for _, count in pieces) // DISK_BLOCK_BYTES
    operation = Operation.WRITE if command is DiskCommand.WRITE else Operation.READ
    extent = at + (2 + len(pieces)) * CCW_BYTES
    ccws = [
        Ccw(DiskCommand.DEFINE_EXTENT, CcwFlag.CHAIN_COMMAND, EXTENT_BYTES, extent),
        Ccw(DiskCommand.LOCATE, CcwFlag.CHAIN_COMMAND, LOCATE_BYTES, extent + EXTENT_BYTES),
    ]
    last = len(pieces) - 1
    for number, (address, count) in enumerate(pieces):
        flags = CcwFlag.CHAIN_DATA if number < last else CcwFlag(0)
        ccws.append(Ccw(command, flags, count, address))
    parameters = define_extent(block, block + blocks - 1) + locate(operation, block, blocks)
    return b"".join(ccw.encode() for ccw in ccws) + parameters


def stopped_by_order(status: Scsw) -> bool:
    """Whether a start was halted or cleared: by the operator's BUSY=HALT, as this guest does neither."""
    return bool(status.function & (Function.HALT | Function.CLEAR))


def run_again(device: int, orb: Orb) -> IoSteps:
    """Run a channel program to an end of its own: what was halted or cleared is run again.

    For programs that may be run twice: a disk's blocks are the same then, a tape's records are not.

    Raises:
        RuntimeError: the device is not operational, or the program did not end normally.
    """
    while True:
        status = yield from run_program(device, orb)
        if isinstance(status, int):
            raise RuntimeError(f"device {device:04X} is not operational")  # noqa: TRY004 - no type error
        if not stopped_by_order(status):
            return ended_normally(device, status)


def ended_normally(device: int, status: Scsw) -> Scsw:
    """The same status.

    Raises:
        RuntimeError: it is not that of a normal end.
    """
    if status.ended_normally and not status.count:
        return status
    found = f"device status {status.device_status:02X}, subchannel status {status.subchannel_status:02X}"
    raise RuntimeError(f"device {device:04X} ended with {found}, residual count {status.count}")
