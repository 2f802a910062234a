"""`copier`: copies a part of a disk to a tape, reads the tape back, and compares it with the disk.

Of the LPAR's devices the first is the disk and the second the tape; LIP `i` drives the `i`-th pair of them, and other
LIPs have nothing to do. A pass is:

1. The LIP fills its blocks of the disk with contents of this pass.
2. It rewinds the tape, and writes what it reads from the disk, a record of some blocks at a time; then a tape mark.
3. It rewinds the tape, and reads it back: each record must be what lies on the disk, and behind the last one there
   must be the tape mark. The digests of all that was read from both must be the same.

A write to a tape that was halted may have been done, or not, and the tape stands behind it or before. So the whole
file is written again from the load point on, and read again after a halted read.
"""

import hashlib
from collections.abc import Generator
from typing import Any

from attrs import define, field

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.channel import CCW_ADDRESS_MAX, ENDED, DeviceStatus
from lparvm.arch.device_commands import TapeCommand
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Function, Orb, Scsw
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.annex import AnnexGuest
from lparvm.guests.base import GuestSetup
from lparvm.guests.driver import TOLERATE, Driver, ended_whole, was_ordered
from lparvm.guests.journal import RECORD_BYTES_MAX, record_size
from lparvm.guests.processor import Processor
from lparvm.guests.program_page import DiskProgram, ProgramPage, lay_command
from lparvm.guests.python_guest import Program
from lparvm.guests.records import DIGEST_BYTES, Area, record_bytes, unread
from lparvm.guests.stamps import make_salt
from lparvm.options import Option, integer

_TAPE_MARK = ENDED | DeviceStatus.UNIT_EXCEPTION


