"""The runner: a scenario's commands and faults at their times, to the verdict."""

import os
import signal
from pathlib import Path

import pytest
import trio.testing

from lparvm.actors.service_processor import Progress
from lparvm.errors import ScenarioError, UsageError
from lparvm.machine import Machine, Options
from lparvm.protocol.results import Result
from lparvm.runner import Clock, run, run_scenario
from lparvm.scenario import parse_scenario
from lparvm.trace.reader import read_trace
from machines import story
from trials import M, command, device, fault, lpar, scenario

A, B = lpar("A", "0"), lpar("B", "1M", lips=2)


def _run(*tables: str, clock: Clock = "virtual", duration: str = "100ms", **options: object):
    events: list[dict] = []
    report = run(
        parse_scenario(scenario(*tables, duration=duration)),
        clock=clock,
        options=Options(listeners=(lambda event: events.append(dict(event)),), **options),
    )
    return report, events


def _told(events: list[dict], event: str) -> list[dict]:
    return [one for one in events if one["event"] == event]


def test_commands_are_given_at_their_times_and_reported_in_the_order_of_the_file():
    report, events = _run(
        A,
        B,
        command("60ms", "MVSTOR B HSA=1M"),
        command("20ms", "MVSTOR B HSA=2M"),
        command("0s", "DISPLAY FRAME"),
    )
    assert report.verdict == "intact", story(report)
    assert [one["t"] for one in _told(events, "command.received")] == [0, 20_000_000, 60_000_000]
    assert [one.at_ns for one in report.commands] == [60_000_000, 20_000_000, 0]
    assert [one.operation for one in report.commands] == ["op.3", "op.2", "op.1"]


def test_commands_at_one_time_run_side_by_side():
    report, _ = _run(A, B, command("20ms", "MVSTOR A HSA=2M"), command("20ms", "MVSTOR B HSA=3M"))
    assert report.verdict == "intact", story(report)
    first, second = report.commands
    assert abs(first.answered_ns - second.answered_ns) < 5_000_000


def test_a_run_lasts_its_duration():
    report, events = _run(A, command("10ms", "MVSTOR A HSA=2M"))
    assert report.duration_ns == 100_000_000
    assert _told(events, "machine.ended")[0]["t"] == 100_000_000


def test_a_run_waits_for_the_last_answer_when_that_comes_later():
    report, _ = _run(A, command("95ms", "MVSTOR A HSA=2M"))
    (answer,) = report.commands
    assert (answer.result, report.duration_ns) == (Result.COMPLETED, answer.answered_ns)
    assert report.duration_ns > 100_000_000


@pytest.mark.parametrize(
    ("expect", "verdict", "exit_code"), [("TARGET_OCCUPIED", "intact", 0), ("COMPLETED", "unexpected", 1)]
)
def test_a_result_that_is_not_the_expected_one_is_unexpected(expect: str, verdict: str, exit_code: int):
    report, _ = _run(A, B, command("10ms", "MVSTOR A HSA=1M", expect))
    assert (report.verdict, report.exit_code) == (verdict, exit_code)
    assert report.commands[0].expected is Result(expect)


def test_commands_that_others_give_come_after_the_files_and_nothing_is_expected_of_them():
    def give(machine: Machine) -> None:
        machine.svp.submit("MVSTOR B HSA=0")

    text = scenario(A, B, command("10ms", "MVSTOR A HSA=2M"))
    report = run(parse_scenario(text), clock="virtual", on_machine=give)
    assert [one.text for one in report.commands] == ["MVSTOR A HSA=2M", "MVSTOR B HSA=0"]
    assert (report.commands[1].expected, report.verdict) == (None, "intact")


# --- faults ---------------------------------------------------------------------------------------------


def test_a_storage_fault_of_the_file_fails_a_frame_from_its_time_on():
    report, events = _run(
        A, B,
        command("10ms", "MVSTOR B HSA=2M"),
        fault("40ms", "storage", "1124K"),
        command("50ms", "MVSTOR B HSA=1M", "STORAGE_FAULT"),
        command("80ms", "MVSTOR B HSA=3M"),
    )  # fmt: skip
    assert report.verdict == "intact", story(report)
    (failed,) = _told(events, "storage.failed")
    assert (failed["t"], failed["frame"]) == (40_000_000, 281)
    told = _told(events, "operator.messaged")
    told = [message for message in told if message["code"] != "LVM015I"]
    assert [message["code"] for message in told] == ["LVM080W", "LVM065W"], "it failed, and is out of use"
    assert all("frame 281" in message["message"] for message in told)
    assert "frame 281" in report.commands[1].message


def test_a_sale_refused_of_the_file_hits_the_next_sale_of_that_iop_only():
    report, _ = _run(
        device("0190"),
        lpar("A", "0", guest="journal", devices=["0190"]),
        fault("5ms", "sale-refused", "IOP1"),
        command("10ms", "MVSTOR A HSA=2M", "SALE_REFUSED"),
        command("70ms", "MVSTOR A HSA=2M"),
    )
    assert report.verdict == "intact", story(report)


