"""Errors of steps 204 to 209, of the exchange, of the way back, and of the poison behind them.

What a mover with these errors tells the trace is what the right one would tell: its error is in the copies, but for
`wrong-direction`, whose error is in the order of its chunks.
"""

from collections.abc import Iterator
from typing import Self

import numpy as np
import numpy.typing as npt
from attrs import define, evolve

from lparvm.actors import storage_jobs
from lparvm.actors.storage_work import StorageWork
from lparvm.arch.address import Zone
from lparvm.arch.storage_key import CHANGE
from lparvm.storage.exchange import ExchangePart, ZoneExchange
from lparvm.storage.exchange_program import RunKind
from lparvm.storage.mover import Chunk, Direction, PageMove, Part
from lparvm.stress.mutants.mutant import Mutant, Patch


@define(eq=False)
class MoveTheWrongWay(PageMove):
    """Walks its chunks from the wrong end."""

    @property
    def direction(self) -> Direction:
        """The other one."""
        right = super().direction
        return Direction.ASCENDING if right is Direction.DESCENDING else Direction.DESCENDING


@define(eq=False)
class MoveAscendingOnly(PageMove):
    """Copies the pages one by one, from the first on, also where they move upwards."""

    def pointed(self, part: Part) -> Iterator[None]:
        """In that order."""
        return super().pointed(Part(_page_by_page(part)))


@define(eq=False)
class MoveBackInTheOrderOfTheWayForth(PageMove):
    """On the way back, copies the pages one by one in the order in which they came."""

    def pointed(self, part: Part) -> Iterator[None]:
        """In that order."""
        if self.inverse:
            pages = _page_by_page(part)
            part = Part(pages[::-1] if self.displacement > 0 else pages)
        return super().pointed(part)


@define(eq=False)
class MoveWithoutTheLastKey(PageMove):
    """Of each piece that is copied, the last page's key stays behind."""

    def pointed(self, part: Part) -> Iterator[None]:
        """As ever, but for that key."""
        for piece in part.pieces:
            last = self._origins()[1] + piece.end - 1
            before = self.storage.keys[last]
            yield from super().pointed(Part((piece,)))
            self.storage.keys[last] = before


@define(eq=False)
class MoveThatClearsChangeBits(PageMove):
    """Sets each key with its change bit off."""

    def pointed(self, part: Part) -> Iterator[None]:
        """As ever, but for the change bits."""
        yield from super().pointed(part)
        for piece in part.pieces:
            self._target_keys(piece)[:] &= ~CHANGE & 0xFF

    def _target_keys(self, piece: Chunk) -> npt.NDArray[np.uint8]:
        target = self._origins()[1]
        return self.storage.keys[target + piece.first_page : target + piece.end]


@define(eq=False)
class MoveBackWithoutKeys(MoveThatClearsChangeBits):
    """On the way back, only data are copied."""

    def pointed(self, part: Part) -> Iterator[None]:
        """As ever, but for the keys."""
        before = [self._target_keys(piece).copy() for piece in part.pieces]
        yield from PageMove.pointed(self, part)
        for piece, keys in zip(part.pieces, before, strict=True):
            if self.inverse:
                self._target_keys(piece)[:] = keys


@define(eq=False)
class MoveBackFromOnePageTooFar(PageMove):
    """The way back begins with the page at the cursor, which is not across."""

    def inverted(self) -> Self:
        """With the cursor behind it."""
        return evolve(self, inverse=True, pages_across=min(self.pages_across + 1, self.length))


@define(eq=False)
class MoveBackOnePageShort(PageMove):
    """On the way back, the last page of each piece stays where it is."""

    def pointed(self, part: Part) -> Iterator[None]:
        """Without it."""
        if self.inverse:
            skipped = self.direction is Direction.DESCENDING
            part = Part(tuple(Chunk(one.first_page + skipped, one.pages - 1) for one in part.pieces))
        return super().pointed(part)


@define(eq=False)
class MoveThatSkipsUntouchedPages(PageMove):
    """Leaves the target of a page without memory as it is."""

    def _runs(self, piece: Chunk) -> Iterator[tuple[int, int, bool]]:
        return (run for run in super()._runs(piece) if run[2])


