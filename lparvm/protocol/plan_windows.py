"""Plans for many LPARs: for each place where the room may be, get everything out of the way, and take the cheapest.

What stands in a window leaves it in one of these ways: each LPAR jumps to a gap elsewhere (the largest first, each to
the smallest gap that holds it); or all slide, in their order, those below a cut towards the lower end, the others
towards the upper; or some jump and the others slide. An LPAR that is to be expanded slides with them, or comes last.
Where all else fails, sliding packs everything between two walls together.

*Bounded*: places are tried in the order of what must leave them at least, none that can't be cheaper than what was
found, and each look at an LPAR counts: after `PLAN_LOOKS_MAX` of them the best so far is taken.
"""

import bisect
from collections.abc import Iterator, Sequence

from attrs import define, field, frozen

from lparvm.arch.address import Zone
from lparvm.config import PLAN_JUMPS_MAX, PLAN_LOOKS_MAX
from lparvm.protocol.plan_model import Expand, Goal, Layout, Move, Plan, Predict, plan_of, reached


@frozen
class _Body:
    """What takes up frames: an LPAR, or (without a name) a frame out of use."""

    origin: int
    extent: int
    name: str = ""
    movable: bool = False

    @property
    def end(self) -> int:
        return self.origin + self.extent


@frozen
class _Way:
    """Moves that clear a place, and how many frames they move."""

    frames: int
    moves: tuple[Move, ...]

    @property
    def price(self) -> tuple[int, int]:
        return self.frames, len(self.moves)


def plan_by_windows(layout: Layout, goal: Goal, predict: Predict) -> Plan | None:
    """The cheapest of the plans described above; None where none of them reaches the goal."""
    clearing = _Clearing(_bodies(layout), layout.frame_count, goal.lpar if isinstance(goal, Expand) else "")
    best: _Way | None = None
    for least, window in clearing.places(goal):
        if clearing.looks_left <= 0 or (best is not None and least > best.frames):
            break
        for way in clearing.ways(window, best):
            if best is None or way.price < best.price:
                best = way
    if best is None:
        return None
    plan = plan_of(layout, goal, best.moves, predict, exact=False)
    assert reached(plan.layouts[-1], goal), "a window that was cleared is the room"
    return plan


def _bodies(layout: Layout) -> tuple[_Body, ...]:
    bodies = [_Body(one.zone.origin, one.zone.extent, one.name, layout.may_move(one)) for one in layout.zones]
    bodies += [
        _Body(frame, 1) for frame in layout.retired if not any(frame in one.zone for one in layout.zones)
    ]
    return tuple(sorted(bodies, key=lambda one: one.origin))


