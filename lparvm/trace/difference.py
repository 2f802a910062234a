"""The first event at which two traces part, and how things stood there.

Both are read side by side, the first event of one against the first of the other and so on; nothing is kept but the
last events of each actor and a few before and behind. Headers are not compared. What is ignored is ignored in nested
values too, and in texts: a duration, such as `640 ms`, where times are, the name of an operation where ids are.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from attrs import Factory, define, frozen

from lparvm.errors import UsageError
from lparvm.trace.flat import leaves

Event = dict[str, Any]

_IDS = ("seq", "cause", "op", "operation", "operations")
_GROUPS = ("times", "ids")
_DURATION = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)? ?(?:ns|us|ms|s)\b")
_OPERATION = re.compile(r"\bop(?:\.\d+)+\b")
_INDEX = re.compile(r"\[\d+\]")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Absent:
    """Stands for a field that is not there."""

    def __repr__(self) -> str:
        return "(not there)"


ABSENT = _Absent()


@frozen
class Ignoring:
    """What doesn't count.

    Attributes:
        names: of fields, at any depth.
        times: `t`, every field that ends in `_ns`, and durations in texts.
        ids: numbers of events, causes, operations, and the names of operations in texts.
    """

    names: frozenset[str] = frozenset()
    times: bool = False
    ids: bool = False

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Ignoring":
        """From what the command line gives: names and groups, by commas.

        Raises:
            UsageError: something is no name of a field.
        """
        given = [word.strip() for text in texts for word in text.split(",")]
        for word in given:
            if not _FIELD.fullmatch(word):
                raise UsageError(
                    f"{word!r} is not the name of a field; expected names such as t,seq, or times, ids"
                )
        ids = "ids" in given
        names = frozenset(word for word in given if word not in _GROUPS) | frozenset(_IDS if ids else ())
        return cls(names, "times" in given, ids)

    def __contains__(self, name: str) -> bool:
        return name in self.names or (self.times and (name == "t" or name.endswith("_ns")))

    def differences(self, one: Event, other: Event) -> Iterator[tuple[str, Any, Any]]:
        """(path, value, other value) of everything that counts and differs."""
        for name in (*one, *(name for name in other if name not in one)):
            if name in self:
                continue
            first, second = one.get(name, ABSENT), other.get(name, ABSENT)
            if not _same(first, second):
                yield from self._inside(name, first, second)

    def _inside(self, name: str, first: Any, second: Any) -> Iterator[tuple[str, Any, Any]]:
        ours, theirs = self._leaves(name, first), self._leaves(name, second)
        for path in (*ours, *(path for path in theirs if path not in ours)):
            left, right = ours.get(path, ABSENT), theirs.get(path, ABSENT)
            if type(left) is not type(right) or left != right:
                yield path, left, right

    def _leaves(self, name: str, value: Any) -> dict[str, Any]:
        if value is ABSENT:
            return {}
        return {
            path: self._text(leaf) if type(leaf) is str else leaf
            for path, leaf in leaves({name: value})
            if not any(part in self for part in _INDEX.sub("", path).split("."))
        }

    def _text(self, text: str) -> str:
        if self.times:
            text = _DURATION.sub("~", text)
        return _OPERATION.sub("op", text) if self.ids else text


def _same(first: Any, second: Any) -> bool:
    """Surely the same; otherwise it takes a closer look."""
    if type(first) is not type(second):
        return False
    try:
        # Nested, true and 1 would be equal to Python.
        return bool(first == second) and (type(first) not in (dict, list) or repr(first) == repr(second))
    except RecursionError:
        return False


@define
class Parting:
    """Where two traces part.

    Attributes:
        equal: how many events are equal, from the beginning.
        before: the last of them, from the first trace.
        first: the event at which they part and some that follow, of the first trace; none: it ended.
        second: the same of the second trace.
        differences: (path, value of the first, value of the second) of the two events.
        last: the last of the equal events that each actor told.
        phases: operation -> LPAR -> phase, of those under way.
    """

    equal: int = 0
    before: list[Event] = Factory(list)
    first: list[Event] = Factory(list)
    second: list[Event] = Factory(list)
    differences: list[tuple[str, Any, Any]] = Factory(list)
    last: dict[str, Event] = Factory(dict)
    phases: dict[str, dict[str, str]] = Factory(dict)

    @property
    def parted(self) -> bool:
        """Whether they do."""
        return bool(self.first or self.second)

    def actors(self) -> list[str]:
        """Those who tell, or are told, something where the traces part."""
        events = (*self.first[:1], *self.second[:1])
        names = (name for event in events for name in (event["actor"], event.get("to")))
        return list(dict.fromkeys(name for name in names if isinstance(name, str)))

    def note(self, event: Event) -> None:
        """An event that both have."""
        self.equal += 1
        self.last[event["actor"]] = event
        if event["event"] == "phase.entered" and event["op"] is not None:
            phases = self.phases.setdefault(event["op"], {})
            phases[event["lpar"]] = event["phase"]
            if all(phase == "REPORTED" for phase in phases.values()):
                del self.phases[event["op"]]


def compare(first: Iterable[Event], second: Iterable[Event], ignoring: Ignoring, *, context: int) -> Parting:
    """Read two traces as far as they are equal.

    Args:
        first: events of one.
        second: events of the other.
        ignoring: what doesn't count.
        context: how many events to keep before and behind.
    """
    one, other = iter(first), iter(second)
    found, before = Parting(), deque[Event](maxlen=context)
    while True:
        left, right = next(one, None), next(other, None)
        if left is None and right is None:
            return found
        if left is not None and right is not None:
            found.differences = list(ignoring.differences(left, right))
            if not found.differences:
                found.note(left)
                before.append(left)
                continue
        found.before = list(before)
        found.first = [] if left is None else [left, *islice(one, context)]
        found.second = [] if right is None else [right, *islice(other, context)]
        return found
