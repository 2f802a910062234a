"""The channel subsystem that an LPAR sees: its subchannels, the I/O instructions, pending interruptions. Pure.

`perform` does an instruction for whoever makes it; the reply comes at once, and what the IOPs are to do comes as
orders. `advance` takes what the IOPs tell. Neither raises for anything a guest or an IOP in order can ask or
tell.

I/O interruptions, in the words of chapter 6: a subchannel makes an *interruption request* each time status
becomes pending: at the end of a start, halt or clear, with intermediate status, with unsolicited status. While a
request waits, further status of the subchannel joins it: a subchannel has one at most, so what is pending is
bounded. Taking the interruption (`take`) ends the request and leaves the status; TEST ends both.
Order of requests: the lowest interruption subclass first, of those alike the oldest.

Invariants: each start that was accepted ends once, and of a subchannel only one start is under way; the numbers
of starts and interruptions ascend; each interruption is taken or cleared once, or pending.
"""

from bisect import insort
from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from lparvm.arch import interception as i
from lparvm.arch.interruption import IoInterruption
from lparvm.arch.subchannel import ConditionCode, Function, Irb, LimitMode, Schib
from lparvm.protocol import messages as m
from lparvm.protocol import subchannel as sc
from lparvm.protocol.subchannel import Subchannel

_RESET = "reset"
_LIMIT_END = 1 << 31
"""Address-limit checking ends where the limit's range does."""


@frozen
class PendingInterruption:
    """An interruption request.

    Attributes:
        number: of the LPAR's interruptions, ascending: its age.
        interruption: what the guest is told.
    """

    number: int
    interruption: IoInterruption


@frozen
class ChannelSubsystem:
    """The state.

    Attributes:
        lpar: name of the LPAR.
        subchannels: by device number.
        starts: number of the last start accepted.
        interruptions: number of the last interruption.
        limit: of SET ADDRESS LIMIT, guest absolute.
        requests: interruption requests in the order in which they are to be taken.
    """

    lpar: str
    subchannels: Mapping[int, Subchannel]
    starts: int = 0
    interruptions: int = 0
    limit: int = 0
    requests: tuple[PendingInterruption, ...] = ()


@frozen
class Send:
    """Send a message to an IOP."""

    iop: str
    message: m.StartIo | m.ResumeIo | m.HaltIo | m.ClearIo


@frozen
class TellAccepted:
    """A start was accepted."""

    device: int
    start: int


@frozen
class TellEnded:
    """A start ended of which no IOP tells it: none could begin it."""

    device: int
    start: int
    function: Function


@frozen
class TellPending:
    """An interruption is pending."""

    device: int
    number: int


@frozen
class TellCleared:
    """An interruption that was pending is no more; `reason` is the instruction that cleared it, or `reset`."""

    device: int
    number: int
    reason: str


Order = Send | TellAccepted | TellEnded | TellPending | TellCleared
Step = tuple[ChannelSubsystem, tuple[Order, ...]]
IopMessage = m.IoBegan | m.IoIntermediate | m.IoEnded | m.PathNotOperational | m.PathChanged | m.StatusOffered
"""What an IOP tells of a device."""
_Acting = i.StartSubchannel | i.HaltSubchannel | i.ClearSubchannel | i.ResumeSubchannel | i.ModifySubchannel


def make(lpar: str, devices: Mapping[int, tuple[str, ...]]) -> ChannelSubsystem:
    """The subchannels of an LPAR after IPL; `devices` names the IOPs of each, in the order of the paths."""
    subchannels = {
        device: sc.make(number, device, paths) for number, (device, paths) in enumerate(devices.items())
    }
    return ChannelSubsystem(lpar, subchannels)


def renew(state: ChannelSubsystem, devices: Mapping[int, tuple[str, ...]]) -> ChannelSubsystem:
    """The subchannels of an LPAR that is activated; starts and interruptions go on being counted."""
    return evolve(make(state.lpar, devices), starts=state.starts, interruptions=state.interruptions)


def begin_reset(state: ChannelSubsystem) -> Step:
    """System reset: what the IOPs have is as if CLEAR SUBCHANNEL had been given for it; they are told otherwise."""
    orders: tuple[Order, ...] = ()
    for device, sub in state.subchannels.items():
        state, cleared = _withdraw(state, device, _RESET)
        orders += cleared
        if sub.start is not None:
            state = _put(state, device, sc.clearing(sub))
    return state, orders


def end_reset(state: ChannelSubsystem) -> Step:
    """Every IOP has cleared what it had: all status is gone. Paths that are varied off stay so."""
    orders: tuple[Order, ...] = ()
    for device, sub in state.subchannels.items():
        state, cleared = _withdraw(state, device, _RESET)
        orders += cleared
        state = _put(state, device, sc.reset(sub))
    return evolve(state, limit=0), orders


