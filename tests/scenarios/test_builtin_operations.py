"""The built-in scenarios of operations beyond a plain move, each under both clocks: they do what their comments tell."""

from collections.abc import Iterator

import pytest

from builtin_runs import Told, forget_runs, told
from lparvm.protocol.results import Result
from lparvm.runner import Clock


@pytest.fixture(params=["virtual"])  # that each ends well under the real clock too, `test_builtin` sees
def clock(request: pytest.FixtureRequest) -> Clock:
    return request.param


@pytest.fixture(scope="module", autouse=True)
def _forget_runs() -> Iterator[None]:
    yield
    forget_runs()


def _results(run_told: Told) -> list[Result]:
    return [command.result for command in run_told.report.commands]


def test_move_expand_moves_then_expands_while_both_guests_run(clock: Clock) -> None:
    run_told = told("move-expand", clock)
    first, _, _, last = run_told.report.commands
    (moved,) = run_told.of("zone.moved", op=f"{first.operation}.1")
    (grown,) = run_told.of("zone.resized", op=f"{first.operation}.2")
    assert (moved["lpar"], grown["lpar"]) == ("LPAR2", "LPAR1")
    assert moved["t"] <= grown["t"], "the expansion comes when the moved LPAR runs again"
    assert run_told.of("lip.stopped", lpar="LPAR1") == [], "LPAR1 keeps running"
    assert last.result is Result.MOVED_NOT_EXPANDED
    assert "180M" in last.message, "the message says both"
    assert "no room" in last.message
    assert run_told.zones() == {"LPAR1": (0, 150, 30), "LPAR2": (180, 300, 29)}


def test_exchange_uses_all_of_main_storage_and_comes_back(clock: Clock) -> None:
    run_told = told("exchange", clock)
    assert all(row.gap == 0 for row in run_told.report.frame_before), "nothing is free"
    moved = [(one["lpar"], one["origin_frame"] // 256) for one in run_told.of("zone.moved")]
    assert sorted(moved[:2]) == [("LPAR1", 309), ("LPAR2", 0)]
    assert run_told.zones() == {"LPAR1": (0, 200, 0), "LPAR2": (200, 309, 0)}


def test_make_room_plans_moves_and_then_a_new_partition_moves_in(clock: Clock) -> None:
    run_told = told("make-room", clock)
    asked, went, *lives, grown, never = run_told.report.commands
    assert asked.pages == 0, "PLAN without GO moves nothing"
    assert went.pages == 32 * 256, "one LPAR of 32 MB is the least that must move"
    assert [command.text.split()[0] for command in lives] == ["DEFINE", "ACTIVATE", "IPL"]
    assert grown.result is Result.COMPLETED
    assert never.result is Result.NO_PLAN
    zones = run_told.zones()
    assert zones["LPAR5"][1] == 40
    assert zones["LPAR1"][1] == 64


def test_cancel_gives_both_operations_back(clock: Clock) -> None:
    run_told = told("cancel", clock)
    assert _results(run_told) == [
        Result.CANCELLED, Result.COMPLETED, Result.CANCELLED, Result.COMPLETED, Result.COMPLETED,
    ]  # fmt: skip
    assert [one["lpar"] for one in run_told.of("zone.moved")] == ["LPAR2"], "only the last move stood"
    inverse = [one["inverse"] for event in ("move.started", "exchange.started") for one in run_told.of(event)]
    assert inverse.count(True) == 2, "both went back page by page"


def test_bad_frames_are_out_of_use_and_nothing_is_lost(clock: Clock) -> None:
    run_told = told("bad-frame", clock)
    assert [(one["frame"], one["lpar"]) for one in run_told.of("frame.retired")] == [
        (25600, None), (23040, "LPAR2"),
    ]  # fmt: skip
    assert run_told.report.as_json()["out_of_use"] == [90 << 20, 100 << 20]
    frame, storage = run_told.report.commands[-2:]
    assert any("frame 25600" in line for line in frame.lines)
    assert any("x" in line for line in storage.lines)


def test_control_dies_in_every_phase_and_both_operations_complete(clock: Clock) -> None:
    run_told = told("control-dies", clock)
    assert len(run_told.of("part.restarted")) == 5
    assert set(_results(run_told)) == {Result.COMPLETED}


def test_the_conventional_way_loses_what_the_guest_held(clock: Clock) -> None:
    run_told = told("conventional", clock)
    assert [command.text.split()[0] for command in run_told.report.commands] == (
        ["DEACTIVATE", "DEFINE", "ACTIVATE", "IPL"]
    )
    answered = [command.answered_ns for command in run_told.report.commands]
    given = [command.at_ns for command in run_told.report.commands]
    assert all(at_ns >= before_ns for at_ns, before_ns in zip(given[1:], answered, strict=False)), (
        "one after another"
    )
    guest = next(one for one in run_told.report.guests if one.lpar == "LPAR2")
    (lost,) = guest.lives
    assert lost.steps > 0, "its work is lost"
    assert run_told.zones() == told("figure-3", clock).zones(), "it ends where MVSTOR would have brought it"
