"""What the way to a goal costs at least: the cheapest set of LPARs that could stand elsewhere in the end.

Whatever the steps are, in the end some LPARs stand where they stood, and the others were moved once at least. So the
others, and the room that is wanted, must fit into what lies between those that stay: a matter of packing, in which
the order of steps plays no part. Where no set fits, there is no plan at all.
"""

import bisect
from collections.abc import Sequence

from attrs import Factory, define, field, frozen

from lparvm.config import PLAN_PACKING_TRIALS_MAX, PLAN_WEIGHT_GUEST
from lparvm.protocol.plan_orders import Arrangement, Bodies

NEVER = 1 << 200
"""More than any plan costs."""


@frozen
class Wanted:
    """A goal in numbers.

    Attributes:
        frames: in one piece; of an expansion, those of the LPAR among them.
        grows: the body to be expanded; None: PLAN FREE.
    """

    frames: int
    grows: int | None


@frozen
class _Set:
    """LPARs, as bits, that are moved.

    Attributes:
        cost: what that costs at least, without the guests touched.
        needs: frames in one piece that they need elsewhere, and the goal; descending.
    """

    cost: int
    members: int
    needs: tuple[int, ...]


def _set_cost(one: _Set) -> int:
    return one.cost


@define
class Bounds:
    """What the ways from arrangements to a goal cost at least.

    Attributes:
        bodies, wanted: of the search.
        least_costs: what it costs at least that an LPAR is moved, by whatever step.
        sets: all there are, the cheapest first.
        packings: how often it was asked whether needs fit: nearly all the time that a search takes.
    """

    bodies: Bodies
    wanted: Wanted
    least_costs: Sequence[int]
    sets: tuple[_Set, ...] = field(
        init=False,
        default=Factory(
            lambda self: tuple(sorted(map(self._set, range(1 << self.bodies.count)), key=_set_cost)),
            takes_self=True,
        ),
    )
    packings: int = field(init=False, default=0)
    _by_members: dict[int, _Set] = field(
        init=False, default=Factory(lambda self: {one.members: one for one in self.sets}, takes_self=True)
    )

    def remains(self, at: Arrangement, touched: int, guess: int, enough: int, limit: int) -> tuple[int, int]:
        """What the way to the goal costs at least.

        Args:
            at: from where.
            touched: LPARs that were moved before, as bits: they cost no guest more.
            guess: a set that may do.
            enough: what it costs at least by all that is known; less than this need not be found.
            limit: so much is too much; what is above need not be told apart.

        Returns:
            the cost, `NEVER` where there is no way below the limit; and the set, as bits.
        """
        if self._cost(self._by_members[guess], touched) <= enough and self._fits(at, self._by_members[guess]):
            return enough, guess
        # What doesn't fit doesn't fit either where fewer make room.
        too_few: list[int] = []
        until = bisect.bisect_right(self.sets, enough, key=_set_cost)
        for one in reversed(self.sets[:until]):
            members = one.members
            if self._cost(one, touched) <= enough and not any(members & more == members for more in too_few):
                if self._fits(at, one):
                    return enough, members
                too_few.append(members)
        best, chosen = limit, None
        since = bisect.bisect_right(self.sets, enough - PLAN_WEIGHT_GUEST * self.bodies.count, key=_set_cost)
        for one in self.sets[since:]:
            if one.cost >= best:
                break
            if enough < (cost := self._cost(one, touched)) < best and self._fits(at, one):
                best, chosen = cost, one.members
        return (NEVER, 0) if chosen is None else (best, chosen)

    def _set(self, members: int) -> _Set:
        chosen = [body for body in range(self.bodies.count) if members >> body & 1]
        grows, frames = self.wanted.grows, self.wanted.frames
        needs = [frames if body == grows else self.bodies.extents[body] for body in chosen]
        needs += [frames] if grows is None else []
        return _Set(
            sum(self.least_costs[body] for body in chosen), members, tuple(sorted(needs, reverse=True))
        )

    def _cost(self, one: _Set, touched: int) -> int:
        return one.cost + PLAN_WEIGHT_GUEST * (one.members & ~touched).bit_count()

    def _fits(self, at: Arrangement, one: _Set) -> bool:
        # Between two bodies in their places each gap may be as large as it can, but not all of them at once.
        groups, rooms, inner = list[tuple[int, list[int]]](), list[int](), 0
        extents, grows = self.bodies.extents, self.wanted.grows
        lower = since = at.order[0]
        for body in at.order[1:]:
            if one.members >> body & 1:
                continue
            room = at.room(lower, body)
            if lower == grows:
                more = self.wanted.frames - extents[lower]
                room, inner = room - more, inner + more
                if room < 0:
                    return False
            rooms.append(room)
            lower = body
            if at.is_fixed(body):
                groups.append((at.room(since, body) - inner, rooms))
                rooms, inner, since = [], 0, body
            else:
                inner += extents[body]
        self.packings += 1
        return fits(one.needs, groups)


def fits(needs: Sequence[int], groups: Sequence[tuple[int, Sequence[int]]]) -> bool:
    """Whether these needs, descending, can be met in these rooms, several in one if it is large enough.

    True as well where that takes more than `PLAN_PACKING_TRIALS_MAX` trials to see: then it may be so.

    Args:
        needs: frames.
        groups: (frames in all, rooms); the rooms of a group may share less than their sum.
    """
    if not needs:
        return all(total >= 0 for total, _ in groups)
    totals = [total for total, _ in groups]
    rooms = sorted((room, group) for group, (_, rooms) in enumerate(groups) for room in rooms if room)
    if not rooms or needs[0] > rooms[-1][0] or sum(needs) > sum(totals) or min(totals) < 0:
        return False
    trials = PLAN_PACKING_TRIALS_MAX

    def place(number: int, left: list[tuple[int, int]]) -> bool:
        nonlocal trials
        if number == len(needs):
            return True
        need, tried = needs[number], set[tuple[int, int]]()
        for index, (room, group) in enumerate(left):
            # Rooms alone in their groups are alike where they are equal.
            alike = room, group if len(groups[group][1]) > 1 else -1
            if room < need or totals[group] < need or alike in tried:
                continue
            tried.add(alike)
            trials -= 1
            if trials < 0:
                return True
            totals[group] -= need
            if place(number + 1, [*left[:index], (room - need, group), *left[index + 1 :]]):
                return True
            totals[group] += need
        return False

    # The smallest that will do is tried first.
    return place(0, rooms)
