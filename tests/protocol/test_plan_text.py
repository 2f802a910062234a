"""Plans for the operator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.protocol import commands as c
from lparvm.protocol.command_parser import parse
from lparvm.protocol.plan_model import Exchange, Expand, Free, Move, NoPlan, plan_of
from lparvm.protocol.plan_text import command_of, goal_text, plan_lines, room_of, size_text
from lparvm.protocol.targets import Hsa
from plan_reference import layout, predict

START = layout(1024, (0, 256), (512, 256), (800, 32))


def plan(*steps, goal=None, exact=True):
    return plan_of(START, goal or Free(100), steps, predict, exact=exact)


@given(st.integers(0, 1 << 28))
def test_a_command_reads_back_as_the_step(frames: int):
    command = parse(command_of(Move("LPAR1", frames)))
    assert isinstance(command, c.MoveStor)
    assert (command.lpar, command.target) == ("LPAR1", Hsa(frames * PAGE_BYTES))


def test_an_exchange_reads_back_as_the_step():
    command = parse(command_of(Exchange("LPAR1", "LPAR2")))
    assert isinstance(command, c.ExchangeStor)
    assert {command.first, command.second} == {"LPAR1", "LPAR2"}


@given(st.integers(1, 1 << 28), st.sampled_from([None, "LPAR1"]))
def test_a_goal_reads_back_as_it_was_written(frames: int, lpar: str | None):
    goal = Free(frames) if lpar is None else Expand(lpar, frames)
    command = parse(f"PLAN {goal_text(goal)}")
    assert isinstance(command, c.Plan)
    assert (command.lpar, command.size_bytes) == (lpar, frames * PAGE_BYTES)


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        (0, "0"),
        (1, "4K"),
        (255, "1020K"),
        (256, "1M"),
        (257, "1028K"),
        (1 << 18, "1G"),
        ((1 << 18) + 256, "1025M"),
    ],
)
def test_sizes_have_the_largest_unit_that_is_exact(frames: int, text: str):
    assert size_text(frames) == text


def test_each_step_has_a_line_with_what_it_costs():
    lines = plan_lines(plan(Move("A", 256), Exchange("B", "C"), goal=Free(256)))
    assert len(lines) == 4
    assert lines[0].split()[:4] == ["1", "MVSTOR", "A", "HSA=1M"]
    assert "A will stand about" in lines[0]
    assert "B and C will stand about" in lines[1]
    assert lines[2].startswith("in all 2176K moved, ")
    assert lines[2].endswith("3 LPARs; no plan moves less")
    assert lines[3].startswith("it makes room: 1M from ")


def test_one_lpar_is_not_many_and_what_is_not_proven_is_said_so():
    lines = plan_lines(plan(Move("C", 992), goal=Free(200), exact=False))
    assert lines[-2].endswith("1 LPAR; a cheaper one may exist")


def test_a_plan_without_steps_says_that_there_is_room():
    assert plan_lines(plan(goal=Expand("A", 512))) == (
        "EXPAND A SIZE=2M: there is the room already: 2M from 0",
    )


def test_no_plan_is_one_line():
    assert plan_lines(NoPlan("it is full", proven=True)) == ("there is no plan: it is full",)


def test_the_room_is_where_the_last_step_leaves_it():
    assert room_of(plan(Move("C", 992), goal=Free(200))) == Zone(256, 200)
    assert room_of(plan(Move("B", 260), goal=Free(256))) == Zone(516, 256)
