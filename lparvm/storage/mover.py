"""The page mover: steps 204 to 209, data and keys together.

A `PageMove` knows where its pages are: `pages_across` of them stand at the target, the others still at the
source. It is walked in chunks of pages by whoever has the time:

    while (chunk := move.next_chunk(pages_max)) is not None:
        move.move(chunk)

or, with copies side by side, `parts(chunk, n)`, `copy_part` of each in a thread of its own, and then
`finish(chunk)`. Only `finish` (which `move` calls) advances the cursor, so between chunks a move can be left,
gone on with later, or turned round: `inverted()` moves back what is across.

Why pages come in this order: where source and target overlap, a page's target may be the source of another
page. Upwards, from the last page down, that other page is already across; downwards, from the first page up.
The inverse walks the other way, so it undoes the last page first. Within a chunk the same holds: one
`memmove` takes care of it by itself, and `parts` cuts a chunk so that no part meets another's pages.

Invariants:

- Pages across are the last `pages_across` of the zone when the move goes up, the first when it goes down.
- Chunks are handed out up to a faulty frame, never across: a storage fault leaves the cursor exactly
  before the faulty page, and nothing else is touched.
- All eight bits of a key move; no reference or change bit is set by a move.
- A page that was never touched is not copied: its target is cleared, so that both stay without memory.
- The mover owns the frames of source and target from construction to the end; it takes no lock.
"""

import ctypes
import enum
import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from attrs import define, evolve, field, frozen

from lparvm.arch.address import PAGE_SHIFT, Zone
from lparvm.config import MOVE_CHUNK_PAGES_MAX, MOVE_PARALLEL_PAGES_MIN
from lparvm.errors import StorageFault
from lparvm.storage.main_storage import MainStorage


