"""The parts that the relocation's table is made of: conditions, what is learnt from an event, orders.

Every one is a pure function of the record and the event. The table itself stands in `relocation.py`.
"""

from collections.abc import Callable

from attrs import evolve

from lparvm.config import BUSY_REMINDER_NS, HALT_GRACE_NS
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.actor_names import RESOURCE_MANAGER, lip_control_of
from lparvm.protocol.busy_devices import Busy, describe_all, names
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import Result
from lparvm.protocol.results import message_text as text_of
from lparvm.units import format_duration

_QUIESCE_OVER = tuple(o.StopTimer(timer) for timer in (o.Timer.QUIESCE, o.Timer.REMINDER, o.Timer.HALT))

# SALE with the old zone is repeated when an IOP refuses it; more refusals than that are a broken IOP.
SALE_ATTEMPTS_MAX = 3

Condition = Callable[[Relocation, object], bool]
Learn = Callable[[Relocation, object], Relocation]
Action = Callable[[Relocation, object], "tuple[o.Command, ...]"]


def always(_relocation: Relocation, _event: object) -> bool:
    return True


def same(relocation: Relocation, _event: object = None) -> Relocation:
    return relocation


def all_quiet(relocation: Relocation, _event: object) -> bool:
    """No IOP is left to wait for."""
    return not relocation.busy_iops


def all_answered(relocation: Relocation, _event: object) -> bool:
    """Every IOP has answered the last question."""
    return not relocation.unanswered_iops


def all_answered_and_busy_is_wait(relocation: Relocation, event: object) -> bool:
    """BUSY=WAIT: go on waiting."""
    return all_answered(relocation, event) and relocation.busy is Busy.WAIT


def all_answered_and_busy_is_halt(relocation: Relocation, event: object) -> bool:
    """BUSY=HALT: make the devices end."""
    return all_answered(relocation, event) and relocation.busy is Busy.HALT


def past_the_end(_relocation: Relocation, event: object) -> bool:
    """The target ends outside main storage: nobody holds what isn't there."""
    return isinstance(event, m.AreaTaken) and not event.holder


def nothing_held(relocation: Relocation, _event: object) -> bool:
    """The resource manager holds nothing beside the zone."""
    return not relocation.reserved


def faulty(_relocation: Relocation, event: object) -> bool:
    """The move ended at a faulty frame."""
    return isinstance(event, m.MoveEnded) and event.fault_frame is not None


def all_quiet_and_nothing_held(relocation: Relocation, event: object) -> bool:
    """Nothing is left to do."""
    return all_quiet(relocation, event) and nothing_held(relocation, event)


def sale_may_be_repeated(relocation: Relocation, _event: object) -> bool:
    """The IOP has not refused too often yet."""
    return relocation.sale_attempts < SALE_ATTEMPTS_MAX


def learn_iop_quiet(relocation: Relocation, event: object) -> Relocation:
    assert isinstance(event, m.IopQuiesced)
    return evolve(
        relocation,
        busy_iops=_without(relocation.busy_iops, event.iop),
        unanswered_iops=_without(relocation.unanswered_iops, event.iop),
        still_busy=tuple(device for device in relocation.still_busy if device.iop != event.iop),
    )


def learn_iop_resumed(relocation: Relocation, event: object) -> Relocation:
    assert isinstance(event, m.HeldStartsReleased)
    return evolve(relocation, busy_iops=_without(relocation.busy_iops, event.iop))


def _without(iops: tuple[str, ...], answered: str) -> tuple[str, ...]:
    return tuple(name for name in iops if name != answered)


def learn_busy(relocation: Relocation, event: object) -> Relocation:
    """What is busy; an answer to an earlier question is none to the last one."""
    assert isinstance(event, m.IopBusy)
    latest = {device.key: device for device in event.devices}
    known = tuple(latest.pop(device.key, device) for device in relocation.busy_devices)
    relocation = evolve(relocation, busy_devices=known + tuple(latest.values()))
    if event.attempt != relocation.attempt:
        return relocation
    others = [device for device in relocation.still_busy if device.iop != event.iop]
    return evolve(
        relocation,
        unanswered_iops=_without(relocation.unanswered_iops, event.iop),
        still_busy=tuple(sorted([*others, *event.devices], key=lambda one: (one.device, one.iop))),
    )


def learn_cleared(relocation: Relocation, event: object) -> Relocation:
    """What is busy when the order to clear comes to the IOP, right behind the question, is what it clears."""
    assert isinstance(event, m.IopBusy)
    cleared = event.devices if event.attempt == relocation.attempt else ()
    return evolve(learn_busy(relocation, event), cleared=relocation.cleared + cleared)


def learn_holder(relocation: Relocation, event: object) -> Relocation:
    assert isinstance(event, m.AreaTaken)
    return evolve(relocation, holder=event.holder)


def learn_reserved(relocation: Relocation, _event: object) -> Relocation:
    return evolve(relocation, reserved=True)


def learn_committed(relocation: Relocation, _event: object) -> Relocation:
    return evolve(relocation, committed=True)


def learn_cursor(relocation: Relocation, event: object) -> Relocation:
    assert isinstance(event, m.ChunkMoved | m.MoveEnded)
    fault = event.fault_frame if isinstance(event, m.MoveEnded) else None
    return evolve(
        relocation,
        pages_across=event.pages_across,
        fault_frame=relocation.fault_frame if fault is None else fault,
    )


