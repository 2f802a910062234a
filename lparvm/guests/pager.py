"""`pager`: a guest with more pages than frames, which pages its own storage to disk by I/O.

Each LIP has `pages` pages of its own and fewer frames for them, and a part of a disk. It touches pages in random
order: reads one and checks all of it, or gives it new contents. A page that is in no frame is read from disk, into
the frame of another one; that one is written out before, if the *change bit* of the frame's storage key says so. So
processor and channel touch the same frames in turn, and a change bit that a move lost would lose a page's
contents: the guest knows which pages it changed, and tells a bit that says otherwise.

While a page is on its way the LIP goes on touching those that are there.
"""

from attrs import Factory, define

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.fixed_block import DiskCommand
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.storage_key import CHANGE, REFERENCE
from lparvm.arch.subchannel import Orb
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.base import GuestSetup
from lparvm.guests.channel_io import await_end, start
from lparvm.guests.disk_io import disk_program, ended_normally, stopped_by_order
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.guests.records import compare, record_bytes
from lparvm.guests.stamps import make_salt
from lparvm.options import Option, integer

PAGE_BLOCKS = PAGE_BYTES // DISK_BLOCK_BYTES
_LOOK_NS = 300_000
"""How long it waits for I/O before it touches another page meanwhile."""
_KEY = 0x00


@define
class _Frames:
    """What a LIP knows of its pages.

    Attributes:
        base: guest absolute page number of the first frame; the page before holds the channel program.
        holds: frame -> the page in it; None: none.
        changed: frame -> whether its page was changed since it was read.
        generations: page -> of its contents; 0: never had any.
        on_disk: page -> generation that the disk has.
    """

    base: int
    holds: list[int | None]
    changed: list[bool]
    generations: list[int]
    on_disk: dict[int, int] = Factory(dict)

    @property
    def program(self) -> int:
        """Guest absolute address of the channel program."""
        return (self.base - 1) << PAGE_SHIFT

    def address(self, frame: int) -> int:
        """Guest absolute address of a frame."""
        return (self.base + frame) << PAGE_SHIFT


class Pager(PythonGuest):
    """Pages its own storage to disk: processor and channel touch the same frames in turn."""

    OPTIONS = (
        Option("pages", integer(2, 4096), 24, "Pages of each LIP."),
        Option("frames", integer(1, 4095), 6, "Frames of its zone for them, fewer."),
        Option("first_block", integer(0, 1 << 30), 0, "First 512-byte block of the disk to be used."),
    )

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options, also against each other.

        Raises:
            UsageError: an option is wrong, or there are no fewer frames than pages.
        """
        super().__init__(setup)
        self._salt = make_salt(self.seed)
        self._pages: int = self.options["pages"]
        if self.options["frames"] >= self._pages:
            self.refuse_option("frames", f"fewer than the {self._pages} pages")
        self._lips: list[_Frames] = []

    def ipl(self, cpu: Processor) -> None:
        """Frames of each LIP, spread over the zone."""
        frames: int = self.options["frames"]
        part = (cpu.extent_bytes >> PAGE_SHIFT) // cpu.lip_count
        if part < frames + 2:
            raise ValueError(f"a zone of {part * cpu.lip_count} pages; expected {frames + 2} for each LIP")
        self._lips = [
            _Frames((lip + 1) * part - frames, [None] * frames, [False] * frames, [0] * self._pages)
            for lip in range(cpu.lip_count)
        ]

    def program(self, cpu: Processor) -> Program:
        """Touch pages, and have them where they are touched; a LIP without a device waits."""
        if cpu.cpu_address >= len(cpu.devices):
            yield WaitForInterruption()
        mine, device = self._lips[cpu.cpu_address], cpu.devices[cpu.cpu_address]
        while True:
            page = cpu.rng.randrange(self._pages)
            if page not in mine.holds:
                yield from self._bring_in(cpu, mine, device, page)
            self._touch(cpu, mine, mine.holds.index(page))
            cpu.step()
            yield

    def check(self, cpu: Processor) -> None:
        """Every page that is in a frame; the others are compared when they are read."""
        for lip, mine in enumerate(self._lips):
            for frame, page in enumerate(mine.holds):
                if page is not None:
                    self._compare(cpu, lip, mine, frame)

    def _touch(self, cpu: Processor, mine: _Frames, frame: int) -> None:
        page = mine.holds[frame]
        assert page is not None, "a page that is there"
        self._compare(cpu, cpu.cpu_address, mine, frame)
        if cpu.rng.random() < 0.5:
            mine.generations[page] += 1
            mine.changed[frame] = True
            cpu.store_bytes(mine.address(frame), self._contents(cpu.cpu_address, mine, page))

    def _bring_in(self, cpu: Processor, mine: _Frames, device: int, page: int) -> Program:
        frame = cpu.rng.randrange(len(mine.holds))
        out = mine.holds[frame]
        if out is not None and self._is_changed(cpu, mine, frame):
            # The frame is still the page's until it is on disk.
            yield from self._transfer(cpu, mine, device, DiskCommand.WRITE, out, frame)
            mine.on_disk[out] = mine.generations[out]
            self._compare(cpu, cpu.cpu_address, mine, frame)
        mine.holds[frame] = None
        address = mine.address(frame)
        if page in mine.on_disk:
            yield from self._transfer(cpu, mine, device, DiskCommand.READ, page, frame)
        else:
            cpu.store_bytes(address, self._contents(cpu.cpu_address, mine, page))
        cpu.set_key(address, _KEY)  # change bit off: as on disk, or as at the beginning
        mine.holds[frame], mine.changed[frame] = page, False

    def _is_changed(self, cpu: Processor, mine: _Frames, frame: int) -> bool:
        key = cpu.get_key(mine.address(frame))
        expected = _KEY | (CHANGE if mine.changed[frame] else 0)
        if key & ~REFERENCE != expected:
            cpu.damaged(mine.address(frame), f"storage key {expected:02X}", f"{key & ~REFERENCE:02X}")
        return mine.changed[frame]

    def _transfer(
        self, cpu: Processor, mine: _Frames, device: int, command: DiskCommand, page: int, frame: int
    ) -> Program:
        block = self.options["first_block"] + (cpu.cpu_address * self._pages + page) * PAGE_BLOCKS
        pieces = [(mine.address(frame), PAGE_BYTES)]
        cpu.store_bytes(mine.program, disk_program(mine.program, command, block, pieces))
        status = None
        while status is None or stopped_by_order(status):
            if (yield from start(device, Orb(mine.program))):
                raise RuntimeError(f"device {device:04X} is not operational")
            status = yield from await_end(device, _LOOK_NS)
            while status is None:
                others = [
                    other for other, held in enumerate(mine.holds) if held is not None and other != frame
                ]
                if others:
                    self._touch(cpu, mine, cpu.rng.choice(others))
                    yield
                status = yield from await_end(device, _LOOK_NS)
        ended_normally(device, status)

    def _contents(self, lip: int, mine: _Frames, page: int) -> bytes:
        return record_bytes(self._salt, lip, mine.generations[page], page * PAGE_BLOCKS, PAGE_BYTES)

    def _compare(self, cpu: Processor, lip: int, mine: _Frames, frame: int) -> None:
        page, address = mine.holds[frame], mine.address(frame)
        assert page is not None, "a page that is there"
        compare(
            cpu, self._salt, address, self._contents(lip, mine, page), cpu.fetch_bytes(address, PAGE_BYTES)
        )
