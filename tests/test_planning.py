"""Plans for a scenario's machine: the goal as it is typed, what `--json` says, and bad input by the command line."""

import json
import sys

import pytest

from lparvm.cli import cli
from lparvm.errors import ScenarioError, UsageError
from lparvm.planning import layout_of, plan_scenario
from lparvm.protocol.plan_model import Expand, Free, NoPlan, Plan

M = 1 << 20
# 256M in all; LPAR1 to 4 at 0, 64M, 128M and 176M with 32M, 48M, 32M and 48M: gaps of 32, 16, 16 and 32M.
SCENARIO = "make-room"


def plan(goal: str):
    return plan_scenario(SCENARIO, goal)


@pytest.mark.parametrize("text", ["FREE 64M", "free 64m", "PLAN FREE 64M", "  Plan  Free   65536K "])
def test_a_goal_is_what_plan_takes(text: str):
    assert plan(text).goal == Free(64 * M // 4096)


def test_an_expansion_names_the_new_size():
    assert plan("EXPAND LPAR1 SIZE=64M").goal == Expand("LPAR1", 64 * M // 4096)
    assert plan("EXPAND lpar1 SIZE=64M").goal == Expand("LPAR1", 64 * M // 4096), "names are as in commands"


def test_the_layout_is_the_scenario_s():
    layout = layout_of(plan("FREE 64M").scenario)
    assert [(one.name, one.zone.origin_bytes // M, one.zone.extent_bytes // M) for one in layout.zones] == [
        ("LPAR1", 0, 32), ("LPAR2", 64, 48), ("LPAR3", 128, 32), ("LPAR4", 176, 48),
    ]  # fmt: skip
    assert [len(one.lips) for one in layout.zones] == [1, 2, 1, 1]


def test_the_frame_before_and_after_has_all_gaps():
    planning = plan("FREE 64M")
    assert isinstance(planning.plan, Plan)
    for after in (False, True):
        rows = planning.rows(after=after)
        assert sum(row.size + row.gap for row in rows) + rows[0].origin == 256 * M // 4096
    assert planning.exit_code == 0
    assert planning.room is not None
    assert planning.room.extent_bytes == 64 * M


def test_no_plan_has_no_room_and_another_exit_code():
    planning = plan("FREE 128M")
    assert isinstance(planning.plan, NoPlan)
    assert (planning.exit_code, planning.room) == (1, None)
    assert planning.rows(after=True) == planning.rows(after=False)
    told = planning.as_json()
    assert (told["possible"], told["proven"], told["steps"], told["after"]) == (False, True, [], [])
    assert told["reason"] == "128M are wanted, and 96M are free in all"


def test_json_has_bytes_and_seconds():
    told = plan("FREE 64M").as_json()
    assert told["goal"] == "FREE 64M"
    assert (told["possible"], told["proven"], told["reason"]) == (True, True, None)
    (step,) = told["steps"]
    assert (step["lpars"], step["bytes"]) == (["LPAR1"], 32 * M)
    assert 0 < step["stopped_low_s"] <= step["stopped_s"] <= step["stopped_high_s"] < 10
    assert told["moved_bytes"] == 32 * M
    assert told["before"][0] == {"name": "LPAR1", "origin": 0, "size": 32 * M, "gap": 32 * M}
    assert told["after"][0]["name"] == "LPAR2", "rows are by origin"
    json.dumps(told)


def test_a_room_that_is_there_needs_no_step():
    told = plan("EXPAND LPAR1 SIZE=64M").as_json()
    assert (told["possible"], told["steps"], told["moved_bytes"]) == (True, [], 0)
    assert told["before"] == told["after"]


WRONG = [
    ("", "PLAN"),
    ("PLAN", "PLAN"),
    ("ROOM 64M", "ROOM"),
    ("FREE", "FREE"),
    ("FREE much", "much"),
    ("FREE 64M please", "please"),
    ("FREE 0", "above 0"),
    ("FREE 1000", "whole pages"),
    ("FREE -4K", "-4K"),
    ("EXPAND LPAR9 SIZE=64M", "there is no LPAR LPAR9; expected one of LPAR1, LPAR2, LPAR3, LPAR4"),
    ("EXPAND LPAR1", "SIZE"),
    ("EXPAND LPAR1 SIZE=0", "above 0"),
    ("EXPAND LPAR1 SIZE=65M1", "65M1"),
    ("EXPAND LPAR1 SIZE=32M", "LPAR1 has that much already"),
    ("EXPAND LPAR1 SIZE=4K", "LPAR1 has that much already"),
    ("FREE 64M GO", "GO needs a running machine"),
    ("EXPAND LPAR1 SIZE=64M GO", "GO needs a running machine"),
    ("DISPLAY FRAME", "DISPLAY"),
    ("FREE 64M\nFREE 32M", "FREE"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_a_goal_that_makes_no_sense_is_told_why(text: str, told: str):
    with pytest.raises(UsageError) as caught:
        plan(text)
    assert told in str(caught.value), f"{text!r} is told as {caught.value}"


def test_an_unknown_scenario_is_told():
    with pytest.raises(ScenarioError, match="no-such"):
        plan_scenario("no-such", "FREE 64M")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lparvm", "plan", *words])
        code = cli()
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.mark.parametrize(
    ("scenario", "text"), [("no-such", "FREE 64M"), *((SCENARIO, text) for text, _ in WRONG)]
)
def test_bad_input_is_one_clear_line(scenario: str, text: str, run):
    code, out, err = run(scenario, text)
    assert code == 2, f"{text!r}: {err}"
    assert out == ""
    assert len(err.strip().splitlines()) == 1, f"more than a line for {text!r}:\n{err}"
    assert err.startswith("lparvm: ")
    assert "Traceback" not in err


def test_the_command_line_prints_json(run):
    code, out, err = run(SCENARIO, "FREE 64M", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == plan("FREE 64M").as_json()


def test_the_command_line_shows_that_there_is_no_plan(run):
    code, out, err = run(SCENARIO, "FREE 128M")
    assert (code, err) == (1, "")
    assert "there is no plan: 128M are wanted, and 96M are free in all" in out
    code, out, _ = run(SCENARIO, "FREE 128M", "--json")
    assert code == 1
    assert json.loads(out)["possible"] is False
