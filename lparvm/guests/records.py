"""What `journal` keeps in storage for each LIP: a channel program, and two areas for records, with guards.

A *lane* is the storage of one LIP, page by page:

    program page    CCWs that write, CCWs that read, and the parameters of their DEFINE EXTENT and LOCATE
    write area      guard, record, guard up to one full page past it
    read area       the same

The guards are lines of stamped words that the LIP overwrites while the I/O beside them runs, in the record's
own pages and in the next one. A record's words are stamps too: of the LIP, the record's generation, and the
index of the word on the disk.
"""

import hashlib
import struct

import numpy as np
from attrs import define, field

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.channel import CCW_BYTES, Ccw, CcwFlag
from lparvm.arch.fixed_block import (
    EXTENT_BYTES,
    LOCATE_BYTES,
    DiskCommand,
    Operation,
    define_extent,
    locate,
)
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.processor import BIG_ENDIAN_WORD, Processor
from lparvm.guests.stamps import WORD_SHIFT, describe, make_head

_CHAIN_CCWS = 3
_PARAMETERS = 2 * _CHAIN_CCWS * CCW_BYTES
"""Where in the program page the extent is; the locations of write and read follow."""
_LINE_WORDS = 8
_LINE_BYTES = _LINE_WORDS << WORD_SHIFT
_GUARD_BYTES = DISK_BLOCK_BYTES
_pack_line = struct.Struct(f">{_LINE_WORDS}Q").pack


def record_bytes(salt: int, lip: int, generation: int, block: int, size: int) -> bytes:
    """The contents of a record of `size` bytes that begins at a block of the disk."""
    head = np.uint64(make_head(salt, generation, lip))
    first = block * DISK_BLOCK_BYTES >> WORD_SHIFT
    indices = np.arange(first, first + (size >> WORD_SHIFT), dtype=np.uint64)
    return (indices ^ head).astype(BIG_ENDIAN_WORD).tobytes()


def digest_of(data: bytes) -> bytes:
    """The digest by which a record is known."""
    return hashlib.blake2b(data, digest_size=16).digest()


def compare(cpu: Processor, salt: int, address: int, expected: bytes, found: bytes) -> None:
    """Tell each word at a guest absolute address that differs."""
    if expected == found:
        return
    words = (np.frombuffer(data, dtype=BIG_ENDIAN_WORD) for data in (expected, found))
    for place, (wanted, got) in enumerate(zip(*words, strict=True)):
        if wanted != got:
            cpu.damaged(
                address + (place << WORD_SHIFT), describe(salt, int(wanted)), describe(salt, int(got))
            )


