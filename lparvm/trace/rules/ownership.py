"""one-owner: no frame of main storage is held by two LPARs, and none is given back with data in it.

Checked, from `lpar.activated`, `area.reserved`, `zone.moved`, `zone.resized`, `area.released`, `lpar.deactivated`:
- what an LPAR takes lies inside main storage, has no frame that is out of use (`frame.retired`), and is held by no
  other, as zone, reservation or vacated; partners of one operation may share frames until they have all moved;
- a zone moves to the area that was reserved for it, from where it was, with its size; of partners all move or
  none, and then their zones have no frame in common; pages are moved only between frames that the LPAR holds;
- a zone grows by what was reserved behind it and cleared, and what it loses is held until it is released;
- frames that were vacated, or that pages were moved to before the move was backed out, are poisoned before they
  are released; they are poisoned after the guest runs again, and never inside its zone;
- only what is held beside the zone is released; an LPAR that is deactivated runs on no LIP, and its zone was poisoned.

Not checked: what is in the frames (poison, zeros); frames that an LPAR touched in other ways than by a move.
`checked` counts changes of the map.
"""

from collections.abc import Iterator, Mapping

from attrs import define, field

from lparvm.trace.rules.base import Checker, Event, Handler, zone_of, zone_text
from lparvm.trace.rules.intervals import Intervals
from lparvm.trace.rules.running import Running

_Zone = tuple[int, int]


@define
class _Held:
    """What an LPAR holds.

    Attributes:
        zone: its zone.
        reserved: the area reserved as a target, or to grow by.
        partners: LPARs that move together with it in this operation.
        moved: it has moved in this operation.
        beside: all frames held beside the zone.
        dirty: those of them that hold, or held, its pages.
        cleared: frames that were made zero for it.
        over: its zone is poisoned: it is being deactivated.
    """

    zone: _Zone
    reserved: _Zone | None = None
    partners: tuple[str, ...] = ()
    moved: bool = False
    beside: Intervals = field(factory=Intervals)
    dirty: Intervals = field(factory=Intervals)
    cleared: Intervals = field(factory=Intervals)
    over: bool = False


