"""Stopping and restarting the LIPs of one LPAR (patent steps 201 and 210): LIP control's decisions, pure.

Every StopLip and every SIE is answered by the LIP, in the order sent. A LIP that is slow to reach an
instruction boundary may still owe answers when its guest is to be stopped again; then the stop waits here
and is ordered when the LIP has caught up. So a LIP never has more than two orders of an LPAR to answer, and one
more when the guest fails (it is stopped at once, and fails once): its mailbox is bounded. A new extent is told to
every LIP beside that, whether it runs the guest or not, and the next one only when all have answered.
"""

import enum
from collections.abc import Mapping

from attrs import Factory, evolve, frozen

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m


class Mode(enum.StrEnum):
    """What the guest as a whole is doing."""

    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    RESTARTING = "RESTARTING"
    STARTING = "STARTING"  # the first SIE of a new guest, or that after START
    RESETTING = "RESETTING"  # the LIPs leave the guest for good, the IOPs clear its I/O


@frozen
class OrderStop:
    """Tell a LIP to leave the guest."""

    op: str | None
    lip: str


@frozen
class OrderSie:
    """Tell a LIP to run the guest at this zone; with `run` false only to note the zone."""

    op: str | None
    lip: str
    zone: Zone
    run: bool


@frozen
class AnswerStopped:
    """Every LIP has stopped."""

    op: str
    failed: bool = False


@frozen
class AnswerRestarted:
    """Every LIP that had stopped is in SIE again."""

    op: str
    standings: tuple[m.LipStanding, ...]


@frozen
class OrderExtent:
    """Tell a LIP the zone's new extent; the guest goes on or stands as it does."""

    op: str
    lip: str
    zone: Zone


@frozen
class AnswerExtent:
    """Every LIP has the new extent."""

    op: str


@frozen
class OrderAttach:
    """Tell a LIP to take up the new guest."""

    op: str
    lip: str


@frozen
class OrderDetach:
    """Tell a LIP to forget the guest."""

    op: str
    lip: str


@frozen
class OrderReset:
    """Tell an IOP to clear all I/O of the LPAR."""

    op: str
    iop: str


@frozen
class TellHeld:
    """The operator stopped the guest, or he did and it may run again (told for the trace)."""

    op: str
    held: bool


@frozen
class AnswerHeld:
    """The guest stands until START."""

    op: str


@frozen
class AnswerStarted:
    """Every LIP is in SIE."""

    op: str


@frozen
class AnswerReset:
    """No LIP has the guest any more, and no IOP its I/O."""

    op: str
    failed: bool


Order = (
    OrderStop | OrderSie | OrderAttach | OrderDetach | OrderReset | OrderExtent | TellHeld
    | AnswerStopped | AnswerRestarted | AnswerHeld | AnswerStarted | AnswerReset
    | AnswerExtent
)  # fmt: skip


@frozen
class GuestControl:
    """What LIP control knows of its guest.

    Attributes:
        lips: the LIPs, by CPU address; none: no guest is loaded.
        zone: the zone that the state descriptions hold, or will with the last SIE or extent ordered.
        op: the operation that stopped the guest, or is stopping or restarting it.
        owed: LIP -> answers still to come.
        to_stop: LIPs that are to be ordered to stop when they have caught up.
        left_ns: LIP -> when it left SIE for this operation.
        sie_ns: LIP -> when it entered SIE again.
        failed: a guest processor failed; the guest is not run any more.
        held: the operator stopped the guest: it is not run until START.
        iops: the IOPs of the LPAR's devices.
        unreset: those of them that have not cleared its I/O yet.
        extent_due: LIPs that have not answered the last extent.
    """

    lpar: str
    lips: tuple[str, ...]
    zone: Zone
    mode: Mode = Mode.RUNNING
    op: str | None = None
    owed: Mapping[str, int] = Factory(dict)
    to_stop: tuple[str, ...] = ()
    left_ns: Mapping[str, int] = Factory(dict)
    sie_ns: Mapping[str, int] = Factory(dict)
    failed: bool = False
    held: bool = False
    iops: tuple[str, ...] = ()
    unreset: tuple[str, ...] = ()
    extent_due: tuple[str, ...] = ()

    @property
    def may_run(self) -> bool:
        """Whether there is a guest that operations may start: it did not fail, and is not held."""
        return bool(self.lips) and not self.failed and not self.held

    @property
    def in_sie(self) -> bool:
        """Whether the guest runs: not from StopGuest until its restart is answered, nor after it failed."""
        return self.mode is Mode.RUNNING and self.may_run


