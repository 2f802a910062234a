import pytest
from picture_samples import MS, gathered, report_of

from lparvm.config import PICTURE_CHART_ACTORS_MAX, PICTURE_CHART_ROWS_MAX, PICTURE_PAGE_CHARTS_MAX
from lparvm.trace.pictures.chart import Chart, ChartCollector
from told_traces import Told


def _chart(told: Told, op: str | None = "op.1") -> Chart:
    (found,) = gathered(ChartCollector(op), told.events)
    return found


def _send(told: Told, name: str, sender: str, to: object, op: str = "op.1") -> None:
    told.tell(name, sender, op=op, to=to)


def test_rows_are_messages_and_facts_in_their_order():
    told = Told()
    told.tell("command.received", "SVP", op="op.1", text="MVSTOR A END")
    _send(told, "MoveStorage", "SVP", "LPARCTL")
    told.tell("phase.entered", op="op.1", lpar="A", phase="STOPPING")
    _send(told, "StopGuest", "LPARCTL", "LIPCTL.A")
    told.tell("sie.issued", "LIP1", op="op.2", lpar="A", lip="LIP1")
    chart = _chart(told)
    assert [(one.sender, one.receiver, one.text, one.phase) for one in chart.rows] == [
        ("SVP", None, "command.received MVSTOR A END", ""),
        ("SVP", "LPARCTL", "MoveStorage", ""),
        ("LPARCTL", "LIPCTL.A", "StopGuest", "STOPPING"),
    ]
    assert chart.actors == ("SVP", "LPARCTL", "LIPCTL.A")


def test_lips_and_iops_stand_right_by_what_the_machine_says_of_them():
    told = Told()
    told.tell("machine.started", "MACHINE", lips=["Z"], iops=["B"])
    for name, to in (("QuiesceIop", "B"), ("StopLip", "Z"), ("StopGuest", "LIPCTL.A"), ("CheckAreas", "RM")):
        _send(told, name, "LPARCTL", to)
    assert _chart(told).actors == ("LPARCTL", "RM", "LIPCTL.A", "Z", "B")


def test_chunks_are_one_row_of_each_kind_with_a_count():
    told = Told()
    for place in range(50):
        told.chunk("A", place, 1, place)
        if place % 3:
            _send(told, "ChunkMoved", "LPARCTL", "LPARCTL")
    assert [(one.text, one.count, one.last_ns) for one in _chart(told).rows] == [
        ("chunk.moved A", 50, told.events[-2]["t"]),
        ("ChunkMoved", 33, told.events[-1]["t"]),
    ]


def test_what_repeats_itself_is_folded_and_what_comes_next_is_not():
    told = Told()
    for _ in range(10):
        _send(told, "ReportBusyDevices", "LPARCTL", "IOP1")
        _send(told, "IopBusy", "IOP1", "LPARCTL")
    _send(told, "IopQuiesced", "IOP1", "LPARCTL")
    _send(told, "ReserveAreas", "LPARCTL", "RM")
    assert [(one.text, one.count) for one in _chart(told).rows] == [
        ("ReportBusyDevices", 10), ("IopBusy", 10), ("IopQuiesced", 1), ("ReserveAreas", 1),
    ]  # fmt: skip


def test_twice_is_no_repetition():
    told = Told()
    for _ in range(2):
        _send(told, "ReportBusyDevices", "LPARCTL", "IOP1")
        _send(told, "IopBusy", "IOP1", "LPARCTL")
    assert [one.count for one in _chart(told).rows] == [1, 1, 1, 1]


def test_progress_is_counted_only():
    told = Told()
    _send(told, "OperationAdvanced", "LPARCTL", "SVP")
    _send(told, "MoveStorage", "SVP", "LPARCTL")
    chart = _chart(told)
    assert (chart.progress, len(chart.rows)) == (1, 1)


def test_a_chart_of_a_command_has_its_parts():
    told = Told()
    _send(told, "MoveStorage", "SVP", "LPARCTL", op="op.1.1")
    _send(told, "ExpandStorage", "SVP", "LPARCTL", op="op.1.2")
    _send(told, "MoveStorage", "SVP", "LPARCTL", op="op.11")
    assert [one.text for one in _chart(told).rows] == ["MoveStorage", "ExpandStorage"]
    assert [one.text for one in _chart(told, "op.1.2").rows] == ["ExpandStorage"]


def test_a_part_that_dies_meanwhile_is_in_the_chart():
    rows = [one.text for one in report_of("control-dies").charts[0].rows]
    assert rows.count("part.failed LPARCTL") == rows.count("part.restarted LPARCTL") >= 2


def test_the_steps_of_the_patent_come_in_their_order():
    steps = [one.step for one in report_of("exchange").charts[0].rows if one.step is not None]
    assert steps == sorted(steps)
    assert {201, 202, 203, 204, 206, 209, 210, 211} == set(steps)


def test_rows_and_actors_beyond_the_limit_are_counted():
    told = Told()
    for number in range(PICTURE_CHART_ROWS_MAX + 40):
        _send(told, f"M{number}", "LPARCTL", f"X{number % (PICTURE_CHART_ACTORS_MAX + 10)}")
    chart = _chart(told)
    assert len(chart.actors) == PICTURE_CHART_ACTORS_MAX
    assert len(chart.rows) + chart.left_out == PICTURE_CHART_ROWS_MAX + 40


def test_a_page_has_charts_of_the_first_relocations_only():
    told = Told()
    for number in range(PICTURE_PAGE_CHARTS_MAX + 8):
        op = f"op.{number}"
        told.tell("command.received", "SVP", op=op, text="x")
        if number >= 6:
            told.tell("phase.entered", op=op, lpar="A", phase="STOPPING", step=201)
    found = gathered(ChartCollector(), told.events)
    assert [one.op for one in found] == [f"op.{number}" for number in range(6, 6 + PICTURE_PAGE_CHARTS_MAX)]


@pytest.mark.parametrize("to", [3, None, ["LIP1"], {}])
def test_a_message_to_nobody_is_left_out(to: object):
    told = Told()
    _send(told, "MoveStorage", "SVP", to)
    _send(told, "MoveStorage", "SVP", "LPARCTL")
    chart = _chart(told)
    assert [(one.receiver, one.t_ns) for one in chart.rows] == [("LPARCTL", 2 * MS)]
