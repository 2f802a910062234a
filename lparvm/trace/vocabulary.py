"""Every event that may stand in a trace, as data.

An event is a name, a level, the patent's step where it has one, and fields with a type and a unit. Two kinds:

- *facts* (`noun.verb_past`), listed in `facts`: what an actor did or saw;
- *messages*, derived from `protocol.messages`: one event for each message sent, under its class name, with
  the fields `to` (receiving actor) and those of the message; `message_types` words what these hold.

Common fields of every event are not repeated in each. Host absolute frame numbers end in `_frame`, host absolute
byte addresses in `_host`, times in `_ns` (run clock). Frames are given as origin and extent, half-open.
"""

from collections.abc import Mapping

from lparvm.protocol.messages import MESSAGES
from lparvm.trace.event_type import EventType, Level
from lparvm.trace.facts import FACTS
from lparvm.trace.message_types import MESSAGE_FIELDS


def _message_type(cls: type) -> EventType:
    summary = (cls.__doc__ or "").strip().splitlines()[0]
    level = Level.PROTOCOL if getattr(cls, "PROTOCOL_LEVEL", True) else Level.IO
    return EventType(
        cls.__name__,
        level,
        {"to": "str, receiving actor", **MESSAGE_FIELDS[cls]},
        summary,
        getattr(cls, "STEP", None),
        message=True,
    )


VOCABULARY: dict[str, EventType] = {
    event.name: event for event in (*FACTS, *(_message_type(cls) for cls in MESSAGES))
}

COMMON_TEXTS = {
    "seq": "int, number of the event from 1: the total order",
    "t": "int, ns of the run clock",
    "actor": "str, who told it, or sent it",
    "event": "str, its name",
    "op": "str, operation it belongs to, or null",
    "cause": "int, number of the event that caused it, or null",
    "step": "int, the patent's step 201 to 211, or null",
}
"""Fields of every event: their types and units."""
COMMON_FIELDS = tuple(COMMON_TEXTS)
"""Fields of every event, in the order in which a line has them."""

_KINDS: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("int", (int,)), ("str", (str,)), ("bool", (bool,)), ("list", (list, tuple)), ("dict", (dict,)),
)  # fmt: skip


def field_problems(kind: EventType, own: Mapping[str, object]) -> list[str]:
    """What is wrong with an event's own fields, in words; empty where nothing is.

    Unknown and missing fields, and values of another type than the vocabulary says. The fields of messages
    have the types of their classes and are not looked at.
    """
    return [f"unknown field {name}" for name in own if name not in kind.fields] + value_problems(kind, own)


def value_problems(kind: EventType, own: Mapping[str, object]) -> list[str]:
    """As `field_problems`, but fields that the vocabulary doesn't know are left alone."""
    problems = [f"missing field {name}" for name in kind.fields if name not in own]
    if kind.message:
        return problems
    problems += [
        f"{name} is {own[name]!r:.60}, expected {text}"
        for name, text in kind.fields.items()
        if name in own and not _has_type(own[name], text)
    ]
    return problems


def _has_type(value: object, text: str) -> bool:
    if value is None:
        return "or null" in text
    for word, types in _KINDS:
        if text.startswith(word):
            # A bool is an int to Python, but not to a reader of the trace.
            return isinstance(value, types) and (word == "bool" or not isinstance(value, bool))
    return True


__all__ = [
    "COMMON_FIELDS",
    "COMMON_TEXTS",
    "FACTS",
    "VOCABULARY",
    "EventType",
    "Level",
    "field_problems",
    "value_problems",
]