Step = tuple[GuestControl, tuple[Order, ...]]


def begin(state: GuestControl) -> Step:
    """IPL: SIE on every LIP."""
    return _sie(state, state.lips)


def advance(state: GuestControl, event: object) -> Step:
    """The next state, and what to order, after a message to LIP control."""
    match event:
        case m.StopGuest(op=op):
            state = evolve(state, mode=Mode.STOPPING, op=op, left_ns={}, sie_ns={})
            ready = tuple(lip for lip in state.lips if not state.owed.get(lip))
            late = tuple(lip for lip in state.lips if state.owed.get(lip))
            state, orders = _stop(evolve(state, to_stop=late), ready)
            state, answer = _answer(state)
            return state, orders + answer
        case m.RestartGuest(op=op, zone=zone):
            ordered = tuple(lip for lip in state.lips if lip not in state.to_stop)
            state = evolve(state, mode=Mode.RESTARTING, op=op, zone=zone, to_stop=())
            state, orders = _sie(state, ordered)
            state, answer = _answer(state)
            return state, orders + answer
        case m.LipStopped(lip=lip) | m.InterpretiveExecutionStarted(lip=lip):
            return _go_on(_note(_settle(state, lip), event), lip)
        case m.GuestFailed():
            return (state, ()) if state.failed else _stop(evolve(state, failed=True), state.lips, op=None)
        case m.ChangeExtent() | m.ExtentSet():
            return _change_extent(state, event)
        case _:
            return _come_and_go(state, event)


def _come_and_go(state: GuestControl, event: object) -> Step:
    """STOP and START, a new guest, and the end of one."""
    match event:
        case m.HoldGuest(op=op):
            return evolve(state, mode=Mode.RUNNING, held=True), (TellHeld(op, True), AnswerHeld(op))
        case m.StartGuest(op=op, zone=zone, lips=lips):
            return _start(evolve(state, op=op, zone=zone), op, lips)
        case m.ResetGuest(op=op):
            return _reset(evolve(state, op=op), op)
        case m.ProcessorAttached(lip=lip):
            return _settle(state, lip), ()
        case m.ProcessorDetached(lip=lip):
            return _answer(_settle(state, lip))
        case m.LparReset(iop=iop):
            return _answer(evolve(state, unreset=tuple(one for one in state.unreset if one != iop)))
        case _:
            raise AssertionError(f"guest control has no use for {event!r}")


def _change_extent(state: GuestControl, event: m.ChangeExtent | m.ExtentSet) -> Step:
    if isinstance(event, m.ExtentSet):
        due = tuple(other for other in state.extent_due if other != event.lip)
        return evolve(state, extent_due=due), () if due else (AnswerExtent(event.op),)
    assert not state.extent_due, "the extent before was answered by all"
    state = evolve(state, zone=event.zone, extent_due=state.lips)
    orders = tuple(OrderExtent(event.op, lip, event.zone) for lip in state.lips)
    return state, orders or (AnswerExtent(event.op),)


def _start(state: GuestControl, op: str, lips: tuple[str, ...]) -> Step:
    """SIE; a new guest is taken up before."""
    told = (TellHeld(op, False),) if state.held else ()
    attached = tuple(OrderAttach(op, lip) for lip in lips)
    owed = {**state.owed, **{lip: state.owed.get(lip, 0) + 1 for lip in lips}}
    state = evolve(
        state, mode=Mode.STARTING, lips=lips or state.lips, held=False, owed=owed, left_ns={}, sie_ns={}
    )
    state, ordered = _sie(state, state.lips)
    return state, (*told, *attached, *ordered)


