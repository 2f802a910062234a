"""one-owner: no frame of main storage is held by two LPARs, and none is given back with data in it.

Checked, from `lpar.activated`, `area.reserved`, `zone.moved`, `area.released`:
- what an LPAR takes lies inside main storage and is held by no other, as zone, reservation or vacated;
- a zone moves to the area that was reserved for it, from where it was, with its size; pages are moved only
  between frames that the LPAR holds;
- frames that were vacated, or that pages were moved to before the move was backed out, are poisoned before
  they are released; they are poisoned after the guest runs again, and never inside its zone;
- only what is held beside the zone is released.

Not checked: what is in the frames (poison, zeros); frames that an LPAR touched in other ways than by a move.
`checked` counts changes of the map.
"""

from collections.abc import Mapping

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
        reserved: the area reserved as a target.
        beside: all frames held beside the zone.
        dirty: those of them that hold, or held, its pages.
    """

    zone: _Zone
    reserved: _Zone | None = None
    beside: Intervals = field(factory=Intervals)
    dirty: Intervals = field(factory=Intervals)


class OneOwner(Checker):
    """At most one owner a frame."""

    name = "one-owner"

    def listen(self) -> Mapping[str, Handler]:
        """The events of the map, of the mover, and of the LIPs that must run before frames are poisoned."""
        self._frames: int | None = None
        self._held: dict[str, _Held] = {}
        self._targets: dict[str, int] = {}
        self._running = Running()
        return {
            "machine.started": self._machine,
            "lpar.activated": self._activated,
            "area.reserved": self._reserved,
            "move.started": self._move,
            "chunk.moved": self._chunk,
            "zone.moved": self._moved,
            "area.poisoned": self._poisoned,
            "area.released": self._released,
            "sie.issued": self._running.sie,
            "lip.stopped": self._running.stopped,
            "guest.ended": self._running.over,
        }

    def _machine(self, event: Event) -> None:
        self._frames = event["main_storage_frames"]
        for lpar, held in self._held.items():
            if held.zone[1] > self._frames:
                self.violate(
                    event, f"{lpar}: {zone_text(held.zone)} ends past main storage at {self._frames}"
                )

    def _activated(self, event: Event) -> None:
        self._take(event)
        self._running.activated(event)
        self._held[event["lpar"]] = _Held(zone_of(event))

    def _reserved(self, event: Event) -> None:
        self._take(event)
        held = self._holder(event)
        if held is None:
            return
        if held.beside:
            self.violate(event, f"{event['lpar']} holds frames {held.beside} beside its zone already")
        held.reserved = zone_of(event)
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
        held.beside.discard(*new)
        held.dirty = Intervals(*held.beside.pairs())
        held.zone, held.reserved = new, None

    def _poisoned(self, event: Event) -> None:
        held, zone = self._holder(event), zone_of(event)
        if held is None:
            return
        standing = self._running.standing_of(event["lpar"])
        if standing:
            self.violate(event, f"{zone_text(zone)} poisoned before SIE on {', '.join(standing)}")
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
            dirty = held.dirty.overlap(*part)
            if dirty:
                self.violate(event, f"frames {dirty} released without poison")
            held.beside.discard(*part)
            held.dirty.discard(*part)
        held.reserved = None

    def _take(self, event: Event) -> None:
        self.checked += 1
        zone = zone_of(event)
        if self._frames is not None and zone[1] > self._frames:
            self.violate(event, f"{zone_text(zone)} ends past main storage at {self._frames}")
        for lpar, held in self._held.items():
            if lpar != event["lpar"]:
                shared = Intervals(held.zone, *held.beside.pairs()).overlap(*zone)
                if shared:
                    taker = event["lpar"]
                    self.violate(event, f"frames {shared} are given to {taker}, but {lpar} holds them")

    def _holder(self, event: Event) -> _Held | None:
        held = self._held.get(event["lpar"])
        if held is None:
            self.violate(event, f"{event['lpar']} has no zone")
        return held
