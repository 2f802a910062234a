"""`lparvm stress --replay` and `--audit`: what is shown, what is written, exit codes, what is refused."""

import json
import re
from pathlib import Path

import pytest
from attrs import evolve

from lparvm.cli import group
from lparvm.errors import UsageError
from lparvm.stress.replaying.audited import StressAudit
from lparvm.stress.replaying.tape_file import TapeFile, load
from lparvm.stress_cli import audit
from lparvm.trace.reader import read_trace
from stress_failures import failure


def stress(*words: object) -> int:
    return group.main(["stress", *map(str, words)], standalone_mode=False)


def written(file: TapeFile, folder: Path) -> Path:
    path = folder / "seed.json"
    file.write(path)
    return path


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return written(failure("dirty-poison"), tmp_path)


def test_a_failure_that_shows_exits_1_and_is_told(tape: Path, capsys: pytest.CaptureFixture[str]):
    assert stress("--replay", tape) == 1
    told = capsys.readouterr().out
    file = failure("dirty-poison")
    assert told.startswith(f"seed {file.job.seed}, walk, mutant dirty-poison: {file.shown.oracle}: ")
    for part in (
        f"the same run as in the tape, digest {file.shown.digest}",
        "The machine",
        "Commands",
        "What led to",
    ):
        assert f"\n{part}" in told, f"{part} is missing in:\n{told}"


def test_a_failure_that_is_gone_exits_0_and_says_so_loudly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = failure("dirty-poison")
    path = written(evolve(file, job=evolve(file.job, mutant="")), tmp_path)
    assert stress("--replay", path) == 0
    told = capsys.readouterr().out
    assert "no problem was found" in told
    assert "NOT THE SAME RUN AS IN THE TAPE; what it showed is gone" in told
    assert f"oracle none, not {file.shown.oracle}" in told


def test_shrinking_writes_a_smaller_tape_and_says_how_to_replay_it(
    tape: Path, capsys: pytest.CaptureFixture[str]
):
    smaller = tape.with_name("seed-shrunk.json")
    assert stress("--replay", tape, "--shrink", "--attempts", "12", "--json") == 1
    streams = capsys.readouterr()
    told = json.loads(streams.out)
    assert f"lparvm stress --replay {smaller}" in streams.err
    assert told["same"]
    assert told["shrunk"]["file"] == str(smaller)
    assert told["shrunk"]["after"]["choices"] < told["shrunk"]["before"]["choices"]
    assert load(smaller).shown.oracle == told["oracle"] == failure("dirty-poison").shown.oracle


def test_a_trace_a_story_and_a_test_are_written(tape: Path, capsys: pytest.CaptureFixture[str]):
    trace, page = tape.with_name("t.jsonl"), tape.with_name("story.html")
    given = ("--trace", trace, "--trace-level", "storage", "--story", page, "--regression")
    assert stress("--replay", tape, *given) == 1
    streams = capsys.readouterr()
    assert read_trace(trace).header["level"] == "storage"
    told = page.read_text()
    assert len(re.findall("<h1>[^<]*mutant dirty-poison</h1>", told)) == 1
    for title in ("The machine", "Commands", "Timeline", "Storage map", "Messages"):
        assert f"<h2>{title}</h2>" in told, f"{title} is missing"
    assert "default-src 'none'" in told
    assert not re.search(r"(src|href)=\"(?!#|data:)", told), "the page loads nothing"
    assert streams.out.startswith('"""Found by lparvm stress'), "the test stands alone"
    assert f"story: {page}" in streams.err


BAD = {
    "no such tape": (("--replay", "no.json"), "no.json: No such file or directory"),
    "shrink without a tape": (("--shrink",), "--shrink: there is no tape; expected --replay FILE"),
    "a story without a tape": (("--story", "s.html"), "--story: there is no tape"),
    "attempts without shrink": (("--replay", "{tape}", "--attempts", "3"), "--attempts: expected --shrink"),
    "a level without a trace": (
        ("--replay", "{tape}", "--trace-level", "io"),
        "--trace-level: expected --trace",
    ),
    "seeds beside a tape": (("--replay", "{tape}", "--seeds", "0:3"), "--seeds: the tape says what is run"),
    "a time beside a tape": (("--replay", "{tape}", "--time", "3s"), "--time: the tape says what is run"),
    "a story of another kind": (
        ("--replay", "{tape}", "--story", "s.pdf"),
        "s.pdf: expected a name that ends",
    ),
    "the tape itself": (("--replay", "{tape}", "--shrink", "--output", "{tape}"), "is the tape itself"),
    "output nowhere": (
        ("--replay", "{tape}", "--shrink", "--attempts", "2", "--output", "/nowhere/t.json"),
        "/nowhere/t.json: can't be written",
    ),
    "a trace nowhere": (("--replay", "{tape}", "--trace", "/nowhere/t.jsonl"), "/nowhere"),
    "a test as JSON": (("--replay", "{tape}", "--regression", "--json"), "--json: the test stands alone"),
    "an audit with a time": (("--audit", "--time", "3s"), "--time: doesn't go with --audit"),
}


@pytest.mark.parametrize(("words", "expected"), BAD.values(), ids=BAD)
def test_bad_use_is_refused_in_one_line(tape: Path, words: tuple[str, ...], expected: str):
    with pytest.raises(UsageError) as raised:
        stress(*(word.format(tape=tape) for word in words))
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


AUDITS = {
    "the same": (StressAudit(7), 0, "seeds 2:5: all 7 lines are the same with two hash seeds"),
    "not the same": (
        StressAudit(7, "seed 3: x with one"),
        1,
        "seeds 2:5: NOT DETERMINISTIC: seed 3: x with one",
    ),
}


@pytest.mark.parametrize(("came", "code", "expected"), AUDITS.values(), ids=AUDITS)
def test_an_audit_tells_what_it_came_to(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    came: StressAudit,
    code: int,
    expected: str,
):
    asked = []
    monkeypatch.setattr(audit, "audit_seeds", lambda *given: asked.append(given) or came)
    assert stress("--audit", "--seeds", "2:5", "--policy", "walk", "--size", "small") == code
    assert capsys.readouterr().out == f"{expected}\n"
    assert asked == [(2, 5, "walk", "", "small")]
    assert stress("--audit", "--seeds", "2:5", "--json") == code
    assert json.loads(capsys.readouterr().out)["same"] is (code == 0)