def pending(state: ChannelSubsystem) -> tuple[PendingInterruption, ...]:
    """The interruption requests: the lowest interruption subclass first, of those alike the oldest."""
    return state.requests


def enabled(interruption: IoInterruption, devices: tuple[int, ...] | None, classes: int) -> bool:
    """Whether masks let an interruption through: device numbers (None: all), and subclasses (0x80 for 0)."""
    return bool((devices is None or interruption.device in devices) and classes & 0x80 >> interruption.isc)


def take(state: ChannelSubsystem, number: int) -> ChannelSubsystem:
    """A processor takes an interruption: the request is over, the status stays."""
    return evolve(state, requests=tuple(one for one in state.requests if one.number != number))


# --- instructions -----------------------------------------------------------------------------------------


def perform(state: ChannelSubsystem, request: i.IoRequest) -> tuple[ChannelSubsystem, Any, tuple[Order, ...]]:
    """Do an I/O instruction.

    Returns:
        The next state; the reply, as `arch.interception` says for each; what to do and tell.
    """
    match request:
        case i.SetAddressLimit(limit=limit):
            return evolve(state, limit=limit), None, ()
        case i.TestPendingInterruption():
            return _test_pending(state, request)
    sub = state.subchannels.get(request.device)
    code = ConditionCode.NOT_OPERATIONAL if sub is None else sc.refusal(sub, request)
    if sub is None or code is not ConditionCode.DONE:
        return state, _refused(sub, request, code), ()
    match request:
        case i.TestSubchannel(device=device):
            state, orders = _test(state, sub, device)
            return state, i.Tested(code, Irb(sub.scsw, sub.pmcw.last_used)), orders
        case i.StoreSubchannel():
            return state, i.Stored(code, Schib(sub.pmcw, sub.scsw)), ()
    state, orders = _do(state, sub, request)
    return state, code, orders


def _do(state: ChannelSubsystem, sub: Subchannel, request: _Acting) -> Step:
    """Do an instruction that was not refused, and whose reply is its condition code."""
    device = request.device
    match request:
        case i.StartSubchannel():
            return _start(state, sub, request)
        case i.HaltSubchannel():
            return _halt(state, sub, device)
        case i.ClearSubchannel():
            return _clear(state, sub, device)
        case i.ResumeSubchannel():
            assert sub.start is not None, "it is suspended"
            resume = m.ResumeIo(None, state.lpar, device, sub.start.start)
            return _put(state, device, sc.resuming(sub)), (Send(sub.iop, resume),)
        case i.ModifySubchannel():
            return _put(state, device, sc.modified(sub, request)), ()


def _refused(sub: Subchannel | None, request: i.IoRequest, code: ConditionCode) -> Any:
    """The reply of an instruction that is not done; TEST tells the SCSW also where no status is pending."""
    match request:
        case i.TestSubchannel():
            known = sub is not None and code is ConditionCode.STATUS_PENDING
            return i.Tested(code, Irb(sub.scsw, sub.pmcw.last_used) if sub is not None and known else None)
        case i.StoreSubchannel():
            return i.Stored(code)
        case _:
            return code


def _test_pending(
    state: ChannelSubsystem, request: i.TestPendingInterruption
) -> tuple[ChannelSubsystem, IoInterruption | None, tuple[Order, ...]]:
    for one in state.requests:
        interruption = one.interruption
        if enabled(interruption, request.devices, request.classes):
            told = TellCleared(interruption.device, one.number, "TEST PENDING INTERRUPTION")
            return take(state, one.number), interruption, (told,)
    return state, None, ()


def _start(state: ChannelSubsystem, sub: Subchannel, request: i.StartSubchannel) -> Step:
    device, number = request.device, state.starts + 1
    limit = _limit(state, sub) if request.orb.address_limit else None
    start = m.StartIo(None, state.lpar, device, number, request.orb, limit)
    sub = sc.started(sub, start)
    state = _put(evolve(state, starts=number), device, sub)
    return state, (TellAccepted(device, number), Send(sub.iop, start))


def _limit(state: ChannelSubsystem, sub: Subchannel) -> tuple[int, int] | None:
    match sub.pmcw.limit_mode:
        case LimitMode.NOT_BELOW:
            return state.limit, _LIMIT_END
        case LimitMode.BELOW:
            return 0, state.limit
        case _:
            return None


