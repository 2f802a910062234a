import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from lparvm.machine import Options
from lparvm.protocol.engine import Machine
from lparvm.protocol.lifecycle_record import (
    ActivateOperation,
    DeactivateOperation,
    DefineOperation,
    HoldOperation,
    LoadOperation,
    UnholdOperation,
)
from lparvm.protocol.messages import MESSAGES, CancelOperation
from lparvm.protocol.operations import KINDS
from lparvm.protocol.phases import PHASES
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.resizing_record import Expansion, Shrinkage
from lparvm.runner import run
from lparvm.trace.vocabulary import Level

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "protocol.md"
TITLES = {
    Relocation: "MVSTOR and XCHSTOR",
    Expansion: "EXPAND",
    Shrinkage: "SHRINK",
    DefineOperation: "DEFINE",
    ActivateOperation: "ACTIVATE",
    LoadOperation: "IPL",
    HoldOperation: "STOP",
    UnholdOperation: "START",
    DeactivateOperation: "DEACTIVATE",
}
every_machine = pytest.mark.parametrize("record", KINDS, ids=lambda record: record.__name__)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "draw_protocol.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _part(title: str, text: str | None = None) -> str:
    """What stands under a heading, with the headings below it."""
    text = PAGE.read_text() if text is None else text
    level = title.index(" ")
    _, begun, rest = text.partition(f"\n{title}\n")
    assert begun, f"no heading {title}"
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def _section(record: type) -> tuple[Machine, str]:
    return KINDS[record].machine, _part(f"## {TITLES[record]}")


def _cells(line: str) -> list[str]:
    return [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]


# --- the whole page -----------------------------------------------------------------------------------------


def test_the_page_of_the_protocol_is_what_the_tables_say():
    done = _run("--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("drawn", "stale"),
    [
        ("MOVING_BACK --> RESTORING_LIMITS", "MOVING_BACK --> REPORTED"),
        ("| `HOLDING` | `GuestHeld` |", "| `HOLDING` | `GuestReset` |"),
        ("| RM | IOP | `SetAddressLimit` |", "| RM | IOP | `ResetLpar` |"),
        ("## How to read", "## How not to read"),
    ],
)
def test_a_stale_page_is_found_and_drawn_anew(tmp_path: Path, drawn: str, stale: str):
    page = tmp_path / "protocol.md"
    assert drawn in PAGE.read_text()
    page.write_text(PAGE.read_text().replace(drawn, stale))
    done = _run("--check", "--page", str(page))
    assert done.returncode == 1
    assert "is stale: run python tools/draw_protocol.py" in done.stderr
    assert _run("--page", str(page)).returncode == 0
    assert page.read_text() == PAGE.read_text()


def test_a_missing_page_is_stale(tmp_path: Path):
    assert _run("--check", "--page", str(tmp_path / "none.md")).returncode == 1


def test_every_kind_of_operation_is_looked_at_here():
    assert set(TITLES) == set(KINDS)


# --- every machine ------------------------------------------------------------------------------------------


@every_machine
def test_every_transition_that_changes_the_state_is_an_arrow(record: type):
    machine, section = _section(record)
    assert section.count("```mermaid") == 1
    arrows = [line.strip().partition(": ") for line in section.splitlines() if " --> " in line]
    ways = [way for way, _, _ in arrows]
    assert len(ways) == len(set(ways)), "one arrow between two states"
    labels = {way: label for way, _, label in arrows}
    rows = [row for row in machine.table if row.to is not None]
    for row in rows:
        label = labels[f"{row.state} --> {row.to}"]
        if row.event is CancelOperation:
            assert "CANCEL" in label.split(" / ")
        else:
            assert row.event is None or row.event.__name__ in label
            assert row.result is None or row.result in label
    drawn = {f"{row.state} --> {row.to}" for row in rows}
    first, *_ = (way for way in ways if way.startswith("[*]"))
    assert set(ways) == {*drawn, first, "REPORTED --> [*]"}