def learn_refusal(relocation: Relocation, event: object) -> Relocation:
    assert isinstance(event, m.AddressLimitsRefused)
    return evolve(relocation, refusing_iop=event.iop, sale_attempts=relocation.sale_attempts + 1)


def learn_standings(relocation: Relocation, event: object) -> Relocation:
    assert isinstance(event, m.GuestRestarted)
    return evolve(relocation, standings=event.lips)


def learn_cancel(relocation: Relocation, event: object) -> Relocation:
    assert isinstance(event, m.CancelOperation)
    return evolve(relocation, cancels=(*relocation.cancels, event.op))


def to_iops(make: Callable[[str, str], object]) -> Action:
    def post(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
        return tuple(o.Post(iop, make(relocation.op, relocation.lpar)) for iop in relocation.busy_iops)

    return post


def check_area(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.Post(RESOURCE_MANAGER, m.CheckArea(relocation.op, relocation.lpar, relocation.target)),)


def prepare_target(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.PrepareTarget(),)


def stop_guest(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (
        o.Post(lip_control_of(relocation.lpar), m.StopGuest(relocation.op, relocation.lpar)),
        o.StartTimer(o.Timer.STOP, relocation.stop_ns),
    )


def start_quiesce_timer(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.StopTimer(o.Timer.STOP), o.StartTimer(o.Timer.QUIESCE, relocation.quiesce_ns))


def start_reminder_timer(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.StartTimer(o.Timer.REMINDER, BUSY_REMINDER_NS),)


def start_halt_timer(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.StartTimer(o.Timer.HALT, HALT_GRACE_NS),)


def ask_busy(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return tuple(o.Post(iop, _question(relocation)) for iop in relocation.busy_iops)


def clear_busy(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    # Side by side in the IOP's mailbox: nothing ends between the question and the order.
    order = m.ClearBusyDevices(relocation.op, relocation.lpar)
    messages = (_question(relocation), order)
    return tuple(o.Post(iop, message) for iop in relocation.busy_iops for message in messages)


def _question(relocation: Relocation) -> m.ReportBusyDevices:
    return m.ReportBusyDevices(relocation.op, relocation.lpar, relocation.attempt)


def name_busy(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return _notify(relocation, "LVM032W", devices=describe_all(relocation.still_busy))


def remind_busy(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    devices = describe_all(relocation.still_busy)
    return _notify(relocation, "LVM033W", operation=relocation.op, devices=devices)


def name_halting(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return _notify(relocation, "LVM034W", devices=names(relocation.still_busy))


def name_halted(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    cleared = {device.key for device in relocation.cleared}
    ended = [device for device in relocation.halted if device.key not in cleared]
    return _notify(relocation, "LVM035I", devices=names(ended)) if ended else ()


def name_cleared(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    if not relocation.cleared:
        return ()
    devices, grace = names(relocation.cleared), format_duration(HALT_GRACE_NS)
    return _notify(relocation, "LVM036W", devices=devices, grace=grace)


def _notify(relocation: Relocation, code: str, **values: str) -> tuple[o.Command, ...]:
    return (o.Notify(code, text_of(code, lpar=relocation.lpar, **values)),)


def reserve(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    order = m.ReserveArea(relocation.op, relocation.lpar, relocation.target)
    return (*_QUIESCE_OVER, o.Post(RESOURCE_MANAGER, order))


def begin_move(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.BeginMove(),)


def interrupt_move(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.InterruptMove(),)


def move_back(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.MoveBack(),)


def set_limits(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    zone = relocation.target if relocation.state is State.NOTIFYING else relocation.source
    order = m.SetAddressLimits(relocation.op, relocation.lpar, zone, relocation.iops)
    return (*_QUIESCE_OVER, o.Post(RESOURCE_MANAGER, order))


def restart(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    zone = relocation.target if relocation.committed else relocation.source
    order = m.RestartGuest(relocation.op, relocation.lpar, zone)
    return (o.StopTimer(o.Timer.STOP), o.Post(lip_control_of(relocation.lpar), order))


def poison(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.PoisonFrames(relocation.vacated),)


def release(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.Post(RESOURCE_MANAGER, m.ReleaseArea(relocation.op, relocation.lpar)),)


def report(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    # A cancel that came in time is done, unless the way back failed.
    cancelled = Result.NOT_CANCELLABLE if relocation.result is Result.CHECK_STOPPED else Result.COMPLETED
    answers = tuple(o.AnswerCancel(op, cancelled) for op in relocation.cancels)
    lost: tuple[o.Command, ...] = ()
    if relocation.result is Result.CHECK_STOPPED:
        op, lpar = relocation.op, relocation.lpar
        lost = tuple(o.Post(iop, m.ResetLpar(op, lpar)) for iop in relocation.iops)
        lost += (o.Post(RESOURCE_MANAGER, m.LparCheckStopped(op, lpar)),)
    return (*lost, o.Report(), *answers)


def deny_cancel(_relocation: Relocation, event: object) -> tuple[o.Command, ...]:
    assert isinstance(event, m.CancelOperation)
    return (o.AnswerCancel(event.op, Result.NOT_CANCELLABLE),)
