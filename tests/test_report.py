"""A run's report: its verdict, and the JSON object, in which every key is always there."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from lparvm.actors.service_processor import CommandResult
from lparvm.guests.base import Damage
from lparvm.machine import Options
from lparvm.protocol.catalogue import BY_CODE, Result
from lparvm.protocol.messages import BusyDevice, FrameRow
from lparvm.report import GuestReport, RunReport, verdict_of
from lparvm.runner import run
from lparvm.scenario import parse_scenario
from lparvm.trace.rules import RuleVerdict
from trials import K, M, command, device, fault, lpar, scenario

# The form of the object that `--json` prints. A list has elements of one form; a dict with the key `str`, values.
PHASES = {str: float}
LIP = {"lpar": str, "lip": str, "stopped_s": float, "phases_s": PHASES}
ROW = {"name": str, "origin": int, "size": int, "gap": int, "expanded": int, "state": str}
BUSY = {
    "device": str, "iop": str, "path": int, "operation": str, "command": int, "ccw_address": int, "bytes_left": int,
    "active_s": float, "pages": [[int]],
}  # fmt: skip
COMMAND = {
    "text": str, "at_s": float, "result": str, "code": str, "message": str, "operation": str,
    "stopped_s": (float, None), "phases_s": PHASES, "lips": [LIP], "pages": int, "busy_devices": [BUSY],
    "expected": (str, None),
}  # fmt: skip
DAMAGE = {"address": int, "expected": str, "found": str, "lip": (str, None)}
LIFE = {
    "guest": str, "lip_count": int, "steps": int, "stores": int, "fetches": int, "damage": [DAMAGE], "ended_by": str,
}  # fmt: skip
GUEST = {
    "lpar": str, "guest": str, "lip_count": int, "steps": int, "stores": int, "fetches": int, "damage": [DAMAGE],
    "lives": [LIFE],
}  # fmt: skip
RULE = {"rule": str, "verdict": str, "checked": int}
RUN = {
    "scenario": str, "seed": int, "clock": str, "verdict": str, "digest": str, "trace": (str, None),
    "duration_s": float, "frame_before": [ROW], "frame_after": [ROW], "out_of_use": [int], "commands": [COMMAND],
    "guests": [GUEST], "rules": [RULE],
}  # fmt: skip

EVERY_WAY = scenario(
    device("0190", latency="2ms"),
    device("0191", kind="stuck", iop="IOP2"),
    lpar("A", "0", lips=2, guest="journal", devices=["0190"]),
    lpar("B", "1M"),
    lpar("C", "2M", guest="machine_guests:Reading", devices=["0191"]),
    command("90ms", "CANCEL B", "COMPLETED"),
    command("10ms", "MVSTOR A HSA=128K"),
    command("60ms", "MVSTOR A HSA=0", "SALE_REFUSED"),
    command("10ms", "MVSTOR C HSA=3M QUIESCE=5ms", "QUIESCE_TIMED_OUT"),
    command("20ms", "MVSTOR B HSA=0", "TARGET_OCCUPIED"),
    command("85ms", "MVSTOR B HSA=3M", "CANCELLED"),
    command("10ms", "MVSTOR NOBODY HSA=3M", "UNKNOWN_LPAR"),
    command("10ms", "DISPLAY FRAME"),
    command("10ms", "PLAN FREE 4M", "NO_PLAN"),
    fault("50ms", "sale-refused", "IOP1"),
    iops=2,
    duration="120ms",
)


def check_form(value: Any, form: Any, where: str = "report") -> None:
    """Compare a value with a form; says where it differs."""
    match form:
        case tuple():
            if value is not None:
                check_form(value, form[0], where)
        case list():
            assert type(value) is list, f"{where} is {value!r}"
            for position, one in enumerate(value):
                check_form(one, form[0], f"{where}[{position}]")
        case dict() if str in form:
            assert type(value) is dict, f"{where} is {value!r}"
            for key, one in value.items():
                check_form(one, form[str], f"{where}[{key!r}]")
        case dict():
            assert type(value) is dict, f"{where} is {value!r}"
            assert list(value) == list(form), f"keys of {where}"
            for key, kind in form.items():
                check_form(value[key], kind, f"{where}.{key}")
        case _:
            assert type(value) is form, f"{where} is {value!r}, no {form.__name__}"


@pytest.fixture(scope="module")
def every_way() -> RunReport:
    """A run with commands that end in many ways."""
    return run(parse_scenario(EVERY_WAY, "every-way"), clock="virtual")


@pytest.fixture(scope="module")
def told(every_way: RunReport) -> dict[str, Any]:
    return every_way.as_json()


def test_the_object_has_exactly_the_keys_and_types_of_its_form(told: dict[str, Any]):
    check_form(told, RUN)


def test_it_is_json_as_it_is(told: dict[str, Any]):
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_commands_are_in_the_order_of_the_file_with_what_was_expected(told: dict[str, Any]):
    assert [one["text"].split()[0] for one in told["commands"]] == (
        ["CANCEL", "MVSTOR", "MVSTOR", "MVSTOR", "MVSTOR", "MVSTOR", "MVSTOR", "DISPLAY", "PLAN"]
    )
    assert [one["at_s"] for one in told["commands"]] == [
        0.09,
        0.01,
        0.06,
        0.01,
        0.02,
        0.085,
        0.01,
        0.01,
        0.01,
    ]
    assert all(one["result"] == one["expected"] for one in told["commands"]), told["commands"]
    assert told["verdict"] == "intact"
    operations = [one["operation"] for one in told["commands"]]
    assert sorted(operations) == sorted({f"op.{number}" for number in range(1, 10)})


def test_a_command_that_completed_has_its_pages_and_the_times_of_each_lip(told: dict[str, Any]):
    moved = told["commands"][1]
    assert (moved["result"], moved["pages"], moved["code"]) == ("COMPLETED", 64, "LVM010I")
    assert [(stop["lpar"], stop["lip"]) for stop in moved["lips"]] == [("A", "LIP1"), ("A", "LIP2")]
    longest = max(moved["lips"], key=lambda stop: stop["stopped_s"])
    assert (moved["stopped_s"], moved["phases_s"]) == (longest["stopped_s"], longest["phases_s"])
    for stop in moved["lips"]:
        assert sum(stop["phases_s"].values()) == pytest.approx(stop["stopped_s"], abs=1e-9)
    assert moved["phases_s"]["MOVING"] == pytest.approx(0.0125)


def test_a_command_that_stopped_nobody_has_no_times(told: dict[str, Any]):
    for position in (0, 4, 6, 7, 8):
        one = told["commands"][position]
        assert (one["stopped_s"], one["phases_s"], one["lips"], one["pages"], one["busy_devices"]) == (
            None, {}, [], 0, [],
        )  # fmt: skip


def test_a_move_that_was_backed_out_has_times_but_no_pages(told: dict[str, Any]):
    for position in (2, 3, 5):
        one = told["commands"][position]
        assert one["stopped_s"] > 0, one
        assert one["pages"] == 0, one
    (busy,) = told["commands"][3]["busy_devices"]
    assert (busy["device"], busy["iop"]) == ("0191", "IOP2")


def test_every_message_is_of_the_catalogue_and_filled_in(told: dict[str, Any]):
    for one in told["commands"]:
        assert one["code"] in BY_CODE
        assert "?" not in one["message"]


def test_frames_are_in_bytes_by_origin_with_the_gap_above(told: dict[str, Any]):
    assert told["frame_before"] == [
        {"name": "A", "origin": 0, "size": 256 * K, "gap": 768 * K, "expanded": 0, "state": "active"},
        {"name": "B", "origin": M, "size": 256 * K, "gap": 768 * K, "expanded": 0, "state": "active"},
        {
            "name": "C",
            "origin": 2 * M,
            "size": 256 * K,
            "gap": 2 * M - 256 * K,
            "expanded": 0,
            "state": "active",
        },
    ]
    assert told["frame_after"][0] == {
        "name": "A", "origin": 128 * K, "size": 256 * K, "gap": 640 * K, "expanded": 0, "state": "active",
    }  # fmt: skip
    assert [row["name"] for row in told["frame_after"]] == ["A", "B", "C"]


def test_expanded_storage_is_in_bytes():
    row = FrameRow("A", 0, 4, 2, "active", expanded=3)
    report = RunReport(
        scenario="", seed=0, clock="real", verdict="intact", digest="", trace=None, duration_ns=0,
        main_storage_frames=6, frame_before=(row,), frame_after=(), commands=(), guests=(), rules=(),
    )  # fmt: skip
    assert report.as_json()["frame_before"][0]["expanded"] == 12 * K


def test_guests_tell_their_work_and_rules_what_they_checked(told: dict[str, Any]):
    assert [(one["lpar"], one["guest"], one["lip_count"]) for one in told["guests"]] == [
        ("A", "journal", 2), ("B", "hammer", 1), ("C", "machine_guests:Reading", 1),
    ]  # fmt: skip
    assert all(one["fetches"] > 0 for one in told["guests"][:2])
    assert told["guests"][1]["steps"] > 100
    assert {one["verdict"] for one in told["rules"]} == {"held"}
    assert all(one["checked"] for one in told["rules"][:16]), "there are no exchanges in it"
    assert (told["scenario"], told["seed"], told["clock"]) == ("every-way", 0, "virtual")
    assert told["duration_s"] == 0.12


def test_without_a_file_the_trace_is_null_and_the_digest_is_there(told: dict[str, Any], tmp_path: Path):
    assert told["trace"] is None
    trace = tmp_path / "t.jsonl"
    report = run(parse_scenario(EVERY_WAY), clock="virtual", options=Options(trace=trace))
    check_form(report.as_json(), RUN)
    assert report.as_json()["trace"] == str(trace)
    assert (
        report.as_json()["digest"]
        == told["digest"]
        == json.loads(trace.read_text().splitlines()[-1])["digest"]
    )


@pytest.mark.parametrize(
    ("guest", "verdict"),
    [
        ("machine_guests:Raising", "failed"),
        ("machine_guests:Trespassing", "failed"),
        ("machine_guests:Ending", "intact"),
    ],
)
def test_whatever_a_guest_does_the_form_is_the_same(guest: str, verdict: str):
    report = run(parse_scenario(scenario(lpar("A", "0", guest=guest))), clock="virtual")
    told = report.as_json()
    check_form(told, RUN)
    assert (told["verdict"], report.exit_code) == (verdict, verdict == "failed")
    assert told["frame_after"][0]["state"] == ("failed" if verdict == "failed" else "active")
    assert told["commands"] == []


def test_under_the_real_clock_the_form_is_the_same():
    report = run(
        parse_scenario(scenario(lpar("A", "0"), command("1ms", "MVSTOR A HSA=128K"), duration="20ms"))
    )
    check_form(report.as_json(), RUN)
    assert (report.as_json()["clock"], report.verdict) == ("real", "intact")


# --- the verdict --------------------------------------------------------------------------------------------


def _guest(*, damage_count: int = 0, failed: bool = False) -> GuestReport:
    damage = (Damage(8, "0x1", "0x2", None),) * damage_count
    return GuestReport("A", "hammer", 1, 1, 1, 1, damage, damage_count, failed)


def _rule(verdict: str) -> RuleVerdict:
    return RuleVerdict("direction", verdict, 1, None)


def _result(result: Result, expected: Result | None) -> CommandResult:
    return CommandResult("MVSTOR A HSA=0", 0, "op.1", result, "LVM010I", "", expected=expected)


GOOD = _guest(), _rule("held"), _result(Result.COMPLETED, Result.COMPLETED)
CANCELLED = _result(Result.CANCELLED, Result.COMPLETED)


def test_busy_devices_are_told_in_full_as_json():
    device = BusyDevice(0x1A, "IOP2", 1, "READ", 6, 0x1008, 4096, 1_500_000, ((1, 1), (5, 7)))
    result = evolve(GOOD[2], busy_devices=(device,))
    report = RunReport("s", 0, "real", "intact", "", None, 0, 1, (), (), (result,), (), ())
    (told,) = report.as_json()["commands"]
    check_form(told, COMMAND)
    assert told["busy_devices"] == [
        {
            "device": "001A", "iop": "IOP2", "path": 1, "operation": "READ", "command": 6, "ccw_address": 0x1008,
            "bytes_left": 4096, "active_s": 0.0015, "pages": [[1, 1], [5, 7]],
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("guest", "rule", "result", "verdict"),
    [
        (*GOOD, "intact"),
        (GOOD[0], _rule("unchecked"), GOOD[2], "intact"),
        (GOOD[0], GOOD[1], _result(Result.CANCELLED, Result.CANCELLED), "intact"),
        (GOOD[0], GOOD[1], _result(Result.CANCELLED, None), "intact"),
        (GOOD[0], GOOD[1], CANCELLED, "unexpected"),
        (_guest(failed=True), GOOD[1], CANCELLED, "failed"),
        (_guest(failed=True), _rule("broken"), CANCELLED, "broken"),
        (_guest(failed=True, damage_count=1), _rule("broken"), CANCELLED, "damaged"),
    ],
)
def test_the_verdict_is_the_worst_of_what_was_found(
    guest: GuestReport, rule: RuleVerdict, result: CommandResult, verdict: str
):
    assert verdict_of([GOOD[0], guest], [GOOD[1], rule], [GOOD[2], result]) == verdict
    assert verdict_of([guest, GOOD[0]], [rule, GOOD[1]], [result, GOOD[2]]) == verdict
