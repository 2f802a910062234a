"""`lparvm trace vocabulary` and `lparvm trace lnav`."""

import json
import subprocess
import sys

import pytest

from lparvm.cli import group
from lparvm.errors import UsageError
from lparvm.trace.message_types import CLASSES
from lparvm.trace.vocabulary import COMMON_FIELDS, VOCABULARY
from lparvm.trace.writer import Trace


@pytest.fixture
def ask(capsys):
    def run(*arguments):
        code = group.main(["trace", *arguments], standalone_mode=False)
        return code or 0, capsys.readouterr().out

    return run


@pytest.fixture
def file(tmp_path):
    with Trace(now_ns=lambda: 7_000, path=tmp_path / "t.jsonl.zst") as trace:
        for op in ("op.1", "op.2"):
            trace.logger("SVP").emit("command.received", op=op, text="DISPLAY FRAME")
    return tmp_path / "t.jsonl.zst"


def test_every_event_and_every_object_stands_in_the_list(ask):
    lines = ask("vocabulary")[1].splitlines()
    heads = {line.split(":")[0] for line in lines if not line.startswith(" ")}
    assert heads == {"every event", *VOCABULARY, *CLASSES}


def test_one_event_is_shown_with_what_its_fields_hold(ask):
    _, text = ask("vocabulary", "ReserveAreas")
    heads = [line.split(":")[0] for line in text.splitlines() if not line.startswith(" ")]
    assert heads == ["ReserveAreas", "Placement", "Zone"]
    assert "host absolute frame" in text
    assert "step 203" in text


def test_an_object_has_an_entry_of_its_own(ask):
    assert ask("vocabulary", "Busy")[1].split() == ["Busy:", "values", "inside", "messages", "values", "REFUSE", "|", "WAIT", "|", "HALT"]  # fmt: skip


def test_the_vocabulary_as_json_is_whole(ask):
    told = json.loads(ask("vocabulary", "--json")[1])
    assert list(told["common"]) == list(COMMON_FIELDS)
    assert [one["name"] for one in told["events"]] == list(VOCABULARY)
    assert told["classes"] == CLASSES
    (moved,) = json.loads(ask("vocabulary", "chunk.moved", "--json")[1])["events"]
    assert (moved["kind"], moved["level"], moved["step"], moved["since"]) == ("fact", "protocol", 206, 1)


@pytest.mark.parametrize(
    ("name", "expected"), [("chunk.move", "perhaps chunk.moved"), ("", "expected one of")]
)
def test_an_unknown_name_is_told_with_one_that_is_near(ask, name, expected):
    with pytest.raises(UsageError, match=expected):
        ask("vocabulary", name)


def test_lnav_gets_events_only_with_a_time_each(ask, file):
    code, text = ask("lnav", str(file))
    told = [json.loads(line) for line in text.splitlines()]
    assert code == 0
    assert [one["op"] for one in told] == ["op.1", "op.2"]
    assert all(one["time"].startswith("20") and one["what"] for one in told)


def test_the_description_for_lnav_is_printed_without_a_file(ask):
    assert "lparvm_trace" in json.loads(ask("lnav", "--format")[1])


def test_lnav_without_a_file_is_told_what_is_missing(ask):
    with pytest.raises(UsageError, match="expected a trace, or --format"):
        ask("lnav")


def test_a_pipe_that_is_closed_is_no_error(file):
    command = f"{sys.executable} -m lparvm trace lnav {file} | head -1; {sys.executable} -m lparvm trace vocabulary | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""
