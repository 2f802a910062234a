"""The page mover: steps 204 to 209, data and keys together.

A `PageMove` knows where its pages are: `pages_across` of them stand at the target, the others still at the
source. How it is walked, left, turned round and stopped is told in `transfer`.

Why pages come in this order: where source and target overlap, a page's target may be the source of another
page. Upwards, from the last page down, that other page is already across; downwards, from the first page up.
The inverse walks the other way, so it undoes the last page first. Within a chunk the same holds: one
`memmove` takes care of it by itself, and `parts` cuts a chunk so that no part meets another's pages.

Invariants:

- Pages across are the last `pages_across` of the zone when the move goes up, the first when it goes down.
- A storage fault leaves the cursor exactly before the faulty page, and nothing else is touched.
- All eight bits of a key move; no reference or change bit is set by a move.
- A page that was never touched is not copied: its target is cleared, so that both stay without memory.
- The mover owns the frames of source and target from construction to the end; it takes no lock.
"""

import enum
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from attrs import define, evolve, field, frozen

from lparvm.arch.address import Zone
from lparvm.config import MOVE_PARALLEL_PAGES_MIN
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.page_copy import copy_data, copy_keys, lanes, runs_of
from lparvm.storage.transfer import Transfer


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

    @property
    def pages_copied(self) -> int:
        """How many pages change their place: each of them."""
        return self.pages


@frozen
class Part:
    """A share of a chunk that one thread copies: pieces, in the order in which they must be copied."""

    pieces: tuple[Chunk, ...]


@define(eq=False)
class PageMove(Transfer[Chunk, Part]):
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
        fail_at: see `Transfer`.
    """

    storage: MainStorage
    source: Zone
    target: Zone
    pages_across: int = 0
    inverse: bool = False
    committed: npt.NDArray[np.bool_] | None = None
    fail_at: int | None = None
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
    def cursor(self) -> int:
        """The pages across."""
        return self.pages_across

    @property
    def length(self) -> int:
        """The pages of the zone."""
        return self.source.extent

    @property
    def part_left(self) -> Chunk:
        """The pages that this move has still to move."""
        # Upwards the pages across are the last ones. A forward move has the others left, an inverse one them.
        lowest = (self.displacement > 0) is not self.inverse
        return Chunk(0 if lowest else self.source.extent - self.pages_left, self.pages_left)

    def parts(self, chunk: Chunk, count: int) -> list[Part]:
        """Cut a chunk in at most `count` parts that may be copied side by side, in any order.

        Pages a displacement apart go to the same part, in the move's order: a page's target is the source
        only of a page of the same part. Below `config.MOVE_PARALLEL_PAGES_MIN` pages of displacement the
        pieces would be too small to gain anything, and there is one part.
        """
        stride = min(abs(self.displacement), chunk.pages)
        if count <= 1 or stride < MOVE_PARALLEL_PAGES_MIN:
            return [Part((chunk,))]
        shares = lanes(
            chunk.pages, stride, min(count, stride), descending=self.direction is Direction.DESCENDING
        )
        return [
            Part(tuple(Chunk(chunk.first_page + first, pages) for first, pages in share)) for share in shares
        ]

    def pointed(self, part: Part) -> Iterator[None]:
        """`copy_part`, step by step; see `Transfer`. The storage points lie between data and keys of a piece."""
        for piece in part.pieces:
            self._copy_data(piece)
            yield
            origin, target = self._origins()
            copy_keys(self.storage, origin + piece.first_page, target + piece.first_page, piece.pages)

    def _copy_data(self, piece: Chunk) -> None:
        origin, target = self._origins()
        for first, pages, held in self._runs(piece):
            if held:
                copy_data(self.storage, origin + first, target + first, pages)
            else:
                self.storage.discard(Zone(target + first, pages))

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
        runs = runs_of(held)
        if self.direction is Direction.DESCENDING:
            runs.reverse()
        for first, end in runs:
            yield piece.first_page + first, end - first, bool(held[first])
