"""`idle`: waits, wakes now and then, looks whether a few words are still what they were, and waits again.

With `fill` its whole zone holds distinct contents, so that a relocation moves real bytes while nothing else
takes processor time.
"""

import numpy as np

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.interception import ServiceCall, WaitForInterruption
from lparvm.arch.service_signal import ServiceSignal, StorageGivenUp, StorageGrown, StorageUsed
from lparvm.guests.base import GuestSetup
from lparvm.guests.processor import Processor, Words
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.guests.stamps import (
    PAGE_WORDS,
    WORD_SHIFT,
    Footprint,
    describe,
    fill,
    make_heads,
    make_salt,
    stamp_block,
)
from lparvm.options import Option, boolean, duration, integer

STAMPED_PAGES = 64
"""Pages stamped without `fill`, spread over the zone."""
_LINE_WORDS = 8


class Idle(PythonGuest):
    """Waits; wakes now and then to check some stamped words."""

    OPTIONS = (
        Option("interval", duration(1_000), 100_000_000, "Time from one waking to the next."),
        Option("fill", boolean(), False, "Whether the whole zone is stamped, and checked at the end."),
        Option("pages", integer(1, 1 << 20), 4, "Pages looked at in each waking."),
    )

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._salt = make_salt(self.seed)
        self._footprint = Footprint.over(0, 0)

    def ipl(self, cpu: Processor) -> None:
        """Stamp every page, or a few."""
        extent = cpu.extent_bytes >> PAGE_SHIFT
        if self.options["fill"]:
            self._footprint = Footprint.over(extent, extent)
        else:
            self._footprint = Footprint.over(extent, STAMPED_PAGES, block_pages=1)
        fill(cpu, self._footprint, lambda _, pages: self._heads(pages))

    def program(self, cpu: Processor) -> Program:
        """Wait, check a line of a few pages, wait."""
        while True:
            yield WaitForInterruption(duration_ns=self.options["interval"])
            for _ in range(self.options["pages"]):
                if not self._footprint.page_count:
                    break
                page = self._footprint.page(cpu.rng.randrange(self._footprint.page_count))
                word = cpu.rng.randrange(0, PAGE_WORDS, _LINE_WORDS)
                expected = self._block(page, 1)[word : word + _LINE_WORDS]
                self._compare(cpu, (page << PAGE_SHIFT) + (word << WORD_SHIFT), expected)
                cpu.step()
                yield

    def service_signal(self, cpu: Processor, signal: ServiceSignal) -> Program:
        """Whatever is added it takes, and lets lie; it gives up anything, and forgets what was stamped there."""
        del cpu
        if isinstance(signal, StorageGrown):
            yield ServiceCall(StorageUsed(signal.extent))
            return
        before, self._footprint = self._footprint, self._footprint.below(signal.extent)
        in_force: int = yield ServiceCall(StorageGivenUp(signal.extent))
        self._footprint = before.below(in_force)

    def check(self, cpu: Processor) -> None:
        """Every stamped page."""
        for _, page, pages in self._footprint.blocks():
            self._compare(cpu, page << PAGE_SHIFT, self._block(page, pages))

    def _heads(self, pages: int) -> Words:
        zeros = np.zeros((pages, 1), dtype=np.uint64)
        return make_heads(self._salt, zeros, zeros)

    def _block(self, page: int, pages: int) -> Words:
        return stamp_block(page, self._heads(pages))

    def _compare(self, cpu: Processor, first: int, expected: Words) -> None:
        for address, wanted, found in cpu.differences(first, expected):
            cpu.damaged(address, describe(self._salt, wanted), describe(self._salt, found))
