"""The log: the events of a run, a line each, for people."""

import pytest

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.trace.log import EventLog
from lparvm.trace.vocabulary import Level
from lparvm.trace.writer import Trace


@pytest.fixture
def lines():
    return []


def start(log, level=Level.PROTOCOL):
    return Trace(now_ns=lambda: 1_001_940_000, level=level, listeners=[log])


def test_a_fact_is_one_line_with_time_actor_operation_and_step(lines):
    start(EventLog(lines.append)).logger("LIP2").emit(
        "lip.stopped", op="op.1", lpar="LPAR2", lip="LIP2", left_sie_ns=1_001_940_000
    )
    (line,) = lines
    assert line.split() == [
        "1.001940", "LIP2", "lip.stopped", "op.1", "201", "lpar=LPAR2", "lip=LIP2", "left_sie=1.001940s",
    ]  # fmt: skip


def test_a_message_tells_from_whom_to_whom(lines):
    start(EventLog(lines.append)).logger("LPARCTL").emit_message(
        "IOP1", m.SetAddressLimit("op.1", "LPAR2", Zone(192, 256))
    )
    (line,) = lines
    assert line.split()[1:5] == ["LPARCTL", "->", "IOP1", "SetAddressLimit"]
    assert "192+256" in line


@pytest.mark.parametrize(
    ("level", "shown"), [(Level.PROTOCOL, 1), (Level.IO, 2), (Level.STORAGE, 3)], ids=lambda value: f"{value}"
)
def test_its_level_says_what_is_shown_whatever_the_files_is(lines, level, shown):
    log = start(EventLog(lines.append, level=level), Level.OFF).logger("LIP2")
    log.emit("command.received", text="x")
    log.emit("start.begun", lpar="LPAR2", iop="IOP1", device="0190", start=1)
    log.emit("storage.accessed", lpar="L", lip="P", access="fetch", address=0, host=0, bytes=8)
    assert len(lines) == shown


def test_no_colours_unless_asked_for():
    told = {}
    for colours in (False, True):
        lines = told[colours] = []
        start(EventLog(lines.append, colours=colours)).logger("SVP").emit("command.received", text="x")
    assert "\x1b" not in told[False][0]
    assert "\x1b" in told[True][0]


def test_what_a_guest_writes_cannot_steer_the_terminal(lines):
    start(EventLog(lines.append)).logger("IOP1").emit(
        "console.written", lpar="LPAR1", device="0009", text="\x1b[2Jgone\nor\x9b2J"
    )
    (line,) = lines
    assert line.isprintable()
    assert "gone" in line


def test_a_log_leaves_the_trace_as_it_was():
    digests = []
    for listeners in ([], [EventLog(lambda _line: None)]):
        trace = Trace(now_ns=lambda: 1, listeners=listeners)
        trace.logger("RM").emit_message("LPARCTL", m.AreasReleased("op.1"))
        digests.append(trace.digest)
    assert digests[0] == digests[1]
