"""The map becomes the planner's layout, and its plan becomes steps."""

import pytest

from composite_steps import K, frame
from lparvm.arch.address import Zone
from lparvm.protocol import commands as c
from lparvm.protocol import plan_adapter
from lparvm.protocol.calibration import Calibration, Kind
from lparvm.protocol.composite_parts import Frame, Planned, PlannedExchange, PlannedMove, Unplanned
from lparvm.protocol.plan_adapter import HELD, planner_of
from lparvm.protocol.plan_model import (
    Exchange,
    Expand,
    Free,
    Goal,
    Layout,
    Move,
    NoPlan,
    PlacedLpar,
    Plan,
    Predict,
    Step,
    plan_of,
)

FRAMES = 64
SPREAD = frame(A=2, B=8, C=20)


class Asked:
    """Stands before the planner: keeps what it is asked, and answers with these steps in place of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: tuple[Step, ...] | NoPlan = ()):
        self.steps = steps
        monkeypatch.setattr(plan_adapter, "find_plan", self.find_plan)
        self.planner = planner_of(FRAMES, lambda lpar: (f"LIP-{lpar}",), Calibration)

    def find_plan(self, layout: Layout, goal: Goal, predict: Predict) -> Plan | NoPlan:
        self.layout, self.goal, self.predict = layout, goal, predict
        if isinstance(self.steps, NoPlan):
            return self.steps
        return plan_of(layout, goal, self.steps, predict, exact=True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def test_the_planner_sees_each_lpar_where_it_is_and_whether_it_can_be_moved(asked: Asked):
    seen = frame(A=20, B=8, C=2, lost="B", retired=(50,))
    asked.planner(seen, c.Plan(64 * K))
    assert asked.layout == Layout(
        FRAMES,
        (
            PlacedLpar("C", Zone(2, 4), True, ("LIP-C",)),
            PlacedLpar("B", Zone(8, 4), False, ("LIP-B",)),
            PlacedLpar("A", Zone(20, 4), True, ("LIP-A",)),
        ),
        (50,),
    )
    assert asked.goal == Free(16)
    assert asked.predict("exchange", 4) == Calibration().predict(Kind.EXCHANGE, 16 * K)


def test_the_goal_of_an_expansion_is_the_new_extent(asked: Asked):
    plan = asked.planner(frame(A=2, B=8, C=30), c.Plan(64 * K, "B"))
    assert asked.goal == Expand("B", 16)
    assert plan.room == "B has room for 64K"


def test_each_step_says_the_layout_it_leads_to(monkeypatch: pytest.MonkeyPatch):
    plan = Asked(monkeypatch, (Move("A", 0), Exchange("A", "C"))).planner(SPREAD, c.Plan(16 * K))
    assert isinstance(plan, Planned)
    a, b, c_ = Zone(0, 4), Zone(8, 4), Zone(20, 4)
    assert plan.steps == (
        PlannedMove("A", 0, (("A", a), ("B", b), ("C", c_))),
        PlannedExchange("A", "C", (("A", c_), ("B", b), ("C", a))),
    )
    assert plan.room == "160K from 96K are free in one piece"
    assert [line.split()[1:3] for line in plan.lines[:2]] == [["MVSTOR", "A"], ["XCHSTOR", "A"]]


def test_the_planner_s_own_plan_is_taken():
    planner = planner_of(FRAMES, lambda lpar: (f"LIP-{lpar}",), Calibration)
    plan = planner(SPREAD, c.Plan(200 * K))
    assert isinstance(plan, Planned)
    assert plan.steps, "50 frames are in no piece yet"
    largest = int(plan.room.split("K")[0])
    assert largest >= 200, plan.room
    assert planner(SPREAD, c.Plan(300 * K)) == Unplanned("300K are wanted, and 208K are free in all")


def test_the_room_is_around_frames_that_are_out_of_use(asked: Asked):
    plan = asked.planner(frame(A=0, retired=(30,)), c.Plan(16 * K))
    assert plan.room == "132K from 124K are free in one piece"


@pytest.mark.parametrize("proven", [True, False])
def test_why_there_is_no_plan_is_the_planner_s_word(proven: bool, monkeypatch: pytest.MonkeyPatch):
    answer = Asked(monkeypatch, NoPlan("too little", proven)).planner(SPREAD, c.Plan(16 * K))
    assert answer == Unplanned("too little")


def test_an_lpar_that_is_not_in_storage_has_no_plan(asked: Asked):
    assert asked.planner(SPREAD, c.Plan(64 * K, "D")) == Unplanned("there is no LPAR D")


def test_what_lpars_hold_beside_their_zones_is_in_the_way(asked: Asked):
    # A moves from 2 to 40.
    seen = Frame(SPREAD.rows, (), ("A",), (Zone(40, 4),))
    plan = asked.planner(seen, c.Plan(16 * K))
    assert asked.layout.zones[0] == PlacedLpar("A", Zone(2, 4), False, ("LIP-A",))
    assert asked.layout.zones[-1] == PlacedLpar(HELD, Zone(40, 4), movable=False)
    assert plan.room == "80K from 176K are free in one piece", "behind what is held"