@define(eq=False)
class ExchangeThatShiftsOnePageLess(ZoneExchange):
    """Of two zones of unequal size, the last page of what is shifted stays where it was."""

    def pointed(self, part: ExchangePart) -> Iterator[None]:
        """Without that page."""
        runs = tuple(
            run.steps(0, run.pages - 1) if run.kind is RunKind.SHIFT and run.pages > 1 else run
            for run in part.runs
        )
        return super().pointed(evolve(part, runs=runs))


@define(eq=False)
class ExchangeUndoneInTheOrderOfTheWayForth(ZoneExchange):
    """On the way back, the runs of a chunk are taken back the first one first."""

    def pointed(self, part: ExchangePart) -> Iterator[None]:
        """In that order."""
        return super().pointed(evolve(part, runs=part.runs[::-1]) if self.inverse else part)


@define(eq=False)
class ExchangeOfDataOnly(ZoneExchange):
    """Swaps data, and leaves the keys."""

    def pointed(self, part: ExchangePart) -> Iterator[None]:
        """As ever, but for the keys of what is swapped."""
        for run in part.runs:
            areas = [slice(frame, frame + run.pages) for frame in (run.first_frame, run.second_frame)]
            before = [self.storage.keys[area].copy() for area in areas]
            yield from super().pointed(evolve(part, runs=(run,)))
            if run.kind is RunKind.SWAP:
                for area, keys in zip(areas, before, strict=True):
                    self.storage.keys[area] = keys


def _page_by_page(part: Part) -> tuple[Chunk, ...]:
    """A part's pages from the first one on, each a piece."""
    return tuple(Chunk(page, 1) for piece in part.pieces for page in range(piece.first_page, piece.end))


async def _poison_one_more(work: StorageWork, zones: tuple[Zone, ...]) -> dict[Zone, int]:
    """`StorageWork.poison`, one frame too far."""
    poisoned = await _poison(work, zones)
    for zone in zones:
        if zone.end < work.storage.frame_count:
            work.storage.poison(Zone(zone.end, 1))
    return poisoned


_poison = StorageWork.poison


def _mover(name: str, breaks: str, mover: type[PageMove]) -> Mutant:
    return Mutant(name, breaks, patches=(Patch(storage_jobs, "PageMove", mover),))


def _exchanger(name: str, breaks: str, exchanger: type[ZoneExchange]) -> Mutant:
    return Mutant(name, breaks, patches=(Patch(storage_jobs, "ZoneExchange", exchanger),))


MUTANTS = (
    _mover("wrong-direction", "A move that overlaps itself is walked from the wrong end.", MoveTheWrongWay),
    _mover(
        "copy-ascending-only",
        "The pages of a chunk are copied from the first to the last, also where they move upwards.",
        MoveAscendingOnly,
    ),
    _mover("key-not-moved", "The storage key of a chunk's last page stays behind.", MoveWithoutTheLastKey),
    _mover(
        "key-loses-change-bit",
        "Storage keys arrive with their change bits off.",
        MoveThatClearsChangeBits,
    ),
    _mover(
        "untouched-page-not-cleared",
        "Where a page was never touched, the target frame keeps what it held before.",
        MoveThatSkipsUntouchedPages,
    ),
    _mover(
        "cursor-off-by-one",
        "The way back begins one page too far: with the page that was not moved any more.",
        MoveBackFromOnePageTooFar,
    ),
    _mover("back-out-one-page-short", "The way back leaves out a page.", MoveBackOnePageShort),
    _mover(
        "back-out-in-wrong-order",
        "The way back copies the pages in the order of the way forth.",
        MoveBackInTheOrderOfTheWayForth,
    ),
    _mover("back-out-forgets-keys", "The way back copies data without storage keys.", MoveBackWithoutKeys),
    Mutant(
        "dirty-poison",
        "One frame more than was vacated is poisoned.",
        patches=(Patch(StorageWork, "poison", _poison_one_more),),
    ),
    _exchanger(
        "exchange-swap-wrong-rest",
        "Of two zones of unequal size, a page of the rest is not shifted.",
        ExchangeThatShiftsOnePageLess,
    ),
    _exchanger(
        "exchange-undone-in-wrong-order",
        "An exchange that is backed out takes the runs of a chunk back in the order in which they were done.",
        ExchangeUndoneInTheOrderOfTheWayForth,
    ),
    _exchanger("exchange-forgets-keys", "An exchange swaps data without storage keys.", ExchangeOfDataOnly),
)
