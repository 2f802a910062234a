"""Which channel programs an IOP runs, holds, gives up and reports: the IOP's decisions, pure.

A start that came is *waiting*, *running* or has ended. It waits while its LPAR is quiescing (it is held), while its
device runs another program here, or while the device is busy at another IOP or reserved for another LPAR (it is
deferred, until the device is freed). Waiting starts begin in the order in which they came. A program that suspended
itself runs, but is not *active*: it touches nothing until it is resumed, and that is held like a start.

A start whose device doesn't end is *given up* by CLEAR: for the guest it has ended, its accesses are refused from
then on, and the device is busy until it ends after all.

Quiescing an LPAR (patent step 202) holds its new starts and lets active ones end. SALE sets the zone that
addresses are checked against. Held starts begin on ReleaseHeldStarts, when SALE is in force at every IOP and the
guest's state descriptions hold the same origin.

Invariants: each start ends once; of a device at most one start runs; no start of an LPAR begins, and none is
resumed, while the LPAR is quiescing.
"""

from bisect import insort
from collections.abc import Mapping
from typing import TypeVar

from attrs import evolve

from lparvm.arch.channel import NO_ENDING
from lparvm.arch.subchannel import Function
from lparvm.protocol import io_orders as o
from lparvm.protocol import messages as m
from lparvm.protocol.io_processor_state import DeviceNotAvailable, IoProcessor, Waiting

__all__ = ["DeviceNotAvailable", "IoProcessor", "Step", "Waiting", "advance"]

_T = TypeVar("_T")


Step = tuple[IoProcessor, tuple[o.Order, ...]]


def advance(state: IoProcessor, event: object) -> Step:
    """The next state, and what to do, after a message to the IOP."""
    match event:
        case m.StartIo():
            step = _start(state, event)
        case DeviceNotAvailable():
            step = _defer(state, event)
        case m.DeviceFreed(device=device):
            step = _begin_waiting(_freed(state, device))
        case m.ChannelProgramEnded():
            step = _program_ended(state, event)
        case m.IoIntermediate():
            step = _intermediate(state, event)
        case m.ResumeIo() | m.HaltIo() | m.ClearIo():
            step = _control(state, event)
        case m.DeviceSignalled(device=device, device_status=status):
            step = state, tuple(o.OfferStatus(lpar, device, status) for lpar in _users(state, device))
        case m.VaryPath():
            step = _vary(state, event)
        case (
            m.ReleaseReservations() | m.AbandonLpar() | m.AttachLpar() | m.DetachLpar() | m.ResetLpar()
        ):  # fmt: skip
            step = _come_and_go(state, event)
        case _:
            step = _quiesce(state, event)
    return step


def _users(state: IoProcessor, device: int) -> tuple[str, ...]:
    return tuple(sorted(lpar for lpar, devices in state.devices.items() if device in devices))


# --- starts -------------------------------------------------------------------------------------------------


def _start(state: IoProcessor, start: m.StartIo) -> Step:
    if start.device in state.offline:
        return state, (o.RefuseStart(start),)
    held = start.lpar in state.quiescing
    waiting = (*state.waiting, Waiting(start, state.arrivals, held))
    state, begun = _begin_waiting(evolve(state, waiting=waiting, arrivals=state.arrivals + 1))
    return state, (o.HoldStart(start), *begun) if held else begun


def _begin_waiting(state: IoProcessor) -> Step:
    """Begin every waiting start whose device is free and whose LPAR is not quiescing, in order."""
    if not state.waiting:
        return state, ()
    running, waiting, orders = dict(state.running), [], []
    busy = [one.start.device for one in state.waiting if one.busy]
    for one in state.waiting:
        start = one.start
        taken = start.device in running or start.device in state.given_up or start.device in busy
        if taken or one.deferred or start.lpar in state.quiescing:
            waiting.append(one)
        else:
            running[start.device] = start
            orders.append(o.Begin(start, one.arrival))
    return evolve(state, running=running, waiting=tuple(waiting)), tuple(orders)


