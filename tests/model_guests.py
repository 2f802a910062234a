"""Guests for small zones, each with its own way with storage: `model_guests:Giving` in a scenario.

They stamp all of their zone, wait a little between two pages, and so leave time to others.
"""

from io_guests import chain
from lparvm.arch.channel import Ccw
from lparvm.arch.fixed_block import DiskCommand, Operation, define_extent, locate
from lparvm.arch.interception import StartSubchannel, TestSubchannel, WaitForInterruption
from lparvm.guests import Option
from lparvm.options import choice
from tenant_guests import Tenant

_PAUSE_NS = 100_000
_PROGRAM, _DATA = 0x400, 0x800


def _conduct(conduct: str) -> tuple[Option, ...]:
    return (Option("conduct", choice("give", "keep", "silent", "deaf"), conduct, ""), *Tenant.OPTIONS[1:])


class Giving(Tenant):
    """Gives up what it is asked for."""

    def program(self, cpu):
        page = cpu.cpu_address
        while True:
            page = (page + 1) % self.pages
            self.verify_page(cpu, page)
            cpu.step()
            yield WaitForInterruption(duration_ns=_PAUSE_NS)


class Keeping(Giving):
    """Gives nothing up."""

    OPTIONS = _conduct("keep")


class Deaf(Giving):
    """Takes no signals."""

    OPTIONS = _conduct("deaf")


class Silent(Giving):
    """Takes the first signal and works on without an answer."""

    def service_signal(self, cpu, signal):
        del signal
        yield from self.program(cpu)


class Reading(Giving):
    """Reads a block from its device into its first page between two pages; in a faulty frame that may fail."""

    def ipl(self, cpu):
        super().ipl(cpu)
        parameters = _PROGRAM + 0x100
        cpu.store_bytes(parameters, define_extent(0, 1) + locate(Operation.READ, 0, 1))
        self.orb = chain(
            cpu, _PROGRAM,
            Ccw(DiskCommand.DEFINE_EXTENT, 0, 16, parameters), Ccw(DiskCommand.LOCATE, 0, 8, parameters + 16),
            Ccw(DiskCommand.READ, 0, 512, _DATA),
        )  # fmt: skip

    def program(self, cpu):
        page, device = 0, cpu.devices[0]
        while True:
            assert (yield StartSubchannel(device, self.orb)) == 0, "its subchannel is idle"
            yield WaitForInterruption((device,))
            yield TestSubchannel(device)
            page = (page + 1) % self.pages
            self.verify_page(cpu, page)
            cpu.step()
            yield
