"""What `run` and `console` are told about the trace: where to, how much, kept or not, shown or not."""

import json
import os

import click
import pytest

from lparvm.cli import group
from lparvm.errors import UsageError
from lparvm.trace.reader import read_trace
from machines import HAMMERS

WRONG = HAMMERS.replace('HSA=3M"', 'HSA=3M"\nexpect = "NO_ROOM"')


@pytest.fixture
def lparvm(tmp_path, capsys):
    def run(*options, text=HAMMERS, command="run"):
        (tmp_path / "s.toml").write_text(text)
        clock = ["--clock", "virtual"] if command == "run" else []
        code = group.main([command, str(tmp_path / "s.toml"), *clock, *options], standalone_mode=False)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.jsonl.zst"])
def test_a_trace_is_compressed_by_its_name(lparvm, tmp_path, name):
    code, out, _ = lparvm("--trace", str(tmp_path / name), "--json")
    told = read_trace(tmp_path / name)
    assert code == 0
    assert told.trailer["digest"] == json.loads(out)["digest"]


def test_level_off_writes_a_trace_without_events(lparvm, tmp_path):
    lparvm("--trace", str(tmp_path / "t.jsonl"), "--trace-level", "off")
    told = read_trace(tmp_path / "t.jsonl")
    assert (told.events, told.trailer["verdict"]) == ((), "intact")


def test_a_ring_is_written_only_when_the_run_is_not_intact(lparvm, tmp_path):
    file = tmp_path / "t.jsonl"
    code, out, _ = lparvm("--trace", str(file), "--trace-ring", "7", "--json")
    intact = json.loads(out)
    assert (code, intact["trace"], file.exists()) == (0, None, False)
    code, out, _ = lparvm("--trace", str(file), "--trace-ring", "7", "--json", text=WRONG)
    wrong = json.loads(out)
    assert (code, wrong["trace"]) == (1, str(file))
    assert len(read_trace(file).events) == 7
    assert intact["digest"] == wrong["digest"], "of the whole run, with a ring as without"
    assert read_trace(file).trailer["run_digest"] == wrong["digest"]


def test_a_ring_needs_a_place(lparvm):
    with pytest.raises(UsageError, match="expected --trace FILE beside it"):
        lparvm("--trace-ring", "7")


@pytest.mark.parametrize("value", ["0", "many", "1000000000"])
def test_a_ring_has_a_size(lparvm, value):
    with pytest.raises(click.BadParameter):
        lparvm("--trace", "t.jsonl", "--trace-ring", value)


def test_the_log_goes_to_standard_error_and_leaves_the_output_as_it_was(lparvm):
    _, quiet, none = lparvm()
    _, out, err = lparvm("--log")
    assert none == ""
    assert out == quiet
    assert "zone.moved" in err
    assert "slice.ended" not in err
    assert "\x1b" not in err


def test_the_log_has_a_level(lparvm):
    assert "slice.ended" in lparvm("--log", "io")[2]


def test_json_stays_alone_on_standard_output(lparvm):
    _, out, err = lparvm("--log", "--json")
    assert json.loads(out)["verdict"] == "intact"
    assert "zone.moved" in err


def test_a_console_logs_as_well(lparvm, monkeypatch):
    read, written = os.pipe()
    os.write(written, b"QUIT\n")
    os.close(written)
    with os.fdopen(read) as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        code, _, err = lparvm("--log", command="console")
    assert code == 0
    assert "machine.started" in err
