"""Traces of a real machine, small and with everything in them; and damaging them by hand.

`trace_bytes` runs the machine once in a process. `damaged` edits the events of a trace and makes the file sound again:
numbers, causes, counts and digest are right, so that only a rule can tell that something is wrong.
"""

import hashlib
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from lparvm.machine import Options
from lparvm.runner import run
from lparvm.scenario import parse_scenario
from lparvm.trace.vocabulary import Level
from trials import command, device, lpar, scenario

Event = dict[str, Any]
Edit = Callable[[list[Event]], list[Event]]

EVERYTHING = scenario(
    lpar("A", "0", size="20M", options={"footprint": "128K"}),
    lpar("B", "20M", size="20M", guest="journal", lips=3, devices=["0190", "0191", "0192"]),
    device("0190", latency="3ms"),
    device("0191", iop="IOP2"),
    device("0192", iop=["IOP1", "IOP2"], latency="2ms"),
    command("20ms", "MVSTOR B HSA=28M EXPAND=A"),
    command("120ms", "SHRINK A SIZE=20M"),
    command("180ms", "MVSTOR B HSA=70M", "CANCELLED"),
    command("205ms", "CANCEL B"),
    command("300ms", "XCHSTOR A B"),
    command("380ms", "XCHSTOR A B", "CANCELLED"),
    command("425ms", "CANCEL A"),
    duration="550ms", iops=2, main_storage="96M", rate="800M",
)  # fmt: skip
"""A moves and grows (op.1.1, op.1.2), shrinks (op.2), is moved back (op.3), exchanged (op.5), and exchanged back (op.6)."""


@cache
def trace_bytes(text: str = EVERYTHING, *, level: Level = Level.IO, proof: bool = True) -> bytes:
    """The trace file of that scenario's run, under the virtual clock."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "run.jsonl")
        options = Options(trace=path, level=level, proof=proof)
        report = run(parse_scenario(text), clock="virtual", options=options)
        assert report.verdict == "intact"
        return path.read_bytes()


def parsed(data: bytes) -> tuple[Event, list[Event], Event]:
    """Header, events, trailer."""
    header, *events, trailer = map(orjson.loads, data.splitlines())
    return header, events, trailer


def sealed(header: Event, events: list[Event], trailer: Event) -> bytes:
    """A sound file of these events: numbered anew, each cause by its new number, with their counts and digest."""
    first = header.get("first_seq", 1)
    numbers = {event["seq"]: number for number, event in reversed(list(enumerate(events, first)))}
    lines, counts = [], {}
    for number, event in enumerate(events, first):
        lines.append({**event, "seq": number, "cause": numbers.get(event["cause"])})
        counts[event["event"]] = counts.get(event["event"], 0) + 1
    body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    totals = {
        "events": len(events),
        "counts": dict(sorted(counts.items())),
        "digest": hashlib.sha256(body).hexdigest(),
    }
    return orjson.dumps(header) + b"\n" + body + orjson.dumps({**trailer, **totals}) + b"\n"


def damaged(edit: Edit, data: bytes | None = None) -> bytes:
    """The trace with its events edited, as a sound file."""
    header, events, trailer = parsed(trace_bytes() if data is None else data)
    return sealed(header, edit(events), trailer)


# --- edits ------------------------------------------------------------------------------------------------


def _is(event: Event, name: str, fields: dict[str, Any]) -> bool:
    return event["event"] == name and all(event[key] == value for key, value in fields.items())


def find(events: list[Event], name: str, nth: int = 0, **fields: Any) -> int:
    """Index of the nth event like that; negative from the end."""
    return [index for index, event in enumerate(events) if _is(event, name, fields)][nth]


def drop(name: str, nth: int = 0, **fields: Any) -> Edit:
    """Leave out one event."""

    def edit(events: list[Event]) -> list[Event]:
        at = find(events, name, nth, **fields)
        return [*events[:at], *events[at + 1 :]]

    return edit


def drop_all(name: str, **fields: Any) -> Edit:
    """Leave out all events like that, of which there are some."""

    def edit(events: list[Event]) -> list[Event]:
        kept = [event for event in events if not _is(event, name, fields)]
        assert len(kept) < len(events)
        return kept

    return edit


def change(name: str, nth: int = 0, *, new: dict[str, Any] | Callable[[Event], Event], **fields: Any) -> Edit:
    """Give one event other values."""

    def edit(events: list[Event]) -> list[Event]:
        at = find(events, name, nth, **fields)
        values = new(events[at]) if callable(new) else new
        assert values.keys() <= events[at].keys()
        return [*events[:at], {**events[at], **values}, *events[at + 1 :]]

    return edit


def move(what: tuple[str, dict[str, Any]], before: tuple[str, dict[str, Any]]) -> Edit:
    """Put one event before another, at its time."""

    def edit(events: list[Event]) -> list[Event]:
        event = events[find(events, what[0], **what[1])]
        rest = [one for one in events if one is not event]
        at = find(rest, before[0], **before[1])
        return [*rest[:at], _at(event, rest[at]["t"]), *rest[at:]]

    return edit


def repeat(
    name: str, nth: int = 0, *, after: tuple[str, dict[str, Any]] | None = None, **fields: Any
) -> Edit:
    """Tell an event once more: at once, or behind another one, at its time."""

    def edit(events: list[Event]) -> list[Event]:
        at = find(events, name, nth, **fields)
        place = at if after is None else find(events, after[0], **after[1])
        return [*events[: place + 1], _at(events[at], events[place]["t"]), *events[place + 1 :]]

    return edit


def _at(event: Event, t_ns: int) -> Event:
    times = {key: t_ns for key in ("first_ns", "last_ns") if key in event}
    return {**event, **times, "t": t_ns}


def both(*edits: Edit) -> Edit:
    """One edit after the other."""

    def edit(events: list[Event]) -> list[Event]:
        for one in edits:
            events = one(events)
        return events

    return edit


SHARING = scenario(
    *(lpar(name, f"{number}M", size="1M", guest="sharer", devices=["0190"]) for number, name in enumerate("ABCD")),
    device("0190", latency="500us", size="1M"),
    command("100ms", "MVSTOR A HSA=6M"), command("200ms", "MVSTOR B HSA=7M"), command("300ms", "MVSTOR C HSA=0M"),
    command("400ms", "MVSTOR D HSA=1M"),
    duration="520ms", main_storage="8M",
)  # fmt: skip
"""Four LPARs wait for one another's I/O at one device, so that starts are held while one of them moves."""
