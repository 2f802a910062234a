"""The relocation of one LPAR, as a pure machine (patent Fig. 2, steps 201 to 211).

Contract: *the guest ends operating, at the target with every byte and key moved, or at the source as if
nothing had happened.* There is no third outcome, save one: two storage faults, one on the way there and one
on the way back, leave the LPAR check-stopped, and the result says so.

How to read this file. `TABLE` has every transition as one row: in which state, on which event, under which
condition, to which state, with which result. `ENTRY` says what is ordered on entering a state. `IGNORED` has
the events that may cross with a change of state and mean nothing any more. What stands in none of them is a
breach of protocol: `advance` raises and changes nothing. What happens if I/O never quiesces? Look for
`QuiesceTimedOut`.

The way back has one column: MOVING_BACK (if pages are across) -> RESTORING_LIMITS (if IOPs hold starts)
-> RETURNING -> and from there the same tail as the way forth: RESUMING_IO -> VACATING -> RELEASING -> REPORTED.
"""

from collections.abc import Callable

from attrs import evolve, frozen

from lparvm.errors import ProtocolError
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation_rules as rules
from lparvm.protocol.phases import STEPS, Phase, State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import Result


@frozen
class Row:
    """One transition. `event` None: taken at once when the condition holds. `to` None: the state stays."""

    state: State
    event: type | None
    to: State | None
    when: rules.Condition = rules.always
    result: Result | None = None
    learn: rules.Learn = rules.same
    do: tuple[rules.Action, ...] = ()
    overrules: tuple[Result, ...] = ()


ENTRY: dict[State, tuple[rules.Action, ...]] = {
    State.ASKED: (rules.check_area,),
    State.PREPARING: (rules.prepare_target,),
    State.STOPPING: (rules.stop_guest,),
    State.QUIESCING: (rules.start_quiesce_timer, rules.to_iops(m.QuiesceIop)),
    State.OVERDUE: (rules.ask_busy,),
    State.WAITING_ON: (rules.start_reminder_timer,),
    State.REMINDING: (rules.ask_busy,),
    State.HALTING: (rules.to_iops(m.HaltBusyDevices), rules.start_halt_timer),
    State.CLEARING: (rules.clear_busy,),
    State.CHECKING: (rules.reserve,),
    State.MOVING: (rules.begin_move,),
    State.INTERRUPTING: (rules.interrupt_move,),
    State.NOTIFYING: (rules.set_limits,),
    State.RESTARTING: (rules.restart,),
    State.MOVING_BACK: (rules.move_back,),
    State.RESTORING_LIMITS: (rules.set_limits,),
    State.RETURNING: (rules.restart,),
    State.RESUMING_IO: (rules.to_iops(m.ReleaseHeldStarts),),
    State.VACATING: (rules.poison,),
    State.RELEASING: (rules.release,),
    State.REPORTED: (rules.report,),
}


def _all_iops(relocation: Relocation) -> Relocation:
    iops = relocation.iops
    return evolve(relocation, busy_iops=iops, unanswered_iops=iops, holding=bool(iops))


def _next_question(relocation: Relocation) -> Relocation:
    return evolve(
        relocation, attempt=relocation.attempt + 1, unanswered_iops=relocation.busy_iops, still_busy=()
    )


def _halt_all(relocation: Relocation) -> Relocation:
    return evolve(relocation, halted=relocation.still_busy)


def _resume_held(relocation: Relocation) -> Relocation:
    return evolve(relocation, busy_iops=relocation.iops if relocation.holding else ())


# What a state changes in the record on entry, before it orders anything.
_PREPARE: dict[State, Callable[[Relocation], Relocation]] = {
    State.QUIESCING: _all_iops,
    State.OVERDUE: _next_question,
    State.REMINDING: _next_question,
    State.HALTING: _halt_all,
    State.CLEARING: _next_question,
    State.RESUMING_IO: _resume_held,
}

