"""Draws a timeline: operations with their labels above, an actor a lane below, a legend at the foot."""

from collections.abc import Sequence
from typing import Any, Literal

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lparvm.config import PICTURE_LABEL_ROWS_MAX, PICTURE_SPANS_DRAWN_MAX
from lparvm.trace.pictures import timeline as model
from lparvm.trace.pictures.canvas import (
    DPI,
    LEFT_IN,
    RIGHT_IN,
    SIZE_PT,
    SMALL_PT,
    WIDTH_IN,
    TimeScale,
    axes_of,
    empty_figure,
    figure_of,
    left_out_note,
    text_width_in,
    time_axis,
)
from lparvm.trace.pictures.collecting import shown
from lparvm.trace.pictures.operations import Operation
from lparvm.trace.pictures.palette import PHASES, STATES, WHITE, Look, look_of
from lparvm.trace.pictures.spans import Span
from lparvm.trace.pictures.timeline import LaneKind, Timeline

LANE_IN, GAP_IN = 0.2, 0.09
_PLOT_IN = WIDTH_IN - LEFT_IN - RIGHT_IN
_TOP_IN, _FOOT_IN = 0.45, 0.55
_LEGEND_COLUMNS = 7


Side = Literal["behind", "before", "within"]


@frozen
class Label:
    """An operation in the rows above the lanes.

    Attributes:
        operation: which.
        row: from the top; None: there is no room for its label.
        text: what stands beside it.
        side: where the text stands: behind the line, before it, or over it, where there is room on neither side.
        left_in: left end of line and text.
    """

    operation: Operation
    row: int | None
    text: str
    side: Side
    left_in: float


def label_text(operation: Operation) -> str:
    """Command and result."""
    answer = operation.result or "no answer"
    return f"{operation.op}  {operation.command}  \N{RIGHTWARDS ARROW} {answer}".replace("    ", "  ")


def place_labels(
    operations: Sequence[Operation], scale: TimeScale, plot_in: float = _PLOT_IN
) -> tuple[Label, ...]:
    """Rows for operations and their labels, such that none lies over another.

    Args:
        operations: in the order of their begins.
        scale: the window; operations outside of it have no label.
        plot_in: how wide the window is drawn.
    """
    rows: list[float] = []  # where a row is free from, in inches
    found = []
    for one in operations:
        end_ns = scale.end_ns if one.ended_ns is None else one.ended_ns
        if end_ns < scale.start_ns or one.begun_ns > scale.end_ns:
            continue
        text = label_text(one)
        begin_in = scale.inches(max(one.begun_ns - scale.start_ns, 0), plot_in)
        end_in = scale.inches(min(end_ns, scale.end_ns) - scale.start_ns, plot_in)
        side, left_in, right_in = _beside(begin_in, end_in, text_width_in(text, SMALL_PT) + 0.12, plot_in)
        row = next((place for place, free_in in enumerate(rows) if free_in <= left_in), len(rows))
        if row >= PICTURE_LABEL_ROWS_MAX:
            found.append(Label(one, None, text, side, left_in))
            continue
        rows[row : row + 1] = [right_in + 0.1]
        found.append(Label(one, row, text, side, left_in))
    return tuple(found)


def _beside(begin_in: float, end_in: float, width_in: float, plot_in: float) -> tuple[Side, float, float]:
    """Where a text stands beside a line, and the left and right end of both together."""
    if end_in + width_in <= plot_in + RIGHT_IN:
        return "behind", begin_in, end_in + width_in
    if begin_in >= width_in:
        return "before", begin_in - width_in, end_in
    left_in = max(min(begin_in, plot_in + RIGHT_IN - width_in), 0)
    return "within", left_in, max(end_in, left_in + width_in)


