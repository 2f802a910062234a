"""An exhaustive planner for small storages, with a geometry of its own: bits, every frame as a target, Dijkstra.

It shares nothing with the planner but the goal and the numbers that make up a cost.
"""

import heapq
import itertools
import random
from collections.abc import Callable

from lparvm.arch.address import Zone
from lparvm.protocol.calibration import Calibration, Kind
from lparvm.protocol.plan_model import Expand, Free, Goal, Layout, PlacedLpar

BYTE, STOPPED_NS, GUEST = 10**18, 10**3, 1
PAGE = 4096
HISTORY = Calibration()


def predict(kind: str, pages: int):
    return HISTORY.predict(Kind(kind), pages * PAGE)


def layout(frames: int, *zones: tuple[int, int], retired=(), fixed="", lips=1) -> Layout:
    """LPARs A, B, ... at (origin, extent); those named in `fixed` can't be moved."""
    placed = [
        PlacedLpar(name, Zone(*zone), name not in fixed, tuple(f"LIP{number}" for number in range(lips)))
        for name, zone in zip("ABCDEFGHIJKL", zones, strict=False)
    ]
    return Layout(frames, tuple(sorted(placed, key=lambda one: one.zone)), tuple(sorted(retired)))


class Exhausted(Exception):  # noqa: N818 - no error: the test goes on without a comparison
    """More layouts than a test has time for."""


class Reference:
    """The least weighed cost of reaching a goal."""

    def __init__(self, start: Layout, goal: Goal, predicted: Callable = predict):
        self.frames, self.goal, self.predicted = start.frame_count, goal, predicted
        self.names = [one.name for one in start.zones]
        self.extents = [one.zone.extent for one in start.zones]
        self.lips = [len(one.lips) for one in start.zones]
        self.dead = sum(1 << frame for frame in start.retired)
        origins = tuple(one.zone.origin for one in start.zones)
        self.start = origins
        self.can_move = [
            one.movable and not self.bits(number, one.zone.origin) & self.dead
            for number, one in enumerate(start.zones)
        ]

    def bits(self, number: int, origin: int) -> int:
        return ((1 << self.extents[number]) - 1) << origin

    def least(self, looks: int = 200_000) -> int | None:
        """None where it can't be reached at all."""
        heap, best = [(0, self.start, 0)], {(self.start, 0): 0}
        while heap:
            cost, origins, touched = heapq.heappop(heap)
            if best[origins, touched] < cost:
                continue
            if self.reached(origins):
                return cost
            looks -= 1
            if not looks:
                raise Exhausted
            for numbers, after, price in self.steps(origins):
                now = touched | sum(1 << number for number in numbers)
                total = cost + price + GUEST * (now & ~touched).bit_count()
                if total < best.get((after, now), total + 1):
                    best[after, now] = total
                    heapq.heappush(heap, (total, after, now))
        return None

    def reached(self, origins: tuple[int, ...]) -> bool:
        taken = self.dead
        for number, origin in enumerate(origins):
            taken |= self.bits(number, origin)
        if isinstance(self.goal, Free):
            run = (1 << self.goal.frames) - 1
            return any(not taken & run << at for at in range(self.frames - self.goal.frames + 1))
        number = self.names.index(self.goal.lpar)
        behind = origins[number] + self.extents[number]
        more = self.goal.frames - self.extents[number]
        return behind + more <= self.frames and not taken & ((1 << more) - 1) << behind

    def steps(self, origins: tuple[int, ...]):
        areas = [self.bits(number, origin) for number, origin in enumerate(origins)]
        taken = self.dead
        for area in areas:
            taken |= area
        for number, extent in enumerate(self.extents):
            if self.can_move[number]:
                others = taken & ~areas[number]
                for origin in range(self.frames - extent + 1):
                    if origin != origins[number] and not others & self.bits(number, origin):
                        yield (
                            (number,),
                            (*origins[:number], origin, *origins[number + 1 :]),
                            self.price((number,)),
                        )
        for one, other in itertools.permutations(range(len(origins)), 2):
            if origins[one] < origins[other] and self.can_move[one] and self.can_move[other]:
                # The upper begins where the lower did, the lower ends where the upper did.
                to = list(origins)
                to[other] = origins[one]
                to[one] = origins[other] + self.extents[other] - self.extents[one]
                first, second = self.bits(one, to[one]), self.bits(other, to[other])
                if not (first & second or (first | second) & (taken & ~areas[one] & ~areas[other])):
                    yield (one, other), tuple(to), self.price((one, other))

    def price(self, numbers: tuple[int, ...]) -> int:
        pages = sum(self.extents[number] for number in numbers)
        stands = self.predicted("move" if len(numbers) == 1 else "exchange", pages).expected_ns
        lips = sum(self.lips[number] for number in numbers)
        return BYTE * pages * PAGE + STOPPED_NS * stands * lips


def drawn(
    generator: random.Random, lpars: int, frames: int, largest: int, retired: int = 0, fixed: float = 0.0
) -> tuple[Layout, Goal]:
    """A small storage with gaps, and a goal that is not absurd."""
    while True:
        extents = [generator.randint(1, largest) for _ in range(lpars)]
        free = frames - sum(extents) - retired
        if free >= 1:
            break
    pieces = extents + [0] * free + [-1] * retired
    generator.shuffle(pieces)
    at, zones, dead = 0, [], []
    for piece in pieces:
        if piece > 0:
            zones.append((at, piece))
        elif piece < 0:
            dead.append(at)
        at += piece if piece > 0 else 1
    names = "ABCDEFGHIJKL"[:lpars]
    stays = "".join(name for name in names if generator.random() < fixed)
    if fixed and generator.random() < 0.2:
        dead.append(zones[0][0])  # an LPAR with a frame out of use in it
    made = layout(frames, *zones, retired=dead, fixed=stays, lips=generator.randint(0, 2))
    if generator.random() < 0.5:
        return made, Free(generator.randint(1, free))
    number = generator.randrange(lpars)
    return made, Expand(names[number], zones[number][1] + generator.randint(1, free))


def scattered(
    generator: random.Random, lpars: int, frames: int, filled: float, retired: int = 0, fixed: float = 0.0
) -> tuple[Layout, Goal]:
    """A large storage, filled to a share, with random gaps; the goal is beyond its largest gap."""
    taken = int(frames * filled)
    cuts = [0, *sorted(generator.sample(range(1, taken), lpars - 1)), taken]
    gaps = sorted(generator.choices(range(frames - taken + 1), k=lpars))
    zones = [Zone(low + gap, high - low) for low, high, gap in zip(cuts, cuts[1:], gaps, strict=False)]
    placed = tuple(
        PlacedLpar(f"L{number}", zone, generator.random() >= fixed, ("LIP",))
        for number, zone in enumerate(zones)
    )
    dead: set[int] = set()
    while len(dead) < retired:
        frame = generator.randrange(frames)
        if not any(frame in zone for zone in zones):
            dead.add(frame)
    made = Layout(frames, placed, tuple(sorted(dead)))
    free = [gap.extent for gap in made.gaps()]
    if generator.random() < 0.5:
        return made, Free(generator.randint(min(max(free) + 1, sum(free)), sum(free)))
    chosen = generator.choice(placed)
    return made, Expand(chosen.name, chosen.zone.extent + generator.randint(1, sum(free)))
