"""The relocation of one LPAR, or of two that exchange their areas, as a pure machine.

Patent Fig. 2, steps 201 to 211; claims 7 and 14.

Contract: *each guest ends operating, at its target with every byte and key moved, or at its source as if
nothing had happened*, and of an exchange both or neither. There is no third outcome, save one: an IOP that
refuses the old address limits again and again leaves its LPARs check-stopped, and the result says so.

How to read this file. `TABLE` has every transition as one row; the rows from STOPPING to CHECKING are those of
`standstill`. `ENTRY` says what is ordered on entering a state. `IGNORED` has the events that may cross with a
change of state and mean nothing any more. What happens if I/O never quiesces? Look for `QuiesceTimedOut`.

The way back has one column: MOVING_BACK (if pages are across) -> RESTORING_LIMITS (if IOPs hold starts)
-> RETURNING -> and from there the same tail as the way forth: RESUMING_IO -> VACATING -> RELEASING -> REPORTED.
"""

from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation_rules as rules
from lparvm.protocol import reporting, standstill
from lparvm.protocol.engine import Action, Machine, Row
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import Result

S, R = State, Result

ENTRY: dict[State, tuple[Action, ...]] = {
    **standstill.ENTRY,
    S.ASKED: (rules.check_areas,),
    S.PREPARING: (rules.predict, rules.prepare_targets),
    S.CHECKING: (rules.reserve,),
    S.MOVING: (rules.begin_move,),
    S.INTERRUPTING: (rules.interrupt_move,),
    S.NOTIFYING: (rules.set_limits,),
    S.RESTARTING: (rules.restart,),
    S.MOVING_BACK: (rules.move_back,),
    S.RESTORING_LIMITS: (rules.set_limits,),
    S.RETURNING: (rules.restart,),
    S.VACATING: (rules.poison,),
    S.RELEASING: (rules.release,),
    S.REPORTED: (reporting.report,),
}

