"""A plan for a scenario's machine as it begins; nothing is run."""

from typing import Any

from attrs import frozen

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.errors import CommandError, UsageError
from lparvm.protocol import commands as c
from lparvm.protocol.calibration import Calibration, Kind
from lparvm.protocol.command_parser import parse
from lparvm.protocol.messages import FrameRow
from lparvm.protocol.plan_model import (
    Expand,
    Free,
    Goal,
    Layout,
    NoPlan,
    PlacedLpar,
    Plan,
    lpars_of,
)
from lparvm.protocol.plan_text import command_of, goal_text, room_of
from lparvm.protocol.planner import find_plan
from lparvm.scenario import Scenario, load_scenario
from lparvm.units import seconds


@frozen
class Planning:
    """A plan, or that there is none, and the machine that it is for."""

    scenario: Scenario
    goal: Goal
    plan: Plan | NoPlan

    @property
    def exit_code(self) -> int:
        """0 where there is a plan, or nothing to do."""
        return 0 if isinstance(self.plan, Plan) else 1

    @property
    def room(self) -> Zone | None:
        """The room that the plan makes."""
        return room_of(self.plan) if isinstance(self.plan, Plan) else None

    def rows(self, *, after: bool) -> tuple[FrameRow, ...]:
        """The LPAR frame, before the first step or after the last."""
        layout = layout_of(self.scenario)
        if after and isinstance(self.plan, Plan):
            layout = self.plan.layouts[-1]
        ends = [one.zone.origin for one in layout.zones[1:]] + [layout.frame_count]
        return tuple(
            FrameRow(one.name, one.zone.origin, one.zone.extent, end - one.zone.end, "planned")
            for one, end in zip(layout.zones, ends, strict=True)
        )

    def as_json(self) -> dict[str, Any]:
        """For `--json`. Sizes are bytes, times seconds."""
        plan = self.plan
        found = isinstance(plan, Plan)
        return {
            "scenario": self.scenario.name,
            "goal": goal_text(self.goal),
            "possible": found,
            "proven": plan.exact if isinstance(plan, Plan) else plan.proven,
            "reason": None if isinstance(plan, Plan) else plan.reason,
            "steps": _steps(plan) if isinstance(plan, Plan) else [],
            "moved_bytes": plan.cost.moved_bytes if isinstance(plan, Plan) else None,
            "before": _rows(self.rows(after=False)),
            "after": _rows(self.rows(after=True)) if found else [],
        }


def _steps(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "command": command_of(step), "lpars": list(lpars_of(step)),
            "bytes": sum(before.of(name).zone.extent_bytes for name in lpars_of(step)),
            "stopped_s": seconds(stop.expected_ns), "stopped_low_s": seconds(stop.low_ns),
            "stopped_high_s": seconds(stop.high_ns),
        }
        for step, stop, before in zip(plan.steps, plan.stops, plan.layouts, strict=False)
    ]  # fmt: skip


def _rows(rows: tuple[FrameRow, ...]) -> list[dict[str, Any]]:
    return [
        {"name": row.name, "origin": row.origin * PAGE_BYTES, "size": row.size * PAGE_BYTES,
         "gap": row.gap * PAGE_BYTES}
        for row in rows
    ]  # fmt: skip


def layout_of(scenario: Scenario) -> Layout:
    """Main storage as the scenario begins."""
    zones = (PlacedLpar(lpar.name, lpar.zone, lips=lpar.lips) for lpar in scenario.lpars)
    return Layout(scenario.main_storage_frames, tuple(sorted(zones, key=lambda one: one.zone)))


def plan_scenario(name: str, text: str) -> Planning:
    """Plan for a scenario.

    Args:
        name: a built-in scenario, or a file.
        text: what PLAN takes, such as `FREE 200M` or `EXPAND LPAR1 SIZE=300M`.

    Raises:
        ScenarioError: the scenario is wrong.
        UsageError: the text is no goal, or one that the scenario can't have.
    """
    scenario = load_scenario(name)
    words = text.split()
    if words and words[0].upper() == "PLAN":
        words = words[1:]
    try:
        command = parse(" ".join(["PLAN", *words]))
    except CommandError as error:
        raise UsageError(str(error)) from None
    assert isinstance(command, c.Plan), "PLAN reads as a plan"
    if command.go:
        problem = "GO needs a running machine; expected the goal alone, or PLAN ... GO in `lparvm console`"
        raise UsageError(f"'{text}': {problem}")
    goal = _goal(scenario, command, text)
    history = Calibration()
    return Planning(
        scenario,
        goal,
        find_plan(
            layout_of(scenario), goal, lambda kind, pages: history.predict(Kind(kind), pages * PAGE_BYTES)
        ),
    )


def _goal(scenario: Scenario, command: c.Plan, text: str) -> Goal:
    if command.size_bytes % PAGE_BYTES:
        raise UsageError(
            f"'{text}': the size is no multiple of {PAGE_BYTES}; expected a number of whole pages"
        )
    frames = command.size_bytes // PAGE_BYTES
    if command.lpar is None:
        return Free(frames)
    sizes = {lpar.name: lpar.zone.extent for lpar in scenario.lpars}
    if command.lpar not in sizes:
        raise UsageError(f"'{text}': there is no LPAR {command.lpar}; expected one of {', '.join(sizes)}")
    if frames <= sizes[command.lpar]:
        raise UsageError(f"'{text}': {command.lpar} has that much already; expected a size above its own")
    return Expand(command.lpar, frames)
