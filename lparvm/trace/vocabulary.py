"""Every event that may stand in a trace, as data.

An event is a name, a level, the patent's step where it has one, and fields with a type and a unit. Two kinds:

- *facts* (`noun.verb_past`), listed in `facts`: what an actor did or saw;
- *messages*, derived from `protocol.messages`: one event for each message sent, under its class name, with
  the fields `to` (receiving actor) and those of the message.

Common fields of every event (`seq, t, actor, event, op, cause, step`) are not repeated below. Host absolute
frame numbers end in `_frame`, host absolute byte addresses in `_host`, times in `_ns` (run clock).
Frames are given as origin and extent, half-open.
"""

from collections.abc import Mapping

from attrs import fields

from lparvm.protocol.messages import MESSAGES
from lparvm.trace.event_type import EventType, Level
from lparvm.trace.facts import FACTS


def _message_type(cls: type) -> EventType:
    summary = (cls.__doc__ or "").strip().splitlines()[0]
    names = {attribute.name: "message field" for attribute in fields(cls) if attribute.name != "op"}
    level = Level.PROTOCOL if getattr(cls, "PROTOCOL_LEVEL", True) else Level.IO
    return EventType(
        cls.__name__, level, {"to": "str", **names}, summary, getattr(cls, "STEP", None), message=True
    )


VOCABULARY: dict[str, EventType] = {
    event.name: event for event in (*FACTS, *(_message_type(cls) for cls in MESSAGES))
}

COMMON_FIELDS = ("seq", "t", "actor", "event", "op", "cause", "step")
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
    problems += [
        f"{name} is {own[name]!r:.60}, expected {text}"
        for name, text in kind.fields.items()
        if name in own and not _has_type(own[name], text)
    ]
    return problems


def _has_type(value: object, text: str) -> bool:
    if value is None:
        return "or null" in text or text == "message field"
    for word, types in _KINDS:
        if text.startswith(word):
            # A bool is an int to Python, but not to a reader of the trace.
            return isinstance(value, types) and (word == "bool" or not isinstance(value, bool))
    return True


__all__ = ["COMMON_FIELDS", "FACTS", "VOCABULARY", "EventType", "Level", "field_problems", "value_problems"]
