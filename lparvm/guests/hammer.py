"""`hammer`: stamped words over the whole zone, overwritten by the next generation again and again.

Each LIP owns every n-th of the stamped pages (`stamped_pages`). It takes one at random, verifies the line that is next
in it, and overwrites that line. Now and then it verifies the page's storage key, and sets another one.

Storage that joins the zone joins the pages, and pages are given up from the end, all but a few.
"""

import struct
from bisect import bisect_left

import numpy as np

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.service_signal import ServiceSignal
from lparvm.arch.storage_key import REFERENCE
from lparvm.guests.annex import answer
from lparvm.guests.base import GuestSetup
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.guests.stamped_pages import SETTABLE, STORED, StampedPages
from lparvm.guests.stamps import PAGE_WORDS, WORD_SHIFT, Footprint, describe, make_head, make_salt
from lparvm.options import Option, boolean, power_of_two, size
from lparvm.units import stream_seed

FOOTPRINT_DEFAULT_BYTES = 1 << 30
KEY_STEPS = 16
"""A key is checked and set in every 16th step."""
PAGES_MIN = 4
"""Pages that are never given up."""
NO_PAGES_WAIT_NS = 10_000_000
"""How often a LIP without a page looks for one, where there are fewer pages than LIPs."""


class Hammer(PythonGuest):
    """Overwrites stamped words all over its zone, and verifies each before; storage keys as well."""

    OPTIONS = (
        Option("footprint", size(PAGE_BYTES), FOOTPRINT_DEFAULT_BYTES,
               "Bytes used of a larger zone, or of a part that joins it, spread over it."),
        Option("words", power_of_two(1, PAGE_WORDS), 8, "Words verified and overwritten in a step."),
        Option("keys", boolean(), True, "Whether storage keys are set and checked."),
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._pages = StampedPages(
            make_salt(self.seed), self.options["words"], len(setup.lips), keyed=self.options["keys"]
        )

    def ipl(self, cpu: Processor) -> None:
        """Stamp every word of the footprint, and set every key, all seven bits at random."""
        footprint = Footprint.over(cpu.extent_bytes >> PAGE_SHIFT, self._pages_max)
        generator = np.random.Generator(np.random.PCG64(stream_seed(self.seed, "keys")))
        keys = np.frombuffer(generator.bytes(footprint.page_count), dtype=np.uint8) & SETTABLE
        self._pages.load(cpu, footprint, bytearray(keys))

    def program(self, cpu: Processor) -> Program:
        """Take a random page of this LIP's own: verify a line, overwrite it; now and then its key."""
        stamped, salt, lines, keyed = self._pages, self._pages.salt, self._pages.lines, self._pages.keyed
        pages, keys, generations = stamped.pages, stamped.keys, stamped.generations
        lip, lip_count, random, words = cpu.cpu_address, cpu.lip_count, cpu.rng.random, stamped.words
        line_bytes = words << WORD_SHIFT
        pack = struct.Struct(f">{words}Q").pack
        count = own_pages = 0
        while True:
            if stamped.count != count:
                count = stamped.count
                own_pages = len(range(lip, count, lip_count))
            if not own_pages:
                yield WaitForInterruption(duration_ns=NO_PAGES_WAIT_NS)
                continue
            departures = stamped.departures
            index = lip + lip_count * int(random() * own_pages)
            generation = generations[index] + 1
            address = (pages[index] << PAGE_SHIFT) + (generation - 1) % lines * line_bytes
            first = make_head(salt, max(0, generation - lines), lip) ^ address >> WORD_SHIFT
            expected = pack(*range(first, first + words))
            found = cpu.fetch_bytes(address, line_bytes)
            keys[index] |= REFERENCE
            if found != expected:
                self._compare(cpu, address, expected, found)
            yield
            if stamped.departures != departures:
                continue  # the page may be gone
            first = make_head(salt, generation, lip) ^ address >> WORD_SHIFT
            cpu.store_bytes(address, pack(*range(first, first + words)))
            keys[index] |= STORED
            generations[index] = generation
            cpu.steps += 1
            yield
            if keyed and cpu.steps % KEY_STEPS == 0 and stamped.departures == departures:
                stamped.turn_key(cpu, index)
                yield

    def service_signal(self, cpu: Processor, signal: ServiceSignal) -> Program:
        """Pages join, or leave."""
        return answer(self._pages, cpu, signal, self._refusal, self._pages_max)

    def check(self, cpu: Processor) -> None:
        """Every word of the footprint, written or not, and every key."""
        self._pages.check(cpu)

    @property
    def _pages_max(self) -> int:
        pages: int = self.options["footprint"] >> PAGE_SHIFT
        return pages

    def _refusal(self, extent: int) -> str | None:
        if bisect_left(self._pages.pages, extent) >= PAGES_MIN:
            return None
        return f"the guest works on {PAGES_MIN} pages at least"

    def _compare(self, cpu: Processor, address: int, expected: bytes, found: bytes) -> None:
        salt = self._pages.salt
        for place in range(0, len(expected), 8):
            wanted, got = (int.from_bytes(data[place : place + 8], "big") for data in (expected, found))
            if wanted != got:
                cpu.damaged(address + place, describe(salt, wanted), describe(salt, got))
