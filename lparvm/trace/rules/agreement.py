"""sale-agrees: whenever a guest or an I/O runs, the map, every IOP and the state description say one zone.

Checked:
- at each SIE: its zone is the map's (`lpar.activated`, `zone.moved`, `zone.resized`), and the last SALE at every
  IOP of the LPAR gave that zone (activation counts as one). So a skipped SALE is caught, also at one of two IOPs;
- at each transfer with accesses: the same, with the zone of the last SIE; a part of one that is told late
  counts at the time of its accesses;
- the map's entry moves when every IOP of the LPAR was given that zone by SALE: the commit;
- neither the map's entry changes its origin, nor SALE gives another zone than the map's, while a LIP runs the guest;
- while a zone grows or shrinks under its running guest, all say one origin, and never does a state description have
  more than SALE gave any IOP, nor SALE more than the LPAR holds; when it is reported and a LIP runs the guest, all
  agree again.

Not checked: what an IOP or a LIP does with its zone (that is inside-zone and io-inside-zone); devices without any I/O.
`checked` counts SIEs and transfers with accesses, and reports of zones that were resized.
"""

from collections.abc import Iterator, Mapping

from attrs import define, field

from lparvm.trace.rules.base import Checker, Event, Handler, zone_of, zone_text
from lparvm.trace.rules.running import Running
from lparvm.trace.vocabulary import Level

_Zone = tuple[int, int]
_RESIZING = frozenset(("EXTENDING", "SHRINKING"))


@define
class _Said:
    """Who says what of an LPAR's zone.

    Attributes:
        iops: the IOPs that serve it.
        map: the map.
        sales: IOP -> the last SALE.
        sies: LIP -> its state description.
        reserved: up to which frame it holds storage behind its zone, to grow by.
        resizing: it grows or shrinks.
        differing: who says otherwise than the map, in words; empty where all agree.
        since: since when.
    """

    iops: tuple[str, ...] = ()
    map: _Zone | None = None
    sales: dict[str, _Zone] = field(factory=dict)
    sies: dict[str, _Zone] = field(factory=dict)
    reserved: int = 0
    resizing: bool = False
    differing: str = ""
    since: int = 0

    def others(self) -> Iterator[tuple[str, _Zone | None]]:
        yield from ((f"SALE gave {iop}", self.sales.get(iop)) for iop in self.iops)
        yield from ((f"SIE got on {lip}", zone) for lip, zone in self.sies.items())

    def compared(self) -> str:
        """Who says otherwise; kept up to date, so that a transfer costs one look."""
        if self.resizing and self.map is not None:
            return self._compared_resizing(self.map)
        return " and ".join(f"{who} {zone_text(said)}" for who, said in self.others() if said != self.map)

    def _compared_resizing(self, zone: _Zone) -> str:
        limit = max(zone[1], self.reserved)
        wrong = []
        for who, said in self.others():
            # Others than the map may say more, up to what is held, or less.
            if said is None or said[0] != zone[0] or said[1] > limit:
                wrong.append(f"{who} {zone_text(said)}")
        least = min((said[1] for said in self.sales.values()), default=limit)
        wrong += [
            f"SIE got on {lip} {zone_text(said)}, SALE gave frames up to {least}"
            for lip, said in self.sies.items() if said[1] > least
        ]  # fmt: skip
        return " and ".join(wrong)


