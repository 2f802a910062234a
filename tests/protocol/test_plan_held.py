"""No plan for what is held just now: that is told, where it is the reason, and what else it is held by is not."""

import pytest
from attrs import evolve

from composite_steps import K, frame
from lparvm.arch.address import Zone
from lparvm.protocol import commands as c
from lparvm.protocol.calibration import Calibration
from lparvm.protocol.composite_parts import Frame, Unplanned
from lparvm.protocol.plan_adapter import planner_of

PLAN = planner_of(64, lambda lpar: (f"LIP-{lpar}",), Calibration)
NEVER = "what can't be moved, and frames out of use, leave no such room"


@pytest.mark.parametrize(
    ("seen", "size", "reason"),
    [
        (frame(A=20, held=("A",)), 200, "A is held by an operation"),
        (evolve(frame(A=0), beside=(Zone(20, 4),)), 200, "an area from 80K is held"),
        (
            evolve(frame(A=20, held=("A",)), beside=(Zone(40, 4),)),
            240,
            "A is held by an operation, and an area from 160K is held",
        ),
        (frame(A=20, lost="A"), 200, NEVER),
        (frame(A=20, B=60, lost="A", held=("B",)), 200, NEVER),
        (frame(A=20, held=("A",)), 300, "300K are wanted, and 240K are free in all"),
        (evolve(frame(A=0), beside=(Zone(20, 4),)), 236, "an area from 80K is held"),
    ],
)
def test_what_is_held_is_named_where_it_is_the_reason(seen: Frame, size: int, reason: str):
    assert PLAN(seen, c.Plan(size * K)) == Unplanned(reason)
