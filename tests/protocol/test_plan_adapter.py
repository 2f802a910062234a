"""The map becomes the planner's layout, and its plan becomes steps."""

import pytest
from attrs import frozen

from composite_steps import K, frame
from lparvm.arch.address import Zone
from lparvm.protocol import commands as c
from lparvm.protocol import messages as m
from lparvm.protocol.calibration import Calibration, Kind
from lparvm.protocol.composite_parts import Frame, Planned, PlannedExchange, PlannedMove, Unplanned
from lparvm.protocol.plan_adapter import HELD, PlannerParts, held_areas, planner_of

FRAMES = 64
SPREAD = frame(A=2, B=8, C=20)


@frozen
class Move:
    lpar: str
    target_origin: int


@frozen
class Exchange:
    first: str
    second: str


@frozen
class Found:
    steps: tuple


@frozen
class NotFound:
    reason: str
    proven: bool = True


class Asked:
    """Plays the planner: answers as it is told, and keeps what it was asked."""

    def __init__(self, answer: Found | NotFound):
        self.answer = answer
        parts = PlannerParts(
            layout=lambda count, zones, retired: (count, zones, retired),
            placed=lambda *lpar: lpar,
            free=lambda frames: ("free", frames),
            expand=lambda lpar, frames: ("expand", lpar, frames),
            find_plan=self.find_plan,
            lines=lambda plan: [str(one) for one in plan.steps],
        )
        self.planner = planner_of(parts, FRAMES, lambda lpar: (f"LIP-{lpar}",), Calibration)

    def find_plan(self, layout, goal, predict):
        self.layout, self.goal, self.predict = layout, goal, predict
        return self.answer


def test_the_planner_sees_each_lpar_where_it_is_and_whether_it_can_be_moved():
    asked = Asked(Found(()))
    seen = frame(A=20, B=8, C=2, lost="B", retired=(50,))
    asked.planner(seen, c.Plan(64 * K))
    assert asked.layout == (
        FRAMES,
        (("C", Zone(2, 4), True, ("LIP-C",)), ("B", Zone(8, 4), False, ("LIP-B",)), ("A", Zone(20, 4), True, ("LIP-A",))),
        (50,),
    )  # fmt: skip
    assert asked.goal == ("free", 16)
    assert asked.predict("exchange", 4) == Calibration().predict(Kind.EXCHANGE, 16 * K)


def test_the_goal_of_an_expansion_is_the_new_extent():
    asked = Asked(Found(()))
    plan = asked.planner(SPREAD, c.Plan(64 * K, "B"))
    assert asked.goal == ("expand", "B", 16)
    assert plan.room == "B has room for 64K"


def test_each_step_says_the_layout_it_leads_to():
    plan = Asked(Found((Move("A", 0), Exchange("A", "C")))).planner(SPREAD, c.Plan(16 * K))
    a, b, c_ = Zone(0, 4), Zone(8, 4), Zone(20, 4)
    assert plan == Planned(
        (
            PlannedMove("A", 0, (("A", a), ("B", b), ("C", c_))),
            PlannedExchange("A", "C", (("A", c_), ("B", b), ("C", a))),
        ),
        ("Move(lpar='A', target_origin=0)", "Exchange(first='A', second='C')"),
        "160K from 96K are free in one piece",
    )


def test_the_room_is_around_frames_that_are_out_of_use():
    plan = Asked(Found(())).planner(frame(A=0, retired=(30,)), c.Plan(16 * K))
    assert plan.room == "132K from 124K are free in one piece"


@pytest.mark.parametrize("proven", [True, False])
def test_why_there_is_no_plan_is_the_planner_s_word(proven: bool):
    assert Asked(NotFound("too little", proven)).planner(SPREAD, c.Plan(16 * K)) == Unplanned("too little")


def test_what_operations_hold_beside_the_zones_is_in_the_way():
    # A moves from 2 to 40: frames 40 to 43 are reserved, so the gap above C ends there.
    rows = tuple(
        m.FrameRow(name, origin, 4, gap, "active")
        for name, origin, gap in (("A", 2, 2), ("B", 8, 8), ("C", 20, 16))
    )
    moving = Frame(rows, (), ("A",))
    assert held_areas(moving, FRAMES) == ((HELD, Zone(40, 24)),)
    assert held_areas(Frame(rows), FRAMES) == (), "nothing is under way"
    asked = Asked(Found(()))
    asked.planner(moving, c.Plan(16 * K))
    assert asked.layout[1][0] == ("A", Zone(2, 4), False, ("LIP-A",))
    assert asked.layout[1][-1] == (HELD, Zone(40, 24), False, ())
