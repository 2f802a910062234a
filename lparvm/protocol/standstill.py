"""How an operation brings guests to a standstill: stop (201) and quiesce (202), for all its LPARs together.

The parts that tables are made of: conditions, what is learnt from an event, orders, and
`rows`, which goes from STOPPING to the state in which all LPARs stand still. MVSTOR does it with one LPAR,
XCHSTOR with two; SHRINK where the guest doesn't answer.
"""

from collections.abc import Callable
from typing import TypeVar

from attrs import evolve

from lparvm.config import BUSY_REMINDER_NS, HALT_GRACE_NS
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import reporting
from lparvm.protocol.actor_names import lip_control_of
from lparvm.protocol.busy_devices import Busy, describe_all, names
from lparvm.protocol.engine import Action, Row
from lparvm.protocol.phases import State
from lparvm.protocol.results import Result
from lparvm.protocol.results import message_text as text_of
from lparvm.protocol.standstill_record import Pair, Standstill
from lparvm.units import format_duration

QUIESCE_OVER = tuple(o.StopTimer(timer) for timer in (o.Timer.QUIESCE, o.Timer.REMINDER, o.Timer.HALT))

S = TypeVar("S", bound=Standstill)


# --- conditions -------------------------------------------------------------------------------------------


def all_stopped(record: Standstill, _event: object) -> bool:
    """Every LIP of every party has acknowledged."""
    return all(party.lpar in record.stopped for party in record.parties)


def all_restarted(record: Standstill, _event: object) -> bool:
    """Every party's LIPs are in SIE again."""
    return all(party.lpar in record.restarted for party in record.parties)


def all_quiet(record: Standstill, _event: object) -> bool:
    """No IOP is left to wait for."""
    return not record.busy_iops


def all_answered(record: Standstill, _event: object) -> bool:
    """Every IOP has answered the last question."""
    return not record.unanswered_iops


def all_answered_and_busy_is_wait(record: Standstill, event: object) -> bool:
    """BUSY=WAIT: go on waiting."""
    return all_answered(record, event) and record.busy is Busy.WAIT


def all_answered_and_busy_is_halt(record: Standstill, event: object) -> bool:
    """BUSY=HALT: make the devices end."""
    return all_answered(record, event) and record.busy is Busy.HALT


# --- what is learnt ---------------------------------------------------------------------------------------


def learn_stopped(record: S, event: m.GuestStopped) -> S:
    """A party's LIPs have all stopped."""
    return evolve(record, stopped=(*record.stopped, event.lpar))


def learn_iop_quiet(record: S, event: m.IopQuiesced) -> S:
    """An IOP is out of operation for a party."""
    return evolve(
        record,
        busy_iops=_without(record.busy_iops, event),
        unanswered_iops=_without(record.unanswered_iops, event),
        still_busy=_of_others(record, event),
    )


def learn_iop_resumed(record: S, event: m.HeldStartsReleased) -> S:
    """An IOP has released what it held."""
    return evolve(record, busy_iops=_without(record.busy_iops, event))


def learn_busy(record: S, event: m.IopBusy) -> S:
    """What is busy; an answer to an earlier question is none to the last one."""
    latest = {device.key: device for device in event.devices}
    known = tuple(latest.pop(device.key, device) for device in record.busy_devices)
    record = evolve(record, busy_devices=known + tuple(latest.values()))
    if event.attempt != record.attempt:
        return record
    still = sorted([*_of_others(record, event), *event.devices], key=lambda one: (one.device, one.iop))
    return evolve(record, unanswered_iops=_without(record.unanswered_iops, event), still_busy=tuple(still))


def learn_cleared(record: S, event: m.IopBusy) -> S:
    """What is busy when the order to clear comes to the IOP, right behind the question, is what it clears."""
    cleared = event.devices if event.attempt == record.attempt else ()
    return evolve(learn_busy(record, event), cleared=record.cleared + cleared)


def learn_standings(record: S, event: m.GuestRestarted) -> S:
    """A party runs again."""
    standings = tuple((event.lpar, standing) for standing in event.lips)
    return evolve(record, restarted=(*record.restarted, event.lpar), standings=record.standings + standings)


def _without(
    pairs: tuple[Pair, ...], event: m.IopQuiesced | m.IopBusy | m.HeldStartsReleased
) -> tuple[Pair, ...]:
    return tuple(pair for pair in pairs if pair != (event.lpar, event.iop))


def _of_others(record: Standstill, event: m.IopQuiesced | m.IopBusy) -> tuple[m.BusyDevice, ...]:
    """Of the busy devices, those that another IOP, or this one for another LPAR, has named."""
    told = (event.lpar, event.iop)
    return tuple(device for device in record.still_busy if (device.lpar, device.iop) != told)


# --- on entering a state ----------------------------------------------------------------------------------


def all_iops(record: S) -> S:
    """Every IOP of every party is waited for."""
    pairs = tuple(pair for party in record.parties for pair in party.pairs)
    return evolve(record, busy_iops=pairs, unanswered_iops=pairs, holding=bool(pairs))