def test_commands_that_follow_are_given_in_turn_and_should_complete():
    follow = (
        command("10ms", "MVSTOR B HSA=0", "TARGET_OCCUPIED")
        + '\nthen = ["MVSTOR B HSA=2M", "MVSTOR B HSA=2M"]'
    )
    report, _ = _run(A, B, follow)
    assert [str(one.result) for one in report.commands] == ["TARGET_OCCUPIED", "COMPLETED", "ALREADY_THERE"]
    assert [str(one.expected) for one in report.commands] == ["TARGET_OCCUPIED", "COMPLETED", "COMPLETED"]
    assert report.commands[1].at_ns >= report.commands[0].answered_ns
    assert report.verdict == "unexpected"


def test_a_storage_fault_where_nobody_is_hurts_nobody():
    report, _ = _run(A, B, fault("0s", "storage", "3M"), command("10ms", "MVSTOR B HSA=2M"))
    assert report.verdict == "intact", story(report)


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_faults_come_under_both_clocks(clock: Clock):
    report, _ = _run(
        A,
        B,
        fault("0s", "storage", "2100K"),
        command("20ms", "MVSTOR B HSA=2M", "STORAGE_FAULT"),
        clock=clock,
    )
    assert report.verdict == "intact", story(report)


# --- ways in and out ----------------------------------------------------------------------------------------


def test_run_scenario_takes_the_clock_of_the_run_it_is_in():
    async def main(clock: str) -> None:
        text = scenario(A, command("5ms", "MVSTOR A HSA=2M"), duration="10ms")
        report = await run_scenario(parse_scenario(text))
        assert (report.clock, report.verdict) == (clock, "intact"), story(report)

    trio.run(main, "real")
    trio.run(main, "virtual", clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("clock", ["virtual", "real"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(clock: Clock, number: signal.Signals, tmp_path: Path):
    signals_left = [number]  # a second one would end the run at once

    def on_machine(machine: Machine) -> None:
        def hear(news: object) -> None:
            if isinstance(news, Progress) and news.phase == "MOVING" and signals_left:
                os.kill(os.getpid(), signals_left.pop())

        machine.svp.listen(hear)

    trace = tmp_path / "t.jsonl"
    text = scenario(lpar("A", "0", size="1M", lips=2), command("10ms", "MVSTOR A HSA=2M"), duration="10s")
    report = run(
        parse_scenario(text), clock=clock, options=Options(trace=trace), on_machine=on_machine, signals=True
    )
    assert (report.interrupted, report.exit_code, report.verdict) == (True, 130, "intact"), story(report)
    assert report.duration_ns < 5_000_000_000
    move = report.commands[0]
    assert move.result in (Result.CANCELLED, Result.COMPLETED), "it was not left half done"
    assert report.frame_after[0].origin * 4096 == (0 if move.result is Result.CANCELLED else 2 * M)
    told = read_trace(trace)
    assert told.trailer is not None
    assert told.trailer["digest"] == report.digest
    assert told.events[-1]["event"] in ("machine.ended", "guest.verified")


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_a_crash_comes_out_with_the_trace_complete(clock: Clock, tmp_path: Path):
    def on_machine(machine: Machine) -> None:
        def crash(news: object) -> None:
            raise ZeroDivisionError("planted")

        machine.svp.listen(crash)

    trace = tmp_path / "t.jsonl"
    with pytest.raises(ExceptionGroup) as raised:
        run(
            parse_scenario(scenario(A, command("5ms", "DISPLAY FRAME"))),
            clock=clock, options=Options(trace=trace), on_machine=on_machine,
        )  # fmt: skip
    assert raised.group_contains(ZeroDivisionError, depth=None)
    assert read_trace(trace).trailer["verdict"] == "failed"


def test_usage_errors_come_as_they_are(tmp_path: Path):
    with pytest.raises(ScenarioError, match="no-such-scenario"):
        run("no-such-scenario")
    with pytest.raises(UsageError, match="missing"):
        run(parse_scenario(scenario(A)), options=Options(trace=tmp_path / "missing" / "t.jsonl"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_usage_error_in_one_line():
    text = scenario(A, B, *(command(f"{n}ms", "DISPLAY FRAME") for n in range(300)), duration="400ms")
    with pytest.raises(UsageError, match="/dev/full") as raised:
        run(parse_scenario(text), clock="virtual", options=Options(trace=Path("/dev/full")))
    assert "\n" not in str(raised.value)


def test_the_seed_reaches_guests_and_devices_and_is_reported():
    texts = {}
    for seed in (0, 1, 1):
        report, events = _run(A, B, seed=seed)
        assert report.seed == seed
        slices = [(one["lowest_host"], one["highest_host"]) for one in _told(events, "slice.ended")]
        texts.setdefault(seed, []).append(slices)
    assert texts[1][0] == texts[1][1]
    assert texts[0][0] != texts[1][0]
