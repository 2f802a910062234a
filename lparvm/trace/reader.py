"""Reading a trace: header, events, trailer, each line checked as it comes.

`open_trace` streams a file of any size in bounded memory and goes on behind what is wrong: a line that is no event, a
number out of order, a later version, counts or a digest that do not match. Each is told as a `Problem` with its line
number, and the rest is still usable. `read_trace` keeps a trace whole and raises at the first problem; `read` (also
`lparvm.trace.read`) streams typed events.

A file without a trailer was cut off; that is no problem, but told: `cut_off`. A torn last line is part of being cut
off. Fields of facts are checked against the vocabulary; fields that it doesn't know are left alone, and so are events
that it doesn't know: a later writer of the same version may tell more.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import NoneType
from typing import Any

import orjson
from attrs import Factory, frozen

from lparvm.config import TRACE_LINE_BYTES_MAX, TRACE_PROBLEMS_MAX
from lparvm.errors import UsageError
from lparvm.trace.event_type import EventType
from lparvm.trace.source import Lines, open_lines
from lparvm.trace.vocabulary import COMMON_FIELDS, VOCABULARY, Level, value_problems
from lparvm.trace.writer import FORMAT_VERSION, Event


@frozen
class Problem:
    """What is wrong with a trace, and where.

    Attributes:
        file: its name.
        line: number of the line, from 1.
        text: what is wrong, and what was expected.
    """

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """One line, for people."""
        return f"{self.file}:{self.line}: {self.text}"


class TraceReader:
    """One pass over a trace. Iterate it once for the events, as the dicts that stand in the file.

    Attributes:
        lines: where they come from.
        header: the first line.
        trailer: the last line, once it was read; None: it is not read yet, or the file was cut off.
        problems: what is wrong so far, the first `TRACE_PROBLEMS_MAX` in words.
        problem_count: how many there are.
        events: how many events were read.
    """

    def __init__(self, lines: Lines, *, strict: bool = False) -> None:
        """Read the header.

        Args:
            lines: the open file.
            strict: raise at the first problem.

        Raises:
            UsageError: it is no trace.
        """
        self.lines = lines
        self.trailer: Event | None = None
        self.problems: list[Problem] = []
        self.problem_count = 0
        self.events = 0
        self._strict = strict
        self._ended = False
        self._seq = 0
        self._hash = hashlib.sha256()
        self._counts: dict[str, int] = {}
        self._source = iter(lines)
        self.header = self._read_header()
        # A ring's file holds the last events of a run only; their numbers are those of the run.
        first = self.header.get("first_seq", 1)
        self._seq = first - 1 if type(first) is int else 0

    @property
    def cut_off(self) -> bool:
        """Whether the file ends before the trace does; known at the end."""
        return self.trailer is None

    @property
    def level(self) -> Level:
        """What the file holds, by its header; `protocol` where it doesn't say."""
        name = str(self.header.get("level", "protocol")).upper()
        return Level[name] if name in Level.__members__ else Level.PROTOCOL

    def __iter__(self) -> Iterator[Event]:
        """The events, in the order of the file; what is no event is told and left out."""
        for raw in self._source:
            line = self._decode(raw)
            if line is None:
                continue
            if self.trailer is not None:
                self._note("a line after the trailer; expected the end of the file")
            elif "trailer" in line:
                self._judge_trailer(line)
                self.trailer = line
            elif self._judge_event(line):
                self.events += 1
                self._hash.update(raw)
                yield line
        if self.lines.damage:
            self._note(f"{self.lines.damage}; expected the rest of the file")

    def _read_header(self) -> Event:
        raw = next(self._source, b"")
        if not raw:
            reason = self.lines.damage or "the file is empty"
            raise UsageError(f"{self.lines.name}:1: {reason}; expected a trace of lparvm")
        try:
            header = orjson.loads(raw[: TRACE_LINE_BYTES_MAX + 1])
        except orjson.JSONDecodeError as error:
            reason = f"not JSON ({error.msg})" if len(raw) <= TRACE_LINE_BYTES_MAX else "the line is too long"
            raise UsageError(f"{self.lines.name}:1: {reason}; expected a trace of lparvm") from None
        if not isinstance(header, dict) or header.get("trace") != "lparvm":
            problem = 'not a trace of lparvm; expected a header with "trace":"lparvm"'
            raise UsageError(f"{self.lines.name}:1: {problem}")
        version = header.get("version")
        if version != FORMAT_VERSION:
            self._note(f"version {version!r:.40} is unknown; expected version {FORMAT_VERSION}", line=1)
        return header

    def _decode(self, raw: bytes) -> Event | None:
        """The line as a dict; None where it is none, or where the file was cut off in the midst of it."""
        if len(raw) > TRACE_LINE_BYTES_MAX:
            self._note(f"the line is too long; expected at most {TRACE_LINE_BYTES_MAX} bytes")
            return None
        try:
            line = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            if raw.endswith(b"\n"):
                self._note(f"not JSON ({error.msg}); expected an object a line")
            return None
        if not isinstance(line, dict):
            self._note("not a JSON object; expected an object a line")
            return None
        return line

    def _judge_event(self, line: Event) -> bool:
        """Tell what is wrong; whether it is an event all the same."""
        try:
            seq, time, name, actor = line["seq"], line["t"], line["event"], line["actor"]
            op, cause, step = line["op"], line["cause"], line["step"]
        except KeyError:
            missing = [name for name in COMMON_FIELDS if name not in line]
            self._note(f"missing field {', '.join(missing)}; expected an event")
            return False
        if type(name) is not str or type(time) is not int or type(seq) is not int or type(actor) is not str:
            told = f"seq is {seq!r:.40}, t is {time!r:.40}, actor is {actor!r:.40}, event is {name!r:.40}"
            self._note(f"{told}; expected a number, a time in ns, and names")
            return False
        if type(op) not in _NAME_OR_NULL or type(cause) not in _INT_OR_NULL or type(step) not in _INT_OR_NULL:
            told = f"op is {op!r:.40}, cause is {cause!r:.40}, step is {step!r:.40}"
            self._note(f"{told}; expected a name and numbers, or null")
            return False
        if seq != self._seq + 1:
            self._note(f"seq is {seq}; expected {self._seq + 1}")
        self._seq = seq
        self._counts[name] = self._counts.get(name, 0) + 1
        checks = _CHECKS.get(name)
        if checks is not None:
            for field, types in checks:
                if type(line.get(field, _MISSING)) not in types:
                    self._note(
                        f"{name}: {'; '.join(value_problems(VOCABULARY[name], line))}; {_OF_VOCABULARY}"
                    )
                    return False
        return True

    def _judge_trailer(self, line: Event) -> None:
        for name, told, found in (
            ("events", line.get("events"), self.events),
            ("counts", line.get("counts"), self._counts),
            ("digest", line.get("digest"), self._hash.hexdigest()),
        ):
            if told != found:
                self._note(
                    f"the trailer's {name} is {told!r:.80}; expected {found!r:.80} by the lines before it"
                )

    def note(self, text: str) -> None:
        """Tell a problem of the line that was read last, which only a user of the trace could find."""
        self._note(text)

    def _note(self, text: str, *, line: int | None = None) -> None:
        problem = Problem(self.lines.name, self.lines.number if line is None else line, text)
        if self._strict:
            raise UsageError(str(problem))
        self.problem_count += 1
        if len(self.problems) < TRACE_PROBLEMS_MAX:
            self.problems.append(problem)


