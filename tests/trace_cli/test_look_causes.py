"""`lparvm trace why` and `effects`, through the command line."""

import os
import subprocess
import sys
import threading

import pytest

from lparvm.cli import group
from lparvm.errors import UsageError
from told_traces import Told

LPARVM = [sys.executable, "-m", "lparvm"]


def run(capsys, *arguments) -> tuple[int, list[str], str]:
    code = group.main(["trace", *arguments], standalone_mode=False)
    told = capsys.readouterr()
    return code, told.out.splitlines(), told.err


@pytest.fixture
def told() -> Told:
    """A command, what came of it, and something else beside it."""
    told = Told()
    command = told.tell("command.received", "SVP", op="op.1", text="MVSTOR A END")
    beside = told.tell("guest.danced", "LIP1")
    order = told.tell("MoveStorage", "SVP", op="op.1", cause=command, to="LPARCTL", lpar="A")
    told.tell("guest.danced", "LIP1", cause=beside)
    phase = told.tell("phase.entered", op="op.1", cause=order, lpar="A", phase="ADMITTING")
    told.tell("OperationAdvanced", op="op.1", cause=phase, to="SVP", lpar="A")
    told.tell("CheckAreas", op="op.1", cause=phase, to="RM")
    return told


@pytest.fixture
def file(tmp_path, told) -> str:
    return told.write(tmp_path / "told.jsonl")


def test_why_goes_from_the_command_to_the_event(file, capsys):
    code, lines, err = run(capsys, "why", file, "7")
    assert (code, err) == (0, "")
    assert lines == [
        '       1      0.001000           op.1     SVP: command.received text="MVSTOR A END"',
        "       3      0.003000     +2 ms op.1      SVP -> LPARCTL: MoveStorage lpar=A",
        "       5      0.005000     +2 ms op.1       LPARCTL: phase.entered lpar=A phase=ADMITTING state=X",
        "       7      0.007000     +2 ms op.1        LPARCTL -> RM: CheckAreas",
    ]


def test_an_event_may_be_named_as_in_a_listing(file, capsys):
    assert run(capsys, "why", file, "0x7") == run(capsys, "why", file, "7")


def test_why_of_a_long_chain_leaves_out_its_middle(tmp_path, capsys):
    told = Told()
    for number in range(300):
        told.tell("x.y", cause=number or None)
    _, lines, _ = run(capsys, "why", told.write(tmp_path / "t"), "300", "--limit", "4")
    assert [line.split()[0] for line in lines] == ["1", "2", "...", "299", "300"]
    assert "296 events left out" in lines[2]
    assert len(run(capsys, "why", told.write(tmp_path / "t"), "300")[1]) == 201


def test_effects_are_a_tree(file, capsys):
    code, lines, _ = run(capsys, "effects", file, "1")
    assert code == 0
    assert [(line.split()[0], len(line) - len(line[42:].lstrip())) for line in lines[:-1]] == [
        ("1", 42), ("3", 43), ("5", 44), ("6", 45), ("7", 45),
    ]  # fmt: skip
    assert lines[-1] == "4 effects: 4 shown"


@pytest.mark.parametrize(
    ("options", "shown", "counted"),
    [
        (("--depth", "2"), ["1", "3", "5", "...", "4"], "4 effects: 2 shown, 2 left out (--depth, --limit)"),
        (
            ("--limit", "3"),
            ["1", "3", "5", "...", "6", "4"],
            "4 effects: 3 shown, 1 left out (--depth, --limit)",
        ),
    ],
)
def test_effects_that_are_left_out_are_counted(file, capsys, options, shown, counted):
    _, lines, _ = run(capsys, "effects", file, "1", *options)
    assert [line.split()[0] for line in lines] == shown
    assert lines[-1] == counted
    assert "more below event 5" in "\n".join(lines)


@pytest.mark.parametrize("command", ["why", "effects"])
@pytest.mark.parametrize("seq", ["0", "8", "999999999999999999999999"])
def test_an_event_that_is_not_there_is_refused(file, command, seq, capsys):
    with pytest.raises(UsageError, match=rf"there is no event {seq}; expected a number from 1 to 7"):
        run(capsys, command, file, seq)


def test_a_cause_that_comes_later_is_told(tmp_path, told, capsys):
    told.events[2]["cause"] = 6
    code, lines, err = run(capsys, "why", told.write(tmp_path / "t"), "7")
    assert code == 1
    assert [line.split()[0] for line in lines] == ["3", "5", "7"]
    assert "event 3 names 6 as its cause, which comes later" in err


def test_problems_are_told_once(tmp_path, told, capsys):
    told.events[3]["seq"] = 40
    code, _, err = run(capsys, "why", told.write(tmp_path / "t"), "7")
    assert code == 1
    assert err.count("seq is 40; expected 4") == 1


@pytest.mark.parametrize("how", ["standard input", "fifo"])
@pytest.mark.parametrize("command", ["why", "effects"])
def test_a_pipe_is_read_like_a_file(tmp_path, told, file, command, how):
    data = told.bytes()
    expected = subprocess.run([*LPARVM, "trace", command, file, "5"], capture_output=True, check=True)
    if how == "standard input":
        arguments, given = ("-", "5"), data
    else:
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        arguments, given = (str(fifo), "5"), None
        threading.Thread(target=fifo.write_bytes, args=(data,), daemon=True).start()
    done = subprocess.run(
        [*LPARVM, "trace", command, *arguments], input=given, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, expected.stdout, b"")


def test_what_is_wrong_with_a_pipe_is_not_told_of_the_copy(told):
    for data in (b"", b"{}\n", told.bytes(version=9), told.bytes() + b"{}\n"):
        done = subprocess.run(
            [*LPARVM, "trace", "why", "-", "5"], input=data, capture_output=True, check=False
        )
        assert done.returncode in (1, 2)
        assert b"standard input:" in done.stderr
        assert b"lparvm-trace" not in done.stderr
