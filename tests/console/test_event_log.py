"""The log of `run` and `console`: on standard error, above a bar where that is a terminal."""

import io

import pytest

from lparvm.console.live import Live
from lparvm.console.terminal import make_console
from lparvm.trace.vocabulary import Level
from lparvm.trace.writer import Trace


class Screen(io.StringIO):
    """A stream that leads to a terminal."""

    def isatty(self):
        return True


def tell(live):
    trace = Trace(now_ns=lambda: 1, listeners=[live.event_log(Level.PROTOCOL)])
    trace.logger("SVP").emit("command.received", op="op.1", text="MVSTOR LPAR2 HSA=[bold]")


@pytest.fixture
def screen(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Screen()


def test_a_file_gets_plain_lines_also_while_a_terminal_shows_a_bar(screen, monkeypatch):
    errors = io.StringIO()
    monkeypatch.setattr("sys.stderr", errors)
    live = Live(make_console(file=screen, force_terminal=True))
    with live:
        tell(live)
    assert errors.getvalue().split()[1:4] == ["SVP", "command.received", "op.1"]
    assert "\x1b" not in errors.getvalue()
    assert "command.received" not in screen.getvalue()


def test_a_terminal_gets_coloured_lines_above_the_bar(screen, monkeypatch):
    monkeypatch.setattr("sys.stderr", Screen())
    live = Live(make_console(file=screen, force_terminal=True))
    with live:
        tell(live)
    assert "command.received" in screen.getvalue()
    assert "\x1b[1mcommand.received" in screen.getvalue()
    assert "HSA=[bold]" in screen.getvalue(), "what a user wrote is no markup"


def test_a_terminal_without_colours_gets_none(screen, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stderr", Screen())
    live = Live(make_console(file=screen, force_terminal=True))
    tell(live)
    assert "\x1b[1mcommand" not in screen.getvalue()


def test_a_closed_standard_error_is_no_reason_to_stop(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    tell(Live(make_console(file=io.StringIO())))
