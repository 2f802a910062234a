"""The built-in scenarios, each under both clocks: they end as their comments tell."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from builtin_runs import M, Told, forget_runs, told
from lparvm.protocol.results import Result
from lparvm.runner import Clock
from lparvm.scenario import builtin_names, load_scenario

NAMES = (
    "bad-frame", "busy-halt", "busy-wait", "cancel", "control-dies", "conventional", "crowd", "down", "exchange",
    "figure-1", "figure-3", "late-io", "make-room", "move-expand", "occupied", "shared-disk", "stuck-device",
    "tape-copy", "two-paths",
)  # fmt: skip


@pytest.fixture(params=["virtual", "real"])
def clock(request: pytest.FixtureRequest) -> Clock:
    return request.param


@pytest.fixture(scope="module", autouse=True)
def _forget_runs() -> Iterator[None]:
    yield
    forget_runs()


def test_the_built_in_scenarios_are_the_ones_tested_here() -> None:
    assert builtin_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_title_and_lasts_two_to_four_seconds(name: str) -> None:
    scenario = load_scenario(name)
    assert (scenario.name, bool(scenario.title)) == (name, True)
    assert 2_000_000_000 <= scenario.run.duration_ns <= 4_000_000_000


@pytest.mark.parametrize("name", NAMES)
def test_each_ends_intact_and_as_expected(name: str, clock: Clock) -> None:
    report = told(name, clock).report
    assert report.verdict == "intact", (report.rules, report.commands, report.guests)
    assert [rule for rule in report.rules if rule.verdict != "held"] == []
    assert all(guest.steps > 0 for guest in report.guests), "a guest did no verified work"


def test_figure_3_ends_as_figure_4(clock: Clock) -> None:
    run_told = told("figure-3", clock)
    before = {
        row.name: (row.origin // M, row.size // M, row.gap // M) for row in run_told.report.frame_before
    }
    assert before == {"LPAR1": (0, 128, 0), "LPAR2": (128, 256, 125)}
    assert run_told.zones() == {"LPAR1": (0, 128, 64), "LPAR2": (192, 256, 61)}
    (started,) = run_told.of("move.started")
    assert started["direction"] == "descending"


def test_down_moves_from_the_bottom_up(clock: Clock) -> None:
    run_told = told("down", clock)
    assert run_told.zones() == {"LPAR1": (0, 128, 0), "LPAR2": (128, 256, 125)}
    (started,) = run_told.of("move.started")
    assert started["direction"] == "ascending"


def test_figure_1_shares_lip4_and_one_disk(clock: Clock) -> None:
    run_told = told("figure-1", clock)
    assert {name: zone[0] for name, zone in run_told.zones().items()} == {
        "LPAR1": 0, "LPAR2": 64, "LPAR3": 160, "LPAR4": 112,
    }  # fmt: skip
    assert {event["lpar"] for event in run_told.of("slice.ended", lip="LIP4")} == {"LPAR3", "LPAR4"}
    assert {event["lpar"] for event in run_told.of("transfer.ended", device="0190")} == set(run_told.zones())


def test_a_stuck_device_is_named_and_the_guest_runs_on(clock: Clock) -> None:
    run_told = told("stuck-device", clock)
    (command,) = run_told.report.commands
    assert command.result is Result.QUIESCE_TIMED_OUT
    assert any(device.device == 0x191 for device in command.busy_devices)
    (answered,) = run_told.of("command.answered")
    after = [event for event in run_told.of("slice.ended", lpar="LPAR2") if event["t"] > answered["t"]]
    assert sum(event["stores"] for event in after) > 0, "the guest stored nothing after the refused move"
    assert run_told.zones()["LPAR2"] == (32, 32, 64)


def test_occupied_stops_nobody_early_and_loses_the_target_at_203(clock: Clock) -> None:
    run_told = told("occupied", clock)
    early, late, winner = run_told.report.commands
    assert (early.result, early.lips) == (Result.TARGET_OCCUPIED, ()), "the early check stopped the guest"
    assert "LPAR2" in early.message
    assert late.result is Result.TARGET_TAKEN
    assert len(late.lips) == 2, "the second refusal comes after the guest was stopped"
    assert any(device.device == 0x191 for device in late.busy_devices)
    assert "LPAR3" in late.message
    assert winner.result is Result.COMPLETED
    assert run_told.zones()["LPAR1"][0] == 0


def test_crowd_moves_all_sixteen_several_at_a_time(clock: Clock) -> None:
    run_told = told("crowd", clock)
    before = {row.name: row.origin for row in run_told.report.frame_before}
    moved = [row.name for row in run_told.report.frame_after if row.origin != before[row.name]]
    assert len(moved) == 16
    assert {event["direction"] for event in run_told.of("move.started")} == {"ascending", "descending"}
    changes = [(event["t"], 1) for event in run_told.of("command.received")]
    changes += [(event["t"], -1) for event in run_told.of("command.answered")]
    under_way = most = 0
    for _, change in sorted(changes):
        under_way += change
        most = max(most, under_way)
    assert most > 1, "no two moves were under way at once"


def test_no_target_in_crowd_touches_anyone_else() -> None:
    scenario = load_scenario("crowd")
    targets = {command.text.split()[1]: command.text.split("HSA=")[1] for command in scenario.commands}
    assert len(targets) == len(scenario.lpars), "each LPAR moves once: a second move might come too early"
    reach = []
    for lpar in scenario.lpars:
        origin = int(targets[lpar.name].removesuffix("M")) * M
        reach.append((min(origin, lpar.zone.origin), max(origin + lpar.zone.extent, lpar.zone.end)))
    assert all(low[1] <= high[0] for low, high in pairwise(sorted(reach)))


def _naming(run_told: Told, number: str) -> list[dict[str, Any]]:
    """Messages of 202 that name a device."""
    return [one for one in run_told.of("operator.messaged", code="LVM032W") if number in one["message"]]


def test_two_paths_quiesces_one_iop_at_once_and_the_other_slowly(clock: Clock) -> None:
    run_told = told("two-paths", clock)
    moves = [command for command in run_told.report.commands if command.text.startswith("MVSTOR")]
    took_ns = []
    for command in moves:
        op = command.operation
        (asked_ns,) = {event["t"] for event in run_told.of("phase.entered", op=op, phase="QUIESCING")}
        quiet_ns = {event["iop"]: event["t"] - asked_ns for event in run_told.of("iop.quiesced", op=op)}
        assert set(quiet_ns) == {"IOP1", "IOP2"}
        assert {event["iop"] for event in run_told.of("sale.set", op=op)} == {"IOP1", "IOP2"}
        took_ns.append((quiet_ns["IOP1"], quiet_ns["IOP2"]))
    if clock == "virtual":
        assert any(slow > 20_000_000 and fast < 5_000_000 for slow, fast in took_ns), took_ns


def test_two_paths_takes_the_other_path_while_one_is_varied_off(clock: Clock) -> None:
    run_told = told("two-paths", clock)
    off, on = (event["t"] for event in run_told.of("path.varied"))
    begun = run_told.of("start.begun", device="0192")
    assert {event["iop"] for event in begun if off < event["t"] < on} == {"IOP2"}
    assert {event["iop"] for event in begun if event["t"] > on} == {"IOP1", "IOP2"}


def test_late_io_refuses_the_late_transfer_and_damages_nothing(clock: Clock) -> None:
    run_told = told("late-io", clock)
    (refused,) = run_told.of("transfer.refused")
    assert (refused["lpar"], refused["device"]) == ("LPAR2", "0191")
    first, second = run_told.report.commands
    assert refused["t"] > second.answered_ns, "the frames are LPAR1's by then"
    (late,) = run_told.of("device.ended")
    assert late["operation"] == first.operation
    after = [event for event in run_told.of("start.begun", device="0191") if event["t"] >= late["t"]]
    assert after, "the device can be used again"


def test_busy_wait_waits_for_the_device_and_is_cancelled_the_second_time(clock: Clock) -> None:
    run_told = told("busy-wait", clock)
    waited, cancelled, cancel = run_told.report.commands
    assert (waited.result, cancelled.result, cancel.result) == (
        Result.COMPLETED, Result.CANCELLED, Result.COMPLETED,
    )  # fmt: skip
    stop = waited.longest_stop
    assert stop is not None
    assert stop.phases_ns["QUIESCING"] > 1_000_000_000, "the guest stood while it waited"
    assert len(_naming(run_told, "0191")) >= 4, "twice for each move: at once, and when the time was over"


def test_busy_halt_halts_one_device_and_clears_the_other(clock: Clock) -> None:
    run_told = told("busy-halt", clock)
    ended = {
        event["device"]: event["function"]
        for event in run_told.of("start.ended")
        if event["function"] != "START"
    }
    assert ended == {"0191": "HALT", "0192": "CLEAR"}
    assert {device.device for device in run_told.report.commands[0].busy_devices} >= {0x191, 0x192}
    assert [command.result for command in run_told.report.commands] == [Result.COMPLETED] * 2


def test_tape_copy_moves_twenty_times_and_the_tape_equals_the_disk(clock: Clock) -> None:
    run_told = told("tape-copy", clock)
    assert len(run_told.of("zone.moved", lpar="LPAR2")) == 20
    reads = [event for event in run_told.of("transfer.ended", device="0580") if event["stores"]]
    assert reads, "the guest compares what it reads back from the tape"


def test_shared_disk_has_four_lpars_that_wait_for_each_other_and_move_all_the_time(clock: Clock) -> None:
    run_told = told("shared-disk", clock)
    lpars = {"LPAR1", "LPAR2", "LPAR3", "LPAR4"}
    assert {event["lpar"] for event in run_told.of("start.deferred", reason="reserved")} == lpars
    assert len(run_told.of("zone.moved")) == 24
    assert {event["lpar"] for event in run_told.of("zone.moved")} == lpars
