"""The resource manager: the map of main storage, and SALE to the IOPs (numeral 8, step 203)."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import HoldingKind, Zone
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR
from lparvm.protocol.admission import check_areas
from lparvm.protocol.lpar_entry import LparState
from lparvm.protocol.relocation_record import Denial
from lparvm.protocol.resizing_admission import reach
from lparvm.protocol.results import Result, message_text
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.zones import ZoneTable
from lparvm.trace.writer import TraceLogger


@define
class _Sale:
    """SALE under way for one operation: who has not answered, as (LPAR, IOP), and the first that refused."""

    placements: tuple[m.Placement, ...]
    unanswered: list[tuple[str, str]]
    refused_by: str = ""


class ResourceManager(Actor):
    """Owns the zone table."""

    def __init__(
        self,
        directory: Mapping[str, Mailbox],
        log: TraceLogger,
        clock: RunClock,
        zones: ZoneTable,
        expanded: ExpandedStorage,
    ) -> None:
        """Take over the zone table, and the map of expanded storage."""
        super().__init__(RESOURCE_MANAGER, directory, log, clock)
        self._zones = zones
        self._expanded = expanded
        self._sales: dict[str, _Sale] = {}
        self._states: dict[str, str] = {}  # of those that are not simply active

    @property
    def sales_under_way(self) -> tuple[str, ...]:
        """Operations whose SALE is not acknowledged by every IOP."""
        return tuple(self._sales)

    def handle(self, envelope: Envelope) -> None:
        """Checks, reservation, SALE, release, the frame."""
        message, seq = envelope.message, envelope.seq
        match message:
            case m.CheckAreas(op=op, placements=placements):
                self._check(op, placements, seq, reserve=False)
            case m.ReserveAreas(op=op, placements=placements):
                self._check(op, placements, seq, reserve=True)
            case m.ReserveExtension():
                self._extend(message, seq)
            case m.SetAddressLimits():
                self._begin_sale(message, seq)
            case m.AddressLimitSet(op=op, lpar=lpar, iop=iop):
                self._answered(op, (lpar, iop), seq, refused=False)
            case m.AddressLimitRefused(op=op, lpar=lpar, iop=iop):
                self._answered(op, (lpar, iop), seq, refused=True)
            case m.ReleaseAreas(op=op, lpars=lpars):
                self._release(op, lpars, seq)
            case m.RetireFrame(op=op, frame=frame):
                self._retire(op, frame, seq)
            case m.QueryFrame(op=op):
                seen = m.FrameReported(op, self.rows(), self._zones.retired, self._held_beside_zones())
                self.post(SERVICE_PROCESSOR, seen, seq)
            case _:
                self._come_and_go(message, seq)

    def _come_and_go(self, message: Any, cause: int | None) -> None:
        """LPARs that get a zone, and give it back."""
        match message:
            case m.LparStateChanged(lpar=lpar, state=state):
                self._states[lpar] = state
                if state == LparState.CHECK_STOPPED:
                    # From here on each of several LPARs is on its own: IPL and DEACTIVATE are for one.
                    self._zones.part(lpar)
            case m.AssignZone():
                self._assign(message, cause)
            case m.FreeZone():
                self._free(message, cause)
            case m.QueryHoldings(op=op, lpar=lpar):
                zone, beside = self._zones.zone_of(lpar), self._beside(lpar)
                self.post(LPAR_CONTROL, m.HoldingsReported(op, lpar, zone, beside), cause)
            case _:
                raise AssertionError(f"{self.name} has no use for {message!r}")

    def rows(self) -> tuple[m.FrameRow, ...]:
        """The LPAR frame: zones by origin, in frames; what is held beside a zone shows as its state."""
        rows = []
        beside = {one.lpar: one.kind for one in self._zones.holdings() if one.kind is not HoldingKind.ZONE}
        for holding in self._zones.holdings():
            if holding.kind is HoldingKind.ZONE:
                zone = holding.zone
                gap = self._zones.gap_after(holding.lpar)
                state = self._states.get(holding.lpar, LparState.ACTIVE)
                state = "moving" if holding.lpar in beside and state != LparState.CHECK_STOPPED else state
                blocks = self._expanded.area_of(holding.lpar).blocks
                rows.append(m.FrameRow(holding.lpar, zone.origin, zone.extent, gap, str(state), blocks))
        return tuple(rows)

    def _held_beside_zones(self) -> tuple[Zone, ...]:
        """What LPARs hold and is in no zone, each frame once: targets, what was vacated, what a check stop left."""
        holdings = self._zones.holdings()
        taken = [one.zone for one in holdings if one.kind is HoldingKind.ZONE]
        areas: list[Zone] = []
        for holding in holdings:
            if holding.kind is not HoldingKind.ZONE:
                areas += _without(holding.zone, [*taken, *areas])
        return tuple(sorted(areas))

    def _check(
        self, op: str, placements: tuple[m.Placement, ...], cause: int | None, *, reserve: bool
    ) -> None:
        denied = check_areas(placements, self._zones.holdings(), self._zones.retired, self._zones.frame_count)
        if denied is not None:
            taken = m.AreaTaken(op, denied.lpar, denied.reason, denied.holder, denied.frame)
            self.post(LPAR_CONTROL, taken, cause)
        elif reserve:
            self._zones.reserve_all([(one.lpar, one.zone) for one in placements])
            for one in placements:
                partners = [other.lpar for other in placements if other is not one]
                cause = self.log.emit(
                    "area.reserved", op=op, cause=cause, lpar=one.lpar, **_frames(one.zone), partners=partners
                )
            self.post(LPAR_CONTROL, m.AreasReserved(op), cause)
        else:
            self.post(LPAR_CONTROL, m.AreasFree(op), cause)

    def _assign(self, message: m.AssignZone, cause: int | None) -> None:
        """ACTIVATE: a zone, and the expanded storage that the LPAR is to have."""
        op, lpar, zones = message.op, message.lpar, self._zones
        origin = message.origin_frame
        if origin is None:
            fits = (area.origin for area in zones.free_areas() if area.extent >= message.extent)
            origin = next(fits, None)
        if origin is None:
            self.post(LPAR_CONTROL, m.AreaTaken(op, lpar, Result.NO_ROOM), cause)
            return
        zone = Zone(origin, message.extent)
        denied = check_areas((m.Placement(lpar, zone),), zones.holdings(), zones.retired, zones.frame_count)
        if denied is not None:
            taken = m.AreaTaken(op, lpar, denied.reason, denied.holder, denied.frame)
            self.post(LPAR_CONTROL, taken, cause)
            return
        zones.assign(lpar, zone)
        self._states[lpar] = LparState.NOT_LOADED
        area = self._expanded.assign(lpar, message.expanded_blocks)
        self.post(LPAR_CONTROL, m.ZoneAssigned(op, lpar, zone, area.origin), cause)

    def _free(self, message: m.FreeZone, cause: int | None) -> None:
        """Everything that the LPAR holds."""
        op, lpar = message.op, message.lpar
        zone = self._zones.zone_of(lpar)
        for freed in self._beside(lpar):
            cause = self.log.emit("area.released", op=op, cause=cause, lpar=lpar, **_frames(freed))
        self._zones.remove(lpar)
        self._expanded.release(lpar)
        self._states.pop(lpar, None)
        if message.activated:
            cause = self.log.emit("lpar.deactivated", op=op, cause=cause, lpar=lpar, **_frames(zone))
        self.post(LPAR_CONTROL, m.ZoneFreed(op, lpar), cause)

    def _beside(self, lpar: str) -> tuple[Zone, ...]:
        """What an LPAR holds outside of its zone."""
        zone = self._zones.zone_of(lpar)
        held = (one.zone for one in self._zones.holdings() if one.lpar == lpar)
        return tuple(piece for one in held for piece in one.minus(zone))

    def _extend(self, message: m.ReserveExtension, cause: int | None) -> None:
        op, lpar, zones = message.op, message.lpar, self._zones
        reached = reach(lpar, message.extent, zones.holdings(), zones.retired, zones.frame_count)
        if isinstance(reached, Denial):
            self.post(
                LPAR_CONTROL, m.AreaTaken(op, lpar, reached.reason, reached.holder, reached.frame), cause
            )
            return
        zone = zones.zone_of(lpar)
        zones.reserve_extension(lpar, reached)
        extension = Zone(zone.end, reached - zone.extent)
        cause = self.log.emit(
            "area.reserved", op=op, cause=cause, lpar=lpar, **_frames(extension), partners=[]
        )
        self.post(LPAR_CONTROL, m.ExtensionReserved(op, lpar, reached), cause)

    def _begin_sale(self, message: m.SetAddressLimits, cause: int | None) -> None:
        pairs = [(one.lpar, iop) for one in message.placements for iop in one.iops]
        sale = self._sales[message.op] = _Sale(message.placements, pairs)
        for one in message.placements:
            for iop in one.iops:
                self.post(iop, m.SetAddressLimit(message.op, one.lpar, one.zone), cause)
        if not pairs:
            self._end_sale(message.op, sale, cause)

    def _answered(self, op: str, pair: tuple[str, str], cause: int | None, *, refused: bool) -> None:
        sale = self._sales[op]
        sale.unanswered.remove(pair)
        if refused:
            sale.refused_by = sale.refused_by or pair[1]
        if not sale.unanswered:
            self._end_sale(op, sale, cause)

    def _end_sale(self, op: str, sale: _Sale, cause: int | None) -> None:
        del self._sales[op]
        if sale.refused_by:
            self.post(LPAR_CONTROL, m.AddressLimitsRefused(op, sale.refused_by), cause)
            return
        old = {one.lpar: self._zones.zone_of(one.lpar) for one in sale.placements}
        changed = [one for one in sale.placements if one.zone != old[one.lpar]]
        # The last IOP has acknowledged: this is the commit, of all in one step.
        if any(one.zone.origin != old[one.lpar].origin for one in changed):
            self._zones.commit_all([one.lpar for one in sale.placements])
            for one in sale.placements:
                cause = self.log.emit(
                    "zone.moved", op=op, cause=cause, lpar=one.lpar, **_frames(one.zone),
                    from_frame=old[one.lpar].origin,
                )  # fmt: skip
        elif changed:
            (one,) = changed
            self._zones.resize(one.lpar, one.zone.extent)
            cause = self.log.emit(
                "zone.resized", op=op, cause=cause, lpar=one.lpar, **_frames(one.zone),
                from_frames=old[one.lpar].extent,
            )  # fmt: skip
        self.post(LPAR_CONTROL, m.AddressLimitsSet(op), cause)

    def _release(self, op: str, lpars: tuple[str, ...], cause: int | None) -> None:
        zones = [self._zones.zone_of(lpar) for lpar in lpars]
        for holding in self._zones.holdings():
            if holding.lpar in lpars and holding.kind is not HoldingKind.ZONE:
                for freed in _without(holding.zone, zones):
                    cause = self.log.emit(
                        "area.released", op=op, cause=cause, lpar=holding.lpar, **_frames(freed)
                    )
        for lpar in lpars:
            self._zones.release(lpar)
        self.post(LPAR_CONTROL, m.AreasReleased(op), cause)

    def _retire(self, op: str, frame: int, cause: int | None) -> None:
        if frame in self._zones.retired:
            return
        self._zones.retire(frame)
        owner = next(
            (
                one.lpar
                for one in self._zones.holdings()
                if one.kind is HoldingKind.ZONE and frame in one.zone
            ),
            None,
        )
        cause = self.log.emit("frame.retired", op=op, cause=cause, frame=frame, lpar=owner)
        holder = "it was free" if owner is None else f"it stays in use by {owner}"
        told = m.OperatorMessaged(op, "LVM065W", message_text("LVM065W", frame=frame, holder=holder))
        self.post(SERVICE_PROCESSOR, told, cause)


def _without(zone: Zone, others: Sequence[Zone]) -> tuple[Zone, ...]:
    """What is left of a zone outside of all others."""
    pieces: tuple[Zone, ...] = (zone,)
    for other in others:
        pieces = tuple(piece for one in pieces for piece in one.minus(other))
    return pieces


def _frames(zone: Zone) -> dict[str, int]:
    return {"origin_frame": zone.origin, "extent_frames": zone.extent}
