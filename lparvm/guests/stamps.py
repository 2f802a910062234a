"""Stamped words: contents that tell which word of which guest they are, and which of its versions.

A stamp packs, from the highest bit: the LIP's number plus one (7 bits), a generation (20 bits) and the index
of the word in its space, which is its address divided by 8 (37 bits: 1 TiB). All stamps of a guest are then
XORed with the guest's *salt*, so that storage of another guest, or of another run, never passes for its own.
No stamp is zero.

IPL and checks make stamps for blocks of pages at once. They are made in the byte order of storage: the index
within a block comes from a table, and the rest is one XOR a word, so that filling a zone costs about as much
as touching it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from attrs import frozen

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.config import LIPS_MAX
from lparvm.guests.processor import BIG_ENDIAN_WORD, Processor, Words
from lparvm.units import stream_seed

WORD_SHIFT = 3
PAGE_WORDS = PAGE_BYTES >> WORD_SHIFT
BLOCK_PAGES = 64
"""Pages in a block: 256 KiB stay in a core's own cache."""

_INDEX_BITS = 37
_GENERATION_BITS = 20
GENERATIONS = 1 << _GENERATION_BITS
"""Generations wrap at this number."""

_LIP_SHIFT = _INDEX_BITS + _GENERATION_BITS
_LIP_MASK = (1 << 64 - _LIP_SHIFT) - 1
_PAGE_INDEX_SHIFT = PAGE_SHIFT - WORD_SHIFT

# Index of each word of a block, as it lies in storage but seen as the host's words.
_BLOCK_INDICES = (
    np.arange(BLOCK_PAGES * PAGE_WORDS, dtype=np.uint64)
    .astype(BIG_ENDIAN_WORD)
    .view(np.uint64)
    .reshape(BLOCK_PAGES, PAGE_WORDS)
)


def make_salt(seed: int) -> int:
    """The salt of a guest.

    Its low bits are clear, so that the stamps of neighbouring words in a page are neighbouring numbers; its
    LIP field is all ones, which no LIP has, so that no stamp is zero.
    """
    return (stream_seed(seed, "stamps") | _LIP_MASK << _LIP_SHIFT) & -PAGE_WORDS


def make_head(salt: int, generation: int, lip: int) -> int:
    """A stamp without its index: XOR the index to it."""
    return ((lip + 1) << _LIP_SHIFT | generation % GENERATIONS << _INDEX_BITS) ^ salt


def make_heads(salt: int, generations: Words, lips: Words) -> Words:
    """`make_head` of arrays."""
    heads: Words = (lips + np.uint64(1)) << np.uint64(_LIP_SHIFT)
    return (heads | (generations & np.uint64(GENERATIONS - 1)) << np.uint64(_INDEX_BITS)) ^ np.uint64(salt)


def describe(salt: int, word: int) -> str:
    """A stamped word for people: `0x... (LIP 0, generation 7, 0x1008)`."""
    plain = word ^ salt
    lip = (plain >> _LIP_SHIFT) - 1
    if not 0 <= lip < LIPS_MAX:
        return f"{word:#x}"
    generation = plain >> _INDEX_BITS & GENERATIONS - 1
    address = (plain & (1 << _INDEX_BITS) - 1) << WORD_SHIFT
    return f"{word:#x} (LIP {lip}, generation {generation}, {address:#x})"


def stamp_block(first_page: int, heads: Words) -> Words:
    """The words of consecutive pages, big-endian.

    Args:
        first_page: page number; a multiple of the number of pages rounded up to a power of two.
        heads: of shape `(pages, lines)`: each page has `lines` lines of equal length, each with its head.

    Returns:
        One word after the other, of dtype `BIG_ENDIAN_WORD`.
    """
    pages, lines = heads.shape
    first_index = np.uint64(first_page << _PAGE_INDEX_SHIFT)
    in_storage = (heads ^ first_index).astype(BIG_ENDIAN_WORD).view(np.uint64)
    indices = _BLOCK_INDICES[:pages].reshape(pages, lines, PAGE_WORDS // lines)
    return (indices ^ in_storage[:, :, np.newaxis]).view(BIG_ENDIAN_WORD).reshape(-1)


@frozen
class Footprint:
    """The pages of a zone that a guest uses: aligned blocks, evenly spread from its start to its end.

    The guest numbers its pages from 0: page `index` of the footprint is page `page(index)` of the zone.

    Attributes:
        starts: first page of each block.
        block_pages: pages in a block, a power of two; the last block may have fewer.
        page_count: pages in all.
    """

    starts: Sequence[int]
    block_pages: int
    page_count: int

    @classmethod
    def over(cls, extent: int, pages_max: int, block_pages: int = BLOCK_PAGES) -> "Footprint":
        """The whole zone of `extent` pages where that is at most `pages_max`, else blocks spread over it.

        `pages_max` is 1 or more; blocks have `block_pages` pages, or fewer where that would be too many.
        """
        if extent <= pages_max:
            return cls(range(0, extent, block_pages), block_pages, extent)
        while block_pages > pages_max:
            block_pages >>= 1
        blocks = pages_max // block_pages
        last = extent // block_pages - 1
        starts = [number * last // max(1, blocks - 1) * block_pages for number in range(blocks)]
        return cls(starts, block_pages, blocks * block_pages)

    def page(self, index: int) -> int:
        """The page of the zone."""
        block, rest = divmod(index, self.block_pages)
        return self.starts[block] + rest

    def below(self, extent: int) -> "Footprint":
        """What lies below an extent."""
        starts = self.starts[: bisect_left(self.starts, extent)]
        count = 0
        if starts:
            count = min(self.page_count, (len(starts) - 1) * self.block_pages + extent - starts[-1])
            count = min(count, len(starts) * self.block_pages)
        return Footprint(starts, self.block_pages, count)

    @property
    def contiguous(self) -> bool:
        """Whether it is the whole zone."""
        return isinstance(self.starts, range)

    def blocks(self) -> Iterator[tuple[int, int, int]]:
        """Of each block: index of its first page in the footprint, its first page, its pages."""
        for number, start in enumerate(self.starts):
            index = number * self.block_pages
            yield index, start, min(self.block_pages, self.page_count - index)


def fill(cpu: Processor, footprint: Footprint, heads: Callable[[int, int], Words]) -> None:
    """Stamp every page of a footprint.

    Memory is asked for beforehand: touched page by page, it costs five times as much.

    Args:
        cpu: the processor that stores.
        footprint: the pages.
        heads: gives the heads, of shape `(pages, lines)`, of consecutive pages from an index on.
    """
    if footprint.contiguous:
        cpu.populate(0, footprint.page_count)
    for index, page, pages in footprint.blocks():
        if not footprint.contiguous:
            cpu.populate(page, pages)
        cpu.store_block(page << PAGE_SHIFT, stamp_block(page, heads(index, pages)))
