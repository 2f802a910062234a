"""What a witness keeps for each of its processors: pages of its own, a part of a disk, and what it has seen.

A lane's pages, in order; with fewer than three, or without a device, there are only data pages:

    program page    the channel programs that write and read the buffer
    buffer          one page, or two where the lane has five: then the record is scattered over both
    data pages      words, records of two words, storage keys
"""

from attrs import Factory, define, evolve, field, frozen

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.storage_key import CHANGE, REFERENCE
from lparvm.arch.subchannel import Orb
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.processor import Processor
from lparvm.guests.program_page import DiskProgram, ProgramPage
from lparvm.stress.guests.known_pages import KnownPages

RECORD_BLOCKS = 2
RECORD_BYTES = RECORD_BLOCKS * DISK_BLOCK_BYTES
_IO_PAGES_MIN = 3
_SCATTERED_PAGES_MIN = 5
_MASK = (1 << 64) - 1
_FACTOR = 0x9E3779B97F4A7C15


@frozen
class _Record:
    """What a channel program moves, from a place of the buffer on, or scattered over its two pages."""

    pieces: tuple[tuple[int, int], ...]
    size: int = RECORD_BYTES

    @property
    def record(self) -> int:
        """Guest absolute address of the first byte."""
        return self.pieces[0][0]


@define
class DiskLane:
    """The part of a lane that does I/O.

    Attributes:
        page: number of the program page; the buffer follows.
        buffer_pages: one or two.
        access_control: of the buffer's storage keys, and of the channel programs that use it: where a key is lost, the
            channel is refused.
        holds: number of a record -> what the disk holds there.
        busy: a channel program may be at work: nobody knows what the buffer holds.
    """

    page: int
    buffer_pages: int
    access_control: int
    holds: dict[int, bytes] = Factory(dict)
    busy: bool = False
    programs: ProgramPage = field(init=False)
    buffer: KnownPages = field(init=False)
    record: _Record = field(init=False)
    write: DiskProgram = field(init=False)
    read: DiskProgram = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.programs = ProgramPage(self.page << PAGE_SHIFT)
        self.buffer = KnownPages(self.page + 1, self.buffer_pages)
        at, half = self.buffer.address, RECORD_BYTES // 2
        if self.buffer_pages == 1:
            self.record = _Record(((at + half, RECORD_BYTES),))
        else:
            self.record = _Record(((at + 2 * PAGE_BYTES - half, half), (at, half)))
        self.write = DiskProgram.lay(self.programs, [self.record], write=True)
        self.read = DiskProgram.lay(self.programs, [self.record], write=False)

    def load(self, cpu: Processor, data: bytes) -> None:
        """IPL."""
        self.programs.load(cpu)
        self.buffer.load(cpu, data)
        self.clear_key_bits(cpu)

    def locate(self, cpu: Processor, number: int, first_block: int, *, write: bool) -> Orb:
        """The ORB that writes or reads a record of the disk."""
        program = self.write if write else self.read
        orb = program.locate(cpu, first_block + number * RECORD_BLOCKS)
        return evolve(orb, key=self.access_control)

    def fill(self, cpu: Processor, data: bytes) -> None:
        """Store the record into the buffer."""
        place = 0
        for address, count in self.record.pieces:
            self.buffer.store(cpu, address - self.buffer.address, data[place : place + count])
            place += count

    def clear_key_bits(self, cpu: Processor) -> None:
        """Clear reference and change bits of the buffer, so that the channel must set them."""
        for page in range(self.buffer_pages):
            self.buffer.set_key(cpu, page, self.access_control << 4)

    def moved(self, data: bytes, *, write: bool) -> None:
        """A channel program has moved this record: what buffer and keys must be now."""
        place = 0
        for address, count in self.record.pieces:
            at = address - self.buffer.address
            if write:
                self.buffer.fetched(at)
            else:
                self.buffer.stored(at, data[place : place + count])
            place += count

    def fetch(self, cpu: Processor) -> bytes:
        """Verify the record in the buffer; what was found."""
        at = self.buffer.address
        return b"".join(self.buffer.fetch(cpu, address - at, count) for address, count in self.record.pieces)

    def check(self, cpu: Processor) -> None:
        """Verify programs and buffer."""
        address, key = self.programs.address, cpu.get_key(self.programs.address)
        if key != REFERENCE | CHANGE:
            cpu.damaged(address, f"storage key {REFERENCE | CHANGE:02X}", f"storage key {key:02X}")
        self.programs.check(cpu)
        if not self.busy:
            self.buffer.check(cpu)


@define
class Lane:
    """What one processor has.

    Attributes:
        data: its data pages.
        disk: its part of a disk; None: it does no I/O.
        left: operations that are still to be done.
        seen: digest of everything seen until now.
        trail: `seen` after each operation.
    """

    data: KnownPages
    disk: DiskLane | None
    left: int
    seen: int = 0
    trail: list[int] = Factory(list)

    @classmethod
    def lay(cls, first: int, count: int, operations: int, access_control: int | None) -> "Lane":
        """A lane of `count` pages; None for its `access_control`: there is no device."""
        if access_control is None or count < _IO_PAGES_MIN:
            return cls(KnownPages(first, count), None, operations if count else 0)
        buffer_pages = 1 if count < _SCATTERED_PAGES_MIN else 2
        taken = 1 + buffer_pages
        disk = DiskLane(first, buffer_pages, access_control)
        return cls(KnownPages(first + taken, count - taken), disk, operations)

    def see(self, value: int) -> None:
        """Add what was seen to the digest."""
        self.seen = ((self.seen ^ value) * _FACTOR + 1) & _MASK

    def did(self) -> None:
        """An operation is done."""
        self.left -= 1
        self.trail.append(self.seen)
