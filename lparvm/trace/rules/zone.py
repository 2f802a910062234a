"""inside-zone: guests stay inside their LPAR's zone, translated by the origin in force.

Checked, for each slice with accesses, against the map (`lpar.activated`, `zone.moved`, `zone.resized`):
- the lowest and highest host address lie in the zone;
- the origin used is the zone's: a stale origin is caught even where its addresses happen to be inside.

Not checked: that an address between lowest and highest is the right one (guests check their own data); I/O
(that is io-inside-zone).
`checked` counts slices with accesses.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler, zone_of, zone_text
from lparvm.trace.vocabulary import Level

_PAGE_SHIFT = 12


class InsideZone(Checker):
    """No access of a guest outside its zone, none by a stale origin."""

    name = "inside-zone"
    steps = (210,)
    needs = Level.IO
    undecided = "slices are not told at this level"

    def listen(self) -> Mapping[str, Handler]:
        """What sets zones, and the slices."""
        # LPAR -> (origin frame, lowest and highest host address), prepared for the hot path.
        self._bounds: dict[str, tuple[int, int, int]] = {}
        return {
            "lpar.activated": self._moved,
            "zone.moved": self._moved,
            "zone.resized": self._moved,
            "slice.ended": self._slice,
        }

    def _moved(self, event: Event) -> None:
        origin, end = zone_of(event)
        self._bounds[event["lpar"]] = origin, origin << _PAGE_SHIFT, (end << _PAGE_SHIFT) - 1

    def _slice(self, event: Event) -> None:
        lowest = event["lowest_host"]
        if lowest is None:
            return
        self.checked += 1
        bounds = self._bounds.get(event["lpar"])
        if (
            bounds is None
            or event["origin_frame"] != bounds[0]
            or lowest < bounds[1]
            or event["highest_host"] > bounds[2]
        ):
            self._judge(event, bounds)

    def _judge(self, event: Event, bounds: tuple[int, int, int] | None) -> None:
        zone = None if bounds is None else (bounds[0], (bounds[2] + 1) >> _PAGE_SHIFT)
        addresses = f"host absolute {event['lowest_host']:#x} to {event['highest_host']:#x}"
        used = f"touched {addresses} by origin {event['origin_frame']}"
        who = f"{event['lpar']} on {event['lip']}"
        self.violate(event, f"{who} {used}, but the zone is {zone_text(zone)}")
