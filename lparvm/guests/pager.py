"""`pager`: pages its own storage to a disk: more virtual pages than page frames.

Each LIP has page frames in its part of the zone and virtual pages of its own, `pages` of them for `frames` frames.
It takes a virtual page at random and verifies a line of it, or overwrites one. A page that is in no frame
is brought into one: the page that was there is written to its slot of the disk, if it was changed, and the wanted
one is read into the same frame. While that goes on, the LIP works on other pages in their frames.

Whether a page was changed is what the frame's storage key says, by its change bit, which the LIP turns off whenever
page and slot are alike. The guest knows what the bit must be: one that was lost would lose a page, and is damage,
as is one too many.

LIP `i` drives the LPAR's device `i`, all with the same blocks. A LIP without a device has no more virtual pages than
frames, and pages nothing.

A page's words are stamps, of the LIP, the virtual address, and a generation that counts the overwrites: overwrite `k`
puts generation `k` into line `(k - 1) mod lines`.
"""

from collections.abc import Generator
from typing import Any

import numpy as np
from attrs import Factory, define, field, frozen

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.channel import CCW_ADDRESS_MAX, Command
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.storage_key import CHANGE
from lparvm.arch.subchannel import Orb
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.annex import AnnexGuest
from lparvm.guests.base import GuestSetup
from lparvm.guests.driver import TOLERATE, Driver
from lparvm.guests.processor import Processor
from lparvm.guests.program_page import DiskProgram, ProgramPage, lay_command
from lparvm.guests.python_guest import Program
from lparvm.guests.records import compare
from lparvm.guests.stamps import PAGE_WORDS, WORD_SHIFT, make_head, make_heads, make_salt, stamp_block
from lparvm.options import Option, boolean, integer

FRAMES_MAX, PAGES_MAX = 4096, 1 << 16
_PAGE_BLOCKS = PAGE_BYTES // DISK_BLOCK_BYTES
_LINE_WORDS = 8
_LINE_BYTES = _LINE_WORDS << WORD_SHIFT
_LINES = PAGE_WORDS // _LINE_WORDS
_PROGRAMS_A_PAGE = 32
"""Frames whose channel programs fit into a page."""
_PART_BYTES = PAGE_BYTES // 4
"""A whole page is verified in parts, so that no stretch without an instruction boundary is long."""
_TOUCHES = 8
"""Lines verified or overwritten of a page that was wanted."""
_OVERWRITES = 0.5, 0.01
"""How likely a line is overwritten, of even pages and of odd ones: those are read nearly always."""
_REST_NS = 1_000_000


@define
class _Page:
    """A virtual page.

    Attributes:
        number: of the page; the LIPs' pages follow each other.
        overwrites: how many of its lines were overwritten.
        changed: whether it differs from its slot of the disk, or was never written there.
        slotted: whether it was ever written there.
        frame: which frame it is in; None: in none, or there is I/O with it.
    """

    number: int
    overwrites: int = 0
    changed: bool = True
    slotted: bool = False
    frame: "_Frame | None" = None

    def generation(self, line: int) -> int:
        """Of the latest overwrite that fell on the line; none leaves what it began with, generation 0."""
        return max(0, self.overwrites - (self.overwrites - 1 - line) % _LINES)

    def line(self, salt: int, lip: int, line: int) -> bytes:
        """What a line must hold."""
        first = (self.number << PAGE_SHIFT) + line * _LINE_BYTES >> WORD_SHIFT
        head = make_head(salt, self.generation(line), lip)
        return b"".join(((first + word) ^ head).to_bytes(8, "big") for word in range(_LINE_WORDS))

    def contents(self, salt: int, lip: int) -> bytes:
        """What the page must hold."""
        generations = np.array([[self.generation(line) for line in range(_LINES)]], dtype=np.uint64)
        heads = make_heads(salt, generations, np.full((1, 1), lip, dtype=np.uint64))
        return stamp_block(self.number, heads).tobytes()


@frozen(eq=False)
class _Frame:
    """A page frame, with its channel programs.

    Attributes:
        address: guest absolute address.
        write: writes it to the disk.
        read: reads it from there.
    """

    address: int
    write: DiskProgram
    read: DiskProgram


@frozen
class _FrameRecord:
    """A page frame as a record that is moved in one piece."""

    record: int
    size: int = PAGE_BYTES

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """The one piece."""
        return ((self.record, self.size),)


