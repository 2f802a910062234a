"""Service signals: every question of LPAR control gets one answer, whatever the guest says, and when."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.service_signal import (
    ServiceAnswer,
    StorageGivenUp,
    StorageGrown,
    StorageKept,
    StorageUsed,
    StorageWanted,
)
from lparvm.protocol import guest_signals as gs
from lparvm.protocol import messages as m

LPAR, LIP = "LPAR2", "LIP1"
FRESH = gs.GuestSignals(LPAR)
WANTED, GROWN = StorageWanted(64), StorageGrown(128)
GIVEN_UP, KEPT, USED = StorageGivenUp(64), StorageKept("mine"), StorageUsed(128)


class Dialogue:
    """LIP control's signals, driven by hand; each step returns what was ordered."""

    def __init__(self) -> None:
        self.state = FRESH

    def tell(self, message: Any, *, lip: str | None = LIP, runs: bool = True, failed: bool = False) -> Any:
        self.state, orders = gs.advance(self.state, message, lip=lip, runs=runs, failed=failed)
        return orders

    @property
    def over(self) -> bool:
        """Nothing is open: no question, no signal on its way, no call."""
        return evolve(self.state, lip="") == FRESH

    def ask(self, signal: Any = WANTED, op: str = "op.1", **guest: Any) -> tuple[gs.Order, ...]:
        return self.tell(m.SignalGuest(op, LPAR, signal), **guest)

    def presented(self, op: str = "op.1", *, taken: bool = True) -> tuple[gs.Order, ...]:
        return self.tell(m.SignalPresented(op, LPAR, LIP, taken))

    def settle(self, op: str = "op.1") -> tuple[gs.Order, ...]:
        return self.tell(m.SettleSignal(op, LPAR))

    def call(self, answer: ServiceAnswer) -> tuple[gs.Order, ...]:
        self.state, orders = gs.answer(self.state, LIP, answer)
        return orders


@pytest.fixture
def dialogue() -> Dialogue:
    return Dialogue()


def told(message: Any) -> gs.Answer:
    return gs.Answer(message)


def test_storage_that_has_grown_is_told_and_nobody_waits_for_the_answer(dialogue):
    assert dialogue.ask(GROWN) == (gs.Present("op.1", LIP, GROWN),)
    assert dialogue.presented() == (
        gs.TellSignalled("op.1", LIP, GROWN), gs.WakeUp(LIP), told(m.GuestSignalled("op.1", LPAR)),
    )  # fmt: skip
    assert dialogue.call(USED) == (gs.TellAnswered(None, LIP, USED), gs.ReplyExtent(LIP))
    assert dialogue.over


def test_a_guest_that_gives_storage_up_waits_until_the_matter_is_settled(dialogue):
    dialogue.ask()
    assert dialogue.presented() == (gs.TellSignalled("op.1", LIP, WANTED), gs.WakeUp(LIP))
    answered = m.GuestAnswered("op.1", LPAR, GIVEN_UP)
    assert dialogue.call(GIVEN_UP) == (gs.TellAnswered("op.1", LIP, GIVEN_UP), told(answered))
    assert dialogue.settle() == (gs.ReplyExtent(LIP), told(m.SignalSettled("op.1", LPAR)))
    assert dialogue.over


def test_a_guest_that_refuses_goes_on_at_once(dialogue):
    dialogue.ask()
    dialogue.presented()
    answered = m.GuestAnswered("op.1", LPAR, KEPT)
    assert dialogue.call(KEPT) == (gs.TellAnswered("op.1", LIP, KEPT), told(answered), gs.ReplyExtent(LIP))
    assert dialogue.over


def test_more_than_what_is_asked_for_may_be_given_up_and_less_is_no_answer(dialogue):
    dialogue.ask()
    dialogue.presented()
    less = StorageGivenUp(65)
    assert dialogue.call(less) == (gs.TellAnswered(None, LIP, less), gs.ReplyExtent(LIP))
    more = StorageGivenUp(3)
    assert told(m.GuestAnswered("op.1", LPAR, more)) in dialogue.call(more)


def test_a_guest_that_stands_is_not_asked_but_is_told_what_it_finds_when_it_runs_again(dialogue):
    assert dialogue.ask(WANTED, runs=False) == (told(m.GuestUnreachable("op.1", LPAR)),)
    assert dialogue.ask(GROWN, runs=False) == (gs.Present("op.1", LIP, GROWN),)


@pytest.mark.parametrize("signal", [WANTED, GROWN])
def test_a_guest_that_failed_or_takes_no_signal_is_unreachable(dialogue, signal):
    unreachable = told(m.GuestUnreachable("op.1", LPAR))
    assert dialogue.ask(signal, runs=False, failed=True) == (unreachable,)
    assert dialogue.ask(signal, lip=None, runs=False) == (unreachable,), "no guest is loaded"
    dialogue.ask(signal)
    assert dialogue.presented(taken=False) == (unreachable,)
    assert dialogue.over


@pytest.mark.parametrize("presented", [False, True])
def test_a_guest_that_fails_while_it_is_asked_is_unreachable(dialogue, presented):
    dialogue.ask()
    if presented:
        dialogue.presented()
    failed = m.GuestFailed(None, LPAR, LIP, "LVM070E", "")
    assert dialogue.tell(failed, runs=False) == (told(m.GuestUnreachable("op.1", LPAR)),)
    assert dialogue.tell(failed, runs=False) == ()


