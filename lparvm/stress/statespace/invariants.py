"""What must hold in every state that can be reached, and in every state at rest.

In every state:

- *agreement*: while a guest is in SIE, or a channel program can touch storage, the map, SALE at every IOP of the LPAR,
  and the state descriptions in SIE say one zone. While the zone grows or shrinks they say one origin, no state
  description has more than SALE gave any IOP, and nobody has more than the LPAR holds;
- *pages*: every page of such a zone is in its frame: none is under way, poisoned, or another's;
- *standstill*: while the mover moves pages of an LPAR, no LIP has it in SIE and no channel program can touch
  its storage;
- *one owner*: no frame lies in the zones of two LPARs, by the map or by what a guest or a channel program uses;
- *books*: of an LPAR that no operation holds, LPAR control knows the map's zone.

At rest, beside these:

- *answers*: every command was answered, once; a CANCEL by COMPLETED only where what it named ended CANCELLED;
- *outcome*: every LPAR has the zone that the answers say: its target, with all pages, where they say COMPLETED, its
  source, with all pages, where not. CHECK_STOPPED comes of `SALE_ATTEMPTS_MAX` refusals at least, and of nothing else;
- *guests run*: every guest is in SIE on all its LIPs, unless it is stopped, failed or check-stopped;
- *agreement of all*: also the state descriptions of guests that stand, and LIP control's books;
- *channel programs*: what the guest takes for started is so at an IOP, and what has ended waits for it, with an
  interruption request;
- *machine checks*: a frame at which the mover had one is out of use;
- *nothing is kept*: no frame is held beside a zone, no start is held, no LPAR is quiescing, and no frame that is free
  holds a page: all of it save what a check stop keeps.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from attrs import Factory, define

from lparvm.arch.address import Zone
from lparvm.arch.exchange_geometry import exchange_targets
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR, lip_control_of
from lparvm.protocol.reporting import SALE_ATTEMPTS_MAX
from lparvm.protocol.results import Result
from lparvm.protocol.targets import After, Before, End, Hsa
from lparvm.stress.statespace import storage
from lparvm.stress.statespace.configuration import Configuration
from lparvm.stress.statespace.explorer import Facts
from lparvm.stress.statespace.iop import IopFacts
from lparvm.stress.statespace.lip import LipFacts
from lparvm.stress.statespace.lip_control import GuestFacts, Subchannels
from lparvm.stress.statespace.lpar_control import ControlFacts
from lparvm.stress.statespace.operator import OperatorPart, OperatorState
from lparvm.stress.statespace.resource_manager import MapFacts

Said = tuple[str, Zone]
"""Who says it, for people, and the zone."""


@define
class _View:
    """The facts of a state, by what they are facts of."""

    configuration: Configuration
    control: ControlFacts
    map: MapFacts
    operator: OperatorState
    facts: Facts
    finals: Facts = Factory(dict)

    def in_sie(self, lpar: str) -> list[Said]:
        """State descriptions of the LIPs that run the guest."""
        return [said for said, running in self._states(lpar) if running]

    def states(self, lpar: str) -> list[Said]:
        """All its state descriptions."""
        return [said for said, _ in self._states(lpar)]

    def _states(self, lpar: str) -> Iterator[tuple[Said, bool]]:
        for lip in self.configuration.lpar(lpar).lips:
            facts: LipFacts = self.facts[lip]
            for name, zone, running in facts.zones:
                if name == lpar:
                    yield (f"the state description on {lip}", zone), running

    def sales(self, lpar: str) -> list[Said]:
        """What SALE gave its IOPs."""
        return [(f"SALE at {iop}", dict(facts.zones)[lpar]) for iop, facts in self.iops(lpar)]

    def touching(self, lpar: str) -> list[Said]:
        """The IOPs at which its channel programs can touch storage, and where."""
        found = [(iop, facts) for iop, facts in self.iops(lpar) if lpar in facts.touching]
        return [(f"a channel program at {iop}", dict(facts.zones)[lpar]) for iop, facts in found]

    def iops(self, lpar: str) -> list[tuple[str, IopFacts]]:
        """Its IOPs."""
        return [(iop, self.facts[iop]) for iop in self.configuration.lpar(lpar).iops]

    def guest(self, lpar: str) -> GuestFacts:
        """Its LIP control."""
        facts: GuestFacts = self.facts[lip_control_of(lpar)]
        return facts

    def check_stopped(self, lpar: str) -> bool:
        """Whether its storage is lost."""
        return any(entry.name == lpar and entry.check_stopped for entry in self.control.entries)

    def reach(self, lpar: str) -> int:
        """How far from its origin an LPAR holds all frames: the first one behind."""
        zone = self.map.zone_of(lpar)
        ends = [one.end for name, one in self.map.beside if name == lpar and one.origin == zone.end]
        return max([zone.end, *ends])


class Invariants:
    """The invariants of a configuration."""

    def __init__(self, configuration: Configuration) -> None:
        """The commands say what should come of them."""
        self._configuration = configuration
        self._names = tuple(lpar.name for lpar in configuration.lpars)
        self._orders = OperatorPart(configuration).orders

    def check(self, facts: Facts) -> str:
        """What is wrong in a state; empty: nothing."""
        return next(self._wrong(self._view(facts, {})), "")

    def check_at_rest(self, facts: Facts, finals: Facts) -> str:
        """What is wrong in a state at rest; empty: nothing."""
        return next(self._wrong_at_rest(self._view(facts, finals)), "")

    def _view(self, facts: Facts, finals: Facts) -> _View:
        control, manager, operator = (
            facts[name] for name in (LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR)
        )
        return _View(self._configuration, control, manager, operator, facts, finals)

    # --- in every state -------------------------------------------------------------------------------------

    def _wrong(self, view: _View) -> Iterator[str]:
        for lpar in self._names:
            users = [*view.in_sie(lpar), *view.touching(lpar)]
            if users:
                yield from self._agreement(view, lpar)
                yield from self._pages(view, lpar, users)
            if users and lpar in view.control.moving:
                yield f"the mover moves pages of {lpar}, and {users[0][0]} can touch them"
        yield from self._one_owner(view)
        yield from self._books(view)

    def _agreement(self, view: _View, lpar: str) -> Iterator[str]:
        zone = view.map.zone_of(lpar)
        said = [*view.in_sie(lpar), *view.sales(lpar)]
        if lpar not in view.control.resizing and not view.check_stopped(lpar):
            yield from (
                f"{who} of {lpar} says {_told(one)}, the map {_told(zone)}"
                for who, one in said
                if one != zone
            )
            return
        reach = view.reach(lpar)
        for who, one in said:
            if one.origin != zone.origin or one.end > reach:
                yield f"{who} of {lpar} says {_told(one)}; it holds frames up to {reach}, the map says {_told(zone)}"
        least = min((one.end for _, one in view.sales(lpar)), default=reach)
        for who, one in view.in_sie(lpar):
            if one.end > least:
                yield f"{who} of {lpar} says {_told(one)}, SALE gave frames up to {least}"

    def _pages(self, view: _View, lpar: str, users: list[Said]) -> Iterator[str]:
        if view.check_stopped(lpar):
            return
        for who, zone in users:
            wrong = storage.misplaced(view.control.frames, lpar, zone)
            if wrong:
                yield f"{who} of {lpar} uses {_told(zone)}, but {wrong}"

    def _one_owner(self, view: _View) -> Iterator[str]:
        for lpar, other in combinations(self._names, 2):
            for who, one in self._uses(view, lpar):
                for and_who, also in self._uses(view, other):
                    if one.overlaps(also):
                        yield f"{who} of {lpar} {_told(one)} and {and_who} of {other} {_told(also)} share frames"

    @staticmethod
    def _uses(view: _View, lpar: str) -> list[Said]:
        return [("the map's zone", view.map.zone_of(lpar)), *view.in_sie(lpar), *view.touching(lpar)]

    @staticmethod
    def _books(view: _View) -> Iterator[str]:
        for entry in view.control.entries:
            zone = view.map.zone_of(entry.name)
            if entry.name not in view.control.held and not entry.check_stopped and entry.zone != zone:
                yield f"LPAR control has {entry.name} at {_told(entry.zone)}, the map at {_told(zone)}"

    # --- at rest --------------------------------------------------------------------------------------------

    def _wrong_at_rest(self, view: _View) -> Iterator[str]:
        for op in self._orders:
            results = view.operator.results(op)
            if len(results) != 1:
                yield f"{op} was answered {len(results)} times: {', '.join(results)}"
        yield from self._check_stops(view)
        for lpar in self._names:
            if not view.check_stopped(lpar):
                yield from self._lpar_at_rest(view, lpar)
        yield from self._cancels(view.operator)
        yield from self._free_frames(view)
        for frame in view.finals[LPAR_CONTROL]:
            if frame not in view.finals[RESOURCE_MANAGER]:
                yield f"frame {frame} had a machine check, and is in use"

    def _cancels(self, operator: OperatorState) -> Iterator[str]:
        cancelled = {
            name
            for op, result in operator.answers if result is Result.CANCELLED
            for name in (op, *_lpars_of(self._orders[op]))
        }  # fmt: skip
        granted = [
            order.target
            for op, order in self._orders.items()
            if isinstance(order, m.CancelOperation) and Result.COMPLETED in operator.results(op)
        ]
        for target in granted:
            if target not in cancelled:
                yield f"CANCEL of {target} was answered COMPLETED, and nothing was cancelled"
        if cancelled and not granted:
            yield f"{', '.join(sorted(cancelled))} was cancelled, and no CANCEL was answered COMPLETED"

    def _check_stops(self, view: _View) -> Iterator[str]:
        facts: list[IopFacts] = [view.facts[iop] for iop in self._configuration.iops]
        refused = sum(one.refused for one in facts)
        told = any(result is Result.CHECK_STOPPED for _, result in view.operator.answers)
        stopped = [lpar for lpar in self._names if view.check_stopped(lpar)]
        if (told or stopped) and refused < SALE_ATTEMPTS_MAX:
            yield f"{', '.join(stopped)} is check-stopped after {refused} refusals"
        if told != bool(stopped):
            yield f"CHECK_STOPPED was {'told' if told else 'not told'}, check-stopped: {', '.join(stopped) or 'none'}"

    def _lpar_at_rest(self, view: _View, lpar: str) -> Iterator[str]:
        zone = view.map.zone_of(lpar)
        expected = self._expected(view.operator)[lpar]
        if zone != expected:
            yield f"{lpar} is at {_told(zone)}; by the answers it should be at {_told(expected)}"
        for who, one in view.sales(lpar):
            if one != zone:
                yield f"{who} of {lpar} says {_told(one)}, the map {_told(zone)}"
        wrong = storage.misplaced(view.control.frames, lpar, zone)
        if wrong:
            yield wrong
        yield from (f"{lpar} still holds {_told(one)}" for name, one in view.map.beside if name == lpar)
        for iop, facts in view.iops(lpar):
            if lpar in facts.held:
                yield f"{iop} still holds starts of {lpar}"
        lips = self._configuration.lpar(lpar).lips
        if not any(view.finals[lip] for lip in lips):
            yield from self._guest_at_rest(view, lpar)

    def _guest_at_rest(self, view: _View, lpar: str) -> Iterator[str]:
        """Of an LPAR none of whose LIPs hangs."""
        zone, guest = view.map.zone_of(lpar), view.guest(lpar)
        for who, one in [("LIP control", guest.zone), *view.states(lpar)]:
            if one != zone:
                yield f"{who} of {lpar} says {_told(one)}, the map {_told(zone)}"
        running = len(view.in_sie(lpar))
        lips = len(self._configuration.lpar(lpar).lips)
        if running != (lips if guest.may_run else 0):
            state = "runs" if guest.may_run else "stands"
            yield f"{lpar} {state}, and is in SIE on {running} of {lips} LIPs"
        subchannels: Subchannels = view.finals[lip_control_of(lpar)]
        at_iops = [start[1] for iop, _ in view.iops(lpar) for start in view.finals[iop] if start[0] == lpar]
        if sorted(at_iops) != sorted(subchannels.under_way):
            yield f"{lpar} takes devices {subchannels.under_way} for started; IOPs run {tuple(sorted(at_iops))}"
        for device in subchannels.ended:
            if device not in subchannels.requests:
                yield f"{lpar} gets no interruption for device {device:04X}"

    def _free_frames(self, view: _View) -> Iterator[str]:
        held = [zone for _, zone in (*view.map.zones, *view.map.beside)]
        for frame, page in enumerate(view.control.frames):
            if page[0] in self._names and not any(frame in zone for zone in held):
                yield f"frame {frame} is free, and holds page {page[1]} of {page[0]}"

    def _expected(self, operator: OperatorState) -> dict[str, Zone]:
        """Every LPAR's zone, by the answers that were given, in their order."""
        zones = {lpar.name: lpar.zone for lpar in self._configuration.lpars}
        for op, result in operator.answers:
            if result is Result.COMPLETED:
                zones.update(_moved(self._orders[op], zones, self._configuration.frames))
        return zones


