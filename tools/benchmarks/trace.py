"""Writing a trace, against orjson alone; the ring in memory; and what tracing costs a whole run.

The events are those of real runs, told again as the actors tell them: calls with keywords, or with messages, through
structlog loggers that are bound to actors, with the run clock's time. No listener is there: the rule checkers are not
the trace.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import NoneType
from typing import Any

import orjson
import trio
from attrs import frozen

from benchmarks.figures import Figure, Target
from benchmarks.quiet import Rounds
from lparvm.actors.run_clock import RunClock
from lparvm.machine import Options
from lparvm.protocol.messages import MESSAGES
from lparvm.runner import run
from lparvm.scenario import Scenario, parse_scenario
from lparvm.trace.ring import RingSink
from lparvm.trace.sink import encode
from lparvm.trace.vocabulary import COMMON_FIELDS, VOCABULARY, Level
from lparvm.trace.writer import Trace

TARGET_WRITTEN = Target(0.25, at_least=True)
TARGET_RING = Target(2_000_000, at_least=True)
TARGET_RUN = Target(1.10)
RING_EVENTS = 10_000

# Two guests that touch storage all the time: nearly every event is an access.
HAMMERS = """
[machine]
main_storage = "16M"
[[lpar]]
name = "LPAR1"
origin = "0"
size = "4M"
guest = "hammer"
[[lpar]]
name = "LPAR2"
origin = "8M"
size = "4M"
guest = "hammer"
[run]
duration = "20ms"
"""

Event = dict[str, Any]

_MESSAGES: dict[str, Any] = {cls.__name__: cls for cls in MESSAGES}


@frozen
class Story:
    """Events of a run, and the calls that tell them.

    Attributes:
        events: the dicts that a file holds.
        tell: makes each call once, with loggers by their actors; objects in it are what the actors gave.
    """

    events: list[Event]
    tell: Callable[[dict[str, Any]], None]


def story(scenario: Scenario | str, level: Level) -> Story:
    """What a run at a level tells, under the virtual clock."""
    events: list[Event] = []

    def note(event: Event) -> None:
        if VOCABULARY[event["event"]].level <= level:
            events.append(dict(event))

    run(scenario, clock="virtual", options=Options(level=level, listeners=(note,)))
    return Story([orjson.loads(encode(event)) for event in events], _calls(events))


def _calls(events: Sequence[Event]) -> Callable[[dict[str, Any]], None]:
    """A function that makes the calls with their keywords written out, as actors do."""
    values: list[Any] = []
    lines = ["def tell(loggers):"]
    actors = {name: f"emit_{number}" for number, name in enumerate(dict.fromkeys(e["actor"] for e in events))}
    lines += [f"    {emit} = loggers[{name!r}].emit" for name, emit in actors.items()]
    lines += [f"    {emit}_message = loggers[{name!r}].emit_message" for name, emit in actors.items()]
    for event in events:
        if event["event"] in _MESSAGES:
            cause, to = event["cause"], event["to"]
            lines.append(
                f"    {actors[event['actor']]}_message({to!r}, values[{len(values)}], cause={cause!r})"
            )
            values.append(_message(event))
            continue
        told = {"op": event["op"], "cause": event["cause"]}
        told |= {name: value for name, value in event.items() if name not in COMMON_FIELDS}
        keywords = []
        for name, value in told.items():
            if type(value) in (int, str, bool, NoneType):
                keywords.append(f"{name}={value!r}")
            else:
                keywords.append(f"{name}=values[{len(values)}]")
                values.append(value)
        lines.append(f"    {actors[event['actor']]}({event['event']!r}, {', '.join(keywords)})")
    scope: dict[str, Any] = {"values": values}
    exec("\n".join(lines), scope)  # noqa: S102 - calls that are written out are what is measured
    tell: Callable[[dict[str, Any]], None] = scope["tell"]
    return tell


def _message(event: Event) -> Any:
    """The message that an event tells of."""
    cls = _MESSAGES[event["event"]]
    own = {name: value for name, value in event.items() if name not in COMMON_FIELDS and name != "to"}
    return cls(op=event["op"], **own)


def orjson_rate(events: Sequence[Event], passes: int, path: Path) -> float:
    """Events a second that orjson alone encodes into a file."""
    dumps, newline = orjson.dumps, orjson.OPT_APPEND_NEWLINE
    with path.open("wb") as file:
        write = file.write
        began_s = time.perf_counter()
        for _ in range(passes):
            for event in events:
                write(dumps(event, option=newline))
        file.flush()
        return passes * len(events) / (time.perf_counter() - began_s)


def trace_rate(told: Story, passes: int, path: Path | None, **options: Any) -> float:
    """Events a second that a trace takes, from the actor's call until they are written."""

    async def main() -> float:
        trace = Trace(now_ns=RunClock().now_ns, path=path, **options)
        loggers = {name: trace.logger(name) for name in dict.fromkeys(one["actor"] for one in told.events)}
        began_s = time.perf_counter()
        for _ in range(passes):
            told.tell(loggers)
        trace.flush()
        rate = passes * len(told.events) / (time.perf_counter() - began_s)
        trace.close("intact")
        return rate

    return trio.run(main)


