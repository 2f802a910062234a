"""The parts that the relocation's table is made of: conditions, what is learnt from an event, orders.

Every one is a pure function of the record and the event. The table itself stands in `relocation.py`.
"""

from collections.abc import Callable

from attrs import evolve

from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.actor_names import RESOURCE_MANAGER, lip_control_of
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import Result
from lparvm.protocol.results import message_text as text_of
from lparvm.units import format_duration

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
    """Every IOP that was asked has told what is busy."""
    return not relocation.unanswered_iops


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
    assert isinstance(event, m.IopQuiesced | m.HeldStartsReleased)
    return evolve(
        relocation,
        busy_iops=tuple(name for name in relocation.busy_iops if name != event.iop),
        unanswered_iops=tuple(name for name in relocation.unanswered_iops if name != event.iop),
    )


def learn_busy(relocation: Relocation, event: object) -> Relocation:
    assert isinstance(event, m.IopBusy)
    known = {(device.iop, device.device) for device in relocation.busy_devices}
    new = tuple(device for device in event.devices if (device.iop, device.device) not in known)
    return evolve(
        relocation,
        busy_devices=relocation.busy_devices + new,
        unanswered_iops=tuple(name for name in relocation.unanswered_iops if name != event.iop),
    )


def learn_still_busy(relocation: Relocation, event: object) -> Relocation:
    """What is busy now that the time is over; the message of the refusal names these."""
    assert isinstance(event, m.IopBusy)
    others = tuple(device for device in relocation.still_busy if device.iop != event.iop)
    return evolve(learn_busy(relocation, event), still_busy=others + event.devices)


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


def name_busy(relocation: Relocation, event: object) -> tuple[o.Command, ...]:
    assert isinstance(event, m.IopBusy)
    devices = ", ".join(describe_busy(device) for device in event.devices)
    return (o.Notify("LVM032W", text_of("LVM032W", lpar=relocation.lpar, devices=devices)),)


def reserve(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (
        o.StopTimer(o.Timer.QUIESCE),
        o.Post(RESOURCE_MANAGER, m.ReserveArea(relocation.op, relocation.lpar, relocation.target)),
    )


def begin_move(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.BeginMove(),)


def interrupt_move(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.InterruptMove(),)


def move_back(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.MoveBack(),)


def set_limits(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    zone = relocation.target if relocation.state is State.NOTIFYING else relocation.source
    order = m.SetAddressLimits(relocation.op, relocation.lpar, zone, relocation.iops)
    return (o.StopTimer(o.Timer.QUIESCE), o.Post(RESOURCE_MANAGER, order))


def restart(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    zone = relocation.target if relocation.committed else relocation.source
    order = m.RestartGuest(relocation.op, relocation.lpar, zone)
    return (o.StopTimer(o.Timer.STOP), o.Post(lip_control_of(relocation.lpar), order))


def poison(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.PoisonFrames(relocation.vacated),)


def release(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.Post(RESOURCE_MANAGER, m.ReleaseArea(relocation.op, relocation.lpar)),)


def report(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    answers = tuple(o.AnswerCancel(op, Result.COMPLETED) for op in relocation.cancels)
    return (o.Report(), *answers)


def deny_cancel(_relocation: Relocation, event: object) -> tuple[o.Command, ...]:
    assert isinstance(event, m.CancelOperation)
    return (o.AnswerCancel(event.op, Result.NOT_CANCELLABLE),)


def describe_busy(device: m.BusyDevice) -> str:
    """A busy device for the operator."""
    active = format_duration(device.active_ns)
    return f"{device.device:04X} on {device.iop} ({device.operation}, CCW at {device.ccw_address:#x}, active {active})"
