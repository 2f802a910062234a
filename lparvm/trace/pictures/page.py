"""The report of a trace: one HTML file that loads nothing, works without a script, and takes no markup from a trace.

A content security policy forbids every load and every script but the page's own, which it names by its digest.
"""

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from xml.etree import ElementTree as ET

from lparvm.config import PICTURE_PAGE_OPERATIONS_MAX
from lparvm.trace.pictures.canvas import matplotlib_version, rendered
from lparvm.trace.pictures.chart import Chart
from lparvm.trace.pictures.collecting import label, shown
from lparvm.trace.pictures.draw_chart import draw_chart, duration_of
from lparvm.trace.pictures.draw_downtime import draw_downtime
from lparvm.trace.pictures.draw_map import draw_map
from lparvm.trace.pictures.markup import Content, document, inline_svg, tag
from lparvm.trace.pictures.operations import Operation, Standing, whole_of
from lparvm.trace.pictures.page_timeline import draw_page_timeline
from lparvm.trace.pictures.report import Report
from lparvm.trace.rules import RuleVerdict, Verdict
from lparvm.version import VERSION

_VIOLATION_CHARACTERS = 1000
_HINT = (
    "Drag to pan; double-click, or Ctrl and the wheel, to zoom; with the keyboard + - 0 and the arrows. A click on an "
    "operation's time in the table shows it. The address of the page holds the window."
)
_BUTTONS = (
    ("in", "Zoom in"),
    ("out", "Zoom out"),
    ("left", "Earlier"),
    ("right", "Later"),
    ("all", "Whole run"),
)


def page(report: Report, preface: Sequence[ET.Element] = ()) -> str:
    """The whole page, as text.

    Args:
        report: what it tells.
        preface: what stands at its head instead of the summary.
    """
    script, css = _asset("page.js"), _asset("page.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{report.scenario}: what happened"),
        tag("link", rel="icon", href="data:,"),  # else a browser asks for one
        tag("style", css),
    )
    body = tag(
        "body",
        *(preface or _summary(report)),
        *_problems(report),
        *_timeline(report),
        *_operations(report),
        *_pictures(report),
        *_charts(report),
        *_rules(report),
        tag("p", f"Drawn by lparvm {VERSION} with matplotlib {matplotlib_version()}.", class_="hint"),
        tag("script", script),
    )
    return document(tag("html", head, body, lang="en"))


def _asset(name: str) -> str:
    return resources.files("lparvm.trace.pictures").joinpath("assets", name).read_text(encoding="utf-8")


# --- parts -------------------------------------------------------------------------------------------------


def _summary(report: Report) -> list[ET.Element]:
    told = report.trailer_verdict or "cut off"
    kind = "good" if told == "intact" and not report.broken and not report.problem_count else "bad"
    length_ns = report.timeline.end_ns - report.timeline.start_ns
    facts = [
        ("file", report.file),
        ("length of the run", shown(length_ns)),
        ("events", f"{report.events:,}"),
        ("trace level", report.level),
        ("operations", str(len(report.operations.operations) + report.operations.left_out)),
        *report.header,
    ]
    items: list[Content] = []
    for name, value in facts:
        items += [tag("dt", name), tag("dd", value)]
    verdict = tag("p", "The run's own verdict: ", tag("span", told, class_=f"verdict {kind}"))
    return [tag("h1", report.scenario), verdict, tag("dl", *items, class_="facts")]


def _problems(report: Report) -> list[ET.Element]:
    if not report.problem_count and report.trailer_verdict is not None:
        return []
    items = [tag("li", problem) for problem in report.problems]
    more = report.problem_count - len(report.problems)
    if more:
        items.append(tag("li", f"{more} more problems"))
    if report.trailer_verdict is None:
        items.append(tag("li", "The file has no trailer: it was cut off. The page tells what is there."))
    return [tag("h2", "Problems of the file"), tag("ul", *items, class_="problems")]


def _timeline(report: Report) -> list[ET.Element]:
    heading = tag("h2", "Timeline")
    if not report.timeline.lanes:
        return [heading, tag("p", "The trace tells of no LPAR and no part of the machine.")]
    svg, legend = draw_page_timeline(report.timeline, report.operations.operations)
    buttons = [tag("button", text, type="button", data_do=name) for name, text in _BUTTONS]
    output = tag("output", id="window", aria_live="polite")
    found = [
        heading,
        tag("div", *buttons, output, class_="controls"),
        svg,
        legend,
        tag("p", _HINT, class_="hint"),
    ]
    if report.timeline.left_out:
        found.append(tag("p", f"{report.timeline.left_out} lanes or marks are not drawn.", class_="hint"))
    return found