@define
class _Space:
    """The virtual storage of one LIP.

    Attributes:
        page: number of the first page of storage: channel programs, then the frames.
        lip: number of the LIP.
        frame_count: how many frames.
        page_count: how many virtual pages.
        reserve: whether channel programs reserve the disk.
        pages: the virtual pages.
        resident: those that are in frames, and have no I/O.
    """

    page: int
    lip: int
    frame_count: int
    page_count: int
    reserve: bool
    programs: list[ProgramPage] = field(init=False)
    release: Orb = field(init=False)
    frames: list[_Frame] = field(init=False)
    pages: list[_Page] = field(init=False)
    resident: list[_Page] = Factory(list)

    def __attrs_post_init__(self) -> None:
        """Lay the channel programs; all virtual pages have their first contents, and are in no frame."""
        count = -(-self.frame_count // _PROGRAMS_A_PAGE)
        self.programs = [ProgramPage(self.page + number << PAGE_SHIFT) for number in range(count)]
        self.release = lay_command(self.programs[0], Command.RELEASE)
        self.frames = [
            self._lay_frame(number, self.page + count + number) for number in range(self.frame_count)
        ]
        self.pages = [_Page(self.lip * self.page_count + number) for number in range(self.page_count)]

    def _lay_frame(self, number: int, page: int) -> _Frame:
        programs, record = self.programs[number // _PROGRAMS_A_PAGE], _FrameRecord(page << PAGE_SHIFT)
        first = Command.RESERVE if self.reserve else None
        return _Frame(
            record.record,
            DiskProgram.lay(programs, [record], write=True, first=first),
            DiskProgram.lay(programs, [record], write=False, first=first),
        )

    @staticmethod
    def storage_pages(frame_count: int) -> int:
        """Pages of storage that it takes."""
        return -(-frame_count // _PROGRAMS_A_PAGE) + frame_count


class Pager(AnnexGuest):
    """Pages its own storage to a disk: I/O and processor use the same frames, and the change bit decides."""

    OPTIONS = (
        Option("first_block", integer(0, 1 << 30), 0, "First 512-byte block of the disk to be used."),
        Option("frames", integer(2, FRAMES_MAX), 8, "Page frames of each LIP."),
        Option("pages", integer(2, PAGES_MAX), 32,
               f"Virtual pages of each LIP, each with {_PAGE_BLOCKS} blocks of the disk."),
        Option("reserve", boolean(), False, "Whether the disk is reserved while a page is brought in."),
        TOLERATE,
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options, also against each other.

        Raises:
            UsageError: an option is wrong, or there are fewer pages than frames.
        """
        super().__init__(setup)
        self._salt = make_salt(self.seed)
        if self.options["pages"] < self.options["frames"]:
            self.refuse_option("pages", f"as many as frames, {self.options['frames']}, or more")
        self._spaces: list[_Space] = []

    def ipl(self, cpu: Processor) -> None:
        """Lay out one space for each LIP, spread over the zone; the first virtual pages are in the frames."""
        extent = min(cpu.extent_bytes, CCW_ADDRESS_MAX + 1) >> PAGE_SHIFT
        frames, part = self.options["frames"], extent // cpu.lip_count
        pages = _Space.storage_pages(frames)
        if part < pages:
            raise ValueError(f"a zone of {extent} pages; expected {pages} for each LIP")
        self._laid_out = cpu.lip_count * part
        for lip in range(cpu.lip_count):
            virtual = self.options["pages"] if lip < len(cpu.devices) else frames
            space = _Space((lip + 1) * part - pages, lip, frames, virtual, self.options["reserve"])
            self._spaces.append(space)
            for programs in space.programs:
                programs.load(cpu)
            for page, frame in zip(space.pages, space.frames, strict=False):
                cpu.store_bytes(frame.address, page.contents(self._salt, lip))
                page.frame = frame
                space.resident.append(page)

    def program(self, cpu: Processor) -> Program:
        """Take a virtual page, bring it in if need be, and work with it."""
        space = self._spaces[cpu.cpu_address]
        has_device = cpu.cpu_address < len(cpu.devices)
        device = cpu.devices[cpu.cpu_address] if has_device else 0
        driver = Driver(cpu, device, lambda: self._touch_any(cpu, space))
        while True:
            page = cpu.rng.choice(space.pages)
            if page.frame is None:
                yield from self._bring_in(cpu, driver, space, page)
            for _ in range(_TOUCHES):
                self._touch(cpu, space, page)
                yield
            self._annex.turn(cpu)
            if not has_device:
                yield WaitForInterruption(duration_ns=_REST_NS)

    def check(self, cpu: Processor) -> None:
        """The annex, all channel programs, all pages that are in frames; the others were compared as they came."""
        super().check(cpu)
        for space in self._spaces:
            for programs in space.programs:
                programs.check(cpu)
            for page in space.resident:
                assert page.frame is not None, "it is resident"
                self._is_changed(cpu, page, page.frame)
                for _ in self._verify(cpu, space, page, page.frame):
                    pass

    # Paging.

    def _bring_in(
        self, cpu: Processor, driver: Driver, space: _Space, page: _Page
    ) -> Generator[Any, Any, None]:
        """Get a page into the frame of another one."""
        victim = space.resident.pop(cpu.rng.randrange(len(space.resident)))
        frame, victim.frame = victim.frame, None
        assert frame is not None, "it was chosen so"
        yield from self._verify(cpu, space, victim, frame)
        if self._is_changed(cpu, victim, frame):
            cpu.set_key(frame.address, cpu.get_key(frame.address) & ~CHANGE)
            yield
            yield from driver.run(frame.write.locate(cpu, self._block(victim)))
            victim.slotted, victim.changed = True, False
        if page.slotted:
            yield from driver.run(frame.read.locate(cpu, self._block(page)))
            page.changed = True  # as far as the key knows: the channel stored there
            self._is_changed(cpu, page, frame)
            cpu.set_key(frame.address, cpu.get_key(frame.address) & ~CHANGE)
            page.changed = False
        else:
            contents = page.contents(self._salt, space.lip)
            for place in range(0, PAGE_BYTES, _PART_BYTES):
                cpu.store_bytes(frame.address + place, contents[place : place + _PART_BYTES])
                yield
            page.changed = True
        yield
        yield from self._verify(cpu, space, page, frame)
        page.frame = frame
        space.resident.append(page)
        if self.options["reserve"]:
            yield from driver.order(space.release)
        cpu.step()

    def _block(self, page: _Page) -> int:
        # Each LIP has a disk of its own, and the same blocks of it.
        first_block, pages = self.options["first_block"], self.options["pages"]
        block: int = first_block + page.number % pages * _PAGE_BLOCKS
        return block

    def _is_changed(self, cpu: Processor, page: _Page, frame: _Frame) -> bool:
        """Whether the frame's change bit is on; it must be just where the page was changed."""
        key = cpu.get_key(frame.address)
        found = bool(key & CHANGE)
        if found != page.changed:
            expected = f"storage key with the change bit {'on' if page.changed else 'off'}"
            cpu.damaged(frame.address, expected, f"storage key {key:02X}")
        return found

    # Work.

    def _touch_any(self, cpu: Processor, space: _Space) -> None:
        """Work with some page that is in a frame, and without I/O."""
        self._touch(cpu, space, cpu.rng.choice(space.resident))
        self._annex.turn(cpu)

    def _touch(self, cpu: Processor, space: _Space, page: _Page) -> None:
        """Verify a line, and perhaps overwrite one."""
        assert page.frame is not None, "it is in a frame"
        overwrite = cpu.rng.random() < _OVERWRITES[page.number & 1]
        line = page.overwrites % _LINES if overwrite else cpu.rng.randrange(_LINES)
        address = page.frame.address + line * _LINE_BYTES
        expected = page.line(self._salt, space.lip, line)
        compare(cpu, self._salt, address, expected, cpu.fetch_bytes(address, _LINE_BYTES))
        if overwrite:
            page.overwrites += 1
            page.changed = True
            cpu.store_bytes(address, page.line(self._salt, space.lip, line))
        cpu.step()

    def _verify(self, cpu: Processor, space: _Space, page: _Page, frame: _Frame) -> Generator[Any, Any, None]:
        """Verify a whole page."""
        expected = page.contents(self._salt, space.lip)
        for place in range(0, PAGE_BYTES, _PART_BYTES):
            found = cpu.fetch_bytes(frame.address + place, _PART_BYTES)
            compare(cpu, self._salt, frame.address + place, expected[place : place + _PART_BYTES], found)
            yield
