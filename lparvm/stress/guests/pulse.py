"""`Pulse`: works for ever, a little at a time: who stands still for good is found by its steps.

Each page of the zone has a word for each LIP, with how often the LIP was there, and a storage key of its own. The LIP
goes round, verifies word and key, and counts on. Storage that is added joins the round, and all of it but the first
page is given up when that is asked for. With devices the first LIP reads a block from each into the first page now and
then, and never stands still for one that does not end; one page is enough for everything. How it reads, and what it
has of that when the channel program suspends itself: see `pulse_reading`.

    0x000    words of the LIPs, in each page
    0x400    channel program and parameters, in the first page
    0x800    the block, in the first page
    0xA00    the block once more, where the program suspends itself in between
"""

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.interception import ServiceCall, WaitForInterruption
from lparvm.arch.service_signal import (
    ServiceSignal,
    StorageGivenUp,
    StorageGrown,
    StorageKept,
    StorageUsed,
)
from lparvm.arch.storage_key import CHANGE, REFERENCE
from lparvm.config import STRESS_GUEST_PAGES_MAX
from lparvm.guests.base import GuestSetup
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Option, boolean, duration, integer
from lparvm.stress.guests.patient_io import PATIENCE, PatientIo
from lparvm.stress.guests.pulse_reading import Reading, ReadingProgram, next_of

_PAUSE_NS_MAX = 1_000_000_000
_STAMP_BITS = 32
_VISITS = 4
"""Pages between two waits."""


class Pulse(PythonGuest):
    """Works for ever, a little at a time, and takes up and gives up storage as it is told."""

    OPTIONS = (
        Option("pause", duration(1, _PAUSE_NS_MAX), 2_000_000, "How long a LIP waits after some pages."),
        Option("io", boolean(), True, "Whether the first LIP reads from the LPAR's devices."),
        Option("first_block", integer(0, 1 << 30), 0, "512-byte block of the disks that is read."),
        Option(
            "suspend", boolean(), False, "Whether its channel programs suspend themselves, and are resumed."
        ),
        Option("keep", boolean(), False, "Whether no storage is given up."),
        PATIENCE,
    )

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._counts: list[list[int]] = []
        self._reads = ReadingProgram(self.options["first_block"], self.options["suspend"])

    @property
    def pages(self) -> int:
        """Pages that it uses, from the first one on."""
        return len(self._counts)

    def ipl(self, cpu: Processor) -> None:
        """Stamp all pages, and lay the channel program."""
        self._counts = self._take_up(cpu, cpu.extent_bytes >> PAGE_SHIFT)
        self._reads.load(cpu)

    def program(self, cpu: Processor) -> Program:
        """Page after page, in a round; a rest, or a look at a device, after some of them."""
        page, looks = 0, 0
        pause_ns = self.options["pause"]
        rest = WaitForInterruption(duration_ns=pause_ns)
        devices = cpu.devices if self.options["io"] and cpu.cpu_address == 0 else ()
        ios = (PatientIo(cpu, device, self.options["patience"]) for device in devices)
        readings = [Reading(io, self._reads, pause_ns) for io in ios]
        while True:
            for _ in range(_VISITS):
                page = (page + 1) % self.pages
                self._visit(cpu, page)
                yield
            if readings:
                looks += 1
                yield from next_of(readings, looks).look()
            else:
                yield rest

    def service_signal(self, cpu: Processor, signal: ServiceSignal) -> Program:
        """Storage that is added joins the round; what is asked for leaves it."""
        extent = signal.extent
        if isinstance(signal, StorageGrown):
            taken_up = self._take_up(cpu, extent)
            yield
            in_force: int = yield ServiceCall(StorageUsed(extent))
            self._counts += taken_up[: max(0, in_force - self.pages)]
        elif self.options["keep"]:
            yield ServiceCall(StorageKept("its pages are in use"))
        else:
            departed = self._counts[extent:]
            del self._counts[extent:]
            in_force = yield ServiceCall(StorageGivenUp(extent))
            # What was not taken holds what it held.
            self._counts += departed[: max(0, in_force - extent)]

    def check(self, cpu: Processor) -> None:
        """All words and keys, and the channel program."""
        for page in range(self.pages):
            self._verify_key(cpu, page)
            for lip in range(cpu.lip_count):
                self._verify(cpu, page, lip)
        self._reads.check(cpu)

    def _take_up(self, cpu: Processor, extent: int) -> list[list[int]]:
        """Stamp the further pages up to an extent, which must be clear; their counts."""
        pages = range(self.pages, min(extent, STRESS_GUEST_PAGES_MAX))
        for page in pages:
            for lip in range(cpu.lip_count):
                address = _address(page, lip)
                found = cpu.fetch(address)
                if found:
                    cpu.damaged(address, 0, found)
                cpu.store(address, self._stamp(page, lip, 0))
            cpu.set_key(page << PAGE_SHIFT, _key(page))
        return [[0] * cpu.lip_count for _ in pages]

    def _visit(self, cpu: Processor, page: int) -> None:
        """Verify key and this LIP's word of a page, and count on: at once, while the page is still the guest's."""
        lip = cpu.cpu_address
        self._verify_key(cpu, page)
        self._verify(cpu, page, lip)
        self._counts[page][lip] += 1
        cpu.store(_address(page, lip), self._stamp(page, lip, self._counts[page][lip]))
        cpu.step()

    @staticmethod
    def _verify_key(cpu: Processor, page: int) -> None:
        found, expected = cpu.get_key(page << PAGE_SHIFT), _key(page)
        if found != expected:
            cpu.damaged(page << PAGE_SHIFT, f"storage key {expected:02X}", f"storage key {found:02X}")

    def _verify(self, cpu: Processor, page: int, lip: int) -> None:
        address, expected = _address(page, lip), self._stamp(page, lip, self._counts[page][lip])
        found = cpu.fetch(address)
        if found != expected:
            cpu.damaged(address, expected, found)

    def _stamp(self, page: int, lip: int, count: int) -> int:
        """A LIP's word in a page: of which guest and which word it is, and how often the LIP was there."""
        number = self.seed >> _STAMP_BITS ^ (page << 8 | lip)
        return number % (1 << _STAMP_BITS) << _STAMP_BITS | count


def _key(page: int) -> int:
    """The storage key of a page: reference and change are on, as it was stored into when it was taken up."""
    return (page + 1) % 16 << 4 | REFERENCE | CHANGE


def _address(page: int, lip: int) -> int:
    """Guest absolute address of a LIP's word in a page."""
    return (page << PAGE_SHIFT) + lip * 8
