"""inside-zone: guests and their I/O stay inside the LPAR's zone, translated by the origin in force.

Checked, for each slice and transfer with accesses, against the map (`lpar.activated`, `zone.moved`):
- the lowest and highest host address lie in the zone;
- the origin used is the zone's: a stale origin is caught even where its addresses happen to be inside;
- a transfer also against the last SALE at its IOP (activation counts as one).

Not checked: that an address between lowest and highest is the right one (guests check their own data); CCW by
CCW which addresses an IOP refused.
`checked` counts slices and transfers with accesses.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler, zone_of, zone_text
from lparvm.trace.vocabulary import Level

_PAGE_SHIFT = 12


class InsideZone(Checker):
    """No access outside the zone, none by a stale origin."""

    name = "inside-zone"
    needs = Level.IO
    undecided = "neither slices nor transfers are told at this level"

    def listen(self) -> Mapping[str, Handler]:
        """What sets zones, and what touches storage."""
        # LPAR -> (origin frame, lowest and highest host address), prepared for the hot path.
        self._bounds: dict[str, tuple[int, int, int]] = {}
        self._limits: dict[tuple[str, str], tuple[int, int]] = {}  # (LPAR, IOP) -> the zone SALE gave it
        return {
            "lpar.activated": self._activated,
            "zone.moved": self._moved,
            "sale.set": self._sale,
            "slice.ended": self._slice,
            "transfer.ended": self._transfer,
        }

    def _activated(self, event: Event) -> None:
        self._moved(event)
        for iop in event["iops"]:
            self._limits.setdefault((event["lpar"], iop), zone_of(event))

    def _moved(self, event: Event) -> None:
        origin, end = zone_of(event)
        self._bounds[event["lpar"]] = origin, origin << _PAGE_SHIFT, (end << _PAGE_SHIFT) - 1

    def _sale(self, event: Event) -> None:
        self._limits[event["lpar"], event["iop"]] = zone_of(event)

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
            self._judge(event, f"{event['lpar']} on {event['lip']}", bounds)

    def _transfer(self, event: Event) -> None:
        lowest = event["lowest_host"]
        if lowest is None:
            return
        self.checked += 1
        who = f"device {event['device']} of {event['lpar']} at {event['iop']}"
        bounds = self._bounds.get(event["lpar"])
        limits = self._limits.get((event["lpar"], event["iop"]))
        if bounds is None or not _inside(event, bounds):
            self._judge(event, who, bounds)
        elif limits is None:
            self.violate(event, f"{who} accessed storage without SALE")
        elif not _inside(event, (limits[0], limits[0] << _PAGE_SHIFT, (limits[1] << _PAGE_SHIFT) - 1)):
            self.violate(event, f"{who} {_used(event)}, but SALE gave {zone_text(limits)}")

    def _judge(self, event: Event, who: str, bounds: tuple[int, int, int] | None) -> None:
        zone = None if bounds is None else (bounds[0], (bounds[2] + 1) >> _PAGE_SHIFT)
        self.violate(event, f"{who} {_used(event)}, but the zone is {zone_text(zone)}")


def _inside(event: Event, bounds: tuple[int, int, int]) -> bool:
    origin, lowest, highest = bounds
    inside = lowest <= event["lowest_host"] and event["highest_host"] <= highest
    return inside and bool(event["origin_frame"] == origin)


def _used(event: Event) -> str:
    addresses = f"host absolute {event['lowest_host']:#x} to {event['highest_host']:#x}"
    return f"touched {addresses} by origin {event['origin_frame']}"
