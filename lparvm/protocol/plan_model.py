"""What a planner plans with: layouts of storage, goals, steps, and what a step leads to.

All in host absolute frames. `apply` is the judge of steps: the searches use it to make their plans' layouts, so
that a step which the machine would refuse shows at once.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from attrs import evolve, frozen

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.exchange_geometry import exchange_targets
from lparvm.config import PLAN_WEIGHT_BYTE, PLAN_WEIGHT_GUEST, PLAN_WEIGHT_STOPPED_NS
from lparvm.errors import ProtocolError


@frozen
class PlacedLpar:
    """An LPAR in its place, or frames that can't be had.

    Attributes:
        movable: whether a step may move it.
        lips: the LIPs that run it: so many stand still when it moves.
    """

    name: str
    zone: Zone
    movable: bool = True
    lips: tuple[str, ...] = ()


@frozen
class Layout:
    """Main storage.

    Attributes:
        zones: by origin.
        retired: frames that are out of use, ascending.
    """

    frame_count: int
    zones: tuple[PlacedLpar, ...]
    retired: tuple[int, ...] = ()

    def of(self, name: str) -> PlacedLpar:
        """An LPAR by name."""
        return next(one for one in self.zones if one.name == name)

    def may_move(self, one: PlacedLpar) -> bool:
        """Whether it is movable, and no frame of it is out of use: its page there can't be read."""
        return one.movable and not any(frame in one.zone for frame in self.retired)

    def gaps(self, *without: str) -> tuple[Zone, ...]:
        """Maximal runs of frames that are free and in use, ascending; what these LPARs hold counts as free."""
        taken = [(one.zone.origin, one.zone.end) for one in self.zones if one.name not in without]
        taken += [(frame, frame + 1) for frame in self.retired]
        free, position = [], 0
        for origin, end in sorted([*taken, (self.frame_count, self.frame_count)]):
            if origin > position:
                free.append(Zone(position, origin - position))
            position = max(position, end)
        return tuple(free)


@frozen
class Free:
    """PLAN FREE: so many frames in one piece."""

    frames: int


@frozen
class Expand:
    """PLAN EXPAND: the LPAR's zone can grow to so many frames where it then is."""

    lpar: str
    frames: int


@frozen
class Move:
    """MVSTOR."""

    lpar: str
    target_origin: int


@frozen
class Exchange:
    """XCHSTOR."""

    first: str
    second: str


Goal = Free | Expand
Step = Move | Exchange


class Predicted(Protocol):
    """How long a guest should stand still, in ns."""

    @property
    def low_ns(self) -> int:
        """At least."""

    @property
    def expected_ns(self) -> int:
        """About."""

    @property
    def high_ns(self) -> int:
        """At most."""


Predict = Callable[[str, int], Predicted]
"""(kind, pages) -> how long the guests of such a step stand still; kinds are those of `calibration.Kind`."""


@frozen
class Cost:
    """What a plan costs.

    Attributes:
        moved_bytes: of all its steps.
        stopped_ns: time that guest processors stand still, all together.
        guests: LPARs that are moved at all.
    """

    moved_bytes: int = 0
    stopped_ns: int = 0
    guests: int = 0

    @property
    def weighed(self) -> int:
        """One number, to compare by; with the weights as they come, bytes first, then time, then guests."""
        return (
            PLAN_WEIGHT_BYTE * self.moved_bytes
            + PLAN_WEIGHT_STOPPED_NS * self.stopped_ns
            + PLAN_WEIGHT_GUEST * self.guests
        )


@frozen
class Plan:
    """Steps that reach the goal.

    Attributes:
        goal: what for.
        steps: in their order; none where the goal is reached already.
        layouts: before, and after each step.
        stops: of each step, how long its guests should stand still.
        exact: no plan costs less.
    """

    goal: Goal
    steps: tuple[Step, ...]
    layouts: tuple[Layout, ...]
    stops: tuple[Predicted, ...]
    cost: Cost
    exact: bool


@frozen
class NoPlan:
    """There is none.

    Attributes:
        reason: why, for the operator.
        proven: whether there can't be any; else none was found within the limits.
    """

    reason: str
    proven: bool


def lpars_of(step: Step) -> tuple[str, ...]:
    """The LPARs that a step moves."""
    return (step.lpar,) if isinstance(step, Move) else (step.first, step.second)


