"""Between PLAN and the planner: what the map says becomes the planner's layout, its plan becomes steps.

The only module that knows both. `composite` works with steps that each say what layout they lead to; the
planner with layouts, goals and plans of its own.
"""

from collections.abc import Callable, Sequence

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.exchange_geometry import exchange_targets
from lparvm.protocol import commands as c
from lparvm.protocol import plan_model
from lparvm.protocol.calibration import Calibration, Kind, Prediction
from lparvm.protocol.composite_parts import (
    Frame,
    Layout,
    Planned,
    PlannedExchange,
    PlannedMove,
    PlannedStep,
    Planner,
    Unplanned,
)
from lparvm.protocol.plan_held import held_in_the_way
from lparvm.protocol.plan_text import plan_lines
from lparvm.protocol.planner import find_plan
from lparvm.units import format_size

# What LPARs hold beside their zones; no LPAR can have that name.
HELD = "(held)"


def planner_of(
    frame_count: int, lips: Callable[[str], tuple[str, ...]], calibration: Callable[[], Calibration]
) -> Planner:
    """What PLAN asks for its plans.

    Args:
        frame_count: frames of main storage.
        lips: an LPAR -> the LIPs that run it now.
        calibration: a look at the history of stops: predicts what each step costs.
    """

    def planner(frame: Frame, command: c.Plan) -> Planned | Unplanned:
        frames = command.size_bytes // PAGE_BYTES
        if command.lpar is None:
            goal: plan_model.Goal = plan_model.Free(frames)
        elif command.lpar in dict(frame.layout):
            goal = plan_model.Expand(command.lpar, frames)
        else:
            return Unplanned(f"there is no LPAR {command.lpar}")
        history = calibration()

        def predict(kind: str, pages: int) -> Prediction:
            return history.predict(Kind(kind), pages * PAGE_BYTES)

        layout = _layout(frame, frame_count, lips)
        plan = find_plan(layout, goal, predict)
        if isinstance(plan, plan_model.NoPlan):
            held = tuple(name for name, _ in frame.layout if frame.only_held(name))
            in_the_way = held_in_the_way(layout, goal, predict, lpars=held, areas=HELD)
            return Unplanned(in_the_way or plan.reason)
        steps = steps_of(frame.layout, plan.steps)
        after = steps[-1].after if steps else frame.layout
        return Planned(steps, plan_lines(plan), _room(after, frame, frame_count, command))

    return planner


def _layout(frame: Frame, frame_count: int, lips: Callable[[str], tuple[str, ...]]) -> plan_model.Layout:
    zones = [
        plan_model.PlacedLpar(name, zone, frame.movable(name), lips(name)) for name, zone in frame.layout
    ]
    zones += [plan_model.PlacedLpar(HELD, area, movable=False) for area in frame.beside]
    return plan_model.Layout(
        frame_count, tuple(sorted(zones, key=lambda one: one.zone)), tuple(sorted(frame.retired))
    )


def steps_of(layout: Layout, plan: Sequence[plan_model.Step]) -> tuple[PlannedStep, ...]:
    """The planner's steps, each with the layout that it leads to."""
    at, steps = dict(layout), list[PlannedStep]()
    for step in plan:
        if isinstance(step, plan_model.Move):
            at[step.lpar] = Zone(step.target_origin, at[step.lpar].extent)
            steps.append(PlannedMove(step.lpar, step.target_origin, _sorted(at)))
        else:
            at[step.first], at[step.second] = exchange_targets(at[step.first], at[step.second])
            steps.append(PlannedExchange(step.first, step.second, _sorted(at)))
    return tuple(steps)


def _sorted(zones: dict[str, Zone]) -> Layout:
    return tuple(sorted(zones.items()))


def _room(layout: Layout, frame: Frame, frame_count: int, command: c.Plan) -> str:
    """What there is room for after the plan, in words: the largest free area, or the LPAR's new size."""
    size = format_size(command.size_bytes)
    if command.lpar is not None:
        return f"{command.lpar} has room for {size}"
    taken = [*(zone for _, zone in layout), *frame.beside]
    taken += [Zone(number, 1) for number in frame.retired]
    largest, end = Zone(0, 0), 0
    for zone in (*sorted(taken), Zone(frame_count, 0)):
        if zone.origin - end > largest.extent:
            largest = Zone(end, zone.origin - end)
        end = max(end, zone.end)
    return (
        f"{format_size(largest.extent_bytes)} from {format_size(largest.origin_bytes)} are free in one piece"
    )
