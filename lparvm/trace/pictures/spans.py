"""Spans of time on a lane, in bounded memory: what is nearer together than can be seen is one span."""

from collections.abc import Iterable, Sequence

from attrs import frozen

from lparvm.config import PICTURE_TRACK_SPANS_MAX


@frozen
class Span:
    """A state, from one time to another.

    Attributes:
        start_ns: its begin.
        end_ns: its end, not before the begin.
        text: what it is, where all that was merged into it says the same; else empty.
        covered_ns: how much of it is covered; less than its length where spans with gaps were merged.
    """

    start_ns: int
    end_ns: int
    text: str = ""
    covered_ns: int = 0

    @property
    def length_ns(self) -> int:
        """From begin to end."""
        return self.end_ns - self.start_ns

    @property
    def share(self) -> float:
        """The covered part of it, 0 to 1."""
        return min(self.covered_ns / self.length_ns, 1.0) if self.length_ns else 1.0


def merged(spans: Iterable[Span], resolution_ns: int) -> tuple[Span, ...]:
    """Spans of which no two could be told apart at a resolution.

    Two neighbours are one where the gap between them and one of them are shorter than the resolution, or where one
    goes on as the other.

    Args:
        spans: in order of their begins.
        resolution_ns: at least 1.
    """
    found: list[Span] = []
    for span in spans:
        last = found[-1] if found else None
        if last is None or not _are_one(last, span, resolution_ns):
            found.append(span)
            continue
        found[-1] = Span(
            last.start_ns,
            max(last.end_ns, span.end_ns),
            last.text if last.text == span.text else "",
            last.covered_ns + span.covered_ns,
        )
    return tuple(found)


def _are_one(last: Span, span: Span, resolution_ns: int) -> bool:
    gap = span.start_ns - last.end_ns
    if gap <= 0 and last.text == span.text:
        return True
    return gap < resolution_ns and min(last.length_ns, span.length_ns) < resolution_ns


def within(spans: Iterable[Span], start_ns: int, end_ns: int) -> tuple[Span, ...]:
    """The parts of spans that lie in a window; what covers them is taken to be spread evenly."""
    found = []
    for span in spans:
        start, end = max(span.start_ns, start_ns), min(span.end_ns, end_ns)
        if start < end or (start == end and span.length_ns == 0):
            whole = span.length_ns
            covered = span.covered_ns * (end - start) // whole if whole else 0
            found.append(Span(start, end, span.text, covered))
    return tuple(found)


class Track:
    """Spans of one kind, as they are told: in order of their ends, in bounded memory.

    Attributes:
        resolution_ns: what is nearer together is one span; it doubles when there are too many.
    """

    def __init__(self) -> None:
        self.resolution_ns = 1
        self._spans: list[Span] = []

    def add(self, start_ns: int, end_ns: int, text: str = "") -> None:
        """Add a span; one that ends before it begins is left out."""
        if end_ns < start_ns:
            return
        self._spans.append(Span(start_ns, end_ns, text, end_ns - start_ns))
        while len(self._spans) > PICTURE_TRACK_SPANS_MAX:
            self.resolution_ns *= 2
            self._spans = list(merged(self.spans, self.resolution_ns))

    @property
    def spans(self) -> Sequence[Span]:
        """All of them, in order of their begins."""
        return sorted(self._spans, key=lambda span: (span.start_ns, span.end_ns))
