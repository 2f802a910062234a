"""What is shown while operations are under way."""

import io

from rich.console import Console

from lparvm.console.live import Live
from lparvm.protocol.catalogue import Result
from lparvm.protocol.news import CommandResult, Progress


def live() -> tuple[Live, io.StringIO]:
    out = io.StringIO()
    return Live(Console(file=out, width=100, force_terminal=True)), out


def shown(bars: Live) -> list[tuple[str, float, str]]:
    return [(task.description, task.percentage, task.fields["shown"]) for task in bars._progress.tasks]


def test_a_bar_shows_percent_and_time_left():
    bars, _ = live()
    bars.tell(Progress("op.1", "A", "MOVING", 5, 10, 50, 2_000_000_000))
    assert shown(bars) == [("op.1 A moving", 50, "50 %, about 2 s left")]
    bars.tell(Progress("op.1", "A", "BACKING_OUT", 2, 10, 80, None))
    assert shown(bars) == [("op.1 A backing_out", 80, "80 %")]


def test_no_bar_passes_100():
    bars, _ = live()
    bars.tell(Progress("op.1", "A", "MOVING", 15, 10, 150))
    assert shown(bars) == [("op.1 A moving", 100, "100 %")]


def test_a_bar_ends_with_its_operation_s_report():
    bars, _ = live()
    for op in ("op.1", "op.2"):
        bars.tell(Progress(op, "A", "MOVING", 5, 10, 50))
    bars.tell(Progress("op.1", "A", "REPORTED", 10, 10, 100, 0))
    assert [task[0] for task in shown(bars)] == ["op.2 A moving"]


def test_the_bars_of_a_command_s_operations_end_with_it_and_no_others():
    bars, _ = live()
    for op in ("op.1.1", "op.1.2", "op.11", "op.11.1"):
        bars.tell(Progress(op, "A", "MOVING", 5, 10, 50))
    bars.tell(CommandResult("PLAN FREE 1M GO", 0, "op.1", Result.CANCELLED, "LVM057I", "x"))
    assert [task[0] for task in shown(bars)] == ["op.11 A moving", "op.11.1 A moving"]


def test_where_there_is_no_terminal_there_is_no_bar():
    bars = Live(Console(file=io.StringIO(), force_terminal=True), bars=False)
    bars.tell(Progress("op.1", "A", "MOVING", 5, 10, 50))
    assert shown(bars) == []
