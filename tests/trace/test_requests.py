"""requests-answered, by itself: requests and answers between actors, made by hand."""

from itertools import count

import pytest

from lparvm.trace.rules.base import Verdict
from lparvm.trace.rules.requests import _ANSWERS, RequestsAnswered
from lparvm.trace.vocabulary import VOCABULARY


class Talk:
    """Messages in their order; `at` sets the clock."""

    def __init__(self) -> None:
        self.checker, self.now, self.numbers = RequestsAnswered(), 0, count(1)
        self.tell("machine.started", "MACHINE")

    def tell(self, event: str, actor: str, *, op: str | None = "op.1", **fields: object) -> None:
        self.now += 10
        told = {
            "seq": next(self.numbers),
            "t": self.now,
            "actor": actor,
            "event": event,
            "op": op,
            "cause": None,
        }
        self.checker.feed({**told, "step": None, **fields})

    def ask(self, event: str, actor: str = "LPARCTL", to: str = "RM", **fields: object) -> None:
        self.tell(event, actor, to=to, **fields)

    def verdict(self, *, ended: bool = True, answered: str | None = "COMPLETED") -> str:
        if answered is not None:
            self.tell("command.answered", "SVP", result=answered)
        if ended:
            self.tell("machine.ended", "MACHINE", op=None, interrupted=False)
        found = self.checker.finish()
        return found.violation or str(found.verdict.value)


def test_every_request_and_answer_is_a_message_of_the_vocabulary():
    for request, answers in _ANSWERS.items():
        for name in (request, *answers):
            assert VOCABULARY[name].message


def test_a_request_that_is_answered_holds():
    talk = Talk()
    talk.ask("CheckAreas")
    talk.ask("AreasFree", "RM", "LPARCTL")
    assert talk.verdict() == "held"
    assert talk.checker.checked == 1


def test_a_request_without_answer_is_told_where_it_was_sent():
    talk = Talk()
    talk.ask("CheckAreas")
    assert talk.verdict() == "at 20 ns, LPARCTL, CheckAreas (seq 2), op.1: to RM: it was never answered"


def test_a_run_that_does_not_end_leaves_requests_open():
    talk = Talk()
    talk.ask("CheckAreas")
    assert talk.verdict(ended=False) == "held"


def test_a_command_that_was_answered_as_interrupted_leaves_requests_open():
    talk = Talk()
    talk.ask("CheckAreas")
    assert talk.verdict(answered="INTERRUPTED") == "held"


@pytest.mark.parametrize(("later_ns", "verdict"), [(0, "held"), (2_000_000_000, "never answered")])
def test_without_an_answer_to_its_command_a_request_is_due_after_a_second(later_ns, verdict):
    talk = Talk()
    talk.ask("CheckAreas")
    talk.now += later_ns
    assert verdict in talk.verdict(answered=None)


WRONG = {
    "it comes twice": ("AreasFree", "RM", "LPARCTL", "op.1"),
    "another one answers": ("AreasFree", "IOP1", "LPARCTL", "op.1"),
    "another one gets it": ("AreasFree", "RM", "SVP", "op.1"),
    "it is of another operation": ("AreasFree", "RM", "LPARCTL", "op.2"),
    "it answers another request": ("AreasReserved", "RM", "LPARCTL", "op.1"),
}


@pytest.mark.parametrize("how", WRONG)
def test_an_answer_to_nothing_is_a_violation(how):
    event, actor, to, op = WRONG[how]
    talk = Talk()
    talk.ask("CheckAreas")
    if how == "it comes twice":
        talk.ask("AreasFree", "RM", "LPARCTL")
    talk.ask(event, actor, to, op=op)
    assert "but there is no open" in talk.verdict()


def test_answers_are_told_apart_by_their_lpar():
    talk = Talk()
    for lpar in "AB":
        talk.ask("StopGuest", to="LIPCTL", lpar=lpar)
    talk.ask("GuestStopped", "LIPCTL", "LPARCTL", lpar="B")
    talk.ask("GuestStopped", "LIPCTL", "LPARCTL", lpar="B")
    assert "no open StopGuest" in talk.verdict()


def test_an_iop_may_tell_unasked_that_it_is_quiet():
    talk = Talk()
    talk.ask("QuiesceIop", to="IOP1")
    talk.ask("IopBusy", "IOP1", "LPARCTL")
    talk.ask("IopQuiesced", "IOP1", "LPARCTL")
    assert talk.verdict() == "held"


@pytest.mark.parametrize("late", [False, True])
def test_a_stop_that_was_rescinded_may_be_answered_or_not(late):
    talk = Talk()
    talk.ask("StopGuest", to="LIPCTL.A", lpar="A")
    talk.ask("RestartGuest", to="LIPCTL.A", lpar="A")
    if late:
        talk.ask("GuestStopped", "LIPCTL.A", "LPARCTL", lpar="A")
    talk.ask("GuestRestarted", "LIPCTL.A", "LPARCTL", lpar="A")
    assert talk.verdict() == "held"


def test_a_lip_that_never_reaches_a_boundary_answers_neither_stop_nor_sie():
    talk = Talk()
    for event in ("StopLip", "StartInterpretiveExecution"):
        talk.ask(event, "LIPCTL.A", "LIP1", lpar="A")
    assert talk.verdict() == "held"
    talk = Talk()
    talk.ask("StopLip", "LIPCTL.A", "LIP1", lpar="A")
    assert "never answered" in talk.verdict(), "it was not told to start again"


def test_a_run_without_messages_is_unchecked():
    talk = Talk()
    talk.tell("machine.ended", "MACHINE", op=None, interrupted=False)
    found = talk.checker.finish()
    assert (found.verdict, found.reason) == (Verdict.UNCHECKED, "no messages are told at this level")
