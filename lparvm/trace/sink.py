"""The end of the trace's way: encodes events, hashes them, writes them out in blocks.

The sink owns the file, the running SHA-256 over the event lines, and the counts. Invariants:

- a line is encoded completely before it counts: a value that cannot be encoded leaves no gap;
- the lines hashed are the lines written, in the same order, each with its newline;
- what was taken is written out by `close`, and by the interpreter's exit when nobody closed it; then there
  is no trailer, and readers say that the file was cut off.

`ring.RingSink` is the other sink: it keeps the last events in memory.
"""

import hashlib
import operator
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from attrs import has

from lparvm.config import TRACE_BLOCK_BYTES
from lparvm.trace.message_types import KIND, TOLD_KINDS, reading
from lparvm.trace.output import Output

Event = dict[str, Any]

_READING: dict[type, Callable[[Any], object]] = {}
_NEWLINE = orjson.OPT_APPEND_NEWLINE
_ANY_KEYS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


def encodable(value: object) -> object:
    """What orjson cannot encode by itself: an attrs object as its fields, a numpy integer as an int.

    Everything encodes in one way only, on any machine: sets, which have no order, are refused.

    Raises:
        TypeError: the value has no place in a trace.
    """
    kind = type(value)
    try:
        read = _READING[kind]
    except KeyError:
        read = _READING[kind] = _reading(kind)
    try:
        return read(value)
    except TypeError:
        raise TypeError(f"{kind.__name__} {value!r:.60} has no place in a trace") from None


def _reading(kind: type) -> Callable[[Any], object]:
    if not has(kind):
        return operator.index
    return reading(kind, {KIND: kind.__name__} if kind in TOLD_KINDS else {})


def encode(line: Event) -> bytes:
    """One line of a trace, with its newline: keys in the order of the dict, no spaces.

    Raises:
        TypeError: a value has no place in a trace.
    """
    try:
        return orjson.dumps(line, encodable, _NEWLINE)
    except orjson.JSONEncodeError:
        # Rare: a dict whose keys are enum members. The option costs time on every line, so it comes second.
        return orjson.dumps(line, encodable, _ANY_KEYS)


class Lines:
    """Event lines that wait, their hash and counts, and where they go. A finalizer may hold it.

    Attributes:
        waiting: lines that are neither hashed nor written yet.
        names: event names of the waiting lines.
    """

    __slots__ = ("_counts", "_hash", "_output", "names", "waiting")

    def __init__(self, output: Output) -> None:
        """Begin with no line."""
        self._output = output
        self._hash = hashlib.sha256()
        self._counts: Counter[str] = Counter()
        # Appended to, not a list of lines: orjson's results are large blocks that were shrunk, and to keep many
        # of them costs the allocator ten times what encoding does.
        self.waiting = bytearray()
        self.names: list[str] = []

    def flush(self) -> None:
        """Hash, count and write what waits."""
        if self.waiting:
            # Taken out first: nothing is hashed or written twice, whatever fails below.
            block, self.waiting = self.waiting, bytearray()
            names, self.names = self.names, []
            self._hash.update(block)
            self._counts.update(names)
            self._output.write(block)

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of all lines so far."""
        self.flush()
        return self._hash.hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Event name -> how many of the lines so far, in the order of the names."""
        self.flush()
        return dict(sorted(self._counts.items()))

    def write(self, line: Event) -> None:
        """Write past hash and counts: header and trailer."""
        self.flush()
        self._output.write(encode(line))

    def close(self) -> None:
        """Write what waits, without a trailer, and close."""
        try:
            self.flush()
        finally:
            self._output.close()


def trailer(verdict: str, events: int, lines: Lines, more: Event) -> Event:
    """The last line of a trace; it is not part of the digest."""
    totals = {"events": events, "counts": lines.counts}
    return {"trailer": True, "verdict": verdict, **totals, **more, "digest": lines.digest}


class Sink:
    """Takes events in order and writes them to a file, or nowhere.

    Attributes:
        sequence: number of the last event taken; 0 before the first.
        path: the file.
        closed: whether there will be no more.
    """

    __slots__ = ("__weakref__", "_finalizer", "_lines", "closed", "path", "sequence")

    def __init__(self, path: Path | None, header: Event) -> None:
        """Open the file, if one is given, and write its first line, which is not part of the digest.

        Raises:
            UsageError: it cannot be written.
        """
        self.sequence = 0
        self.path = path
        self.closed = False
        self._lines = Lines(Output(path))
        self._finalizer = weakref.finalize(self, self._lines.close)
        self._lines.write(header)

    def take(self, event: Event) -> int:
        """Take the next event, which has the number `sequence` + 1; returns the number.

        Raises:
            TypeError: a value has no place in a trace; the event is not taken.
            UsageError: the file cannot be written.
        """
        lines = self._lines
        try:
            lines.waiting += orjson.dumps(event, encodable, _NEWLINE)
        except orjson.JSONEncodeError:
            lines.waiting += encode(event)
        lines.names.append(event["event"])
        self.sequence = number = self.sequence + 1
        if len(lines.waiting) >= TRACE_BLOCK_BYTES:
            lines.flush()
        return number

    def flush(self) -> None:
        """Hash and write what waits.

        Raises:
            UsageError: the file cannot be written.
        """
        self._lines.flush()

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the event lines taken so far."""
        return self._lines.digest

    def close(self, verdict: str, more: Event) -> None:
        """Write the trailer and close the file; a second call does nothing.

        Args:
            verdict: the run's.
            more: further fields of the trailer.
        """
        if self.closed:
            return
        self.closed = True
        lines = self._lines
        try:
            lines.write(trailer(verdict, self.sequence, lines, more))
        finally:
            self._finalizer.detach()
            lines.close()
