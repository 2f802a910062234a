"""Sets of integers (pages, frames) as sorted, disjoint, half-open intervals that do not touch."""

from bisect import bisect_left, bisect_right


class Intervals:
    """A set of integers; small as long as what is added lies side by side."""

    def __init__(self, *pairs: tuple[int, int]) -> None:
        """The union of half-open pairs."""
        self._pairs: list[tuple[int, int]] = []
        for first, end in pairs:
            self.add(first, end)

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def __len__(self) -> int:
        return sum(end - first for first, end in self._pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Intervals) and self._pairs == other._pairs

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __str__(self) -> str:
        return ", ".join(f"[{first}, {end})" for first, end in self._pairs) or "none"

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The intervals, ascending."""
        return tuple(self._pairs)

    def overlap(self, first: int, end: int) -> "Intervals":
        """What `[first, end)` has in common with this set."""
        common = Intervals()
        common._pairs = [
            (max(first, low), min(end, high)) for low, high in self._pairs if low < end and first < high
        ]
        return common

    def add(self, first: int, end: int) -> None:
        """Add `[first, end)`."""
        if first >= end:
            return
        # Those that overlap or touch [first, end) melt into one.
        begin = bisect_left(self._pairs, first, key=lambda pair: pair[1])
        stop = bisect_right(self._pairs, end, key=lambda pair: pair[0])
        if begin < stop:
            first, end = min(first, self._pairs[begin][0]), max(end, self._pairs[stop - 1][1])
        self._pairs[begin:stop] = [(first, end)]

    def discard(self, first: int, end: int) -> None:
        """Take `[first, end)` away, as far as it is there."""
        kept: list[tuple[int, int]] = []
        for low, high in self._pairs:
            kept += [part for part in ((low, min(high, first)), (max(low, end), high)) if part[0] < part[1]]
        # An empty [first, end) inside an interval would cut it in two that touch.
        if first < end:
            self._pairs = kept
