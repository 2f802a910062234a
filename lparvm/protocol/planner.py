"""The cheapest sequence of moves and exchanges that makes room, or the proof that there is none.

First a good plan: window by window (`plan_windows`), or, where walls divide storage, bay by bay (`plan_repack`). Up to
`config.PLAN_EXACT_LPARS_MAX` movable LPARs it then only bounds the exact search (`plan_search`): A* over orders of
LPARs whose positions stay open (`plan_orders`), for it is not enough to try both ends of each gap. The search ends
after `config.PLAN_NODES_MAX` arrangements, or where their bounds take too many packings; the plan says whether it is
proven. All limits are counts, so the same layout has the same plan on any machine.

No solver is used: the steps depend on each other's order, which makes a poor model for one, and the bound
(`plan_bounds`) leaves so few arrangements that a search in Python is done before a solver were loaded.
"""

from attrs import evolve

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.config import PLAN_EXACT_LPARS_MAX, PLAN_HASTE, PLAN_HASTY_NODES_MAX, PLAN_NODES_MAX
from lparvm.protocol.plan_model import (
    Free,
    Goal,
    Layout,
    NoPlan,
    Plan,
    Predict,
    leaving,
    plan_of,
    reached,
    windows_of,
)
from lparvm.protocol.plan_repack import plan_by_repacking
from lparvm.protocol.plan_search import search
from lparvm.protocol.plan_windows import plan_by_windows
from lparvm.units import format_size


def find_plan(layout: Layout, goal: Goal, predict: Predict) -> Plan | NoPlan:
    """The cheapest plan.

    Args:
        layout: main storage now; it has the LPAR that a goal names.
        goal: the room that is wanted.
        predict: how long the guests of a step stand still.
    """
    if reached(layout, goal):
        return plan_of(layout, goal, (), predict, exact=True)
    if not _has_a_place(layout, goal):
        return NoPlan(_why_never(layout, goal), proven=True)
    found = plan_by_windows(layout, goal, predict) or plan_by_repacking(layout, goal, predict)
    if sum(layout.may_move(one) for one in layout.zones) > PLAN_EXACT_LPARS_MAX:
        return found or NoPlan("none was found", proven=False)
    return _exact(layout, goal, predict, found)


def _exact(layout: Layout, goal: Goal, predict: Predict, found: Plan | None) -> Plan | NoPlan:
    """The cheapest of all: first in haste, for a plan that bounds the search well, then with care."""
    for haste, nodes_max in ((PLAN_HASTE, PLAN_HASTY_NODES_MAX), (1, PLAN_NODES_MAX)):
        below = None if found is None else found.cost.weighed
        steps, certain = search(layout, goal, predict, below=below, nodes_max=nodes_max, haste=haste)
        if steps is not None:
            found = plan_of(layout, goal, steps, predict, exact=certain)
        if certain:
            break
    if found is not None:
        return evolve(found, exact=certain)
    if certain:
        return NoPlan("no sequence of moves and exchanges makes the room", proven=True)
    return NoPlan(f"none was found among {PLAN_NODES_MAX} arrangements", proven=False)


def _has_a_place(layout: Layout, goal: Goal) -> bool:
    """Whether enough is free in all, and somewhere nothing is in the way that can't leave."""
    free = sum(gap.extent for gap in layout.gaps())
    if isinstance(goal, Free):
        return free >= goal.frames and any(True for _ in windows_of(layout, goal.frames, ()))
    one = layout.of(goal.lpar)
    more = goal.frames - one.zone.extent
    if free < more:
        return False
    # Behind it, or, where it can leave, anywhere.
    behind = leaving(layout, Zone(one.zone.end, more), (goal.lpar,)) is not None
    elsewhere = layout.may_move(one) and any(True for _ in windows_of(layout, goal.frames, (goal.lpar,)))
    return behind or elsewhere


def _why_never(layout: Layout, goal: Goal) -> str:
    free = sum(gap.extent for gap in layout.gaps())
    missing = goal.frames if isinstance(goal, Free) else goal.frames - layout.of(goal.lpar).zone.extent
    if free < missing:
        return f"{_size(missing)} are wanted, and {_size(free)} are free in all"
    return "what can't be moved, and frames out of use, leave no such room"


def _size(frames: int) -> str:
    return format_size(frames * PAGE_BYTES)
