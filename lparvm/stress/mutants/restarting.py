"""Errors of step 210: SIE comes too early, twice, to some LIPs only, or with the zone that was."""

from typing import Any

from attrs import evolve

from lparvm.actors.lip import GuestProcessor, Lip, Status
from lparvm.actors.lip_control import LipControl
from lparvm.assembly import Parts
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation, standstill
from lparvm.protocol import relocation_rules as rules
from lparvm.protocol.actor_names import lip_control_of
from lparvm.protocol.engine import Row
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation
from lparvm.stress.mutants.mutant import Mutant
from lparvm.stress.mutants.tables import Commands, parts_with

S = State


class LipWithAStaleZoneWhereItIsShared(Lip):
    """Serves several LPARs, and leaves the old zone in the state description of the one that moved."""

    def _start(
        self, processor: GuestProcessor, message: m.StartInterpretiveExecution, cause: int | None
    ) -> None:
        before = processor.state.zone
        super()._start(processor, message, cause)
        if len(self.processors) > 1 and message.op is not None:
            processor.state.zone = before


class LipWithAStaleZoneOfAWaitingGuest(Lip):
    """Loads the state description of a guest processor only when it has something to run."""

    def _start(
        self, processor: GuestProcessor, message: m.StartInterpretiveExecution, cause: int | None
    ) -> None:
        before = processor.state.zone
        super()._start(processor, message, cause)
        if processor.status is Status.INTERCEPTED:
            processor.state.zone = before


class LipThatOnlyAcknowledges(Lip):
    """The guest's further processors answer SIE, and stay where they are."""

    def _start(
        self, processor: GuestProcessor, message: m.StartInterpretiveExecution, cause: int | None
    ) -> None:
        further = processor.state.cpu_address > 0 and message.op is not None
        super()._start(processor, evolve(message, run=message.run and not further), cause)


class LipControlThatForgetsALip(LipControl):
    """The last of several LIPs gets no SIE after a move."""

    def post(self, to: str, message: Any, cause: int | None) -> int | None:
        """Send all but that."""
        lips = self._control.lips
        is_sie = isinstance(message, m.StartInterpretiveExecution) and message.op is not None
        if is_sie and len(lips) > 1 and to == lips[-1]:
            return cause
        return super().post(to, message, cause)


class LipControlThatStartsTwice(LipControl):
    """The first LIP gets two SIEs after a move."""

    def post(self, to: str, message: Any, cause: int | None) -> int | None:
        """Send that one twice."""
        is_sie = isinstance(message, m.StartInterpretiveExecution) and message.op is not None
        if is_sie and to == self._control.lips[0]:
            super().post(to, message, cause)
        return super().post(to, message, cause)


def _restart_at_target(record: Relocation, _event: object) -> Commands:
    """210, whatever is done and not."""
    return tuple(
        o.Post(lip_control_of(one.lpar), m.RestartGuest(record.op, one.lpar, one.target))
        for one in record.parties
    )


MUTANTS = (
    Mutant(
        "restart-before-sale",
        "The LIPs start the guest at the target while SALE is still under way.",
        parts_with(
            (*relocation.TABLE, Row(S.NOTIFYING, m.GuestRestarted, None, learn=standstill.learn_standings)),
            entry={S.NOTIFYING: (*relocation.ENTRY[S.NOTIFYING], _restart_at_target), S.RESTARTING: ()},
        ),
    ),
    Mutant(
        "restart-while-moving",
        "The LIPs start the guest, at the source, when the mover begins.",
        parts_with(
            (*relocation.TABLE, Row(S.MOVING, m.GuestRestarted, None)),
            entry={S.MOVING: (rules.begin_move, rules.restart)},
        ),
    ),
    Mutant(
        "restart-twice",
        "The first LIP gets SIE twice, and LIP control counts it once.",
        Parts(lip_control=LipControlThatStartsTwice),
    ),
    Mutant(
        "lost-restart",
        "The last of several LIPs never gets SIE.",
        Parts(lip_control=LipControlThatForgetsALip),
    ),
    Mutant(
        "restart-only-acknowledged",
        "All LIPs but the first answer SIE without running the guest.",
        Parts(lip=LipThatOnlyAcknowledges),
    ),
    Mutant(
        "stale-origin-in-shared-lip",
        "The state description on a LIP that serves several LPARs keeps the old zone.",
        Parts(lip=LipWithAStaleZoneWhereItIsShared),
    ),
    Mutant(
        "stale-origin-of-waiting-guest",
        "The state description of a guest processor that waits keeps the old zone.",
        Parts(lip=LipWithAStaleZoneOfAWaitingGuest),
    ),
)