class Direction(enum.StrEnum):
    """The order in which pages are walked."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


@frozen
class Chunk:
    """Pages `[first_page, first_page + pages)` of the zone: what is copied between two looks at a cancel."""

    first_page: int
    pages: int

    @property
    def end(self) -> int:
        """The first page above the chunk."""
        return self.first_page + self.pages


@frozen
class Part:
    """A share of a chunk that one thread copies: pieces, in the order in which they must be copied."""

    pieces: tuple[Chunk, ...]


@define(eq=False)
class PageMove:
    """A move of a zone's pages, at any point between its start and its end.

    Attributes:
        storage: main storage.
        source: where the zone was before the move.
        target: where it is after it, with the same extent. For an inverse move these are still those of
            the move that it undoes.
        pages_across: the cursor: how many pages stand at the target. A move raises it to the extent, an
            inverse move lowers it to 0.
        inverse: whether this move goes back, from target to source.
        committed: bool `(extent,)`, which pages of the zone held memory when the move began; None: ask
            the storage now, which is right for a move at its start only.
    """

    storage: MainStorage
    source: Zone
    target: Zone
    pages_across: int = 0
    inverse: bool = False
    committed: npt.NDArray[np.bool_] | None = None
    _all_committed: bool = field(init=False, repr=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Check the geometry."""
        extent = self.source.extent
        assert extent == self.target.extent, "a move changes the origin, never the extent"
        assert 0 <= self.pages_across <= extent, "the cursor counts pages of the zone"
        assert max(self.source.end, self.target.end) <= self.storage.frame_count, "zones end inside storage"
        if self.committed is None:
            assert self.pages_across == 0, "only at its start can a move ask the source what is committed"
            self.committed = self.storage.committed(self.source)
        assert len(self.committed) == extent, "one flag a page"
        self._all_committed = bool(self.committed.all())

    @property
    def displacement(self) -> int:
        """Frames from source to target; negative downwards. The same for the inverse move."""
        return self.target.origin - self.source.origin

    @property
    def direction(self) -> Direction:
        """The order in which this move walks the pages."""
        upwards = self.displacement > 0
        return Direction.DESCENDING if upwards is not self.inverse else Direction.ASCENDING

    @property
    def done(self) -> bool:
        """Whether nothing is left to move."""
        return self.pages_left == 0

    @property
    def pages_left(self) -> int:
        """Pages that this move has still to move."""
        return self.pages_across if self.inverse else self.source.extent - self.pages_across

    @property
    def part_left(self) -> Chunk:
        """The pages that this move has still to move."""
        # Upwards the pages across are the last ones. A forward move has the others left, an inverse one them.
        lowest = (self.displacement > 0) is not self.inverse
        return Chunk(0 if lowest else self.source.extent - self.pages_left, self.pages_left)

    def next_chunk(self, pages_max: int = MOVE_CHUNK_PAGES_MAX) -> Chunk | None:
        """The next pages to move, at most `pages_max`, up to the first faulty frame; None at the end.

        Asking again without `finish` gives the same pages: the cursor stands still.

        Raises:
            StorageFault: the very next page lies in, or goes to, a faulty frame.
        """
        assert pages_max > 0, "a chunk has at least one page"
        if self.done:
            return None
        pages = min(pages_max, self.pages_left)
        chunk = self._chunk_at_cursor(pages)
        fault = self._first_fault(chunk)
        if fault is None:
            return chunk
        frame, pages_before = fault
        if not pages_before:
            raise StorageFault(frame)
        return self._chunk_at_cursor(pages_before)

    def move(self, chunk: Chunk) -> None:
        """Move the data and keys of the chunk that `next_chunk` gave, and advance the cursor."""
        self._copy(chunk)
        self.finish(chunk)

    def parts(self, chunk: Chunk, count: int) -> list[Part]:
        """Cut a chunk in at most `count` parts that may be copied side by side, in any order.

        Pages a displacement apart go to the same part, in the move's order: a page's target is the source
        only of a page of the same part. Below `config.MOVE_PARALLEL_PAGES_MIN` pages of displacement the
        pieces would be too small to gain anything, and there is one part.
        """
        stride = min(abs(self.displacement), chunk.pages)
        if count <= 1 or stride < MOVE_PARALLEL_PAGES_MIN:
            return [Part((chunk,))]
        count = min(count, stride)
        cuts = [stride * index // count for index in range(count + 1)]
        return [Part(tuple(self._lane(chunk, stride, start, end))) for start, end in itertools.pairwise(cuts)]

    def copy_part(self, part: Part) -> None:
        """Copy the data and keys of one of a chunk's `parts`; the cursor stands still.

        Safe in a thread, side by side with other parts of the same chunk; the GIL is free meanwhile.
        """
        for piece in part.pieces:
            self._copy(piece)

    def _lane(self, chunk: Chunk, stride: int, start: int, end: int) -> Iterator[Chunk]:
        """The pages of a chunk whose remainder by `stride`, from its first page, is in `[start, end)`."""
        firsts = range(chunk.first_page + start, chunk.end, stride)
        for first in reversed(firsts) if self.direction is Direction.DESCENDING else firsts:
            yield Chunk(first, min(end - start, chunk.end - first))

    def _copy(self, piece: Chunk) -> None:
        origin, target = self._origins()
        for first, pages, held in self._runs(piece):
            if held:
                ctypes.memmove(
                    self.storage.address(target + first),
                    self.storage.address(origin + first),
                    pages << PAGE_SHIFT,
                )
            else:
                self.storage.discard(Zone(target + first, pages))
        # Keys are few: taking the GIL again after a memmove would cost more than their copy.
        keys = self.storage.key_buffer
        read, set_ = origin + piece.first_page, target + piece.first_page
        keys[set_ : set_ + piece.pages] = keys[read : read + piece.pages]

    def finish(self, chunk: Chunk) -> None:
        """Advance the cursor over a chunk whose pages are all copied."""
        assert chunk == self._chunk_at_cursor(chunk.pages), "chunks are finished in order"
        self.pages_across += -chunk.pages if self.inverse else chunk.pages

    def inverted(self) -> "PageMove":
        """The move that takes back what is across, from the cursor to the start."""
        return evolve(self, inverse=not self.inverse)

    def _origins(self) -> tuple[int, int]:
        """Frames of page 0 where the pages come from and where they go to."""
        if self.inverse:
            return self.target.origin, self.source.origin
        return self.source.origin, self.target.origin

    def _chunk_at_cursor(self, pages: int) -> Chunk:
        left = self.part_left
        descending = self.direction is Direction.DESCENDING
        return Chunk(left.end - pages if descending else left.first_page, pages)

    def _first_fault(self, chunk: Chunk) -> tuple[int, int] | None:
        """The first faulty frame that the chunk meets, and how many pages it moves before."""
        descending = self.direction is Direction.DESCENDING
        found = []
        for origin in self._origins():
            frame = self.storage.first_fault(
                Zone(origin + chunk.first_page, chunk.pages), from_end=descending
            )
            if frame is not None:
                page = frame - origin
                found.append((chunk.end - 1 - page if descending else page - chunk.first_page, frame))
        if not found:
            return None
        pages_before, frame = min(found)
        return frame, pages_before

    def _runs(self, piece: Chunk) -> Iterator[tuple[int, int, bool]]:
        """Runs of pages with and without memory, `(first page, pages, held)`, in the move's direction."""
        if self._all_committed:
            yield piece.first_page, piece.pages, True
            return
        assert self.committed is not None
        held = self.committed[piece.first_page : piece.end]
        bounds = [0, *(np.flatnonzero(held[1:] != held[:-1]) + 1).tolist(), piece.pages]
        runs = list(itertools.pairwise(bounds))
        if self.direction is Direction.DESCENDING:
            runs.reverse()
        for first, end in runs:
            yield piece.first_page + first, end - first, bool(held[first])