def _defer(state: IoProcessor, event: DeviceNotAvailable) -> Step:
    """Not begun after all, and back in its place; the device may be another LPAR's to use."""
    waiting = list(state.waiting)
    insort(
        waiting,
        Waiting(event.start, event.arrival, deferred=True, busy=event.busy),
        key=lambda one: one.arrival,
    )
    return _begin_waiting(evolve(_not_running(state, event.start.device), waiting=tuple(waiting)))


def _freed(state: IoProcessor, device: int) -> IoProcessor:
    """What waits for the device may be tried again."""
    waiting = tuple(
        evolve(one, deferred=False, busy=False) if one.start.device == device else one
        for one in state.waiting
    )
    return evolve(state, waiting=waiting)


def _program_ended(state: IoProcessor, event: m.ChannelProgramEnded) -> Step:
    device = event.device
    late = state.overdue.get(device)
    given_up = state.given_up.get(device)
    if given_up is not None and given_up.start == event.start and given_up.lpar == event.lpar:
        start = given_up
        ended: tuple[o.Order, ...] = ()
        state = evolve(state, given_up=_without(state.given_up, device))
    else:
        start, was_active = state.running[device], device not in state.suspended
        state = _not_running(state, device)
        function = Function.HALT if event.halted else Function.START
        ended = (o.EndStart(start, function, event.ending),)
        if was_active:
            ended += _quiet(state, start.lpar)
    free = o.FreeDevice(start, start.lpar in state.reset or device in state.stale)
    stale = tuple(one for one in state.stale if one != device)
    state = _freed(evolve(state, overdue=_without(state.overdue, device), stale=stale), device)
    told: tuple[o.Order, ...] = () if late is None else (o.TellLate(start, late),)
    state, begun = _begin_waiting(state)
    return state, (*told, free, *ended, *begun)


def _not_running(state: IoProcessor, device: int) -> IoProcessor:
    return evolve(
        state,
        running=_without(state.running, device),
        suspended=tuple(one for one in state.suspended if one != device),
        resumes=tuple(one for one in state.resumes if one != device),
    )


def _quiet(state: IoProcessor, lpar: str) -> tuple[o.Order, ...]:
    """The last active program of a quiescing LPAR has ended."""
    operation = None if lpar in state.abandoned else state.quiescing.get(lpar)
    return () if operation is None or state.active(lpar) else (o.ReportQuiesced(operation, lpar),)


def _without(mapping: Mapping[int, _T], device: int) -> Mapping[int, _T]:
    return {number: value for number, value in mapping.items() if number != device}


# --- a running program --------------------------------------------------------------------------------------


def _intermediate(state: IoProcessor, event: m.IoIntermediate) -> Step:
    start = state.running.get(event.device)
    if start is None or (start.lpar, start.start) != (event.lpar, event.start):
        return state, ()  # it was given up meanwhile
    if not event.suspended:
        return state, (o.Forward(event),)
    state = evolve(state, suspended=(*state.suspended, event.device))
    return state, (o.Forward(event), *_quiet(state, event.lpar))


def _control(state: IoProcessor, event: m.ResumeIo | m.HaltIo | m.ClearIo) -> Step:
    """RESUME, HALT or CLEAR; nothing where the start has ended meanwhile."""
    waiting = next((one for one in state.waiting if _same(one.start, event)), None)
    if waiting is not None and not isinstance(event, m.ResumeIo):
        function = Function.HALT if isinstance(event, m.HaltIo) else Function.CLEAR
        state = evolve(state, waiting=tuple(one for one in state.waiting if one is not waiting))
        return state, (o.EndStart(waiting.start, function, NO_ENDING),)
    device = event.device
    start = state.running.get(device)
    if start is None or not _same(start, event):
        return state, ()
    match event:
        case m.HaltIo():
            return state, (o.Halt(device),)
        case m.ClearIo():
            was_active = device not in state.suspended
            state, orders = _give_up(state, device)
            return state, orders + (_quiet(state, start.lpar) if was_active else ())
        case m.ResumeIo():
            if start.lpar in state.quiescing:
                return evolve(state, resumes=(*state.resumes, device)), (o.HoldResume(start),)
            return _resume(state, device)


