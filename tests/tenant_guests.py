"""A guest whose storage is resized, and which does as it is told: `tenant_guests:Tenant` in a scenario."""

from io_guests import chain
from lparvm.arch.channel import Ccw, SubchannelStatus
from lparvm.arch.fixed_block import DiskCommand, Operation, define_extent, locate
from lparvm.arch.interception import ServiceCall, StartSubchannel, TestSubchannel, WaitForInterruption
from lparvm.arch.service_signal import StorageGivenUp, StorageGrown, StorageKept, StorageUsed
from lparvm.guests import Option, PythonGuest, integer
from lparvm.options import boolean, choice

PROGRAM, LOW = 0x1000, 0x8000
MS = 1_000_000


class Tenant(PythonGuest):
    """Stamps every page it uses, and verifies them in turn.

    Attributes:
        pages: it uses those below.
        speaks: a silent one answers from now on.
        replies: the extent in force, as each of its calls was told.
    """

    OPTIONS = (
        Option("conduct", choice("give", "keep", "silent", "deaf"), "give", "What it does with signals."),
        Option("uses", integer(1, 1 << 20), 1 << 20, "Pages it uses at first."),
        Option("waits", boolean(), False, "Its processors wait without end between two pages."),
    )

    def __init__(self, setup):
        super().__init__(setup)
        self.pages = 0
        self.speaks = self.options["conduct"] != "silent"
        self.replies: list[int] = []

    def stamp(self, cpu, page):
        cpu.store(page << 12, 0xA5A5_0000 + page)

    def verify_page(self, cpu, page):
        found = cpu.fetch(page << 12)
        if found != 0xA5A5_0000 + page:
            cpu.damaged(page << 12, 0xA5A5_0000 + page, found)

    def ipl(self, cpu):
        self.pages = min(self.options["uses"], cpu.extent_bytes >> 12)
        for page in range(self.pages):
            self.stamp(cpu, page)

    def program(self, cpu):
        page = cpu.cpu_address
        while True:
            page = (page + 1) % self.pages
            self.verify_page(cpu, page)
            cpu.step()
            yield WaitForInterruption() if self.options["waits"] else None

    def service_signal(self, cpu, signal):
        while not self.speaks:
            yield WaitForInterruption(duration_ns=10 * MS)
        if isinstance(signal, StorageGrown):
            for page in range(self.pages, signal.extent):
                found = cpu.fetch(page << 12)
                if found:
                    cpu.damaged(page << 12, 0, found)
                self.stamp(cpu, page)
            self.pages = signal.extent
            self.replies.append((yield ServiceCall(StorageUsed(signal.extent))))
        elif self.options["conduct"] == "keep":
            self.replies.append((yield ServiceCall(StorageKept("the rent is paid"))))
        else:
            before, self.pages = self.pages, min(self.pages, signal.extent)
            reply = yield ServiceCall(StorageGivenUp(signal.extent))
            self.replies.append(reply)
            # What was not taken holds what it held.
            self.pages = min(before, reply)

    def can_take_signal(self, state):
        return self.options["conduct"] != "deaf" and super().can_take_signal(state)

    def check(self, cpu):
        for page in range(self.pages):
            self.verify_page(cpu, page)


class Faithless(Tenant):
    """Reads a block into the last page it had, then one into a low page, over and over, whatever it promises.

    Attributes:
        endings: how each channel program ended: the names of its subchannel status.
    """

    def __init__(self, setup):
        super().__init__(setup)
        self.endings: list[str] = []

    def ipl(self, cpu):
        super().ipl(cpu)
        parameters, last = PROGRAM + 0x100, cpu.extent_bytes - 512
        cpu.store_bytes(parameters, define_extent(0, 1) + locate(Operation.READ, 0, 1))
        step = [Ccw(DiskCommand.LOCATE, 0, 8, parameters + 16), Ccw(DiskCommand.READ, 0, 512, last)]
        again = [step[0], Ccw(DiskCommand.READ, 0, 512, LOW)]
        self.orb = chain(cpu, PROGRAM, Ccw(DiskCommand.DEFINE_EXTENT, 0, 16, parameters), *step, *again)

    def program(self, cpu):
        (device,) = cpu.devices
        while True:
            yield StartSubchannel(device, self.orb)
            yield WaitForInterruption((device,))
            irb = (yield TestSubchannel(device)).irb
            self.endings.append(
                "" if irb is None else SubchannelStatus(irb.scsw.subchannel_status).name or "NONE"
            )
            cpu.step()
            yield


class Ending(Tenant):
    """Its programs end at once; only signals make it run again."""

    def program(self, cpu):
        self.verify_page(cpu, 0)
        yield


class Fainting(Tenant):
    """Fails when it is asked."""

    def service_signal(self, cpu, signal):
        raise LookupError("what storage?")
        yield