def draw_timeline(timeline: Timeline, operations: Sequence[Operation], title: str) -> Figure:
    """Draw it.

    Args:
        timeline: the model, cut to its window.
        operations: all of the trace.
        title: what stands above it.
    """
    if not timeline.lanes:
        return empty_figure(title, "The trace tells of no LPAR and no part of the machine.")
    timeline = timeline.fit(PICTURE_SPANS_DRAWN_MAX, round(_PLOT_IN * DPI))
    scale = TimeScale.of(timeline.start_ns, timeline.end_ns)
    labels = place_labels(operations, scale)
    rows = 1 + max((one.row for one in labels if one.row is not None), default=-1)
    tops, lanes_in = _lane_tops(timeline, rows * LANE_IN + (GAP_IN if rows else 0))
    states = {
        state
        for lane in timeline.lanes
        for state, spans in lane.tracks
        if any(one.length_ns for one in spans)
    }
    handles = _legend(states, marks=any(lane.marks for lane in timeline.lanes))
    legend_in = 0.22 * -(-len(handles) // _LEGEND_COLUMNS)
    figure = figure_of(_TOP_IN + lanes_in + _FOOT_IN + legend_in)
    axes = axes_of(figure, top_in=_TOP_IN, bottom_in=_FOOT_IN + legend_in)
    axes.set_ylim(lanes_in, 0)
    axes.set_title(title)
    time_axis(axes, scale)
    _draw_operations(axes, labels, scale, lanes_in)
    for lane, top in zip(timeline.lanes, tops, strict=True):
        for state, spans in lane.tracks:
            _draw_spans(axes, spans, look_of(state), state, top, scale)
        if lane.marks:
            times = [scale(mark.t_ns) for mark in lane.marks]
            axes.plot(
                times, [top + LANE_IN / 2] * len(times), "d", color="black", markersize=3.5, clip_on=False
            )
    _name_lanes(axes, timeline, tops, rows)
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(LEFT_IN / WIDTH_IN, 0.0),
        ncols=_LEGEND_COLUMNS,
        handlelength=1.6,
        columnspacing=1.4,
        borderaxespad=0.3,
    )
    unnamed = sum(one.row is None for one in labels)
    left_out_note(figure, timeline.left_out + unnamed, "lanes, marks or labels are")
    return figure


def _lane_tops(timeline: Timeline, begin_in: float) -> tuple[list[float], float]:
    """Where each lane begins, in inches from the top, and where the last one ends; a gap between LPARs."""
    tops, at, before = [], begin_in, ""
    for lane in timeline.lanes:
        if lane.lpar != before:
            at += GAP_IN
        tops.append(at)
        at += LANE_IN
        before = lane.lpar
    return tops, at + GAP_IN


def _name_lanes(axes: Axes, timeline: Timeline, tops: list[float], rows: int) -> None:
    """Names at the left: LPARs in bold, what belongs to them indented by being lighter."""
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    place = axes.get_yaxis_transform()
    if rows:
        axes.text(
            -0.008, rows * LANE_IN / 2, "operations", transform=place, ha="right", va="center", size=SIZE_PT
        )
    for lane, top in zip(timeline.lanes, tops, strict=True):
        bold = "bold" if lane.kind is LaneKind.PHASES else "normal"
        axes.text(
            -0.008,
            top + LANE_IN / 2,
            lane.name[:20],
            transform=place,
            ha="right",
            va="center",
            size=SIZE_PT,
            weight=bold,
        )
        if lane.kind is LaneKind.PHASES:
            axes.axhline(top - GAP_IN / 2, color="#c8c8c8", linewidth=0.6)


def _draw_operations(axes: Axes, labels: Sequence[Label], scale: TimeScale, bottom: float) -> None:
    for one in labels:
        operation = one.operation
        begin = scale(operation.begun_ns)
        end = scale(scale.end_ns if operation.ended_ns is None else operation.ended_ns)
        axes.plot(
            [begin, begin],
            [0 if one.row is None else (one.row + 0.5) * LANE_IN, bottom],
            color="#9a9a9a",
            linewidth=0.5,
            linestyle=(0, (1, 2)),
            zorder=0.5,
        )
        if one.row is None:
            continue
        y = (one.row + 0.5) * LANE_IN
        axes.plot([begin, end], [y, y], color="black", linewidth=1.4, solid_capstyle="butt")
        axes.plot([begin], [y], marker="|", color="black", markersize=7)
        axes.plot([end], [y], marker=">" if operation.ended_ns is None else "|", color="black", markersize=7)
        _write_label(axes, one, y, (begin, end))


