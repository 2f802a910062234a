"""Draws a message chart: actors side by side, time downwards, a row an event, the patent's steps at the left."""

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lparvm.trace.pictures.canvas import (
    SIZE_PT,
    SMALL_PT,
    WIDTH_IN,
    axes_of,
    empty_figure,
    figure_of,
    left_out_note,
    text_width_in,
)
from lparvm.trace.pictures.chart import PROGRESS, Chart, Row
from lparvm.trace.pictures.collecting import shown
from lparvm.trace.pictures.palette import look_of, tint

ROW_IN, COLUMN_IN = 0.25, 1.1
_TIME_IN, _BAND_IN, _LEFT_IN = 1.0, 1.0, 2.4
_RIGHT_IN, _TOP_IN, _FOOT_IN = 1.2, 0.95, 0.35
_FACT_INK = "#3d3d3d"


def draw_chart(chart: Chart, title: str) -> Figure:
    """Draw it.

    Args:
        chart: the model.
        title: what stands above it.
    """
    if not chart.rows:
        return empty_figure(title, "The trace tells of no message and no fact of this operation.")
    columns_in = _column_in(chart.actors) * max(len(chart.actors) - 1, 1)
    width_in = max(_LEFT_IN + columns_in + _RIGHT_IN, WIDTH_IN)
    columns_in = width_in - _LEFT_IN - _RIGHT_IN
    height_in = ROW_IN * (len(chart.rows) + 1)
    top_in = _TOP_IN if title else _TOP_IN - 0.55
    figure = figure_of(top_in + height_in + _FOOT_IN, width_in=width_in)
    axes = axes_of(figure, left_in=0, right_in=0, top_in=top_in, bottom_in=_FOOT_IN)
    axes.set_xlim(0, width_in)  # a unit is an inch
    axes.set_ylim(height_in, 0)
    axes.axis("off")
    figure.text(0.15 / width_in, 1 - 0.3 / (top_in + height_in + _FOOT_IN), title, size=11, va="center")
    apart_in = columns_in / max(len(chart.actors) - 1, 1)
    places = {name: _LEFT_IN + apart_in * place for place, name in enumerate(chart.actors)}
    _draw_phases(axes, chart.rows, width_in)
    _draw_steps(axes, chart.rows)
    _draw_heads(axes, places, height_in)
    _draw_times(axes, chart.rows, width_in)
    for place, row in enumerate(chart.rows):
        _draw_row(axes, row, _y(place), places)
    if chart.progress:
        note = f"{chart.progress} messages of progress ({PROGRESS}) are not drawn"
        foot = 0.12 / (top_in + height_in + _FOOT_IN)
        figure.text(0.15 / width_in, foot, note, size=SMALL_PT, color=_FACT_INK, va="center")
    left_out_note(figure, chart.left_out, "events are")
    return figure


def _y(place: int) -> float:
    """Where a row's arrow is."""
    return (place + 0.75) * ROW_IN


def _draw_heads(axes: Axes, places: dict[str, float], height_in: float) -> None:
    """The actors' names and lines, and what stands at the left."""
    for name, x in places.items():
        axes.plot([x, x], [-0.1, height_in], color="#a8a8a8", linewidth=0.8, zorder=1)
        axes.text(x, -0.1, name, ha="center", va="bottom", size=SIZE_PT, weight="bold")
    axes.text(_TIME_IN - 0.1, -0.1, "time", ha="right", va="bottom", size=SMALL_PT, color=_FACT_INK)
    axes.text(_TIME_IN, -0.1, "phase, step", ha="left", va="bottom", size=SMALL_PT, color=_FACT_INK)


def _draw_times(axes: Axes, rows: Sequence[Row], width_in: float) -> None:
    """The time at each row that has another one than the row above, and a thin line above it."""
    before_ns: int | None = None
    for place, row in enumerate(rows):
        if row.t_ns != before_ns:
            y = _y(place)
            axes.text(_TIME_IN - 0.1, y - 0.05, format_time(row.t_ns), ha="right", va="center", size=SMALL_PT)
            line = [_TIME_IN, width_in - 0.1], [y - ROW_IN + 0.04] * 2
            axes.plot(*line, color="#dddddd", linewidth=0.5, zorder=0.5)
        before_ns = row.t_ns


