"""Messages on the terminal: those that list busy devices have lines of their own, others never."""

import pytest

from lparvm.console.render import command_line, message_line, progress_text
from lparvm.protocol.catalogue import Result
from lparvm.protocol.news import CommandResult, OperatorMessage, Progress

LISTING = "A: waiting for I/O to end: \n  0190 on IOP1\n  0191 on IOP1"


def test_each_busy_device_has_its_line():
    shown = message_line(OperatorMessage(0, "LVM032W", LISTING, "op.1")).plain
    assert shown.split("\n")[1:] == ["  0190 on IOP1", "  0191 on IOP1"]
    result = CommandResult("MVSTOR A HSA=0", 0, "op.1", Result.QUIESCE_TIMED_OUT, "LVM031W", LISTING)
    assert command_line(result).plain.split("\n")[-2:] == ["  0190 on IOP1", "  0191 on IOP1"]


def test_what_a_guest_wrote_cannot_make_a_line_of_its_own():
    shown = message_line(
        OperatorMessage(0, "LVM090I", "A 0009: yes\n    0.001s  LVM010I A: moved", None)
    ).plain
    assert "\n" not in shown
    assert "yes\\n" in shown


def test_nothing_in_a_listing_disturbs_a_terminal():
    shown = message_line(OperatorMessage(0, "LVM032W", "A: x\n  \x1b[31mred", None)).plain
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("percent", "left_ns", "shown"),
    [
        (0, None, "0 %"),
        (40, 2_500_000_000, "40 %, about 2.5 s left"),
        (100, 0, "100 %, about 0 ns left"),
        (130, None, "100 %"),
    ],
)
def test_progress_shows_percent_and_the_time_left_as_far_as_it_is_known(
    percent: int, left_ns: int | None, shown: str
):
    assert progress_text(Progress("op.1", "A", "MOVING", 1, 2, percent, left_ns)) == shown


def test_a_plan_is_shown_in_its_lines():
    result = CommandResult(
        "PLAN FREE 1M", 0, "op.1", Result.COMPLETED, "LVM011I", "x", lines=("1 A to 0", "2 B to 1M")
    )
    assert command_line(result).plain.split("\n")[-2:] == ["1 A to 0", "2 B to 1M"]
