"""Plans where walls divide storage, and no place can be cleared by jumps and slides alone.

Between two walls (what never moves, frames out of use) lies a *bay*. What a bay lacks for the room, LPARs must give it
that leave for another bay: there the others slide down first, so that all that is free there is in one piece. In the
end the bay slides together as well. So only sums count, and gaps don't.
"""

from collections.abc import Callable, Iterator, Sequence

from attrs import define

from lparvm.arch.address import Zone
from lparvm.config import PLAN_BAYS_MAX
from lparvm.protocol.plan_model import (
    Expand,
    Goal,
    Layout,
    Move,
    PlacedLpar,
    Plan,
    Predict,
    apply,
    plan_of,
    reached,
)

_Choice = Callable[[Sequence[PlacedLpar], int], Iterator[PlacedLpar]]


def plan_by_repacking(layout: Layout, goal: Goal, predict: Predict) -> Plan | None:
    """The cheapest of the plans described above; None where none of them reaches the goal."""
    found: list[Plan] = []
    for bay in sorted(_bays(layout), key=lambda one: (-one.extent, one))[:PLAN_BAYS_MAX]:
        for choice in (_smallest, _largest, _nearest):
            work = _Repacking(layout, [])
            if work.make_room(bay, goal, choice):
                found.append(plan_of(layout, goal, tuple(work.moves), predict, exact=False))
    return min(found, key=lambda one: one.cost.weighed, default=None)


def _bays(layout: Layout) -> tuple[Zone, ...]:
    return layout.gaps(*(one.name for one in layout.zones if layout.may_move(one)))


def _smallest(lpars: Sequence[PlacedLpar], _lacking: int) -> Iterator[PlacedLpar]:
    yield from sorted(lpars, key=lambda one: (one.zone.extent, one.zone))


def _largest(lpars: Sequence[PlacedLpar], _lacking: int) -> Iterator[PlacedLpar]:
    yield from sorted(lpars, key=lambda one: (-one.zone.extent, one.zone))


def _nearest(lpars: Sequence[PlacedLpar], lacking: int) -> Iterator[PlacedLpar]:
    """Those first that are enough alone, the smallest of them first."""
    yield from sorted(
        lpars, key=lambda one: (one.zone.extent < lacking, abs(one.zone.extent - lacking), one.zone)
    )


@define
class _Repacking:
    """A layout, and the moves that led to it."""

    layout: Layout
    moves: list[Move]

    def make_room(self, bay: Zone, goal: Goal, choice: _Choice) -> bool:
        """Make the room in a bay; whether that was possible."""
        grown = self.layout.of(goal.lpar) if isinstance(goal, Expand) else None
        comes = grown is not None and not bay.contains(grown.zone)
        wanted = goal.frames
        if grown is not None and not comes:
            wanted -= grown.zone.extent
        if grown is not None and not self.layout.may_move(grown):
            if grown.zone.end != bay.origin:
                return False
            comes, wanted = False, goal.frames - grown.zone.extent
        keep = () if grown is None else (grown.name,)
        for one in choice(self._inside(bay, keep), wanted - self._free(bay)):
            if self._free(bay) >= wanted:
                break
            self._leave(one, bay)
        if self._free(bay) < wanted:
            return False
        if grown is None or comes:
            self._slide(bay, self._inside(bay), ())
        else:
            inside = self._inside(bay)
            below = [one for one in inside if one.zone.origin <= grown.zone.origin]
            self._slide(bay, below, inside[len(below) :])
        if comes:
            assert grown is not None, "what comes is to be expanded"
            self._move(grown.name, max([bay.origin, *(one.zone.end for one in self._inside(bay))]))
        return reached(self.layout, goal)

    def _inside(self, bay: Zone, keep: Sequence[str] = ()) -> list[PlacedLpar]:
        return [one for one in self.layout.zones if bay.contains(one.zone) and one.name not in keep]

    def _free(self, bay: Zone) -> int:
        return bay.extent - sum(one.zone.extent for one in self._inside(bay))

    def _leave(self, one: PlacedLpar, bay: Zone) -> None:
        """To the gap or, if there is none, to the bay where it fits best; or not at all."""
        others = [other for other in _bays(self.layout) if other != bay]
        extent = one.zone.extent
        gaps = [gap for gap in self.layout.gaps() if gap.extent >= extent and not bay.contains(gap)]
        if gaps:
            self._move(one.name, min(gaps, key=lambda gap: (gap.extent, gap)).origin)
            return
        fitting = [other for other in others if self._free(other) >= extent]
        if fitting:
            other = min(fitting, key=lambda each: (self._free(each), each))
            self._slide(other, self._inside(other), ())
            self._move(one.name, max([other.origin, *(each.zone.end for each in self._inside(other))]))

    def _slide(self, bay: Zone, down: Sequence[PlacedLpar], up: Sequence[PlacedLpar]) -> None:
        """These to the lower end of a bay, and those to the upper one, in their order."""
        edge = bay.origin
        for one in down:
            self._move(one.name, edge)
            edge += one.zone.extent
        edge = bay.end
        for one in reversed(up):
            edge -= one.zone.extent
            self._move(one.name, edge)

    def _move(self, name: str, origin: int) -> None:
        if self.layout.of(name).zone.origin != origin:
            self.moves.append(Move(name, origin))
            self.layout = apply(self.layout, self.moves[-1])