class OneOwner(Checker):
    """At most one owner a frame."""

    name = "one-owner"
    steps = (203,)

    def listen(self) -> Mapping[str, Handler]:
        """The events of the map, of the mover, and of the LIPs that must run before frames are poisoned."""
        self._frames: int | None = None
        self._held: dict[str, _Held] = {}
        self._targets: dict[str, int] = {}
        self._retired: list[int] = []
        self._running = Running()
        return {
            "machine.started": self._machine,
            "frame.retired": self._retire,
            "lpar.activated": self._activated,
            "lpar.deactivated": self._deactivated,
            "area.reserved": self._reserved,
            "area.cleared": self._cleared,
            "move.started": self._move,
            "chunk.moved": self._chunk,
            "chunk.exchanged": self._exchanged,
            "zone.moved": self._moved,
            "zone.resized": self._resized,
            "area.poisoned": self._poisoned,
            "area.released": self._released,
            "phase.entered": self._phase,
            "sie.issued": self._sie,
            "lip.stopped": self._running.stopped,
            "guest.ended": self._running.over,
            "guest.held": self._running.held,
            "guest.loaded": self._running.activated,
            "lpar.reset": self._running.at_rest,
            "guest.verified": self._running.at_rest,
        }

    def _machine(self, event: Event) -> None:
        self._frames = event["main_storage_frames"]
        for lpar, held in self._held.items():
            if held.zone[1] > self._frames:
                self.violate(
                    event, f"{lpar}: {zone_text(held.zone)} ends past main storage at {self._frames}"
                )

    def _retire(self, event: Event) -> None:
        self._retired.append(event["frame"])

    # --- coming and going -------------------------------------------------------------------------------------

    def _activated(self, event: Event) -> None:
        self._take(event)
        self._running.activated(event)
        self._held[event["lpar"]] = _Held(zone_of(event))

    def _deactivated(self, event: Event) -> None:
        self.checked += 1
        lpar, held = event["lpar"], self._holder(event)
        if held is None:
            return
        running = self._running.of(lpar)
        if running:
            self.violate(event, f"{lpar} is deactivated while {', '.join(running)} runs its guest")
        if not held.over:
            self.violate(event, f"{zone_text(held.zone)} of {lpar} is given back without poison")
        if held.beside:
            self.violate(event, f"{lpar} is deactivated, but holds {held.beside} beside its zone")
        self._running.at_rest(event)
        del self._held[lpar]

    def _sie(self, event: Event) -> None:
        self._running.sie(event)
        held = self._held.get(event["lpar"])
        if held is None:
            return
        if held.over:
            self.violate(event, f"{event['lpar']} is started, but its zone was poisoned")
        for name, partner in self._partners(held):
            if partner.moved is not held.moved:
                who = event["lpar"] if held.moved else name
                self.violate(event, f"of {event['lpar']} and {name} only {who} has moved")

    # --- moving -----------------------------------------------------------------------------------------------

    def _reserved(self, event: Event) -> None:
        self._take(event, tuple(event["partners"]))
        held = self._holder(event)
        if held is None:
            return
        if held.beside:
            self.violate(event, f"{event['lpar']} holds frames {held.beside} beside its zone already")
        held.reserved, held.partners, held.moved = zone_of(event), tuple(event["partners"]), False
        held.beside.add(*held.reserved)
        held.beside.discard(*held.zone)

    def _move(self, event: Event) -> None:
        held = self._holder(event)
        if held is None:
            return
        first, pages = event["first_page"], event["pages"]
        for name in ("source_frame", "target_frame"):
            origin = event[name] + first
            mine = Intervals(held.zone, *held.beside.pairs())
            if len(mine.overlap(origin, origin + pages)) != pages:
                self.violate(event, f"{name} {event[name]}: not all {pages} frames are {event['lpar']}'s")
        # On the way back, pages return to the zone itself.
        if not event["inverse"]:
            self._targets[event["lpar"]] = event["target_frame"]

    def _chunk(self, event: Event) -> None:
        held = self._held.get(event["lpar"])
        if held is None or event["inverse"]:
            return
        origin = self._targets.get(event["lpar"], held.zone[0]) + event["first_page"]
        held.dirty.add(origin, origin + event["pages"])
        held.dirty.discard(*held.zone)

    def _exchanged(self, event: Event) -> None:
        for lpar in (event["lower"], event["upper"]):
            held = self._held.get(lpar)
            if held is None:
                self.violate(event, f"{lpar} has no zone")
                continue
            for _, first, second, pages in event["runs"]:
                for frame in (first, second):
                    for part in held.beside.overlap(frame, frame + pages).pairs():
                        held.dirty.add(*part)

    def _moved(self, event: Event) -> None:
        self.checked += 1
        held, new = self._holder(event), zone_of(event)
        if held is None:
            return
        if new != held.reserved:
            self.violate(event, f"moved to {zone_text(new)}, but reserved was {zone_text(held.reserved)}")
        if event["from_frame"] != held.zone[0]:
            was = zone_text(held.zone)
            self.violate(event, f"moved from frame {event['from_frame']}, but the zone was {was}")
        held.beside = Intervals(held.zone)
        held.zone, held.reserved, held.moved = new, None, True
        partners = tuple(self._partners(held))
        if all(partner.moved for _, partner in partners):
            self._all_moved(event, held, partners)

    def _all_moved(self, event: Event, held: _Held, partners: tuple[tuple[str, _Held], ...]) -> None:
        together = [held, *(partner for _, partner in partners)]
        for name, partner in partners:
            shared = Intervals(held.zone).overlap(*partner.zone)
            if shared:
                self.violate(event, f"frames {shared} are in the zones of {event['lpar']} and of {name}")
        for one in together:
            for other in together:
                one.beside.discard(*other.zone)
            one.dirty = Intervals(*one.beside.pairs())

    # --- growing and shrinking --------------------------------------------------------------------------------

    def _cleared(self, event: Event) -> None:
        held = self._holder(event)
        if held is not None:
            held.cleared.add(*zone_of(event))

    def _resized(self, event: Event) -> None:
        self.checked += 1
        held, new = self._holder(event), zone_of(event)
        if held is None:
            return
        lpar, (origin, end) = event["lpar"], held.zone
        if new[0] != origin or event["from_frames"] != end - origin:
            told = f"{zone_text(new)} from {event['from_frames']} frames"
            self.violate(event, f"{lpar} is resized to {told}, but its zone was {zone_text(held.zone)}")
        if new[1] > end:
            if held.reserved != (end, new[1]):
                self.violate(event, f"{lpar} grows to {zone_text(new)}, reserved was {held.reserved}")
            if len(held.cleared.overlap(end, new[1])) != new[1] - end:
                self.violate(event, f"{lpar} grows by frames [{end}, {new[1]}) that were not cleared")
            held.beside.discard(*new)
            held.reserved, held.cleared = None, Intervals()
        else:
            held.beside.add(new[1], end)
            held.dirty.add(new[1], end)
        held.zone = new

    # --- giving back ------------------------------------------------------------------------------------------

    def _poisoned(self, event: Event) -> None:
        held, zone = self._holder(event), zone_of(event)
        if held is None:
            return
        lpar = event["lpar"]
        standing = self._running.standing_of(lpar)
        if standing:
            self.violate(event, f"{zone_text(zone)} poisoned before SIE on {', '.join(standing)}")
        if zone == held.zone and not self._running.of(lpar):
            held.over = True  # it is to be deactivated: nothing else may follow
            return
        if len(held.beside.overlap(*zone)) != zone[1] - zone[0]:
            self.violate(event, f"{zone_text(zone)} poisoned, but beside its zone it holds {held.beside}")
        held.dirty.discard(*zone)

    def _released(self, event: Event) -> None:
        self.checked += 1
        held, zone = self._holder(event), zone_of(event)
        if held is None:
            return
        # The map may tell the whole area; what lies in the zone stays.
        freed = Intervals(zone)
        freed.discard(*held.zone)
        for part in freed.pairs():
            if len(held.beside.overlap(*part)) != part[1] - part[0]:
                self.violate(event, f"{zone_text(part)} released, but beside its zone it holds {held.beside}")
            for name, partner in self._partners(held):
                if Intervals(partner.zone).overlap(*part):
                    self.violate(event, f"{zone_text(part)} released, but it is in the zone of {name}")
            dirty = held.dirty.overlap(*part)
            if dirty:
                self.violate(event, f"frames {dirty} released without poison")
            held.beside.discard(*part)
            held.dirty.discard(*part)
        held.reserved = None

    def _phase(self, event: Event) -> None:
        held = self._held.get(event["lpar"])
        if event["phase"] != "REPORTED" or held is None:
            return
        # What an exchange held of its partner's zone was never its own to release.
        for _, partner in self._partners(held):
            held.beside.discard(*partner.zone)
            held.dirty.discard(*partner.zone)
        if not held.beside:
            held.reserved = None
        # Of the next operation it need not be a part: each may move alone then.
        held.moved, held.partners = False, ()

    def _partners(self, held: _Held) -> Iterator[tuple[str, _Held]]:
        yield from ((name, self._held[name]) for name in held.partners if name in self._held)

    def _take(self, event: Event, partners: tuple[str, ...] = ()) -> None:
        self.checked += 1
        zone = zone_of(event)
        if self._frames is not None and zone[1] > self._frames:
            self.violate(event, f"{zone_text(zone)} ends past main storage at {self._frames}")
        bad = [frame for frame in self._retired if zone[0] <= frame < zone[1]]
        if bad:
            self.violate(event, f"{zone_text(zone)} has frame {bad[0]}, which is out of use")
        for lpar, held in self._held.items():
            if lpar != event["lpar"] and lpar not in partners:
                shared = Intervals(held.zone, *held.beside.pairs()).overlap(*zone)
                if shared:
                    taker = event["lpar"]
                    self.violate(event, f"frames {shared} are given to {taker}, but {lpar} holds them")

    def _holder(self, event: Event) -> _Held | None:
        held = self._held.get(event["lpar"])
        if held is None:
            self.violate(event, f"{event['lpar']} has no zone")
        return held