def test_a_signal_that_is_still_pending_is_taken_back(dialogue):
    dialogue.ask()
    dialogue.presented()
    assert dialogue.settle() == (gs.Present("op.1", LIP, None), told(m.SignalSettled("op.1", LPAR)))
    assert dialogue.presented() == ()
    assert dialogue.over


@pytest.mark.parametrize("answer", [GIVEN_UP, KEPT])
def test_an_answer_that_comes_too_late_gets_its_reply_and_means_nothing(dialogue, answer):
    dialogue.ask()
    dialogue.presented()
    dialogue.settle()
    assert dialogue.call(answer) == (gs.TellAnswered(None, LIP, answer), gs.ReplyExtent(LIP))


def test_a_lip_that_takes_long_is_told_only_the_last_of_what_is_to_be_pending(dialogue):
    dialogue.ask()
    assert dialogue.settle() == (told(m.SignalSettled("op.1", LPAR)),)
    assert dialogue.ask(op="op.2") == ()
    assert dialogue.settle("op.2") == (told(m.SignalSettled("op.2", LPAR)),)
    assert dialogue.ask(GROWN, op="op.3") == ()
    assert dialogue.presented() == (
        gs.TellSignalled(None, LIP, WANTED), gs.WakeUp(LIP), gs.Present("op.3", LIP, GROWN),
    )  # fmt: skip
    assert told(m.GuestSignalled("op.3", LPAR)) in dialogue.presented("op.3")


def test_an_old_answer_is_none_to_a_question_that_has_not_reached_the_guest(dialogue):
    dialogue.ask()
    dialogue.presented()
    dialogue.settle()
    dialogue.ask(op="op.2")
    assert dialogue.call(KEPT) == (gs.TellAnswered(None, LIP, KEPT), gs.ReplyExtent(LIP))
    assert dialogue.state.op == "op.2"


_MOVES = st.lists(
    st.one_of(
        st.sampled_from(("ask", "grow", "settle", "fail")),
        st.sampled_from(("taken", "refused")),
        st.sampled_from((GIVEN_UP, KEPT, USED, StorageGivenUp(1), StorageGivenUp(100))),
    ),
    max_size=40,
)


@given(_MOVES)
def test_every_question_is_answered_once_and_every_call_gets_one_reply(moves):  # noqa: PLR0912
    """LPAR control asks one thing at a time; LIP and guest may do anything at any time."""
    dialogue, at_lip, calling, asks, failed = Dialogue(), 0, False, 0, False
    open_op: str | None = None  # asked, and not answered
    unsettled: str | None = None  # given up, and not settled
    for move in [*moves, "taken", "settle", "taken"]:
        orders: tuple[gs.Order, ...] = ()
        op = open_op or unsettled
        if move in ("ask", "grow") and op is None:
            asks += 1
            open_op = f"op.{asks}"
            orders = dialogue.ask(WANTED if move == "ask" else GROWN, open_op, runs=not failed, failed=failed)
        elif move == "settle" and op is not None and dialogue.state.wanted != GROWN:
            orders = dialogue.settle(op)
            assert told(m.SignalSettled(op, LPAR)) in orders
            open_op = unsettled = None
        elif move == "fail":
            failed = True
            orders = dialogue.tell(m.GuestFailed(None, LPAR, LIP, "", ""), runs=False)
        elif move in ("taken", "refused") and at_lip:
            at_lip -= 1
            orders = dialogue.presented("any" if dialogue.state.presented is None else dialogue.state.presented.op,
                                        taken=move == "taken")  # fmt: skip
        elif not isinstance(move, str) and not calling:
            calling = True
            orders = dialogue.call(move)
        for order in orders:
            match order:
                case gs.Present():
                    at_lip += 1
                    assert at_lip == 1, "a LIP has one PresentSignal to answer"
                case gs.ReplyExtent():
                    assert calling, "nobody called"
                    calling = False
                case gs.Answer(message=m.SignalSettled()):
                    pass
                case gs.Answer(message=message):
                    assert message.op == open_op, f"{message} answers nothing"
                    open_op = None
                    if isinstance(message, m.GuestAnswered) and isinstance(message.answer, StorageGivenUp):
                        unsettled = message.op
                case gs.TellSignalled(op=told_op) | gs.TellAnswered(op=told_op):
                    assert told_op in (None, op), "a fact of an operation that is over"
    if dialogue.state.wanted != GROWN:
        assert open_op is None, "a question without an answer"
        assert not calling, "a call without a reply"


def test_a_call_that_was_never_settled_is_none_of_the_next_guests(dialogue):
    dialogue.ask()
    dialogue.presented()
    dialogue.call(GIVEN_UP)  # and then the LPAR was check-stopped, and loaded anew on another LIP
    assert dialogue.ask(op="op.2", lip="LIP7") == (gs.Present("op.2", "LIP7", WANTED),)
    assert dialogue.settle("op.2") == (told(m.SignalSettled("op.2", LPAR)),)


def test_records_are_not_changed():
    before = evolve(FRESH)
    gs.advance(FRESH, m.SignalGuest("op.1", LPAR, WANTED), lip=LIP, runs=True)
    assert before == FRESH
