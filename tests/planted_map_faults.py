"""Parts that lose track of frames or of commands: each is something that random commands must find."""

from attrs import evolve

from lparvm.actors.resource_manager import ResourceManager
from lparvm.arch.address import HoldingKind
from lparvm.protocol import messages as m
from lparvm.protocol import operations
from lparvm.protocol import orders as o
from lparvm.protocol.actor_names import LPAR_CONTROL
from lparvm.protocol.phases import State
from lparvm.protocol.results import Result


class ManagerThatKeepsWhatWasVacated(ResourceManager):
    """Says that it released frames, and does not."""

    def _release(self, op, lpars, cause):
        del lpars
        self.post(LPAR_CONTROL, m.AreasReleased(op), cause)


class ManagerThatLosesAFrame(ResourceManager):
    """Of what a zone gives up at its end, one frame never comes back."""

    def _release(self, op, lpars, cause):
        zones = [self._zones.zone_of(lpar) for lpar in lpars]
        beside = [one.zone.origin for one in self._zones.holdings() if one.kind is HoldingKind.VACATED]
        super()._release(op, lpars, cause)
        for zone in zones:
            if zone.end in beside:
                self._zones.retire(zone.end)


class ManagerThatSwapsOrigins(ResourceManager):
    """Tells the IOPs of an exchange that each LPAR begins where the other one did, whatever their sizes are."""

    def _begin_sale(self, message, cause):
        if len(message.placements) == 2:
            one, two = message.placements
            origins = [self._zones.zone_of(other.lpar).origin for other in (two, one)]
            if one.zone.origin != self._zones.zone_of(one.lpar).origin:
                placements = [
                    evolve(placement, zone=evolve(placement.zone, origin=origin))
                    for placement, origin in zip(message.placements, origins, strict=True)
                ]
                message = evolve(message, placements=tuple(placements))
        super()._begin_sale(message, cause)


def advance_and_forget_cancels(record, event):
    """A CANCEL is answered as if it had come in time, and nothing is cancelled."""
    if isinstance(event, m.CancelOperation) and record.state is State.MOVING:
        return record, (o.AnswerCancel(event.op, Result.COMPLETED),)
    return operations.advance(record, event)
