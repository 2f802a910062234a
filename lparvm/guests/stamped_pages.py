"""Stamped pages: what a guest keeps in storage that it only has to use and to prove, page after page.

A page is divided into lines of equal length. Its generation counts its overwrites: overwrite `k` puts generation `k`
into line `(k - 1) mod lines`, so that the one number tells what each word of the page must be, also those that nobody
has overwritten. Each page has an owner, in turn, whose number is in its stamps.

Storage keys: all bits are known exactly. Whoever accesses a page does it through here, or keeps to the same rules: the
reference and change bits are what the accesses made of the key that was set last.

Pages join and leave while processors work with them:

- Pages join at the end, and in ascending order, and leave from the end: the index of a page stays.
- `count` is how many of them may be chosen. A processor that chose a page, and yielded, looks at `departures` before it
  goes on: where that has changed, the page may have left, or another one may have its index.
- Pages that leave are verified when nobody can change them any more. So what was done to them until then is found.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
from attrs import Factory, define

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.storage_key import CHANGE, REFERENCE
from lparvm.guests.processor import Processor, Words
from lparvm.guests.python_guest import Program
from lparvm.guests.stamps import (
    BLOCK_PAGES,
    PAGE_WORDS,
    WORD_SHIFT,
    Footprint,
    describe,
    fill,
    make_head,
    make_heads,
    stamp_block,
)

SETTABLE = 0xFE
"""The bits of a storage key that are set at random: the unassigned bit is nobody's."""
STORED = REFERENCE | CHANGE
_PIECE_PAGES = 4
"""Pages between two instruction boundaries where many pages are stamped or verified."""


def _numbers() -> "array[int]":
    return array("I")


@define
class Departed:
    """Pages that have left, as they were: number, generation and key of each."""

    pages: "array[int]"
    generations: "array[int]"
    keys: bytearray


