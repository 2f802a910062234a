"""The resource manager: the map of main storage, and SALE to the IOPs (numeral 8, step 203)."""

from collections.abc import Mapping

from attrs import define

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import HoldingKind, Zone
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR
from lparvm.protocol.admission import check_area
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.zones import ZoneTable
from lparvm.trace.writer import TraceLogger


@define
class _Sale:
    """SALE under way for one operation: which IOPs have not answered, and the first that refused."""

    zone: Zone
    unanswered: tuple[str, ...]
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
        self._expanded = dict(expanded.areas())
        self._sales: dict[str, _Sale] = {}
        self._check_stopped: set[str] = set()

    def handle(self, envelope: Envelope) -> None:
        """Checks, reservation, SALE, release, the frame."""
        message, seq = envelope.message, envelope.seq
        match message:
            case m.CheckArea(op=op, lpar=lpar, target=target):
                self._check(op, lpar, target, seq, reserve=False)
            case m.ReserveArea(op=op, lpar=lpar, target=target):
                self._check(op, lpar, target, seq, reserve=True)
            case m.SetAddressLimits():
                self._begin_sale(message, seq)
            case m.AddressLimitSet(op=op, lpar=lpar, iop=iop):
                self._answered(op, lpar, iop, seq, refused=False)
            case m.AddressLimitRefused(op=op, lpar=lpar, iop=iop):
                self._answered(op, lpar, iop, seq, refused=True)
            case m.ReleaseArea(op=op, lpar=lpar):
                self._release(op, lpar, seq)
            case m.LparCheckStopped(lpar=lpar):
                self._check_stopped.add(lpar)
            case m.QueryFrame(op=op):
                self.post(SERVICE_PROCESSOR, m.FrameReported(op, self.rows()), seq)
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
                state = "moving" if holding.lpar in beside else "active"
                state = "check-stopped" if holding.lpar in self._check_stopped else state
                area = self._expanded.get(holding.lpar)
                blocks = area.blocks if area else 0
                rows.append(m.FrameRow(holding.lpar, zone.origin, zone.extent, gap, state, blocks))
        return tuple(rows)

    def _check(self, op: str, lpar: str, target: Zone, cause: int | None, *, reserve: bool) -> None:
        denied = check_area(self._zones.holdings(), lpar, target, self._zones.frame_count)
        if denied is not None:
            self.post(LPAR_CONTROL, m.AreaTaken(op, lpar, denied.holder), cause)
        elif reserve:
            self._zones.reserve(lpar, target)
            cause = self.log.emit("area.reserved", op=op, cause=cause, lpar=lpar, **_frames(target))
            self.post(LPAR_CONTROL, m.AreaReserved(op, lpar), cause)
        else:
            self.post(LPAR_CONTROL, m.AreaFree(op, lpar), cause)

    def _begin_sale(self, message: m.SetAddressLimits, cause: int | None) -> None:
        sale = self._sales[message.op] = _Sale(message.zone, message.iops)
        for iop in message.iops:
            self.post(iop, m.SetAddressLimit(message.op, message.lpar, message.zone), cause)
        if not message.iops:
            self._end_sale(message.op, message.lpar, sale, cause)

    def _answered(self, op: str, lpar: str, iop: str, cause: int | None, *, refused: bool) -> None:
        sale = self._sales[op]
        sale.unanswered = tuple(name for name in sale.unanswered if name != iop)
        if refused:
            sale.refused_by = sale.refused_by or iop
        if not sale.unanswered:
            self._end_sale(op, lpar, sale, cause)

    def _end_sale(self, op: str, lpar: str, sale: _Sale, cause: int | None) -> None:
        del self._sales[op]
        if sale.refused_by:
            self.post(LPAR_CONTROL, m.AddressLimitsRefused(op, lpar, sale.refused_by), cause)
            return
        old = self._zones.zone_of(lpar)
        if sale.zone != old:
            # The last IOP has acknowledged: this is the commit.
            self._zones.commit(lpar)
            cause = self.log.emit(
                "zone.moved", op=op, cause=cause, lpar=lpar, **_frames(sale.zone), from_frame=old.origin
            )
        self.post(LPAR_CONTROL, m.AddressLimitsSet(op, lpar), cause)

    def _release(self, op: str, lpar: str, cause: int | None) -> None:
        zone = self._zones.zone_of(lpar)
        for holding in self._zones.holdings():
            if holding.lpar == lpar and holding.kind is not HoldingKind.ZONE:
                for freed in holding.zone.minus(zone):
                    cause = self.log.emit("area.released", op=op, cause=cause, lpar=lpar, **_frames(freed))
        self._zones.release(lpar)
        self.post(LPAR_CONTROL, m.AreaReleased(op, lpar), cause)


def _frames(zone: Zone) -> dict[str, int]:
    return {"origin_frame": zone.origin, "extent_frames": zone.extent}
