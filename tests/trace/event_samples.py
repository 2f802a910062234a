"""A value for each field of each event, by the vocabulary's own words."""

from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from attrs import fields, has

from lparvm.trace.vocabulary import EventType


def own_fields(kind: EventType) -> dict[str, Any]:
    """Own fields of a fact."""
    return {name: _value(text) for name, text in kind.fields.items()}


def _value(text: str) -> Any:
    samples = {
        "int": 7,
        "str": "LPAR2",
        "bool": True,
        "list": ["a", "b"],
        "dict": {"STOPPING": 5, "MOVING": 2},
    }
    return next(value for word, value in samples.items() if text.startswith(word))


def instance(kind: Any) -> Any:
    """A value of a type as the messages declare it: every attribute filled, recursively."""
    if has(kind):
        hints = get_type_hints(kind)
        return kind(**{one.alias: instance(hints[one.name]) for one in fields(kind) if one.init})
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return instance(arguments[0])
    if origin is tuple:
        return (instance(arguments[0]),)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    plain = {int: 3, str: "LPAR2", bool: True, type(None): None, Any: 1, dict: {"text": 1}}
    return plain[origin or kind]