S, R = State, Result
TABLE: tuple[Row, ...] = (
    # Early check: what can't work is refused before the guest is touched.
    Row(S.ASKED, m.AreaFree, S.PREPARING),
    Row(S.ASKED, m.AreaTaken, S.REPORTED, when=rules.past_the_end, result=R.OUTSIDE_STORAGE),
    Row(S.ASKED, m.AreaTaken, S.REPORTED, result=R.TARGET_OCCUPIED, learn=rules.learn_holder),
    Row(S.PREPARING, m.TargetPrepared, S.STOPPING),
    # 201: every LIP must acknowledge within STOP=, else the others restart.
    Row(S.STOPPING, m.GuestStopped, S.QUIESCING),
    Row(S.STOPPING, m.StopTimedOut, S.RETURNING, result=R.STOP_TIMED_OUT),
    # 202: every IOP must go out of operation within QUIESCE=.
    Row(S.QUIESCING, None, S.CHECKING, when=rules.all_quiet),
    Row(S.QUIESCING, m.IopQuiesced, None, learn=rules.learn_iop_quiet),
    Row(S.QUIESCING, m.IopBusy, None, learn=rules.learn_busy),
    Row(S.QUIESCING, m.QuiesceTimedOut, S.OVERDUE),
    Row(S.QUIESCING, None, S.WAITING, when=rules.all_answered, do=(rules.name_busy,)),
    Row(S.WAITING, None, S.CHECKING, when=rules.all_quiet),
    Row(S.WAITING, m.IopQuiesced, None, learn=rules.learn_iop_quiet),
    Row(S.WAITING, m.QuiesceTimedOut, S.OVERDUE),
    # ... and when the time is over, what is still busy is asked for once more. I/O that ended on the last
    # stroke counts as ended.
    Row(S.OVERDUE, None, S.CHECKING, when=rules.all_quiet),
    Row(S.OVERDUE, m.IopQuiesced, None, learn=rules.learn_iop_quiet),
    Row(S.OVERDUE, m.IopBusy, None, learn=rules.learn_busy),
    Row(S.OVERDUE, None, S.WAITING_ON, when=rules.all_answered_and_busy_is_wait, do=(rules.name_busy,)),
    Row(S.OVERDUE, None, S.HALTING, when=rules.all_answered_and_busy_is_halt,
        do=(rules.name_busy, rules.name_halting)),
    Row(S.OVERDUE, None, S.RESTORING_LIMITS, when=rules.all_answered, result=R.QUIESCE_TIMED_OUT,
        do=(rules.name_busy,)),
    # BUSY=WAIT: until the last device ends, or CANCEL comes; now and then the operator is told what is busy.
    Row(S.WAITING_ON, None, S.CHECKING, when=rules.all_quiet),
    Row(S.WAITING_ON, m.IopQuiesced, None, learn=rules.learn_iop_quiet),
    Row(S.WAITING_ON, m.BusyReminderDue, S.REMINDING),
    Row(S.REMINDING, None, S.CHECKING, when=rules.all_quiet),
    Row(S.REMINDING, m.IopQuiesced, None, learn=rules.learn_iop_quiet),
    Row(S.REMINDING, m.IopBusy, None, learn=rules.learn_busy),
    Row(S.REMINDING, None, S.WAITING_ON, when=rules.all_answered, do=(rules.remind_busy,)),
    # BUSY=HALT: devices are told to end; those that don't within the grace are given up.
    Row(S.HALTING, None, S.CHECKING, when=rules.all_quiet, do=(rules.name_halted,)),
    Row(S.HALTING, m.IopQuiesced, None, learn=rules.learn_iop_quiet),
    Row(S.HALTING, m.HaltTimedOut, S.CLEARING),
    Row(S.CLEARING, None, S.CHECKING, when=rules.all_quiet, do=(rules.name_halted, rules.name_cleared)),
    Row(S.CLEARING, m.IopQuiesced, None, learn=rules.learn_iop_quiet),
    Row(S.CLEARING, m.IopBusy, None, learn=rules.learn_cleared),
    # 203: the check that counts, with reservation.
    Row(S.CHECKING, m.AreaReserved, S.MOVING, learn=rules.learn_reserved),
    Row(S.CHECKING, m.AreaTaken, S.RESTORING_LIMITS, result=R.TARGET_TAKEN, learn=rules.learn_holder),
    # 204 to 209.
    Row(S.MOVING, m.ChunkMoved, None, learn=rules.learn_cursor),
    Row(S.MOVING, m.MoveEnded, S.MOVING_BACK, when=rules.faulty, result=R.STORAGE_FAULT, learn=rules.learn_cursor),
    Row(S.MOVING, m.MoveEnded, S.NOTIFYING, learn=rules.learn_cursor),
    # SALE: the last IOP's acknowledgement is the commit.
    Row(S.NOTIFYING, m.AddressLimitsSet, S.RESTARTING, learn=rules.learn_committed),
    Row(S.NOTIFYING, m.AddressLimitsRefused, S.MOVING_BACK, result=R.SALE_REFUSED, learn=rules.learn_refusal),
    # 210: SIE with the new origin; then held starts begin, vacated frames are poisoned and freed.
    Row(S.RESTARTING, m.GuestRestarted, S.RESUMING_IO, result=R.COMPLETED, learn=rules.learn_standings),
    # CANCEL, at any time before NOTIFYING.
    Row(S.ASKED, m.CancelOperation, S.WITHDRAWING, result=R.CANCELLED, learn=rules.learn_cancel),
    Row(S.PREPARING, m.CancelOperation, S.WITHDRAWING, result=R.CANCELLED, learn=rules.learn_cancel),
    Row(S.STOPPING, m.CancelOperation, S.RETURNING, result=R.CANCELLED, learn=rules.learn_cancel),
    *(Row(state, m.CancelOperation, S.RESTORING_LIMITS, result=R.CANCELLED, learn=rules.learn_cancel) for state in (
        S.QUIESCING, S.WAITING, S.OVERDUE, S.WAITING_ON, S.REMINDING, S.HALTING,
    )),
    Row(S.CLEARING, m.CancelOperation, S.CLEARING_IN_VAIN, result=R.CANCELLED, learn=rules.learn_cancel),
    Row(S.CHECKING, m.CancelOperation, S.CHECKING_IN_VAIN, result=R.CANCELLED, learn=rules.learn_cancel),
    Row(S.MOVING, m.CancelOperation, S.INTERRUPTING, result=R.CANCELLED, learn=rules.learn_cancel),
    Row(S.WITHDRAWING, m.AreaFree, S.REPORTED),
    Row(S.WITHDRAWING, m.AreaTaken, S.REPORTED),
    Row(S.WITHDRAWING, m.TargetPrepared, S.REPORTED),
    Row(S.CLEARING_IN_VAIN, None, S.RESTORING_LIMITS, when=rules.all_quiet,
        do=(rules.name_halted, rules.name_cleared)),
    Row(S.CLEARING_IN_VAIN, m.IopQuiesced, None, learn=rules.learn_iop_quiet),
    Row(S.CLEARING_IN_VAIN, m.IopBusy, None, learn=rules.learn_cleared),
    Row(S.CHECKING_IN_VAIN, m.AreaReserved, S.RESTORING_LIMITS, learn=rules.learn_reserved),
    Row(S.CHECKING_IN_VAIN, m.AreaTaken, S.RESTORING_LIMITS),
    Row(S.INTERRUPTING, m.ChunkMoved, None, learn=rules.learn_cursor),
    Row(S.INTERRUPTING, m.MoveEnded, S.MOVING_BACK, learn=rules.learn_cursor),
    # The way back.
    Row(S.MOVING_BACK, m.ChunkMoved, None, learn=rules.learn_cursor),
    Row(S.MOVING_BACK, m.MoveEnded, S.REPORTED, when=rules.faulty, result=R.CHECK_STOPPED,
        learn=rules.learn_cursor, overrules=tuple(R)),
    Row(S.MOVING_BACK, m.MoveEnded, S.RESTORING_LIMITS, learn=rules.learn_cursor),
    Row(S.RESTORING_LIMITS, m.AddressLimitsSet, S.RETURNING),
    Row(S.RESTORING_LIMITS, m.AddressLimitsRefused, S.RESTORING_LIMITS, when=rules.sale_may_be_repeated,
        learn=rules.learn_refusal),
    Row(S.RESTORING_LIMITS, m.AddressLimitsRefused, S.REPORTED, result=R.CHECK_STOPPED,
        learn=rules.learn_refusal, overrules=tuple(R)),
    Row(S.RETURNING, m.GuestRestarted, S.RESUMING_IO, learn=rules.learn_standings),
    # The tail, the same for both ways.
    Row(S.RESUMING_IO, m.HeldStartsReleased, None, learn=rules.learn_iop_resumed),
    Row(S.RESUMING_IO, None, S.REPORTED, when=rules.all_quiet_and_nothing_held),
    Row(S.RESUMING_IO, None, S.VACATING, when=rules.all_quiet),
    Row(S.VACATING, m.FramesPoisoned, S.RELEASING),
    Row(S.RELEASING, m.AreaReleased, S.REPORTED),
    # CANCEL too late, or on the way back already.
    *(Row(state, m.CancelOperation, None, do=(rules.deny_cancel,)) for state in (
        S.WITHDRAWING, S.CLEARING_IN_VAIN, S.CHECKING_IN_VAIN, S.INTERRUPTING, S.NOTIFYING, S.RESTARTING,
        S.MOVING_BACK, S.RESTORING_LIMITS, S.RETURNING, S.RESUMING_IO, S.VACATING, S.RELEASING,
    )),
)  # fmt: skip

