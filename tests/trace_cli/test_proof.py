"""`lparvm trace check`: verdicts, what they say of the patent, and the exit code."""

import io
import re
import subprocess
import sys

import orjson
import pytest
import zstandard

from lparvm.cli import group
from lparvm.errors import UsageError
from lparvm.trace.check import STEPS
from lparvm.trace.rules import RULES
from lparvm.trace.vocabulary import Level
from real_traces import damaged, drop, trace_bytes


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(trace_bytes())
    return path


def lparvm(*arguments: object) -> int:
    return group.main([str(one) for one in arguments], standalone_mode=False)


def test_a_whole_run_holds_and_every_step_and_claim_is_named(trace, capsys):
    assert lparvm("trace", "check", trace) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "level io; the run said intact" in out
    for rule in RULES:
        assert f"\n{rule.name} " in out
    for step, title in STEPS.items():
        assert f"step {step} " in out
        assert title in out
    assert "claims 7 and 14  exchange" in out
    assert out.endswith("verdict: held\n")


def _first_line(trace, event: str, **fields: object) -> int:
    """Number of the first line with such an event."""
    wanted = {"event": event, **fields}
    for number, line in enumerate(trace.read_bytes().splitlines(), 1):
        told = orjson.loads(line)
        if all(told.get(name) == value for name, value in wanted.items()):
            return number
    raise AssertionError(f"the trace has no {event}")


def test_a_broken_rule_is_told_with_its_event_its_line_and_the_command(trace, capsys):
    trace.write_bytes(damaged(drop("sale.set", op="op.1.1", iop="IOP2")))
    assert lparvm("trace", "check", trace) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "sale-agrees broken" in out
    moved = _first_line(trace, "zone.moved", op="op.1.1")
    assert f"before SALE gave it to IOP2 (line {moved})" in out
    assert "command op.1, 'MVSTOR B HSA=28M EXPAND=A'" in out
    assert re.search(
        r"then ReleaseHeldStarts by LPARCTL, op\.1\.1 \(line \d+, seq \d+, at 0\.\d+ s\)", out
    ), out
    assert "more\n" in out
    assert out.endswith("verdict: broken\n")


def test_json_has_every_rule_and_part_and_says_the_same(trace, capsys):
    trace.write_bytes(damaged(drop("sale.set", op="op.1.1", iop="IOP2")))
    assert lparvm("trace", "check", trace, "--json") == 1
    found = orjson.loads(capsys.readouterr().out)
    assert (found["verdict"], found["told_verdict"], found["level"]) == ("broken", "intact", "io")
    assert [one["rule"] for one in found["rules"]] == [rule.name for rule in RULES]
    rule = next(one for one in found["rules"] if one["rule"] == "sale-agrees")
    first = rule["first"][0]
    line = _first_line(trace, "zone.moved", op="op.1.1")
    assert (first["seq"], first["line"], first["command"]["op"]) == (line - 1, line, "op.1")
    assert first["causes"][0]["seq"] <= first["causes"][-1]["seq"] < first["seq"]
    parts = {tuple(one["numbers"]): one["verdict"] for one in found["patent"]}
    assert (parts[5, 11], parts[210,], parts[7, 14]) == ("broken", "broken", "held")


def test_what_a_level_leaves_open_is_unchecked_with_its_reason(trace, capsys):
    trace.write_bytes(trace_bytes(level=Level.PROTOCOL))
    assert lparvm("trace", "check", trace) == 0
    out = capsys.readouterr().out
    assert "slices are not told at this level" in out
    assert "step 201         stop                             unchecked" in out


def test_explain_tells_what_each_rule_does_not_check(trace, capsys):
    assert lparvm("trace", "check", trace, "--explain") == 0
    out = capsys.readouterr().out
    for rule in RULES:
        told = rule.explained()
        assert told.law
        assert told.checks
        assert told.counts
        assert f"Not checked: {told.not_checked}" in out
    assert lparvm("trace", "check", trace, "--explain", "--json") == 0
    explained = orjson.loads(capsys.readouterr().out)["explained"]
    assert explained[3]["claims"] == [5, 11]
    assert all(one["not_checked"] for one in explained)


def test_every_step_and_claim_of_the_patent_has_a_rule():
    assert {step for rule in RULES for step in rule.steps} == set(range(201, 212))
    assert {claim for rule in RULES for claim in rule.claims} == {5, 6, 7, 11, 13, 14}


def test_a_problem_of_the_file_is_told_and_the_rest_is_checked(trace, capsys):
    trace.write_bytes(trace_bytes() + b"{}\n")
    assert lparvm("trace", "check", trace) == 1
    out, err = capsys.readouterr()
    assert "a line after the trailer" in err
    assert out.endswith("verdict: problems\n")


def test_a_file_that_was_cut_off_is_no_proof(trace, capsys):
    trace.write_bytes(trace_bytes()[:-10])
    assert lparvm("trace", "check", trace) == 1
    out, err = capsys.readouterr()
    assert "cut off after line" in err
    assert "the run said nothing: it was cut off" in out


def test_a_malformed_event_is_told_with_its_line_and_left_out(trace, capsys):
    data = trace_bytes().replace(b'"iops":["IOP1","IOP2"]', b'"iops":["IOP1",7]', 1)
    trace.write_bytes(data)
    assert lparvm("trace", "check", trace) == 1
    out, err = capsys.readouterr()
    assert "run.jsonl:2: machine.started: iops is ['IOP1', 7]; expected list of str" in err
    assert "Traceback" not in out + err


def test_an_lpar_that_nobody_activated_breaks_rules_and_nothing_else(trace, capsys):
    trace.write_bytes(damaged(drop("lpar.activated", lpar="B")))
    assert lparvm("trace", "check", trace) == 1
    out, err = capsys.readouterr()
    assert "B has no zone" in out
    assert err == ""


BAD = {
    "an empty file": b"",
    "a binary file": bytes(range(256)) * 40,
    "another JSON file": b'{"a":1}\n',
    "one long line": b"x" * 10_000_000,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_trace_is_told_in_one_line(tmp_path, data):
    path = tmp_path / "bad"
    path.write_bytes(data)
    for arguments in (["check", path], ["sql", "select 1", path], ["chrome", path, "-o", tmp_path / "o"]):
        with pytest.raises(UsageError, match="trace of lparvm") as caught:
            lparvm("trace", *arguments)
        assert "\n" not in str(caught.value)


def test_a_directory_is_told_in_one_line(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        lparvm("trace", "check", tmp_path)


def test_a_compressed_trace_from_standard_input_is_checked_in_a_process():
    command = [sys.executable, "-m", "lparvm", "trace", "check", "-"]
    data = zstandard.ZstdCompressor().compress(trace_bytes(level=Level.PROTOCOL))
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"verdict: held\n")
    torn = subprocess.run(command, input=data[:-100], capture_output=True, check=False)
    assert torn.returncode == 2
    assert b"the compressed data end early" in torn.stderr
    assert torn.stderr.count(b"\n") == 1


def test_text_of_a_stranger_reaches_no_terminal_as_it_is(trace, capsys):
    def edit(events):
        return [{**one, "lpar": "\x1b[31mB"} if one["event"] == "phase.entered" else one for one in events]

    trace.write_bytes(damaged(edit))
    assert lparvm("trace", "check", trace) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_the_report_can_be_printed_where_only_ascii_can(trace, monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    monkeypatch.setattr(sys, "stdout", out)
    assert lparvm("trace", "check", trace) == 0
