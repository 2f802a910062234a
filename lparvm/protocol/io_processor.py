"""What an I/O processor runs, holds, gives up and reports: its decisions, pure.

A start goes through some of these stages here, and ends once:

    waiting -> running <-> suspended -> ended
       |          |            |
       +----------+------------+-- halted or cleared

*Waiting*: it is *held* while its LPAR quiesces (patent step 202), or *deferred* while its device runs another
program (on this IOP or another one) or is reserved. *Running* alone is active: it alone touches storage, and
quiescing waits for it. A suspended program touches nothing until ResumeIo, which is held while its LPAR
quiesces; it keeps its device. A start that is cleared while it runs has ended for its LPAR; its channel program
is *given up*: it may touch nothing more, but its device is free only when it has ended there too.

Whether a device is free for an LPAR is known to the device alone, for another IOP may use it: `advance` asks by
`refusal`. Where it is not free the start waits for `DeviceFreed`, which each IOP tells the others.

Invariants: each start ends by one `EndStart` or `ReturnStart`; a device runs one program at a time; no program
of an LPAR begins or goes on while the LPAR quiesces; waiting starts are tried in the order in which they came,
each time their device may be free.
"""

from collections.abc import Callable, Mapping

from attrs import evolve, field, frozen

from lparvm.arch.address import Zone
from lparvm.arch.channel import Ending
from lparvm.arch.subchannel import Function
from lparvm.protocol import io_orders as o
from lparvm.protocol import messages as m

NOTHING = Ending(0, 0, 0, 0)
"""The ending of a start that was cleared, or halted before it began: there is no status of a device."""


@frozen
class Waiting:
    """A start that has not begun.

    Attributes:
        start: as it came.
        held: it came while its LPAR was quiescing, and was not released since.
        deferred: why the device could not run it when it was tried last; None: it was not tried in vain.
        blocked: not to be tried before the device is freed.
    """

    start: m.StartIo
    held: bool = False
    deferred: o.Deferral | None = None
    blocked: bool = False


@frozen
class Running:
    """A channel program that has begun and whose device has not ended.

    Attributes:
        start: its start.
        suspended: it waits for ResumeIo.
        resume_held: ResumeIo came while the LPAR was quiescing.
        given_up: its start was cleared: it has ended, only the device goes on.
        late_for: the operation that waited for it in vain.
    """

    start: m.StartIo
    suspended: bool = False
    resume_held: bool = False
    given_up: bool = False
    late_for: str | None = None

    @property
    def active(self) -> bool:
        """Whether it may touch storage."""
        return not (self.suspended or self.given_up)


@frozen
class IoProcessor:
    """An IOP's state.

    Attributes:
        users: device numbers on this IOP, by LPAR that may use them.
        zones: SALE, by LPAR.
        running: what each device runs, in the order in which they began.
        waiting: starts that have not begun, in order of arrival.
        quiescing: LPAR -> operation that holds its starts.
        offline: devices whose path from here is varied off.
    """

    users: Mapping[str, tuple[int, ...]]
    zones: Mapping[str, Zone]
    running: Mapping[int, Running] = field(factory=dict)
    waiting: tuple[Waiting, ...] = ()
    quiescing: Mapping[str, str] = field(factory=dict)
    offline: tuple[int, ...] = ()

    def active(self, lpar: str) -> tuple[int, ...]:
        """Devices whose channel program may touch the LPAR's storage, ascending."""
        return tuple(
            sorted(number for number, one in self.running.items() if one.start.lpar == lpar and one.active)
        )


Orders = tuple[o.Order, ...]
Step = tuple[IoProcessor, Orders]
Refusal = Callable[[m.StartIo], o.Deferral | None]
"""Why the device of a start cannot run it now; None: it can."""


def _never(_start: m.StartIo) -> None:
    """Every device is free, as far as other IOPs and reservations go."""


def advance(state: IoProcessor, event: object, refusal: Refusal = _never) -> Step:
    """The next state, and what to do, after a message to the IOP.

    Args:
        state: the state.
        event: the message.
        refusal: asked before a start begins. A program that has ended no longer uses its device.
    """
    match event:
        case m.StartIo():
            return _start(state, event, refusal)
        case m.ChannelProgramEnded():
            return _end(state, event, refusal)
        case m.IoIntermediate() | m.ResumeIo() | m.HaltIo() | m.ClearIo():
            return _act_on_start(state, event)
        case m.DeviceFreed() | m.DeviceSignalled() | m.VaryPath():
            return _note_device(state, event, refusal)
        case m.ReleaseHeldStarts():
            return _release(state, event, refusal)
        case _:
            return _quiesce(state, event)


# --- a start ----------------------------------------------------------------------------------------------