class _Missing:
    """Stands for a field that is not there: of no type that a field may have."""


_MISSING = _Missing()
_OF_VOCABULARY = "expected an event of the vocabulary"
_NAME_OR_NULL, _INT_OR_NULL = (str, NoneType), (int, NoneType)
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "str": (str,), "bool": (bool,), "list": (list,), "dict": (dict,),
}  # fmt: skip
_ANY = (*(kind for kinds in _TYPES.values() for kind in kinds), float, NoneType)


def _checks_of(kind: EventType) -> tuple[tuple[str, tuple[type, ...]], ...]:
    """(field, types that it may have) of a fact; the same as `value_problems`, prepared for many events."""
    found = []
    for name, text in kind.fields.items():
        types = next((types for word, types in _TYPES.items() if text.startswith(word)), _ANY)
        found.append((name, (*types, NoneType) if "or null" in text else types))
    return tuple(found)


_CHECKS = {name: _checks_of(kind) for name, kind in VOCABULARY.items() if not kind.message}


@contextmanager
def open_trace(path: Path | str, *, strict: bool = False, follow: bool = False) -> Iterator[TraceReader]:
    """Open a trace for one pass.

    Args:
        path: a file, plain or compressed, or `-` for standard input.
        strict: raise at the first problem.
        follow: wait for what is still to be written, without end.

    Raises:
        UsageError: it can't be read or is no trace; with `strict`, anything is wrong with it.
    """
    with open_lines(path, follow=follow) as lines:
        yield TraceReader(lines, strict=strict)


