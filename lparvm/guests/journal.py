"""`journal`: writes records to a disk by channel programs, reads them back, and compares digests.

LIP `i` drives the LPAR's device `i`, with records in its part of the blocks that the options give; LIPs
without a device write and compare records in storage only. Everything the channel programs use lies in guest
storage (`records`): a relocation between a start and its end must leave the IOP with the right frames.

While the I/O runs, the LIP goes on storing into the lines around the record, in the same pages. Of the
record itself it keeps away, as any program must.
"""

from collections.abc import Generator
from typing import Any

from attrs import Factory, define

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.channel import CCW_ADDRESS_MAX
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Function, Orb, Scsw
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.base import GuestSetup
from lparvm.guests.channel_io import BUSY_WAIT_NS, await_end, start
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.guests.records import Lane, compare, digest_of, record_bytes
from lparvm.guests.stamps import make_salt
from lparvm.options import Kind, Option, boolean, integer
from lparvm.units import format_size, parse_size

RECORD_BYTES_MAX = 32 << 10
OVERLAP_FIRST_NS = 200_000
OVERLAP_LAST_NS = 50_000_000
"""While I/O runs, the LIP wakes to overwrite guards: first after the one, then after twice as long, up to
the other."""
_GUARDS_PER_WAKING = 4
STORAGE_ONLY_WAIT_NS = 1_000_000


def _record_size() -> Kind:
    def parse(value: Any) -> int:
        size = parse_size(value)
        if size % DISK_BLOCK_BYTES or not DISK_BLOCK_BYTES <= size <= RECORD_BYTES_MAX:
            raise ValueError(value)
        return size

    return Kind(
        f"a multiple of {DISK_BLOCK_BYTES} bytes, {RECORD_BYTES_MAX} at most, such as 2K", parse, format_size
    )


@define
class _Disk:
    """What a LIP knows of its disk.

    Attributes:
        device: device number.
        lane: the storage used for it.
        generation: of the last record written.
        written: generation and digest of the record in each slot, where they are known.
    """

    device: int
    lane: Lane
    generation: int = 0
    written: dict[int, tuple[int, bytes]] = Factory(dict)


