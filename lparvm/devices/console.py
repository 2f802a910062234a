"""`console`: prints lines and gives lines typed by the operator, or scripted by the scenario; commands of a 3215.

- WRITE prints text and stays on the line; WRITE LINE (with carrier return) prints it and ends the line.
- READ INQUIRY gives the oldest line that waits, without a line end; where none waits: unit exception, no data.
- SOUND ALARM prints a line that says so.

A line that is typed is offered as ATTENTION, and waits to be read: `CONSOLE_LINES_WAITING_MAX` at most. It is for one
LPAR, or for whichever reads first. Scripted lines are for anyone: one is typed each `every`, later if too many wait.

A printed line has `CONSOLE_LINE_CHARACTERS_MAX` characters at most, the rest of it is lost; so it is with typed ones,
which are refused. What a terminal would obey instead of printing it, such as control characters, is printed as
something that can be seen. Each LPAR prints lines of its own.
"""

import unicodedata
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from lparvm.arch.channel import ENDED, DeviceStatus
from lparvm.arch.device_commands import ConsoleCommand
from lparvm.config import (
    CONSOLE_LINE_CHARACTERS_MAX,
    CONSOLE_LINES_WAITING_MAX,
    DEVICE_INTERVAL_NS_MIN,
    DEVICE_SCRIPT_ENTRIES_MAX,
    RUN_NS_MAX,
)
from lparvm.devices.base import DataArea, Device, Waits
from lparvm.errors import UsageError
from lparvm.options import Kind, Option, choice, duration, list_of

ALARM = "(alarm)"
_CODECS = {"ascii": "utf-8", "ebcdic": "cp037"}
_MOST = 65_535  # as much as a CCW counts
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Control, format (such as those that turn text around), surrogate, line and paragraph separators.
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def _line(value: Any) -> str:
    if not isinstance(value, str) or len(value) > CONSOLE_LINE_CHARACTERS_MAX or printable(value) != value:
        raise ValueError(value)
    return value


_LINE = Kind(f"a line of {CONSOLE_LINE_CHARACTERS_MAX} characters at most, without control characters", _line)


def printable(text: str) -> str:
    """The text with all characters that a terminal might obey replaced by visible ones."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # a picture of it
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    return _REPLACEMENT if unicodedata.category(character) in _UNPRINTABLE else character


class Console(Device):
    """A console: prints lines, and gives those typed by the operator or scripted by the scenario."""

    KIND = "console"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("code", choice(*_CODECS), "ascii", "How characters are encoded: UTF-8, or EBCDIC 037."),
        Option("script", list_of(_LINE, DEVICE_SCRIPT_ENTRIES_MAX), None, "Lines that are typed by itself."),
        Option("every", duration(DEVICE_INTERVAL_NS_MIN, RUN_NS_MAX), 100_000_000,
               "How long before the first of them, and between two."),
    )  # fmt: skip
    IDENTITY = bytes.fromhex("FF 3215 00 3215 00")
    COMMANDS: ClassVar[Mapping[int, str]] = {command: command.name for command in ConsoleCommand}
    ANY_LENGTH: ClassVar[frozenset[int]] = frozenset((ConsoleCommand.WRITE, ConsoleCommand.WRITE_LINE))

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any], seed: int = 0) -> None:
        """Check the options."""
        super().__init__(number, latency_ns, options, seed)
        self._codec = _CODECS[self.options["code"]]
        self._typed: deque[tuple[str | None, str]] = deque()  # for whom, and the line
        self._printing: dict[str, str] = {}  # by LPAR: the line that is not ended yet
        self._printed: list[tuple[str, str]] = []

    def execute(self, command: int, data: DataArea, *, chained: bool) -> Waits:  # noqa: ARG002
        """Perform one of `ConsoleCommand`."""
        match command:
            case ConsoleCommand.WRITE | ConsoleCommand.WRITE_LINE:
                yield self.latency_ns
                self._print(bytes(data.take(_MOST)).decode(self._codec, "replace"))
                if command == ConsoleCommand.WRITE_LINE:
                    self._end_line()
            case ConsoleCommand.READ_INQUIRY:
                yield self.latency_ns
                # What is typed goes on the same line: a prompt ends here.
                if self._connected in self._printing:
                    self._end_line()
                line = self._next_line(self._connected)
                if line is None:
                    return ENDED | DeviceStatus.UNIT_EXCEPTION
                data.give(line.encode(self._codec, "replace"))
            case ConsoleCommand.SOUND_ALARM:
                self._printed.append((self._connected, ALARM))
            case _:
                raise self.reject(command)
        return ENDED

    def _print(self, text: str) -> None:
        line = self._printing.get(self._connected, "")
        # Cut first: a write may be long.
        text = text[: CONSOLE_LINE_CHARACTERS_MAX - len(line)]
        self._printing[self._connected] = line + printable(text)

    def _end_line(self) -> None:
        self._printed.append((self._connected, self._printing.pop(self._connected, "")))

    def _next_line(self, lpar: str) -> str | None:
        for place, (user, line) in enumerate(self._typed):
            if user in (None, lpar):
                del self._typed[place]
                return line
        return None

    def enter(self, line: str, lpar: str | None = None) -> None:
        """A line typed at it, for an LPAR or for whichever reads first; ATTENTION is then to be offered.

        Raises:
            UsageError: it is no line, or too many wait to be read.
        """
        try:
            _line(line)
        except ValueError:
            raise UsageError(f"{self.name}: {line[:40]!r}; expected {_LINE.expected}") from None
        if len(self._typed) >= CONSOLE_LINES_WAITING_MAX:
            problem = f"{self.name}: {len(self._typed)} lines wait to be read"
            raise UsageError(f"{problem}; expected fewer than {CONSOLE_LINES_WAITING_MAX}")
        self._typed.append((lpar, line))

    def alone(self) -> Iterator[tuple[int, DeviceStatus]]:
        """Types the script. A line can be read from the ATTENTION before its own on, so that none is missed."""
        for line in self.options["script"] or ():
            while len(self._typed) >= CONSOLE_LINES_WAITING_MAX:
                # Attention is due all the same: perhaps nobody noticed the lines that wait.
                yield self.options["every"], DeviceStatus.ATTENTION
            self._typed.append((None, line))
            yield self.options["every"], DeviceStatus.ATTENTION

    def take_output(self) -> tuple[tuple[str, str], ...]:
        """Lines printed since the last call, each as (LPAR, text)."""
        printed, self._printed = tuple(self._printed), []
        return printed

    def reset(self, user: str) -> None:
        """Also ends the line that the LPAR was printing."""
        if user in self._printing:
            self._printed.append((user, self._printing.pop(user)))
        super().reset(user)
