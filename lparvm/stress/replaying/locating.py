"""Which event of a trace shows a problem: the end of the chain of causes that is told.

Oracles look at a machine, most of them when it is at rest. What they say names an operation or an LPAR; the last event
that tells of it is where to look then. Only damage and broken rules have an event of their own.
"""

import re
from collections.abc import Iterable

from attrs import frozen

from lparvm.stress.oracles.problem import Problem
from lparvm.trace.rules import RuleVerdict
from lparvm.trace.writer import Event

_OPERATION = re.compile(r"\bop\.\d+(?:\.\d+)?")
_LEAVES = frozenset(("storage.accessed", "slice.ended"))
"""They cause nothing, and are most of a trace."""
_MAP_CHANGES = frozenset(("zone.moved", "zone.resized"))


@frozen
class Place:
    """An event.

    Attributes:
        event: as it stands in the trace.
        why: what it has to do with the problem.
    """

    event: Event
    why: str


class Locator:
    """Looks for the event of a problem. Feed it each event of the trace, in order."""

    def __init__(self, problem: Problem, rules: Iterable[RuleVerdict], lpars: Iterable[str]) -> None:
        """Look for this one.

        Args:
            problem: as the oracle told it.
            rules: verdicts of the rules in the same run.
            lpars: all LPARs.
        """
        self._problem = problem
        broken = next((rule for rule in rules if f"rule:{rule.rule}" == problem.oracle and rule.told), None)
        self._seq = None if broken is None else broken.told[0].seq
        self._ops = tuple(dict.fromkeys(_OPERATION.findall(problem.detail)))
        words = re.findall(r"\w+", problem.detail)
        self._lpars = tuple(word for word in dict.fromkeys(words) if word in frozenset(lpars))
        self._own: Place | None = None
        self._by_op: dict[str, Event] = {}
        self._by_lpar: dict[str, Event] = {}
        self._last: Event | None = None

    def feed(self, event: Event) -> None:
        """Look at an event."""
        name, op = event["event"], event["op"]
        lpar: str | None = event.get("lpar")
        if self._own is None and (why := self._is_own(name, lpar, event)):
            self._own = Place(event, why)
        if name in _LEAVES:
            return
        self._last = event
        if op is not None and op in self._ops:
            self._by_op[op] = event
        if (
            lpar is not None
            and lpar in self._lpars
            and (self._problem.oracle != "invisibility" or name in _MAP_CHANGES)
        ):
            self._by_lpar[lpar] = event

    def _is_own(self, name: str, lpar: str | None, event: Event) -> str:
        """Why this event is the problem itself; empty where it isn't."""
        if self._seq is not None:
            return "which breaks the rule" if event["seq"] == self._seq else ""
        if lpar not in self._lpars:
            return ""
        if self._problem.oracle == "guest-data" and name == "guest.damaged":
            return "which finds the damage"
        failed = name == "guest.ended" and event["reason"] != "program ended"
        return "by which the guest fails" if self._problem.oracle == "guest-failed" and failed else ""

    def place(self) -> Place | None:
        """The event; None where the trace has none."""
        if self._own is not None:
            return self._own
        for names, found in ((self._ops, self._by_op), (self._lpars, self._by_lpar)):
            for name in names:
                if name in found:
                    what = "the last move" if self._problem.oracle == "invisibility" else "the last event"
                    return Place(found[name], f"{what} of {name} in the trace")
        return None if self._last is None else Place(self._last, "the last event of the trace")
