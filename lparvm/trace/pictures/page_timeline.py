"""The timeline of a page: SVG that stands still without a script, and zooms with `assets/page.js`.

Each shape has its times in `data-s` and `data-e` (ns of the run clock) and its kind in `data-k`: `bar`, `line`, `text`
(in a bar), `label` (beside a line), `mark`. `data-w` is how wide a text is. Coordinates are the SVG's own units.
"""

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from lparvm.config import PICTURE_PAGE_SPANS_MAX
from lparvm.trace.pictures import timeline as model
from lparvm.trace.pictures.canvas import DPI, SMALL_PT, TimeScale, text_width_in
from lparvm.trace.pictures.collecting import shown
from lparvm.trace.pictures.draw_timeline import Label, label_text, legend_text, place_labels
from lparvm.trace.pictures.markup import tag
from lparvm.trace.pictures.operations import Operation
from lparvm.trace.pictures.palette import PHASES, STATES, WHITE, Look, look_of
from lparvm.trace.pictures.timeline import Lane, LaneKind, Timeline

_WIDTH, _LEFT, _RIGHT = 1200, 130, 1160
_LANE, _GAP, _TOP = 20, 8, 8
_TEXT_PT = SMALL_PT * 1.1
# Merged so that a zoom by this factor still has bars no nearer together than a pixel.
_ZOOM = 64


def draw_page_timeline(timeline: Timeline, operations: Sequence[Operation]) -> tuple[ET.Element, ET.Element]:
    """The SVG, and its legend."""
    timeline = timeline.fit(PICTURE_PAGE_SPANS_MAX, (_RIGHT - _LEFT) * _ZOOM)
    scale = TimeScale.of(timeline.start_ns, timeline.end_ns)
    labels = place_labels(operations, scale, (_RIGHT - _LEFT) / DPI)
    rows = 1 + max((one.row for one in labels if one.row is not None), default=-1)
    y, names, shapes = float(_TOP + rows * _LANE), [], []
    lpar = ""
    for lane in timeline.lanes:
        if lane.lpar != lpar:
            y += _GAP
            names.append(tag("line", x1=10, x2=_RIGHT, y1=y - _GAP / 2, y2=y - _GAP / 2, stroke="#c8c8c8"))
            lpar = lane.lpar
        names.append(_name(lane.name, y, bold=lane.kind is LaneKind.PHASES))
        shapes += _lane(lane, y, scale)
        y += _LANE
    if rows:
        names.append(_name("operations", _TOP, bold=False))
    lines = [shape for one in labels for shape in _operation(one, scale)]
    states = {
        state
        for lane in timeline.lanes
        for state, spans in lane.tracks
        if any(one.length_ns for one in spans)
    }
    svg = tag(
        "svg",
        _definitions(states, y),
        tag("g", *_axis(scale, y), id="axis"),
        *names,
        tag("g", *shapes, clip_path="url(#plot)"),
        tag("g", *lines, clip_path="url(#beside)"),
        id="timeline",
        viewBox=f"0 0 {_WIDTH} {y + 46:.0f}",
        role="img",
        tabindex=0,
        data_left=_LEFT,
        data_right=_RIGHT,
        data_top=_TOP,
        data_bottom=y,
        data_start=timeline.start_ns,
        data_end=timeline.end_ns,
        aria_label="timeline: operations, and below them a lane for each actor",
    )
    return svg, _legend(states, marks=any(lane.marks for lane in timeline.lanes))


def _x(t_ns: int, scale: TimeScale) -> float:
    return _LEFT + scale.inches(t_ns - scale.start_ns, _RIGHT - _LEFT)


def _name(name: str, y: float, *, bold: bool) -> ET.Element:
    kind = "bold" if bold else None
    return tag("text", name[:20], x=_LEFT - 8, y=y + _LANE / 2 + 4, text_anchor="end", class_=kind)


