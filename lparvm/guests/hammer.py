"""`hammer`: stamped words over the whole zone, overwritten by the next generation again and again.

Each LIP owns every n-th page. A page is divided into lines of `words` words. Its generation counts its
overwrites: overwrite `k` puts generation `k` into line `(k - 1) mod lines`, so that the one number tells what
each word of the page must be, also those that only IPL wrote. Before a line is overwritten it is verified.

Storage keys: all bits are known exactly. Only its own LIP touches a page, so the reference and change bits
are what its accesses made of the key that was set last.
"""

import struct
from array import array

import numpy as np

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.storage_key import CHANGE, REFERENCE
from lparvm.guests.base import GuestSetup
from lparvm.guests.processor import Processor, Words
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.guests.stamps import (
    PAGE_WORDS,
    WORD_SHIFT,
    Footprint,
    describe,
    fill,
    make_head,
    make_heads,
    make_salt,
    stamp_block,
)
from lparvm.options import Option, boolean, power_of_two, size
from lparvm.units import stream_seed

FOOTPRINT_DEFAULT_BYTES = 1 << 30
KEY_STEPS = 16
"""A key is checked and set in every 16th step."""
_SETTABLE = 0xFE  # the unassigned bit is nobody's
_STORED = REFERENCE | CHANGE


class Hammer(PythonGuest):
    """Overwrites stamped words all over its zone, and verifies each before; storage keys as well."""

    OPTIONS = (
        Option("footprint", size(PAGE_BYTES), FOOTPRINT_DEFAULT_BYTES,
               "Bytes used of a larger zone, in blocks spread over it."),
        Option("words", power_of_two(1, PAGE_WORDS), 8, "Words verified and overwritten in a step."),
        Option("keys", boolean(), True, "Whether storage keys are set and checked."),
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._salt = make_salt(self.seed)
        self._words: int = self.options["words"]
        self._keyed: bool = self.options["keys"]
        self._lines = PAGE_WORDS // self._words
        self._footprint = Footprint.over(0, 0)
        self._generations = array("I")
        self._keys = bytearray()

    def ipl(self, cpu: Processor) -> None:
        """Stamp every word of the footprint, and set every key, all seven bits at random."""
        pages_max = self.options["footprint"] >> PAGE_SHIFT
        self._footprint = Footprint.over(cpu.extent_bytes >> PAGE_SHIFT, pages_max)
        count = self._footprint.page_count
        self._generations = array("I", bytes(count * array("I").itemsize))
        keys = np.random.Generator(np.random.PCG64(stream_seed(self.seed, "keys"))).bytes(count)
        self._keys = bytearray(np.frombuffer(keys, dtype=np.uint8) & _SETTABLE)
        fill(cpu, self._footprint, lambda index, pages: self._heads(index, pages, 1))
        if self._keyed:
            for index, page, pages in self._footprint.blocks():
                cpu.set_keys(page, self._keys[index : index + pages])

    def program(self, cpu: Processor) -> Program:
        """Take a random page of this LIP's own: verify a line, overwrite it; now and then its key."""
        lip, lip_count = cpu.cpu_address, cpu.lip_count
        own_pages = len(range(lip, self._footprint.page_count, lip_count))
        random, page_of, keys, generations = (
            cpu.rng.random,
            self._footprint.page,
            self._keys,
            self._generations,
        )
        words, lines, salt = self._words, self._lines, self._salt
        line_bytes = words << WORD_SHIFT
        pack = struct.Struct(f">{words}Q").pack
        while own_pages:
            index = lip + lip_count * int(random() * own_pages)
            generation = generations[index] + 1
            address = (page_of(index) << PAGE_SHIFT) + (generation - 1) % lines * line_bytes
            first = make_head(salt, max(0, generation - lines), lip) ^ address >> WORD_SHIFT
            expected = pack(*range(first, first + words))
            found = cpu.fetch_bytes(address, line_bytes)
            keys[index] |= REFERENCE
            if found != expected:
                self._compare(cpu, address, expected, found)
            yield
            first = make_head(salt, generation, lip) ^ address >> WORD_SHIFT
            cpu.store_bytes(address, pack(*range(first, first + words)))
            keys[index] |= _STORED
            generations[index] = generation
            cpu.steps += 1
            yield
            if self._keyed and cpu.steps % KEY_STEPS == 0:
                self._turn_key(cpu, index, address)
                yield

    def check(self, cpu: Processor) -> None:
        """Every word of the footprint, written or not, and every key."""
        for index, page, pages in self._footprint.blocks():
            if self._keyed:  # first: a fetch sets reference bits
                self._check_keys(cpu, index, page, pages)
                keys = np.frombuffer(self._keys, dtype=np.uint8)[index : index + pages]
                keys |= REFERENCE
            expected = stamp_block(page, self._heads(index, pages, self._lines))
            for address, wanted, found in cpu.differences(page << PAGE_SHIFT, expected):
                cpu.damaged(address, describe(self._salt, wanted), describe(self._salt, found))

    def _heads(self, index: int, pages: int, lines: int) -> Words:
        """The heads of all lines of consecutive pages, of shape `(pages, lines)`."""
        lips = np.arange(index, index + pages, dtype=np.uint64) % np.uint64(len(self.setup.lips))
        overwrites = np.array(self._generations[index : index + pages], dtype=np.int64)[:, np.newaxis]
        if not overwrites.any():
            return make_heads(self._salt, np.zeros((pages, 1), np.uint64), lips[:, np.newaxis])
        # The latest overwrite that fell on the line; none leaves what IPL wrote, generation 0.
        latest = overwrites - (overwrites - 1 - np.arange(lines)) % lines
        return make_heads(self._salt, np.maximum(latest, 0).astype(np.uint64), lips[:, np.newaxis])

    def _compare(self, cpu: Processor, address: int, expected: bytes, found: bytes) -> None:
        for place in range(0, len(expected), 8):
            wanted, got = (int.from_bytes(data[place : place + 8], "big") for data in (expected, found))
            if wanted != got:
                cpu.damaged(address + place, describe(self._salt, wanted), describe(self._salt, got))

    def _turn_key(self, cpu: Processor, index: int, address: int) -> None:
        self._compare_key(cpu, address, self._keys[index], cpu.get_key(address))
        key = cpu.rng.getrandbits(8) & _SETTABLE
        cpu.set_key(address, key)
        self._keys[index] = key

    def _check_keys(self, cpu: Processor, index: int, page: int, pages: int) -> None:
        found = cpu.keys_of(page, pages).tobytes()
        expected = self._keys[index : index + pages]
        if found != expected:
            for number in range(pages):
                self._compare_key(cpu, page + number << PAGE_SHIFT, expected[number], found[number])

    @staticmethod
    def _compare_key(cpu: Processor, address: int, expected: int, found: int) -> None:
        if expected != found:
            page_address = address >> PAGE_SHIFT << PAGE_SHIFT
            cpu.damaged(page_address, f"storage key {expected:02X}", f"storage key {found:02X}")
