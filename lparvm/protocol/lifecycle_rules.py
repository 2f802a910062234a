"""The parts that the tables of `lifecycle` are made of: conditions, what is learnt, orders. Pure."""

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import evolve

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.actor_names import RESOURCE_MANAGER, lip_control_of
from lparvm.protocol.lifecycle_record import (
    ActivateOperation,
    DeactivateOperation,
    DefineOperation,
    Lifecycle,
    LoadOperation,
    ResetOperation,
)
from lparvm.protocol.lpar_entry import NO_ZONE, Stage
from lparvm.protocol.relocation_record import Denial
from lparvm.protocol.results import Result

L = TypeVar("L", bound=Lifecycle)
Orders = tuple[o.Command, ...]


# --- conditions -------------------------------------------------------------------------------------------


def runs(record: Lifecycle, _event: object) -> bool:
    """A guest is in the LPAR, and its LIPs may be in it."""
    return record.before.loaded and not record.before.check_stopped


def to_reset(record: Lifecycle, _event: object) -> bool:
    """There is something to be reset."""
    return record.before.loaded or record.before.check_stopped


def loaded(record: Lifecycle, _event: object) -> bool:
    """The LPAR had a guest when the operation began."""
    return record.before.loaded


def holds_more(record: ResetOperation, _event: object) -> bool:
    """It holds frames beside its zone."""
    return bool(record.beside)


def was_check_stopped(record: Lifecycle, _event: object) -> bool:
    """The LPAR was check-stopped when the operation began."""
    return record.before.check_stopped


def has_problem(_record: Lifecycle, event: m.GuestChecked | m.GuestLoaded) -> bool:
    """The guest cannot be made."""
    return bool(event.problem)


def has_failed(_record: Lifecycle, event: m.GuestStopped) -> bool:
    """The guest was at its end already."""
    return event.failed


def refused_for(reason: Result) -> Callable[[Lifecycle, m.AreaTaken], bool]:
    """The resource manager's reason."""

    def refused_so(_record: Lifecycle, event: m.AreaTaken) -> bool:
        return event.reason is reason

    return refused_so


def all_answered(record: Lifecycle, _event: object) -> bool:
    """Nobody is left to wait for."""
    return not record.unanswered


# --- what is learnt ---------------------------------------------------------------------------------------


def learn_problem(record: L, event: m.GuestChecked | m.GuestLoaded) -> L:
    """Why the guest cannot be made."""
    return evolve(record, problem=event.problem)


def learn_failed(record: L, event: m.GuestStopped | m.GuestReset) -> L:
    """Whether the guest had failed."""
    return evolve(record, failed=event.failed)


def learn_reset(record: L, event: m.GuestReset) -> L:
    """There is no guest any more."""
    now = evolve(record.now, stage=Stage.ACTIVATED, held=False, lips=())
    return evolve(record, now=now, failed=event.failed)


def learn_holdings(record: ResetOperation, event: m.HoldingsReported) -> ResetOperation:
    """What the LPAR holds. With the reset, being check-stopped is over."""
    now = evolve(record.now, zone=event.zone, check_stopped=False)
    return evolve(record, now=now, zone=event.zone, beside=event.beside)


def learn_sale_refused(record: LoadOperation, _event: object) -> LoadOperation:
    """An IOP did not take the zone."""
    return evolve(record, sale_attempts=record.sale_attempts + 1)


def learn_check_stopped(record: LoadOperation, event: m.AddressLimitsRefused) -> LoadOperation:
    """An IOP did not take it too often: the LPAR stays check-stopped."""
    now = evolve(record.now, check_stopped=True)
    return evolve(record, now=now, problem=f"{event.iop} refused SALE again and again")


def learn_freed(record: L, _event: object) -> L:
    """The LPAR owns nothing."""
    return evolve(record, now=evolve(record.now, stage=Stage.DEFINED, zone=NO_ZONE, lips=()))


