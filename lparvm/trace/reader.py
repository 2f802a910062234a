"""Reading a trace: header, events, trailer, each line checked as it comes.

`scan` streams a file of any size in bounded memory; `read_trace` keeps it whole. Both tell what is wrong by
line number: a line that is no event, a number out of order, a version they don't know, counts or a digest
that do not match. A file without a trailer was cut off; that is no error, but told: `TraceFile.cut_off`. A
torn last line is part of being cut off.

Fields of facts are checked against the vocabulary; fields that it doesn't know are left alone, and so are
events that it doesn't know: a later writer of the same version may tell more.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson
from attrs import frozen

from lparvm.config import TRACE_LINE_BYTES_MAX
from lparvm.errors import UsageError
from lparvm.trace.vocabulary import COMMON_FIELDS, VOCABULARY, Level, value_problems
from lparvm.trace.writer import FORMAT_VERSION, Event


@frozen
class TraceFile:
    """A trace, read whole.

    Attributes:
        path: the file.
        header: its first line.
        events: its events, in order.
        trailer: its last line; None: the file was cut off.
    """

    path: Path
    header: Event
    events: tuple[Event, ...]
    trailer: Event | None

    @property
    def cut_off(self) -> bool:
        """Whether the run ended before the trace did."""
        return self.trailer is None

    @property
    def level(self) -> Level:
        """What the file holds."""
        return level_of(self.header)


def level_of(header: Event) -> Level:
    """The level of a trace, by its header; `protocol` where it doesn't say."""
    name = str(header.get("level", "protocol")).upper()
    return Level[name] if name in Level.__members__ else Level.PROTOCOL


def read_trace(path: Path | str) -> TraceFile:
    """Read a trace whole.

    Raises:
        UsageError: the file can't be read or is no trace; the text names file, line and what is wrong.
    """
    header, trailer, events = {}, None, []
    for number, line in enumerate(scan(path)):
        if number == 0:
            header = line
        elif "trailer" in line:
            trailer = line
        else:
            events.append(line)
    return TraceFile(Path(path), header, tuple(events), trailer)


def scan(path: Path | str) -> Iterator[Event]:
    """Stream a trace: its header first, then its events, then its trailer if there is one.

    Raises:
        UsageError: as `read_trace`, when the line in question is reached.
    """
    try:
        with Path(path).open("rb") as file:
            yield from _Scanner(str(path)).lines(file)
    except OSError as error:
        raise UsageError(f"trace file {path}: cannot be read: {error.strerror}") from error


class _Scanner:
    """Where a scan stands, and what it has counted."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._number = 0
        self._hash = hashlib.sha256()
        self._counts: dict[str, int] = {}
        self._events = 0

    def lines(self, file: BinaryIO) -> Iterator[Event]:
        self._number = 1
        header = self._decode(file.readline(TRACE_LINE_BYTES_MAX + 1))
        if header is None or header.get("trace") != "lparvm":
            raise self._wrong("not a trace of lparvm", 'a header with "trace":"lparvm"')
        if header.get("version") != FORMAT_VERSION:
            raise self._wrong(f"version {header.get('version')!r} is unknown", f"version {FORMAT_VERSION}")
        yield header
        while raw := file.readline(TRACE_LINE_BYTES_MAX + 1):
            self._number += 1
            line = self._decode(raw)
            if line is None:
                return
            if "trailer" in line:
                self._judge_trailer(line)
                yield line
                break
            self._judge_event(line)
            self._hash.update(raw)
            yield line
        if file.readline(1):
            self._number += 1
            raise self._wrong("a line after the trailer", "the end of the file")

    def _decode(self, raw: bytes) -> Event | None:
        """The line as a dict; None where the file was cut off in the midst of it."""
        if len(raw) > TRACE_LINE_BYTES_MAX:
            raise self._wrong("the line is too long", f"at most {TRACE_LINE_BYTES_MAX} bytes")
        try:
            line = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            if raw and not raw.endswith(b"\n") and self._number > 1:
                return None
            raise self._wrong(f"not JSON ({error.msg})", "an object a line") from None
        if not isinstance(line, dict):
            raise self._wrong("not a JSON object", "an object a line")
        return line

    def _judge_event(self, line: Event) -> None:
        missing = [name for name in COMMON_FIELDS if name not in line]
        if missing:
            raise self._wrong(f"missing field {', '.join(missing)}", "an event")
        self._events += 1
        if line["seq"] != self._events:
            raise self._wrong(f"seq is {line['seq']!r}", str(self._events))
        name, time = line["event"], line["t"]
        if not isinstance(name, str) or not isinstance(time, int):
            raise self._wrong(f"event is {name!r:.40}, t is {time!r:.40}", "a name and a time in ns")
        kind = VOCABULARY.get(name)
        if kind is not None and not kind.message and (problems := value_problems(kind, line)):
            raise self._wrong(f"{name}: " + "; ".join(problems), "an event of the vocabulary")
        self._counts[name] = self._counts.get(name, 0) + 1

    def _judge_trailer(self, line: Event) -> None:
        for name, told, found in (
            ("events", line.get("events"), self._events),
            ("counts", line.get("counts"), self._counts),
            ("digest", line.get("digest"), self._hash.hexdigest()),
        ):
            if told != found:
                raise self._wrong(
                    f"the trailer's {name} is {told!r:.80}", f"{found!r:.80} by the lines before it"
                )

    def _wrong(self, problem: str, expected: str) -> UsageError:
        return UsageError(f"{self._name}:{self._number}: {problem}; expected {expected}")


__all__ = ["TraceFile", "level_of", "read_trace", "scan"]
