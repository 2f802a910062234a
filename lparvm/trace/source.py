"""Where the lines of a trace come from: a file or standard input, compressed or not, whole or still being written.

What a file holds is seen from its first bytes, not from its name: `gzip` and Zstandard are decompressed as they are
read. `Lines` hands out one line at a time and never keeps more than one.
"""

import io
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from lparvm.config import TRACE_FOLLOW_INTERVAL_S, TRACE_LINE_BYTES_MAX
from lparvm.errors import UsageError

STANDARD_INPUT = "-"
_GZIP, _ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class _DamagedError(Exception):
    """The compressed data end early, or are no such data."""


class Lines:
    """The lines of a trace, one after another.

    Attributes:
        name: of the file, for messages.
        number: of the last line handed out, from 1.
        size_bytes: of the file as it is stored; 0 where that isn't known.
        damage: what is wrong with the compressed data; empty while nothing is.
    """

    def __init__(
        self, name: str, raw: BinaryIO, lines: BinaryIO, *, size_bytes: int = 0, follow: bool = False
    ) -> None:
        """Take over an open file: as it is stored, and its lines."""
        self.name, self.number, self.size_bytes, self.damage = name, 0, size_bytes, ""
        self._raw, self._lines, self._follow = raw, lines, follow

    @property
    def position_bytes(self) -> int:
        """How far the file is read, as it is stored."""
        try:
            return self._raw.tell()
        except OSError:
            return 0

    def __iter__(self) -> Iterator[bytes]:
        """Each line with its newline; the last one may lack it, and one that is too long is cut behind the limit."""
        while line := self._next():
            self.number += 1
            yield line
            while len(line) > TRACE_LINE_BYTES_MAX and not line.endswith(b"\n"):
                line = self._readline()  # the rest of it, so that the next line begins where it should

    def _next(self) -> bytes:
        line = self._readline()
        while self._follow and not line.endswith(b"\n") and len(line) <= TRACE_LINE_BYTES_MAX:
            time.sleep(TRACE_FOLLOW_INTERVAL_S)
            line += self._readline()
        return line

    def _readline(self) -> bytes:
        try:
            return self._lines.readline(TRACE_LINE_BYTES_MAX + 1)
        except (_DamagedError, EOFError, zlib.error) as error:
            self.damage = str(error) or "the data end early"
        except OSError as error:  # also what gzip raises for a wrong checksum
            if error.errno is not None:
                raise UsageError(f"trace file {self.name}: cannot be read: {error.strerror}") from error
            self.damage = str(error)
        return b""


@contextmanager
def open_lines(path: Path | str, *, follow: bool = False) -> Iterator[Lines]:
    """Open a trace for reading.

    Args:
        path: a file, or `-` for standard input.
        follow: wait for lines that are still to be written, without end.

    Raises:
        UsageError: it cannot be opened.
    """
    name = str(path)
    if name == STANDARD_INPUT:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("trace file -: standard input is a terminal; expected a file or a pipe")
        raw = sys.stdin.buffer
        yield Lines("standard input", raw, _decompressed(raw, name), follow=follow)
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below; only opening it is tried here
    except OSError as error:
        raise UsageError(f"trace file {name}: cannot be read: {error.strerror}") from error
    with file:
        size_bytes = Path(path).stat().st_size
        yield Lines(name, file, _decompressed(file, name), size_bytes=size_bytes, follow=follow)


def _decompressed(raw: BinaryIO, name: str) -> BinaryIO:
    try:
        first = cast("io.BufferedReader", raw).peek(4)[:4]
    except OSError as error:
        raise UsageError(f"trace file {name}: cannot be read: {error.strerror}") from error
    if first.startswith(_GZIP):
        import gzip  # noqa: PLC0415 - most traces are not compressed

        return cast("BinaryIO", gzip.GzipFile(fileobj=raw))
    if first.startswith(_ZSTANDARD):
        return cast("BinaryIO", io.BufferedReader(_Zstandard(raw)))
    return raw


class _Zstandard(io.RawIOBase):
    """Decompressed data; tells where they end in the middle of a frame, which the library keeps to itself."""

    def __init__(self, raw: BinaryIO) -> None:
        import zstandard  # noqa: PLC0415 - most traces are not compressed

        self._raw = raw
        self._library = zstandard
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = False
        self._pending = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        while not self._pending:
            stored = self._frame.unused_data if self._frame.eof else b""
            stored = stored or self._raw.read(io.DEFAULT_BUFFER_SIZE)
            if not stored:
                if self._begun and not self._frame.eof:
                    raise _DamagedError("the compressed data end early")
                return 0
            if self._frame.eof:
                self._frame = self._library.ZstdDecompressor().decompressobj()
            self._begun = True
            try:
                self._pending = memoryview(self._frame.decompress(stored))
            except self._library.ZstdError as error:
                raise _DamagedError(f"the compressed data are damaged ({error})") from None
        count = min(len(buffer), len(self._pending))
        buffer[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count