# --- whole ----------------------------------------------------------------------------------------------


@frozen
class TraceFile:
    """A trace, read whole.

    Attributes:
        path: the file.
        header: its first line.
        events: its events, in order.
        trailer: its last line; None: the file was cut off.
        level: what the file holds.
    """

    path: Path
    header: Event
    events: tuple[Event, ...]
    trailer: Event | None
    level: Level

    @property
    def cut_off(self) -> bool:
        """Whether the run ended before the trace did."""
        return self.trailer is None


def read_trace(path: Path | str) -> TraceFile:
    """Read a trace whole.

    Raises:
        UsageError: the file can't be read or is no trace; the text names file, line and what is wrong.
    """
    with open_trace(path, strict=True) as trace:
        events = tuple(trace)
        return TraceFile(Path(path), trace.header, events, trace.trailer, trace.level)


# --- typed ----------------------------------------------------------------------------------------------


@frozen
class TraceEvent:
    """An event of a trace.

    Attributes:
        seq: its number; the total order.
        t_ns: when, on the run clock.
        actor: who told it.
        event: its name in the vocabulary.
        op: the operation it belongs to, or None.
        cause: number of the event that caused it, or None.
        step: the patent's step, 201 to 211, or None.
        fields: its own fields, as the vocabulary names them.
    """

    seq: int
    t_ns: int
    actor: str
    event: str
    op: str | None
    cause: int | None
    step: int | None
    fields: Mapping[str, Any] = Factory(dict)

    @classmethod
    def of(cls, line: Event) -> "TraceEvent":
        """From the dict that stands in the file."""
        fields = {name: value for name, value in line.items() if name not in COMMON_FIELDS}
        return cls(
            line["seq"],
            line["t"],
            line["actor"],
            line["event"],
            line["op"],
            line["cause"],
            line["step"],
            fields,
        )

    @property
    def kind(self) -> EventType | None:
        """Its entry in the vocabulary: units, meaning, patent step; None where it has none."""
        return VOCABULARY.get(self.event)

    def __getitem__(self, name: str) -> Any:
        """One of its own fields."""
        return self.fields[name]


def read(path: Path | str) -> Iterator[TraceEvent]:
    """Stream a trace's events, in bounded memory.

    Args:
        path: a file, plain or compressed by gzip or Zstandard, or `-` for standard input.

    Raises:
        UsageError: it can't be read or is no trace, or when something wrong with it is reached. To go on behind what
            is wrong, or for header and trailer, take `open_trace`.
    """
    with open_trace(path, strict=True) as trace:
        for line in trace:
            yield TraceEvent.of(line)


__all__ = ["Problem", "TraceEvent", "TraceFile", "TraceReader", "open_trace", "read", "read_trace"]
