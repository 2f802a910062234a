"""`sharer`: several LPARs add to counters in the same blocks of a disk, under RESERVE and RELEASE.

The blocks hold a counter for each LPAR, and their total. An addition is: RESERVE and read; verify; one more for
this LPAR and in the total; write; RELEASE. Nobody else can come between, or an addition would be lost, and is missed:

- the counters must add up to the total,
- this LPAR's counter must be what it wrote last,
- nobody else's counter may be less than it was when it was seen last.

LIP `i` drives the LPAR's device `i`, other LIPs have nothing to do. What an earlier run left on the disk is gone
on with; anything else there is overwritten by whoever comes first, and so are blocks that are data checks, as they
were cut off when an earlier run was killed.

Every channel program may be halted and run again: each of the three does no harm when it runs twice.

    counters    stamp of the format, check word, number of additions, total; then of each LPAR: name, counter
"""

import hashlib
import struct
from collections.abc import Generator
from typing import Any

from attrs import Factory, define, field

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.channel import CCW_ADDRESS_MAX, SENSE_BYTES, Command, DeviceStatus
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Orb
from lparvm.config import DISK_BLOCK_BYTES, LPARS_MAX, NAME_CHARACTERS_MAX
from lparvm.guests.annex import AnnexGuest
from lparvm.guests.base import GuestSetup
from lparvm.guests.driver import TOLERATE, Driver, ended_whole, was_ordered
from lparvm.guests.processor import Processor
from lparvm.guests.program_page import DiskProgram, ProgramPage, lay_command, lay_sense
from lparvm.guests.python_guest import Program
from lparvm.guests.records import Area, unread
from lparvm.guests.stamps import make_salt
from lparvm.options import Option, duration, integer

