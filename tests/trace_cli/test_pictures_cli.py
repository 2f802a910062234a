"""The commands that draw: what they write, what they say, and what they refuse."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lparvm.cli import group
from lparvm.errors import UsageError
from told_traces import Told

TRACES = Path(__file__).resolve().parents[2] / "traces"
VERBS = ("timeline", "map", "downtime", "spacetime", "report")


def draw(verb: str, file: object, output: Path, *more: str) -> int:
    return group.main(["trace", verb, str(file), "-o", str(output), *more], standalone_mode=False)


def named(verb: str, tmp_path: Path, kind: str = ".svg") -> Path:
    return tmp_path / f"out{'.html' if verb == 'report' else kind}"


every_verb = pytest.mark.parametrize("verb", VERBS)


@every_verb
def test_each_writes_its_file_and_says_what_is_in_it(verb: str, tmp_path: Path, capsys):
    output = named(verb, tmp_path)
    assert draw(verb, TRACES / "figure-3.jsonl", output) == 0
    assert output.read_bytes().lstrip().startswith((b"<?xml", b"<!DOCTYPE html>"))
    told = capsys.readouterr()
    assert told.out.startswith(f"{output}: ")
    assert told.out.count("\n") == 1
    assert told.err == ""


def test_the_name_says_the_kind(tmp_path: Path):
    draw("downtime", TRACES / "cancel.jsonl", tmp_path / "out.PNG")
    assert (tmp_path / "out.PNG").read_bytes().startswith(b"\x89PNG")


@every_verb
@pytest.mark.parametrize("name", ["out.pdf", "out", ".svg"])
def test_another_kind_is_refused_before_anything_is_read(verb: str, name: str, tmp_path: Path):
    with pytest.raises(UsageError, match="expected a name that ends in"):
        draw(verb, "nowhere.jsonl", tmp_path / name)


@every_verb
def test_a_file_that_cannot_be_written_is_told(verb: str, tmp_path: Path):
    with pytest.raises(UsageError, match="can't be written"):
        draw(verb, TRACES / "figure-3.jsonl", named(verb, tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--from", "2s", "--to", "1s"), "expected an end after the begin"),
        (("--from", "soon"), "'soon' is not a duration"),
        (("--from", "1h"), "the window is empty"),
        (("--op", "op.9"), "'op.9' is no operation of the trace; expected one of op.1"),
    ],
)
@pytest.mark.parametrize("verb", ["timeline", "map"])
def test_a_window_without_anything_is_refused(verb: str, more: tuple[str, ...], reason: str, tmp_path: Path):
    with pytest.raises(UsageError, match=reason):
        draw(verb, TRACES / "figure-3.jsonl", tmp_path / "out.svg", *more)


def test_a_window_and_an_operation_are_drawn(tmp_path: Path):
    draw("timeline", TRACES / "cancel.jsonl", tmp_path / "op.svg", "--op", "op.3")
    text = (tmp_path / "op.svg").read_text()
    assert "XCHSTOR LPAR1 LPAR2" in text
    assert "MVSTOR" not in text
    draw("map", TRACES / "cancel.jsonl", tmp_path / "from.svg", "--from", "2.1s", "--to", "2.2s")
    assert "(ms)" in (tmp_path / "from.svg").read_text()


def test_spacetime_asks_which_operation_where_there_are_several(tmp_path: Path):
    with pytest.raises(UsageError, match=r"--op is missing; expected one of op\.1, op\.2, op\.3"):
        draw("spacetime", TRACES / "cancel.jsonl", tmp_path / "out.svg")
    with pytest.raises(UsageError, match="this one has none"):
        draw("spacetime", _written(tmp_path, Told()), tmp_path / "out.svg", "--op", "op.1")


def _written(tmp_path: Path, told: Told, **how: object) -> str:
    return told.write(tmp_path / "t.jsonl", **how)


@every_verb
@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff" * 900, b'{"a":1}\n', gzip.compress(b"", mtime=0), b"x" * 2_000_000]
)
def test_what_is_no_trace_is_refused_and_nothing_written(verb: str, data: bytes, tmp_path: Path):
    (tmp_path / "t.jsonl").write_bytes(data)
    with pytest.raises(UsageError, match="trace of lparvm"):
        draw(verb, tmp_path / "t.jsonl", named(verb, tmp_path))
    assert not named(verb, tmp_path).exists()


@every_verb
def test_what_is_wrong_with_a_file_is_told_and_the_rest_drawn(verb: str, tmp_path: Path, capsys):
    lines = (TRACES / "figure-3.jsonl").read_bytes().splitlines(keepends=True)
    lines[0] = lines[0].replace(b'"version":1', b'"version":9')
    lines[50:50] = [b"nonsense\n", b"x" * 2_000_000 + b"\n"]
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(b"".join(lines))[:-60])
    assert draw(verb, tmp_path / "t.jsonl.gz", named(verb, tmp_path)) == 1
    told = capsys.readouterr().err
    for word in ("version 9 is unknown", "not JSON", "the line is too long", "cut off"):
        assert word in told
    assert named(verb, tmp_path).exists()


@every_verb
def test_values_that_are_malformed_inside_are_problems_of_the_file(verb: str, tmp_path: Path, capsys):
    told = Told()
    told.boot(A=(0, 8), B=(8, 8))
    told.tell("command.received", "SVP", op="op.1", text="x")
    told.tell("phase.entered", op="op.1", lpar="A", phase="STOPPING", step=201)
    told.tell("MoveStorage", "SVP", op="op.1", to=["x"], lpar={})
    told.tell("QuiesceIop", "SVP", op="op.1", to="IOP1", lpar=7)
    told.tell("guest.stood", op="op.1", lpar="A", lip="L", stopped_ns=5, phases_ns={"MOVING": []})
    told.exchanged([["swap", -1, {}, 4]], 3)
    told.zoned("area.reserved", "A", -5, 10**18)
    assert draw(verb, _written(tmp_path, told), named(verb, tmp_path)) == 1
    assert capsys.readouterr().err.count("expected") >= 3


def test_a_report_with_a_broken_rule_says_so_by_its_exit_code(tmp_path: Path):
    told = Told()
    told.boot(A=(0, 8), B=(4, 8))
    assert draw("report", _written(tmp_path, told), tmp_path / "out.html") == 1


@every_verb
def test_a_process_tells_one_clear_line(verb: str, tmp_path: Path):
    command = [sys.executable, "-m", "lparvm", "trace", verb, str(tmp_path), "-o", str(named(verb, tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("lparvm: ")


def test_a_pipe_is_read_and_nothing_else_of_the_users_is(tmp_path: Path):
    """Settings of matplotlib in the current directory change nothing."""
    (tmp_path / "matplotlibrc").write_text("font.size: 30\n")
    command = [sys.executable, "-m", "lparvm", "trace", "map", "-", "-o", "out.svg"]
    data = (TRACES / "figure-3.jsonl").read_bytes()
    root = str(TRACES.parent)
    subprocess.run(
        command,
        input=data,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        check=True,
        capture_output=True,
    )
    draw("map", TRACES / "figure-3.jsonl", tmp_path / "here.svg")
    assert (tmp_path / "out.svg").read_bytes() == (tmp_path / "here.svg").read_bytes()


def test_other_commands_start_without_matplotlib():
    code = "import sys, lparvm.cli; assert not [name for name in sys.modules if 'matplotlib' in name]"
    subprocess.run([sys.executable, "-c", code], check=True)
