"""What collectors of pictures have in common, and how they take what a trace tells.

`feed` leaves out facts that are malformed inside. Nobody has checked the fields of messages: what has the wrong type is
left out here, as a picture shows what can be understood.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from lparvm.config import PICTURE_LABEL_CHARACTERS_MAX
from lparvm.trace.reader import TraceReader
from lparvm.trace.shapes import shape_problem
from lparvm.units import format_duration

Event = Mapping[str, Any]
Handler = Callable[[Event], None]


class Collector:
    """Gathers a model from a trace's events. A subclass lists its `handlers`.

    Attributes:
        first_ns: time of the first event.
        now_ns: time of the last event; never falls, also where a file's times do.
        handlers: event name -> what handles it.
    """

    def __init__(self) -> None:
        self.first_ns: int | None = None
        self.now_ns = 0
        self.handlers: Mapping[str, Handler] = self.listen()

    def listen(self) -> Mapping[str, Handler]:
        """Event name -> handler."""
        raise NotImplementedError

    def feed(self, event: Event) -> None:
        """Take one event."""
        if self.first_ns is None:
            self.first_ns = self.now_ns = event["t"]
        self.now_ns = max(self.now_ns, event["t"])
        handler = self.handlers.get(event["event"])
        if handler is not None:
            handler(event)
        else:
            self.other(event)

    def other(self, event: Event) -> None:
        """Take an event that has no handler."""

    @property
    def window_ns(self) -> tuple[int, int]:
        """From the first event to the last."""
        return self.first_ns or 0, self.now_ns


class Taker(Protocol):
    """What takes events: a collector, or the rules."""

    def feed(self, event: Event) -> None:
        """Take one event."""


def feed(reader: TraceReader, *takers: Taker) -> None:
    """Show all takers every event of a trace; one that is malformed inside is a problem of the file, and left out."""
    for event in reader:
        problem = shape_problem(event)
        if problem is not None:
            reader.note(problem)
            continue
        for taker in takers:
            taker.feed(event)


def names_of(value: object) -> tuple[str, ...]:
    """The names in a list; what is none is left out."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def number_of(value: object) -> int | None:
    """A whole number; None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def durations_of(value: object) -> dict[str, int]:
    """Phase -> ns, of what is a name and a time that is not negative."""
    if not isinstance(value, dict):
        return {}
    found = {name: number_of(ns) for name, ns in value.items() if isinstance(name, str)}
    return {name: ns for name, ns in found.items() if ns is not None and ns >= 0}


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A key that sorts LPAR2 before LPAR10."""
    return tuple(
        (0, int(part)) if part.isdigit() and part.isascii() else (1, part)
        for part in re.split(r"([0-9]{1,18})", name)
        if part
    )


def label(text: str, limit: int = PICTURE_LABEL_CHARACTERS_MAX) -> str:
    """Text from a trace as one short printable line.

    White space becomes a space; control and formatting characters, which may turn the text round or end an XML
    document, are replaced; what is too long is cut.
    """
    line = " ".join(text[: 8 * limit].split())
    shown = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c)[0] == "C" else c for c in line)
    return shown if len(shown) <= limit else shown[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def shown(duration_ns: int) -> str:
    """A duration in a picture: `12.3 ms`, `250 \N{MICRO SIGN}s`."""
    return format_duration(duration_ns).replace("us", "\N{MICRO SIGN}s")


def step_of(event: Event) -> int | None:
    """The patent's step, 201 to 211, or None."""
    step = event["step"]
    return step if step is not None and 201 <= step <= 211 else None
