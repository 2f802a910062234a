"""A trace in memory: what is kept, when it is written, and that a reader takes it."""

import json
import subprocess
import sys

import pytest

from lparvm.config import TRACE_RING_EVENTS_MAX
from lparvm.errors import UsageError
from lparvm.machine import Options
from lparvm.runner import run
from lparvm.scenario import parse_scenario
from lparvm.trace.reader import open_trace, read_trace
from lparvm.trace.vocabulary import Level
from lparvm.trace.writer import Trace
from machines import TWO_LPARS


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl"


def tell(trace, count):
    log = trace.logger("SVP")
    return [log.emit("command.received", op=f"op.{number}", text="x") for number in range(1, count + 1)]


def test_an_intact_run_leaves_no_file(path):
    trace = Trace(now_ns=lambda: 1, path=path, ring=5)
    assert tell(trace, 9) == list(range(1, 10)), "numbers are those of a file"
    trace.close("intact", interrupted=False)
    assert not path.exists()
    assert trace.path is None


@pytest.mark.parametrize(
    ("verdict", "more"), [("broken", {}), ("failed", {}), ("intact", {"interrupted": True})]
)
def test_a_run_that_fails_leaves_its_last_events(path, verdict, more):
    trace = Trace(now_ns=lambda: 1, path=path, ring=5, header={"seed": 4})
    tell(trace, 9)
    trace.close(verdict, **more)
    header, *events, trailer = lines_of(path)
    assert (header["ring"], header["first_seq"], header["seed"]) == (5, 5, 4)
    assert [event["seq"] for event in events] == [5, 6, 7, 8, 9]
    assert (trailer["events"], trailer["run_events"], trailer["verdict"]) == (5, 9, verdict)
    assert trailer["counts"] == {"command.received": 5}
    assert trace.path == path


def test_a_ring_that_never_was_full_has_every_event(path):
    with pytest.raises(RuntimeError), Trace(now_ns=lambda: 1, path=path, ring=50) as trace:
        tell(trace, 3)
        raise RuntimeError
    header, *events, trailer = lines_of(path)
    assert header["first_seq"] == 1
    assert len(events) == 3
    assert trailer["digest"] == trailer["run_digest"]


def test_a_ring_without_events_is_a_trace_all_the_same(path):
    Trace(now_ns=lambda: 1, path=path, ring=5).close("failed")
    assert read_trace(path).events == ()


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_a_reader_takes_it(tmp_path, ending):
    path = tmp_path / f"run.jsonl{ending}"
    trace = Trace(now_ns=lambda: 1, path=path, ring=5)
    tell(trace, 9)
    trace.close("failed")
    with open_trace(path) as reader:
        assert [event["seq"] for event in reader] == [5, 6, 7, 8, 9]
        assert reader.problems == []
        assert not reader.cut_off


def test_a_gap_in_it_is_found(path):
    trace = Trace(now_ns=lambda: 1, path=path, ring=5)
    tell(trace, 9)
    trace.close("failed")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]))
    with pytest.raises(UsageError, match="seq is 7; expected 6"):
        read_trace(path)


def test_the_runs_digest_is_that_of_a_file(path, tmp_path):
    digests = []
    for options in ({"ring": 4, "path": path}, {"path": tmp_path / "other.jsonl"}):
        trace = Trace(now_ns=lambda: 1, **options)
        tell(trace, 9)
        trace.close("failed")
        digests.append(trace.digest)
    assert digests[0] == digests[1] == lines_of(path)[-1]["run_digest"] != lines_of(path)[-1]["digest"]


def test_without_the_runs_digest_that_of_what_is_kept_is_told(path):
    trace = Trace(now_ns=lambda: 1, path=path, ring=4, digest=False)
    tell(trace, 9)
    trace.close("failed")
    assert lines_of(path)[-1]["run_digest"] is None
    assert lines_of(path)[-1]["digest"] == trace.digest


@pytest.mark.parametrize("level", [Level.PROTOCOL, Level.STORAGE])
def test_events_do_not_change_after_they_were_taken(path, level):
    """A ring encodes them only at the end of the run; a file, when they are told."""
    reports = [
        run(
            parse_scenario(TWO_LPARS.replace('HSA=1M"', 'HSA=1M"\nexpect = "NO_ROOM"')), clock="virtual",
            options=Options(level=level, trace=path, ring=ring),
        )
        for ring in (TRACE_RING_EVENTS_MAX, None)
    ]  # fmt: skip
    kept = reports[0].digest
    assert reports[0].verdict == "unexpected"
    assert kept == reports[1].digest


def test_a_machines_ring_is_written_with_what_was_kept(path):
    text = TWO_LPARS.replace('HSA=1M"', 'HSA=1M"\nexpect = "NO_ROOM"')
    report = run(
        parse_scenario(text), clock="virtual", options=Options(trace=path, ring=TRACE_RING_EVENTS_MAX)
    )
    trailer = lines_of(path)[-1]
    assert report.trace == path
    assert trailer["digest"] == trailer["run_digest"] == report.digest, (
        "encoded at the end, as they were when told"
    )


def test_an_intact_machine_reports_no_trace(path):
    report = run(parse_scenario(TWO_LPARS), clock="virtual", options=Options(trace=path, ring=9))
    assert (report.verdict, report.trace) == ("intact", None)
    assert not path.exists()


@pytest.mark.parametrize("ring", [0, TRACE_RING_EVENTS_MAX + 1])
def test_a_ring_has_a_limit(path, ring):
    with pytest.raises(UsageError, match="expected 1 to"):
        Trace(now_ns=lambda: 1, path=path, ring=ring)


def test_an_older_file_does_not_pass_for_this_runs(path):
    path.write_text("of yesterday")
    Trace(now_ns=lambda: 1, path=path, ring=5).close("intact")
    assert not path.exists()


@pytest.mark.parametrize("name", ["", "missing/run.jsonl"])
def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path, name):
    with pytest.raises(UsageError, match=r"^trace file .*: cannot be written: "):
        Trace(now_ns=lambda: 1, path=tmp_path / name, ring=5)


def test_a_value_that_cannot_be_encoded_is_refused_and_leaves_no_gap(path):
    trace = Trace(now_ns=lambda: 1, path=path, ring=5)
    with pytest.raises(TypeError, match="set"):
        trace.logger("A").emit("machine.ended", interrupted={1, 2})
    assert trace.logger("A").emit("machine.ended", interrupted=True) == 1
    trace.close("failed")
    assert len(read_trace(path).events) == 1


def test_only_so_many_events_are_kept():
    trace = Trace(now_ns=lambda: 1, ring=3, digest=False)
    tell(trace, 10)
    assert [event["seq"] for event in trace._sink._kept.events] == [8, 9, 10]
    trace.close("intact")


PROGRAM = """
import sys
from pathlib import Path
from lparvm.trace.writer import Trace
trace = Trace(now_ns=lambda: 5, path=Path(sys.argv[1]), ring=2)
for number in range(9):
    trace.logger("SVP").emit("command.received", op=f"op.{number}", text="x")
"""


@pytest.mark.parametrize("ending", ["", "raise RuntimeError", "raise KeyboardInterrupt"])
def test_a_process_that_forgets_to_close_writes_what_is_kept_without_a_trailer(path, ending):
    subprocess.run([sys.executable, "-c", PROGRAM + ending, str(path)], check=False, capture_output=True)
    with open_trace(path) as reader:
        assert [event["seq"] for event in reader] == [8, 9]
        assert (reader.cut_off, reader.problems) == (True, [])