def _moved(order: Any, zones: dict[str, Zone], frames: int) -> dict[str, Zone]:
    """The zones that a command that completed has changed, said once more, apart from the protocol."""
    match order:
        case m.MoveStorage(lpar=lpar, test=False):
            zone = zones[lpar]
            return {lpar: Zone(_origin(order.target, zone, zones, frames), zone.extent)}
        case m.ExchangeStorage(first=first, second=second, test=False):
            targets = exchange_targets(zones[first], zones[second])
            return dict(zip((first, second), targets, strict=True))
        case m.ExpandStorage(lpar=lpar, extent=int() as extent) | m.ShrinkStorage(lpar=lpar, extent=extent):
            return {lpar: Zone(zones[lpar].origin, extent)}
        case _:
            return {}


def _lpars_of(order: Any) -> tuple[str, ...]:
    if isinstance(order, m.ExchangeStorage):
        return order.first, order.second
    return () if isinstance(order, m.CancelOperation) else (order.lpar,)


def _origin(target: object, zone: Zone, zones: dict[str, Zone], frames: int) -> int:
    match target:
        case Hsa(origin_bytes=origin_bytes):
            return origin_bytes >> 12
        case Before(lpar=other):
            return zones[other].origin - zone.extent
        case After(lpar=other):
            return zones[other].end
        case _:
            assert isinstance(target, End), "there are four ways to say it"
            return frames - zone.extent


def _told(zone: Zone) -> str:
    return f"[{zone.origin}, {zone.end})"
