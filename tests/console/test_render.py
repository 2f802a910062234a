"""Messages on the terminal: those that list busy devices have lines of their own, others never."""

from lparvm.actors.service_processor import CommandResult, OperatorMessage
from lparvm.console.render import command_line, message_line
from lparvm.protocol.catalogue import Result

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
