"""Layouts whose positions are still open: who stands behind whom, and how far apart two of them can be.

Where a moved LPAR best stands in its gap shows only later: at an end of it, or wherever an exchange or a neighbour
that leaves wants it. So a search that fixed positions at once would have to try every frame. An `Arrangement` fixes
the order only, and keeps for each two bodies the greatest distance that some choice of positions allows. Each step
demands distances. Demands on differences of integers can be met, in integers, where their closure has no
contradiction; so nothing is lost (the clock zones of timed automata: Dill, 1989).

A *body* is a movable LPAR, or a wall: what never moves, frames out of use, and both ends of storage. Bodies are
numbers: the LPARs from 0, then the walls. Distances are in frames, from origin to origin.
"""

import operator
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from attrs import field, frozen


class Shift(NamedTuple):
    """A move of an LPAR, to between two bodies."""

    one: int
    lower: int
    upper: int


class Swap(NamedTuple):
    """An exchange of two LPARs."""

    lower: int
    upper: int


class Demand(NamedTuple):
    """The origins of two bodies are so far apart at least."""

    lower: int
    upper: int
    distance: int


Change = Shift | Swap
Spans = tuple[tuple[int, ...], ...]


@frozen
class Bodies:
    """What doesn't change in a search.

    Attributes:
        extents: of all bodies; the ends of storage have none.
        walls: origins of the walls.
        count: of movable LPARs.
        anchors: of each body (variable, constant), which make its origin together. An LPAR has the variable of its
            number; the last variable, of all walls, is 0.
    """

    extents: tuple[int, ...]
    walls: tuple[int, ...]
    count: int = field(init=False)
    anchors: tuple[tuple[int, int], ...] = field(init=False)

    @count.default
    def _count(self) -> int:
        return len(self.extents) - len(self.walls)

    @anchors.default
    def _anchors(self) -> tuple[tuple[int, int], ...]:
        return (*((one, 0) for one in range(self.count)), *((self.count, origin) for origin in self.walls))


@frozen
class Arrangement:
    """An order, and all choices of positions that the steps up to it allow.

    Attributes:
        bodies: of the search.
        order: the bodies, ascending; the ends of storage first and last.
        spans: [variable][other]: the first is at most so far above the other; closed.
    """

    bodies: Bodies = field(repr=False)
    order: tuple[int, ...]
    spans: Spans

    def room(self, lower: int, upper: int) -> int:
        """Frames from the end of a body to the origin of a higher one, at most."""
        low, low_constant = self.bodies.anchors[lower]
        high, high_constant = self.bodies.anchors[upper]
        return self.spans[high][low] + high_constant - low_constant - self.bodies.extents[lower]

    def is_fixed(self, body: int) -> bool:
        """Whether one position is all that a body has."""
        count = self.bodies.count
        return body >= count or self.spans[body][count] == -self.spans[count][body]

    def changes(self) -> Iterator[Change]:
        """Each move to where an LPAR fits, and each exchange that has the room it needs between the two."""
        extents, count = self.bodies.extents, self.bodies.count
        for one in range(count):
            lower = self.order[0]
            for upper in self.order[1:]:
                if upper != one:
                    if self.room(lower, upper) >= extents[one]:
                        yield Shift(one, lower, upper)
                    lower = upper
        movable = [body for body in self.order if body < count]
        for number, lower in enumerate(movable):
            for upper in movable[number + 1 :]:
                demand = self.demand(Swap(lower, upper))
                if demand is None or self.room(demand[0], demand[1]) + extents[demand[0]] >= demand[2]:
                    yield Swap(lower, upper)

    def demand(self, change: Change) -> Demand | None:
        """What a step asks of those that it doesn't move; or of an LPAR and those beside its partner."""
        extents, order = self.bodies.extents, self.order
        if isinstance(change, Shift):
            return Demand(change.lower, change.upper, extents[change.lower] + extents[change.one])
        lower, upper = change
        behind = order[order.index(lower) + 1]
        if behind == upper:
            return None
        if extents[upper] > extents[lower]:
            return Demand(lower, behind, extents[upper])
        before = order[order.index(upper) - 1]
        return Demand(before, upper, extents[before] + extents[lower] - extents[upper])

    def covers(self, other: "Arrangement") -> bool:
        """Whether it allows all positions that another one of the same order allows."""
        return all(map(operator.ge, chain.from_iterable(self.spans), chain.from_iterable(other.spans)))

    def after(self, change: Change) -> "Arrangement":
        """What one of the `changes` leads to."""
        demand = self.demand(change)
        spans = self.spans if demand is None else self._closed(demand)
        if isinstance(change, Shift):
            return self._shifted(spans, change)
        lower, upper = change
        # The upper begins where the lower did; the lower ends where the upper did.
        sources = [(number, 0) for number in range(len(spans))]
        sources[upper] = (lower, 0)
        sources[lower] = (upper, self.bodies.extents[upper] - self.bodies.extents[lower])
        moved = tuple(
            tuple([spans[one][other] + more - less for other, less in sources]) for one, more in sources
        )
        swapped = {lower: upper, upper: lower}
        return Arrangement(self.bodies, tuple([swapped.get(body, body) for body in self.order]), moved)

    def _shifted(self, spans: Spans, change: Shift) -> "Arrangement":
        one, lower, upper = change
        low, low_constant = self.bodies.anchors[lower]
        high, high_constant = self.bodies.anchors[upper]
        # It stands anywhere above `lower` and below `upper`; where it stood binds others, but no longer it.
        above = -low_constant - self.bodies.extents[lower]
        below = high_constant - self.bodies.extents[one]
        rows = []
        for number, row in enumerate(spans):
            source, more = (spans[high], below) if number == one else (row, 0)
            to_one = 0 if number == one else row[low] + above
            rows.append(tuple([to_one if at == one else span + more for at, span in enumerate(source)]))
        order = [body for body in self.order if body != one]
        order.insert(order.index(upper), one)
        return Arrangement(self.bodies, tuple(order), tuple(rows))

    def _closed(self, demand: Demand) -> Spans:
        low, low_constant = self.bodies.anchors[demand.lower]
        high, high_constant = self.bodies.anchors[demand.upper]
        span = high_constant - low_constant - demand.distance
        spans = self.spans
        if spans[low][high] <= span:
            return spans
        return tuple(
            tuple(
                [min(direct, row[low] + span + rest) for direct, rest in zip(row, spans[high], strict=True)]
            )
            for row in spans
        )


def placed(bodies: Bodies, order: tuple[int, ...], origins: Sequence[int]) -> Arrangement:
    """An arrangement with each LPAR in its place."""
    places = (*origins, 0)
    return Arrangement(bodies, order, tuple(tuple(one - other for other in places) for one in places))


def settled(start: Arrangement, origins: Sequence[int], changes: Sequence[Change], goal: Demand) -> list[int]:
    """Positions for what steps leave open, each as low as it goes.

    Args:
        start: as it is, with each LPAR in its place.
        origins: these places.
        changes: the steps.
        goal: what is demanded in the end.

    Returns:
        of each move the LPAR's origin after it; of an exchange, -1.
    """
    # A body's origin is an unknown and a constant; unknown 0 is 0, and each move makes one more.
    extents = start.bodies.extents
    at = [(0, origin) for origin in (*origins, *start.bodies.walls)]
    demands: list[tuple[tuple[int, int], tuple[int, int], int]] = []
    unknowns = 1

    def note(demand: Demand) -> None:
        demands.append((at[demand.lower], at[demand.upper], demand.distance))

    arrangement, moved = start, []
    for change in changes:
        demand = arrangement.demand(change)
        if isinstance(change, Shift):
            one, lower, upper = change
            at[one] = (unknowns, 0)
            unknowns += 1
            note(Demand(lower, one, extents[lower]))
            note(Demand(one, upper, extents[one]))
            moved.append(at[one][0])
        else:
            if demand is not None:
                note(demand)
            lower, upper = change
            unknown, constant = at[upper]
            at[lower], at[upper] = (unknown, constant + extents[upper] - extents[lower]), at[lower]
            moved.append(0)
        arrangement = arrangement.after(change)
    note(goal)
    values = _least(demands, unknowns)
    return [values[unknown] if unknown else -1 for unknown in moved]


def _least(demands: Sequence[tuple[tuple[int, int], tuple[int, int], int]], unknowns: int) -> list[int]:
    values = [0] * unknowns
    changed = True
    while changed:
        changed = False
        for (low, low_constant), (high, high_constant), distance in demands:
            least = values[low] + low_constant + distance - high_constant
            if values[high] < least:
                assert high, "the closure said that all demands can be met"
                values[high], changed = least, True
    return values