class SaleAgrees(Checker):
    """Map, IOPs and state descriptions agree."""

    name = "sale-agrees"
    steps = (203, 210)
    claims = (5, 11)
    needs = Level.IO
    undecided = "transfers are not told at this level; SIEs were checked against map and SALE"

    def listen(self) -> Mapping[str, Handler]:
        """What sets a zone anywhere, and what uses it."""
        self._running = Running()
        self._said: dict[str, _Said] = {}
        return {
            "lpar.activated": self._activated,
            "lpar.deactivated": self._deactivated,
            "guest.loaded": self._loaded,
            "guest.verified": self._unloaded,
            "area.reserved": self._reserved,
            "zone.moved": self._moved,
            "zone.resized": self._resized,
            "phase.entered": self._phase,
            "sale.set": self._sale,
            "sie.issued": self._sie,
            "zone.noted": self._noted,
            "extent.set": self._noted,
            "lip.stopped": self._running.stopped,
            "guest.ended": self._running.over,
            "transfer.ended": self._transfer,
        }

    def _of(self, event: Event) -> _Said:
        return self._said.setdefault(event["lpar"], _Said())

    def _activated(self, event: Event) -> None:
        said = self._of(event)
        said.iops, said.map = tuple(event["iops"]), zone_of(event)
        said.sies.clear()
        for iop in said.iops:
            said.sales.setdefault(iop, said.map)
        self._compare(event)

    def _deactivated(self, event: Event) -> None:
        self._said.pop(event["lpar"], None)

    def _loaded(self, event: Event) -> None:
        said = self._of(event)
        # Its LIPs may be others now, and a check stop is over.
        said.sies.clear()
        said.resizing, said.reserved = False, 0
        self._compare(event)

    def _unloaded(self, event: Event) -> None:
        # Its life is over: no LIP has a state description of it any more.
        self._of(event).sies.clear()
        self._compare(event)

    def _reserved(self, event: Event) -> None:
        said, zone = self._of(event), zone_of(event)
        if said.map is not None and zone[0] == said.map[1]:
            said.reserved = zone[1]

    def _phase(self, event: Event) -> None:
        said = self._said.get(event["lpar"])
        if said is None:
            return
        phase = event["phase"]
        if phase in _RESIZING:
            said.resizing = True
        elif phase == "REPORTED":
            if said.resizing:
                self.checked += 1
                said.resizing = False
                self._compare(event)
                if self._running.of(event["lpar"]):
                    self._judge(event, f"{event['lpar']} was resized")
                elif said.differing:
                    # It was check-stopped over it: so it stays until IPL, and I/O under way ends within that.
                    said.resizing = True
                    self._compare(event)
                    return
            said.reserved = 0

    def _moved(self, event: Event) -> None:
        said = self._of(event)
        said.map = zone_of(event)
        self._nobody_runs(event, f"the map's entry of {event['lpar']} changes")
        behind = [iop for iop in said.iops if said.sales.get(iop) != said.map]
        if behind:
            self.violate(
                event, f"the map says {zone_text(said.map)} before SALE gave it to {', '.join(behind)}"
            )
        self._compare(event)

    def _resized(self, event: Event) -> None:
        said = self._of(event)
        said.map = zone_of(event)
        self._compare(event)
        if said.resizing:
            self._judge(event, f"{event['lpar']} is resized")
        else:
            self._nobody_runs(event, f"the map's entry of {event['lpar']} changes")

    def _sale(self, event: Event) -> None:
        said, zone = self._of(event), zone_of(event)
        said.sales[event["iop"]] = zone
        self._compare(event)
        if said.resizing:
            self._judge(event, f"SALE gives {event['iop']} {zone_text(zone)}")
        elif said.map is not None and zone != said.map:
            says = f"SALE gives {event['iop']} {zone_text(zone)}"
            self._nobody_runs(event, f"{says}, the map {zone_text(said.map)}")

    def _sie(self, event: Event) -> None:
        self.checked += 1
        lpar = event["lpar"]
        self._running.sie(event)
        self._of(event).sies[event["lip"]] = zone_of(event)
        self._compare(event)
        self._judge(event, f"{lpar} is started on {event['lip']}", lip=event["lip"])

    def _noted(self, event: Event) -> None:
        said = self._of(event)
        said.sies[event["lip"]] = zone_of(event)
        self._compare(event)
        if said.resizing:
            self._judge(event, f"{event['lip']} gets {zone_text(zone_of(event))}")

    def _transfer(self, event: Event) -> None:
        if event["lowest_host"] is None:
            return
        self.checked += 1
        said = self._said.get(event["lpar"])
        if said is not None and said.differing and event["last_ns"] >= said.since:
            self._judge(event, f"device {event['device']} of {event['lpar']} accessed storage")

    def _judge(self, event: Event, what: str, *, lip: str | None = None) -> None:
        said = self._said[event["lpar"]]
        differing = said.differing
        if lip is not None and not said.resizing:
            # While the LIPs of a guest start one after another, only the one that starts must be right.
            others = [(who, zone) for who, zone in said.others() if not who.startswith("SIE")]
            others.append(("SIE got", said.sies[lip]))
            differing = " and ".join(f"{who} {zone_text(zone)}" for who, zone in others if zone != said.map)
        if differing:
            self.violate(event, f"{what}; the map says {zone_text(said.map)}, but {differing}")

    def _nobody_runs(self, event: Event, what: str) -> None:
        running = self._running.of(event["lpar"])
        if running:
            self.violate(event, f"{what}, while {', '.join(running)} runs the guest")

    def _compare(self, event: Event) -> None:
        said = self._of(event)
        differing = said.compared()
        if differing and not said.differing:
            said.since = event["t"]
        said.differing = differing
