"""An event in words, on one line: frames and bytes with their units, messages as `LPARCTL -> RM: ReserveAreas ...`.

Whatever stands in a file can be worded: unknown fields and values of another type are shown as they are, control
characters as escapes, and what is nested deeper than `TRACE_NESTING_SHOWN_MAX` as `...`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from lparvm.arch.address import PAGE_BYTES
from lparvm.config import TRACE_NESTING_SHOWN_MAX
from lparvm.trace.vocabulary import COMMON_FIELDS
from lparvm.units import NS_PER_S, format_duration, format_size

Event = dict[str, Any]

# Times of the run clock; other fields that end in `_ns` are durations.
_INSTANTS = frozenset({"left_sie_ns", "sie_ns", "ordered_ns", "first_ns", "last_ns"})
_ADDRESSES = frozenset({"address", "ccw_address", "host", "program"})
_FRAME_COUNTS = frozenset({"extent", "pages", "pages_across", "size", "gap"})
_FRAMES = frozenset({"frame", "origin"})
_DIGEST_CHARACTERS = 8
_LEFT_OUT = frozenset({*COMMON_FIELDS, "to"})


def printable(text: str) -> str:
    """A text without control characters: they are shown as escapes."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def time_text(t_ns: int) -> str:
    """A time of the run clock in seconds, to the microsecond: `1.001940`; finer where it is finer."""
    sign, t_ns = ("-", -t_ns) if t_ns < 0 else ("", t_ns)
    rest = f"{t_ns % NS_PER_S:09d}"
    return f"{sign}{t_ns // NS_PER_S}.{rest.removesuffix('000')}"


def frames_text(origin: int, extent: int) -> str:
    """A zone or area: `frames 49152+65536 (192M+256M)`, its origin and its extent."""
    return f"frames {origin}+{extent} ({bytes_text(origin)}+{bytes_text(extent)})"


def frame_text(frame: int) -> str:
    """A frame and its host absolute address: `frame 49152 (192M)`."""
    return f"frame {frame} ({bytes_text(frame)})"


def bytes_text(frames: int) -> str:
    """Frames or pages, as bytes."""
    return format_size(frames * PAGE_BYTES)


def who_text(event: Event) -> str:
    """Who told it, and of a message to whom it went: `LPARCTL -> RM`."""
    actor, to = printable(event["actor"]), event.get("to")
    return f"{actor} -> {printable(to)}" if type(to) is str else actor


def fields_text(event: Event) -> str:
    """Its own fields, without those that hold nothing."""
    return " ".join(_fields(event))


def event_text(event: Event) -> str:
    """Its name and its own fields."""
    return f"{printable(event['event'])} {fields_text(event)}".rstrip()


def line_text(event: Event) -> str:
    """Everything on one line, with number, time and operation: for lists of few events."""
    op = "" if event["op"] is None else f" {printable(event['op'])}"
    step = "" if event["step"] is None else f" {event['step']}"
    return f"{event['seq']} {time_text(event['t'])}{op}{step} {who_text(event)}: {event_text(event)}"


def _fields(event: Event) -> Iterator[str]:
    origin, extent = event.get("origin_frame"), event.get("extent_frames")
    is_zone = type(origin) is int and type(extent) is int
    for name, value in event.items():
        if name in _LEFT_OUT or value is None or value in ([], "", {}):
            continue
        if is_zone and name in ("origin_frame", "extent_frames"):
            if name == "origin_frame":
                yield frames_text(origin, extent)  # type: ignore[arg-type]  # checked by is_zone
            continue
        yield f"{_shown(name)}={value_text(name, value)}"


def _shown(name: str) -> str:
    """The name of a field, without the unit that its value has."""
    return printable(name.removesuffix("_ns"))


def value_text(name: str, value: Any, depth: int = 0) -> str:
    """One value, by the name of its field."""
    worded = _WORDED.get(type(value))
    if worded is not None:
        return worded(name, value)
    if type(value) not in (dict, list):
        return str(value)
    if depth >= TRACE_NESTING_SHOWN_MAX:
        return "..."
    return _list_text(name, value, depth) if type(value) is list else _object_text(name, value, depth)


def _string_text(name: str, value: str) -> str:
    text = printable(value)
    if name.endswith("_digest"):
        return text[:_DIGEST_CHARACTERS]
    return f'"{text}"' if " " in text else text


def _number_text(name: str, value: int) -> str:
    if name.endswith("_ns"):
        return f"{time_text(value)}s" if name in _INSTANTS else format_duration(value).replace(" ", "")
    if name.endswith(("_frame", "_frames")) or name in _FRAMES or name in _FRAME_COUNTS:
        return f"{value}({bytes_text(value)})"
    if name in _ADDRESSES or name.endswith("_host"):
        return hex(value)
    if name == "bytes" or name.endswith("_bytes"):
        return format_size(value)
    if name.endswith("_status"):
        return f"X'{value:02X}'"
    return f"{value:04X}" if name == "device" else str(value)


def _list_text(name: str, values: list[Any], depth: int) -> str:
    if name == "runs" and all(type(one) is list and len(one) == 4 for one in values):
        return ",".join(f"{one[0]}:{one[1]}:{one[2]}+{one[3]}" for one in values)
    return "[" + ",".join(value_text(name, one, depth + 1) for one in values) + "]"


def _object_text(name: str, value: dict[str, Any], depth: int) -> str:
    origin, extent = value.get("origin"), value.get("extent")
    if value.keys() == {"origin", "extent"} and type(origin) is int and type(extent) is int:
        return frames_text(origin, extent).removeprefix("frames ").replace(" ", "")
    # Of phases_ns the names are phases, and what they hold is what the name of the object says.
    unit = name if name.endswith("_ns") else None
    # When a LIP left SIE for a guest and when it entered it again, told together.
    names = {"left_ns": "left_sie_ns"} if "sie_ns" in value else {}
    # The values of an outcome are what its message is made of, which stands in the answer.
    return "{" + " ".join(
        f"{_shown(key)}={value_text(unit or names.get(key, key), one, depth + 1)}"
        for key, one in value.items()
        if one is not None and one not in ([], "", {}) and not (key == "values" and "result" in value)
    ) + "}"  # fmt: skip


_WORDED: dict[type, Callable[[str, Any], str]] = {
    str: _string_text,
    bool: lambda _name, value: "yes" if value else "no",
    int: _number_text,
    type(None): lambda _name, _value: "none",
}