@define
class _Lane:
    """The storage of one LIP: a page of channel programs, a record as it is on the disk, and one as on the tape.

    Attributes:
        page: number of its first page.
        size: bytes of a record.
        lip: number of the LIP.
        salt: the guest's.
        programs: the channel programs.
        disk: the record that is read from the disk, and written to disk and tape.
        tape: the record that is read from the tape.
    """

    page: int
    size: int
    lip: int
    salt: int
    programs: ProgramPage = field(init=False)
    disk: Area = field(init=False)
    tape: Area = field(init=False)
    write_disk: DiskProgram = field(init=False)
    read_disk: DiskProgram = field(init=False)
    write_tape: Orb = field(init=False)
    read_tape: Orb = field(init=False)
    write_mark: Orb = field(init=False)
    rewind: Orb = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Lay out areas and programs."""
        self.programs = programs = ProgramPage(self.page << PAGE_SHIFT)
        self.disk = Area((self.page + 1) << PAGE_SHIFT, self.size, self.lip, self.salt, scattered=True)
        self.tape = Area(self.disk.end, self.size, self.lip, self.salt, scattered=True)
        self.write_disk = DiskProgram.lay(programs, [self.disk], write=True)
        self.read_disk = DiskProgram.lay(programs, [self.disk], write=False)
        write = programs.move(TapeCommand.WRITE, self.disk, direct=True)
        self.write_tape = Orb(programs.chain(*write))
        self.read_tape = Orb(programs.chain(*programs.move(TapeCommand.READ_FORWARD, self.tape)))
        self.write_mark = lay_command(programs, TapeCommand.WRITE_TAPE_MARK)
        self.rewind = lay_command(programs, TapeCommand.REWIND)

    @staticmethod
    def pages(size: int) -> int:
        """Pages of a lane."""
        return 1 + 2 * Area.pages(size, scattered=True)

    def load(self, cpu: Processor) -> None:
        """IPL."""
        self.programs.load(cpu)
        for area in (self.disk, self.tape):
            area.load(cpu, unread(self.salt, self.lip, self.size))

    def overwrite_guard(self, cpu: Processor) -> None:
        """Some guard."""
        area = cpu.rng.choice((self.disk, self.tape))
        area.overwrite_guard(cpu, cpu.rng.randrange(len(area.guards)))


@define
class _Copy:
    """A pass of a LIP.

    Attributes:
        lane: the storage used.
        disk: the disk.
        tape: the tape.
        number: of the pass, from 1: the generation of what is on the disk.
    """

    lane: _Lane
    disk: Driver
    tape: Driver
    number: int = 0


def _digest() -> Any:
    return hashlib.blake2b(digest_size=DIGEST_BYTES)


class Copier(AnnexGuest):
    """Copies blocks of a disk to a tape, reads the tape back, and compares it with the disk."""

    OPTIONS = (
        Option("first_block", integer(0, 1 << 30), 0, "First 512-byte block of the disk to be used."),
        Option("blocks", integer(1, 1 << 20), 64, "Blocks used from there on, as far as they fill records."),
        Option("record", record_size(RECORD_BYTES_MAX), 2048, "Bytes of a record of the tape."),
        Option("passes", integer(0, 1 << 20), 0, "How many times all is copied; 0: again and again."),
        TOLERATE,
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options, also against each other.

        Raises:
            UsageError: an option is wrong, or the blocks hold no record.
        """
        super().__init__(setup)
        self._salt = make_salt(self.seed)
        self._size: int = self.options["record"]
        self._record_blocks = self._size // DISK_BLOCK_BYTES
        self._records: int = self.options["blocks"] // self._record_blocks
        if not self._records:
            self.refuse_option("blocks", f"{self._record_blocks} at least, for one record")
        self._lanes: list[_Lane] = []

    def ipl(self, cpu: Processor) -> None:
        """Lay out one lane for each LIP, spread over the zone as far as 31-bit addresses reach."""
        extent = min(cpu.extent_bytes, CCW_ADDRESS_MAX + 1) >> PAGE_SHIFT
        part, pages = extent // cpu.lip_count, _Lane.pages(self._size)
        if part < pages:
            raise ValueError(f"a zone of {extent} pages; expected {pages} for each LIP")
        self._laid_out = cpu.lip_count * part
        self._lanes = [
            _Lane((lip + 1) * part - pages, self._size, lip, self._salt) for lip in range(cpu.lip_count)
        ]
        for lane in self._lanes:
            lane.load(cpu)

    def program(self, cpu: Processor) -> Program:
        """Pass after pass; then wait."""
        lane, first = self._lanes[cpu.cpu_address], 2 * cpu.cpu_address
        disk, tape = (
            Driver(cpu, device, lambda: self._meanwhile(cpu, lane))
            for device in (*cpu.devices[first : first + 2], 0, 0)[:2]
        )
        copy = _Copy(lane, disk, tape)
        while first + 1 < len(cpu.devices) and copy.number < (self.options["passes"] or copy.number + 1):
            copy.number += 1
            yield from self._fill(cpu, copy)
            while not (yield from self._write(cpu, copy)):
                pass
            while not (yield from self._compare(cpu, copy)):
                pass
        while True:
            yield WaitForInterruption()

    def check(self, cpu: Processor) -> None:
        """All lanes and the annex; what lies on disk and tape was compared whenever it was read."""
        super().check(cpu)
        for lane in self._lanes:
            lane.programs.check(cpu)
            for area in (lane.disk, lane.tape):
                area.check(cpu)

    def _meanwhile(self, cpu: Processor, lane: _Lane) -> None:
        lane.overwrite_guard(cpu)
        self._annex.turn(cpu)

    # The parts of a pass.

    def _fill(self, cpu: Processor, copy: _Copy) -> Program:
        """Fill the disk."""
        lane = copy.lane
        for number in range(self._records):
            lane.disk.fill(cpu, self._record(copy, number))
            yield
            yield from copy.disk.run(lane.write_disk.locate(cpu, self._block(number)))
            lane.disk.check_record(cpu)
            yield

    def _write(self, cpu: Processor, copy: _Copy) -> Generator[Any, Any, bool]:
        """Write the tape from its load point; whether it was written to its end."""
        lane = copy.lane
        yield from copy.tape.order(lane.rewind)
        for number in range(self._records):
            yield from self._read_disk(cpu, copy, number)
            ended = yield from copy.tape.attempt(lane.write_tape)
            lane.disk.check_record(cpu)
            if not (yield from self._did(copy, lane.write_tape, ended)):
                return False
            cpu.step()
            yield
        ended = yield from copy.tape.attempt(lane.write_mark)
        return (yield from self._did(copy, lane.write_mark, ended, moves=False))

    def _compare(self, cpu: Processor, copy: _Copy) -> Generator[Any, Any, bool]:
        """Read tape and disk; whether both were read to the end."""
        lane = copy.lane
        on_disk, on_tape = _digest(), _digest()
        yield from copy.tape.order(lane.rewind)
        for number in range(self._records):
            yield from self._read_disk(cpu, copy, number)
            if not (yield from self._read_tape(cpu, copy)):
                return False
            expected, found = lane.disk.fetch(cpu), lane.tape.fetch(cpu)
            yield
            lane.tape.expect(cpu, expected)
            on_disk.update(expected)
            on_tape.update(found)
            cpu.step()
            yield
        if not (yield from self._read_mark(cpu, copy)):
            return False
        if on_disk.digest() != on_tape.digest():
            wanted, got = (
                f"digest {on_disk.hexdigest()} of the disk",
                f"digest {on_tape.hexdigest()} of the tape",
            )
            cpu.damaged(lane.tape.record, wanted, got)
        return True

    def _read_disk(self, cpu: Processor, copy: _Copy, number: int) -> Program:
        """Read a record from the disk and verify it."""
        area = copy.lane.disk
        area.fill(cpu, unread(self._salt, area.lip, self._size))
        area.holds = None
        yield
        yield from copy.disk.run(copy.lane.read_disk.locate(cpu, self._block(number)))
        area.expect(cpu, self._record(copy, number))
        yield

    def _read_tape(self, cpu: Processor, copy: _Copy) -> Generator[Any, Any, bool]:
        """Read the next record from the tape; whether it was read."""
        area, orb = copy.lane.tape, copy.lane.read_tape
        area.fill(cpu, unread(self._salt, area.lip, self._size))
        area.holds = None
        yield
        ended = yield from copy.tape.attempt(orb)
        area.holds = area.fetch(cpu)
        yield
        return (yield from self._did(copy, orb, ended))

    def _read_mark(self, cpu: Processor, copy: _Copy) -> Generator[Any, Any, bool]:
        """Behind the last record there must be the tape mark: unit exception; whether it was read."""
        orb = copy.lane.read_tape
        ended = yield from copy.tape.attempt(orb)
        if ended is None or was_ordered(ended):
            return False
        if ended.function == Function.START and ended.device_status == _TAPE_MARK:
            return True
        expected = f"a tape mark behind {self._records} records"
        cpu.damaged(orb.program, expected, f"device status {ended.device_status:02X}")
        return True

    @staticmethod
    def _did(copy: _Copy, orb: Orb, ended: Scsw | None, *, moves: bool = True) -> Generator[Any, Any, bool]:
        """Whether the tape did what it was told; else the file begins anew, after what is wrong was told."""
        if ended is None or was_ordered(ended):
            return False
        if ended_whole(ended) or (not moves and ended.ended_normally):
            return True
        yield from copy.tape.fail(orb, ended)
        return False

    def _block(self, number: int) -> int:
        block: int = self.options["first_block"] + number * self._record_blocks
        return block

    def _record(self, copy: _Copy, number: int) -> bytes:
        return record_bytes(self._salt, copy.lane.lip, copy.number, self._block(number), self._size)
