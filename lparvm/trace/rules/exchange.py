"""exchange-custody: an exchange brings every page and key of both LPARs to its place, once (claims 7 and 14).

Checked, of each exchange, by following its runs page by page:
- at its end each zone stands whole at its target, or, of one that goes back, at its source;
- no run puts a page over another one that is held nowhere else, and none touches a frame outside of the two
  zones and their targets: what lies between stays between;
- as many keys were read and set as pages changed their frames, and the cursor is what the runs add up to;
- one that was interrupted goes on from where it was, in the same direction or back;
- both guests start with all pages in place, each where its SIE says, and, with checksums, after they were compared.

Not checked: what is in the pages (that is page-custody, by its checksums).
`checked` counts pages, once for each time they were moved.
"""

from collections.abc import Mapping

from attrs import define, field

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.rules.intervals import Intervals
from lparvm.trace.rules.pieces import Piece, Pieces

_SWAP = "swap"


@define
class _Exchange:
    """An exchange, from its first start to the report.

    Attributes:
        started: what told the geometry.
        pieces: where every page is.
        allowed: the frames of both zones and their targets.
        cursor: page steps done.
        running: `inverse` of the run under way; None between two.
        unproven: LPARs whose pages were moved since they were last compared.
    """

    started: Event
    pieces: Pieces
    allowed: Intervals
    cursor: int = 0
    running: bool | None = None
    unproven: set[str] = field(factory=set)  # asked for members only

    @property
    def lpars(self) -> tuple[str, str]:
        return self.started["lower"], self.started["upper"]

    def place(self, lpar: str, *, target: bool) -> Piece:
        """The whole zone of an LPAR."""
        side = "lower" if lpar == self.started["lower"] else "upper"
        where = self.started[f"{side}_{'target' if target else 'source'}_frame"]
        return Piece(lpar, 0, where, self.started[f"{side}_frames"])