def _start(state: IoProcessor, start: m.StartIo, refusal: Refusal) -> Step:
    device = start.device
    if device in state.offline or device not in state.users.get(start.lpar, ()):
        return state, (o.ReturnStart(start),)
    if start.lpar in state.quiescing:
        return evolve(state, waiting=(*state.waiting, Waiting(start, held=True))), (o.TellHeld(start),)
    if not state.waiting and device not in state.running and refusal(start) is None:  # nearly always
        return evolve(state, running={**state.running, device: Running(start)}), (o.Begin(start),)
    return _begin_waiting(evolve(state, waiting=(*state.waiting, Waiting(start))), refusal)


def _begin_waiting(state: IoProcessor, refusal: Refusal) -> Step:
    """Try every waiting start whose device may be free and whose LPAR is not quiescing, in order."""
    if not state.waiting:
        return state, ()
    running, waiting = dict(state.running), []
    orders: list[o.Order] = []
    busy: list[int] = []  # in use: a start that came later does not pass the one that waits for it
    for one in state.waiting:
        start, device = one.start, one.start.device
        if start.lpar in state.quiescing or one.blocked:
            waiting.append(one)
            if one.blocked and one.deferred is o.Deferral.BUSY:
                busy.append(device)
            continue
        reason = o.Deferral.BUSY if device in running or device in busy else refusal(start)
        if reason is None:
            running[device] = Running(start)
            orders.append(o.Begin(start))
            continue
        waiting.append(evolve(one, deferred=reason, blocked=True))
        if reason is o.Deferral.BUSY:
            busy.append(device)
        if reason is not one.deferred:
            orders.append(o.TellDeferred(start, reason))
    return evolve(state, running=running, waiting=tuple(waiting)), tuple(orders)


def _unblock(state: IoProcessor, device: int) -> IoProcessor:
    """A device was freed: what waits for it may be tried again."""
    if not state.waiting:
        return state
    waiting = (evolve(one, blocked=False) if one.start.device == device else one for one in state.waiting)
    return evolve(state, waiting=tuple(waiting))


def _end(state: IoProcessor, event: m.ChannelProgramEnded, refusal: Refusal) -> Step:
    device = event.device
    ended = state.running[device]
    assert _is(ended.start, event), f"device {device:04X} runs {ended.start}, and {event} came"
    state = evolve(state, running={number: one for number, one in state.running.items() if number != device})
    orders: list[o.Order] = [o.FreeDevice(event.lpar, device)]
    if ended.late_for is not None:
        orders.insert(0, o.TellEndedLate(ended.start, ended.late_for))
    if not ended.given_up:
        function = Function.HALT if event.halted else Function.START
        orders.append(o.EndStart(ended.start, function, event.ending))
    if ended.active:
        orders += _quiet(state, event.lpar)
    state, begun = _begin_waiting(_unblock(state, device), refusal)
    return state, (*orders, *begun)


_Acting = m.IoIntermediate | m.ResumeIo | m.HaltIo | m.ClearIo


def _act_on_start(state: IoProcessor, event: _Acting) -> Step:
    """What is told to, or by, a start. Of a start that is over it means nothing any more: they crossed."""
    for place, one in enumerate(state.waiting):
        if _is(one.start, event):
            return _end_waiting(state, place, event)
    running = state.running.get(event.device)
    if running is None or running.given_up or not _is(running.start, event):
        return state, ()
    match event:
        case m.IoIntermediate():
            state = _put(state, evolve(running, suspended=True))
            told: Orders = (o.TellIntermediate(event),)
            return state, told + (_quiet(state, event.lpar) if running.active else ())
        case m.ResumeIo():
            return _resume(state, running)
        case m.HaltIo():
            return state, (o.Halt(running.start),)
        case m.ClearIo():
            state, orders = _give_up(state, running, None)
            return state, orders + (_quiet(state, event.lpar) if running.active else ())


def _resume(state: IoProcessor, running: Running) -> Step:
    if not running.suspended:
        return state, ()
    if running.start.lpar in state.quiescing:
        return _put(state, evolve(running, resume_held=True)), ()
    return _put(state, evolve(running, suspended=False)), (o.Resume(running.start),)


def _end_waiting(state: IoProcessor, place: int, event: _Acting) -> Step:
    """A start that has not begun is halted or cleared: it ends at once."""
    function = Function.CLEAR if isinstance(event, m.ClearIo) else Function.HALT
    assert isinstance(event, m.ClearIo | m.HaltIo), f"a start that waits is not suspended: {event}"
    start = state.waiting[place].start
    waiting = state.waiting[:place] + state.waiting[place + 1 :]
    return evolve(state, waiting=waiting), (o.EndStart(start, function, NOTHING),)


def _give_up(state: IoProcessor, running: Running, op: str | None) -> Step:
    """Clear a start that runs; `op` is the operation that waited for it in vain."""
    late_for = op or running.late_for
    state = _put(state, evolve(running, given_up=True, resume_held=False, late_for=late_for))
    return state, (o.GiveUp(running.start), o.EndStart(running.start, Function.CLEAR, NOTHING))