def _column_in(actors: Sequence[str]) -> float:
    """Between two actors: such that no name lies over the next."""
    names_in = [text_width_in(name, SIZE_PT) * 1.15 for name in actors]  # bold is wider
    return max((COLUMN_IN, *((one + other) / 2 + 0.12 for one, other in pairwise(names_in))))


def format_time(t_ns: int) -> str:
    """A time in s, as exact as it is, at most to the ns: `1.00194 s`."""
    whole, part = divmod(t_ns, 10**9)
    digits = f"{part:09d}".rstrip("0")
    return f"{whole}.{digits or '0'} s"


def _draw_phases(axes: Axes, rows: Sequence[Row], width_in: float) -> None:
    """A band for each phase."""
    start = 0
    for place in range(1, len(rows) + 1):
        if place < len(rows) and rows[place].phase == rows[start].phase:
            continue
        phase, top, height = rows[start].phase, start * ROW_IN, (place - start) * ROW_IN
        if phase:
            look = look_of(phase)
            axes.add_patch(
                Rectangle(
                    (_TIME_IN, top),
                    width_in - _TIME_IN - 0.1,
                    height,
                    facecolor=tint(look.fill, 0.13),
                    edgecolor="none",
                    zorder=0,
                )
            )
            axes.add_patch(
                Rectangle(
                    (_TIME_IN, top),
                    0.07,
                    height,
                    facecolor=look.fill,
                    edgecolor=look.ink if look.hatch else "none",
                    hatch=look.hatch or None,
                    linewidth=0,
                    zorder=0.6,
                )
            )
            axes.text(
                _TIME_IN + 0.12, top + 0.13, phase, ha="left", va="center", size=SMALL_PT, weight="bold"
            )
        start = place


def _draw_steps(axes: Axes, rows: Sequence[Row]) -> None:
    """The patent's steps, each in the row where it begins."""
    box = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "black", "linewidth": 0.8}
    step = None
    for place, row in enumerate(rows):
        if row.step is not None and row.step != step:
            step = row.step
            axes.text(
                _TIME_IN + _BAND_IN + 0.12,
                (place + 0.55) * ROW_IN,
                str(step),
                ha="center",
                va="center",
                size=SMALL_PT,
                weight="bold",
                bbox=box,
            )


def _draw_row(axes: Axes, row: Row, y: float, places: dict[str, float]) -> None:
    """A message as an arrow with its name above, a fact as a dot with its name beside."""
    text = row.text
    if row.count > 1:
        text += f"  \N{MULTIPLICATION SIGN}{row.count}, until {format_time(row.last_ns)}"
    begin = places[row.sender]
    white = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85}
    if row.receiver is None:
        axes.plot([begin], [y - 0.05], "o", color=_FACT_INK, markersize=4, zorder=3)
        axes.text(
            begin + 0.09,
            y - 0.05,
            text,
            ha="left",
            va="center",
            size=SMALL_PT,
            color=_FACT_INK,
            style="italic",
            bbox=white,
            zorder=2,
        )
        return
    if row.receiver == row.sender:
        out = begin + 0.2
        axes.plot([begin, out, out], [y - 0.13, y - 0.13, y + 0.02], color="black", linewidth=0.9, zorder=3)
        _draw_arrow(axes, out, begin, y + 0.02)
        axes.text(out + 0.07, y - 0.05, text, ha="left", va="center", size=SMALL_PT, bbox=white, zorder=2)
        return
    end = places[row.receiver]
    _draw_arrow(axes, begin, end, y)
    half_in = text_width_in(text, SMALL_PT) / 2
    middle = min(max((begin + end) / 2, _LEFT_IN - 0.35 + half_in), axes.get_xlim()[1] - 0.15 - half_in)
    axes.text(middle, y - 0.025, text, ha="center", va="bottom", size=SMALL_PT, bbox=white, zorder=2)


def _draw_arrow(axes: Axes, begin: float, end: float, y: float) -> None:
    arrow = {
        "arrowstyle": "-|>",
        "color": "black",
        "linewidth": 0.9,
        "shrinkA": 0,
        "shrinkB": 0,
        "mutation_scale": 9,
    }
    axes.annotate("", (end, y), xytext=(begin, y), arrowprops=arrow, zorder=3)


def duration_of(chart: Chart) -> str:
    """From the first row to the last."""
    return shown(chart.rows[-1].last_ns - chart.rows[0].t_ns) if chart.rows else ""
