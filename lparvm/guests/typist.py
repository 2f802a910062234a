"""`typist`: reads the lines typed at a console, writes each one back, and keeps a transcript.

The first LIP drives the console; other LIPs have nothing to do. At ATTENTION it reads line after line until none
waits. What the console gave is verified as far as it can be: a line fills its buffer from the beginning and nothing
else, and with the option `expect` the lines must be those, in that order.

Each line goes into the transcript: a chain of entries, each with a digest of itself and of the entry before. When the
transcript is full it begins anew; the chain goes on. While nobody types, the LIP verifies entries, and overwrites
guards around the buffers.

A read that is cleared may have taken a line from the console with it; then one expected line may be missing.

    entry    number << 16 | bytes of the line, the line filled up with zeros to a doubleword, digest
"""

from collections.abc import Generator
from typing import Any

from attrs import Factory, define, field

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.channel import CCW_ADDRESS_MAX, ENDED, Ccw, CcwFlag, DeviceStatus
from lparvm.arch.device_commands import ConsoleCommand
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Function, Orb
from lparvm.config import CONSOLE_LINE_CHARACTERS_MAX, DEVICES_MAX
from lparvm.guests.annex import AnnexGuest
from lparvm.guests.base import GuestSetup
from lparvm.guests.channel_io import await_status
from lparvm.guests.driver import TOLERATE, Driver, was_ordered
from lparvm.guests.processor import Processor
from lparvm.guests.program_page import ProgramPage
from lparvm.guests.python_guest import Program
from lparvm.guests.records import DIGEST_BYTES, Area, compare, digest_of, unread
from lparvm.guests.stamps import make_salt
from lparvm.options import Kind, Option, choice, duration, integer, list_of

LINE_BYTES = 4 * CONSOLE_LINE_CHARACTERS_MAX
TRANSCRIPT_BYTES = 2 * PAGE_BYTES - 512
EXPECTED_LINES_MAX = 10_000
_CODECS = {"ascii": "utf-8", "ebcdic": "cp037"}
_NONE_WAITS = ENDED | DeviceStatus.UNIT_EXCEPTION
_TELLING_BYTES = 8
"""A line of so many bytes is never by chance what the buffer held before."""
_DOUBLEWORD = 8


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > CONSOLE_LINE_CHARACTERS_MAX:
        raise ValueError(value)
    return value


_LINE = Kind(f"a line of {CONSOLE_LINE_CHARACTERS_MAX} characters at most", _text)


