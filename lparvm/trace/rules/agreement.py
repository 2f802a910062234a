"""sale-agrees: whenever a guest or an I/O runs, the map, every IOP and the state description say one zone.

Checked:
- at each SIE: its zone is the map's (`lpar.activated`, `zone.moved`), and the last SALE at every IOP of the
  LPAR gave that zone (activation counts as one). So a skipped SALE is caught, also at one of two IOPs;
- at each transfer with accesses: the same, with the zone of the last SIE; a part of one that is told late
  counts at the time of its accesses;
- neither the map's entry changes, nor SALE gives another zone than the map's, while a LIP runs the guest.

Not checked: what an IOP or a LIP does with its zone (that is inside-zone and io-inside-zone); devices without any I/O.
`checked` counts SIEs and transfers with accesses.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler, zone_of, zone_text
from lparvm.trace.rules.running import Running
from lparvm.trace.vocabulary import Level

_Zone = tuple[int, int]


class SaleAgrees(Checker):
    """Map, IOPs and state descriptions agree."""

    name = "sale-agrees"
    needs = Level.IO
    undecided = "transfers are not told at this level; SIEs were checked against map and SALE"

    def listen(self) -> Mapping[str, Handler]:
        """What sets a zone anywhere, and what uses it."""
        self._running = Running()
        self._iops: dict[str, tuple[str, ...]] = {}
        self._map: dict[str, _Zone] = {}
        self._sales: dict[tuple[str, str], _Zone] = {}
        self._sies: dict[str, _Zone] = {}
        # LPAR -> who says otherwise than the map. Kept up to date, so that a transfer costs one look.
        self._disagreement: dict[str, str] = {}
        self._since: dict[str, int] = {}  # LPAR -> since when they disagree
        return {
            "lpar.activated": self._activated,
            "zone.moved": self._moved,
            "sale.set": self._sale,
            "sie.issued": self._sie,
            "zone.noted": self._noted,
            "lip.stopped": self._running.stopped,
            "guest.ended": self._running.over,
            "transfer.ended": self._transfer,
        }

    def _activated(self, event: Event) -> None:
        lpar = event["lpar"]
        self._iops[lpar] = tuple(event["iops"])
        self._map[lpar] = zone_of(event)
        self._sies.pop(lpar, None)
        for iop in self._iops[lpar]:
            self._sales.setdefault((lpar, iop), self._map[lpar])
        self._compare(event)

    def _moved(self, event: Event) -> None:
        lpar = event["lpar"]
        self._map[lpar] = zone_of(event)
        self._nobody_runs(event, f"the map's entry of {lpar} changes")
        self._compare(event)

    def _sale(self, event: Event) -> None:
        lpar, zone = event["lpar"], zone_of(event)
        self._sales[lpar, event["iop"]] = zone
        if zone != self._map.get(lpar, zone):
            says = f"SALE gives {event['iop']} {zone_text(zone)}"
            self._nobody_runs(event, f"{says}, the map {self._of_map(lpar)}")
        self._compare(event)

    def _sie(self, event: Event) -> None:
        self.checked += 1
        lpar = event["lpar"]
        self._running.sie(event)
        self._sies[lpar] = zone_of(event)
        self._compare(event)
        self._judge(event, f"{lpar} is started on {event['lip']}")

    def _noted(self, event: Event) -> None:
        self._sies[event["lpar"]] = zone_of(event)
        self._compare(event)

    def _transfer(self, event: Event) -> None:
        if event["lowest_host"] is None:
            return
        self.checked += 1
        lpar = event["lpar"]
        if lpar in self._disagreement and event["last_ns"] >= self._since[lpar]:
            self._judge(event, f"device {event['device']} of {lpar} accessed storage")

    def _judge(self, event: Event, what: str) -> None:
        lpar = event["lpar"]
        if lpar in self._disagreement:
            self.violate(event, f"{what}; the map says {self._of_map(lpar)}, but {self._disagreement[lpar]}")

    def _nobody_runs(self, event: Event, what: str) -> None:
        running = self._running.of(event["lpar"])
        if running:
            self.violate(event, f"{what}, while {', '.join(running)} runs the guest")

    def _compare(self, event: Event) -> None:
        lpar = event["lpar"]
        zone = self._map.get(lpar)
        others = [(f"SALE gave {iop}", self._sales.get((lpar, iop))) for iop in self._iops.get(lpar, ())]
        if lpar in self._sies:
            others.append(("SIE got", self._sies[lpar]))
        differing = [f"{who} {zone_text(said)}" for who, said in others if said != zone]
        if differing:
            if lpar not in self._disagreement:
                self._since[lpar] = event["t"]
            self._disagreement[lpar] = " and ".join(differing)
        else:
            self._disagreement.pop(lpar, None)

    def _of_map(self, lpar: str) -> str:
        return zone_text(self._map.get(lpar))
