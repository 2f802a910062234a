"""page-custody: every page and key of a move lands exactly once (steps 204 to 209).

Checked, of each move:
- its chunks cover each of its pages once: none lost, none moved twice, none that isn't part of the move;
- each chunk read (205), set (207) and stepped over (208) as many keys as it has pages;
- a move that was interrupted goes on with what was left, or back with what was across;
- the cursor that the mover tells is what its chunks add up to, and a move that ended `moved` left nothing;
- a guest starts again with all pages across at the target, or with none across at the source; of a guest that
  failed, and is moved but not started, the same holds when its move's frames are freed;
- with checksums (`custody.recorded`, `custody.verified`): N pages, N keys, 0 lost, 0 duplicated, 0 stale,
  0 wrong keys, digests as before; and the guest doesn't start before they were compared.

Not checked: what is in a page when no checksums are told (`unchecked`, with `--proof off`); whether the
checksums themselves were taken and compared rightly.
`checked` counts pages, once for each time they were moved.
"""

from collections.abc import Mapping

from attrs import define, field

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.rules.intervals import Intervals

_FAULTS = ("lost", "duplicated", "stale", "keys_wrong")


@define
class _Zone:
    """A zone on the move, from its checksums or its first move to its guest's start.

    Attributes:
        across: pages that stand at the target, by what the chunks tell.
        move: the move under way.
        covered: pages that it has moved.
        first_move: what told source, target and size; None before.
        recorded: the checksums before.
        verified: whether they were compared since the last chunk.
        origin_frame: where the map has the zone since the commit; None before.
        interrupted: the last move forth was interrupted: it may go on, or back.
    """

    across: Intervals = field(factory=Intervals)
    covered: Intervals = field(factory=Intervals)
    move: Event | None = None
    first_move: Event | None = None
    recorded: Event | None = None
    verified: bool = True
    origin_frame: int | None = None
    interrupted: bool = False


