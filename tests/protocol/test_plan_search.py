"""The exact search: what bounds it, and what it takes for a wall."""

import pytest

from lparvm.protocol.plan_model import Expand, Free, Move
from lparvm.protocol.plan_search import search
from plan_reference import layout, predict

START = layout(14, (10, 3), (4, 2), (2, 2), (0, 1))
GOAL = Expand("D", 7)


def found(below: int | None = None, nodes_max: int = 1000, start=START, goal=GOAL):
    return search(start, goal, predict, below=below, nodes_max=nodes_max)


def test_it_finds_the_cheapest_steps():
    steps, certain = found()
    assert certain
    assert len(steps) == 3


def test_nothing_is_below_the_cheapest():
    steps, _ = found()
    from lparvm.protocol.plan_model import plan_of

    cost = plan_of(START, GOAL, steps, predict, exact=True).cost.weighed
    assert found(below=cost) == (None, True), "none is cheaper, and that is certain"
    assert found(below=cost + 1) == (steps, True)


def test_it_ends_after_so_many_arrangements():
    assert found(nodes_max=2) == (None, False)


def test_where_no_set_can_move_it_ends_at_once():
    assert found(start=layout(11, (0, 3), (7, 3), retired=(5,)), goal=Free(4), nodes_max=0) == (None, True)


@pytest.mark.parametrize(
    ("start", "goal", "steps"),
    [
        (layout(12, (0, 2), (6, 3), retired=(4,)), Free(5), None),
        (layout(12, (0, 2), (6, 3), retired=(4,)), Free(6), None),
        # Two retired frames with one free between them are one wall: nothing fits there.
        (layout(12, (5, 2), (9, 2), retired=(2, 4)), Free(5), (Move("B", 0),)),
        # A frame out of use within an LPAR makes it a wall as a whole.
        (layout(12, (0, 3), (5, 2), retired=(1,)), Free(6), (Move("B", 3),)),
        (layout(12, (3, 1), (5, 2), retired=(3,)), Expand("A", 4), (Move("B", 7),)),
        # The first and last frames of storage are taken.
        (layout(8, (0, 2), (4, 2), (6, 2)), Free(2), ()),
    ],
)
def test_walls_are_in_the_way(start, goal, steps):
    got, certain = found(start=start, goal=goal)
    assert certain
    if steps is not None:
        assert got is not None
        assert [step.lpar for step in got] == [step.lpar for step in steps], f"{goal} from {start}: {got}"
