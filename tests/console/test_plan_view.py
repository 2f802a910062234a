"""What `lparvm plan` shows."""

import io

import pytest
from rich.console import Console

from lparvm.console.plan_view import planning_parts
from lparvm.planning import plan_scenario


def shown(goal: str) -> list[str]:
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    for part in planning_parts(plan_scenario("make-room", goal)):
        console.print(part)
    return console.file.getvalue().splitlines()


def test_storage_is_shown_before_and_after_with_the_plan_between():
    lines = shown("FREE 64M")
    places = [
        lines.index("before"),
        next(n for n, line in enumerate(lines) if "MVSTOR" in line),
        lines.index("after"),
    ]
    assert places == sorted(places), f"in another order:\n{chr(10).join(lines)}"


@pytest.mark.parametrize(
    "goal", ["FREE 64M", "FREE 80M", "FREE 96M", "EXPAND LPAR1 SIZE=64M", "EXPAND LPAR3 SIZE=64M"]
)
def test_the_mark_stands_below_the_room(goal: str):
    lines = shown(goal)
    bar, mark = lines[-2], lines[-1]
    first, last = mark.index("^"), mark.rindex("^")
    under = bar[first : last + 1]
    if goal.startswith("FREE"):
        assert set(under) == {"."}, f"the room is not free:\n{bar}\n{mark}"
        assert bar[first - 1] != "." or bar[last + 1] != ".", f"it is somewhere in the gap:\n{bar}\n{mark}"
    else:
        assert len(set(under) - {"."}) == 1, (
            f"the room is the LPAR and what is free behind it:\n{bar}\n{mark}"
        )
    assert mark.endswith(f"^ {goal.rsplit(maxsplit=1)[-1].removeprefix('SIZE=')}")


def test_where_there_is_no_plan_nothing_is_shown_after_it():
    lines = shown("FREE 128M")
    assert lines[-1].strip() == "there is no plan: 128M are wanted, and 96M are free in all"
    assert "after" not in lines