@define
class Area:
    """A record in storage, with guards around it.

    Attributes:
        address: guest absolute address of the area, a page boundary.
        size: bytes of the record.
        holds: what the record's storage must hold; None: not known, as I/O may be storing there.
        generations: of each guard line.
    """

    address: int
    size: int
    holds: bytes | None = None
    generations: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """All guard lines are to be put in with generation 0."""
        self.generations = [0] * len(self._guard_lines())

    @staticmethod
    def pages(size: int) -> int:
        """Pages of an area for a record of `size` bytes."""
        return -(-(_GUARD_BYTES + size) // PAGE_BYTES) + 1

    @property
    def record(self) -> int:
        """Guest absolute address of the record."""
        return self.address + _GUARD_BYTES

    def _guard_lines(self) -> list[int]:
        below = range(self.address, self.record, _LINE_BYTES)
        end = self.address + (self.pages(self.size) << PAGE_SHIFT)
        return [*below, *range(self.record + self.size, end, _LINE_BYTES)]

    def line(self, number: int) -> int:
        """Guest absolute address of a guard line."""
        address = self.address + number * _LINE_BYTES
        return address if address < self.record else address + self.size

    def guard(self, cpu: Processor, salt: int, lip: int, number: int) -> None:
        """Put a guard line in, as its generation says."""
        cpu.store_bytes(self.line(number), self._line_bytes(salt, lip, number))

    def overwrite_guard(self, cpu: Processor, salt: int, lip: int, number: int) -> None:
        """Verify a guard line and put the next generation in."""
        self.check_guard(cpu, salt, lip, number)
        self.generations[number] += 1
        self.guard(cpu, salt, lip, number)

    def check_guard(self, cpu: Processor, salt: int, lip: int, number: int) -> None:
        """Verify a guard line."""
        address = self.line(number)
        expected = self._line_bytes(salt, lip, number)
        compare(cpu, salt, address, expected, cpu.fetch_bytes(address, _LINE_BYTES))

    def fill(self, cpu: Processor, data: bytes) -> None:
        """Store the record."""
        cpu.store_bytes(self.record, data)
        self.holds = data

    def check_record(self, cpu: Processor, salt: int) -> None:
        """Verify the record, where it is known what it must be."""
        if self.holds is not None:
            compare(cpu, salt, self.record, self.holds, cpu.fetch_bytes(self.record, self.size))

    def _line_bytes(self, salt: int, lip: int, number: int) -> bytes:
        first = make_head(salt, self.generations[number], lip) ^ self.line(number) >> WORD_SHIFT
        return _pack_line(*range(first, first + _LINE_WORDS))


@define
class Lane:
    """The storage of one LIP.

    Attributes:
        page: first page.
        size: bytes of a record.
        lip: number of the LIP.
        salt: the guest's.
        block: what the SEEK argument holds.
    """

    page: int
    size: int
    lip: int
    salt: int
    block: int = 0
    write_area: Area = field(init=False)
    read_area: Area = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Lay out the areas."""
        self.write_area = Area((self.page + 1) << PAGE_SHIFT, self.size)
        self.read_area = Area((self.page + 1 + Area.pages(self.size)) << PAGE_SHIFT, self.size)

    @staticmethod
    def pages(size: int) -> int:
        """Pages of a lane for records of `size` bytes."""
        return 1 + 2 * Area.pages(size)

    @property
    def areas(self) -> tuple[Area, Area]:
        """Write and read area."""
        return self.write_area, self.read_area

    @property
    def write_program(self) -> int:
        """Guest absolute address of the channel program that writes."""
        return self.page << PAGE_SHIFT

    @property
    def read_program(self) -> int:
        """Guest absolute address of the channel program that reads."""
        return self.write_program + _CHAIN_CCWS * CCW_BYTES

    def program_bytes(self) -> bytes:
        """What the program page begins with."""
        extent = self.write_program + _PARAMETERS
        blocks = self.size // DISK_BLOCK_BYTES
        ccws, parameters = b"", define_extent(self.block, self.block + blocks - 1)
        for number, (operation, command, area) in enumerate((
            (Operation.WRITE, DiskCommand.WRITE, self.write_area), (Operation.READ, DiskCommand.READ, self.read_area),
        )):  # fmt: skip
            chain = CcwFlag.CHAIN_COMMAND
            location = extent + EXTENT_BYTES + number * LOCATE_BYTES
            ccws += Ccw(DiskCommand.DEFINE_EXTENT, chain, EXTENT_BYTES, extent).encode()
            ccws += Ccw(DiskCommand.LOCATE, chain, LOCATE_BYTES, location).encode()
            ccws += Ccw(command, 0, self.size, area.record).encode()
            parameters += locate(operation, self.block, blocks)
        return ccws + parameters

    def load(self, cpu: Processor) -> None:
        """IPL: the channel programs, the guards, and in each area a record that no disk holds."""
        cpu.store_bytes(self.write_program, self.program_bytes())
        for area in self.areas:
            for number in range(len(area.generations)):
                area.guard(cpu, self.salt, self.lip, number)
            area.fill(cpu, self.unread())

    def seek(self, cpu: Processor, block: int) -> None:
        """Put the block number in."""
        self.block = block
        cpu.store_bytes(self.write_program + _PARAMETERS, self.program_bytes()[_PARAMETERS:])

    def unread(self) -> bytes:
        """What the read area holds before it is read into; never what a disk holds."""
        return bytes(byte ^ 0xFF for byte in record_bytes(self.salt, self.lip, 0, 0, self.size))

    def check(self, cpu: Processor) -> None:
        """Verify everything: channel programs, guards, records."""
        program = self.program_bytes()
        found = cpu.fetch_bytes(self.write_program, len(program))
        if found != program:
            cpu.damaged(self.write_program, f"channel programs {program.hex()}", found.hex())
        for area in self.areas:
            for number in range(len(area.generations)):
                area.check_guard(cpu, self.salt, self.lip, number)
            area.check_record(cpu, self.salt)