def _write_label(axes: Axes, one: Label, y: float, line: tuple[float, float]) -> None:
    """Command and result, beside the line or on a white ground over it."""
    style: dict[str, Any] = {"va": "center", "size": SMALL_PT, "annotation_clip": False}
    if one.side == "behind":
        at, off, style["ha"] = (line[1], y), 5, "left"
    elif one.side == "before":
        at, off, style["ha"] = (line[0], y), -5, "right"
    else:
        style |= {"xycoords": axes.get_yaxis_transform(), "ha": "left"}
        style["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        at, off = (one.left_in / _PLOT_IN, y), 8
    axes.annotate(one.text, at, xytext=(off, 0), textcoords="offset points", **style)


def _draw_spans(
    axes: Axes, spans: Sequence[Span], look: Look, state: str, top: float, scale: TimeScale
) -> None:
    """Bars; a merged one is as high as the share of it that is covered. What took no time has no bar."""
    boxes = []
    for span in spans:
        if span.length_ns == 0:
            continue
        height = LANE_IN * look.height * (1.0 if span.share > 0.999 else max(span.share, 0.15))
        middle, start, end = top + LANE_IN / 2, scale(span.start_ns), scale(span.end_ns)
        low, high = middle - height / 2, middle + height / 2
        boxes.append([(start, low), (end, low), (end, high), (start, high)])
    bars = PolyCollection(
        boxes,
        facecolors=look.fill,
        edgecolors=look.ink if look.hatch else look.fill,
        linewidths=0.4,
        hatch=look.hatch or None,
    )
    axes.add_collection(bars, autolim=False)
    if state == model.DEAD:  # a millisecond, most often: too narrow to be seen
        axes.plot(
            [scale(span.start_ns) for span in spans],
            [top + LANE_IN / 2] * len(spans),
            "X",
            color="black",
            markeredgecolor="white",
            markeredgewidth=0.6,
            markersize=7,
            zorder=3,
        )
    if state in PHASES or state == model.STOPPED:
        for span in spans:
            _name_span(axes, span, state, look, top, scale)


def _name_span(axes: Axes, span: Span, state: str, look: Look, top: float, scale: TimeScale) -> None:
    """State and length in a bar that is wide enough."""
    width_in = scale.inches(span.length_ns, _PLOT_IN)
    length = shown(span.length_ns)
    for text in (f"{state} {length}", state):
        if text_width_in(text, SMALL_PT) + 0.1 < width_in:
            box = {"facecolor": look.fill, "edgecolor": "none", "pad": 0.6} if look.hatch else None
            axes.text(
                scale(span.start_ns + span.length_ns // 2),
                top + LANE_IN / 2,
                text,
                ha="center",
                va="center",
                size=SMALL_PT,
                color="black" if look.fill == WHITE else look.ink,
                bbox=box,
            )
            return


def _legend(states: set[str], *, marks: bool) -> list[Patch | Line2D]:
    """What is drawn, and nothing else: phases, then other states."""
    known = [state for state in (*PHASES, *STATES) if state in states]
    handles: list[Patch | Line2D] = []
    for state in (*known, *sorted(states - {*known})):
        look = look_of(state)
        edge = look.ink if look.hatch else look.fill
        handles.append(
            Patch(
                facecolor=look.fill,
                edgecolor=edge,
                hatch=look.hatch or None,
                linewidth=0.4,
                label=legend_text(state),
            )
        )
    if marks:
        handles.append(
            Line2D([], [], marker="d", linestyle="", color="black", markersize=3.5, label="map changes")
        )
    return handles


def legend_text(state: str) -> str:
    """What a legend calls a state."""
    return f"guest {state}" if state in (model.IN_SIE, model.EXECUTING, model.STOPPED) else state
