"""Service signals of one LPAR, and the guest's answers: LIP control's decisions, pure.

LPAR control asks one thing at a time. The guest takes a signal when it likes and answers when it likes: its
answer may come when nobody waits for it any more, then it is told the extent in force and nothing else happens. A
guest that gives storage up waits in its call until the matter is settled, and is told the extent that came of it.

A LIP never has more than one PresentSignal to answer; what is to be pending after that one waits here, and only
the last of it. So the LIP's mailbox is bounded also when it takes long to reach an instruction boundary.
"""

from attrs import evolve, frozen

from lparvm.arch.service_signal import (
    ServiceAnswer,
    ServiceSignal,
    StorageGivenUp,
    StorageGrown,
    StorageKept,
    StorageWanted,
)
from lparvm.protocol import messages as m


@frozen
class Present:
    """Make a signal pending at the LIP of the guest's first processor; None: take it back."""

    op: str
    lip: str
    signal: ServiceSignal | None


@frozen
class WakeUp:
    """The processor on this LIP has a signal: if it waits, its wait ends."""

    lip: str


@frozen
class TellSignalled:
    """A fact: the guest has a signal. `op` None: the operation has not waited for it."""

    op: str | None
    lip: str
    signal: ServiceSignal


@frozen
class TellAnswered:
    """A fact: the guest answered. `op` None: no operation waits for it."""

    op: str | None
    lip: str
    answer: ServiceAnswer


@frozen
class ReplyExtent:
    """The guest's call on this LIP is over: its reply is the extent in force."""

    lip: str


@frozen
class Answer:
    """Tell LPAR control."""

    message: m.GuestSignalled | m.GuestAnswered | m.GuestUnreachable | m.SignalSettled


Order = Present | WakeUp | TellSignalled | TellAnswered | ReplyExtent | Answer


@frozen
class GuestSignals:
    """What LIP control knows of signals.

    Attributes:
        lpar: whose guest.
        lip: the LIP that ran its first processor when it was signalled last.
        op: the operation whose signal is not settled; None: there is none.
        wanted: what that operation signals.
        awaited: LPAR control waits for GuestSignalled, GuestAnswered or GuestUnreachable.
        presented: the PresentSignal that the LIP has not answered.
        then: what is to be presented when it has.
        caller: the LIP on which the guest waits for the matter to be settled.
    """

    lpar: str
    lip: str = ""
    op: str | None = None
    wanted: ServiceSignal | None = None
    awaited: bool = False
    presented: Present | None = None
    then: Present | None = None
    caller: str | None = None


Event = m.SignalGuest | m.SignalPresented | m.SettleSignal | m.GuestFailed
"""What LIP control is told that concerns signals, beside the guest's calls."""

Step = tuple[GuestSignals, tuple[Order, ...]]


def advance(
    state: GuestSignals,
    event: Event,
    *,
    lip: str | None,
    runs: bool,
    failed: bool = False,
) -> Step:
    """The next state, and what to order, after a message to LIP control.

    Args:
        state: the present state; it is not changed.
        event: the message.
        lip: the LIP of the guest's first processor; None: no guest is loaded.
        runs: whether the guest runs; one that stands is not asked, but what it is told stays pending for it.
        failed: whether it will never run again.
    """
    match event:
        case m.SignalGuest(op=op, signal=signal):
            if lip is None or failed or not (runs or isinstance(signal, StorageGrown)):
                return state, (Answer(m.GuestUnreachable(op, state.lpar)),)
            # A call that still waits is one of an earlier guest's.
            state = evolve(state, lip=lip, op=op, wanted=signal, awaited=True, caller=None)
            return _present(state, Present(op, lip, signal))
        case m.SignalPresented(taken=taken):
            return _presented(state, taken=taken)
        case m.SettleSignal(op=op):
            return _settle(state, op)
        case m.GuestFailed():
            return _give_up(state)


def answer(state: GuestSignals, lip: str, said: ServiceAnswer) -> Step:
    """The guest's call on a LIP."""
    asked = state.wanted
    timely = state.awaited and isinstance(asked, StorageWanted) and state.presented is None
    if timely and isinstance(asked, StorageWanted) and _answers(said, asked):
        assert state.op is not None, "an operation asked"
        tell = (TellAnswered(state.op, lip, said), Answer(m.GuestAnswered(state.op, state.lpar, said)))
        if isinstance(said, StorageGivenUp):
            return evolve(state, awaited=False, caller=lip), tell
        return evolve(state, op=None, wanted=None, awaited=False), (*tell, ReplyExtent(lip))
    return state, (TellAnswered(None, lip, said), ReplyExtent(lip))


def _answers(said: ServiceAnswer, asked: StorageWanted) -> bool:
    """Whether this is the answer to that.

    More frames than those that are asked for may be given up; the zone keeps the extent asked for. Less is none:
    it answers an earlier question.
    """
    return isinstance(said, StorageKept) or (isinstance(said, StorageGivenUp) and said.extent <= asked.extent)


def _present(state: GuestSignals, present: Present) -> Step:
    if state.presented is not None:
        return evolve(state, then=present), ()
    return evolve(state, presented=present), (present,)


def _presented(state: GuestSignals, *, taken: bool) -> Step:
    present, then = state.presented, state.then
    assert present is not None, "a LIP answers what it was ordered"
    state = evolve(state, presented=None, then=None)
    mine = state.awaited and state.op == present.op and then is None
    orders: tuple[Order, ...] = ()
    if taken and present.signal is not None:
        orders = (TellSignalled(state.op if mine else None, present.lip, present.signal), WakeUp(present.lip))
    if then is not None:
        state, more = _present(state, then)
        return state, orders + more
    if mine and not taken:
        state, more = _give_up(state)
        return state, orders + more
    if mine and not isinstance(present.signal, StorageWanted):
        orders += (Answer(m.GuestSignalled(present.op, state.lpar)),)
        state = evolve(state, op=None, wanted=None, awaited=False)
    return state, orders


def _give_up(state: GuestSignals) -> Step:
    """The guest can't be signalled, or can't answer any more."""
    if not state.awaited:
        return state, ()
    assert state.op is not None, "an operation waits"
    told = Answer(m.GuestUnreachable(state.op, state.lpar))
    return evolve(state, op=None, wanted=None, awaited=False), (told,)


def _settle(state: GuestSignals, op: str) -> Step:
    orders: tuple[Order, ...] = ()
    if state.op == op:
        if state.awaited:
            state, orders = _present(state, Present(op, state.lip, None))
        if state.caller is not None:
            orders += (ReplyExtent(state.caller),)
        state = evolve(state, op=None, wanted=None, awaited=False, caller=None)
    return state, (*orders, Answer(m.SignalSettled(op, state.lpar)))