def learn_zone(record: ActivateOperation, event: m.ZoneAssigned) -> ActivateOperation:
    """The LPAR has a zone."""
    now = evolve(record.now, zone=event.zone)
    return evolve(record, now=now, expanded_origin=event.expanded_origin)


def learn_denial(record: ActivateOperation, event: m.AreaTaken) -> ActivateOperation:
    """There is none for it."""
    return evolve(record, denied=Denial(event.lpar, event.reason, event.holder, event.frame))


def learn_attached(record: L, event: m.LparAttached | m.LparDetached) -> L:
    """An IOP has answered."""
    return _answered(record, event.iop)


def learn_prepared(record: L, event: m.GuestPrepared) -> L:
    """LIP control has answered."""
    return _answered(record, lip_control_of(event.lpar))


def _answered(record: L, who: str) -> L:
    return evolve(record, unanswered=tuple(one for one in record.unanswered if one != who))


def learn_activated(record: L, _event: object) -> L:
    """The LPAR is active, without a guest."""
    return evolve(record, now=evolve(record.now, stage=Stage.ACTIVATED))


def learn_started(record: L, _event: object) -> L:
    """The guest runs."""
    lips = record.now.lips or record.now.plan.lips
    return evolve(record, now=evolve(record.now, stage=Stage.LOADED, held=False, lips=lips))


def learn_held(record: L, _event: object) -> L:
    """The guest stands until START."""
    return evolve(record, now=evolve(record.now, held=True))


# --- on entering a state ------------------------------------------------------------------------------------


def await_attaching(record: ActivateOperation) -> ActivateOperation:
    """LIP control, and every IOP."""
    return evolve(record, unanswered=(lip_control_of(record.lpar), *record.now.iops))


def await_iops(record: L) -> L:
    """Every IOP."""
    return evolve(record, unanswered=record.now.iops)


# --- orders -----------------------------------------------------------------------------------------------


def _to_lip_control(record: Lifecycle, message: object) -> o.Post:
    return o.Post(lip_control_of(record.lpar), message)


def check_guest(record: DefineOperation | LoadOperation, _event: object) -> Orders:
    """Can such a guest be made?"""
    definition = record.definition if isinstance(record, LoadOperation) else record.now.plan
    return (o.CheckGuest(record.lpar, definition),)


def tell_defined(record: DefineOperation, _event: object) -> Orders:
    """DEFINE is done."""
    plan = record.now.plan
    return (o.Tell("lpar.defined", {"extent_frames": plan.extent, "guest": plan.guest, "lips": plan.lips}),)


def stop(record: Lifecycle, _event: object) -> Orders:
    """Every LIP, within STOP_TIMEOUT."""
    order = _to_lip_control(record, m.StopGuest(record.op, record.lpar))
    return (order, o.StartTimer(o.Timer.STOP, record.stop_ns))


def go_on_running(record: Lifecycle, _event: object) -> Orders:
    """As before."""
    again = m.RestartGuest(record.op, record.lpar, record.before.zone)
    return (o.StopTimer(o.Timer.STOP), _to_lip_control(record, again))


def hold(record: Lifecycle, _event: object) -> Orders:
    """STOP: the guest stays where it is."""
    return (o.StopTimer(o.Timer.STOP), _to_lip_control(record, m.HoldGuest(record.op, record.lpar)))


def unhold(record: Lifecycle, _event: object) -> Orders:
    """START: SIE."""
    return (_to_lip_control(record, m.StartGuest(record.op, record.lpar, record.now.zone)),)


def reset(record: ResetOperation, _event: object) -> Orders:
    """System reset, by LIP control."""
    return (o.StopTimer(o.Timer.STOP), _to_lip_control(record, m.ResetGuest(record.op, record.lpar)))


def survey(record: ResetOperation, _event: object) -> Orders:
    """What the LPAR holds."""
    return (o.Post(RESOURCE_MANAGER, m.QueryHoldings(record.op, record.lpar)),)


def verify(record: ResetOperation, _event: object) -> Orders:
    """The guest's life ends."""
    ended_by = "IPL" if isinstance(record, LoadOperation) else "DEACTIVATE"
    return (o.VerifyGuest(record.lpar, record.zone, ended_by, record.failed),)


