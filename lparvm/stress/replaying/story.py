"""What happened in a run that failed, in words: a page's worth, from its machine to the causes of what was found."""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from attrs import frozen

from lparvm.arch.address import PAGE_SHIFT
from lparvm.stress.episode.run import Episode
from lparvm.stress.replaying.locating import Locator, Place
from lparvm.stress.replaying.tape_file import TapeFile, title_of
from lparvm.stress.replaying.wording import (
    chain_lines,
    command_lines,
    fault_lines,
    machine_lines,
    shortened,
)
from lparvm.trace.access_tally import Entry
from lparvm.trace.causes import CauseIndex
from lparvm.trace.page_story import PageStory
from lparvm.trace.pictures.collecting import feed
from lparvm.trace.pictures.operations import OperationCollector, Operations
from lparvm.trace.reader import open_trace
from lparvm.trace.rules import RuleVerdict
from lparvm.trace.vocabulary import Level
from lparvm.trace.whereabouts import Page
from lparvm.trace.wording import printable, time_text
from lparvm.trace.writer import Event

LONG_STEPS = 50_000
"""Of a run with more steps than this, not every access to storage is traced for its story."""


@frozen
class Section:
    """A part of a story.

    Attributes:
        title: of the part.
        lines: what it tells.
    """

    title: str
    lines: tuple[str, ...]


@frozen
class Story:
    """What happened.

    Attributes:
        title: which run.
        problem: what was found, in a line; empty: nothing.
        sections: in the order in which they are to be read.
        op: the operation of the event that shows the problem; None: it has none.
        at_ns: when that event was, on the run clock; None: there is none.
    """

    title: str
    problem: str
    sections: tuple[Section, ...]
    op: str | None = None
    at_ns: int | None = None


def level_for(file: TapeFile) -> Level:
    """The level of the trace that a story is told from."""
    return Level.STORAGE if file.shown.steps <= LONG_STEPS else Level.IO


def tell(file: TapeFile, episode: Episode, trace: Path) -> Story:
    """The story of a run. Numbers of events are those of its trace.

    Args:
        file: its tape.
        episode: what it came to.
        trace: the trace that was written meanwhile.
    """
    plan, problem = episode.plan, next(iter(episode.problems), None)
    operations, index = OperationCollector(), CauseIndex()
    report = episode.findings.report
    locator = None
    if problem is not None:
        locator = Locator(problem, () if report is None else report.rules, [*plan.roles, "E"])
    with open_trace(trace) as reader:
        feed(reader, operations, *(() if locator is None else (locator, _Adding(index))))
    place = None if locator is None else locator.place()
    sections = [
        Section("The machine", tuple(machine_lines(plan))),
        Section("Commands", tuple(_commands(operations.finish()))),
        Section("Faults that struck", tuple(fault_lines(plan, episode.findings))),
        Section("What the oracles found", tuple(_problems(episode))),
    ]
    chain: tuple[Event, ...] = ()
    if place is not None:
        chain = _chain(place.event["seq"], index, trace)
        rules = () if report is None else report.rules
        sections += [
            _causes(place.why, chain),
            _page(place, trace),
            _causes_before(chain, index, trace, rules),
        ]
    return Story(
        title=title_of(file),
        problem="" if problem is None else f"{problem.oracle}: {problem.detail}",
        sections=tuple(section for section in sections if section.lines),
        op=next((event["op"] for event in reversed(chain) if event["op"] is not None), None),
        at_ns=None if place is None else place.event["t"],
    )


class _Adding:
    """Feeds an index of causes."""

    def __init__(self, index: CauseIndex) -> None:
        self.feed = index.add


def _commands(told: Operations) -> Iterator[str]:
    yield from command_lines(told.operations)
    if told.left_out:
        yield f"{told.left_out} more"


def _problems(episode: Episode) -> Iterator[str]:
    yield from shortened([f"{one.oracle}: {printable(one.detail)}" for one in episode.problems])


def _causes(why: str, chain: Sequence[Event]) -> Section:
    return Section(f"What led to event {chain[-1]['seq']}, {why}" if chain else "", tuple(chain_lines(chain)))


def _causes_before(
    chain: Sequence[Event], index: CauseIndex, trace: Path, rules: Sequence[RuleVerdict]
) -> Section:
    """A rule that was broken before: what was found later may have come of that."""
    told = [(one.told[0].event, one.rule) for one in rules if one.told]
    before = [(event["seq"], rule) for event, rule in told if event is not None and event["seq"] is not None]
    end = chain[-1]["seq"] if chain else 0
    seq, rule = min(before, key=itemgetter(0), default=(end, ""))
    if seq >= end:
        return Section("", ())
    if any(event["seq"] == seq for event in chain):
        return Section("Before", (f"event {seq} of these broke the rule {rule}",))
    return _causes(f"which broke the rule {rule} before", _chain(seq, index, trace))


def _chain(seq: int, index: CauseIndex, trace: Path) -> tuple[Event, ...]:
    """The causes of an event, and the event itself last."""
    chain = index.chain(seq)
    if chain is None:
        return ()
    events = _events(trace, frozenset(chain.seqs))
    return tuple(events[one] for one in chain.seqs if one in events)


def _events(trace: Path, wanted: frozenset[int]) -> dict[int, Event]:
    with open_trace(trace) as reader:
        return {event["seq"]: event for event in reader if event["seq"] in wanted}


def _page(place: Place, trace: Path) -> Section:
    """Of damage: the story of the page, up to where it is found."""
    event = place.event
    if event["event"] != "guest.damaged":
        return Section("", ())
    page = Page(event["lpar"], event["address"] >> PAGE_SHIFT)
    story, entries = PageStory(page), list[Entry]()
    with open_trace(trace) as reader:
        for one in reader:
            entries += story.feed(one)
            if one["seq"] >= event["seq"]:
                break
    lines = [f"{one.event['seq']:>7} {time_text(one.event['t']):>11} {one.text}" for one in entries]
    return Section(f"Page {page.number} of LPAR {page.lpar}", tuple(shortened(lines)))


def text_of(story: Story) -> Iterator[str]:
    """Line by line."""
    yield f"{story.title}: {printable(story.problem) or 'no problem was found'}"
    for section in story.sections:
        yield ""
        yield section.title
        yield from (f"  {line}" for line in section.lines)


__all__ = ["Section", "Story", "level_for", "tell", "text_of"]