def _reset(state: GuestControl, op: str) -> Step:
    """The LIPs leave for good; the guest has stopped before, so that no more starts come from it."""
    told = (TellHeld(op, False),) if state.held else ()
    owed = {**state.owed, **{lip: state.owed.get(lip, 0) + 1 for lip in state.lips}}
    state = evolve(state, mode=Mode.RESETTING, held=False, to_stop=(), owed=owed, unreset=state.iops)
    detached = tuple(OrderDetach(op, lip) for lip in state.lips)
    state, answer = _answer(state)
    return state, (*told, *detached, *(OrderReset(op, iop) for iop in state.iops), *answer)


def _stop(state: GuestControl, lips: tuple[str, ...], op: str | None = "") -> Step:
    owed = {**state.owed, **{lip: state.owed.get(lip, 0) + 1 for lip in lips}}
    by = state.op if op == "" else op
    return evolve(state, owed=owed), tuple(OrderStop(by, lip) for lip in lips)


def _sie(state: GuestControl, lips: tuple[str, ...]) -> Step:
    owed = {**state.owed, **{lip: state.owed.get(lip, 0) + 1 for lip in lips}}
    orders = tuple(OrderSie(state.op, lip, state.zone, state.may_run) for lip in lips)
    return evolve(state, owed=owed), orders


def _note(state: GuestControl, event: m.LipStopped | m.InterpretiveExecutionStarted) -> GuestControl:
    """An answer that belongs to what the operation waits for."""
    if event.op != state.op:
        return state
    if isinstance(event, m.LipStopped):
        if state.mode is not Mode.STOPPING:
            return state
        return evolve(state, left_ns={**state.left_ns, event.lip: event.left_sie_ns})
    if state.mode not in (Mode.RESTARTING, Mode.STARTING):
        return state
    return evolve(state, sie_ns={**state.sie_ns, event.lip: event.sie_ns})


def _settle(state: GuestControl, lip: str) -> GuestControl:
    return evolve(state, owed={**state.owed, lip: state.owed[lip] - 1})


def _go_on(state: GuestControl, lip: str) -> Step:
    """After an answer: order the stop that waited for it, and answer LPAR control where all is done."""
    orders: tuple[Order, ...] = ()
    if lip in state.to_stop and not state.owed[lip]:
        rest = tuple(other for other in state.to_stop if other != lip)
        state, orders = _stop(evolve(state, to_stop=rest), (lip,))
    state, answer = _answer(state)
    return state, orders + answer


def _answer(state: GuestControl) -> Step:
    if state.mode is Mode.STOPPING and len(state.left_ns) == len(state.lips):
        assert state.op is not None, "only an operation stops the guest"
        return evolve(state, mode=Mode.STOPPED), (AnswerStopped(state.op, state.failed),)
    if state.mode is Mode.RESTARTING and all(lip in state.sie_ns for lip in state.left_ns):
        assert state.op is not None, "only an operation restarts the guest"
        # A guest that failed, or that the operator stopped, does not stand still for the operation.
        standings = () if not state.may_run else tuple(
            m.LipStanding(lip, state.left_ns[lip], state.sie_ns[lip])
            for lip in state.lips if lip in state.left_ns
        )  # fmt: skip
        return evolve(state, mode=Mode.RUNNING), (AnswerRestarted(state.op, standings),)
    if state.mode is Mode.STARTING and len(state.sie_ns) == len(state.lips):
        assert state.op is not None, "only an operation starts the guest"
        return evolve(state, mode=Mode.RUNNING), (AnswerStarted(state.op),)
    if state.mode is Mode.RESETTING and not state.unreset and not any(state.owed.values()):
        assert state.op is not None, "only an operation resets the guest"
        answer = AnswerReset(state.op, state.failed)
        state = evolve(state, mode=Mode.RUNNING, lips=(), failed=False, owed={}, left_ns={}, sie_ns={})
        return state, (answer,)
    return state, ()
