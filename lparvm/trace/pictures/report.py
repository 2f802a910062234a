"""All that a page tells of a trace, gathered in one pass: models of the pictures, verdicts of the rules, the file."""

from collections.abc import Iterable

from attrs import frozen

from lparvm.trace.pictures.chart import Chart, ChartCollector
from lparvm.trace.pictures.collecting import feed, label
from lparvm.trace.pictures.operations import OperationCollector, Operations
from lparvm.trace.pictures.storage_map import StorageMap, StorageMapCollector
from lparvm.trace.pictures.timeline import Timeline, TimelineCollector
from lparvm.trace.reader import TraceReader
from lparvm.trace.rules import RuleBook, RuleVerdict, Verdict

_VALUE_CHARACTERS = 200


@frozen
class Report:
    """What a page tells.

    Attributes:
        file: name of the trace.
        header: (name, value) of the first line.
        trailer_verdict: what the run said of itself; None: the file was cut off.
        events: how many were read.
        level: what the file holds.
        operations: commands, and how long guests stood still.
        timeline: what every actor did when.
        storage: the storage map.
        charts: message charts of the first relocations.
        verdicts: of the rules; none where the file begins in the middle of the run.
        problems: what is wrong with the file, the first in words.
        problem_count: how many there are.
    """

    file: str
    header: tuple[tuple[str, str], ...]
    trailer_verdict: str | None
    events: int
    level: str
    operations: Operations
    timeline: Timeline
    storage: StorageMap
    charts: tuple[Chart, ...]
    verdicts: tuple[RuleVerdict, ...]
    problems: tuple[str, ...]
    problem_count: int

    @property
    def broken(self) -> bool:
        """Whether a rule is broken."""
        return any(one.verdict is Verdict.BROKEN for one in self.verdicts)

    @property
    def scenario(self) -> str:
        """What was run, by the header."""
        return dict(self.header).get("scenario", "") or "trace"


def gather(reader: TraceReader) -> Report:
    """Read a trace to its end, once; what is wrong with the file is noted at the reader."""
    operations, timeline, storage = OperationCollector(), TimelineCollector(), StorageMapCollector()
    charts = ChartCollector()
    # Where the header doesn't say whether checksums are taken, their lack is no violation.
    book = RuleBook(proof=reader.header.get("proof") is True, level=reader.level, trusted=False)
    feed(reader, operations, timeline, storage, charts, book)
    first_seq, trailer = reader.header.get("first_seq"), reader.trailer
    headless = type(first_seq) is int and first_seq > 1
    return Report(
        file=label(reader.lines.name, _VALUE_CHARACTERS),
        header=tuple(_facts(reader.header.items())),
        trailer_verdict=None if trailer is None else label(str(trailer.get("verdict", "not told"))),
        events=reader.events,
        level=reader.level.name.lower(),
        operations=operations.finish(),
        timeline=timeline.finish(),
        storage=storage.finish(),
        charts=charts.finish(),
        verdicts=() if headless else book.finish(),
        problems=tuple(label(str(problem), 2 * _VALUE_CHARACTERS) for problem in reader.problems),
        problem_count=reader.problem_count,
    )


def _facts(items: Iterable[tuple[str, object]]) -> Iterable[tuple[str, str]]:
    """What a header says, as text; what is nested in it is left out."""
    for name, value in items:
        if isinstance(value, str | int | float) and name not in ("trace", "level"):
            yield label(name), label(str(value), _VALUE_CHARACTERS)