@define
class StampedPages:
    """The pages of a guest that are stamped.

    Attributes:
        salt: of the stamps.
        words: words in a line.
        owners: how many owners there are; page `index` belongs to owner `index mod owners`.
        keyed: whether storage keys are set and verified.
        pages: number of each page, ascending.
        generations: of each page.
        keys: the storage key that each page must have.
        count: how many of them, from the first on, processors may work with.
        departures: how often pages began to leave.
    """

    salt: int
    words: int = 8
    owners: int = 1
    keyed: bool = True
    pages: "array[int]" = Factory(_numbers)
    generations: "array[int]" = Factory(_numbers)
    keys: bytearray = Factory(bytearray)
    count: int = 0
    departures: int = 0

    @property
    def lines(self) -> int:
        """Lines in a page."""
        return PAGE_WORDS // self.words

    # IPL and final check.

    def load(self, cpu: Processor, footprint: Footprint, keys: bytearray) -> None:
        """IPL: stamp the pages of a footprint, and set their keys."""
        assert not self.pages, "IPL comes first"
        for _, page, pages in footprint.blocks():
            self.pages.extend(range(page, page + pages))
        self.generations = array("I", [0]) * len(self.pages)
        self.keys += keys
        self.count = len(self.pages)
        fill(cpu, footprint, self.heads)
        if self.keyed:
            for index, page, pages in footprint.blocks():
                cpu.set_keys(page, keys[index : index + pages])

    def check(self, cpu: Processor) -> None:
        """The final check: every word, written or not, and every key."""
        for index, pages in self._blocks(0, BLOCK_PAGES):
            self._verify(cpu, index, pages)

    # Work.

    def turn(self, cpu: Processor) -> None:
        """Verify a line of some page and overwrite it; now and then its key. No yield comes between."""
        if not self.count:
            return
        index = cpu.rng.randrange(self.count)
        generation, lip = self.generations[index] + 1, index % self.owners
        address = (self.pages[index] << PAGE_SHIFT) + (generation - 1) % self.lines * (
            self.words << WORD_SHIFT
        )
        place = np.arange(address >> WORD_SHIFT, (address >> WORD_SHIFT) + self.words, dtype=np.uint64)
        expected = place ^ np.uint64(make_head(self.salt, max(0, generation - self.lines), lip))
        if self.keyed and generation % 2:
            self.turn_key(cpu, index)
        self._tell(cpu, cpu.differences(address, expected.astype(">u8")))
        cpu.store_words(address, place ^ np.uint64(make_head(self.salt, generation, lip)))
        self.keys[index] |= STORED
        self.generations[index] = generation

    def turn_key(self, cpu: Processor, index: int) -> None:
        """Verify the storage key of a page, and set another one."""
        address = self.pages[index] << PAGE_SHIFT
        self._compare_key(cpu, address, self.keys[index], cpu.get_key(address))
        key = cpu.rng.getrandbits(8) & SETTABLE
        cpu.set_key(address, key)
        self.keys[index] = key

    # Joining and leaving.

    def join(self, cpu: Processor, first: int, end: int, pages_max: int) -> Program:
        """Stamp pages that have joined the zone, and set their keys; whatever is done is in use at once.

        Args:
            cpu: the processor that does it.
            first: the first new page; all pages until now are below it.
            end: behind the last one.
            pages_max: how many are used of more pages, in blocks spread over them.
        """
        assert not self.pages or self.pages[-1] < first, "pages join at the end"
        for _, begin, pages in Footprint.over(end - first, pages_max).blocks():
            for page, some in _aligned(first + begin, first + begin + pages):
                index = len(self.pages)
                self.pages.extend(range(page, page + some))
                self.generations.extend(bytes(some))
                self.keys += bytes(byte & SETTABLE for byte in cpu.rng.randbytes(some))
                cpu.populate(page, some)
                cpu.move_long(page << PAGE_SHIFT, stamp_block(page, self.heads(index, some)))
                if self.keyed:
                    cpu.set_keys(page, self.keys[index:])
                self.count += some
                yield

    def leave(self, cpu: Processor, extent: int) -> Iterator[None]:
        """Nobody may choose pages at or behind `extent` from now on; verify them; then `depart` follows."""
        self.count = bisect_left(self.pages, extent)
        self.departures += 1
        for index, pages in self._blocks(self.count, _PIECE_PAGES):
            self._verify(cpu, index, pages)
            yield

    def depart(self) -> Departed:
        """Forget the pages that leave. What was known of them, if they should come back."""
        tail = slice(self.count, None)
        departed = Departed(self.pages[tail], self.generations[tail], self.keys[tail])
        del self.pages[tail], self.generations[tail], self.keys[tail]
        return departed

    def come_back(self, departed: Departed, extent: int) -> None:
        """They weren't taken: those below `extent` are still what they were, and may be chosen again."""
        head = slice(0, bisect_left(departed.pages, extent))
        self.pages += departed.pages[head]
        self.generations += departed.generations[head]
        self.keys += departed.keys[head]
        self.count = len(self.pages)

    # Inside.

    def heads(self, index: int, pages: int) -> Words:
        """The heads of all lines of consecutive pages, of shape `(pages, lines)`; or `(pages, 1)`."""
        lips = np.arange(index, index + pages, dtype=np.uint64) % np.uint64(self.owners)
        overwrites = np.array(self.generations[index : index + pages], dtype=np.int64)[:, np.newaxis]
        if not overwrites.any():
            return make_heads(self.salt, np.zeros((pages, 1), np.uint64), lips[:, np.newaxis])
        # The latest overwrite that fell on the line; none leaves generation 0, with which the page began.
        latest = overwrites - (overwrites - 1 - np.arange(self.lines)) % self.lines
        return make_heads(self.salt, np.maximum(latest, 0).astype(np.uint64), lips[:, np.newaxis])

    def _blocks(self, index: int, pages_max: int) -> Iterator[tuple[int, int]]:
        """Index and number of consecutive pages, aligned as `stamp_block` wants them, from an index on."""
        while index < len(self.pages):
            page = self.pages[index]
            pages = min(_alignment(page, pages_max), len(self.pages) - index)
            while self.pages[index + pages - 1] != page + pages - 1:
                pages >>= 1
            yield index, pages
            index += pages

    def _verify(self, cpu: Processor, index: int, pages: int) -> None:
        page = self.pages[index]
        if self.keyed:  # first: a fetch sets reference bits
            found, expected = cpu.keys_of(page, pages).tobytes(), self.keys[index : index + pages]
            for number in range(pages) if found != expected else ():
                self._compare_key(cpu, page + number << PAGE_SHIFT, expected[number], found[number])
            self.keys[index : index + pages] = bytes(key | REFERENCE for key in found)
        self._tell(cpu, cpu.compare_long(page << PAGE_SHIFT, stamp_block(page, self.heads(index, pages))))

    def _tell(self, cpu: Processor, differences: list[tuple[int, int, int]]) -> None:
        for address, wanted, found in differences:
            cpu.damaged(address, describe(self.salt, wanted), describe(self.salt, found))

    @staticmethod
    def _compare_key(cpu: Processor, address: int, expected: int, found: int) -> None:
        if expected != found:
            cpu.damaged(address, f"storage key {expected:02X}", f"storage key {found:02X}")


def _alignment(page: int, pages_max: int) -> int:
    """The largest power of two that divides a page number, up to `pages_max`, a power of two itself."""
    return min(page & -page, pages_max) if page else pages_max


def _aligned(first: int, end: int) -> Iterator[tuple[int, int]]:
    """The pages `first` to `end`, exclusive, in pieces as `stamp_block` wants them: first page and pages."""
    while first < end:
        pages = min(_alignment(first, _PIECE_PAGES), end - first)
        yield first, pages
        first += pages
