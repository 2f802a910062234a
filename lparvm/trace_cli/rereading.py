"""Traces that are read twice: a file as it is, a pipe by way of a temporary file."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from attrs import evolve, frozen

from lparvm.errors import UsageError
from lparvm.trace_cli.common import Reading, reading

if TYPE_CHECKING:
    from lparvm.trace.reader import TraceReader

_STANDARD_INPUT = "-"


@frozen
class Rereadable:
    """A trace for several passes.

    Attributes:
        path: what is read.
        name: what it is called in messages.
    """

    path: str
    name: str

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """The first pass, which tells what is wrong with the file."""
        try:
            with reading(self.path) as one:
                reader = one.reader
                reader.lines.name = self.name
                reader.problems = [evolve(problem, file=self.name) for problem in reader.problems]
                yield one
        except UsageError as error:
            raise UsageError(str(error).replace(self.path, self.name)) from error

    def again(self) -> AbstractContextManager["TraceReader"]:
        """Another pass; nothing is told, and it may be left before the end."""
        from lparvm.trace.reader import open_trace  # noqa: PLC0415 - other commands start without it

        return open_trace(self.path)


@contextmanager
def rereadable(file: str) -> Iterator[Rereadable]:
    """A trace for several passes, compressed or not.

    Args:
        file: as on the command line.

    Raises:
        UsageError: it cannot be read.
    """
    if file == _STANDARD_INPUT:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("trace file -: standard input is a terminal; expected a file or a pipe")
        with _spooled(sys.stdin.buffer, "standard input") as one:
            yield one
        return
    path = Path(file)
    if path.is_fifo() or path.is_char_device():
        try:
            pipe = path.open("rb")
        except OSError as error:
            raise UsageError(f"trace file {file}: cannot be read: {error.strerror}") from error
        with pipe, _spooled(pipe, file) as one:
            yield one
        return
    yield Rereadable(file, file)


@contextmanager
def _spooled(source: BinaryIO, name: str) -> Iterator[Rereadable]:
    try:
        with tempfile.NamedTemporaryFile(prefix="lparvm-trace-") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            yield Rereadable(copy.name, name)
    except OSError as error:
        raise UsageError(f"trace file {name}: cannot be kept for a second pass: {error.strerror}") from error
