"""`lparvm trace show` and `format`, through the command line."""

import io
import signal
import subprocess
import sys
import threading

import pytest

from lparvm.cli import group
from lparvm.config import TRACE_UNWRITTEN_EVENTS_MAX
from told_traces import Told

LPARVM = [sys.executable, "-m", "lparvm"]


def run(capsys, *arguments) -> tuple[int, list[str], str]:
    """Exit code, lines of standard output, standard error."""
    code = group.main(["trace", *arguments], standalone_mode=False)
    told = capsys.readouterr()
    return code, told.out.splitlines(), told.err


@pytest.fixture
def told() -> Told:
    """A command, a part of its operation, a message, and an event of nobody."""
    told = Told()
    told.boot(A=(0, 8), AB=(8, 8))
    told.tell("command.received", "SVP", op="op.1", text="MVSTOR A END", t=1_000_000_000)
    told.tell("ReserveAreas", "LPARCTL", op="op.1.1", to="RM", t=1_002_500_000,
              placements=[{"lpar": "A", "zone": {"origin": 16, "extent": 8}, "iops": []}])  # fmt: skip
    told.tell("area.reserved", "RM", op="op.1.1", lpar="A", origin_frame=16, extent_frames=8, t=1_002_500_000)
    told.tell("machine.ended", "MACHINE", t=3_000_000_000)
    return told


@pytest.fixture
def file(tmp_path, told) -> str:
    return told.write(tmp_path / "told.jsonl")


def test_each_event_is_a_line_with_aligned_columns(file, capsys):
    code, lines, err = run(capsys, "show", file)
    assert (code, len(lines), err) == (0, 9, "")
    assert lines[5:8] == [
        '       6      1.000000   +995 ms op.1          SVP:                     command.received text="MVSTOR A END"',
        (
            "       7      1.002500   +2.5 ms op.1.1   203  LPARCTL -> RM:           "
            "ReserveAreas placements=[{lpar=A zone=16+8(64K+32K)}]"
        ),
        (
            "       8      1.002500           op.1.1   203  RM:                      "
            "area.reserved lpar=A frames 16+8 (64K+32K)"
        ),
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--op", "op.1"), [6, 7, 8]),
        (("--op", "1.1"), [7, 8]),
        (("--actor", "RM", "--actor", "SVP"), [6, 8]),
        (("--actor", "M*"), [1, 2, 3, 4, 5, 9]),
        (("--event", "area.*"), [8]),
        (("--event", "reserveareas", "--event", "machine.*"), [1, 7, 9]),
        (("--step", "203"), [7, 8]),
        (("--from", "1.001s", "--to", "1002500us"), [7, 8]),
        (("--lpar", "A"), [1, 2, 3, 6, 7, 8]),
        (("--lpar", "ab"), [1, 4, 5]),
        (("--lpar", "A", "--op", "op.1", "--step", "203", "--actor", "RM"), [8]),
    ],
)
def test_filters_choose_events(file, capsys, options, expected):
    _, lines, _ = run(capsys, "show", file, *options)
    assert [int(line.split()[0]) for line in lines] == expected


def test_times_since_the_operation_began(file, capsys):
    _, lines, _ = run(capsys, "show", file, "--since", "operation", "--op", "op.1")
    assert [line[23:33].strip() for line in lines] == ["", "", ""]
    assert run(capsys, "show", file, "--op", "op.1")[1][1][23:33].strip() == "+2.5 ms"


def test_the_time_since_is_that_of_the_operation_not_of_what_is_shown(tmp_path, told, capsys):
    told.tell("command.answered", "SVP", op="op.1", t=4_000_000_000)
    _, lines, _ = run(
        capsys, "show", told.write(tmp_path / "t"), "--since", "operation", "--event", "command.answered"
    )
    assert "+3 s" in lines[0]


def test_that_nothing_is_meant_is_told(file, capsys):
    code, lines, err = run(capsys, "show", file, "--op", "op.7")
    assert (code, lines) == (0, [])
    assert err == f"lparvm: {file}: of 9 events, none is meant\n"


