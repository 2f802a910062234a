"""The end of the trace's processor chain: encodes events, hashes them, writes them out in blocks.

The sink owns the file, the running SHA-256 over the event lines, and the counts. Invariants:

- a line is encoded completely before it counts: a value that cannot be encoded leaves no gap;
- the lines hashed are the lines written, in the same order, each with its newline;
- what was taken is written out by `close`, and by the interpreter's exit when nobody closed it; then there
  is no trailer, and readers say that the file was cut off.
"""

import hashlib
import operator
import weakref
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from attrs import fields, has

from lparvm.config import TRACE_BLOCK_LINES
from lparvm.errors import UsageError

_FIELD_NAMES: dict[type, tuple[str, ...]] = {}


def encodable(value: object) -> object:
    """What orjson cannot encode by itself: an attrs object as its fields, a numpy integer as an int.

    Everything encodes in one way only, on any machine: sets, which have no order, are refused.

    Raises:
        TypeError: the value has no place in a trace.
    """
    kind = type(value)
    names = _FIELD_NAMES.get(kind)
    if names is None:
        if not has(kind):
            try:
                return operator.index(value)  # type: ignore[arg-type]
            except TypeError:
                raise TypeError(f"{kind.__name__} {value!r:.60} has no place in a trace") from None
        names = _FIELD_NAMES[kind] = tuple(attribute.name for attribute in fields(kind))
    return {name: getattr(value, name) for name in names}


def encode(line: dict[str, Any]) -> bytes:
    """One line of a trace, with its newline: keys in the order of the dict, no spaces.

    Raises:
        TypeError: a value has no place in a trace.
    """
    try:
        return orjson.dumps(line, encodable, orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        # Rare: a dict whose keys are enum members. The option costs time on every line, so it comes second.
        return orjson.dumps(line, encodable, orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)


class _Output:
    """Lines that wait, and where they go. Apart from the sink so that a finalizer may hold it."""

    __slots__ = ("_file", "_name", "hash", "lines")

    def __init__(self, path: Path | None) -> None:
        self.hash = hashlib.sha256()
        self.lines: list[bytes] = []
        self._name = str(path)
        self._file: BinaryIO | None = None
        if path is not None:
            try:
                self._file = path.open("wb", buffering=0)
            except OSError as error:
                raise UsageError(f"trace file {path}: cannot be written: {error.strerror}") from error

    def flush(self) -> None:
        if self.lines:
            # Taken out of the list first: nothing is hashed or written twice, whatever fails below.
            block, self.lines = b"".join(self.lines), []
            self.hash.update(block)
            self.write(block)

    def write(self, block: bytes) -> None:
        """Write past the hash: header and trailer."""
        if self._file is None:
            return
        view = memoryview(block)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            self.close()
            raise UsageError(f"trace file {self._name}: cannot be written: {error.strerror}") from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _abandon(output: _Output) -> None:
    """Nobody closed the sink: keep what was taken, without a trailer."""
    output.flush()
    output.close()


class Sink:
    """Takes encoded event lines in order.

    Attributes:
        sequence: number of the last event taken; 0 before the first.
        counts: event name -> how often it was taken.
    """

    __slots__ = ("__weakref__", "_finalizer", "_output", "closed", "counts", "sequence")

    def __init__(self, path: Path | None) -> None:
        """Open the file, if one is given.

        Raises:
            UsageError: it cannot be written.
        """
        self.sequence = 0
        self.counts: dict[str, int] = {}
        self.closed = False
        self._output = _Output(path)
        self._finalizer = weakref.finalize(self, _abandon, self._output)

    def header(self, line: dict[str, Any]) -> None:
        """Write the first line; it is not part of the digest."""
        self._output.write(encode(line))

    def take(self, name: str, line: bytes) -> None:
        """Take an encoded event; its number is `sequence` + 1."""
        self.counts[name] = self.counts.get(name, 0) + 1
        self.sequence += 1
        lines = self._output.lines
        lines.append(line)
        if len(lines) >= TRACE_BLOCK_LINES:
            self._output.flush()

    def flush(self) -> None:
        """Hash and write what waits.

        Raises:
            UsageError: the file cannot be written.
        """
        self._output.flush()

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the event lines taken so far."""
        self._output.flush()
        return self._output.hash.hexdigest()

    def close(self, trailer: dict[str, Any]) -> None:
        """Write the last line (the digest is added to it) and close the file. A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        try:
            self._output.write(encode({**trailer, "digest": self.digest}))
        finally:
            self._output.close()
            self._finalizer.detach()
