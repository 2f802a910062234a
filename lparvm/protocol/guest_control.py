"""Stopping and restarting the LIPs of one LPAR (patent steps 201 and 210): LIP control's decisions, pure.

Every StopLip and every SIE is answered by the LIP, in the order sent. A LIP that is slow to reach an
instruction boundary may still owe answers when its guest is to be stopped again; then the stop waits here
and is ordered when the LIP has caught up. So a LIP never has more than two orders of an LPAR to answer, and one
more when the guest fails (it is stopped at once, and fails once): its mailbox is bounded.
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


@frozen
class AnswerRestarted:
    """Every LIP that had stopped is in SIE again."""

    op: str
    standings: tuple[m.LipStanding, ...]


Order = OrderStop | OrderSie | AnswerStopped | AnswerRestarted


@frozen
class GuestControl:
    """What LIP control knows of its guest.

    Attributes:
        lips: the LIPs, by CPU address.
        zone: the zone that the state descriptions hold, or will with the last SIE ordered.
        op: the operation that stopped the guest, or is stopping or restarting it.
        owed: LIP -> answers still to come.
        to_stop: LIPs that are to be ordered to stop when they have caught up.
        left_ns: LIP -> when it left SIE for this operation.
        sie_ns: LIP -> when it entered SIE again.
        failed: a guest processor failed; the guest is not run any more.
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

    @property
    def in_sie(self) -> bool:
        """Whether the guest runs: not from StopGuest until its restart is answered, nor after it failed."""
        return self.mode is Mode.RUNNING and not self.failed


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
            return _stop(evolve(state, to_stop=late), ready)
        case m.RestartGuest(op=op, zone=zone):
            ordered = tuple(lip for lip in state.lips if lip not in state.to_stop)
            state = evolve(state, mode=Mode.RESTARTING, op=op, zone=zone, to_stop=())
            state, orders = _sie(state, ordered)
            state, answer = _answer(state)
            return state, orders + answer
        case m.LipStopped(op=op, lip=lip, left_sie_ns=left_ns):
            state = _settle(state, lip)
            if op == state.op and state.mode is Mode.STOPPING:
                state = evolve(state, left_ns={**state.left_ns, lip: left_ns})
            return _go_on(state, lip)
        case m.InterpretiveExecutionStarted(op=op, lip=lip, sie_ns=sie_ns):
            state = _settle(state, lip)
            if op == state.op and state.mode is Mode.RESTARTING:
                state = evolve(state, sie_ns={**state.sie_ns, lip: sie_ns})
            return _go_on(state, lip)
        case m.GuestFailed():
            if state.failed:
                return state, ()
            return _stop(evolve(state, failed=True), state.lips, op=None)
        case _:
            raise AssertionError(f"guest control has no use for {event!r}")


def _stop(state: GuestControl, lips: tuple[str, ...], op: str | None = "") -> Step:
    owed = {**state.owed, **{lip: state.owed.get(lip, 0) + 1 for lip in lips}}
    by = state.op if op == "" else op
    return evolve(state, owed=owed), tuple(OrderStop(by, lip) for lip in lips)


def _sie(state: GuestControl, lips: tuple[str, ...]) -> Step:
    owed = {**state.owed, **{lip: state.owed.get(lip, 0) + 1 for lip in lips}}
    orders = tuple(OrderSie(state.op, lip, state.zone, not state.failed) for lip in lips)
    return evolve(state, owed=owed), orders


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
        return evolve(state, mode=Mode.STOPPED), (AnswerStopped(state.op),)
    if state.mode is Mode.RESTARTING and all(lip in state.sie_ns for lip in state.left_ns):
        assert state.op is not None, "only an operation restarts the guest"
        # A guest that failed does not stand still for the operation: it is at its end.
        standings = () if state.failed else tuple(
            m.LipStanding(lip, state.left_ns[lip], state.sie_ns[lip])
            for lip in state.lips if lip in state.left_ns
        )  # fmt: skip
        return evolve(state, mode=Mode.RUNNING), (AnswerRestarted(state.op, standings),)
    return state, ()