def detach(record: DeactivateOperation, _event: object) -> Orders:
    """The IOPs forget the LPAR."""
    return tuple(o.Post(iop, m.DetachLpar(record.op, record.lpar)) for iop in record.now.iops)


def poison(record: ResetOperation, _event: object) -> Orders:
    """What the LPAR gives up: of DEACTIVATE all, of IPL what it held beside its zone."""
    zones: tuple[Zone, ...] = record.beside
    if isinstance(record, DeactivateOperation):
        zones = (record.zone, *zones)
    return (o.PoisonFrames(tuple((record.lpar, zone) for zone in zones)),)


def renew_limits(record: LoadOperation, _event: object) -> Orders:
    """SALE with the zone of the map."""
    placement = m.Placement(record.lpar, record.zone, record.now.iops)
    return (o.Post(RESOURCE_MANAGER, m.SetAddressLimits(record.op, (placement,))),)


def release(record: ResetOperation, _event: object) -> Orders:
    """What it held beside its zone."""
    return (o.Post(RESOURCE_MANAGER, m.ReleaseAreas(record.op, record.lpars)),)


def free(record: Lifecycle, _event: object) -> Orders:
    """All that it holds."""
    activated = isinstance(record, DeactivateOperation)
    return (o.Post(RESOURCE_MANAGER, m.FreeZone(record.op, record.lpar, activated)),)


def assign(record: ActivateOperation, _event: object) -> Orders:
    """A zone, as defined."""
    plan = record.now.plan
    order = m.AssignZone(record.op, record.lpar, plan.extent, plan.origin, plan.expanded_blocks)
    return (o.Post(RESOURCE_MANAGER, order),)


def clear(record: ActivateOperation, _event: object) -> Orders:
    """The zone, before anybody knows of it."""
    return (o.ClearZone(record.now.zone),)


def attach(record: ActivateOperation, _event: object) -> Orders:
    """Make what is missing, then tell LIP control and the IOPs."""
    op, lpar = record.op, record.lpar
    # LIP control first: an IOP tells it of paths that are varied off.
    prepare = _to_lip_control(record, m.PrepareGuest(op, lpar, record.paths))
    devices = {iop: tuple(number for number, iops in record.paths if iop in iops) for iop in record.now.iops}
    told = (o.Post(iop, m.AttachLpar(op, lpar, numbers, record.now.zone)) for iop, numbers in devices.items())
    return (o.ProvideParts(lpar, record.now.plan.lips), prepare, *told)


def tell_activated(record: ActivateOperation, _event: object) -> Orders:
    """ACTIVATE is done."""
    plan, zone = record.now.plan, record.now.zone
    fields: dict[str, Any] = {
        "origin_frame": zone.origin, "extent_frames": zone.extent, "guest": plan.guest, "lips": plan.lips,
        "iops": record.now.iops, "expanded_first_block": record.expanded_origin,
        "expanded_blocks": plan.expanded_blocks,
    }  # fmt: skip
    return (o.Tell("lpar.activated", fields),)


def load(record: LoadOperation, _event: object) -> Orders:
    """IPL."""
    return (o.LoadGuest(record.lpar, record.now.zone, record.definition),)


def start(record: LoadOperation, _event: object) -> Orders:
    """The first SIE."""
    order = m.StartGuest(record.op, record.lpar, record.now.zone, record.definition.lips)
    return (_to_lip_control(record, order),)


def report(record: Lifecycle, _event: object) -> Orders:
    """Tell the resource manager, the operator, and those who cancelled."""
    changed: Orders = ()
    if record.now.active and record.now.state is not record.before.state:
        told = m.LparStateChanged(record.op, record.lpar, record.now.state)
        changed = (o.Post(RESOURCE_MANAGER, told),)
    answers = tuple(o.AnswerCancel(op, Result.COMPLETED) for op in record.cancels)
    return (*changed, o.Report(), *answers)