class PageCustody(Checker):
    """Pages and keys land exactly once."""

    name = "page-custody"
    steps = tuple(range(204, 210))

    def listen(self) -> Mapping[str, Handler]:
        """The events of the mover and of custody; SIE, or the release, ends what they are about."""
        self._zones: dict[str, _Zone] = {}
        self._unproven = 0
        return {
            "custody.recorded": self._recorded,
            "custody.verified": self._verified,
            "move.started": self._started,
            "chunk.moved": self._chunk,
            "move.ended": self._ended,
            "zone.moved": self._committed,
            "sie.issued": self._sie,
            "area.released": self._released,
            "guest.loaded": self._loaded,
            "lpar.deactivated": self._loaded,
        }

    def undecided_reason(self) -> str | None:
        """Without checksums, nobody looked into the pages."""
        if self._unproven:
            return f"no checksums (--proof off): chunks and keys of {self._unproven} moves were counted only"
        return None

    def _of(self, event: Event) -> _Zone:
        return self._zones.setdefault(event["lpar"], _Zone())

    def _recorded(self, event: Event) -> None:
        zone = self._of(event)
        if zone.across:
            self.violate(event, f"checksums taken with pages {zone.across} across already")
        zone.recorded = event

    def _started(self, event: Event) -> None:
        zone = self._of(event)
        first, end = event["first_page"], event["first_page"] + event["pages"]
        if zone.move is not None:
            self.violate(event, f"a move of {event['lpar']} is under way already")
        if event["inverse"]:
            if zone.across != Intervals((first, end)):
                self.violate(event, f"moves pages [{first}, {end}) back, but across are {zone.across}")
        elif zone.interrupted and zone.first_move is not None:
            self._goes_on(event, zone, (first, end))
        else:
            if zone.across:
                self.violate(event, f"moves forth with pages {zone.across} across already")
            zone.first_move, zone.across = event, Intervals()
        zone.move, zone.covered = event, Intervals()

    def _goes_on(self, event: Event, zone: _Zone, left: tuple[int, int]) -> None:
        """A forward move that was interrupted goes on from its cursor."""
        rest = Intervals((0, zone.first_move["pages"] if zone.first_move else 0))
        for pair in zone.across.pairs():
            rest.discard(*pair)
        if Intervals(left) != rest:
            self.violate(event, f"goes on with pages [{left[0]}, {left[1]}), but left are {rest}")

    def _chunk(self, event: Event) -> None:
        self.checked += event["pages"]
        zone = self._of(event)
        zone.verified = False
        if zone.move is None or zone.move["inverse"] != event["inverse"]:
            self.violate(event, f"no such move of {event['lpar']} is under way")
            return
        if self.proof and zone.recorded is None:
            self.violate(event, "pages move, but no checksums were taken before")
        self._count_keys(event)
        first, end = event["first_page"], event["first_page"] + event["pages"]
        again = zone.covered.overlap(first, end)
        if again:
            self.violate(event, f"pages {again} are moved a second time")
        low, high = zone.move["first_page"], zone.move["first_page"] + zone.move["pages"]
        if first < low or end > high:
            self.violate(event, f"pages [{first}, {end}) are no part of the move of [{low}, {high})")
        zone.covered.add(first, end)
        if event["inverse"]:
            zone.across.discard(first, end)
        else:
            zone.across.add(first, end)
        self._compare_cursor(event, zone)

    def _count_keys(self, event: Event) -> None:
        counts = event["keys_read"], event["keys_set"], event["steps"]
        if any(count != event["pages"] for count in counts):
            told = f"{counts[0]} keys read, {counts[1]} set, {counts[2]} steps"
            self.violate(event, f"{told} for {event['pages']} pages")

    def _compare_cursor(self, event: Event, zone: _Zone) -> None:
        if event["pages_across"] != len(zone.across):
            told = f"the cursor says {event['pages_across']} pages across"
            self.violate(event, f"{told}, the chunks {len(zone.across)}")

    def _ended(self, event: Event) -> None:
        zone = self._of(event)
        move, zone.move = zone.move, None
        if move is None or move["inverse"] != event["inverse"]:
            self.violate(event, f"no such move of {event['lpar']} is under way")
            return
        if event["outcome"] == "moved" and len(zone.covered) != move["pages"]:
            self.violate(event, f"{move['pages']} pages were to be moved, but {zone.covered} were")
        zone.interrupted = event["outcome"] == "interrupted" and not event["inverse"]
        self._compare_cursor(event, zone)

    def _verified(self, event: Event) -> None:
        zone = self._of(event)
        zone.verified = True
        if zone.recorded is None:
            self.violate(event, "checksums compared that were never taken")
            return
        before = zone.recorded
        faults = [f"{event[name]} {name}" for name in _FAULTS if event[name]]
        faults += [
            f"{event[name]} of {before['pages']} {name}"
            for name in ("pages", "keys")
            if event[name] != before["pages"]
        ]
        faults += [
            f"{name} {event[name]}, before the move {before[name]}"
            for name in ("data_digest", "key_digest")
            if event[name] != before[name]
        ]
        if faults:
            self.violate(event, f"{event['lpar']}: " + ", ".join(faults))
        self._judge_place(event, zone, event["origin_frame"], "were compared")

    def _committed(self, event: Event) -> None:
        self._of(event).origin_frame = event["origin_frame"]

    def _sie(self, event: Event) -> None:
        zone = self._zones.pop(event["lpar"], None)
        if zone is not None and zone.first_move is not None:
            self._leave(event, zone, event["origin_frame"], "start")

    def _released(self, event: Event) -> None:
        zone = self._zones.get(event["lpar"])
        if zone is not None and zone.first_move is not None:
            del self._zones[event["lpar"]]
            source = zone.first_move["source_frame"]
            self._leave(event, zone, source if zone.origin_frame is None else zone.origin_frame, "stay")

    def _loaded(self, event: Event) -> None:
        # What stood in the zone before doesn't matter any more.
        self._zones.pop(event["lpar"], None)

    def _leave(self, event: Event, zone: _Zone, origin: int, what: str) -> None:
        """The zone's moves are over, and the guest has its zone at `origin`."""
        if zone.recorded is None:
            self._unproven += 1
        elif not zone.verified:
            self.violate(event, f"{event['lpar']}'s pages {what} before they were compared")
        self._judge_place(event, zone, origin, what)

    def _judge_place(self, event: Event, zone: _Zone, origin: int, what: str) -> None:
        """The zone must be where all pages are: at the target, or at the source."""
        if zone.first_move is None:
            return
        move = zone.first_move
        whole = Intervals((0, move["pages"]))
        right = {move["source_frame"]: Intervals(), move["target_frame"]: whole}.get(origin)
        if zone.across != right:
            pages = f"of {move['pages']} pages, across are {zone.across}"
            self.violate(event, f"{event['lpar']}'s pages {what} at frame {origin}, but {pages}")

    def end(self) -> None:
        """Zones whose guest never started again (check-stopped, failed) count as moved, too."""
        for zone in self._zones.values():
            if zone.first_move is not None and zone.recorded is None:
                self._unproven += 1
