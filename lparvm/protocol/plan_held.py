"""Why there is no plan: because of what operations hold just now, or for better reasons.

Where there would be a plan if what is held were not, the operator should know it: waiting helps then. Asked of the
quick planners only, so that it costs little; where these find nothing the planner's own reason stands.
"""

from attrs import evolve

from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol.plan_model import Goal, Layout, Predict, reached
from lparvm.protocol.plan_repack import plan_by_repacking
from lparvm.protocol.plan_windows import plan_by_windows
from lparvm.units import format_size


def held_in_the_way(
    layout: Layout, goal: Goal, predict: Predict, *, lpars: tuple[str, ...], areas: str
) -> str | None:
    """What is held and is the reason that there is no plan, in words; None: it is not.

    Args:
        layout: main storage, in which there is no plan.
        goal: the room that is wanted.
        predict: how long the guests of a step stand still.
        lpars: LPARs that are not movable only because operations hold them.
        areas: the name, in the layout, of what is held beside zones.
    """
    origins = [format_size(one.zone.origin * PAGE_BYTES) for one in layout.zones if one.name == areas]
    of_lpars = tuple(f"{name} is held by an operation" for name in lpars)
    of_areas = tuple(f"an area from {origin} is held" for origin in origins)
    released = evolve(
        layout, zones=tuple(evolve(one, movable=one.movable or one.name in lpars) for one in layout.zones)
    )
    # The least that explains it.
    for told, without in (
        (of_lpars, released),
        (of_areas, _without(layout, areas)),
        ((*of_lpars, *of_areas), _without(released, areas)),
    ):
        if told and _feasible(without, goal, predict):
            return ", and ".join(told)
    return None


def _without(layout: Layout, areas: str) -> Layout:
    return evolve(layout, zones=tuple(one for one in layout.zones if one.name != areas))


def _feasible(layout: Layout, goal: Goal, predict: Predict) -> bool:
    return reached(layout, goal) or any(
        plan(layout, goal, predict) is not None for plan in (plan_by_windows, plan_by_repacking)
    )