def _operations(report: Report) -> list[ET.Element]:
    operations = report.operations.operations[:PICTURE_PAGE_OPERATIONS_MAX]
    if not operations:
        return []
    longest: dict[str, Standing] = {}
    for one in report.operations.standings:
        op = whole_of(one.op)
        if op not in longest or one.stopped_ns > longest[op].stopped_ns:
            longest[op] = one
    rows = [_row(one, longest.get(one.op), report) for one in operations]
    names = ("operation", "command", "given at", "took", "result", "stood still", "answer")
    head = tag(
        "tr", *(tag("th", name, class_="number" if name in ("given at", "took") else None) for name in names)
    )
    found = [
        tag("h2", "Operations"),
        tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="wide"),
    ]
    left_out = report.operations.left_out + len(report.operations.operations) - len(operations)
    if left_out:
        found.append(tag("p", f"{left_out} more operations are not listed.", class_="hint"))
    return found


def _row(one: Operation, stood: Standing | None, report: Report) -> ET.Element:
    end_ns = report.timeline.end_ns if one.ended_ns is None else one.ended_ns
    around_ns = max((end_ns - one.begun_ns) // 10, 1000)
    target = f"#from={(one.begun_ns - around_ns) / 1e9:.9f}&to={(end_ns + around_ns) / 1e9:.9f}"
    took = "not answered" if one.ended_ns is None else shown(one.ended_ns - one.begun_ns)
    standing = "" if stood is None else f"{shown(stood.stopped_ns)} ({stood.lpar} on {stood.lip})"
    result = f"{one.result} {one.code}".strip()
    return tag(
        "tr",
        tag("td", one.op, class_="name"),
        tag("td", one.command, class_="command"),
        tag("td", tag("a", f"{one.begun_ns / 1e9:.6f} s", href=target), class_="number"),
        tag("td", took, class_="number"),
        tag("td", result),
        tag("td", standing),
        tag("td", one.message),
    )


def _pictures(report: Report) -> list[ET.Element]:
    storage = rendered(lambda: draw_map(report.storage, ""), "svg", title="map")
    downtime = rendered(lambda: draw_downtime(report.operations, ""), "svg", title="downtime")
    return [
        tag("h2", "Storage map"),
        tag("figure", inline_svg(storage, "storage map: the frames of each LPAR over time")),
        tag("h2", "Stopped time"),
        tag("figure", inline_svg(downtime, "how long each guest stood still, by phase")),
    ]


def _charts(report: Report) -> list[ET.Element]:
    if not report.charts:
        return []
    found = [tag("h2", "Messages")]
    for place, chart in enumerate(report.charts):
        found.append(_chart(chart, report, opened=place == 0))
    if len(report.operations.operations) > len(report.charts):
        text = "Charts of the first relocations; lparvm trace spacetime FILE --op OP draws the one of any operation."
        found.append(tag("p", text, class_="hint"))
    return found


def _chart(chart: Chart, report: Report, *, opened: bool) -> ET.Element:
    drawing = rendered(lambda: draw_chart(chart, ""), "svg", title=f"chart {chart.op}")
    operation = report.operations.find(chart.op)
    command = "" if operation is None else f"  {operation.command}"
    return tag(
        "details",
        tag("summary", f"{chart.op}{command}  ({len(chart.rows)} rows, {duration_of(chart)})"),
        tag("div", tag("figure", inline_svg(drawing, f"message chart of {chart.op}")), class_="wide"),
        open="" if opened else None,
    )


def _rules(report: Report) -> list[ET.Element]:
    heading = tag("h2", "Rules")
    if not report.verdicts:
        return [
            heading,
            tag("p", "The file begins in the middle of the run; rules follow a run from its begin."),
        ]
    head = tag(
        "tr",
        tag("th", "rule"),
        tag("th", "verdict"),
        tag("th", "checked", class_="number"),
        tag("th", "what was found"),
    )
    rows = [_rule(verdict) for verdict in report.verdicts]
    return [heading, tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="wide")]


def _rule(verdict: RuleVerdict) -> ET.Element:
    kinds = {Verdict.HELD: "verdict good", Verdict.BROKEN: "verdict bad"}
    more = f" (and {verdict.violations - 1} more)" if verdict.violations > 1 else ""
    found = label(verdict.violation or verdict.reason or "", _VIOLATION_CHARACTERS) + more
    return tag(
        "tr",
        tag("td", verdict.rule, class_="name"),
        tag("td", tag("span", str(verdict.verdict), class_=kinds.get(verdict.verdict, "verdict"))),
        tag("td", f"{verdict.checked:,}", class_="number"),
        tag("td", found),
    )


__all__: Sequence[str] = ["page"]
