"""Faults of a scenario: each strikes at its moment, is told, and is survived."""

import json

import pytest

from lparvm.machine import Options
from lparvm.protocol.results import Result
from lparvm.report import RunReport
from lparvm.runner import run
from lparvm.scenario import parse_scenario
from lparvm.storage.mover import PageMove
from machines import story
from trials import M, command, device, lpar, scenario

A, B = lpar("A", "0"), lpar("B", "1M", lips=2)
MOVE = command("20ms", "MVSTOR B HSA=1152K")


def fault(**keys: object) -> str:
    """A `[[fault]]` of any keys; `when` is written as it is."""
    lines = [f"{name} = {value if name == 'when' else json.dumps(value)}" for name, value in keys.items()]
    return "\n".join(["[[fault]]", *lines])


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PageMove.next_chunk, "__defaults__", (7,))


def _run(*tables: str, duration: str = "200ms") -> tuple[RunReport, list[dict]]:
    events: list[dict] = []
    report = run(
        parse_scenario(scenario(*tables, duration=duration)),
        clock="virtual",
        options=Options(listeners=(lambda event: events.append(dict(event)),)),
    )
    assert report.verdict == "intact", story(report)
    return report, events


def _told(events: list[dict], event: str) -> list[dict]:
    return [one for one in events if one["event"] == event]


@pytest.mark.parametrize("page", [0, 1, 6, 7, 8, 40, 63])
def test_a_mover_fails_at_its_page_and_the_guest_goes_on_where_it_was(page: int):
    move = command("20ms", "MVSTOR B HSA=1152K", "MOVE_FAILED")
    again = command("120ms", "MVSTOR B HSA=1152K")
    report, events = _run(A, B, fault(kind="mover", when=f"{{ page = {page} }}"), move, again)
    ended = _told(events, "move.ended")[0]
    assert (ended["outcome"], ended["pages_across"]) == ("failed", page)
    assert f"after {page} pages" in report.commands[0].message
    assert report.commands[1].result is Result.COMPLETED, "it fails once"
    (told,) = [one for one in _told(events, "operator.messaged") if one["code"] == "LVM080W"]
    assert f"the page mover fails after {page} pages" in told["message"]


@pytest.mark.parametrize("page", [0, 7, 30])
def test_a_frame_that_fails_while_pages_move_is_met_or_not(page: int):
    """The move goes up, from its last page down: what has been read already may fail."""
    bad = fault(kind="storage", target="1028K", when=f"{{ page = {page} }}")
    report, events = _run(A, B, bad, command("20ms", "MVSTOR B HSA=1152K", "STORAGE_FAULT"))
    assert _told(events, "storage.failed")[0]["frame"] == 257
    assert _told(events, "frame.retired")[0]["lpar"] == "B"
    assert [row.origin * 4096 for row in report.frame_after] == [0, M]


@pytest.mark.parametrize(
    "phase", ["ADMITTING", "STOPPING", "QUIESCING", "CHECKING", "MOVING", "NOTIFYING", "RESTARTING"]
)
def test_lpar_control_dies_in_any_phase_and_the_move_completes(phase: str):
    dies = fault(kind="control-dies", when=f"{{ phase = '{phase}' }}")
    disk = device("0190", latency="3ms")
    reading = lpar("B", "1M", guest="machine_guests:Reading", devices=["0190"])
    report, events = _run(A, disk, reading, dies, MOVE, command("150ms", "MVSTOR B HSA=3M"))
    assert [row.origin * 4096 for row in report.frame_after] == [0, 3 * M]
    (failed,), (restarted,) = _told(events, "part.failed"), _told(events, "part.restarted")
    assert restarted["t"] - failed["t"] == 1_000_000
    assert restarted["operations"] == ["op.1"]


@pytest.mark.parametrize("page", [7, 14, 35, 63])
def test_a_death_in_mid_move_makes_no_chunk_cheaper(page: int):
    quiet = lpar("B", "1M", guest="idle")
    dies = fault(kind="control-dies", when=f"{{ phase = 'MOVING', page = {page} }}")
    stood = [_told(_run(A, quiet, *more, MOVE)[1], "guest.stood")[0]["stopped_ns"] for more in ((), (dies,))]
    alone, with_death = stood
    # The supervisor's millisecond is spent beside the chunk that is in flight.
    assert alone <= with_death <= alone + 1_000_000


def test_a_lip_that_hangs_longer_than_stop_refuses_the_move_and_the_others_go_on():
    hangs = fault(kind="lip-stuck", target="LIP2", at="19ms", duration="50ms")
    refused = command("20ms", "MVSTOR B HSA=1152K STOP=10ms", "STOP_TIMED_OUT")
    report, _ = _run(A, B, hangs, refused, command("100ms", "MVSTOR B HSA=1152K"))
    assert "LIP2" in report.commands[0].message
    assert report.commands[1].result is Result.COMPLETED


def test_a_fault_of_another_lpar_or_one_that_never_comes_due_does_nothing():
    never = fault(kind="control-dies", when="{ phase = 'MOVING', lpar = 'A' }")
    late = fault(kind="storage", target="1M", at="10h")
    report, events = _run(A, B, never, late, MOVE)
    assert report.commands[0].result is Result.COMPLETED
    assert _told(events, "part.failed") == _told(events, "storage.failed") == []
    assert report.duration_ns < 10**9, "the run does not wait for faults"