def _same(start: m.StartIo, event: m.ResumeIo | m.HaltIo | m.ClearIo) -> bool:
    return (start.lpar, start.device, start.start) == (event.lpar, event.device, event.start)


def _resume(state: IoProcessor, device: int) -> Step:
    suspended = tuple(one for one in state.suspended if one != device)
    resumes = tuple(one for one in state.resumes if one != device)
    return evolve(state, suspended=suspended, resumes=resumes), (o.Resume(device),)


def _give_up(state: IoProcessor, device: int) -> Step:
    start = state.running[device]
    state = evolve(_not_running(state, device), given_up={**state.given_up, device: start})
    return state, (o.GiveUp(device), o.EndStart(start, Function.CLEAR, NO_ENDING))


def _vary(state: IoProcessor, event: m.VaryPath) -> Step:
    device, online = event.device, event.online
    changed = (device in state.offline) == online
    offline = tuple(one for one in state.offline if one != device)
    back: tuple[o.Order, ...] = ()
    if not online:
        offline = (*offline, device)
        back = tuple(o.RefuseStart(one.start) for one in state.waiting if one.start.device == device)
        state = evolve(state, waiting=tuple(one for one in state.waiting if one.start.device != device))
    told = o.ConfirmVary(event.op, device, online, changed, _users(state, device) if changed else ())
    return evolve(state, offline=offline), (told, *back)


def _let_go(state: IoProcessor, event: m.ReleaseReservations | m.AbandonLpar) -> Step:
    """The LPAR is stopped for good, by its guest's failure or by an operation that lost its storage."""
    lpar = event.lpar
    state = evolve(state, reset=(*_others(state.reset, lpar), lpar))
    if isinstance(event, m.AbandonLpar):
        overdue = {**state.overdue, **dict.fromkeys(state.active(lpar), event.op)}
        state = evolve(state, abandoned=(*state.abandoned, lpar), overdue=overdue)
    return state, (o.ResetDevices(lpar, state.devices.get(lpar, ())),)


# --- LPARs that come, go, and are reset ------------------------------------------------------------------


_ComingAndGoing = m.ReleaseReservations | m.AbandonLpar | m.AttachLpar | m.DetachLpar | m.ResetLpar


def _come_and_go(state: IoProcessor, event: _ComingAndGoing) -> Step:
    lpar = event.lpar
    match event:
        case m.ReleaseReservations() | m.AbandonLpar():
            return _let_go(state, event)
        case m.AttachLpar(op=op, devices=devices, zone=zone):
            state = evolve(state, devices={**state.devices, lpar: devices}, zones={**state.zones, lpar: zone})
            offline = tuple(device for device in devices if device in state.offline)
            return state, (o.ConfirmAttached(op, lpar, zone, offline),)
        case m.DetachLpar(op=op):
            devices_of = {name: numbers for name, numbers in state.devices.items() if name != lpar}
            zones = {name: zone for name, zone in state.zones.items() if name != lpar}
            return evolve(state, devices=devices_of, zones=zones), (o.ConfirmDetached(op, lpar),)
        case m.ResetLpar(op=op):
            return _reset(state, op, lpar)