def _halt(state: ChannelSubsystem, sub: Subchannel, device: int) -> Step:
    if sub.start is None:
        return _request(_put(state, device, sc.done_at_once(sub, Function.HALT)), device)
    state, cleared = _withdraw(state, device, "HALT SUBCHANNEL")
    halt = m.HaltIo(None, state.lpar, device, sub.start.start)
    return _put(state, device, sc.halting(sub)), (*cleared, Send(sub.iop, halt))


def _clear(state: ChannelSubsystem, sub: Subchannel, device: int) -> Step:
    state, cleared = _withdraw(state, device, "CLEAR SUBCHANNEL")
    if sub.start is None:
        state, told = _request(_put(state, device, sc.done_at_once(sub, Function.CLEAR)), device)
        return state, cleared + told
    if sub.scsw.function & Function.CLEAR:  # under way: the IOP was told
        return state, cleared
    clear = m.ClearIo(None, state.lpar, device, sub.start.start)
    return _put(state, device, sc.clearing(sub)), (*cleared, Send(sub.iop, clear))


def _test(state: ChannelSubsystem, sub: Subchannel, device: int) -> Step:
    state, cleared = _withdraw(state, device, "TEST SUBCHANNEL")
    state, told = _accept_unsolicited(state, device, sc.tested(sub))
    return state, cleared + told


# --- the IOPs ---------------------------------------------------------------------------------------------


def advance(state: ChannelSubsystem, message: IopMessage) -> Step:
    """Take what an IOP tells. Of a start that is over it means nothing any more."""
    device = message.device
    sub = state.subchannels[device]
    match message:
        case m.PathChanged(iop=iop, online=online):
            return _put(state, device, sc.path_changed(sub, iop, online=online)), ()
        case m.StatusOffered(device_status=device_status):
            return _accept_unsolicited(state, device, sc.offered(sub, device_status))
    if sub.start is None or sub.start.start != message.start:
        return state, ()
    match message:
        case m.IoBegan():
            return _put(state, device, sc.began(sub)), ()
        case m.IoIntermediate(suspended=suspended, ccw_address=ccw_address):
            after = sc.intermediate(sub, suspended=suspended, ccw_address=ccw_address)
        case m.IoEnded(function=function, ending=ending):
            after = sc.ended(sub, function, ending)
        case m.PathNotOperational(iop=iop):
            return _lose_path(state, sub, device, iop)
    return _becomes_pending(_put(state, device, after), sub, after)


def _lose_path(state: ChannelSubsystem, sub: Subchannel, device: int, iop: str) -> Step:
    after, start = sc.path_lost(sub, iop), sub.start
    assert start is not None, "it is under way"
    state = _put(state, device, after)
    if after.start is not None:
        return state, (Send(after.iop, start),)
    by = after.scsw.function
    function = next((one for one in (Function.CLEAR, Function.HALT) if one & by), Function.START)
    state, told = _becomes_pending(state, sub, after)
    return state, (TellEnded(device, start.start, function), *told)


def _becomes_pending(state: ChannelSubsystem, before: Subchannel, after: Subchannel) -> Step:
    """A request, where there is status of a sort that was not pending before."""
    if after.scsw.status & ~before.scsw.status:
        return _request(state, after.pmcw.device)
    return state, ()


def _accept_unsolicited(state: ChannelSubsystem, device: int, sub: Subchannel) -> Step:
    if not sc.accepts_unsolicited(sub):
        return _put(state, device, sub), ()
    return _request(_put(state, device, sc.unsolicited_accepted(sub)), device)


# --- requests for interruption ----------------------------------------------------------------------------


def _put(state: ChannelSubsystem, device: int, sub: Subchannel) -> ChannelSubsystem:
    return evolve(state, subchannels={**state.subchannels, device: sub})


def _request(state: ChannelSubsystem, device: int) -> Step:
    """A request for a subchannel's status, unless one is pending."""
    if any(one.interruption.device == device for one in state.requests):
        return state, ()
    sub, number = state.subchannels[device], state.interruptions + 1
    interruption = IoInterruption(device, sub.number, sub.pmcw.parameter, sub.pmcw.isc)
    requests = list(state.requests)
    insort(requests, PendingInterruption(number, interruption), key=_priority)
    return evolve(state, interruptions=number, requests=tuple(requests)), (TellPending(device, number),)


def _priority(one: PendingInterruption) -> tuple[int, int]:
    return one.interruption.isc, one.number


def _withdraw(state: ChannelSubsystem, device: int, reason: str) -> Step:
    """The status of a subchannel is cleared: so is the request for it, if it was not taken yet."""
    for one in state.requests:
        if one.interruption.device == device:
            return take(state, one.number), (TellCleared(device, one.number, reason),)
    return state, ()
