"""Models of pictures, gathered from events that a test tells, or from the reference traces."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from lparvm.trace.pictures.report import Report, gather
from lparvm.trace.reader import open_trace

TRACES = Path(__file__).resolve().parents[3] / "traces"
MS = 1_000_000


def gathered(collector: Any, events: Sequence[dict[str, Any]]) -> Any:
    """What a collector makes of events."""
    for event in events:
        collector.feed(event)
    return collector.finish()


@cache
def report_of(scenario: str) -> Report:
    """All models of a reference trace."""
    with open_trace(TRACES / f"{scenario}.jsonl") as reader:
        return gather(reader)