class Journal(PythonGuest):
    """Writes records to a disk by channel programs, reads them back and compares digests."""

    OPTIONS = (
        Option("first_block", integer(0, 1 << 30), 0, "First 512-byte block of the disk to be used."),
        Option("blocks", integer(1, 1 << 20), 64, "Blocks used from there on."),
        Option("record", _record_size(), 1024, "Bytes of a record."),
        Option("tolerate", boolean(), False,
               "Whether I/O that ends abnormally, or can't be started, is passed over."),
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options, also against each other.

        Raises:
            UsageError: an option is wrong, or the blocks hold no record.
        """
        super().__init__(setup)
        self._salt = make_salt(self.seed)
        self._size: int = self.options["record"]
        self._first_block: int = self.options["first_block"]
        self._record_blocks: int = self._size // DISK_BLOCK_BYTES
        self._slots: int = self.options["blocks"] // self._record_blocks
        if not self._slots:
            self.refuse_option("blocks", f"{self._record_blocks} at least, for one record")
        self._lanes: list[Lane] = []

    def ipl(self, cpu: Processor) -> None:
        """Lay out one lane for each LIP, spread over the zone as far as 31-bit addresses reach."""
        extent = min(cpu.extent_bytes, CCW_ADDRESS_MAX + 1) >> PAGE_SHIFT
        part, pages = extent // cpu.lip_count, Lane.pages(self._size)
        if part < pages:
            raise ValueError(f"a zone of {extent} pages; expected {pages} for each LIP")
        # A lane ends where its part does: the last one at the end of the zone.
        self._lanes = [
            Lane((lip + 1) * part - pages, self._size, lip, self._salt) for lip in range(cpu.lip_count)
        ]
        for lane in self._lanes:
            lane.load(cpu)

    def program(self, cpu: Processor) -> Program:
        """Write a record to some slot, or read back and compare one that was written before."""
        lane = self._lanes[cpu.cpu_address]
        if cpu.cpu_address >= len(cpu.devices):
            yield from self._storage_only(cpu, lane)
        disk = _Disk(cpu.devices[cpu.cpu_address], lane)
        while True:
            slot = cpu.rng.randrange(self._slots)
            if slot in disk.written and cpu.rng.random() < 0.5:
                yield from self._read(cpu, disk, slot)
            else:
                yield from self._write(cpu, disk, slot)
            yield

    def check(self, cpu: Processor) -> None:
        """All lanes; what lies on the disk was compared whenever it was read."""
        for lane in self._lanes:
            lane.check(cpu)

    def _write(self, cpu: Processor, disk: _Disk, slot: int) -> Program:
        lane, area = disk.lane, disk.lane.write_area
        disk.generation += 1
        record = self._record(lane, disk.generation, slot)
        disk.written.pop(slot, None)  # not known, until the write has ended well
        lane.seek(cpu, self._block(slot))
        area.fill(cpu, record)
        yield
        ended = yield from self._perform(cpu, disk, lane.write_program)
        area.check_record(cpu, self._salt)
        if ended and self._ended_well(cpu, disk, lane.write_program, ended):
            disk.written[slot] = disk.generation, digest_of(record)
            cpu.step()

    def _read(self, cpu: Processor, disk: _Disk, slot: int) -> Program:
        lane, area = disk.lane, disk.lane.read_area
        lane.seek(cpu, self._block(slot))
        area.fill(cpu, lane.unread())
        yield
        area.holds = None
        ended = yield from self._perform(cpu, disk, lane.read_program)
        found = area.holds = cpu.fetch_bytes(area.record, self._size)
        if not ended or not self._ended_well(cpu, disk, lane.read_program, ended):
            return
        generation, digest = disk.written[slot]
        if digest_of(found) != digest:
            compare(cpu, self._salt, area.record, self._record(lane, generation, slot), found)
            del disk.written[slot]  # told once
        cpu.step()

    def _perform(self, cpu: Processor, disk: _Disk, program: int) -> Generator[Any, Any, Scsw | None]:
        """Run a channel program, overwriting guards until it has ended; None where it can't be started."""
        code = yield from start(disk.device, Orb(program))
        if code:
            if not self.options["tolerate"]:
                what = f"is not operational (condition code {code})"
                raise RuntimeError(f"device {disk.device:04X} {what}")
            yield WaitForInterruption(duration_ns=BUSY_WAIT_NS)
            return None
        wait_ns = OVERLAP_FIRST_NS
        while True:
            for _ in range(_GUARDS_PER_WAKING):
                self._overwrite_guard(cpu, disk.lane)
                yield
            ended = yield from await_end(disk.device, wait_ns)
            if ended is not None:
                if not ended.function & (Function.HALT | Function.CLEAR):
                    return ended
                # Halted or cleared by an order: as if it had not been.
                ended = yield from self._perform(cpu, disk, program)
                return ended
            wait_ns = min(wait_ns * 2, OVERLAP_LAST_NS)

    def _storage_only(self, cpu: Processor, lane: Lane) -> Program:
        """Without a device: what would go to the disk goes from one area to the other."""
        generation = 0
        while True:
            generation += 1
            lane.write_area.fill(cpu, self._record(lane, generation, cpu.rng.randrange(self._slots)))
            self._overwrite_guard(cpu, lane)
            yield
            lane.write_area.check_record(cpu, self._salt)
            lane.read_area.fill(cpu, cpu.fetch_bytes(lane.write_area.record, self._size))
            yield
            lane.read_area.check_record(cpu, self._salt)
            cpu.step()
            yield WaitForInterruption(duration_ns=STORAGE_ONLY_WAIT_NS)

    def _overwrite_guard(self, cpu: Processor, lane: Lane) -> None:
        area = cpu.rng.choice(lane.areas)
        area.overwrite_guard(cpu, self._salt, lane.lip, cpu.rng.randrange(len(area.generations)))

    def _block(self, slot: int) -> int:
        return self._first_block + slot * self._record_blocks

    def _record(self, lane: Lane, generation: int, slot: int) -> bytes:
        return record_bytes(self._salt, lane.lip, generation, self._block(slot), self._size)

    def _ended_well(self, cpu: Processor, disk: _Disk, program: int, ended: Scsw) -> bool:
        if ended.ended_normally and ended.count == 0:
            return True
        if not self.options["tolerate"]:
            found = (
                f"device status {ended.device_status:02X}, subchannel status {ended.subchannel_status:02X}, "
                f"residual count {ended.count}, CCW address {ended.ccw_address:#x}"
            )
            cpu.damaged(program, f"device {disk.device:04X}: channel end and device end", found)
        return False
