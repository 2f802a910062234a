"""Channel programs in guest storage: a page of CCWs, IDAWs and parameters, and programs for disks.

The page knows what it must hold. It is laid out before IPL; afterwards only parameters change.
"""

from collections.abc import Sequence
from typing import Protocol

from attrs import Factory, define, frozen

from lparvm.arch.address import PAGE_BYTES
from lparvm.arch.channel import CCW_BYTES, SENSE_BYTES, Ccw, CcwFlag, Command
from lparvm.arch.fixed_block import (
    EXTENT_BYTES,
    LOCATE_BYTES,
    DiskCommand,
    Mask,
    Operation,
    define_extent,
    locate,
)
from lparvm.arch.subchannel import Orb
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.processor import Processor

_CHAIN_COMMAND, _CHAIN_DATA = CcwFlag.CHAIN_COMMAND, CcwFlag.CHAIN_DATA
_SUPPRESS_LENGTH, _INDIRECT = CcwFlag.SUPPRESS_LENGTH, CcwFlag.INDIRECT
_DOUBLEWORD = 8


class Record(Protocol):
    """What a channel program moves, such as an `Area`: `size` bytes from `record` on, or in `pieces`."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def record(self) -> int:
        """Guest absolute address of the first byte."""

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """Guest absolute address and bytes of each piece."""


@define
class ProgramPage:
    """A page of channel programs.

    Attributes:
        address: guest absolute address, a page boundary.
        holds: what the page must hold; from `load` on, the whole page.
    """

    address: int
    holds: bytearray = Factory(bytearray)

    def lay(self, data: bytes) -> int:
        """Give data a place on a doubleword boundary, before `load`; its guest absolute address."""
        address = self.address + len(self.holds)
        self.holds += data.ljust(-(-len(data) // _DOUBLEWORD) * _DOUBLEWORD, b"\0")
        assert len(self.holds) <= PAGE_BYTES, "the programs fit into one page"
        return address

    def chain(self, *ccws: Ccw) -> int:
        """Lay CCWs, command-chained unless they chain data; the guest absolute address of the first."""
        last = len(ccws) - 1
        return self.lay(
            b"".join(
                Ccw(
                    ccw.command, ccw.flags | (_CHAIN_COMMAND if number < last else 0), ccw.count, ccw.address
                ).encode()
                if not ccw.flags & _CHAIN_DATA
                else ccw.encode()
                for number, ccw in enumerate(ccws)
            )
        )

    def move(self, command: int, area: Record, *, direct: bool = False, flags: int = 0) -> list[Ccw]:
        """The CCWs that move a record.

        Args:
            command: of the device.
            area: it, such as an area; in one piece or scattered.
            direct: a scattered record by data chaining; else by IDAWs.
            flags: of the (last) CCW.
        """
        if len(area.pieces) == 1:
            return [Ccw(command, flags, area.size, area.record)]
        if not direct:
            idaws = self.lay(b"".join(address.to_bytes(8, "big") for address, _ in area.pieces))
            return [Ccw(command, flags | _INDIRECT, area.size, idaws)]
        *pieces, (address, count) = area.pieces
        chained = [Ccw(command, _CHAIN_DATA, length, at) for at, length in pieces]
        return [*chained, Ccw(command, flags, count, address)]

    def load(self, cpu: Processor) -> None:
        """IPL: store what was laid; the rest of the page is zeros."""
        self.holds += bytes(PAGE_BYTES - len(self.holds))
        cpu.store_bytes(self.address, bytes(self.holds))

    def patch(self, cpu: Processor, address: int, data: bytes) -> None:
        """Change parameters of a program that does not run."""
        place = address - self.address
        self.holds[place : place + len(data)] = data
        cpu.store_bytes(address, data)

    def accept(self, cpu: Processor, address: int, count: int) -> bytes:
        """Take for good what a program has stored in the page itself, such as sense data."""
        place = address - self.address
        self.holds[place : place + count] = found = cpu.fetch_bytes(address, count)
        return found

    def check(self, cpu: Processor) -> None:
        """Verify the page, doubleword by doubleword."""
        found = cpu.fetch_bytes(self.address, len(self.holds))
        for place in range(0, len(found), CCW_BYTES):
            part = slice(place, place + CCW_BYTES)
            if found[part] != self.holds[part]:
                expected = f"channel program {self.holds[part].hex()}"
                cpu.damaged(self.address + place, expected, found[part].hex())


@frozen
class DiskProgram:
    """DEFINE EXTENT, LOCATE, and one READ or WRITE for each of some areas, whose records follow on the disk.

    Attributes:
        page: where it lies.
        orb: starts it.
        parameters: guest absolute address of the parameters of DEFINE EXTENT, then of LOCATE.
        operation: what it does.
        blocks: how many blocks it moves.
    """

    page: ProgramPage
    orb: Orb
    parameters: int
    operation: Operation
    blocks: int

    @classmethod
    def lay(
        cls, page: ProgramPage, areas: Sequence[Record], *, write: bool, first: int | None = None
    ) -> "DiskProgram":
        """Lay it into a page, for the beginning of the disk.

        Args:
            page: where.
            areas: the records, such as areas; scattered ones by IDAWs and by data chaining in turn.
            write: storage to disk; else disk to storage.
            first: a command without data that goes before, such as RESERVE.
        """
        blocks = sum(area.size for area in areas) // DISK_BLOCK_BYTES
        operation, command = (
            (Operation.WRITE, DiskCommand.WRITE) if write else (Operation.READ, DiskCommand.READ)
        )
        parameters = page.lay(_parameters(operation, 0, blocks))
        ccws = [] if first is None else [Ccw(first, _SUPPRESS_LENGTH, 1, parameters)]
        ccws += [
            Ccw(DiskCommand.DEFINE_EXTENT, 0, EXTENT_BYTES, parameters),
            Ccw(DiskCommand.LOCATE, 0, LOCATE_BYTES, parameters + EXTENT_BYTES),
        ]
        for number, area in enumerate(areas):
            # Each but the last one leaves blocks that are located: no incorrect length is meant.
            flags = _SUPPRESS_LENGTH if number < len(areas) - 1 else 0
            ccws += page.move(command, area, direct=bool(number & 1), flags=flags)
        return cls(page, Orb(page.chain(*ccws)), parameters, operation, blocks)

    def locate(self, cpu: Processor, block: int) -> Orb:
        """Have it begin at a block of the disk; the ORB."""
        self.page.patch(cpu, self.parameters, _parameters(self.operation, block, self.blocks))
        return self.orb


def lay_command(page: ProgramPage, command: int) -> Orb:
    """A program of one command without data, such as RELEASE."""
    return Orb(page.chain(Ccw(command, _SUPPRESS_LENGTH, 1, page.address)))


def lay_sense(page: ProgramPage) -> tuple[Orb, int]:
    """A program that puts sense data into the page, and where it puts them; see `ProgramPage.accept`."""
    address = page.lay(bytes(SENSE_BYTES))
    return Orb(page.chain(Ccw(Command.SENSE, 0, SENSE_BYTES, address))), address


def _parameters(operation: Operation, block: int, blocks: int) -> bytes:
    mask = Mask.NO_FORMATTING if operation is Operation.WRITE else Mask.NO_WRITING
    return define_extent(block, block + blocks - 1, mask=mask) + locate(operation, block, blocks)