def _reset(state: IoProcessor, op: str, lpar: str) -> Step:
    """Clear all that the LPAR has here; what a device goes on with all the same is given up."""
    waiting = [one.start for one in state.waiting if one.start.lpar == lpar]
    orders: tuple[o.Order, ...] = tuple(o.EndStart(start, Function.CLEAR, NO_ENDING) for start in waiting)
    running = sorted(device for device, start in state.running.items() if start.lpar == lpar)
    state = evolve(state, waiting=tuple(one for one in state.waiting if one.start.lpar != lpar))
    for device in running:
        state, given_up = _give_up(evolve(state, overdue={**state.overdue, device: op}), device)
        orders += given_up
    stale = (device for device, start in state.given_up.items() if start.lpar == lpar)
    state = evolve(
        state, stale=tuple(dict.fromkeys((*state.stale, *stale))), reset=_others(state.reset, lpar),
        abandoned=_others(state.abandoned, lpar),
        quiescing={name: by for name, by in state.quiescing.items() if name != lpar},
    )  # fmt: skip
    cleared = len(waiting) + len(running)
    reset = o.ResetDevices(lpar, state.devices.get(lpar, ()))
    return state, (*orders, reset, o.ConfirmReset(op, lpar, cleared))


def _others(names: tuple[str, ...], lpar: str) -> tuple[str, ...]:
    return tuple(name for name in names if name != lpar)


# --- quiesce and SALE ---------------------------------------------------------------------------------------


def _quiesce(state: IoProcessor, event: object) -> Step:
    match event:
        case m.QuiesceIop(op=op, lpar=lpar, attempt=attempt):
            state, held = _hold(evolve(state, quiescing={**state.quiescing, lpar: op}), lpar)
            return state, (*held, _report(state, op, lpar, attempt))
        case m.ReportBusyDevices(op=op, lpar=lpar, attempt=attempt):
            return state, (_report(state, op, lpar, attempt),)
        case m.HaltBusyDevices(lpar=lpar):
            return state, tuple(o.Halt(device) for device in state.active(lpar))
        case m.ClearBusyDevices(op=op, lpar=lpar):
            orders: tuple[o.Order, ...] = ()
            for device in state.active(lpar):
                state, more = _give_up(evolve(state, overdue={**state.overdue, device: op}), device)
                orders += more
            return state, (*orders, o.ReportQuiesced(op, lpar))
        case m.SetAddressLimit(op=op, lpar=lpar, zone=zone):
            return evolve(state, zones={**state.zones, lpar: zone}), (o.ConfirmLimit(op, lpar, zone),)
        case m.ReleaseHeldStarts():
            return _release(state, event)
        case _:
            raise AssertionError(f"an IOP has no use for {event!r}")


def _hold(state: IoProcessor, lpar: str) -> Step:
    """What waits already, for its device, is held as well."""
    mine = [one for one in state.waiting if one.start.lpar == lpar and not one.held]
    waiting = tuple(evolve(one, held=True) if one in mine else one for one in state.waiting)
    return evolve(state, waiting=waiting), tuple(o.HoldStart(one.start) for one in mine)


def _release(state: IoProcessor, event: m.ReleaseHeldStarts) -> Step:
    lpar = event.lpar
    mine = [one for one in state.waiting if one.start.lpar == lpar and one.held]
    overdue = {**state.overdue, **dict.fromkeys(state.active(lpar), event.op)}
    state = evolve(
        state,
        quiescing={name: by for name, by in state.quiescing.items() if name != lpar},
        waiting=tuple(evolve(one, held=False) if one in mine else one for one in state.waiting),
        overdue=overdue,
    )
    orders: tuple[o.Order, ...] = (o.ConfirmRelease(event.op, lpar, len(mine)),)
    for device in state.resumes:
        if state.running[device].lpar == lpar:
            state, resumed = _resume(state, device)
            orders += resumed
    state, begun = _begin_waiting(state)
    return state, orders + begun


def _report(state: IoProcessor, op: str, lpar: str, attempt: int) -> o.Order:
    active = state.active(lpar)
    return o.ReportBusy(op, lpar, active, attempt) if active else o.ReportQuiesced(op, lpar)
