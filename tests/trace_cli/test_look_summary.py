"""`lparvm trace summary`, through the command line."""

import json
import tracemalloc

import pytest

from lparvm.cli import group
from lparvm.trace.summary import Summary
from told_traces import Told


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = group.main(["trace", "summary", *arguments], standalone_mode=False)
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.fixture
def told() -> Told:
    told = Told()
    told.boot(frames=130_304, A=(0, 8), B=(8, 8))
    told.tell("command.received", "SVP", op="op.1", text="MVSTOR A END")
    told.tell("OperationEnded", op="op.1.1", to="SVP", outcome={"result": "COMPLETED"})
    told.tell("guest.stood", lpar="A", lip="LIP1", stopped_ns=640_000_000, phases_ns={"MOVING": 640_000_000})
    told.tell("command.answered", "SVP", op="op.1", text="MVSTOR A END", result="COMPLETED", code="LVM010I")
    told.tell("start.ended", "IOP1", lpar="A", iop="IOP1", device="0190", function="START", device_status=12)
    told.tell("transfer.ended", "IOP1", lpar="A", iop="IOP1", device="0190", bytes=2072)
    told.tell("storage.accessed", "LIP1", lpar="A", access="key")
    told.tell("chunk.exchanged", lower="A", upper="B", keys_set=8)
    told.tell("guest.verified", "MACHINE", lpar="A", guest="hammer", steps=123, damage=0)
    return told


def test_all_parts_are_shown(tmp_path, told, capsys):
    code, out, err = run(capsys, told.write(tmp_path / "t.jsonl"))
    assert (code, err) == (0, "")
    for words in (
        "14 events in 13 ms", "verdict   intact", "told, seed 7, virtual clock, level storage",
        "509M of main storage, 2 LPARs, 0 LIPs, 0 IOPs", "MVSTOR A END", "LVM010I", " op.1.1", "640 ms", "MOVING",
        "0190", "2072", "hammer", "123", "key", "A and B", "messages (1): OperationEnded 1", "facts (13):",
        "actors by events told (14): MACHINE 6",
    ):  # fmt: skip
        assert words in out, out
    assert "not known" not in out


def test_as_json_there_is_one_object(tmp_path, told, capsys):
    code, out, _ = run(capsys, "--json", told.write(tmp_path / "t.jsonl"))
    summary = json.loads(out)
    assert code == 0
    assert (summary["verdict"], summary["events"], summary["duration_ns"]) == ("intact", 14, 13_000_000)
    assert summary["commands"][0]["parts"] == {"op.1.1": "COMPLETED"}
    assert summary["stood"][0]["phases_ns"] == {"MOVING": 640_000_000}
    assert summary["guests"][0]["accesses"] == {"key": 1}


def test_what_the_level_leaves_out_is_told(tmp_path, told, capsys):
    _, out, _ = run(capsys, told.write(tmp_path / "t.jsonl", level="protocol"))
    assert "not known: starts, transfers and slices are not told at level protocol" in out


@pytest.mark.parametrize(("verdict", "code"), [("intact", 0), ("damaged", 1), ("unexpected", 1)])
def test_the_exit_code_is_the_verdicts(tmp_path, told, capsys, verdict, code):
    assert run(capsys, told.write(tmp_path / "t.jsonl", verdict=verdict))[0] == code


def test_a_trace_that_was_cut_off_is_summed_as_far_as_it_goes(tmp_path, told, capsys):
    code, out, err = run(capsys, told.write(tmp_path / "t.jsonl", trailer=False))
    assert code == 0
    assert "none: the trace was cut off" in out
    assert "cut off after line 15" in err


def test_a_trace_without_events(tmp_path, capsys):
    code, out, _ = run(capsys, Told().write(tmp_path / "t.jsonl"))
    assert code == 0
    assert "0 events in 0 ns" in out
    assert "messages (0): none" in out


def test_what_is_kept_does_not_grow_with_the_events():
    told = Told()
    told.boot(A=(0, 8))
    for name, own in (
        ("storage.accessed", {"access": "fetch"}), ("guest.stood", {"lip": "LIP1", "phases_ns": {"MOVING": 1}}),
        ("transfer.ended", {"iop": "IOP1", "device": "0190"}), ("chunk.moved", {}), ("guest.damaged", {}),
    ):  # fmt: skip
        told.tell(name, lpar="A", **own)
    found = Summary()
    for event in told.events:
        found.feed(event)
    tracemalloc.start()
    try:
        for _ in range(20_000):
            for event in told.events:
                found.feed(event)
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()
