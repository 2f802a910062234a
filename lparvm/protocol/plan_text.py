"""A plan for the operator: each step as the command that does it, and what it costs."""

from collections.abc import Iterator

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.protocol.plan_model import Exchange, Free, Goal, NoPlan, Plan, Step, lpars_of, room_for
from lparvm.units import format_duration, format_size


def command_of(step: Step) -> str:
    """The command that does a step; it reads back exactly."""
    if isinstance(step, Exchange):
        return f"XCHSTOR {step.first} {step.second}"
    return f"MVSTOR {step.lpar} HSA={size_text(step.target_origin)}"


def size_text(frames: int) -> str:
    """A size or origin that the command language reads back exactly."""
    size_bytes = frames * PAGE_BYTES
    for unit, letter in ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")):
        if size_bytes and size_bytes % unit == 0:
            return f"{size_bytes // unit}{letter}"
    return str(size_bytes)


def goal_text(goal: Goal) -> str:
    """The goal as it was written."""
    if isinstance(goal, Free):
        return f"FREE {size_text(goal.frames)}"
    return f"EXPAND {goal.lpar} SIZE={size_text(goal.frames)}"


def plan_lines(plan: Plan | NoPlan) -> tuple[str, ...]:
    """All about a plan, a line each."""
    if isinstance(plan, NoPlan):
        return (f"there is no plan: {plan.reason}",)
    return tuple(_lines(plan))


def room_of(plan: Plan) -> Zone:
    """The room that the plan makes."""
    room = room_for(plan.layouts[-1], plan.goal)
    assert room is not None, "a plan reaches its goal"
    return room


def _lines(plan: Plan) -> Iterator[str]:
    if not plan.steps:
        yield f"{goal_text(plan.goal)}: there is the room already: {_room(plan)}"
        return
    for number, (step, stop, before) in enumerate(zip(plan.steps, plan.stops, plan.layouts, strict=False), 1):
        moved = sum(before.of(name).zone.extent for name in lpars_of(step))
        stands = " and ".join(lpars_of(step))
        between = f"{format_duration(stop.low_ns)} to {format_duration(stop.high_ns)}"
        about = format_duration(stop.expected_ns)
        yield (
            f"{number:>3}  {command_of(step):<40} {format_size(moved * PAGE_BYTES):>8}  "
            f"{stands} will stand about {about} ({between})"
        )
    cost = plan.cost
    quality = "no plan moves less" if plan.exact else "a cheaper one may exist"
    yield (
        f"in all {format_size(cost.moved_bytes)} moved, {format_duration(cost.stopped_ns)} of guest processors, "
        f"{cost.guests} LPAR{'' if cost.guests == 1 else 's'}; {quality}"
    )
    yield f"it makes room: {_room(plan)}"


def _room(plan: Plan) -> str:
    room = room_of(plan)
    return f"{format_size(room.extent_bytes)} from {format_size(room.origin_bytes)}"
