"""io-inside-zone: I/O stays inside the zone that its IOP was given, and that the LPAR has.

Checked, for each transfer with accesses:
- the lowest and highest host address lie in the zone that the last SALE gave this IOP for the LPAR (activation
  counts as the first one), and the origin used is that zone's: a stale origin is caught even where its
  addresses happen to be inside;
- the same against the map (`lpar.activated`, `zone.moved`).
A program that goes on under another SALE tells in parts what it touched: a part is held against what was in
force at the time of its accesses.

Not checked: that an address between lowest and highest is the right one (guests check their own data); CCW by
CCW which addresses an IOP refused; a part told more than 16 SALEs after its accesses.
`checked` counts transfers with accesses.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler, zone_of, zone_text
from lparvm.trace.vocabulary import Level

_PAGE_SHIFT = 12
_REMEMBERED = 16
# Since when, and the zone; a history of them has the newest last.
_Told = tuple[int, tuple[int, int]]


class IoInsideZone(Checker):
    """No I/O address outside the zone in force, none by a stale origin."""

    name = "io-inside-zone"
    steps = (203,)
    claims = (5, 11)
    needs = Level.IO
    undecided = "transfers are not told at this level"

    def listen(self) -> Mapping[str, Handler]:
        """What sets zones, and the transfers."""
        self._map: dict[str, list[_Told]] = {}
        self._sales: dict[tuple[str, str], list[_Told]] = {}
        # (LPAR, IOP) -> since when, origin frame, lowest and highest host address: prepared for the hot path,
        # where map and SALE agree.
        self._in_force: dict[tuple[str, str], tuple[int, int, int, int]] = {}
        return {
            "lpar.activated": self._activated,
            "zone.moved": self._moved,
            "zone.resized": self._moved,
            "lpar.deactivated": self._deactivated,
            "sale.set": self._sale,
            "transfer.ended": self._transfer,
        }

    def _activated(self, event: Event) -> None:
        for iop in event["iops"]:
            self._sales.setdefault((event["lpar"], iop), [(event["t"], zone_of(event))])
        self._moved(event)

    def _deactivated(self, event: Event) -> None:
        lpar = event["lpar"]
        self._map.pop(lpar, None)
        for known in (self._sales, self._in_force):
            for where in [where for where in known if where[0] == lpar]:
                del known[where]

    def _moved(self, event: Event) -> None:
        _note(self._map.setdefault(event["lpar"], []), event)
        self._settle(event["lpar"])

    def _sale(self, event: Event) -> None:
        _note(self._sales.setdefault((event["lpar"], event["iop"]), []), event)
        self._settle(event["lpar"])

    def _settle(self, lpar: str) -> None:
        for where, sales in self._sales.items():
            if where[0] != lpar:
                continue
            self._in_force.pop(where, None)
            if lpar in self._map and self._map[lpar][-1][1] == sales[-1][1]:
                origin, end = sales[-1][1]
                since = max(self._map[lpar][-1][0], sales[-1][0])
                self._in_force[where] = since, origin, origin << _PAGE_SHIFT, (end << _PAGE_SHIFT) - 1

    def _transfer(self, event: Event) -> None:
        lowest = event["lowest_host"]
        if lowest is None:
            return
        self.checked += 1
        zone = self._in_force.get((event["lpar"], event["iop"]))
        if (
            zone is None
            or event["first_ns"] < zone[0]
            or event["origin_frame"] != zone[1]
            or lowest < zone[2]
            or event["highest_host"] > zone[3]
        ):
            self._judge(event)

    def _judge(self, event: Event) -> None:
        who = f"device {event['device']} of {event['lpar']} at {event['iop']}"
        sales = self._sales.get((event["lpar"], event["iop"]))
        if sales is None:
            self.violate(event, f"{who} accessed storage without SALE")
            return
        zones = _at(sales, event)
        if zones and not any(_inside(event, zone) for zone in zones):
            self.violate(event, f"{who} {_used(event)}, but SALE gave {zone_text(zones[0])}")
            return
        zones = _at(self._map.get(event["lpar"], [(0, (0, 0))]), event)
        if zones and not any(_inside(event, zone) for zone in zones):
            self.violate(event, f"{who} {_used(event)}, but the zone is {zone_text(zones[0])}")


def _note(history: list[_Told], event: Event) -> None:
    history.append((event["t"], zone_of(event)))
    del history[:-_REMEMBERED]


def _at(history: list[_Told], event: Event) -> list[tuple[int, int]]:
    """The zones in force when the accesses were made; none where that is forgotten.

    Two, where they ended at the very moment at which the zone changed.
    """
    zones = []
    for since, zone in reversed(history):
        if since <= event["last_ns"]:
            zones.append(zone)
            if since < event["last_ns"] or since <= event["first_ns"]:
                break
    # Before the first zone of all, nothing may be touched.
    return zones if zones or len(history) == _REMEMBERED else [(0, 0)]


def _inside(event: Event, zone: tuple[int, int]) -> bool:
    low, high = zone[0] << _PAGE_SHIFT, zone[1] << _PAGE_SHIFT
    inside = low <= event["lowest_host"] and event["highest_host"] < high
    return inside and bool(event["origin_frame"] == zone[0])


def _used(event: Event) -> str:
    addresses = f"host absolute {event['lowest_host']:#x} to {event['highest_host']:#x}"
    return f"touched {addresses} by origin {event['origin_frame']}"