def next_question(record: S) -> S:
    """All that are not quiet are asked once more."""
    return evolve(record, attempt=record.attempt + 1, unanswered_iops=record.busy_iops, still_busy=())


def halt_all(record: S) -> S:
    """What is busy is told to end."""
    return evolve(record, halted=record.still_busy)


def resume_held(record: S) -> S:
    """Every IOP that holds starts is waited for."""
    pairs = tuple(pair for party in record.parties for pair in party.pairs)
    return evolve(record, busy_iops=pairs if record.holding else ())


PREPARE: dict[State, Callable[[S], S]] = {
    State.QUIESCING: all_iops,
    State.OVERDUE: next_question,
    State.REMINDING: next_question,
    State.HALTING: halt_all,
    State.CLEARING: next_question,
    State.RESUMING_IO: resume_held,
}


# --- orders -----------------------------------------------------------------------------------------------


def to_iops(make: Callable[[str, str], object]) -> Action:
    """Order it to each IOP that is waited for."""

    def post(record: Standstill, _event: object) -> tuple[o.Command, ...]:
        return tuple(o.Post(iop, make(record.op, lpar)) for lpar, iop in record.busy_iops)

    return post


def stop_guests(record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """201."""
    stops = tuple(o.Post(lip_control_of(lpar), m.StopGuest(record.op, lpar)) for lpar in record.lpars)
    return (*stops, o.StartTimer(o.Timer.STOP, record.stop_ns))


def start_quiesce_timer(record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """202 begins."""
    return (o.StopTimer(o.Timer.STOP), o.StartTimer(o.Timer.QUIESCE, record.quiesce_ns))


def start_reminder_timer(_record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """BUSY=WAIT."""
    return (o.StartTimer(o.Timer.REMINDER, BUSY_REMINDER_NS),)


def start_halt_timer(_record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """BUSY=HALT."""
    return (o.StartTimer(o.Timer.HALT, HALT_GRACE_NS),)


def ask_busy(record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """Which devices are busy?"""
    return tuple(o.Post(iop, _question(record, lpar)) for lpar, iop in record.busy_iops)


def clear_busy(record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """Give up what is busy."""
    # Side by side in the IOP's mailbox: nothing ends between the question and the order.
    return tuple(
        o.Post(iop, message)
        for lpar, iop in record.busy_iops
        for message in (_question(record, lpar), m.ClearBusyDevices(record.op, lpar))
    )


def _question(record: Standstill, lpar: str) -> m.ReportBusyDevices:
    return m.ReportBusyDevices(record.op, lpar, record.attempt)


def name_busy(record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """Tell the operator what 202 waits for."""
    return notify(record, "LVM032W", devices=describe_all(record.still_busy))


def remind_busy(record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """Tell it once more."""
    devices = describe_all(record.still_busy)
    return notify(record, "LVM033W", operation=record.op, devices=devices)


def name_halting(record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """Tell what is told to end."""
    return notify(record, "LVM034W", devices=names(record.still_busy))


def name_halted(record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """Tell what ended so."""
    cleared = {device.key for device in record.cleared}
    ended = [device for device in record.halted if device.key not in cleared]
    return notify(record, "LVM035I", devices=names(ended)) if ended else ()


def name_cleared(record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """Tell what was given up."""
    if not record.cleared:
        return ()
    devices, grace = names(record.cleared), format_duration(HALT_GRACE_NS)
    return notify(record, "LVM036W", devices=devices, grace=grace)


def notify(record: Standstill, code: str, **values: str) -> tuple[o.Command, ...]:
    """A message about the operation's LPARs."""
    return (o.Notify(code, text_of(code, lpar=record.title, **values)),)


ENTRY: dict[State, tuple[Action, ...]] = {
    State.STOPPING: (stop_guests,),
    State.QUIESCING: (start_quiesce_timer, to_iops(m.QuiesceIop)),
    State.OVERDUE: (ask_busy,),
    State.WAITING_ON: (start_reminder_timer,),
    State.REMINDING: (ask_busy,),
    State.HALTING: (to_iops(m.HaltBusyDevices), start_halt_timer),
    State.CLEARING: (clear_busy,),
    State.RESUMING_IO: (to_iops(m.ReleaseHeldStarts),),
}


def rows(still: State) -> tuple[Row, ...]:
    """From STOPPING to `still`, with every way back: RETURNING before 202, RESTORING_LIMITS from then on."""
    st, result = State, Result
    return (
        # 201: every LIP must acknowledge within STOP=, else the others restart.
        Row(st.STOPPING, m.GuestStopped, None, learn=learn_stopped),
        Row(st.STOPPING, None, st.QUIESCING, when=all_stopped),
        Row(st.STOPPING, m.StopTimedOut, st.RETURNING, result=result.STOP_TIMED_OUT),
        # 202: every IOP must go out of operation within QUIESCE=.
        Row(st.QUIESCING, None, still, when=all_quiet),
        Row(st.QUIESCING, m.IopQuiesced, None, learn=learn_iop_quiet),
        Row(st.QUIESCING, m.IopBusy, None, learn=learn_busy),
        Row(st.QUIESCING, m.QuiesceTimedOut, st.OVERDUE),
        Row(st.QUIESCING, None, st.WAITING, when=all_answered, do=(name_busy,)),
        Row(st.WAITING, None, still, when=all_quiet),
        Row(st.WAITING, m.IopQuiesced, None, learn=learn_iop_quiet),
        Row(st.WAITING, m.QuiesceTimedOut, st.OVERDUE),
        # ... and when the time is over, what is still busy is asked for once more. I/O that ended on the last
        # stroke counts as ended.
        Row(st.OVERDUE, None, still, when=all_quiet),
        Row(st.OVERDUE, m.IopQuiesced, None, learn=learn_iop_quiet),
        Row(st.OVERDUE, m.IopBusy, None, learn=learn_busy),
        Row(st.OVERDUE, None, st.WAITING_ON, when=all_answered_and_busy_is_wait, do=(name_busy,)),
        Row(st.OVERDUE, None, st.HALTING, when=all_answered_and_busy_is_halt, do=(name_busy, name_halting)),
        Row(st.OVERDUE, None, st.RESTORING_LIMITS, when=all_answered, result=result.QUIESCE_TIMED_OUT,
            do=(name_busy,)),
        # BUSY=WAIT: until the last device ends, or CANCEL comes; now and then the operator is told what is busy.
        Row(st.WAITING_ON, None, still, when=all_quiet),
        Row(st.WAITING_ON, m.IopQuiesced, None, learn=learn_iop_quiet),
        Row(st.WAITING_ON, m.BusyReminderDue, st.REMINDING),
        Row(st.REMINDING, None, still, when=all_quiet),
        Row(st.REMINDING, m.IopQuiesced, None, learn=learn_iop_quiet),
        Row(st.REMINDING, m.IopBusy, None, learn=learn_busy),
        Row(st.REMINDING, None, st.WAITING_ON, when=all_answered, do=(remind_busy,)),
        # BUSY=HALT: devices are told to end; those that don't within the grace are given up.
        Row(st.HALTING, None, still, when=all_quiet, do=(name_halted,)),
        Row(st.HALTING, m.IopQuiesced, None, learn=learn_iop_quiet),
        Row(st.HALTING, m.HaltTimedOut, st.CLEARING),
        Row(st.CLEARING, None, still, when=all_quiet, do=(name_halted, name_cleared)),
        Row(st.CLEARING, m.IopQuiesced, None, learn=learn_iop_quiet),
        Row(st.CLEARING, m.IopBusy, None, learn=learn_cleared),
        # CANCEL.
        Row(st.STOPPING, m.CancelOperation, st.RETURNING, result=result.CANCELLED, learn=reporting.learn_cancel),
        *(Row(state, m.CancelOperation, st.RESTORING_LIMITS, result=result.CANCELLED, learn=reporting.learn_cancel)
          for state in (st.QUIESCING, st.WAITING, st.OVERDUE, st.WAITING_ON, st.REMINDING, st.HALTING)),
        Row(st.CLEARING, m.CancelOperation, st.CLEARING_IN_VAIN, result=result.CANCELLED, learn=reporting.learn_cancel),
        Row(st.CLEARING_IN_VAIN, None, st.RESTORING_LIMITS, when=all_quiet, do=(name_halted, name_cleared)),
        Row(st.CLEARING_IN_VAIN, m.IopQuiesced, None, learn=learn_iop_quiet),
        Row(st.CLEARING_IN_VAIN, m.IopBusy, None, learn=learn_cleared),
    )  # fmt: skip


def crossings(after: tuple[State, ...], tail: tuple[State, ...]) -> frozenset[tuple[State, type]]:
    """Events of the standstill that may come too late, and mean nothing then.

    Args:
        after: the states between 202 and the release of held starts.
        tail: those after it.
    """
    st = State
    return frozenset((
        # The timer was over when the last acknowledgement was already in the mailbox.
        *((state, m.StopTimedOut) for state in (st.QUIESCING, st.WAITING, st.OVERDUE, *after, *tail)),
        *((state, m.QuiesceTimedOut) for state in (*after, *tail)),
        *((state, m.BusyReminderDue) for state in (*after, *tail)),
        *((state, m.HaltTimedOut) for state in (*after, *tail)),
        # The last LIP stopped when the stop was already rescinded.
        (st.RETURNING, m.GuestStopped),
        # An IOP tells once when it is asked or told to clear, and once when its last device ends; all may be
        # on the way when the machine goes on. It tells nothing after HeldStartsReleased.
        *((state, m.IopQuiesced) for state in after),
        *((state, m.IopBusy) for state in after),
    ))  # fmt: skip