@every_machine
def test_every_row_stands_in_the_table_of_transitions_in_its_order(record: type):
    machine, section = _section(record)
    table = _part(f"### Transitions of {TITLES[record]}", section)
    lines = [_cells(line) for line in table.splitlines() if line.startswith("| `")]
    assert [(state, event, to, result) for state, event, _, to, result, _ in lines] == [
        (
            str(row.state),
            "at once" if row.event is None else row.event.__name__,
            "stays" if row.to is None else str(row.to),
            "" if row.result is None else str(row.result),
        )
        for row in machine.table
    ]
    undecided = [row.when.__name__ == "always" for row in machine.table]
    assert [line[2] == "always" for line in lines] == undecided


@every_machine
def test_every_state_stands_in_the_table_of_states_with_its_phase(record: type):
    machine, section = _section(record)
    table = _part(f"### States of {TITLES[record]}", section)
    lines = [_cells(line) for line in table.splitlines() if line.startswith("| `")]
    states = {state for row in machine.table for state in (row.state, row.to) if state is not None}
    assert sorted(line[0] for line in lines) == sorted(states)
    for state, phase, _, ordered in lines:
        # Of the last states of an operation it depends on what came before.
        assert phase == PHASES[state] or state in ("RESUMING_IO", "VACATING", "RELEASING", "FREEING")
        assert (ordered == "nothing") == (not machine.entry.get(state))


@every_machine
def test_every_ignored_event_stands_in_the_page_with_its_states_and_a_reason(record: type):
    machine, section = _section(record)
    table = _part(f"### Events that {TITLES[record]} may ignore", section)
    ignored = defaultdict(set)
    for state, event in machine.ignored:
        ignored[event.__name__].add(f"`{state}`")
    told = {}
    for line in table.splitlines():
        if line.startswith("| `"):
            event, states, reason = line.strip("| ").split(" | ")
            told[event.strip("`")] = set(states.split(", "))
            assert reason.endswith(".")
    assert told == ignored


# --- who sends what to whom -----------------------------------------------------------------------------------


def _routes() -> dict[tuple[str, str], set[str]]:
    table = _part("## Who takes part").partition("| from | to | messages |\n|---|---|---|\n")[2]
    rows = [line.strip("| ").split(" | ") for line in table.strip().splitlines()]
    return {(sender, receiver): set(re.findall(r"`(\w+)`", messages)) for sender, receiver, messages in rows}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_every_message_has_a_route(message: type):
    assert any(message.__name__ in messages for messages in _routes().values())


@pytest.mark.parametrize(
    "scenario",
    [
        "exchange", "busy-halt", "cancel", "control-dies", "make-room", "two-paths",
        pytest.param("move-expand", marks=pytest.mark.sweep),  # half a million events
    ],
)  # fmt: skip
def test_a_run_sends_nothing_by_a_route_that_is_not_in_the_page(scenario: str, tmp_path: Path):
    events: list[dict] = []
    options = Options(trace=tmp_path / "t.jsonl", level=Level.IO, listeners=(events.append,))
    run(scenario, clock="virtual", options=options)
    kinds = dict(_kinds(events))
    names = {message.__name__ for message in MESSAGES}
    sent = {(one["actor"], one["to"], one["event"]) for one in events if one["event"] in names}
    routes = _routes()
    assert len({name for _, _, name in sent}) > 20
    for sender, receiver, name in sent:
        others = "other IOPs" if name == "DeviceFreed" else kinds[receiver]
        way = (kinds[sender], "itself" if sender == receiver else others)
        assert name in routes.get(way, ()), f"{name} from {sender} to {receiver}"


def _kinds(events: list[dict]):
    """Actors with what they are."""
    started = next(one for one in events if one["event"] == "machine.started")
    yield from ((name, "IOP") for name in started["iops"])
    for one in events:
        yield from ((lip, "LIP") for lip in one.get("lips") or () if isinstance(lip, str))
        for name in (one["actor"], one.get("to")):
            if name in ("SVP", "LPARCTL", "RM"):
                yield name, name
            elif name is not None and name.startswith("LIPCTL."):
                yield name, "LIPCTL"
