"""Lines on standard output as they come, coloured where a terminal takes colours."""

import sys

import click

from lparvm.config import TRACE_UNWRITTEN_EVENTS_MAX
from lparvm.console.process import reader_has_gone


class Printer:
    """Prints lines of a stream of events.

    On a terminal, and with `live`, each line is seen at once. Otherwise a line waits for others, but no longer than
    some events: a reader at the other end of a pipe sees the first one long before the last one is found.

    Attributes:
        terminal: standard output is one.
        live: each line is written at once.
        gone: nobody reads any more (`| head`): time to stop.
    """

    def __init__(self, *, live: bool = False) -> None:
        """Look where standard output leads."""
        from rich.color import ColorSystem  # noqa: PLC0415 - other commands start without it

        from lparvm.trace_cli.common import make_console  # noqa: PLC0415

        console = make_console()
        # Standard codes: they look right on a light and on a dark terminal.
        colours = console.is_terminal and console.color_system is not None and not console.no_color
        self._system = ColorSystem.STANDARD if colours else None
        self.terminal = console.is_terminal
        self.live = live or console.is_terminal
        self._unwritten = 0
        self._codes: dict[str, tuple[str, str]] = {"": ("", "")}
        self.gone = False

    def paint(self, text: str, style: str) -> str:
        """A part of a line in a style of rich."""
        if self._system is None or not text:
            return text
        codes = self._codes.get(style)
        if codes is None:
            from rich.style import Style  # noqa: PLC0415

            before, _, after = Style.parse(style).render("\0", color_system=self._system).partition("\0")
            codes = self._codes[style] = before, after
        return f"{codes[0]}{text}{codes[1]}"

    def line(self, text: str) -> None:
        """One line. The first one is written at once."""
        # Not click.echo: it would flush each line.
        sys.stdout.write(f"{text}\n")
        if self.live or not self._unwritten:
            self.flush()
        self._unwritten = max(self._unwritten, 1)

    def passed(self) -> None:
        """An event was read, printed or not."""
        if self._unwritten:
            self._unwritten += 1
            if self._unwritten > TRACE_UNWRITTEN_EVENTS_MAX:
                self.flush()

    def flush(self) -> None:
        """Write out what waits."""
        sys.stdout.flush()
        self._unwritten = 0
        self.gone = reader_has_gone()


def warn(text: str) -> None:
    """A line on standard error."""
    click.echo(f"lparvm: {text}", err=True)
