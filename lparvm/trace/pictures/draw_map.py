"""Draws the storage map: main storage upwards, time to the right, an LPAR's pages as a band that slides."""

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter

from lparvm.trace.pictures import storage_map as model
from lparvm.trace.pictures.canvas import (
    LEFT_IN,
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
from lparvm.trace.pictures.palette import BLACK, GREY, LIGHT, MAP_STATES, WHITE, Look, look_of_lpar, tint
from lparvm.trace.pictures.pieces import Band, Corner
from lparvm.trace.pictures.storage_map import StorageMap, Transfer
from lparvm.units import format_size

_RIGHT_IN, _TOP_IN, _FOOT_IN = 1.05, 0.6, 0.6
_PLOT_IN = WIDTH_IN - LEFT_IN - _RIGHT_IN
_HEIGHT_MIN_IN, _HEIGHT_MAX_IN = 4.6, 11.0
_FRAMES_PER_M = 256
_LABEL_IN = 0.17
_TRANSFER_ROWS_MAX, _TRANSFER_ROW_IN = 8, 0.125
_LEGEND_COLUMNS, _LEGEND_ROW_IN = 6, 0.22


def draw_map(storage: StorageMap, title: str) -> Figure:
    """Draw it.

    Args:
        storage: the model, in its window.
        title: what stands above it.
    """
    if not storage.bands:
        return empty_figure(title, "The trace tells of no LPAR that holds storage.")
    scale = TimeScale.of(storage.start_ns, storage.end_ns)
    looks = {lpar: look_of_lpar(place) for place, lpar in enumerate(storage.lpars)}
    placed = _place_transfers(storage.transfers, scale)
    top_in = (_TOP_IN if title else _TOP_IN - 0.35) + _TRANSFER_ROW_IN * (
        1 + max((row for _, row in placed), default=-1)
    )
    height_in = _height_in(storage)
    names = {lpar: _name_places(storage, lpar, scale, height_in) for lpar in looks}
    handles = _legend(storage, {lpar: look for lpar, look in looks.items() if not names[lpar]})
    bottom_in = _FOOT_IN - _LEGEND_ROW_IN * (-len(handles) // _LEGEND_COLUMNS)
    figure = figure_of(top_in + height_in + bottom_in)
    axes = axes_of(figure, right_in=_RIGHT_IN, top_in=top_in, bottom_in=bottom_in)
    _prepare(axes, storage, scale)
    axes.set_title(title, pad=72 * max(top_in - 0.45, 0))
    _draw_all_bands(axes, storage, looks, scale)
    for lpar, places in names.items():
        _write_names(axes, lpar, looks[lpar], places)
    ends = [band.corners[-1] for band in storage.bands if band.state == model.PAGES]
    _name_ends(axes, ends, storage, height_in)
    _draw_transfers(axes, placed, scale)
    _draw_retired(axes, storage, scale)
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(LEFT_IN / WIDTH_IN, 0.0),
        ncols=_LEGEND_COLUMNS,
        handlelength=1.6,
        columnspacing=1.4,
        borderaxespad=0.3,
    )
    left_out_note(figure, storage.left_out, "changes are")
    return figure


def _height_in(storage: StorageMap) -> float:
    """Such that the smallest zone has room for a name, within limits."""
    zones = [band.corners[0] for band in storage.bands if band.state == model.ZONE]
    smallest = min((high - low for _, low, high in zones), default=storage.frames)
    return min(max(1.15 * _LABEL_IN * storage.frames / smallest, _HEIGHT_MIN_IN), _HEIGHT_MAX_IN)


def _prepare(axes: Axes, storage: StorageMap, scale: TimeScale) -> None:
    """Both axes."""
    size = storage.frames / _FRAMES_PER_M
    axes.set_ylim(0, size)
    axes.set_ylabel("main storage, host absolute (M = 2\u00b2\u2070 bytes)")
    axes.yaxis.set_major_locator(FixedLocator(_ticks(size)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}M"))
    time_axis(axes, scale)
    axes.grid(visible=False)


def _ticks(size: float) -> list[float]:
    """Where the axis of storage is labelled, in M: at powers of two, some twelve at most, and at its end."""
    step = 2.0**-8
    while size / step > 12:
        step *= 2
    ticks = [place * step for place in range(int(size / step) + 1)]
    return [*(tick for tick in ticks if tick <= size - step / 2), size]


def _points(corners: Sequence[Corner], scale: TimeScale) -> list[tuple[float, float]]:
    lower = [(scale(t_ns), low / _FRAMES_PER_M) for t_ns, low, _ in corners]
    upper = [(scale(t_ns), high / _FRAMES_PER_M) for t_ns, _, high in corners]
    return [*lower, *reversed(upper)]


def _draw_all_bands(axes: Axes, storage: StorageMap, looks: dict[str, Look], scale: TimeScale) -> None:
    """What the map says, then over it where the pages are."""
    grouped: dict[tuple[str, str], list[Band]] = {}
    for band in storage.bands:
        grouped.setdefault((band.state, band.lpar), []).append(band)
    for state in (model.ZONE, model.RESERVED, model.VACATED, model.POISONED, model.PAGES):
        for lpar in ("", *looks):
            _draw_bands(axes, grouped.get((state, lpar), ()), state, looks.get(lpar, Look(WHITE)), scale)


def _draw_bands(axes: Axes, bands: Sequence[Band], state: str, look: Look, scale: TimeScale) -> None:
    if bands:
        fill, edge, hatch = _colours(state, look)
        shapes = PolyCollection(
            [_points(band.corners, scale) for band in bands],
            facecolors=fill,
            edgecolors=edge,
            hatch=hatch or None,
            linewidths=0.5,
        )
        axes.add_collection(shapes, autolim=False)


def _colours(state: str, look: Look) -> tuple[str, str, str]:
    """Fill, edge and hatch."""
    if state == model.PAGES:
        return look.fill, BLACK if look.hatch else look.fill, look.hatch
    if state == model.POISONED:
        return WHITE, LIGHT, "xxx"
    if state == model.RESERVED:
        return tint(look.fill, 0.12), tint(look.fill, 0.9), "///"
    return tint(look.fill, 0.25), tint(look.fill, 0.6), "" if state == model.ZONE else "|||"


def _name_places(
    storage: StorageMap, lpar: str, scale: TimeScale, height_in: float
) -> list[tuple[float, float]]:
    """Where an LPAR's pages stay long enough for its name: the middles, in units of the axes."""
    per_frame_in, wide_in = height_in / storage.frames, text_width_in(lpar, SIZE_PT) + 0.1
    places = []
    for band in storage.bands:
        if (band.lpar, band.state) != (lpar, model.PAGES):
            continue
        for first, second in pairwise(band.corners):
            low, high, length_ns = first[1], first[2], second[0] - first[0]
            stays = first[1:] == second[1:] and (high - low) * per_frame_in >= _LABEL_IN
            if stays and scale.inches(length_ns, _PLOT_IN) > wide_in:
                places.append((scale(first[0] + length_ns // 2), (low + high) / 2 / _FRAMES_PER_M))
    return places


def _write_names(axes: Axes, lpar: str, look: Look, places: Sequence[tuple[float, float]]) -> None:
    box = {"facecolor": look.fill, "edgecolor": "none", "pad": 1.0} if look.hatch else None
    for x, y in places:
        axes.text(x, y, lpar, ha="center", va="center", size=SIZE_PT, weight="bold", color=look.ink, bbox=box)


def _name_ends(axes: Axes, ends: Sequence[Corner], storage: StorageMap, height_in: float) -> None:
    """Size and origin at the end, beside each band that is high enough."""
    for t_ns, low, high in ends:
        room_in = (high - low) * height_in / storage.frames
        if t_ns == storage.end_ns and room_in >= _LABEL_IN:
            apart = "\n" if room_in >= 2 * _LABEL_IN else " "
            text = f"{format_size((high - low) * 4096)}{apart}from {format_size(low * 4096)}"
            axes.text(
                1.008,
                (low + high) / 2 / storage.frames,
                text,
                transform=axes.transAxes,
                va="center",
                size=SMALL_PT,
                color="#4a4a4a",
            )


def _draw_retired(axes: Axes, storage: StorageMap, scale: TimeScale) -> None:
    """Frames out of use: a cross when, and a dashed line from then on."""
    for frame, since_ns in storage.retired:
        y, end = (frame + 0.5) / _FRAMES_PER_M, scale(storage.end_ns)
        axes.plot([scale(since_ns), end], [y, y], color=BLACK, linewidth=1.0, linestyle=(0, (4, 2)))
        axes.plot(
            [scale(since_ns)], [y], "X", color=BLACK, markersize=6, markeredgecolor=WHITE, markeredgewidth=0.6
        )


def _place_transfers(transfers: Sequence[Transfer], scale: TimeScale) -> list[tuple[Transfer, int]]:
    """Transfers in the window with the row of their label; -1: there is no room for it."""
    rows: list[float] = []  # where a row is free from, in inches
    placed = []
    for one in sorted(transfers, key=lambda transfer: transfer.start_ns):
        if one.end_ns < scale.start_ns or one.start_ns > scale.end_ns:
            continue
        middle_in = scale.inches((one.start_ns + one.end_ns) // 2 - scale.start_ns, _PLOT_IN)
        half_in = text_width_in(_told(one), SMALL_PT) / 2 + 0.06
        row = next((place for place, free_in in enumerate(rows) if free_in <= middle_in - half_in), len(rows))
        if row < _TRANSFER_ROWS_MAX:
            rows[row : row + 1] = [middle_in + half_in]
        placed.append((one, row if row < _TRANSFER_ROWS_MAX else -1))
    return placed


def _told(transfer: Transfer) -> str:
    return f"{transfer.op} {transfer.text}"


def _draw_transfers(axes: Axes, placed: Sequence[tuple[Transfer, int]], scale: TimeScale) -> None:
    """Above the map: when pages moved, for which operation, and what became of it."""
    place = axes.get_xaxis_transform()
    for one, row in placed:
        edges = [scale(one.start_ns), scale(one.end_ns)]
        axes.plot(
            edges,
            [1.0, 1.0],
            transform=place,
            color=BLACK,
            linewidth=2.6,
            clip_on=False,
            solid_capstyle="butt",
        )
        if row >= 0:
            axes.annotate(
                _told(one),
                (sum(edges) / 2, 1.0),
                xycoords=place,
                ha="center",
                va="bottom",
                size=SMALL_PT,
                xytext=(0, 3 + 72 * _TRANSFER_ROW_IN * row),
                textcoords="offset points",
                annotation_clip=False,
            )


def _legend(storage: StorageMap, unnamed: dict[str, Look]) -> list[Patch | Line2D]:
    """LPARs whose bands have no name in them, and states that there are."""
    handles: list[Patch | Line2D] = []
    for lpar, look in unnamed.items():
        fill, edge, hatch = _colours(model.PAGES, look)
        handles.append(Patch(facecolor=fill, edgecolor=edge, hatch=hatch or None, linewidth=0.5, label=lpar))
    states = {band.state for band in storage.bands}
    for state, text in MAP_STATES.items():
        if state in states:
            look = Look("#8c8c8c")
            fill, edge, hatch = _colours(state, look)
            handles.append(
                Patch(facecolor=fill, edgecolor=edge, hatch=hatch or None, linewidth=0.5, label=text)
            )
    if storage.transfers:
        handles.append(Line2D([], [], color=BLACK, linewidth=2.2, label="pages move"))
    if storage.retired:
        handles.append(
            Line2D(
                [],
                [],
                color=BLACK,
                linewidth=1.0,
                linestyle=(0, (4, 2)),
                marker="X",
                label="frame out of use",
            )
        )
    if storage.transfers:
        handles.append(
            Patch(
                facecolor=tint(GREY, 0.25), edgecolor=tint(GREY, 0.6), linewidth=0.5, label="zone, pages gone"
            )
        )
    return handles