# --- operations -------------------------------------------------------------------------------------------


def _quiesce(state: IoProcessor, event: object) -> Step:
    """Step 202, and SALE."""
    match event:
        case m.QuiesceIop(op=op, lpar=lpar, attempt=attempt):
            state = evolve(state, quiescing={**state.quiescing, lpar: op})
            return state, (_report(state, op, lpar, attempt),)
        case m.ReportBusyDevices(op=op, lpar=lpar, attempt=attempt):
            return state, (_report(state, op, lpar, attempt),)
        case m.HaltBusyDevices(lpar=lpar):
            return state, tuple(o.Halt(state.running[device].start) for device in state.active(lpar))
        case m.ClearBusyDevices(op=op, lpar=lpar):
            orders: Orders = ()
            for device in state.active(lpar):
                state, more = _give_up(state, state.running[device], op)
                orders += more
            return state, (*orders, o.ReportQuiesced(op, lpar))
        case m.SetAddressLimit(op=op, lpar=lpar, zone=zone):
            state = evolve(state, zones={**state.zones, lpar: zone})
            return state, (o.ConfirmLimit(op, lpar, zone),)
        case _:
            raise AssertionError(f"an IOP has no use for {event!r}")


def _report(state: IoProcessor, op: str, lpar: str, attempt: int) -> o.Order:
    active = state.active(lpar)
    return o.ReportBusy(op, lpar, active, attempt) if active else o.ReportQuiesced(op, lpar)


def _quiet(state: IoProcessor, lpar: str) -> Orders:
    """A program of the LPAR is no longer active: was it the last one that its quiescing waits for?"""
    op = state.quiescing.get(lpar)
    return (o.ReportQuiesced(op, lpar),) if op is not None and not state.active(lpar) else ()


def _release(state: IoProcessor, event: m.ReleaseHeldStarts, refusal: Refusal) -> Step:
    """What was held goes on: suspended programs first, they began before any start that waits."""
    op, lpar = event.op, event.lpar
    running: dict[int, Running] = {}
    resumed: list[o.Order] = []
    for device, one in state.running.items():
        if one.start.lpar != lpar or one.given_up:
            running[device] = one
        elif one.resume_held:
            running[device] = evolve(one, suspended=False, resume_held=False)
            resumed.append(o.Resume(one.start))
        else:
            # What is still active was waited for in vain; a suspended one was not waited for.
            running[device] = evolve(one, late_for=op if one.active else one.late_for)
    held = sum(one.held and one.start.lpar == lpar for one in state.waiting)
    waiting = tuple(evolve(one, held=False) if one.start.lpar == lpar else one for one in state.waiting)
    quiescing = {name: by for name, by in state.quiescing.items() if name != lpar}
    state = evolve(state, running=running, waiting=waiting, quiescing=quiescing)
    state, begun = _begin_waiting(state, refusal)
    return state, (o.ConfirmRelease(op, lpar, held), *resumed, *begun)


# --- devices and paths ------------------------------------------------------------------------------------


def _note_device(
    state: IoProcessor, event: m.DeviceFreed | m.DeviceSignalled | m.VaryPath, refusal: Refusal
) -> Step:
    """What another IOP, a device by itself, or the operator tells of a device."""
    match event:
        case m.DeviceFreed(device=device):
            return _begin_waiting(_unblock(state, device), refusal)
        case m.DeviceSignalled(device=device, device_status=device_status):
            users = _users_of(state, device)
            return state, tuple(o.OfferStatus(lpar, device, device_status) for lpar in users)
        case m.VaryPath():
            return _vary(state, event)


def _vary(state: IoProcessor, event: m.VaryPath) -> Step:
    """Vary a path; what runs by it goes on to its end, what waits for it is given back."""
    device = event.device
    if event.online is (device not in state.offline):
        return state, (o.ConfirmVary(event, changed=False, lpars=()),)
    others = tuple(number for number in state.offline if number != device)
    returned: Orders = ()
    waiting = state.waiting
    if not event.online:
        returned = tuple(o.ReturnStart(one.start) for one in waiting if one.start.device == device)
        waiting = tuple(one for one in waiting if one.start.device != device)
    state = evolve(state, offline=others if event.online else (*others, device), waiting=waiting)
    return state, (o.ConfirmVary(event, changed=True, lpars=_users_of(state, device)), *returned)


# --- inside -----------------------------------------------------------------------------------------------


def _is(start: m.StartIo, event: _Acting | m.ChannelProgramEnded) -> bool:
    """Whether the event is about this start."""
    return start.start == event.start and start.lpar == event.lpar


def _put(state: IoProcessor, running: Running) -> IoProcessor:
    return evolve(state, running={**state.running, running.start.device: running})


def _users_of(state: IoProcessor, device: int) -> tuple[str, ...]:
    return tuple(lpar for lpar, devices in state.users.items() if device in devices)