@define
class _Clearing:
    """Storage, and how a place in it is cleared.

    Attributes:
        bodies: by origin.
        frame_count: size of main storage.
        grows: the LPAR that is to be expanded, or empty.
        looks_left: so often may bodies still be looked at.
    """

    bodies: tuple[_Body, ...]
    frame_count: int
    grows: str
    looks_left: int = PLAN_LOOKS_MAX
    _sums: list[int] = field(init=False)
    _stays: list[int] = field(init=False)

    @_sums.default
    def _frames_up_to(self) -> list[int]:
        sums = [0]
        for one in self.bodies:
            sums.append(sums[-1] + (0 if one.name and one.name == self.grows else one.extent))
        return sums

    @_stays.default
    def _walls_up_to(self) -> list[int]:
        walls = [0]
        for one in self.bodies:
            walls.append(walls[-1] + (not one.movable and (not one.name or one.name != self.grows)))
        return walls

    @property
    def _grown(self) -> _Body | None:
        return next((one for one in self.bodies if one.name and one.name == self.grows), None)

    # --- places -------------------------------------------------------------------------------------------

    def places(self, goal: Goal) -> list[tuple[int, Zone]]:
        """(frames that must move at least, place), the cheapest first.

        The place of an expansion is where the whole LPAR will be.
        """
        grown, found = self._grown, []
        origins = self._edges(goal.frames) if grown is None or grown.movable else set[int]()
        if grown is not None:
            origins.add(grown.origin)
        for origin in origins:
            if 0 <= origin <= self.frame_count - goal.frames:
                first, last = self._inside(Zone(origin, goal.frames))
                if self._stays[first] == self._stays[last]:
                    own = 0 if grown is None or origin == grown.origin else grown.extent
                    found.append((self._sums[last] - self._sums[first] + own, Zone(origin, goal.frames)))
        return sorted(found)

    def _edges(self, frames: int) -> set[int]:
        """Origins of places between which nothing is gained, and those that packing leads to."""
        edges = {0, self.frame_count - frames}
        for one in self.bodies:
            edges |= {one.end, one.origin - frames, one.origin, one.end - frames}
        position = 0
        for one in self.bodies:
            position = position + one.extent if one.movable else one.end
            edges.add(position)
        position = self.frame_count
        for one in reversed(self.bodies):
            position = position - one.extent if one.movable else one.origin
            edges.add(position - frames)
        return edges

    def _inside(self, window: Zone) -> tuple[int, int]:
        """Of the bodies that overlap a window: the first's number, and the number behind the last."""
        first = bisect.bisect_right(self.bodies, window.origin, key=lambda one: one.end)
        last = bisect.bisect_left(self.bodies, window.end, key=lambda one: one.origin)
        return first, max(first, last)

    # --- ways ---------------------------------------------------------------------------------------------

    def ways(self, window: Zone, best: _Way | None) -> Iterator[_Way]:
        """Ways to clear a place, and to move the LPAR there that is to be expanded."""
        first, last = self._inside(window)
        inside = [one for one in self.bodies[first:last] if one.name != self.grows]
        grown = self._grown
        comes = () if grown is None or grown.origin == window.origin else (grown,)
        jumps = self._jumped(inside, window)
        if len(jumps) == len(inside):
            yield self._way(jumps, window, comes)
            return  # nothing is cheaper for this place
        by_size = sorted(inside, key=lambda one: (-one.extent, one.origin))
        tries = [list(jumps), *(by_size[:count] for count in range(min(len(inside), PLAN_JUMPS_MAX)))]
        for chosen in tries:
            if self.looks_left <= 0:
                return
            jumps = self._jumped(chosen, window)
            if len(jumps) == len(chosen):
                yield from self._slid(jumps, window, comes, best)

    def _way(self, origins: dict[_Body, int], window: Zone, comes: Sequence[_Body]) -> _Way:
        moves = [Move(one.name, origin) for one, origin in origins.items()]
        moves += [Move(one.name, window.origin) for one in comes]
        return _Way(sum(one.extent for one in (*origins, *comes)), tuple(moves))

    def _jumped(self, chosen: Sequence[_Body], window: Zone) -> dict[_Body, int]:
        """Where they go, the largest first; without those that fit nowhere."""
        gaps = self._gaps(window)
        jumps: dict[_Body, int] = {}
        for one in sorted(chosen, key=lambda each: (-each.extent, each.origin)):
            at = bisect.bisect_left(gaps, (one.extent, 0))
            if at < len(gaps):
                extent, origin = gaps.pop(at)
                jumps[one] = origin
                if extent > one.extent:
                    bisect.insort(gaps, (extent - one.extent, origin + one.extent))
        self.looks_left -= len(chosen)
        return jumps

    def _gaps(self, window: Zone) -> list[tuple[int, int]]:
        """(extent, origin) of the gaps outside of a window, the smallest first."""
        gaps, position = [], 0
        for origin, end in [*((one.origin, one.end) for one in self.bodies), (self.frame_count, 0)]:
            for low, high in ((position, min(origin, window.origin)), (max(position, window.end), origin)):
                if high > low:
                    gaps.append((high - low, low))
            position = end
        self.looks_left -= len(self.bodies)
        return sorted(gaps)

    def _slid(
        self, jumps: dict[_Body, int], window: Zone, comes: Sequence[_Body], best: _Way | None
    ) -> Iterator[_Way]:
        """What doesn't jump slides, whatever the cut."""
        order = [one for one in self.bodies if one not in jumps]
        order += [_Body(origin, one.extent, one.name, one.movable) for one, origin in jumps.items()]
        order.sort(key=lambda one: one.origin)
        moved = self._way(jumps, window, comes)
        spare = None if best is None else best.frames - moved.frames
        if spare is not None and spare < 0:
            return
        grown = next(
            (number for number, one in enumerate(order) if one.name and one.name == self.grows), None
        )
        if grown is None:
            yield from self._cuts(order, window, moved, spare, comes, None)
            return
        # Either it slides with the others, between its neighbours; or it is in their way, and comes last.
        rest = [one for one in order if one.name != self.grows]
        slid = self._pushed(rest, grown, window, spare)
        if slid is not None:
            yield _joined(moved, slid, comes, window)
        if comes:
            yield from self._cuts(order, window, moved, spare, comes, grown)

    def _cuts(
        self, order: list[_Body], window: Zone, moved: _Way, spare: int | None, comes: Sequence[_Body],
        fixed: int | None,
    ) -> Iterator[_Way]:  # fmt: skip
        inside = [
            number
            for number, one in enumerate(order)
            if one.origin < window.end and window.origin < one.end and number != fixed
        ]
        if not inside:
            return
        for cut in range(inside[0], inside[-1] + 2):
            slid = self._pushed(order, cut, window, spare, self.grows)
            if slid is not None:
                spare = slid.frames if spare is None else min(spare, slid.frames)
                yield _joined(moved, slid, comes, window)

    def _pushed(
        self, order: list[_Body], cut: int, window: Zone, spare: int | None, wall: str = ""
    ) -> _Way | None:
        """Those before the cut are pushed below a window, the others above it, and push what is in their way.

        None where that moves more than `spare` frames, or something that can't be moved. The farthest moves first.
        """
        frames, sides = 0, list[list[Move]]()
        for numbers, upwards in ((range(cut - 1, -1, -1), False), (range(cut, len(order)), True)):
            edge, moves = (window.end if upwards else window.origin), list[Move]()
            for number in numbers:
                one = order[number]
                self.looks_left -= 1
                if (one.origin >= edge) if upwards else (one.end <= edge):
                    break  # it has room where it is, and so has all beyond
                frames += one.extent
                origin = edge if upwards else edge - one.extent
                outside = origin < 0 or origin + one.extent > self.frame_count
                if outside or not one.movable or one.name == wall or (spare is not None and frames > spare):
                    return None
                moves.insert(0, Move(one.name, origin))
                edge = origin + one.extent if upwards else origin
            sides.append(moves)
        return _Way(frames, (*sides[0], *sides[1]))


def _joined(jumped: _Way, slid: _Way, comes: Sequence[_Body], window: Zone) -> _Way:
    """First the jumps, then what slides; the LPAR to be expanded is counted with the jumps, and moves last."""
    jumps = jumped.moves[: len(jumped.moves) - len(comes)]
    last = tuple(Move(one.name, window.origin) for one in comes)
    return _Way(jumped.frames + slid.frames, (*jumps, *slid.moves, *last))
