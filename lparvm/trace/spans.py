"""What a trace viewer shows of a run: tracks with slices and points, flows between points, counters.

The intermediate form of the exports: `spans_of` makes it from a trace, `export_perfetto` and `export_chrome` write it.
Times are ns of the run clock. Invariants, whatever the trace: no time is negative, no slice ends before it begins, and
`nested` gives each track's slices in an order in which each lies in the one that is open, or begins when that has
ended.
"""

from collections.abc import Iterable, Iterator

from attrs import Factory, define, frozen

OPERATIONS, LPARS, EVENTS = "operations", "LPARs", "events"
"""Two processes that are no actors, shown first; and the row of an actor's points."""
_GROUPS = (OPERATIONS, LPARS)


@frozen
class Track:
    """A row of the viewer.

    Attributes:
        number: its number in the model, from 1.
        process: what it is part of: an actor, or a group of rows.
        name: its name.
    """

    number: int
    process: str
    name: str


@define
class Slice:
    """Something that lasted.

    Attributes:
        begin_ns: since when.
        end_ns: until when.
        name: what it was.
        depth: 0, or 1 where it lies in one of depth 0.
        op: the operation that it belongs to.
        seq: number of the event that began it.
    """

    begin_ns: int
    end_ns: int
    name: str
    depth: int = 0
    op: str | None = None
    seq: int = 0


@define
class Point:
    """An event of an actor.

    Attributes:
        t_ns: when.
        name: its name.
        op: its operation.
        seq: its number.
        starts: it is a message that somebody answered to: the flow of this number starts here.
        ends: the flow that ends here: the number of the message that it answers to; 0 for none.
    """

    t_ns: int
    name: str
    op: str | None
    seq: int
    starts: bool = False
    ends: int = 0


@frozen
class Counter:
    """A value over time.

    Attributes:
        number: as of a track; no track has the same.
        process: what it is part of.
        name: its name.
        unit: of its values.
        samples: (ns, value), the value from then on.
    """

    number: int
    process: str
    name: str
    unit: str
    samples: list[tuple[int, int]] = Factory(list)


@define
class Row:
    """A track and what is on it."""

    track: Track
    slices: list[Slice] = Factory(list)
    points: list[Point] = Factory(list)


@define
class Model:
    """All that is shown, rows in the order in which they first had something on them."""

    rows: dict[tuple[str, str], Row] = Factory(dict)
    counters: dict[tuple[str, str], Counter] = Factory(dict)

    def row(self, process: str, name: str) -> Row:
        """The row of that name; a new one where there is none."""
        row = self.rows.get((process, name))
        if row is None:
            row = self.rows[process, name] = Row(Track(self._next(), process, name))
        return row

    def counter(self, process: str, name: str, unit: str) -> Counter:
        """The counter of that name; a new one where there is none."""
        counter = self.counters.get((process, name))
        if counter is None:
            counter = self.counters[process, name] = Counter(self._next(), process, name, unit)
        return counter

    def _next(self) -> int:
        return len(self.rows) + len(self.counters) + 1

    @property
    def processes(self) -> list[str]:
        """Their names: groups first, then actors in the order in which they first had something in them."""
        rows = [(row.track.number, row.track.process) for row in self.rows.values()]
        counters = [(counter.number, counter.process) for counter in self.counters.values()]
        names = dict.fromkeys(process for _, process in sorted(rows + counters))
        return [name for name in _GROUPS if name in names] + [name for name in names if name not in _GROUPS]


def nested(slices: Iterable[Slice]) -> Iterator[tuple[Slice, int, int]]:
    """A track's slices in order, with their begin and end.

    A slice is cut where the one that it lies in ends, and where the next one of its depth begins.
    """
    ordered = sorted(slices, key=lambda one: (one.begin_ns, one.seq, one.depth))
    ends = [max(one.begin_ns, one.end_ns) for one in ordered]
    open_at: dict[int, int] = {}  # depth -> index of the slice that is open, or was
    for index, one in enumerate(ordered):
        for depth in [depth for depth in open_at if depth >= one.depth]:
            other = open_at.pop(depth)
            ends[other] = min(ends[other], one.begin_ns)
        outer = open_at.get(one.depth - 1)
        if outer is not None and ends[outer] >= one.begin_ns:
            ends[index] = min(ends[index], ends[outer])
        open_at[one.depth] = index
    for index, one in enumerate(ordered):
        yield one, one.begin_ns, ends[index]
