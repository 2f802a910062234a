"""`lparvm trace perfetto` and `chrome`: the files that they write."""

import subprocess
import sys

import orjson
import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

from lparvm.cli import group
from lparvm.errors import UsageError
from real_traces import trace_bytes


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(trace_bytes())
    return path


def lparvm(*arguments: object) -> int:
    return group.main([str(one) for one in arguments], standalone_mode=False)


def test_a_perfetto_trace_is_written(trace, tmp_path, capsys):
    out = tmp_path / "run.pftrace"
    assert lparvm("trace", "perfetto", trace, "-o", out) == 0
    assert capsys.readouterr().out == ""
    decoded = Trace()
    decoded.ParseFromString(out.read_bytes())
    names = {packet.track_event.name for packet in decoded.packet}
    assert {"MVSTOR B HSA=28M EXPAND=A", "MOVING", "running", "sale.set"} < names


def test_a_chrome_trace_is_written(trace, tmp_path):
    out = tmp_path / "run.json"
    assert lparvm("trace", "chrome", trace, "-o", out) == 0
    found = orjson.loads(out.read_bytes())
    assert (found["otherData"]["seed"], found["displayTimeUnit"]) == (0, "ns")
    assert {event["ph"] for event in found["traceEvents"]} == set("MXisfC")


@pytest.mark.parametrize("command", ["perfetto", "chrome"])
def test_what_is_wrong_with_the_file_is_told_and_the_rest_is_shown(trace, tmp_path, capsys, command):
    data = trace_bytes().replace(b'"left_sie_ns":20080000', b'"left_sie_ns":-1', 1)
    trace.write_bytes(data[: len(data) // 2])
    assert lparvm("trace", command, trace, "-o", tmp_path / "out") == 1
    err = capsys.readouterr().err
    assert "left_sie_ns is -1" in err
    assert "cut off" in err
    assert (tmp_path / "out").stat().st_size > 10_000


@pytest.mark.parametrize("command", ["perfetto", "chrome"])
def test_a_file_that_cannot_be_written_is_told(trace, command):
    with pytest.raises(UsageError, match="/dev/full: cannot be written: No space left"):
        lparvm("trace", command, trace, "-o", "/dev/full")


def test_a_trace_from_standard_input_is_exported_in_a_process(tmp_path):
    command = [sys.executable, "-m", "lparvm", "trace", "perfetto", "-", "-o", str(tmp_path / "out")]
    done = subprocess.run(command, input=trace_bytes(), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_exporting_needs_no_network(trace, tmp_path):
    code = (
        "import socket, sys; from lparvm.cli import group\n"
        "def refuse(*_): raise SystemExit('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "for verb in ('perfetto', 'chrome'): group.main(['trace', verb, sys.argv[1], '-o', sys.argv[2]], standalone_mode=False)\n"
        "group.main(['trace', 'sql', 'select count(*) from io', sys.argv[1]], standalone_mode=False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(trace), str(tmp_path / "out")], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
