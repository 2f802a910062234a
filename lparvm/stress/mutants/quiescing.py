"""Errors of step 202: an IOP is taken to be out of operation while it is not."""

from attrs import evolve

from lparvm.actors.iop import Iop
from lparvm.actors.mailbox import Envelope
from lparvm.assembly import Parts
from lparvm.protocol import io_orders as io
from lparvm.protocol import io_processor
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL
from lparvm.protocol.io_processor import IoProcessor
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation
from lparvm.storage.channel_view import ChannelView
from lparvm.stress.mutants.mutant import Mutant, Patch
from lparvm.stress.mutants.tables import changed, parts_with

S = State


class IopThatDoesNotQuiesce(Iop):
    """Says at once that nothing is active, and holds nothing."""

    def handle(self, envelope: Envelope) -> None:
        """As ever, but for QUIESCE."""
        message = envelope.message
        if not isinstance(message, m.QuiesceIop):
            super().handle(envelope)
            return
        op, lpar = message.op, message.lpar
        cause = self.log.emit("iop.quiesced", op=op, cause=envelope.seq, lpar=lpar, iop=self.name)
        self.post(LPAR_CONTROL, m.IopQuiesced(op, lpar, self.name), cause)


def _first_iops_only(record: Relocation) -> Relocation:
    """Of each LPAR's IOPs the first is told, and waited for."""
    pairs = tuple(party.pairs[0] for party in record.parties if party.pairs)
    return evolve(record, busy_iops=pairs, unanswered_iops=pairs, holding=bool(pairs))


def _quiet_at_any_ending(state: IoProcessor, lpar: str) -> tuple[io.Order, ...]:
    """`io_processor._quiet`, without a look at what else is active."""
    operation = None if lpar in state.abandoned else state.quiescing.get(lpar)
    return () if operation is None else (io.ReportQuiesced(operation, lpar),)


def _resume_at_once(
    state: IoProcessor, event: m.ResumeIo | m.HaltIo | m.ClearIo
) -> tuple[IoProcessor, tuple[io.Order, ...]]:
    """`io_processor._control`, where what is quiescing holds no RESUME."""
    if not isinstance(event, m.ResumeIo):
        return _control(state, event)
    after, orders = _control(evolve(state, quiescing={}), event)
    return evolve(after, quiescing=state.quiescing), orders


_control = io_processor._control

MUTANTS = (
    Mutant(
        "skip-quiesce",
        "An IOP says at once that no I/O is active, and goes on.",
        Parts(iop=IopThatDoesNotQuiesce),
    ),
    Mutant(
        "quiesce-one-iop-only",
        "Of several IOPs only the first is told to go out of operation.",
        parts_with(prepare={S.QUIESCING: _first_iops_only}),
    ),
    Mutant(
        "quiesced-at-first-ending",
        "An IOP with several active devices reports itself quiesced when the first of them ends.",
        patches=(Patch(io_processor, "_quiet", _quiet_at_any_ending),),
    ),
    Mutant(
        "resume-not-held",
        "A suspended channel program is resumed although its LPAR is quiescing.",
        patches=(Patch(io_processor, "_control", _resume_at_once),),
        rare="With mailboxes that keep their order a RESUME can meet a quiescing IOP only between the SIE of one LIP "
        "and that of the last; the state space with messages in order by sender alone, `pairwise-suspend`, finds it.",
    ),
    Mutant(
        "quiesce-timeout-taken-for-quiet",
        "When QUIESCE= is over, the move goes on although devices are busy.",
        parts_with(changed(S.OVERDUE, None, was=S.RESTORING_LIMITS, to=S.CHECKING, result=None)),
    ),
    Mutant(
        "halt-forgotten",
        "With BUSY=HALT neither are devices told to end, nor is the time measured in which they must.",
        parts_with(entry={S.HALTING: ()}),
    ),
    Mutant(
        "clear-forgotten",
        "With BUSY=HALT the move goes on without clearing the devices that did not end when they were told to.",
        parts_with(changed(S.HALTING, m.HaltTimedOut, to=S.CHECKING)),
    ),
    Mutant(
        "given-up-transfer-goes-on",
        "The accesses of a channel program that was given up are not refused.",
        patches=(Patch(ChannelView, "revoke", lambda _view: None),),
    ),
)