_AFTER_QUIESCING = (
    S.CHECKING, S.CHECKING_IN_VAIN, S.MOVING, S.INTERRUPTING, S.NOTIFYING, S.RESTARTING, S.MOVING_BACK,
    S.RESTORING_LIMITS, S.RETURNING, S.RESUMING_IO,
)  # fmt: skip
_TIMERS_OVER = (*_AFTER_QUIESCING, S.VACATING, S.RELEASING)

# Events that crossed with a change of state. Why each may come, and why it means nothing:
IGNORED: frozenset[tuple[State, type]] = frozenset((
    # The timer was over when the last acknowledgement was already in the mailbox.
    *((state, m.StopTimedOut) for state in (S.QUIESCING, S.WAITING, S.OVERDUE, *_TIMERS_OVER)),
    *((state, m.QuiesceTimedOut) for state in _TIMERS_OVER),
    *((state, m.BusyReminderDue) for state in _TIMERS_OVER),
    *((state, m.HaltTimedOut) for state in _TIMERS_OVER),
    # The last LIP stopped when the stop was already rescinded.
    (S.RETURNING, m.GuestStopped),
    # An IOP tells once when it is asked or told to clear, and once when its last device ends; all may be on
    # the way when the machine goes on. It tells nothing after HeldStartsReleased.
    *((state, m.IopQuiesced) for state in _AFTER_QUIESCING),
    *((state, m.IopBusy) for state in _AFTER_QUIESCING),
))  # fmt: skip

