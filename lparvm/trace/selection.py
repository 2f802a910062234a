"""Which events of a trace are meant: by actor, LPAR, operation, event, step and time."""

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from re import Pattern
from typing import Any

from attrs import field, frozen

from lparvm.trace.flat import texts
from lparvm.trace.wording import time_text

Event = dict[str, Any]

_OPERATION = "op."
# Characters that names are made of; `LIPCTL.LPAR2` concerns LPAR2.
_NAME_CHARACTER = "[A-Za-z0-9_-]"


def _tuple(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(values)


@frozen
class Selection:
    """What is asked for. Of values of one kind any will do; of the kinds given all must hold.

    Attributes:
        actors: who told it; globs, in any case.
        lpars: the event concerns one of these LPARs, in whatever field; globs, in any case.
        operations: it belongs to one of these, or to a part of one: `op.1`, or just `1`, means op.1.2 as well.
        events: its name; globs, in any case.
        steps: its step of the patent.
        from_ns: not before this time of the run clock.
        to_ns: not after it.
    """

    actors: tuple[str, ...] = field(default=(), converter=_tuple)
    lpars: tuple[str, ...] = field(default=(), converter=_tuple)
    operations: tuple[str, ...] = field(default=(), converter=_tuple)
    events: tuple[str, ...] = field(default=(), converter=_tuple)
    steps: tuple[int, ...] = field(default=(), converter=tuple)
    from_ns: int | None = None
    to_ns: int | None = None

    def predicate(self) -> Callable[[Event], bool]:
        """What tells of an event whether it is meant."""
        tests = tuple(self._tests())
        return lambda event: all(test(event) for test in tests)

    def _tests(self) -> Iterator[Callable[[Event], bool]]:
        """The cheap ones first."""
        from_ns, to_ns, steps = self.from_ns, self.to_ns, self.steps
        if from_ns is not None:
            yield lambda event: bool(event["t"] >= from_ns)
        if to_ns is not None:
            yield lambda event: bool(event["t"] <= to_ns)
        if steps:
            yield lambda event: event["step"] in steps
        if self.operations:
            names = tuple(_operation(name) for name in self.operations)
            yield lambda event: event["op"] is not None and _is_part(event["op"].lower(), names)
        if self.actors:
            actor = _any_of(self.actors)
            yield lambda event: actor.match(event["actor"]) is not None
        if self.events:
            name = _any_of(self.events)
            yield lambda event: name.match(event["event"]) is not None
        if self.lpars:
            lpar = _word(self.lpars)
            yield lambda event: any(lpar.search(text) is not None for text in texts(event.values()))

    def options(self) -> tuple[str, ...]:
        """What is asked for, as `KEYWORD=value`; none: everything."""
        listed = {
            "ACTOR": self.actors, "LPAR": self.lpars, "OP": self.operations, "EVENT": self.events,
            "STEP": self.steps,
        }  # fmt: skip
        found = [f"{name}=({','.join(map(str, values))})" for name, values in listed.items() if values]
        times = (("FROM", self.from_ns), ("TO", self.to_ns))
        return (*found, *(f"{name}={time_text(t_ns)}" for name, t_ns in times if t_ns is not None))


def _operation(text: str) -> str:
    return text.lower() if text.lower().startswith(_OPERATION) else _OPERATION + text.lower()


def _is_part(op: str, names: tuple[str, ...]) -> bool:
    return any(op == name or op.startswith(f"{name}.") for name in names)


def _any_of(globs: tuple[str, ...]) -> Pattern[str]:
    return re.compile("|".join(translate(glob) for glob in globs), re.IGNORECASE)


def _word(globs: tuple[str, ...]) -> Pattern[str]:
    """A name that stands alone in a text; `*` and `?` of a glob stay within the name."""
    parts = [
        re.escape(glob).replace(r"\*", f"{_NAME_CHARACTER}*").replace(r"\?", _NAME_CHARACTER)
        for glob in globs
    ]
    words = "|".join(parts)
    return re.compile(f"(?<!{_NAME_CHARACTER})(?:{words})(?!{_NAME_CHARACTER})", re.IGNORECASE)
