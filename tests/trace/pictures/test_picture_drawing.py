"""What is drawn: files that open, with the words that belong in them, the same each time."""

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_samples import report_of

from lparvm.trace.pictures.canvas import SMALL_PT, TimeScale, rendered, text_width_in
from lparvm.trace.pictures.chart import Chart, Row
from lparvm.trace.pictures.draw_chart import draw_chart, format_time
from lparvm.trace.pictures.draw_downtime import draw_downtime
from lparvm.trace.pictures.draw_map import draw_map
from lparvm.trace.pictures.draw_timeline import draw_timeline, label_text, place_labels
from lparvm.trace.pictures.operations import Operation, Operations, Standing
from lparvm.trace.pictures.palette import PHASES, STATES, look_of, look_of_lpar, tint
from lparvm.trace.pictures.storage_map import StorageMap
from lparvm.trace.pictures.timeline import Timeline

DRAWINGS: dict[str, Callable] = {
    "timeline": lambda of: draw_timeline(of.timeline, of.operations.operations, "title"),
    "map": lambda of: draw_map(of.storage, "title"),
    "downtime": lambda of: draw_downtime(of.operations, "title"),
    "chart": lambda of: draw_chart(of.charts[0], "title"),
}
WORDS = {
    "timeline": (
        "LPAR2",
        "LIP3",
        "guest stopped",
        "time on the run clock (s)",
        "MVSTOR LPAR2 HSA=192M",
        "MOVING 640 ms",
    ),
    "map": ("LPAR1", "256M", "from 192M", "main storage, host absolute", "free, poisoned", "op.1 moved"),
    "downtime": ("op.1 LPAR2", "MVSTOR LPAR2 HSA=192M", "640 ms", "(ms)", "predicted"),
    "chart": ("LIPCTL.LPAR2", "StopGuest", "201", "211", "RESTARTING", "1.00194 s", "until 1.64194 s"),
}
every_drawing = pytest.mark.parametrize("name", DRAWINGS)


def _svg(name: str, scenario: str = "figure-3") -> bytes:
    return rendered(lambda: DRAWINGS[name](report_of(scenario)), "svg", title=name)


@every_drawing
def test_an_svg_parses_and_says_what_it_shows(name: str):
    root = ET.fromstring(_svg(name))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = " ".join(" ".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text"))
    for word in WORDS[name]:
        assert word in text, word


@every_drawing
def test_a_png_begins_as_one(name: str):
    data = rendered(lambda: DRAWINGS[name](report_of("cancel")), "png", title=name)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert b"matplotlib" not in data.lower()


@every_drawing
def test_the_same_trace_gives_the_same_bytes(name: str):
    first = _svg(name, "exchange")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        assert _svg(name, "exchange") == first, "also where the user has other settings"
    assert b"<dc:date>" not in first


@every_drawing
@pytest.mark.parametrize("scenario", ["figure-3", "exchange", "cancel", "crowd", "stuck-device", "make-room"])
def test_a_picture_stays_small(name: str, scenario: str):
    assert len(_svg(name, scenario)) < 150_000


@pytest.mark.parametrize(
    "draw",
    [
        lambda: draw_timeline(Timeline(0, 1, ()), (), ""),
        lambda: draw_map(StorageMap(0, 1, 1, (), ()), ""),
        lambda: draw_downtime(Operations((), ()), ""),
        lambda: draw_chart(Chart("op.1", (), ()), ""),
    ],
)
def test_a_picture_of_nothing_says_so(draw: Callable):
    assert re.search(
        rb"<text[^>]*>(The trace tells of no|No operation of this)", rendered(draw, "svg", title="x")
    )


def test_text_of_a_trace_is_neither_mathematics_nor_markup():
    hostile = "$x^2$ <script>alert(1)</script> & \u4e2d"
    standing = Standing("op.1", hostile, hostile, "LIP1", 5, (("MOVING", 5),))
    data = rendered(lambda: draw_downtime(Operations((), (standing,)), hostile), "svg", title=hostile)
    root = ET.fromstring(data)
    assert not [one for one in root.iter() if one.tag.endswith("script")]
    assert any("$x^2$ <script>" in " ".join(one.itertext()) for one in root.iter())


def test_a_phase_that_nobody_knows_is_drawn():
    standing = Standing("op.1", "", "A", "LIP1", 5, (("FLYING", 5),))
    assert b"FLYING" in rendered(lambda: draw_downtime(Operations((), (standing,)), ""), "svg", title="x")
    row = Row(0, "A", "B", "X", "FLYING", None, 1, 0, 1)
    assert b"FLYING" in rendered(lambda: draw_chart(Chart("op.1", ("A", "B"), (row,)), ""), "svg", title="x")


operations = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 400), st.text("ab ", max_size=30)), max_size=25
)


@given(operations)
def test_no_label_of_an_operation_lies_over_another(given: list[tuple[int, int, str]]):
    ordered = [Operation(f"op.{n}", text, at, at + long) for n, (at, long, text) in enumerate(sorted(given))]
    scale, plot_in, boxes = TimeScale.of(0, 1000), 10.0, {}
    for one in place_labels(ordered, scale, plot_in):
        if one.row is None:
            continue
        left = one.operation.begun_ns / 100
        right = min(one.operation.ended_ns, 1000) / 100
        width = text_width_in(label_text(one.operation), SMALL_PT)
        within = one.left_in, max(right, one.left_in + width)
        box = {"before": (left - width, right), "behind": (left, right + width), "within": within}[one.side]
        assert box[0] >= 0 or width > plot_in
        assert all(box[0] >= other[1] or box[1] <= other[0] for other in boxes.get(one.row, ()))
        boxes.setdefault(one.row, []).append(box)


@pytest.mark.parametrize(
    ("window", "unit"),
    [((0, 3_000_000_000), "s"), ((10**9, 10**9 + 5 * 10**6), "ms"), ((0, 5000), "µs"), ((7, 8), "ns")],
)
def test_the_axis_has_the_largest_unit_of_which_there_are_two(window: tuple[int, int], unit: str):
    assert TimeScale.of(*window).unit == unit


@pytest.mark.parametrize(
    ("t_ns", "text"), [(0, "0.0 s"), (10**9, "1.0 s"), (1_001_940_000, "1.00194 s"), (1, "0.000000001 s")]
)
def test_times_in_a_chart_are_exact(t_ns: int, text: str):
    assert format_time(t_ns) == text


def test_no_state_is_told_by_colour_alone():
    """Of states that are plain, each has a height or a lane of its own; all others have a hatch."""
    phases = [(look.fill, look.hatch, look.ink) for look in PHASES.values()]
    assert len(set(phases)) == len(phases)
    assert [name for name, look in PHASES.items() if not look.hatch] == ["ADMITTING", "MOVING"]
    plain = {name: look.height for name, look in STATES.items() if not look.hatch}
    assert plain == {"in SIE": 0.4, "executing": 0.8, "I/O active": 0.8, "pages move": 0.8}
    lpars = {(look_of_lpar(place).fill, look_of_lpar(place).hatch) for place in range(28)}
    assert len(lpars) == 28


def test_an_unknown_state_has_a_look_and_a_tint_is_lighter():
    assert look_of("FLYING") == look_of("UNHEARD OF")
    assert (tint("#336699", 0), tint("#336699", 1)) == ("#ffffff", "#336699")