_MAGIC = b"LPARVM+1"
_HEAD = struct.Struct(">8s8sQQ")
_ENTRY = struct.Struct(f">{NAME_CHARACTERS_MAX}sQ")
_CHECK = slice(8, 16)
_DATA_CHECK = 0x08
"""In byte 0 of the sense data."""
_SIZE = -(-(_HEAD.size + LPARS_MAX * _ENTRY.size) // DISK_BLOCK_BYTES) * DISK_BLOCK_BYTES


@define
class Counters:
    """What the blocks hold.

    Attributes:
        total: all additions.
        of: additions of each LPAR, in the order in which they came to the disk.
    """

    total: int = 0
    of: dict[str, int] = Factory(dict)

    def encode(self) -> bytes:
        """The blocks."""
        head = _HEAD.pack(_MAGIC, bytes(8), len(self.of), self.total)
        entries = (_ENTRY.pack(name.encode(), counter) for name, counter in self.of.items())
        data = bytearray((head + b"".join(entries)).ljust(_SIZE, b"\0"))
        data[_CHECK] = _digest(data)
        return bytes(data)

    @classmethod
    def decode(cls, data: bytes) -> "Counters | None":
        """The counters in blocks; None: there are none, or they are damaged."""
        magic, check, count, total = _HEAD.unpack_from(data)
        plain = bytearray(data)
        plain[_CHECK] = bytes(8)
        if magic != _MAGIC or check != _digest(plain) or count > LPARS_MAX:
            return None
        counters = cls(total)
        for number in range(count):
            name, counter = _ENTRY.unpack_from(data, _HEAD.size + number * _ENTRY.size)
            counters.of[name.rstrip(b"\0").decode(errors="replace")] = counter
        return counters


def _digest(data: bytes | bytearray) -> bytes:
    return hashlib.blake2b(data, digest_size=8).digest()


@define
class _Lane:
    """The storage of one LIP: a page of channel programs, and the area into which the counters are read.

    Attributes:
        page: number of its first page.
        lip: number of the LIP.
        salt: the guest's.
        seen: the counters as they were last seen.
    """

    page: int
    lip: int
    salt: int
    seen: Counters | None = None
    programs: ProgramPage = field(init=False)
    area: Area = field(init=False)
    read: DiskProgram = field(init=False)
    write: DiskProgram = field(init=False)
    release: Orb = field(init=False)
    sense: Orb = field(init=False)
    sense_data: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.programs = ProgramPage(self.page << PAGE_SHIFT)
        self.area = Area((self.page + 1) << PAGE_SHIFT, _SIZE, self.lip, self.salt, scattered=True)
        self.read = DiskProgram.lay(self.programs, [self.area], write=False, first=Command.RESERVE)
        self.write = DiskProgram.lay(self.programs, [self.area], write=True)
        self.release = lay_command(self.programs, Command.RELEASE)
        self.sense, self.sense_data = lay_sense(self.programs)

    @staticmethod
    def pages() -> int:
        """Pages of a lane."""
        return 1 + Area.pages(_SIZE, scattered=True)

    def load(self, cpu: Processor) -> None:
        """IPL."""
        self.programs.load(cpu)
        self.area.load(cpu, unread(self.salt, self.lip, _SIZE))

    def overwrite_guard(self, cpu: Processor) -> None:
        """Some guard."""
        self.area.overwrite_guard(cpu, cpu.rng.randrange(len(self.area.guards)))


class Sharer(AnnexGuest):
    """Adds to counters on a disk that other LPARs use too, under RESERVE and RELEASE; none may be lost."""

    OPTIONS = (
        Option("first_block", integer(0, 1 << 30), 0,
               f"First of the {_SIZE // DISK_BLOCK_BYTES} blocks with the counters, the same in all LPARs."),
        Option("every", duration(1_000), 2_000_000, "How long to wait after an addition."),
        TOLERATE,
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._salt = make_salt(self.seed)
        self._lanes: list[_Lane] = []

    def ipl(self, cpu: Processor) -> None:
        """Lay out one lane for each LIP, spread over the zone as far as 31-bit addresses reach."""
        extent = min(cpu.extent_bytes, CCW_ADDRESS_MAX + 1) >> PAGE_SHIFT
        part, pages = extent // cpu.lip_count, _Lane.pages()
        if part < pages:
            raise ValueError(f"a zone of {extent} pages; expected {pages} for each LIP")
        self._laid_out = cpu.lip_count * part
        self._lanes = [_Lane((lip + 1) * part - pages, lip, self._salt) for lip in range(cpu.lip_count)]
        for lane in self._lanes:
            lane.load(cpu)

    def program(self, cpu: Processor) -> Program:
        """Addition after addition."""
        lane = self._lanes[cpu.cpu_address]
        while cpu.cpu_address >= len(cpu.devices):
            yield WaitForInterruption()
        driver = Driver(cpu, cpu.devices[cpu.cpu_address], lambda: self._meanwhile(cpu, lane))
        for program in (lane.read, lane.write):
            program.locate(cpu, self.options["first_block"])
        while True:
            yield from self._add(cpu, driver, lane)
            # Not at the same times as the others.
            yield WaitForInterruption(duration_ns=cpu.rng.randint(1, 2 * self.options["every"]))

    def check(self, cpu: Processor) -> None:
        """All lanes and the annex; the counters were compared whenever they were read."""
        super().check(cpu)
        for lane in self._lanes:
            lane.programs.check(cpu)
            lane.area.check(cpu)

    def _meanwhile(self, cpu: Processor, lane: _Lane) -> None:
        lane.overwrite_guard(cpu)
        self._annex.turn(cpu)

    def _add(self, cpu: Processor, driver: Driver, lane: _Lane) -> Generator[Any, Any, None]:
        """One more."""
        lane.area.fill(cpu, unread(self._salt, lane.lip, _SIZE))
        lane.area.holds = None
        yield
        readable = yield from self._read(cpu, driver, lane)
        found = lane.area.holds = lane.area.fetch(cpu)
        yield
        counters = self._verified(cpu, lane, Counters.decode(found) if readable else None)
        own = self.setup.lpar
        counters.of[own] = counters.of.get(own, 0) + 1
        counters.total += 1
        lane.area.fill(cpu, counters.encode())
        yield
        yield from driver.run(lane.write.orb)
        lane.area.check_record(cpu)
        lane.seen = counters
        yield from driver.order(lane.release)
        cpu.step()

    def _read(self, cpu: Processor, driver: Driver, lane: _Lane) -> Generator[Any, Any, bool]:
        """RESERVE and read; false: at first sight, where the blocks are data checks."""
        while True:
            ended = yield from driver.attempt(lane.read.orb)
            if ended is None or was_ordered(ended):
                continue
            if ended_whole(ended):
                return True
            if lane.seen is None and ended.device_status & DeviceStatus.UNIT_CHECK:
                yield from driver.run(lane.sense)
                if lane.programs.accept(cpu, lane.sense_data, SENSE_BYTES)[0] & _DATA_CHECK:
                    return False
            yield from driver.fail(lane.read.orb, ended)

    def _verified(self, cpu: Processor, lane: _Lane, found: Counters | None) -> Counters:
        """The counters, after every difference was told; those to go on with."""
        seen, at = lane.seen, lane.area.record
        if found is None:
            if seen is None:
                return Counters()  # nobody's disk
            cpu.damaged(at, f"counters with a total of {seen.total} or more", "blocks that are no counters")
            return Counters(seen.total, dict(seen.of))
        if sum(found.of.values()) != found.total:
            cpu.damaged(at, f"counters with a sum of {found.total}", f"a sum of {sum(found.of.values())}")
            found.total = sum(found.of.values())
        for name, counter in (seen.of if seen else {}).items():
            self._compare(cpu, at, name, counter, found.of.get(name, 0))
        return found

    def _compare(self, cpu: Processor, at: int, name: str, seen: int, found: int) -> None:
        if name == self.setup.lpar and found != seen:
            cpu.damaged(at, f"counter of {name}: {seen}, as it was written", f"{found}")
        elif found < seen:
            cpu.damaged(at, f"counter of {name}: {seen} or more", f"{found}")