def _axis(scale: TimeScale, bottom: float) -> list[ET.Element]:
    """Ticks at round numbers of the unit, at most twelve or so, as the script draws them."""
    length = (scale.end_ns - scale.start_ns) / scale.unit_ns
    size = 10.0 ** math.floor(math.log10(length / 10))
    step = next(one * size for one in (1, 2, 2.5, 5, 10) if length / (one * size) <= 12)
    found, place = [], math.ceil(scale.start_ns / scale.unit_ns / step - 1e-9)
    while place * step * scale.unit_ns <= scale.end_ns:
        x = _x(round(place * step * scale.unit_ns), scale)
        found.append(tag("line", x1=x, x2=x, y1=_TOP, y2=bottom, stroke="#e0e0e0"))
        found.append(tag("text", f"{place * step:.10g}", x=x, y=bottom + 17, text_anchor="middle"))
        place += 1
    title = f"time on the run clock ({scale.unit})"
    return [*found, tag("text", title, x=(_LEFT + _RIGHT) / 2, y=bottom + 36, text_anchor="middle")]


def _lane(lane: Lane, y: float, scale: TimeScale) -> list[ET.Element]:
    bars, texts = [], []
    for state, spans in lane.tracks:
        look = look_of(state)
        for span in spans:
            if span.length_ns == 0:
                continue
            height = _LANE * look.height * (1.0 if span.share > 0.999 else max(span.share, 0.15))
            start, end = _x(span.start_ns, scale), _x(span.end_ns, scale)
            length = shown(span.length_ns)
            part = "" if span.share > 0.999 else f", {span.share:.0%} of it"
            whose = f"{lane.name} " if lane.lpar in ("", lane.name) else f"{lane.lpar} {lane.name} "
            told = f"{whose}{legend_text(state)} {length}{part} from {span.start_ns / 1e9:.9g} s  {span.text}"
            bar = tag(
                "rect",
                tag("title", told.strip()),
                x=start,
                width=max(end - start, 0.7),
                height=height,
                y=y + (_LANE - height) / 2,
                fill=_fill(state, look),
                data_k="bar",
                data_s=span.start_ns,
                data_e=span.end_ns,
            )
            if look.hatch:
                bar.set("stroke", look.ink)
                bar.set("stroke-width", "0.5")
            bars.append(bar)
            if state in PHASES or state == model.STOPPED:
                text, middle = f"{state} {length}", (start + end) / 2
                texts.append(_bar_text(text, middle, end - start, y, look, span.start_ns, span.end_ns))
    for mark in lane.marks:
        shape = f"M0 {y + 5} l4 {_LANE / 2 - 5} l-4 {_LANE / 2 - 5} l-4 {-(_LANE / 2 - 5)} z"
        bars.append(
            tag(
                "path",
                tag("title", f"{mark.text} at {mark.t_ns / 1e9:.9g} s"),
                d=shape,
                data_k="mark",
                data_s=mark.t_ns,
                data_e=mark.t_ns,
                transform=f"translate({_x(mark.t_ns, scale):.2f} 0)",
            )
        )
    return [*bars, *texts]


def _bar_text(
    text: str, middle: float, room: float, y: float, look: Look, start_ns: int, end_ns: int
) -> ET.Element:
    """State and length in a bar, on a white ground where the bar is hatched; hidden where there is no room."""
    width = text_width_in(text, _TEXT_PT) * DPI
    ink = "#000000" if look.fill == WHITE or look.hatch else look.ink
    around = "stroke:#fff;stroke-width:4px;paint-order:stroke;" if look.hatch else ""
    hidden = "display:none" if room < width + 6 else ""
    return tag(
        "text",
        text,
        x=middle,
        y=y + _LANE / 2 + 4,
        text_anchor="middle",
        class_="small",
        data_k="text",
        data_s=start_ns,
        data_e=end_ns,
        data_w=width,
        style=f"fill:{ink};{around}{hidden}",
        pointer_events="none",
    )