@pytest.mark.parametrize(
    ("options", "problem"),
    [(("--from", "1"), "'1' is not a duration"), (("--step", "x"), "'x' is not a valid integer"),
     (("--since", "yesterday"), "'yesterday' is not one of")],
)  # fmt: skip
def test_bad_usage_is_one_line(file, options, problem):
    done = subprocess.run(
        [*LPARVM, "trace", "show", file, *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1


def test_colours_are_for_terminals_and_no_color_is_respected(file, monkeypatch, capsys):
    plain = run(capsys, "show", file)[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = run(capsys, "show", file)[1]
    assert any("\x1b[36m" in line for line in coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    uncoloured = run(capsys, "show", file)[1]
    assert not any("\x1b" in line for line in uncoloured)
    assert uncoloured[1:] == plain, "a terminal gets titles as well"


def test_a_listing_has_heading_pages_entries_and_identifiers(file, capsys):
    code, lines, _ = run(capsys, "format", file, "--step", "203", "--lines", "60")
    assert code == 0
    text = "\n".join(lines)
    assert "**** GTFTRACE DISPLAY OPTIONS IN EFFECT ****\n STEP=(203)\n" in text
    assert "LEVEL=STORAGE" in text
    title = next(number for number, line in enumerate(lines) if line.startswith("LPARVM TRACE FORMAT - told"))
    assert lines[title].endswith("PAGE 00001")
    assert lines[title + 2].startswith(
        "SEQ----- TIME-STAMP-------- IDENT----------- EVENT-ID- STP OPERATION CAUSE--- UNIQUE-"
    )
    assert lines[title + 3].split() == (
        [
            "00000007",
            "00:00:01.002500000",
            "LPARCTL",
            "RESEAREA",
            "203",
            "op.1.1",
            "TO......",
            "RM",
            "LPAR....",
            "A",
            "ORIGIN..",
            "00000010",
        ]
    )
    assert "AREA.RESE area.reserved                             1" in text
    assert lines[-1].strip() == "**** END OF TRACE - VERDICT INTACT - 2 OF 9 EVENTS SHOWN ****"


def test_the_help_describes_the_columns(capsys):
    group.main(["trace", "format", "--help"], standalone_mode=False)
    text = capsys.readouterr().out
    for column in ("SEQ", "TIME-STAMP", "IDENT", "EVENT-ID", "STP", "OPERATION", "CAUSE", "UNIQUE"):
        assert f"\n  {column}" in text


@pytest.mark.parametrize("command", ["show", "format"])
def test_a_trace_is_read_from_standard_input(told, command, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(told.bytes()))))
    code, lines, _ = run(capsys, command, "-", "--op", "op.1.1")
    assert code == 0
    assert any("op.1.1" in line for line in lines)


def test_what_is_found_is_written_before_the_rest_is_read(told):
    """The first event that is meant arrives while the trace is still being written; and so does a later one."""
    data = told.bytes(trailer=False)
    process = subprocess.Popen(
        [*LPARVM, "trace", "show", "-", "--op", "op.1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    try:
        for _ in range(2):
            # Not even a block of the reader's more than the event: the rest of a block may have to come first.
            process.stdin.write(data)
            filler = b'{"seq":1,"t":0,"actor":"X","event":"x.y","op":null,"cause":null,"step":null}\n'
            process.stdin.write(filler * (TRACE_UNWRITTEN_EVENTS_MAX * 2))
            process.stdin.flush()
            assert b"command.received" in process.stdout.readline()
            for expected in (b"ReserveAreas", b"area.reserved"):
                assert expected in process.stdout.readline()
            data = data.split(b"\n", 1)[1]
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def test_a_file_that_is_still_written_is_followed(tmp_path, told):
    path, data = tmp_path / "growing", told.bytes(trailer=False)
    *begun, last = data.splitlines(keepends=True)
    path.write_bytes(b"".join(begun) + last[:20])
    process = subprocess.Popen(
        [*LPARVM, "trace", "show", "--follow", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    try:
        for _ in begun[1:]:
            assert process.stdout.readline()
        with path.open("ab") as file:
            file.write(last[20:])
        assert b"machine.ended" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    finally:
        watchdog.cancel()
        process.kill()
    assert (process.returncode, err.strip()) == (130, b"")


@pytest.mark.parametrize("command", ["show", "format"])
def test_a_reader_that_goes_away_ends_it_quietly(tmp_path, command):
    told = Told()
    for _ in range(20_000):
        told.tell("guest.danced", "LIP1")
    file = told.write(tmp_path / "long")
    process = subprocess.Popen(
        [*LPARVM, "trace", command, file], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
