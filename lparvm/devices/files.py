"""Files that hold a device's medium: opened, locked and closed in one way, with one-line errors.

A file belongs to one device at a time: it is locked (flock) from `claim` to `drop`, against other devices and
other runs.
"""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lparvm.errors import UsageError
from lparvm.options import Kind, Option

_USABLE = "a file that can be read and written"


def path_option(doc: str) -> Option:
    """The option `path`: a file that holds the medium."""
    return Option("path", Kind("the path of a file", _path), None, doc)


def _path(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(value)
    return value


class DeviceFile:
    """A file that belongs to one device.

    Attributes:
        path: its path.
        descriptor: of the open file; None: it is closed.
    """

    def __init__(self, path: str, option_error: Callable[[str, str, str], UsageError]) -> None:
        """Open nothing yet.

        Args:
            path: of the file.
            option_error: makes the error of an option, from its name, the problem and what was expected.
        """
        self.path = path
        self.descriptor: int | None = None
        self._option_error = option_error

    def error(self, problem: str, expected: str = _USABLE) -> UsageError:
        """The error of a file that cannot be used."""
        return self._option_error("path", f"{self.path}: {problem}", expected)

    @contextlib.contextmanager
    def claim(self) -> Iterator[int]:
        """Open and lock the file, making it where it is missing, and give its length in bytes.

        Leaves the file open, unless the body raises: then it is closed, and gone if it was made here.

        Raises:
            UsageError: the file cannot be used; also in place of an OSError of the body.
        """
        made = False
        try:
            try:
                self.descriptor, made = self._open()
                if not stat.S_ISREG(os.fstat(self.descriptor).st_mode):
                    raise self.error("no regular file")
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Looked at under the lock: another run may just have written it.
                yield os.fstat(self.descriptor).st_size
            except BlockingIOError:
                made = False
                raise self.error("another device or run uses it", "a file for each device") from None
            except (OSError, ValueError) as error:
                problem = error.strerror if isinstance(error, OSError) else str(error)
                raise self.error(str(problem)) from None
        except BaseException:
            if made:
                with contextlib.suppress(OSError):
                    Path(self.path).unlink()
            self.drop()
            raise

    def _open(self) -> tuple[int, bool]:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would wait for its other end
        try:
            return os.open(self.path, flags | os.O_CREAT | os.O_EXCL, 0o644), True
        except FileExistsError:
            # O_CREAT: a link to a file that is missing makes it.
            return os.open(self.path, flags | os.O_CREAT, 0o644), False

    def sync(self) -> None:
        """Have the system write out what it holds back; nothing where the file is closed.

        Raises:
            UsageError: the file system could not keep what was written.
        """
        if self.descriptor is None:
            return
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            problem = f"{error.strerror}, when it was closed"
            raise self.error(problem, "a file that keeps what is written") from None

    def drop(self) -> None:
        """Close the file, and let others lock it. Idempotent."""
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def write_all(descriptor: int, parts: Sequence[bytes | memoryview], offset: int) -> None:
    """Write `parts`, one behind the other, at a byte offset.

    Raises:
        OSError: not all of it was written.
    """
    rest = [memoryview(part) for part in parts if len(part)]
    while rest:
        # A full file system takes a part first, and tells why at the next try.
        written = os.pwritev(descriptor, rest, offset)
        if not written:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        offset += written
        while rest and written >= len(rest[0]):
            written -= len(rest.pop(0))
        if written:
            rest[0] = rest[0][written:]