class ExchangeCustody(Checker):
    """Pages and keys of an exchange land exactly once."""

    name = "exchange-custody"
    steps = tuple(range(204, 210))
    claims = (7, 14)

    def listen(self) -> Mapping[str, Handler]:
        """The events of exchanges, and what ends them."""
        self._exchanges: dict[str, _Exchange] = {}  # by operation
        self._recorded: set[tuple[str, str]] = set()  # (operation, LPAR); asked for members only
        self._unproven = 0
        return {
            "custody.recorded": self._record,
            "custody.verified": self._verified,
            "exchange.started": self._started,
            "chunk.exchanged": self._chunk,
            "exchange.ended": self._ended,
            "sie.issued": self._sie,
            "zone.noted": self._sie,
            "phase.entered": self._phase,
        }

    def undecided_reason(self) -> str | None:
        """Without checksums, nobody looked into the pages."""
        if self._unproven:
            return (
                f"no checksums (--proof off): runs and keys of {self._unproven} exchanges were followed only"
            )
        return None

    def _record(self, event: Event) -> None:
        self._recorded.add((event["op"], event["lpar"]))

    def _verified(self, event: Event) -> None:
        exchange = self._exchanges.get(event["op"])
        if exchange is not None:
            exchange.unproven.discard(event["lpar"])

    def _started(self, event: Event) -> None:
        exchange = self._exchanges.get(event["op"])
        if exchange is None:
            exchange = self._exchanges[event["op"]] = _begin(event)
            self._judge_geometry(event, exchange)
        if exchange.running is not None:
            self.violate(event, "an exchange of this operation is under way already")
        if event["steps_done"] != exchange.cursor:
            told = f"begins at step {event['steps_done']}"
            self.violate(event, f"{told}, but {exchange.cursor} steps are done")
        exchange.running = event["inverse"]

    def _judge_geometry(self, event: Event, exchange: _Exchange) -> None:
        lower, upper = exchange.lpars
        ends = event["upper_source_frame"] + event["upper_frames"]
        right = (
            event["upper_target_frame"] == event["lower_source_frame"]
            and event["lower_target_frame"] + event["lower_frames"] == ends
        )
        if not right:
            self.violate(event, f"{upper} must land where {lower} began, {lower} where {upper} ended")

    def _chunk(self, event: Event) -> None:
        exchange = self._exchanges.get(event["op"])
        if exchange is None or exchange.running is not event["inverse"]:
            self.violate(event, "no such exchange is under way")
            return
        if self.proof and not all((event["op"], lpar) in self._recorded for lpar in exchange.lpars):
            self.violate(event, "pages are exchanged, but no checksums were taken before")
        exchange.unproven.update(exchange.lpars)
        copied = steps = 0
        for kind, first, second, pages in event["runs"]:
            steps += pages
            copied += 2 * pages if kind == _SWAP else pages
            self._follow(event, exchange, kind, (first, second, pages))
        self.checked += copied
        if (event["keys_read"], event["keys_set"]) != (copied, copied):
            keys = f"{event['keys_read']} keys read, {event['keys_set']} set"
            self.violate(event, f"{keys} for {copied} pages")
        exchange.cursor += -steps if event["inverse"] else steps
        if event["steps_done"] != exchange.cursor:
            told = f"the cursor says {event['steps_done']} steps"
            self.violate(event, f"{told}, the runs {exchange.cursor}")

    def _follow(self, event: Event, exchange: _Exchange, kind: str, run: tuple[int, int, int]) -> None:
        first, second, pages = run
        for frame in (first, second):
            inside = len(exchange.allowed.overlap(frame, frame + pages))
            if inside != pages:
                area = f"frames [{frame}, {frame + pages})"
                self.violate(event, f"{area} are not all of the two zones and their targets")
        taken = exchange.pieces.take(first, pages)
        others = exchange.pieces.take(second, pages)
        exchange.pieces.put(taken, second - first)
        if kind == _SWAP:
            exchange.pieces.put(others, first - second)
        elif others:
            lost = ", ".join(f"{one.pages} of {one.lpar}" for one in others)
            self.violate(event, f"pages are overwritten that stand nowhere else: {lost}")

    def _ended(self, event: Event) -> None:
        exchange = self._exchanges.get(event["op"])
        if exchange is None or exchange.running is not event["inverse"]:
            self.violate(event, "no such exchange is under way")
            return
        exchange.running = None
        if event["steps_done"] != exchange.cursor:
            told = f"ended at step {event['steps_done']}"
            self.violate(event, f"{told}, but {exchange.cursor} steps are done")
        if event["outcome"] == "moved":
            for lpar in exchange.lpars:
                self._judge_place(event, exchange, lpar, exchange.place(lpar, target=not event["inverse"]))

    def _judge_place(self, event: Event, exchange: _Exchange, lpar: str, place: Piece) -> None:
        found = exchange.pieces.of(lpar)
        if found != [place]:
            where = ", ".join(f"pages from {one.page} at [{one.frame}, {one.end})" for one in found[:4])
            expected = f"all {place.pages} at frame {place.frame}"
            self.violate(event, f"{lpar}: expected {expected}, found {where or 'none'}")

    def _sie(self, event: Event) -> None:
        exchange = self._exchanges.get(event["op"])
        if exchange is None or event["lpar"] not in exchange.lpars:
            return
        lpar = event["lpar"]
        if self.proof and lpar in exchange.unproven:
            self.violate(event, f"{lpar}'s pages start before they were compared")
        extent = exchange.place(lpar, target=True).pages
        self._judge_place(event, exchange, lpar, Piece(lpar, 0, event["origin_frame"], extent))

    def _phase(self, event: Event) -> None:
        if event["phase"] == "REPORTED" and event["op"] in self._exchanges:
            exchange = self._exchanges.pop(event["op"])
            if not self.proof:
                self._unproven += 1
            self._recorded -= {(event["op"], lpar) for lpar in exchange.lpars}


def _begin(event: Event) -> _Exchange:
    exchange = _Exchange(event, Pieces(), Intervals())
    places = [exchange.place(lpar, target=target) for lpar in exchange.lpars for target in (False, True)]
    exchange.pieces = Pieces(*(exchange.place(lpar, target=False) for lpar in exchange.lpars))
    exchange.allowed = Intervals(*((one.frame, one.end) for one in places))
    return exchange
