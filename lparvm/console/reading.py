"""Where the console's lines come from: a terminal, by prompt_toolkit, or a pipe.

Both block in a worker thread, so that the machine goes on; both let go at once when the trio task that waits
for the line is cancelled. A pipe's thread is abandoned in its read: it uses the file descriptor itself, since
Python cannot end while a thread waits inside `sys.stdin`. The prompt is told to end, and waited for: it is
what gives the terminal back as it was.
"""

import enum
import os
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import trio
from attrs import define
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import History

from lparvm.protocol.command_parser import complete

_BLOCK_BYTES = 1 << 16
_PROMPT = "SVP> "
WORDS = ("HELP", "QUIT")


class OperatorLeft(Exception):  # noqa: N818 - no error
    """Ctrl-C was pressed twice at the prompt."""


class Reader(Protocol):
    """Where lines come from."""

    async def read(self) -> str | None:
        """The next line; None at the end of the input.

        Raises:
            OperatorLeft: the operator wants out.
        """
        ...


class PipeReader:
    """Lines of a file descriptor, as UTF-8; what is no UTF-8 is marked, and no command.

    Of a line without end only `_BLOCK_BYTES` are kept: it is far too long for a command.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self._lines: deque[bytes] = deque()
        self._ended = False

    async def read(self) -> str | None:
        """The next line."""
        while not self._lines and not self._ended:
            self._take(await trio.to_thread.run_sync(self._read_block, abandon_on_cancel=True))
        return self._lines.popleft().decode("utf-8", "replace") if self._lines else None

    def _read_block(self) -> bytes:
        try:
            return os.read(self._descriptor, _BLOCK_BYTES)
        except OSError:  # such as a terminal that has gone
            return b""

    def _take(self, block: bytes) -> None:
        *lines, rest = (self._rest + block).split(b"\n")
        self._lines.extend(lines)
        self._rest = rest[:_BLOCK_BYTES]
        self._ended = not block
        if self._ended and self._rest:
            self._lines.append(self._rest)


@define
class Screen:
    """What the prompt shows of the machine. Written by trio's thread, read by the prompt's: whole values only."""

    toolbar: str = ""
    lpars: tuple[str, ...] = ()


class _Key(enum.Enum):
    """How a prompt may end without a line."""

    CTRL_C = enum.auto()
    CTRL_D = enum.auto()


class PromptReader:
    """Lines typed at a terminal.

    Ctrl-C drops the line that is being typed; a second one, before anything else was typed, is `OperatorLeft`.
    """

    def __init__(self, screen: Screen, history: History) -> None:
        self._session: PromptSession[str] = PromptSession(
            history=history,
            completer=_Commands(screen),
            complete_while_typing=False,
            bottom_toolbar=lambda: screen.toolbar,
            refresh_interval=0.25,
        )
        self._leaving = False
        self._dropped = False

    async def read(self) -> str | None:
        """The next line."""
        while (line := await self._ask()) is _Key.CTRL_C:
            if self._dropped and not self._session.default_buffer.text:
                raise OperatorLeft
            self._dropped = True
        self._dropped = False
        return None if line is _Key.CTRL_D else line

    async def _ask(self) -> str | _Key:
        self._leaving = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._leave_when_cancelled)
            with trio.CancelScope(shield=True):
                line = await trio.to_thread.run_sync(self._prompt)
            nursery.cancel_scope.cancel()
        await trio.lowlevel.checkpoint_if_cancelled()
        return line

    def _prompt(self) -> str | _Key:
        try:
            # Signals are the main thread's.
            return self._session.prompt(_PROMPT, handle_sigint=False, pre_run=self._leave_if_asked)
        except KeyboardInterrupt:
            return _Key.CTRL_C
        except (EOFError, OSError):  # OSError: such as a terminal that has gone
            return _Key.CTRL_D

    async def _leave_when_cancelled(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            # The prompt may just be starting: then it sees the flag, else it has its loop by now.
            self._leaving = True
            loop = self._session.app.loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._leave_if_asked)

    def _leave_if_asked(self) -> None:
        future = self._session.app.future
        if self._leaving and future is not None and not future.done():
            self._session.app.exit(exception=EOFError())


class _Commands(Completer):
    """Completes by the grammar of the command language."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What the last word may become."""
        del complete_event
        text = document.text_before_cursor
        last = "" if not text or text[-1].isspace() else text.split()[-1]
        choices = complete(text, self._screen.lpars)
        if text.split() in ([], [last]):
            choices += [word for word in WORDS if word.startswith(last.upper())]
        for choice in choices:
            yield Completion(choice, start_position=-len(last))
