"""`Witness`: does a fixed number of operations, and what it sees of them depends on nothing but its seed.

Everything is drawn from the processor's own generator. Each processor has pages, and a part of a disk, of its own.
Time, slices, stops, starts that were halted, and everybody else's doings change only *when* something is done. So the
same witness in two runs of one machine, one with relocations and one without, must have seen the same and must leave
the same storage and storage keys behind; `oracles.witness` compares the two.

Operations are words stored, fetched and verified; records of two words, with an instruction boundary, sometimes a
rest, between the words; storage keys set and read; some lines of a page compared; and, with a device, records written
to its disk and read back, while other operations go on. It takes no service signals: storage that is added is unused.

LIP `i` uses the LPAR's device `i`, a disk; nobody else may use the same blocks. Where a device is busy for good, as
some faults leave it, the witness never finishes, and only what it saw until then is compared.
"""

import enum
import zlib
from collections.abc import Generator, Sequence
from typing import Any

from attrs import frozen

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.state_description import StateDescription
from lparvm.config import STRESS_GUEST_PAGES_MAX, STRESS_OPERATIONS_MAX
from lparvm.guests.base import GuestSetup
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Option, duration, integer
from lparvm.storage.main_storage import MainStorage
from lparvm.stress.guests.patient_io import PATIENCE, PatientIo
from lparvm.stress.guests.witness_lane import RECORD_BLOCKS, RECORD_BYTES, DiskLane, Lane

_LINE_BYTES = 512
_PAIRS = PAGE_BYTES // 16
_OVERLAPPED_MAX = 3
"""Operations that go on while I/O runs."""
_PAUSE_NS_MAX = 1_000_000_000
_REST_BITS = 4
"""Of the instruction boundaries between and in operations one in 2^this is a rest: it costs a campaign as much time as
a hundred operations."""


class _Operation(enum.Enum):
    """What a processor does with its data pages."""

    STORE = enum.auto()  # a word, after it was fetched
    UPDATE = enum.auto()  # a record of two words
    SET_KEY = enum.auto()
    GET_KEY = enum.auto()
    COMPARE = enum.auto()  # a line


_KINDS = (
    *[_Operation.STORE] * 4,
    *[_Operation.UPDATE] * 6,
    *[_Operation.SET_KEY] * 2,
    *[_Operation.GET_KEY] * 2,
    *[_Operation.COMPARE] * 2,
)
"""One of sixteen is drawn."""


