"""The protocol's state space: it holds, in what it costs, and as the docs say."""

import re
from pathlib import Path

import pytest

from lparvm.arch.address import Zone
from lparvm.assembly import Parts
from lparvm.errors import UsageError
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.resizing_record import Expansion, Shrinkage
from lparvm.stress.statespace import (
    CONFIGURATIONS,
    Configuration,
    explorations,
    explore,
    find_configuration,
    report_lines,
)
from lparvm.stress.statespace.configuration import Lpar
from lparvm.stress.statespace.rows import RowsTaken

PAGE = Path(__file__).resolve().parents[3] / "docs" / "statespace.md"
SMALL = ("test", "move", "move-io", "move-stuck", "move-down", "cancel-twice", "sale-refused", "expand-deaf")
REDUCED = ("test", "move", "move-stuck", "expand-deaf")


def _counts() -> dict[str, list[int]]:
    """Configuration -> states, transitions, depth and states at rest, as the docs have them; and in all orders."""
    counts = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        row = re.match(r"\| `([\w-]+)` \| .* \| \d, \d, \d \| (.*) \|$", line)
        if row:
            counts[row[1]] = [int(cell.replace(",", "") or 0) for cell in row[2].split(" | ")]
    return counts


def _told(name: str) -> str:
    return "\n".join(report_lines(explorations([name])))


@pytest.mark.parametrize("name", SMALL)
def test_a_small_configuration_holds_and_is_as_large_as_the_docs_say(name: str):
    found = explore(CONFIGURATIONS[name])
    assert found.holds, _told(name)
    counted = [found.states, found.transitions, found.depth, found.at_rest]
    assert _counts()[name][:4] == counted, "run python tools/draw_statespace.py"


@pytest.mark.parametrize("name", REDUCED)
def test_in_all_orders_the_states_at_rest_are_the_same(name: str):
    one, every = explore(CONFIGURATIONS[name]), explore(CONFIGURATIONS[name], reduced=False)
    assert every.holds
    assert every.at_rest == one.at_rest
    assert every.states > one.states
    assert _counts()[name][4] == every.states, "run python tools/draw_statespace.py"


def test_every_configuration_stands_in_the_docs():
    assert list(_counts()) == list(CONFIGURATIONS), "run python tools/draw_statespace.py"


def test_configurations_are_within_the_bounds_that_the_docs_name():
    for one in CONFIGURATIONS.values():
        assert max(len(one.lpars), len(one.lips), len(one.iops)) <= 2, one.name


def test_the_same_is_counted_again():
    assert explore(CONFIGURATIONS["move-stuck"]) == explore(CONFIGURATIONS["move-stuck"])


def test_the_report_tells_the_counts_and_that_all_holds():
    lines = list(report_lines(explorations(["move", "test"])))
    assert lines[0].split() == ["configuration", "states", "transitions", "depth", "at", "rest"]
    assert lines[1].split() == ["move", "54", "62", "28", "2", "holds"]
    assert lines[-1] == "2 configurations: every invariant holds"


def test_the_limit_of_states_is_told_as_what_it_is():
    one = CONFIGURATIONS["move"]
    lines = list(report_lines([(one, explore(one, states_max=20))]))
    assert "not all states were looked at" in lines[1]
    assert lines[-1] == "1 configurations: 1 of them do not hold"


def test_an_unknown_configuration_is_refused_with_those_that_there_are():
    with pytest.raises(UsageError, match="there is no configuration 'mvoe'; expected one of test, move, "):
        find_configuration("mvoe")
    with pytest.raises(UsageError, match="no configuration 'nothing'"):
        explorations(["nothing"])


@pytest.mark.parametrize("text", ["MVSTOR A HSA=4K EXPAND=A", "DISPLAY FRAME", "MVSTOR A HSA=1"])
def test_a_command_that_is_not_one_operation_is_refused(text: str):
    one = Configuration("x", "", 4, (Lpar("A", Zone(0, 1), ("LIP1",)),), (text,))
    with pytest.raises(UsageError, match="not a command that the state space has"):
        explore(one)


@pytest.mark.sweep
def test_every_configuration_holds_as_counted_and_together_they_take_every_row():
    taken, counts = RowsTaken(), _counts()
    for name, one in CONFIGURATIONS.items():
        found = explore(one, Parts(advance=taken.advance))
        assert found.holds, _told(name)
        assert counts[name][:4] == [found.states, found.transitions, found.depth, found.at_rest], name
    assert taken.missed(Relocation) == []
    assert taken.missed(Expansion) == []
    # What MVSTOR has by BUSY=, SHRINK has not.
    without_busy = {"REMINDING", "WAITING_ON", "HALTING", "CLEARING", "CLEARING_IN_VAIN"}
    assert {state for state, _ in taken.missed(Shrinkage)} <= without_busy


@pytest.mark.sweep
@pytest.mark.parametrize(
    "name", [one.name for one in CONFIGURATIONS.values() if not (one.large or one.pairwise)]
)
def test_in_all_orders_every_configuration_that_is_not_large_holds_too(name: str):
    one, every = explore(CONFIGURATIONS[name]), explore(CONFIGURATIONS[name], reduced=False)
    assert every.holds, _told(name)
    assert every.at_rest == one.at_rest
