"""How a guest answers service signals by stamped pages: it stamps storage that is added, and gives such pages up.

A guest whose work has fixed places in storage has an *annex* for the rest: stamped pages behind all that IPL laid out.
It verifies and overwrites them beside its work, and it can give up all of them, but nothing before.
"""

from collections.abc import Callable

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.interception import ServiceCall
from lparvm.arch.service_signal import (
    ServiceSignal,
    StorageGivenUp,
    StorageGrown,
    StorageKept,
    StorageUsed,
)
from lparvm.guests.base import GuestSetup
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.guests.stamped_pages import StampedPages
from lparvm.guests.stamps import make_salt
from lparvm.units import stream_seed

ANNEX_PAGES_MAX = 1 << 14
"""Pages that are used of a larger part of storage that is added, spread over it."""


def answer(
    pages: StampedPages,
    cpu: Processor,
    signal: ServiceSignal,
    refusal: Callable[[int], str | None],
    pages_max: int,
) -> Program:
    """Handler of a service signal for stamped pages.

    Args:
        pages: they join and leave.
        cpu: the processor that took the signal.
        signal: it.
        refusal: why the guest can't shrink to an extent; None: it can.
        pages_max: how many pages are used of storage that is added.
    """
    extent = signal.extent
    if isinstance(signal, StorageGrown):
        yield from pages.join(cpu, cpu.extent_bytes >> PAGE_SHIFT, extent, pages_max)
        yield ServiceCall(StorageUsed(extent))
    elif (reason := refusal(extent)) is not None:
        yield ServiceCall(StorageKept(reason))
    else:
        yield from pages.leave(cpu, extent)
        departed = pages.depart()
        in_force: int = yield ServiceCall(StorageGivenUp(extent))
        pages.come_back(departed, in_force)


class AnnexGuest(PythonGuest):
    """A guest with an annex: its `ipl` sets `_laid_out`, and its programs let `_annex` turn now and then."""

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._annex = StampedPages(make_salt(stream_seed(self.seed, "annex")))
        self._laid_out = 0

    def service_signal(self, cpu: Processor, signal: ServiceSignal) -> Program:
        """The annex grows and shrinks."""
        return answer(self._annex, cpu, signal, self._refusal, ANNEX_PAGES_MAX)

    def check(self, cpu: Processor) -> None:
        """The annex."""
        self._annex.check(cpu)

    def _refusal(self, extent: int) -> str | None:
        if extent >= self._laid_out:
            return None
        return f"IPL laid out {self._laid_out} pages, and they are in use"
