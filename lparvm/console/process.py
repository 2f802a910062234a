"""How the process behaves towards its surroundings: output that nobody takes, Ctrl-C outside of a run.

Imports next to nothing: it is in force before the machine's modules are loaded.

- Standard output and error never raise. A reader that has gone (`| head`) is no reason to end a run whose trace
  and exit code are still wanted; what else goes wrong with them (a full disk) is kept in `lost_output`.
- Outside of `interruptible`, Ctrl-C ends the process at once, with 130: nothing was started that has to be ended
  in order. A KeyboardInterrupt in the middle of an import may be swallowed, or become another error.
"""

import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

INTERRUPTED = 130


class _Output(io.FileIO):
    """A file descriptor to write to. After the first error what is written is dropped.

    Attributes:
        error: that error.
    """

    error: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write, or drop; never raises."""
        if self.error is None:
            try:
                return super().write(data)
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes


_outputs: list[_Output] = []


def guard_output() -> None:
    """Replace standard output and error by streams that never raise; what can't be encoded is shown as `?`."""
    sys.stdout = _guarded(sys.stdout, "replace")
    sys.stderr = _guarded(sys.stderr, "backslashreplace")


def _guarded(stream: TextIO | None, errors: str) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # type: ignore[return-value]  # None where it was closed (`>&-`), which print() knows
    stream.flush()
    output = _Output(stream.fileno(), "w", closefd=False)
    _outputs.append(output)
    return io.TextIOWrapper(
        io.BufferedWriter(output), encoding=stream.encoding, errors=errors,
        line_buffering=stream.line_buffering, write_through=stream.write_through,
    )  # fmt: skip


def lost_output() -> OSError | None:
    """Why output was lost; None where all was written, or its reader just went away."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    errors = (output.error for output in _outputs)
    return next((error for error in errors if error is not None and error.errno != errno.EPIPE), None)


def reader_has_gone() -> bool:
    """Whether standard output reaches nobody any more: time for a long list to end."""
    return any(output.error is not None and output.fileno() == sys.stdout.fileno() for output in _outputs)


def _leave(_signal: int, _frame: object) -> None:
    os._exit(INTERRUPTED)


def leave_at_once() -> None:
    """From now on, Ctrl-C ends the process at once. Where it was ignored from the start (`nohup`), it stays so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it, Ctrl-C is a KeyboardInterrupt, as trio and a run expect it."""
    before = signal.getsignal(signal.SIGINT)
    if before is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
