"""Where every page of every LPAR stands, by what a trace tells: zones, and the runs of moves and exchanges.

A *run* brings the contents of an area of frames to another one: `shift` copies the first to the second, `swap`
exchanges them. A chunk of a move is one shift, a chunk of an exchange tells its runs. Contents are pages of LPARs; what
a shift leaves behind is no page any more.

What is wrong in a trace (areas of no extent, runs that are none) is left out, never raised.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lparvm.trace.rules.pieces import Piece, Pieces

Event = dict[str, Any]

SWAP, SHIFT = "swap", "shift"


class Area(NamedTuple):
    """Frames `[origin, origin + extent)`, host absolute."""

    origin: int
    extent: int

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.origin <= frame < self.origin + self.extent


class Run(NamedTuple):
    """The contents of `[first, first + pages)` go to `[second, second + pages)`, and back too where it is a swap."""

    kind: str
    first: int
    second: int
    pages: int

    def goes_to(self, frame: int) -> int | None:
        """Where what stands in a frame goes; None: it stays, or nothing is left of it."""
        if self.first <= frame < self.first + self.pages:
            return frame + self.second - self.first
        if self.kind == SWAP and self.second <= frame < self.second + self.pages:
            return frame + self.first - self.second
        return None

    def comes_from(self, frame: int) -> int | None:
        """Where what comes to a frame stood; None: nothing comes."""
        if self.second <= frame < self.second + self.pages:
            return frame + self.first - self.second
        if self.kind == SWAP and self.first <= frame < self.first + self.pages:
            return frame + self.second - self.first
        return None


class Page(NamedTuple):
    """A page of an LPAR, by its number in the zone."""

    lpar: str
    number: int


def area_of(event: Event) -> Area:
    """The area of an event with origin and extent; one of no extent where it is wrong."""
    origin, extent = event["origin_frame"], event["extent_frames"]
    return Area(origin, extent) if origin >= 0 and extent > 0 else Area(0, 0)


class Whereabouts:
    """The map, followed event by event.

    Attributes:
        zones: the zone of each LPAR, as the map has it.
    """

    def __init__(self) -> None:
        """Before the first event: nothing is anywhere."""
        self.zones: dict[str, Area] = {}
        self._pieces = Pieces()
        self._moves: dict[str, tuple[int, int]] = {}  # where pages come from and go to, page 0's frames
        self._handlers: dict[str, Callable[[Event], None]] = {
            "lpar.activated": self._placed,
            "guest.loaded": self._placed,
            "lpar.deactivated": self._gone,
            "zone.moved": self._moved,
            "zone.resized": self._resized,
            "move.started": self._started,
        }

    @property
    def wants(self) -> frozenset[str]:
        """The events that change the map; runs are given to `apply`."""
        return frozenset(self._handlers)

    def page_at(self, frame: int) -> Page | None:
        """The page that stands in a frame."""
        for one in self._pieces_at(frame):
            return Page(one.lpar, one.page + frame - one.frame)
        return None

    def frame_of(self, page: Page) -> int | None:
        """The frame that a page stands in."""
        for one in self._pieces.of(page.lpar):
            if one.page <= page.number < one.page + one.pages:
                return one.frame + page.number - one.page
        return None

    def owner_of(self, frame: int) -> str | None:
        """The LPAR in whose zone a frame is."""
        return next((lpar for lpar, zone in self.zones.items() if frame in zone), None)

    def feed(self, event: Event) -> None:
        """Follow an event, but no runs."""
        handler = self._handlers.get(event["event"])
        if handler is not None:
            handler(event)

    def runs_of(self, event: Event) -> Iterator[Run]:
        """The runs of `chunk.moved` and `chunk.exchanged`, in the order in which they were done."""
        if event["event"] == "chunk.exchanged":
            for run in event["runs"]:
                if _is_run(run):
                    yield Run(*run)
            return
        move, first, pages = self._moves.get(event["lpar"]), event["first_page"], event["pages"]
        if move is not None and first >= 0 and pages > 0:
            yield Run(SHIFT, move[0] + first, move[1] + first, pages)

    def apply(self, run: Run) -> None:
        """Follow a run."""
        taken = self._pieces.take(run.first, run.pages)
        others = self._pieces.take(run.second, run.pages)
        self._pieces.put(taken, run.second - run.first)
        if run.kind == SWAP:
            self._pieces.put(others, run.first - run.second)

    def _pieces_at(self, frame: int) -> Iterator[Piece]:
        for lpar in self.zones:
            yield from (one for one in self._pieces.of(lpar) if one.frame <= frame < one.end)

    def _placed(self, event: Event) -> None:
        """Whole and in its zone, whatever was before."""
        lpar, area = event["lpar"], area_of(event)
        self._forget(lpar)
        self.zones[lpar] = area
        self._put(lpar, 0, area)

    def _put(self, lpar: str, page: int, area: Area) -> None:
        if area.extent > 0:
            self._pieces.take(*area)
            self._pieces.put([Piece(lpar, page, *area)], 0)

    def _forget(self, lpar: str) -> None:
        for one in self._pieces.of(lpar):
            self._pieces.take(one.frame, one.pages)
        self.zones.pop(lpar, None)

    def _gone(self, event: Event) -> None:
        self._forget(event["lpar"])
        self._moves.pop(event["lpar"], None)

    def _moved(self, event: Event) -> None:
        self.zones[event["lpar"]] = area_of(event)

    def _resized(self, event: Event) -> None:
        lpar, new = event["lpar"], area_of(event)
        old = self.zones.get(lpar, Area(new.origin, 0))
        self.zones[lpar] = new
        if new.extent > old.extent:
            self._put(lpar, old.extent, Area(new.origin + old.extent, new.extent - old.extent))
        elif new.extent < old.extent:
            self._pieces.take(new.origin + new.extent, old.extent - new.extent)

    def _started(self, event: Event) -> None:
        self._moves[event["lpar"]] = event["source_frame"], event["target_frame"]


def _is_run(run: Any) -> bool:
    return (
        isinstance(run, list)
        and len(run) == 4
        and run[0] in (SWAP, SHIFT)
        and all(type(number) is int and number >= 0 for number in run[1:])
        and run[3] > 0
    )