_ROWS: dict[tuple[State, type], tuple[Row, ...]] = {}
for _row in TABLE:
    _key = (_row.state, type(None) if _row.event is None else _row.event)
    _ROWS[_key] = (*_ROWS.get(_key, ()), _row)


def enter(relocation: Relocation) -> tuple[Relocation, tuple[o.Command, ...]]:
    """Begin: what is ordered on entering the first state."""
    return _enter(relocation, relocation.state, previous=None)


def advance(relocation: Relocation, event: object) -> tuple[Relocation, tuple[o.Command, ...]]:
    """The next state, and what to order, after an event.

    Args:
        relocation: the present state; it is not changed.
        event: a message of `protocol.messages`.

    Raises:
        ProtocolError: no row and no reason to ignore; with the story that led there.
    """
    key = (relocation.state, type(event))
    if key in IGNORED:
        return relocation, ()
    row = _applicable(relocation, event)
    if row is None:
        problem = f"{relocation.op}: {type(event).__name__} in state {relocation.state} has no row"
        raise ProtocolError(problem, relocation.story)
    relocation, commands = _take(row, relocation, event)
    # Rows that need no event follow at once, as long as one applies.
    while (row := _applicable(relocation, None)) is not None:
        relocation, more = _take(row, relocation, None)
        commands += more
    return relocation, commands


def _applicable(relocation: Relocation, event: object) -> Row | None:
    rows = _ROWS.get((relocation.state, type(event)), ())
    return next((row for row in rows if row.when(relocation, event)), None)


def _take(row: Row, relocation: Relocation, event: object) -> tuple[Relocation, tuple[o.Command, ...]]:
    previous = relocation.phase
    relocation = row.learn(relocation, event)
    # The first row that decides the outcome does so for good, save for a check stop on the way back.
    if row.result is not None and relocation.result in (None, *row.overrules):
        relocation = evolve(relocation, result=row.result)
    commands = tuple(command for action in row.do for command in action(relocation, event))
    if row.to is not None:
        relocation, ordered = _enter(relocation, row.to, previous)
        commands += ordered
    return relocation, commands


def _enter(
    relocation: Relocation, state: State, previous: Phase | None
) -> tuple[Relocation, tuple[o.Command, ...]]:
    relocation = evolve(relocation, state=state, story=(*relocation.story, str(state)))
    relocation = _PREPARE.get(state, rules.same)(relocation)
    commands: tuple[o.Command, ...] = ()
    if relocation.phase != previous:
        commands = (o.EnterPhase(relocation.phase, STEPS[relocation.phase], state),)
    for action in ENTRY.get(state, ()):
        commands += tuple(action(relocation, None))
    return relocation, commands
