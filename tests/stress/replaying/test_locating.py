"""The event that shows a problem is found: its own, or the last one of what the oracle names."""

from typing import Any

import pytest

from lparvm.stress.oracles.problem import Problem
from lparvm.stress.replaying.locating import Locator
from lparvm.trace.rules import RuleVerdict, Verdict
from lparvm.trace.rules.base import Violation


def event(seq: int, name: str, op: str | None = None, **own: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "t": seq,
        "actor": "LPARCTL",
        "event": name,
        "op": op,
        "cause": None,
        "step": None,
        **own,
    }


EVENTS = (
    event(1, "zone.moved", "op.1", lpar="B"),
    event(2, "guest.damaged", lpar="B"),
    event(3, "guest.damaged", lpar="A"),
    event(4, "zone.moved", "op.2", lpar="A"),
    event(5, "phase.entered", "op.2", lpar="A"),
    event(6, "guest.ended", lpar="A", reason="program ended"),
    event(7, "guest.ended", lpar="A", reason="addressing"),
    event(8, "sie.issued", lpar="B"),
    event(9, "command.answered", "op.3"),
    event(10, "slice.ended", lpar="A"),
)
FOUND = {
    "damage": (Problem("guest-data", "A (pulse): 3 places"), 3, "which finds the damage"),
    "a guest that failed": (
        Problem("guest-failed", "A (pulse) could not go on"),
        7,
        "by which the guest fails",
    ),
    "an operation": (
        Problem("cancel", "its CANCEL of op.2 was granted"),
        5,
        "the last event of op.2 in the trace",
    ),
    "an LPAR": (Problem("liveness", "B stood still"), 8, "the last event of B in the trace"),
    "what moved it": (
        Problem("invisibility", "LPAR A: page 3 differs"),
        4,
        "the last move of A in the trace",
    ),
    "an operation that is nowhere": (Problem("unanswered", "op.77"), 9, "the last event of the trace"),
    "a crash": (Problem("crash", "KeyError: 'x'"), 9, "the last event of the trace"),
    "a rule": (Problem("rule:stop-holds", "A still runs"), 4, "which breaks the rule"),
    "a rule that only the end breaks": (
        Problem("rule:end", "op.2 is open"),
        5,
        "the last event of op.2 in the trace",
    ),
}
RULES = (
    RuleVerdict("stop-holds", Verdict.BROKEN, 1, told=(Violation("A still runs", EVENTS[3]),)),
    RuleVerdict("end", Verdict.BROKEN, 1, told=(Violation("op.2 is open", None),)),
)


@pytest.mark.parametrize(("problem", "seq", "why"), FOUND.values(), ids=FOUND)
def test_the_event_of_a_problem_is_found(problem: Problem, seq: int, why: str):
    locator = Locator(problem, RULES, ("A", "B"))
    for one in EVENTS:
        locator.feed(one)
    place = locator.place()
    assert place is not None
    assert (place.event["seq"], place.why) == (seq, why)


def test_a_trace_without_events_shows_nothing():
    assert Locator(Problem("crash", "x"), (), ()).place() is None
