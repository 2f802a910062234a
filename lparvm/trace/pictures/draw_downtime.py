"""Draws how long guests stood still: a bar an operation and LPAR, of its phases, with what was predicted."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lparvm.trace.pictures.canvas import (
    SIZE_PT,
    SMALL_PT,
    WIDTH_IN,
    TimeScale,
    axes_of,
    empty_figure,
    figure_of,
    left_out_note,
    text_width_in,
)
from lparvm.trace.pictures.collecting import label, shown
from lparvm.trace.pictures.operations import Operations, Prediction, Standing
from lparvm.trace.pictures.palette import BLACK, PHASES, WHITE, look_of

ROW_IN = 0.42
_LEFT_IN, _RIGHT_IN = 3.3, 1.0
_PLOT_IN = WIDTH_IN - _LEFT_IN - _RIGHT_IN
_TOP_IN, _FOOT_IN = 0.45, 0.95
_NAME_CHARACTERS = 38


def draw_downtime(operations: Operations, title: str) -> Figure:
    """Draw it.

    Args:
        operations: the model.
        title: what stands above it.
    """
    standings = operations.standings
    if not standings:
        return empty_figure(
            title, "No operation of this trace stopped a guest and told how long it stood still."
        )
    longest_ns = max(max(one.stopped_ns, _predicted_ns(one)) for one in standings)
    scale = TimeScale.of(0, max(longest_ns, 1))
    height_in = ROW_IN * len(standings)
    top_in = _TOP_IN if title else 0.1
    figure = figure_of(top_in + height_in + _FOOT_IN)
    axes = axes_of(figure, left_in=_LEFT_IN, right_in=_RIGHT_IN, top_in=top_in, bottom_in=_FOOT_IN)
    axes.set_xlim(0, scale(longest_ns) if longest_ns else 1)
    axes.set_ylim(len(standings), 0)
    axes.set_title(title)
    axes.set_xlabel(f"the guest stood still, on the LIP that stood longest ({scale.unit})")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}"))
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_yticks([])
    for row, standing in enumerate(standings):
        _draw_bar(axes, row, standing, scale)
    handles = _legend(standings)
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(_LEFT_IN / WIDTH_IN, 0.0),
        ncols=6,
        handlelength=1.6,
        columnspacing=1.2,
        borderaxespad=0.3,
    )
    left_out_note(figure, operations.standings_left_out, "shorter bars are")
    return figure


def _predicted_ns(standing: Standing) -> int:
    return 0 if standing.prediction is None else standing.prediction.high_ns


def _draw_bar(axes: Axes, row: int, standing: Standing, scale: TimeScale) -> None:
    at_ns, middle = 0, row + 0.42
    for phase, ns in standing.phases_ns:
        _draw_phase(axes, phase, (at_ns, ns), middle, scale)
        at_ns += ns
    if standing.prediction is not None:
        _draw_prediction(axes, standing.prediction, row + 0.82, scale)
    place: dict[str, Any] = {"xytext": (5, 0), "textcoords": "offset points", "annotation_clip": False}
    end = scale(standing.stopped_ns), middle
    axes.annotate(shown(standing.stopped_ns), end, va="center", size=SIZE_PT, weight="bold", **place)
    names: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
    name = label(f"{standing.op}  {standing.lpar}", _NAME_CHARACTERS)
    axes.text(-0.012, row + 0.3, name, size=SIZE_PT, weight="bold", **names)
    command = label(standing.command, _NAME_CHARACTERS)
    axes.text(-0.012, row + 0.7, command, size=SMALL_PT, color="#4a4a4a", **names)


def _draw_phase(axes: Axes, phase: str, span_ns: tuple[int, int], middle: float, scale: TimeScale) -> None:
    """A part of a bar (begin and length), with its name where there is room."""
    look, (begin_ns, ns) = look_of(phase), span_ns
    edge = look.ink if look.hatch else look.fill
    part: dict[str, Any] = {
        "color": look.fill,
        "hatch": look.hatch or None,
        "edgecolor": edge,
        "linewidth": 0.4,
    }
    axes.barh(middle, scale(ns), 0.5, left=scale(begin_ns), **part)
    text = f"{phase} {shown(ns)}"
    if text_width_in(text, SMALL_PT) + 0.15 < scale.inches(ns, _PLOT_IN):
        box = {"facecolor": look.fill, "edgecolor": "none", "pad": 0.8} if look.hatch else None
        ink = BLACK if look.fill == WHITE else look.ink
        x = scale(begin_ns + ns // 2)
        axes.text(x, middle, text, ha="center", va="center", size=SMALL_PT, color=ink, bbox=box)


def _draw_prediction(axes: Axes, told: Prediction, y: float, scale: TimeScale) -> None:
    """An interval with its ends, and the most likely time in it."""
    line: dict[str, Any] = {"color": BLACK, "linewidth": 1.0, "marker": "|", "markersize": 5}
    axes.plot([scale(told.low_ns), scale(told.high_ns)], [y, y], clip_on=False, **line)
    axes.plot([scale(told.expected_ns)], [y], "D", color=BLACK, markersize=3.2, clip_on=False)


def _legend(standings: Sequence[Standing]) -> list[Patch | Line2D]:
    phases = {phase for one in standings for phase, ns in one.phases_ns if ns}
    handles: list[Patch | Line2D] = []
    for phase in (*(one for one in PHASES if one in phases), *sorted(phases - PHASES.keys())):
        look = look_of(phase)
        edge = look.ink if look.hatch else look.fill
        handles.append(
            Patch(facecolor=look.fill, edgecolor=edge, hatch=look.hatch or None, linewidth=0.4, label=phase)
        )
    if any(one.prediction is not None for one in standings):
        text = "predicted: interval and most likely"
        handles.append(Line2D([], [], color="black", linewidth=1.0, marker="D", markersize=3.2, label=text))
    return handles
