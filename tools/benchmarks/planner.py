"""How long PLAN thinks, of fragmented storages of 8, 16 and 64 LPARs, and how good what it finds is.

The layouts are drawn from a seed, and the planner's limits are counts: each repetition does the very same work. The
goals are hard ones: more than the largest gap, up to all that is free. As the service processor plans while others
wait for it, the slowest of the plans counts; to tell a slow machine from a slow planner, the exact search is also
compared with the quick plan that it begins with, on the same layouts.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence

from attrs import frozen

from benchmarks.figures import Figure, Target
from benchmarks.quiet import Rounds
from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.protocol.calibration import Calibration, Kind, Prediction
from lparvm.protocol.plan_model import Expand, Free, Goal, Layout, NoPlan, PlacedLpar, Plan
from lparvm.protocol.plan_windows import plan_by_windows
from lparvm.protocol.planner import find_plan

WORST_TARGET = Target(1000.0)
_FRAMES = 1 << 18
_FILLED = (0.5, 0.7, 0.9)
_EXACT, _SIZES = 8, (8, 16, 64)


@frozen
class Task:
    """A layout, and the room that is wanted."""

    layout: Layout
    goal: Goal


def draw(lpars: int, count: int) -> list[Task]:
    """Tasks of so many LPARs, the same ones each time."""
    generator = random.Random(lpars)
    return [_task(generator, lpars, _FILLED[number % len(_FILLED)]) for number in range(count)]


def _task(generator: random.Random, lpars: int, filled: float) -> Task:
    taken = int(_FRAMES * filled)
    cuts = [0, *sorted(generator.sample(range(1, taken), lpars - 1)), taken]
    gaps = sorted(generator.choices(range(_FRAMES - taken + 1), k=lpars))
    zones = [Zone(low + gap, high - low) for low, high, gap in zip(cuts, cuts[1:], gaps, strict=False)]
    placed = tuple(PlacedLpar(f"LPAR{number}", zone, lips=("LIP",)) for number, zone in enumerate(zones, 1))
    layout = Layout(_FRAMES, placed)
    free = [gap.extent for gap in layout.gaps()]
    if generator.random() < 0.5:
        return Task(layout, Free(generator.randint(min(max(free) + 1, sum(free)), sum(free))))
    one = generator.choice(placed)
    return Task(layout, Expand(one.name, one.zone.extent + generator.randint(1, sum(free))))


def _predict(kind: str, pages: int) -> Prediction:
    return _HISTORY.predict(Kind(kind), pages * PAGE_BYTES)


_HISTORY = Calibration()
_Planner = Callable[[Task], Plan | NoPlan | None]


def _plan(task: Task) -> Plan | NoPlan | None:
    return find_plan(task.layout, task.goal, _predict)


def _quick(task: Task) -> Plan | NoPlan | None:
    return plan_by_windows(task.layout, task.goal, _predict)


def _times_ms(planner: _Planner, tasks: Sequence[Task]) -> list[float]:
    times = []
    for task in tasks:
        began_s = time.perf_counter()
        planner(task)
        times.append(1000 * (time.perf_counter() - began_s))
    return times


def measure_planner(repeats: int, *, count: int = 30) -> list[Figure]:
    """Milliseconds a plan, by the number of LPARs, and what the plans are worth."""
    tasks = {lpars: draw(lpars, count) for lpars in _SIZES}
    rounds = Rounds(repeats)
    taken: dict[int, list[list[float]]] = {lpars: [] for lpars in _SIZES}
    ratios = []
    for _ in rounds:
        for lpars in _SIZES:
            taken[lpars].append(_times_ms(_plan, tasks[lpars]))
        quick = statistics.median(_times_ms(_quick, tasks[_EXACT]))
        ratios.append(statistics.median(taken[_EXACT][-1]) / quick)
    figures = []
    for lpars, times in taken.items():
        medians, worst = ([of(one) for one in times] for of in (statistics.median, max))
        what = f"{lpars} LPARs, {count} fragmented layouts"
        figures += [
            Figure("planner", f"{what}: the median plan", rounds.kept(medians), unit="ms"),
            Figure("planner", f"{what}: the slowest plan", rounds.kept(worst), WORST_TARGET, "ms"),
        ]
    what = f"{_EXACT} LPARs: the median plan, of the quick one that it begins with"
    return [*figures, Figure("planner", what, rounds.kept(ratios)), *_worth(tasks[_EXACT])]


def _worth(tasks: Sequence[Task]) -> list[Figure]:
    """What doesn't depend on time: how often a plan is proven, and what the quick ones move beyond it."""
    proven, ratios = 0, []
    for task in tasks:
        best, quick = _plan(task), _quick(task)
        if isinstance(best, NoPlan) or best is None or not best.exact:
            continue
        proven += 1
        if best.steps and isinstance(quick, Plan):
            ratios.append(quick.cost.moved_bytes / best.cost.moved_bytes)
    return [
        Figure(
            "planner", f"{_EXACT} LPARs: share of plans proven to be the cheapest", (proven / len(tasks),)
        ),
        Figure(
            "planner",
            f"{_EXACT} LPARs: bytes moved by the plans for many, of the least",
            (statistics.mean(ratios or [1.0]),),
            note="mean",
        ),
    ]