class Witness(PythonGuest):
    """Does a fixed number of operations; what it sees does not depend on time."""

    OPTIONS = (
        Option("operations", integer(1, STRESS_OPERATIONS_MAX), 100, "Operations of each LIP."),
        Option("io", integer(0, 100), 10, "How many in a hundred are I/O, where LIP and zone have the means."),
        Option("first_block", integer(0, 1 << 30), 0, "First 512-byte block of the disk to be used."),
        Option("records", integer(1, 1 << 10), 4, f"Records of {RECORD_BLOCKS} blocks used from there on."),
        Option("pause", duration(0, _PAUSE_NS_MAX), 50_000, "How long it rests at a boundary, on the average."),
        PATIENCE,
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self.lanes: list[Lane] = []
        self._extent_ipl = 0
        self._pause_ns: int = self.options["pause"]
        self._io_share: float = self.options["io"] / 100

    @property
    def page_count(self) -> int:
        """Pages that it uses, from the first one on."""
        return min(self._extent_ipl, STRESS_GUEST_PAGES_MAX)

    @property
    def finished(self) -> bool:
        """Whether every processor has done all its operations."""
        return bool(self.lanes) and not any(lane.left for lane in self.lanes)

    def ipl(self, cpu: Processor) -> None:
        """Share the pages among the processors and fill them."""
        self._extent_ipl = cpu.extent_bytes >> PAGE_SHIFT
        pages, lips = self.page_count, cpu.lip_count
        for lip in range(lips):
            first, end = pages * lip // lips, pages * (lip + 1) // lips
            does_io = lip < len(cpu.devices) and self._io_share > 0
            access_control = cpu.rng.randint(1, 15) if does_io else None
            lane = Lane.lay(first, end - first, self.options["operations"], access_control)
            lane.data.load(cpu, cpu.rng.randbytes(lane.data.size))
            if lane.disk is not None:
                lane.disk.load(cpu, cpu.rng.randbytes(lane.disk.buffer.size))
            self.lanes.append(lane)

    def program(self, cpu: Processor) -> Program:
        """Operation after operation; then end."""
        lane = self.lanes[cpu.cpu_address]
        io = None
        if lane.disk is not None:
            io = PatientIo(cpu, cpu.devices[cpu.cpu_address], self.options["patience"])
        while lane.left:
            if io is not None and cpu.rng.random() < self._io_share:
                yield from self._transfer(cpu, lane, io)
            else:
                yield from self._operate(cpu, lane)

    def check(self, cpu: Processor) -> None:
        """All pages and keys that no channel program may be using."""
        for lane in self.lanes:
            lane.data.check(cpu)
            if lane.disk is not None:
                lane.disk.check(cpu)

    # Operations on storage.

    def _operate(self, cpu: Processor, lane: Lane) -> Generator[Any, Any, None]:
        """One that is no I/O."""
        bits = cpu.rng.getrandbits(64)
        page, kind = bits % lane.data.count, _KINDS[bits >> 60]
        place = (page << PAGE_SHIFT) + (bits >> 36) % _PAIRS * 16
        match kind:
            case _Operation.STORE:
                lane.see(lane.data.fetch_word(cpu, place))
                lane.data.store_word(cpu, place, bits)
            case _Operation.UPDATE:
                yield from self._update(cpu, lane, place)
            case _Operation.SET_KEY:
                lane.see(lane.data.get_key(cpu, page))
                lane.data.set_key(cpu, page, bits >> 44 & 0xFF)
            case _Operation.GET_KEY:
                lane.see(lane.data.get_key(cpu, page))
            case _Operation.COMPARE:
                line = place // _LINE_BYTES * _LINE_BYTES
                lane.see(zlib.crc32(lane.data.fetch(cpu, line, _LINE_BYTES)))
        lane.did()
        cpu.step()
        yield self._boundary(cpu)

    def _update(self, cpu: Processor, lane: Lane, place: int) -> Generator[Any, Any, None]:
        """A record: the second word is made of the first, which is made of what was there."""
        first, second = lane.data.fetch_word(cpu, place), lane.data.fetch_word(cpu, place + 8)
        lane.see(first)
        lane.see(second)
        new = (first + second + lane.left) & (1 << 64) - 1
        yield self._boundary(cpu)
        lane.data.store_word(cpu, place, new)
        yield self._boundary(cpu)
        lane.data.store_word(cpu, place + 8, lane.data.fetch_word(cpu, place) ^ (1 << 64) - 1)

    def _boundary(self, cpu: Processor) -> WaitForInterruption | None:
        """An instruction boundary; sometimes a rest."""
        if not self._pause_ns or cpu.rng.getrandbits(_REST_BITS):
            return None
        return WaitForInterruption(duration_ns=1 + int(cpu.rng.random() * (self._pause_ns << _REST_BITS + 1)))

    # I/O.

    def _transfer(self, cpu: Processor, lane: Lane, io: PatientIo) -> Generator[Any, Any, None]:
        """Write a record to the disk, or read one that was written; other operations go on meanwhile."""
        disk = lane.disk
        assert disk is not None, "it does I/O"
        number, overlapped = cpu.rng.randrange(self.options["records"]), cpu.rng.randint(0, _OVERLAPPED_MAX)
        write = cpu.rng.getrandbits(1) == 1 or number not in disk.holds
        disk.fill(cpu, cpu.rng.randbytes(RECORD_BYTES))
        data = disk.fetch(cpu) if write else disk.holds[number]
        orb = disk.locate(cpu, number, self.options["first_block"], write=write)
        disk.clear_key_bits(cpu)
        yield
        disk.busy = True
        yield from io.begin(orb)
        for _ in range(min(overlapped, lane.left - 1)):
            yield from self._operate(cpu, lane)
        if (yield from io.finish(orb)):
            disk.moved(data, write=write)
            disk.holds[number] = data
            self._see_buffer(cpu, lane, disk)
        disk.busy = False
        lane.did()
        cpu.step()
        yield self._boundary(cpu)

    @staticmethod
    def _see_buffer(cpu: Processor, lane: Lane, disk: DiskLane) -> None:
        """Verify keys and record."""
        for page in range(disk.buffer_pages):
            lane.see(disk.buffer.get_key(cpu, page))
        lane.see(zlib.crc32(disk.fetch(cpu)))


@frozen
class WitnessRecord:
    """What a witness has seen, and what it leaves behind.

    Attributes:
        finished: whether every processor has done all its operations.
        seen: of each processor the digest of all that it had seen after each of its operations.
        pages: of each page that it uses a digest of the storage.
        keys: of each page its storage key.
    """

    finished: bool
    seen: tuple[tuple[int, ...], ...]
    pages: tuple[int, ...]
    keys: tuple[int, ...]


def record(guest: Witness, states: Sequence[StateDescription], storage: MainStorage) -> WitnessRecord:
    """The record of a witness now; no LIP runs it meanwhile.

    Args:
        guest: it.
        states: the state descriptions of its processors; their zone is where it lies.
        storage: main storage.
    """
    zone = states[0].zone
    frames = range(zone.origin, zone.origin + min(guest.page_count, zone.extent))
    return WitnessRecord(
        guest.finished,
        tuple(tuple(lane.trail) for lane in guest.lanes),
        tuple(zlib.crc32(storage.frames[frame]) for frame in frames),
        tuple(storage.key_buffer[frame] for frame in frames),
    )