def apply(layout: Layout, step: Step) -> Layout:
    """The layout after a step.

    Raises:
        ProtocolError: the machine would refuse it.
    """
    targets = dict(_targets(layout, step))
    for name, target in targets.items():
        one = layout.of(name)
        _require(layout.may_move(one), step, f"{name} can't be moved")
        _require(target.end <= layout.frame_count, step, f"{target} ends past storage")
        _require(not any(frame in target for frame in layout.retired), step, f"{target} has a faulty frame")
        for other in layout.zones:
            free = other.name in targets or not other.zone.overlaps(target)
            _require(free, step, f"{target} has frames of {other.name}")
    moved = (evolve(one, zone=targets.get(one.name, one.zone)) for one in layout.zones)
    return evolve(layout, zones=tuple(sorted(moved, key=lambda one: one.zone)))


def _targets(layout: Layout, step: Step) -> Iterator[tuple[str, Zone]]:
    if isinstance(step, Move):
        yield step.lpar, Zone(step.target_origin, layout.of(step.lpar).zone.extent)
        return
    names = (step.first, step.second)
    yield from zip(names, exchange_targets(*(layout.of(name).zone for name in names)), strict=True)


def _require(condition: bool, step: Step, problem: str) -> None:
    if not condition:
        raise ProtocolError(f"{step}: {problem}")


def reached(layout: Layout, goal: Goal) -> bool:
    """Whether there is the room."""
    return room_for(layout, goal) is not None


def room_for(layout: Layout, goal: Goal) -> Zone | None:
    """The room that a layout has for a goal; None where it has none."""
    if isinstance(goal, Free):
        return next(
            (Zone(gap.origin, goal.frames) for gap in layout.gaps() if gap.extent >= goal.frames), None
        )
    zone = layout.of(goal.lpar).zone
    wanted = Zone(zone.origin, goal.frames)
    # Frames of its own that are out of use are no hindrance: it has them, whatever their state.
    more = wanted.minus(zone)
    return wanted if all(any(gap.contains(piece) for gap in layout.gaps()) for piece in more) else None


def windows_of(layout: Layout, frames: int, without: Sequence[str]) -> Iterator[tuple[int, Zone]]:
    """Places for so many frames, between which nothing is gained, and how many frames must leave each.

    Args:
        layout: main storage.
        frames: how long the places are.
        without: LPARs that need not leave.
    """
    last = layout.frame_count - frames
    edges = {0, last}
    for one in layout.zones:
        edges |= {one.zone.end, one.zone.origin - frames, one.zone.origin, one.zone.end - frames}
    for frame in layout.retired:
        edges |= {frame + 1, frame - frames}
    for origin in sorted(edge for edge in edges if 0 <= edge <= last):
        cost = leaving(layout, Zone(origin, frames), without)
        if cost is not None:
            yield cost, Zone(origin, frames)


def leaving(layout: Layout, window: Zone, without: Sequence[str]) -> int | None:
    """Frames of the LPARs in a window; None where one can't leave, a frame is out of use, or storage ends."""
    if window.end > layout.frame_count or any(frame in window for frame in layout.retired):
        return None
    total = 0
    for one in layout.zones:
        if one.name not in without and one.zone.overlaps(window):
            if not layout.may_move(one):
                return None
            total += one.zone.extent
    return total


def plan_of(layout: Layout, goal: Goal, steps: tuple[Step, ...], predict: Predict, *, exact: bool) -> Plan:
    """A plan, with all that follows from its steps.

    Raises:
        ProtocolError: the machine would refuse a step.
    """
    layouts, stops, cost, touched = [layout], [], Cost(), set[str]()
    for step in steps:
        before = layouts[-1]
        layouts.append(apply(before, step))
        stop, cost = step_cost(before, step, predict, cost)
        stops.append(stop)
        touched.update(lpars_of(step))
    cost = evolve(cost, guests=len(touched))
    return Plan(goal, steps, tuple(layouts), tuple(stops), cost, exact)


def step_cost(layout: Layout, step: Step, predict: Predict, cost: Cost) -> tuple[Predicted, Cost]:
    """How long the guests of a step stand still, and the cost with it; but for the guests touched."""
    parties = [layout.of(name) for name in lpars_of(step)]
    pages = sum(party.zone.extent for party in parties)
    stop = predict("move" if isinstance(step, Move) else "exchange", pages)
    lips = sum(len(party.lips) for party in parties)
    moved_bytes = cost.moved_bytes + pages * PAGE_BYTES
    return stop, evolve(cost, moved_bytes=moved_bytes, stopped_ns=cost.stopped_ns + stop.expected_ns * lips)