def ring_rate(events: Sequence[Event], passes: int) -> float:
    """Events a second that the ring itself takes: dicts that `emit` has built, kept without being encoded."""
    sink = RingSink(None, {}, RING_EVENTS, digest=False)
    began_s = time.perf_counter()
    for _ in range(passes):
        for event in events:
            sink.take(event)
    return passes * len(events) / (time.perf_counter() - began_s)


def run_seconds(scenario: Scenario | str, level: Level, path: Path | None) -> float:
    """A whole run under the virtual clock, with its rules."""
    began_s = time.perf_counter()
    run(scenario, clock="virtual", options=Options(level=level, trace=path))
    return time.perf_counter() - began_s


def measure_trace(
    repeats: int, *, scenario: Scenario | str = "crowd", total: int = 100_000, runs: int | None = None
) -> list[Figure]:
    """Each rate with orjson's, taken in turn; runs with and without a trace, likewise.

    Args:
        repeats: of the rates.
        scenario: whose events of level `protocol` are written, and which is run.
        total: events a repetition.
        runs: repetitions of the runs, which take seconds each; None: as the rates.
    """
    hammers = parse_scenario(HAMMERS)
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        figures = _written(repeats, story(scenario, Level.PROTOCOL), Level.PROTOCOL, total, place)
        accesses = story(hammers, Level.STORAGE)
        figures += _written(repeats, accesses, Level.STORAGE, total, place)
        figures += _in_memory(repeats, accesses, total)
        figures.append(_whole_run(runs or repeats, scenario, place))
    return figures


def _written(repeats: int, told: Story, level: Level, total: int, place: Path) -> list[Figure]:
    passes = max(1, total // len(told.events))
    names = ("events.jsonl", "events.jsonl.gz", "events.jsonl.zst")
    bare: list[float] = []
    rates: dict[str, list[float]] = {name: [] for name in names}
    rounds = Rounds(repeats)
    for _ in rounds:
        bare.append(orjson_rate(told.events, passes, place / "bare.jsonl"))
        for name in names:
            rates[name].append(trace_rate(told, passes, place / name, level=level))
    what = f"level `{level.name.lower()}`: events written a second"
    figures = []
    for name, kind in zip(names, ("plain", "gzip", "Zstandard"), strict=True):
        ratios = [one / other for one, other in zip(rates[name], bare, strict=True)]
        target = TARGET_WRITTEN if kind == "plain" else None
        figures.append(
            Figure("trace", f"{what}, {kind}, of `orjson.dumps` into a file", rounds.kept(ratios), target)
        )
    figures.append(Figure("trace", f"{what}, plain", rounds.kept(rates[names[0]]), note=rounds.note))
    return figures


def _in_memory(repeats: int, told: Story, total: int) -> list[Figure]:
    passes = max(1, total // len(told.events))
    taken, emitted, unwanted = [], [], []
    rounds = Rounds(repeats)
    for _ in rounds:
        taken.append(ring_rate(told.events, passes))
        emitted.append(trace_rate(told, passes, None, level=Level.STORAGE, ring=RING_EVENTS, digest=False))
        unwanted.append(trace_rate(told, passes, None, level=Level.OFF))
    return [
        Figure("trace", "ring: events a second, taken as they were built", rounds.kept(taken), TARGET_RING),
        Figure("trace", "ring: events a second, with the actor's whole call", rounds.kept(emitted)),
        Figure("trace", "level `off`, nobody listens: calls a second", rounds.kept(unwanted)),
    ]


def _whole_run(repeats: int, scenario: Scenario | str, place: Path) -> Figure:
    ratios = []
    rounds = Rounds(repeats)
    for _ in rounds:
        off_s = run_seconds(scenario, Level.OFF, None)
        ratios.append(run_seconds(scenario, Level.PROTOCOL, place / "run.jsonl") / off_s)
    what = f"`{scenario}`, virtual: time with a trace at level `protocol`, of that at level `off`"
    return Figure("trace", what, rounds.kept(ratios), TARGET_RUN, note=rounds.note)
