"""Errors of step 203 and of SALE: map, IOPs and state descriptions don't agree, or an area is given away twice."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from lparvm.actors.iop import Iop
from lparvm.actors.mailbox import Envelope
from lparvm.actors.resource_manager import ResourceManager
from lparvm.arch.address import HoldingKind, Zone
from lparvm.assembly import Parts
from lparvm.protocol import messages as m
from lparvm.protocol import operations
from lparvm.protocol.actor_names import LPAR_CONTROL
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.relocation_rules import learn_cursor
from lparvm.storage.channel_view import ChannelView
from lparvm.stress.mutants.mutant import Mutant, Patch
from lparvm.stress.mutants.tables import Table, changed, parts_with

S = State


class ManagerThatSkipsSale(ResourceManager):
    """Commits without telling the IOPs."""

    def _begin_sale(self, message: m.SetAddressLimits, cause: int | None) -> None:
        silent = tuple(evolve(one, iops=()) for one in message.placements)
        super()._begin_sale(evolve(message, placements=silent), cause)


class ManagerThatForgetsAnIop(ResourceManager):
    """SALE goes to all IOPs but the last."""

    def _begin_sale(self, message: m.SetAddressLimits, cause: int | None) -> None:
        fewer = tuple(evolve(one, iops=one.iops[:-1] or one.iops) for one in message.placements)
        super()._begin_sale(evolve(message, placements=fewer), cause)


class ManagerThatHearsNoRefusal(ResourceManager):
    """Takes every answer to SALE for a yes."""

    def _answered(self, op: str, pair: tuple[str, str], cause: int | None, *, refused: bool) -> None:
        del refused
        super()._answered(op, pair, cause, refused=False)


class ManagerThatWaitsForTheFirstLpar(ResourceManager):
    """Commits an exchange when the IOPs of one LPAR have taken SALE; what the others answer is passed over."""

    def _begin_sale(self, message: m.SetAddressLimits, cause: int | None) -> None:
        super()._begin_sale(message, cause)
        sale, first = self._sales.get(message.op), message.placements[0]
        if sale is not None and first.iops:
            sale.unanswered = [pair for pair in sale.unanswered if pair[0] == first.lpar]

    def _answered(self, op: str, pair: tuple[str, str], cause: int | None, *, refused: bool) -> None:
        if op in self._sales and pair in self._sales[op].unanswered:
            super()._answered(op, pair, cause, refused=refused)


class ManagerThatReservesLate(ResourceManager):
    """Says at 203 that the target is reserved, and reserves it when SALE comes."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        """Nothing is promised yet."""
        super().__init__(*arguments, **more)
        self._promised: dict[str, tuple[m.Placement, ...]] = {}

    def _check(
        self, op: str, placements: tuple[m.Placement, ...], cause: int | None, *, reserve: bool
    ) -> None:
        super()._check(op, placements, cause, reserve=reserve)
        reserved = {one.lpar for one in self._zones.holdings() if one.kind is HoldingKind.RESERVED}
        if reserve and reserved.issuperset(one.lpar for one in placements):
            self._promised[op] = placements
            for one in placements:
                self._zones.release(one.lpar)

    def _begin_sale(self, message: m.SetAddressLimits, cause: int | None) -> None:
        promised = self._promised.get(message.op)
        if promised is not None and promised == message.placements:
            del self._promised[message.op]
            self._zones.reserve_all([(one.lpar, one.zone) for one in promised])
        super()._begin_sale(message, cause)

    def _release(self, op: str, lpars: tuple[str, ...], cause: int | None) -> None:
        promised = self._promised.pop(op, None)
        if promised is None:
            super()._release(op, lpars, cause)
            return
        for one in promised:
            for freed in one.zone.minus(self._zones.zone_of(one.lpar)):
                fields = {"origin_frame": freed.origin, "extent_frames": freed.extent}
                cause = self.log.emit("area.released", op=op, cause=cause, lpar=one.lpar, **fields)
        self.post(LPAR_CONTROL, m.AreasReleased(op), cause)


class ManagerThatKeepsReservations(ResourceManager):
    """Of a move that was backed out, the target stays reserved."""

    def _release(self, op: str, lpars: tuple[str, ...], cause: int | None) -> None:
        held = {one.lpar: one.kind for one in self._zones.holdings() if one.kind is not HoldingKind.ZONE}
        if all(held[lpar] is HoldingKind.RESERVED for lpar in lpars):
            self.post(LPAR_CONTROL, m.AreasReleased(op), cause)
        else:
            super()._release(op, lpars, cause)


class IopWithTheZoneOfEachStart(Iop):
    """A channel program goes on with the zone that its LPAR had when it began."""

    def view_of(self, start: m.StartIo) -> ChannelView:
        """With that zone."""
        zone = self.zone_of(start.lpar)
        return ChannelView(self._storage, lambda: zone, start.orb.key)


class IopWithAStaleSubchannel(Iop):
    """A device's subchannel keeps the zone of the LPAR's first start there."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        """Remember nothing yet."""
        super().__init__(*arguments, **more)
        self._first: dict[tuple[str, int], Zone] = {}

    def view_of(self, start: m.StartIo) -> ChannelView:
        """With that zone."""
        zone = self._first.setdefault((start.lpar, start.device), self.zone_of(start.lpar))
        return ChannelView(self._storage, lambda: zone, start.orb.key)


class IopThatStartsAtSale(Iop):
    """Releases what it holds when SALE comes, and not when it is told to."""

    def handle(self, envelope: Envelope) -> None:
        """As ever; after SALE the LPAR is no longer quiescing."""
        super().handle(envelope)
        message = envelope.message
        if isinstance(message, m.SetAddressLimit):
            quiescing = {lpar: op for lpar, op in self._state.quiescing.items() if lpar != message.lpar}
            self._state = evolve(self._state, quiescing=quiescing)
            # What is held begins with the next look at what waits.
            self._feed(m.DeviceFreed(None, message.lpar, -1), envelope.seq)


def _sale_before_move() -> Table:
    """CHECKING -> NOTIFYING -> MOVING -> RESTARTING."""
    table = changed(S.CHECKING, m.AreasReserved, to=S.NOTIFYING)
    table = changed(S.NOTIFYING, m.AddressLimitsSet, to=S.MOVING, table=table)
    return changed(S.MOVING, m.MoveEnded, was=S.NOTIFYING, to=S.RESTARTING, table=table, learn=learn_cursor)


def _overlaps_by_two(zone: Zone, other: Zone) -> bool:
    """`Zone.overlaps`, but for a single frame."""
    return max(zone.origin, other.origin) < min(zone.end, other.end) - 1


def _settle_nothing(_record: Relocation, lpars: Mapping[str, LparEntry]) -> Mapping[str, LparEntry]:
    """LPAR control goes on with the zones from before."""
    return lpars


_KINDS = {
    **operations.KINDS,
    Relocation: evolve(operations.KINDS[Relocation], settle=_settle_nothing),
}

MUTANTS = (
    Mutant(
        "target-not-reserved",
        "Step 203 only looks whether the target is free; it is reserved when SALE comes.",
        Parts(resource_manager=ManagerThatReservesLate),
    ),
    Mutant(
        "reservation-not-released",
        "A move that was backed out keeps its target reserved.",
        Parts(resource_manager=ManagerThatKeepsReservations),
    ),
    Mutant(
        "overlap-check-off-by-one",
        "Two areas that have one frame in common are taken to be apart.",
        patches=(Patch(Zone, "overlaps", _overlaps_by_two),),
    ),
    Mutant(
        "sale-before-move", "SALE, and the commit, come before the pages.", parts_with(_sale_before_move())
    ),
    Mutant(
        "sale-skipped",
        "The map is changed without SALE to any IOP.",
        Parts(resource_manager=ManagerThatSkipsSale),
    ),
    Mutant(
        "sale-to-one-iop-only",
        "Of several IOPs the last gets no SALE.",
        Parts(resource_manager=ManagerThatForgetsAnIop),
    ),
    Mutant(
        "refused-sale-ignored",
        "An IOP that refuses SALE is taken to have accepted it.",
        Parts(resource_manager=ManagerThatHearsNoRefusal),
    ),
    Mutant(
        "back-out-keeps-new-sale",
        "When an IOP has refused SALE, those that took it are not told the old zone again.",
        parts_with(changed(S.MOVING_BACK, m.MoveEnded, to=S.RETURNING)),
    ),
    Mutant(
        "exchange-commits-one-lpar-first",
        "An exchange is committed when the IOPs of one of the LPARs have taken SALE.",
        Parts(resource_manager=ManagerThatWaitsForTheFirstLpar),
    ),
    Mutant(
        "zone-not-noted",
        "LPAR control goes on with the zone that an LPAR had before its move.",
        patches=(Patch(operations, "KINDS", _KINDS),),
    ),
    Mutant(
        "stale-iop-zone-cached-per-start",
        "A channel program that is suspended over a move goes on in the old zone.",
        Parts(iop=IopWithTheZoneOfEachStart),
    ),
    Mutant(
        "stale-iop-zone-in-subchannel",
        "A subchannel keeps the zone of its first start.",
        Parts(iop=IopWithAStaleSubchannel),
    ),
    Mutant(
        "held-start-begun-at-sale",
        "An IOP begins what it holds when SALE comes: before the guest has its zone, and before the others' SALE.",
        Parts(iop=IopThatStartsAtSale),
    ),
)
