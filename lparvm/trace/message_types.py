"""What stands in the fields of messages, in words: derived from the annotations of their attrs classes.

A field's text begins with the JSON type that it has in a trace (`int`, `str`, `bool`, `list`, `dict`, or `any`), then
its unit, or the names of the classes whose fields the object has: those stand in `CLASSES`. Where one of several
classes may stand, the object says by `kind` which it is.
"""

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from attrs import fields, has

from lparvm.protocol.messages import MESSAGES

KIND = "kind"
"""The name of the field that tells an object's class, where several are possible."""

# Beginning or end of a field's name -> unit of a number. The first one counts; what is in none is a number.
_UNITS_BY_ENDING = (
    ("_ns", "ns"), ("_bytes", "bytes"), ("_frame", "host absolute frame"), ("_frames", "frames"),
    ("_status", "status byte"), ("_blocks", "blocks of 4 KiB"), ("_address", "guest absolute address"),
)  # fmt: skip
_UNITS = {
    "active_ns": "ns", "attempt": "number of the attempt", "beside": "frames", "bytes_left": "bytes",
    "classes": "bit mask of interruption subclasses", "command": "command code", "device": "device number",
    "devices": "device numbers", "expanded": "blocks of 4 KiB", "expanded_origin": "block of expanded storage",
    "extent": "frames", "frame": "host absolute frame", "gap": "frames", "held": "starts",
    "isc": "interruption subclass", "key": "storage access key", "limit": "guest absolute address",
    "lips": "how many", "origin": "host absolute frame", "pages": "pages", "pages_across": "pages: the cursor",
    "parameter": "interruption parameter", "path": "number of the path", "path_mask": "bit mask of paths",
    "paths": "device number and its IOPs", "percent": "percent", "program": "guest absolute address of the first CCW",
    "residual_count": "bytes", "retired": "host absolute frames", "size": "frames", "start": "number of the start",
    "wait": "number of the wait",
}  # fmt: skip

CLASSES: dict[str, dict[str, str]] = {}
"""Class name -> its fields and their texts; an enumeration has one field, `values`. In the order first needed."""

TOLD_KINDS: set[type] = set()
"""Classes of which an object tells its `kind`. Only asked whether something is in it."""


def message_fields(cls: type) -> dict[str, str]:
    """Field name -> text, of all fields of a message but `op`, which is a common one."""
    return _class_fields(cls, without=("op",))


def told_fields(cls: type) -> tuple[str, ...]:
    """The names of the fields of an attrs class that stand in a trace: the public ones."""
    return tuple(one.name for one in fields(cls) if not one.name.startswith("_"))


def reading(
    cls: type, first: Mapping[str, str | None], *, without: tuple[str, ...] = ()
) -> Callable[[Any], dict[str, Any]]:
    """A function that reads the told fields of an object of an attrs class into a dict.

    Args:
        cls: the class.
        first: what the dict begins with.
        without: fields that are left out.
    """
    parts = [f"{name!r}: {value!r}" for name, value in first.items()]
    parts += [f"{name!r}: value.{name}" for name in told_fields(cls) if name not in without]
    # One expression that is compiled, as attrs makes its methods: half of what a loop over names takes.
    function: Callable[[Any], dict[str, Any]] = eval(f"lambda value: {{{', '.join(parts)}}}")  # noqa: S307
    return function


def _class_fields(cls: type, without: tuple[str, ...] = ()) -> dict[str, str]:
    hints = get_type_hints(cls)
    return {name: _text(hints[name], _unit(name)) for name in told_fields(cls) if name not in without}


def _unit(name: str) -> str:
    by_ending = (unit for ending, unit in _UNITS_BY_ENDING if name.endswith(ending))
    return _UNITS.get(name) or next(by_ending, "number")


def _text(kind: Any, unit: str) -> str:
    """The type, and the unit where there is a number in it."""
    text = _type(kind)
    known = text.startswith(("dict, ", "list of dict, ")) or "int" not in text
    text = text if known or unit == "number" else f"{text}, {unit}"
    if NoneType not in get_args(kind):
        return text
    return f"{text}, or null" if "," in text else f"{text} or null"


def _type(kind: Any) -> str:
    if has(kind):
        return f"dict, {_named(kind)}"
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return f"{'int' if issubclass(kind, int) else 'str'}, {_named(kind)}"
    arguments = [one for one in get_args(kind) if one is not NoneType]
    return _composed(get_origin(kind), arguments) if arguments else _PLAIN[kind]


def _composed(origin: Any, arguments: list[Any]) -> str:
    if origin in (Union, UnionType):
        return _one_of(arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"list of {_type(arguments[0])}"
    if origin is tuple:
        return f"list [{', '.join(_type(one) for one in arguments)}]"
    assert origin is dict, f"no message holds a {origin}"
    return f"dict of {_type(arguments[0])} to {_type(arguments[1])}"


_PLAIN: dict[Any, str] = {int: "int", str: "str", bool: "bool", Any: "any", object: "any", NoneType: "null"}


def _one_of(kinds: list[Any]) -> str:
    classes = [kind for kind in kinds if has(kind)]
    if len(classes) > 1:
        TOLD_KINDS.update(classes)
        names = ", ".join(_named(kind) for kind in classes[:-1])
        return f"dict, {names} or {_named(classes[-1])} by its {KIND}"
    return " or ".join(_type(kind) for kind in kinds)


def _named(kind: Any) -> str:
    """The name of a class; what it holds is noted in `CLASSES`."""
    name: str = kind.__name__
    if name not in CLASSES:
        CLASSES[name] = {}  # a place in the order, before those that it needs itself
        if has(kind):
            CLASSES[name].update(_class_fields(kind))
        else:
            CLASSES[name]["values"] = _values(kind)
    return name


def _values(kind: Iterable[enum.Enum]) -> str:
    members = list(kind)
    if isinstance(members[0].value, int):
        return ", ".join(f"{one.value} {one.name}" for one in members)
    return " | ".join(str(one.value) for one in members)


def classes_in(texts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Of `CLASSES`, those that these texts name, and those that these need themselves."""
    found: dict[str, dict[str, str]] = {}
    waiting = list(texts)
    while waiting:
        for word in re.findall(r"\w+", waiting.pop(0)):
            if word in CLASSES and word not in found:
                found[word] = CLASSES[word]
                waiting += CLASSES[word].values()
    return found


MESSAGE_FIELDS: dict[type, dict[str, str]] = {cls: message_fields(cls) for cls in MESSAGES}
"""Of each message: field name -> text."""
for _name, _fields in CLASSES.items():
    if any(cls.__name__ == _name for cls in TOLD_KINDS):
        CLASSES[_name] = {KIND: f"str, {_name}", **_fields}