def _operation(one: Label, scale: TimeScale) -> list[ET.Element]:
    """A line from command to answer, with both beside it."""
    if one.row is None:
        return []
    operation, y = one.operation, _TOP + one.row * _LANE
    end_ns = scale.end_ns if operation.ended_ns is None else operation.ended_ns
    start, end = _x(operation.begun_ns, scale), _x(end_ns, scale)
    times = {"data_s": operation.begun_ns, "data_e": end_ns}
    line = tag(
        "rect",
        tag("title", f"{label_text(operation)}  {operation.message}"),
        x=start,
        y=y + 15,
        height=3,
        width=max(end - start, 1.5),
        fill="#1a1a1a",
        data_k="line",
        **times,
    )
    width = text_width_in(one.text, _TEXT_PT) * DPI
    x = {"behind": end + 6, "before": start - 6, "within": _LEFT + one.left_in * DPI + 6}[one.side]
    text = tag(
        "text",
        one.text,
        x=x,
        y=y + 12,
        class_="small",
        data_k="label",
        text_anchor="end" if one.side == "before" else "start",
        data_w=width,
        **times,
    )
    return [line, text]


# --- what fills bars --------------------------------------------------------------------------------------

_LINES = {
    "/": "M-2 10 L10 -2 M4 16 L16 4",
    "\\": "M-2 2 L10 14 M4 -4 L16 8",
    "|": "M3 -1 V13 M9 -1 V13",
    "-": "M-1 3 H13 M-1 9 H13",
    "+": "M3 -1 V13 M9 -1 V13 M-1 3 H13 M-1 9 H13",
    "x": "M-2 10 L10 -2 M4 16 L16 4 M-2 2 L10 14 M4 -4 L16 8",
}


def _fill(state: str, look: Look) -> str:
    return f"url(#{_pattern_id(state)})" if look.hatch else look.fill


def _pattern_id(state: str) -> str:
    known = (*PHASES, *STATES)
    return f"hatch-{known.index(state) if state in known else 'other'}"


def _definitions(states: set[str], bottom: float) -> ET.Element:
    """The clip of the plot, and a pattern for each hatched state."""
    clip = tag("rect", x=_LEFT, y=0, width=_RIGHT - _LEFT, height=bottom)
    wider = tag("rect", x=_LEFT - 1, y=0, width=_WIDTH - _LEFT, height=bottom)
    patterns: dict[str, ET.Element] = {}
    for state in sorted(states):
        look = look_of(state)
        if look.hatch:
            patterns[_pattern_id(state)] = tag(
                "pattern",
                tag("rect", width=12, height=12, fill=look.fill),
                *(
                    tag("path", d=_LINES[line], stroke=look.ink, fill="none")
                    for line in sorted(set(look.hatch))
                ),
                id=_pattern_id(state),
                width=12,
                height=12,
                patternUnits="userSpaceOnUse",
            )
    clips = tag("clipPath", clip, id="plot"), tag("clipPath", wider, id="beside")
    return tag("defs", *clips, *patterns.values())


def _legend(states: set[str], *, marks: bool) -> ET.Element:
    known = [state for state in (*PHASES, *STATES) if state in states]
    items = []
    for state in (*known, *sorted(states - {*known})):
        look = look_of(state)
        height = 13 * look.height + 2
        box = tag(
            "rect",
            width=26,
            height=height,
            y=(13 - height) / 2,
            fill=_fill(state, look),
            stroke=look.ink if look.hatch else None,
        )
        items.append(tag("li", tag("svg", box, viewBox="0 0 26 13", aria_hidden="true"), legend_text(state)))
    if marks:
        diamond = tag("path", d="M13 1 l5 5.5 l-5 5.5 l-5 -5.5 z")
        items.append(tag("li", tag("svg", diamond, viewBox="0 0 26 13", aria_hidden="true"), "map changes"))
    return tag("ul", *items, class_="legend")