TABLE: tuple[Row, ...] = (
    # Early check: what can't work is refused before the guest is touched.
    Row(S.ASKED, m.AreasFree, S.REPORTED, when=rules.only_tests, result=R.COMPLETED, do=(rules.predict,)),
    Row(S.ASKED, m.AreasFree, S.PREPARING),
    *(Row(S.ASKED, m.AreaTaken, S.REPORTED, when=rules.because(reason), result=reason, learn=rules.learn_denial)
      for reason in rules.EARLY_REASONS),
    Row(S.ASKED, m.AreaTaken, S.REPORTED, when=rules.exchanges, result=R.ZONE_IN_THE_WAY, learn=rules.learn_denial),
    Row(S.ASKED, m.AreaTaken, S.REPORTED, result=R.TARGET_OCCUPIED, learn=rules.learn_denial),
    Row(S.PREPARING, m.TargetPrepared, S.STOPPING),
    # 201 and 202.
    *standstill.rows(S.CHECKING),
    # 203: the check that counts, with reservation.
    Row(S.CHECKING, m.AreasReserved, S.MOVING, learn=rules.learn_reserved),
    *(Row(S.CHECKING, m.AreaTaken, S.RESTORING_LIMITS, when=rules.because(reason), result=reason,
          learn=rules.learn_denial) for reason in (R.TARGET_FAULTY, R.ZONE_FAULTY)),
    Row(S.CHECKING, m.AreaTaken, S.RESTORING_LIMITS, result=R.TARGET_TAKEN, learn=rules.learn_denial),
    # 204 to 209.
    Row(S.MOVING, m.ChunkMoved, None, learn=rules.learn_cursor),
    Row(S.MOVING, m.MoveEnded, S.MOVING_BACK, when=rules.faulty, result=R.STORAGE_FAULT, learn=rules.learn_cursor,
        do=(rules.retire_frame,)),
    Row(S.MOVING, m.MoveEnded, S.MOVING_BACK, when=rules.failed, result=R.MOVE_FAILED, learn=rules.learn_cursor),
    Row(S.MOVING, m.MoveEnded, S.NOTIFYING, learn=rules.learn_cursor),
    # SALE: the last IOP's acknowledgement is the commit.
    Row(S.NOTIFYING, m.AddressLimitsSet, S.RESTARTING, learn=rules.learn_committed),
    Row(S.NOTIFYING, m.AddressLimitsRefused, S.MOVING_BACK, result=R.SALE_REFUSED, learn=rules.learn_refusal),
    # 210: SIE with the new origin; then held starts begin, vacated frames are poisoned and freed.
    Row(S.RESTARTING, m.GuestRestarted, None, learn=standstill.learn_standings),
    Row(S.RESTARTING, None, S.RESUMING_IO, when=standstill.all_restarted, result=R.COMPLETED),
    # CANCEL, at any time before NOTIFYING.
    Row(S.ASKED, m.CancelOperation, S.WITHDRAWING, result=R.CANCELLED, learn=reporting.learn_cancel),
    Row(S.PREPARING, m.CancelOperation, S.WITHDRAWING, result=R.CANCELLED, learn=reporting.learn_cancel),
    Row(S.CHECKING, m.CancelOperation, S.CHECKING_IN_VAIN, result=R.CANCELLED, learn=reporting.learn_cancel),
    Row(S.MOVING, m.CancelOperation, S.INTERRUPTING, result=R.CANCELLED, learn=reporting.learn_cancel),
    Row(S.WITHDRAWING, m.AreasFree, S.REPORTED),
    Row(S.WITHDRAWING, m.AreaTaken, S.REPORTED),
    Row(S.WITHDRAWING, m.TargetPrepared, S.REPORTED),
    Row(S.CHECKING_IN_VAIN, m.AreasReserved, S.RESTORING_LIMITS, learn=rules.learn_reserved),
    Row(S.CHECKING_IN_VAIN, m.AreaTaken, S.RESTORING_LIMITS),
    Row(S.INTERRUPTING, m.ChunkMoved, None, learn=rules.learn_cursor),
    Row(S.INTERRUPTING, m.MoveEnded, S.MOVING_BACK, when=rules.faulty, learn=rules.learn_cursor,
        do=(rules.retire_frame,)),
    Row(S.INTERRUPTING, m.MoveEnded, S.MOVING_BACK, learn=rules.learn_cursor),
    # The way back. The mover takes no machine check there: what a faulty frame held, it holds again.
    Row(S.MOVING_BACK, m.ChunkMoved, None, learn=rules.learn_cursor),
    Row(S.MOVING_BACK, m.MoveEnded, S.RESTORING_LIMITS, learn=rules.learn_cursor),
    Row(S.RESTORING_LIMITS, m.AddressLimitsSet, S.RETURNING),
    Row(S.RESTORING_LIMITS, m.AddressLimitsRefused, S.RESTORING_LIMITS, when=reporting.sale_may_be_repeated,
        learn=rules.learn_refusal),
    Row(S.RESTORING_LIMITS, m.AddressLimitsRefused, S.REPORTED, result=R.CHECK_STOPPED,
        learn=rules.learn_refusal, overrules=tuple(R)),
    Row(S.RETURNING, m.GuestRestarted, None, learn=standstill.learn_standings),
    Row(S.RETURNING, None, S.RESUMING_IO, when=standstill.all_restarted),
    # The tail, the same for both ways.
    Row(S.RESUMING_IO, m.HeldStartsReleased, None, learn=standstill.learn_iop_resumed),
    Row(S.RESUMING_IO, None, S.REPORTED, when=rules.all_quiet_and_nothing_held),
    Row(S.RESUMING_IO, None, S.VACATING, when=standstill.all_quiet),
    Row(S.VACATING, m.FramesPoisoned, S.RELEASING),
    Row(S.RELEASING, m.AreasReleased, S.REPORTED),
    # CANCEL too late, or on the way back already.
    *(Row(state, m.CancelOperation, None, do=(reporting.deny_cancel,)) for state in (
        S.WITHDRAWING, S.CLEARING_IN_VAIN, S.CHECKING_IN_VAIN, S.INTERRUPTING, S.NOTIFYING, S.RESTARTING,
        S.MOVING_BACK, S.RESTORING_LIMITS, S.RETURNING, S.RESUMING_IO, S.VACATING, S.RELEASING,
    )),
)  # fmt: skip

IGNORED = standstill.crossings(
    after=(
        S.CHECKING, S.CHECKING_IN_VAIN, S.MOVING, S.INTERRUPTING, S.NOTIFYING, S.RESTARTING, S.MOVING_BACK,
        S.RESTORING_LIMITS, S.RETURNING, S.RESUMING_IO,
    ),
    tail=(S.VACATING, S.RELEASING),
)  # fmt: skip

MACHINE: Machine[Relocation] = Machine(TABLE, entry=ENTRY, prepare=standstill.PREPARE, ignored=IGNORED)


def enter(relocation: Relocation) -> tuple[Relocation, tuple[o.Command, ...]]:
    """Begin: what is ordered on entering the first state."""
    return MACHINE.enter(relocation)


def advance(relocation: Relocation, event: object) -> tuple[Relocation, tuple[o.Command, ...]]:
    """The next state, and what to order, after an event; see `engine.Machine.advance`."""
    return MACHINE.advance(relocation, event)
