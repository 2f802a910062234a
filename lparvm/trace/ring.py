"""A trace in memory: the last events, written only when the run fails.

The other sink beside `sink.Sink`. What it takes it keeps as it is, and encodes only when the file is written: on a
verdict other than `intact`, an interruption, a crash, or the interpreter's exit when nobody closed it. A process that
is killed leaves nothing. The file is a trace whose header tells `ring`, how many events are kept, and `first_seq`, the
number of its first event; its trailer's `events`, `counts` and `digest` are of the lines in the file, `run_events` and
`run_digest` of the whole run.

Invariant: what an event holds doesn't change after it was taken; a test compares the digests.
"""

import os
import weakref
from collections import deque
from pathlib import Path

from lparvm.config import TRACE_BLOCK_BYTES, TRACE_RING_EVENTS_MAX
from lparvm.errors import UsageError
from lparvm.trace.output import Output
from lparvm.trace.sink import Event, Lines, encode, trailer


class _Kept:
    """The events, and how they get into a file. Apart from the sink so that a finalizer may hold it."""

    __slots__ = ("events", "header", "path")

    def __init__(self, path: Path | None, header: Event, most: int) -> None:
        self.path = path
        self.header = header
        self.events: deque[Event] = deque(maxlen=most)

    def lines(self, output: Output) -> Lines:
        """Header and events, encoded; and written, where the output is a file."""
        first = self.events[0]["seq"] if self.events else 1
        lines = Lines(output)
        lines.write({**self.header, "ring": self.events.maxlen, "first_seq": first})
        for event in self.events:
            lines.waiting += encode(event)
            lines.names.append(event["event"])
            if len(lines.waiting) >= TRACE_BLOCK_BYTES:
                lines.flush()
        return lines

    def abandon(self) -> None:
        """Nobody closed the sink: write what is kept, without a trailer."""
        output = Output(self.path)
        try:
            self.lines(output).flush()
        finally:
            output.close()


class RingSink:
    """Takes events in order and keeps the last ones.

    Attributes:
        sequence: number of the last event taken; 0 before the first.
        path: the file; None once it is known that none is written.
        closed: whether there will be no more.
    """

    __slots__ = ("__weakref__", "_finalizer", "_keep", "_kept", "_whole", "closed", "path", "sequence")

    def __init__(self, path: Path | None, header: Event, most: int, *, digest: bool) -> None:
        """Begin empty. A file of that name is removed: what stands in it is not of this run.

        Args:
            path: where to write; None for nowhere.
            header: the first line.
            most: how many events are kept.
            digest: whether to compute the digest of the whole run: then each event is encoded when it is taken.

        Raises:
            UsageError: the file could not be written, or `most` is out of range.
        """
        if not 1 <= most <= TRACE_RING_EVENTS_MAX:
            raise UsageError(f"trace ring: {most} events; expected 1 to {TRACE_RING_EVENTS_MAX}")
        if path is not None:
            _make_way(path)
        self.sequence = 0
        self.path = path
        self.closed = False
        self._kept = _Kept(path, header, most)
        self._keep = self._kept.events.append
        self._whole = Lines(Output(None)) if digest else None
        self._finalizer = weakref.finalize(self, self._kept.abandon)

    def take(self, event: Event) -> int:
        """Take the next event, which has the number `sequence` + 1; returns the number."""
        whole = self._whole
        if whole is not None:
            whole.waiting += encode(event)
            if len(whole.waiting) >= TRACE_BLOCK_BYTES:
                whole.flush()
        self._keep(event)
        self.sequence = number = self.sequence + 1
        return number

    def flush(self) -> None:
        """Nothing is written before the end."""

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of all event lines, or of those kept, where that isn't computed."""
        return (self._whole or self._kept.lines(Output(None))).digest

    def close(self, verdict: str, more: Event) -> None:
        """Write the file if the run failed; a second call does nothing.

        Args:
            verdict: the run's.
            more: further fields of the trailer.

        Raises:
            UsageError: the file cannot be written.
        """
        if self.closed:
            return
        self.closed = True
        self._finalizer.detach()
        if self.path is None or (verdict == "intact" and not more.get("interrupted")):
            self.path = None
            return
        output = Output(self.path)
        try:
            lines = self._kept.lines(output)
            run = {"run_events": self.sequence, "run_digest": self._whole.digest if self._whole else None}
            lines.write(trailer(verdict, len(self._kept.events), lines, {**more, **run}))
        finally:
            output.close()


def _make_way(path: Path) -> None:
    """Find out early whether the file can be written, and let no older one pass for this run's."""
    try:
        if path.is_file():
            path.unlink()
        elif path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            Output(path).close()  # opening it tells what is wrong
    except OSError as error:
        raise UsageError(f"trace file {path}: cannot be written: {error.strerror}") from error