@define
class Transcript:
    """The transcript in storage.

    Attributes:
        area: its storage.
        entries: place in the area and bytes of each entry since it was begun anew.
        lines: how many lines there were in all.
        before: the digest before the first of the entries.
        last: the digest of the last one.
        verified: how many of the entries were verified in this round.
    """

    area: Area
    entries: list[tuple[int, int]] = Factory(list)
    lines: int = 0
    before: bytes = bytes(DIGEST_BYTES)
    last: bytes = bytes(DIGEST_BYTES)
    verified: int = 0

    def append(self, cpu: Processor, line: bytes) -> None:
        """Put a line at the end."""
        self.lines += 1
        text = line.ljust(-(-len(line) // _DOUBLEWORD) * _DOUBLEWORD, b"\0")
        body = (self.lines << 16 | len(line)).to_bytes(_DOUBLEWORD, "big") + text
        place = sum(self.entries[-1]) if self.entries else 0
        if place + len(body) + DIGEST_BYTES > self.area.size:
            self.entries, self.before, self.verified, place = [], self.last, 0, 0
        self.last = digest_of(self.last + body)
        entry = body + self.last
        for at in range(0, len(entry), _DOUBLEWORD):
            self.area.put(cpu, place + at, int.from_bytes(entry[at : at + _DOUBLEWORD], "big"))
        self.entries.append((place, len(entry)))

    def verify_next(self, cpu: Processor) -> None:
        """Verify the next entry, and that it follows the one before, by what lies in storage."""
        if not self.entries:
            return
        number = self.verified = self.verified % len(self.entries)
        self.verified += 1
        place, size = self.entries[number]
        address, holds = self.area.address_of(place), self.area.holds
        assert holds is not None, "no I/O stores there"
        found = cpu.fetch_bytes(address, size)
        compare(cpu, self.area.salt, address, bytes(holds[place : place + size]), found)
        before = cpu.fetch_bytes(address - DIGEST_BYTES, DIGEST_BYTES) if number else self.before
        digest = digest_of(before + found[:-DIGEST_BYTES])
        if digest != found[-DIGEST_BYTES:]:
            at = address + size - DIGEST_BYTES
            cpu.damaged(at, f"digest {digest.hex()} of the chain", f"digest {found[-DIGEST_BYTES:].hex()}")


@define
class _Desk:
    """The storage of the LIP: a page of channel programs, a line read, a line to be written, the transcript.

    Attributes:
        page: number of its first page.
        salt: the guest's.
    """

    page: int
    salt: int
    programs: ProgramPage = field(init=False)
    typed: Area = field(init=False)
    printed: Area = field(init=False)
    transcript: Transcript = field(init=False)
    read: Orb = field(init=False)
    write: Orb = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Lay out areas and programs."""
        self.programs = programs = ProgramPage(self.page << PAGE_SHIFT)
        self.typed = Area((self.page + 1) << PAGE_SHIFT, LINE_BYTES, 0, self.salt, scattered=True)
        self.printed = Area(self.typed.end, LINE_BYTES, 0, self.salt)
        self.transcript = Transcript(Area(self.printed.end, TRANSCRIPT_BYTES, 0, self.salt))
        flags = CcwFlag.SUPPRESS_LENGTH
        read = programs.move(ConsoleCommand.READ_INQUIRY, self.typed, flags=flags)
        self.read = Orb(programs.chain(*read))
        self.write = Orb(programs.chain(self._write_ccw(0)))

    @staticmethod
    def pages() -> int:
        """Pages of storage."""
        areas = Area.pages(LINE_BYTES, scattered=True) + Area.pages(LINE_BYTES)
        return 1 + areas + Area.pages(TRANSCRIPT_BYTES)

    @property
    def areas(self) -> tuple[Area, ...]:
        """All areas."""
        return self.typed, self.printed, self.transcript.area

    def print(self, cpu: Processor, text: bytes) -> Orb:
        """Put a line into its buffer; the ORB that writes it."""
        self.printed.fill(cpu, text.ljust(LINE_BYTES, b"\0"))
        self.programs.patch(cpu, self.write.program, self._write_ccw(len(text)).encode())
        return self.write

    def _write_ccw(self, count: int) -> Ccw:
        return Ccw(ConsoleCommand.WRITE_LINE, 0, count, self.printed.record)

    def overwrite_guard(self, cpu: Processor) -> None:
        """Some guard."""
        area = cpu.rng.choice(self.areas)
        area.overwrite_guard(cpu, cpu.rng.randrange(len(area.guards)))


class Typist(AnnexGuest):
    """Writes back the lines typed at a console, and keeps a transcript of them, chained by digests."""

    OPTIONS = (
        Option("console", integer(0, DEVICES_MAX - 1), 0, "Which of the LPAR's devices is the console."),
        Option("code", choice(*_CODECS), "ascii", "How the console encodes characters."),
        Option("expect", list_of(_LINE, EXPECTED_LINES_MAX), None,
               "The lines that will be typed; more may follow."),
        Option("every", duration(1_000), 20_000_000, "How often it verifies something while nobody types."),
        TOLERATE,
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._codec = _CODECS[self.options["code"]]
        self._desk = _Desk(0, make_salt(self.seed))
        self._expected: list[bytes] = [
            line.encode(self._codec, "replace") for line in self.options["expect"] or ()
        ]
        self._lost = False

    def ipl(self, cpu: Processor) -> None:
        """Lay out the desk at the end of the zone, as far as 31-bit addresses reach."""
        extent = min(cpu.extent_bytes, CCW_ADDRESS_MAX + 1) >> PAGE_SHIFT
        if extent < _Desk.pages():
            raise ValueError(f"a zone of {extent} pages; expected {_Desk.pages()}")
        self._laid_out = extent
        self._desk = desk = _Desk(extent - _Desk.pages(), make_salt(self.seed))
        desk.programs.load(cpu)
        for area in desk.areas:
            area.load(cpu, unread(area.salt, area.lip, area.size))

    def program(self, cpu: Processor) -> Program:
        """Greet; then read and write back, whenever there is ATTENTION."""
        while cpu.cpu_address or self.options["console"] >= len(cpu.devices):
            yield WaitForInterruption()
        desk = self._desk
        driver = Driver(cpu, cpu.devices[self.options["console"]], lambda: self._meanwhile(cpu))
        greeting = f"{self.setup.lpar} is ready".encode(self._codec)
        yield from driver.run(desk.print(cpu, greeting))
        while True:
            # Lines may have waited before the first look, and ATTENTION may have come during other I/O.
            driver.unsolicited.clear()
            while (line := (yield from self._read(cpu, driver))) is not None:
                yield from self._take(cpu, driver, line)
            while not driver.unsolicited:
                status = yield from await_status(driver.device, self.options["every"])
                if status is not None:
                    driver.unsolicited.append(status)
                desk.transcript.verify_next(cpu)
                self._meanwhile(cpu)
                yield

    def check(self, cpu: Processor) -> None:
        """The annex, buffers, guards and the whole transcript."""
        super().check(cpu)
        desk = self._desk
        desk.programs.check(cpu)
        for area in desk.areas:
            area.check(cpu)
        for _ in desk.transcript.entries:
            desk.transcript.verify_next(cpu)

    def _meanwhile(self, cpu: Processor) -> None:
        self._desk.overwrite_guard(cpu)
        self._annex.turn(cpu)

    def _read(self, cpu: Processor, driver: Driver) -> Generator[Any, Any, bytes | None]:
        """Read a line; None: none waits."""
        area, orb = self._desk.typed, self._desk.read
        before = unread(area.salt, area.lip, area.size)
        while True:
            area.fill(cpu, before)
            area.holds = None
            yield
            ended = yield from driver.attempt(orb)
            found = area.fetch(cpu)
            if ended is not None and ended.ended_normally:
                count = area.size - ended.count
                self._verify_buffer(cpu, before, found, count)
                return found[:count]
            area.holds = found
            if ended is None:
                continue
            if was_ordered(ended):
                self._lost |= bool(ended.function & Function.CLEAR)
            elif ended.device_status == _NONE_WAITS:
                area.expect(cpu, before)
                return None
            else:
                yield from driver.fail(orb, ended)

    def _verify_buffer(self, cpu: Processor, before: bytes, found: bytes, count: int) -> None:
        """The line must be in the buffer, and behind it what was there before."""
        area = self._desk.typed
        area.expect(cpu, found[:count] + before[count:])
        if count >= _TELLING_BYTES and found[:count] == before[:count]:
            cpu.damaged(area.record, f"a line of {count} bytes", "what was there before it was read")

    def _take(self, cpu: Processor, driver: Driver, line: bytes) -> Program:
        """A line was read: verify it, write it back, put it into the transcript."""
        desk = self._desk
        if self._expected:
            expected = self._expected.pop(0)
            if line != expected and self._lost and self._expected:
                expected, self._lost = self._expected.pop(0), False
            if line != expected:
                cpu.damaged(desk.typed.record, self._show(expected), self._show(line))
        yield
        desk.transcript.append(cpu, line)
        yield
        yield from driver.run(desk.print(cpu, line))
        desk.printed.check_record(cpu)
        cpu.step()

    def _show(self, line: bytes) -> str:
        return f"the line {line.decode(self._codec, 'replace')!r}"
