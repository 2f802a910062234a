"""Files that the commands write: never the trace itself, and one clear line where it can't be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lparvm.errors import UsageError


def output_path(out: Path, file: str) -> Path:
    """Where to write, as a whole path.

    Args:
        out: as on the command line.
        file: the trace that is read.

    Raises:
        UsageError: it is the trace, or a directory, or its directory isn't there.
    """
    path = out.resolve()
    if path.is_dir():
        raise UsageError(f"output {out}: is a directory; expected a file")
    if not path.parent.is_dir():
        raise UsageError(f"output {out}: {path.parent} is no directory")
    if _same_file(path, Path(file)):
        raise UsageError(f"output {out}: is the trace itself; expected another file")
    return path


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to write to.

    Raises:
        UsageError: it can't be opened, or not be written.
    """
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"output {path}: cannot be written: {error.strerror}") from error
