"""A story as one HTML page that loads nothing: its words, then the pictures that `lparvm trace report` draws."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from attrs import evolve

from lparvm.stress.replaying.story import Story
from lparvm.trace.pictures.chart import ChartCollector
from lparvm.trace.pictures.collecting import feed, label
from lparvm.trace.pictures.markup import tag
from lparvm.trace.pictures.operations import whole_of
from lparvm.trace.pictures.page import page
from lparvm.trace.pictures.report import Report, gather
from lparvm.trace.reader import open_trace
from lparvm.trace.wording import time_text

_LINE_CHARACTERS = 1000
_AROUND_NS = 200_000
"""So much before and after the event that shows the problem is what a link to the timeline shows."""


def story_page(story: Story, trace: Path) -> str:
    """The page.

    Args:
        story: the words.
        trace: the trace that it was told from.
    """
    with open_trace(trace) as reader:
        report = gather(reader)
    return page(_with_chart(report, story, trace), tuple(_preface(story)))


def _with_chart(report: Report, story: Story, trace: Path) -> Report:
    """Of all message charts the one of the operation that the problem belongs to."""
    if story.op is None:
        return report
    collector = ChartCollector(whole_of(story.op))
    with open_trace(trace) as reader:
        feed(reader, collector)
    charts = collector.finish()
    return evolve(report, charts=charts) if charts else report


def _preface(story: Story) -> Iterator[ET.Element]:
    yield tag("h1", label(story.title, _LINE_CHARACTERS))
    told = label(story.problem, _LINE_CHARACTERS) or "no problem was found"
    yield tag("p", tag("span", told, class_=f"verdict {'bad' if story.problem else 'good'}"))
    if story.at_ns is not None:
        around = (
            f"#from={max(0, story.at_ns - _AROUND_NS) / 1e9:.9f}&to={(story.at_ns + _AROUND_NS) / 1e9:.9f}"
        )
        yield tag(
            "p", "It shows at ", tag("a", f"{time_text(story.at_ns)} s", href=around), " of the timeline."
        )
    for section in story.sections:
        yield tag("h2", label(section.title, _LINE_CHARACTERS))
        yield tag("pre", "\n".join(_line(line) for line in section.lines))


def _line(line: str) -> str:
    """A line as it is, with the blanks at its begin and between its columns."""
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line)
    return (
        shown if len(shown) <= _LINE_CHARACTERS else shown[: _LINE_CHARACTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )
