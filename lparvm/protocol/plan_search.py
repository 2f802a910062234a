"""The exact search for a plan: A* over arrangements.

`_Board` knows what doesn't change: the bodies, what each step costs, the goal. What an arrangement's LPARs must still
cost is worked out when it is looked at, not when it is reached; most are never looked at.
"""

import heapq
import itertools
from collections.abc import Iterator

from attrs import Factory, define, field, frozen

from lparvm.arch.address import Zone
from lparvm.config import PLAN_PACKINGS_A_NODE, PLAN_WEIGHT_GUEST
from lparvm.protocol.plan_bounds import NEVER, Bounds, Wanted
from lparvm.protocol.plan_model import (
    Cost,
    Exchange,
    Expand,
    Goal,
    Layout,
    Move,
    Predict,
    Step,
    step_cost,
)
from lparvm.protocol.plan_orders import Arrangement, Bodies, Change, Demand, Shift, Swap, placed, settled


@frozen
class _Board:
    """What a search goes by.

    Attributes:
        names: of the movable LPARs.
        bodies: these, and the walls.
        start: as it is.
        origins: of the LPARs at first.
        shift_costs, swap_costs: weighed, without the guests touched; of a pair, the lower number first.
        wanted: the goal.
        bounds: what is to come at least.
    """

    names: tuple[str, ...]
    bodies: Bodies
    start: Arrangement
    origins: tuple[int, ...]
    shift_costs: tuple[int, ...]
    swap_costs: dict[tuple[int, int], int]
    wanted: Wanted
    bounds: Bounds = field(init=False)

    @bounds.default
    def _bounds(self) -> Bounds:
        # What an exchange costs is shared: the partner bears no more than a move of its own.
        least = list(self.shift_costs)
        for (first, second), cost in self.swap_costs.items():
            least[first] = min(least[first], cost - self.shift_costs[second])
            least[second] = min(least[second], cost - self.shift_costs[first])
        return Bounds(self.bodies, self.wanted, least)

    def cost(self, change: Change) -> int:
        """What a step costs, without the guests touched."""
        if isinstance(change, Shift):
            return self.shift_costs[change.one]
        return self.swap_costs[min(change), max(change)]

    def reached(self, at: Arrangement) -> Demand | None:
        """What is left to demand where there is the room; None where there isn't."""
        for lower, upper in zip(at.order, at.order[1:], strict=False):
            extent = self.bodies.extents[lower]
            if self.wanted.grows is None:
                if at.room(lower, upper) >= self.wanted.frames:
                    return Demand(lower, upper, extent + self.wanted.frames)
            elif lower == self.wanted.grows and at.room(lower, upper) >= self.wanted.frames - extent:
                return Demand(lower, upper, self.wanted.frames)
        return None


@define(eq=False)
class _Node:
    """An arrangement that was reached: how, and at what cost without the guests touched.

    Attributes:
        leaving: LPARs, as bits, that it seems are still to be moved.
        least: what a plan costs at least that comes by here.
    """

    at: Arrangement
    touched: int = 0
    cost: int = 0
    before: "_Node | None" = None
    change: Change | None = None
    leaving: int = 0
    least: int = 0

    @property
    def known(self) -> int:
        """The cost up to here."""
        return self.cost + PLAN_WEIGHT_GUEST * self.touched.bit_count()

    def repeats(self, change: Change) -> bool:
        """Whether a step moves again what the last one moved: that could have been had at once."""
        last = self.change
        if isinstance(change, Shift):
            return isinstance(last, Shift) and last.one == change.one
        return isinstance(last, Swap) and {*last} == {*change}

    def by(self, board: _Board, change: Change) -> "_Node":
        """What a step leads to."""
        bits = _bits(change)
        cost = self.cost + board.cost(change)
        return _Node(self.at.after(change), self.touched | bits, cost, self, change, self.leaving & ~bits)


def _bits(change: Change) -> int:
    return 1 << change.one if isinstance(change, Shift) else 1 << change.lower | 1 << change.upper


@define
class _Frontier:
    """What is to be looked at, the most promising first; of equals what cost the most up to there, as it is nearest.

    Attributes:
        heap: (least cost, -cost up to there, number, node, step from it; None: the node was looked at).
        seen: of each order, what was looked at.
    """

    heap: list[tuple[int, int, int, _Node, Change | None]] = Factory(list)
    seen: dict[tuple[int, ...], list[_Node]] = Factory(dict)
    numbers: Iterator[int] = Factory(itertools.count)

    def push(self, least: int, known: int, node: _Node, change: Change | None = None) -> None:
        """A node, or a step from one."""
        heapq.heappush(self.heap, (least, -known, next(self.numbers), node, change))

    def is_new(self, node: _Node) -> bool:
        """Whether nothing as good was seen: the same order, all its positions and more, for no more."""
        known = self.seen.setdefault(node.at.order, [])
        for other in known:
            more = PLAN_WEIGHT_GUEST * (other.touched & ~node.touched).bit_count()
            if other.cost + more <= node.cost and other.at.covers(node.at):
                return False
        known.append(node)
        return True


def search(
    layout: Layout, goal: Goal, predict: Predict, *, below: int | None, nodes_max: int, haste: int = 1
) -> tuple[tuple[Step, ...] | None, bool]:
    """The cheapest steps that cost less than `below` (weighed).

    Args:
        layout: main storage.
        goal: the room that is wanted.
        predict: how long the guests of a step stand still.
        below: what is dearer is of no use; None: whatever it costs.
        nodes_max: at so many arrangements the search ends, or when their bounds took too long.
        haste: how much what is still to come weighs; above 1 the first steps that are found need not be the cheapest.

    Returns:
        the steps, None where none were found; and whether none are cheaper, or there are none.
    """
    board = _board(layout, goal, predict)
    limit = NEVER if below is None else below
    frontier = _Frontier()
    first = _Node(board.start)
    first.least, first.leaving = board.bounds.remains(first.at, 0, 0, 0, limit)
    if first.least < limit:
        frontier.push(first.least, 0, first)
    looked_at = 0
    while frontier.heap:
        node, change = heapq.heappop(frontier.heap)[-2:]
        if change is not None:
            if looked_at == nodes_max or board.bounds.packings > nodes_max * PLAN_PACKINGS_A_NODE:
                return None, False
            looked_at += 1
            least, node = node.least, node.by(board, change)
            if frontier.is_new(node):
                remains, node.leaving = board.bounds.remains(
                    node.at, node.touched, node.leaving, max(0, least - node.known), limit - node.known
                )
                node.least = max(least, node.known + remains)
                if node.least < limit:
                    frontier.push(node.known + haste * (node.least - node.known), node.known, node)
            continue
        wanted = board.reached(node.at)
        if wanted is not None:
            return _steps(board, node, wanted), haste == 1
        _spread(board, frontier, node, limit, haste)
    return None, True


def _spread(board: _Board, frontier: _Frontier, node: _Node, limit: int, haste: int) -> None:
    """Note all that is a step away."""
    for change in node.at.changes():
        if node.repeats(change):
            continue
        touched = node.touched | _bits(change)
        known = node.cost + board.cost(change) + PLAN_WEIGHT_GUEST * touched.bit_count()
        if max(node.least, known) < limit:
            frontier.push(known + haste * max(0, node.least - known), known, node, change)


def _steps(board: _Board, last: _Node, wanted: Demand) -> tuple[Step, ...]:
    """The steps that led to an arrangement, with positions."""
    changes: list[Change] = []
    node: _Node | None = last
    while node is not None and node.change is not None:
        changes.insert(0, node.change)
        node = node.before
    targets = settled(board.start, board.origins, changes, wanted)
    return tuple(
        Move(board.names[change.one], target)
        if isinstance(change, Shift)
        else Exchange(board.names[change.lower], board.names[change.upper])
        for change, target in zip(changes, targets, strict=True)
    )


def _board(layout: Layout, goal: Goal, predict: Predict) -> _Board:
    movable = [one for one in layout.zones if layout.may_move(one)]
    names = tuple(one.name for one in movable)
    growing = goal.lpar if isinstance(goal, Expand) else None
    walls = _walls(layout, min([goal.frames, *(one.zone.extent for one in movable)]), growing)
    bodies = Bodies(
        (*(one.zone.extent for one in movable), *(wall.extent for wall in walls)),
        tuple(wall.origin for wall in walls),
    )
    origins = tuple(one.zone.origin for one in movable)
    ends = bodies.count, len(bodies.extents) - 1
    inner = [body for body in range(len(bodies.extents)) if body not in ends]
    inner.sort(key=lambda body: (*origins, *bodies.walls)[body])
    grows = None
    if growing is not None:
        origin = layout.of(growing).zone.origin
        grows = next(body for body in inner if (*origins, *bodies.walls)[body] == origin)
    pairs = itertools.combinations(range(len(names)), 2)
    return _Board(
        names,
        bodies,
        placed(bodies, (ends[0], *inner, ends[1]), origins),
        origins,
        tuple(step_cost(layout, Move(name, 0), predict, Cost())[1].weighed for name in names),
        {
            (first, second): step_cost(layout, Exchange(names[first], names[second]), predict, Cost())[
                1
            ].weighed
            for first, second in pairs
        },
        Wanted(goal.frames, grows),
    )


def _walls(layout: Layout, least: int, growing: str | None) -> list[Zone]:
    """The ends of storage, and in between what is in the way for ever; gaps too small for anything count as such.

    Args:
        layout: main storage.
        least: what is smaller than so many frames is of no use.
        growing: an LPAR that stays a wall of its own.
    """
    stays = [one.zone for one in layout.zones if not layout.may_move(one)]
    alone = {one.zone for one in layout.zones if one.name == growing}
    moves = [one.zone for one in layout.zones if layout.may_move(one)]
    stays += [Zone(frame, 1) for frame in layout.retired if not any(frame in zone for zone in stays)]
    walls: list[Zone] = []
    for zone in sorted(stays):
        gap = Zone(walls[-1].end, zone.origin - walls[-1].end) if walls else None
        useless = gap is not None and gap.extent < least and not any(gap.overlaps(one) for one in moves)
        if useless and not {walls[-1], zone} & alone:
            walls[-1] = Zone(walls[-1].origin, zone.end - walls[-1].origin)
        else:
            walls.append(zone)
    return [Zone(0, 0), *walls, Zone(layout.frame_count, 0)]
