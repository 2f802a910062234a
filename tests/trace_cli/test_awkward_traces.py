"""Every command that reads by eye, on every awkward file: one clear line or the rest of it, never a traceback."""

import gzip
import io
import os
import subprocess
import sys

import pytest
import zstandard

from lparvm.cli import group
from lparvm.errors import UsageError
from lparvm.trace.vocabulary import VOCABULARY
from told_traces import Told

COMMANDS = {
    "show": (),
    "format": (),
    "summary": (),
    "summary --json": ("--json",),
    "why": ("7",),
    "effects": ("1",),
    "frame": ("5",),
    "page": ("A", "4096"),
    "diff": ("itself",),
}
WRONG = (
    None,
    True,
    -1,
    10**18,
    0.5,
    "x\x1b[0m\n",
    [],
    [[[]]],
    {},
    {"a": {"zone": 3, "origin": []}},
    ["swap", 1],
    1,
)


def run(command: str, file: str) -> int:
    verb, *_ = command.split()
    more = [file if word == "itself" else word for word in COMMANDS[command]]
    code = group.main(["trace", verb, file, *more], standalone_mode=False)
    return 0 if code is None else code


def telling() -> Told:
    told = Told()
    told.boot(A=(0, 8), B=(8, 8))
    told.move("A", 0, 16, 8)
    told.chunk("A", 0, 8, 8)
    told.tell("phase.entered", op="op.1", lpar="A", phase="MOVING", cause=1)
    told.tell("sie.issued", "LIP1", lpar="A", lip="LIP1", origin_frame=0, extent_frames=8, cause=8)
    return told


@pytest.fixture(params=COMMANDS)
def command(request) -> str:
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "awkward"


UNUSABLE = {
    "an empty file": b"",
    "a binary file": bytes(range(256)) * 50,
    "another's JSON": b'{"a":1}\n',
    "a text": b"hello\nworld\n",
    "a gzip of nothing": gzip.compress(b""),
    "10 MB on the first line": b"x" * 10_000_000,
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_is_no_trace_is_one_line(path, command, case):
    path.write_bytes(UNUSABLE[case])
    with pytest.raises(UsageError) as caught:
        run(command, str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_not_there_is_one_line(path, command):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        run(command, str(path))


def test_a_directory_is_one_line(tmp_path, command):
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        run(command, str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_one_line(path, command):
    telling().write(path)
    path.chmod(0)
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        run(command, str(path))


def _cut_off() -> bytes:
    return telling().bytes(trailer=False)[:-20]


READABLE = {
    # what it is: (bytes, exit code, told on standard error)
    "gzip": (lambda: gzip.compress(telling().bytes()), 0, ""),
    "Zstandard": (lambda: zstandard.compress(telling().bytes()), 0, ""),
    "gzip, truncated": (lambda: gzip.compress(telling().bytes(), 0)[:-200], 1, "expected the rest of the file"),
    "cut off": (lambda: telling().bytes(trailer=False), 0, "cut off after line 10"),
    "a later version": (lambda: telling().bytes(version=2), 1, ":1: version 2 is unknown"),
    "10 MB on a line": (
        lambda: telling().bytes(trailer=False) + b'"' + b"x" * 10_000_000 + b'"\n', 1, "the line is too long",
    ),
    "a line that is no JSON": (lambda: telling().bytes(trailer=False) + b"{what\n", 1, "not JSON"),
    "a missing field": (lambda: telling().bytes(trailer=False) + b'{"seq":1}\n', 1, "missing field"),
    "a header of wrong types": (
        lambda: telling().bytes(scenario=[1], seed={}, clock=None, level=7, lparvm="a\x1b\n"), 0, "",
    ),
    "a trailer of wrong types": (
        lambda: telling().bytes(trailer=False) + b'{"trailer":true,"verdict":["intact"],"events":"x"}\n', 1,
        "the trailer's events",
    ),
    "a header with little": (lambda: b'{"trace":"lparvm","version":1}\n' + telling().bytes().split(b"\n", 1)[1], 0, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", READABLE)
def test_what_can_be_read_is(path, command, case, capsys):
    data, code, told = READABLE[case]
    path.write_bytes(data())
    got = run(command, str(path))
    out = capsys.readouterr()
    # A trailer without a verdict is no good verdict.
    assert got == max(code, int(case == "a trailer of wrong types"))
    assert told in out.err
    assert out.out.strip()
    assert "\x1b" not in out.out + out.err


def test_a_torn_last_event_is_left_out(path, command, capsys):
    path.write_bytes(_cut_off())
    assert run(command, str(path)) == 0
    assert "cut off" in capsys.readouterr().err


def test_unknown_events_and_further_fields_are_read(path, command, capsys):
    told = telling()
    told.events[4]["colour"] = {"green": [1, None]}
    told.tell("guest.danced", "LIP1", waltz=3)
    told.tell("GuestDanced", "LIP1", to=3)
    told.write(path)
    assert run(command, str(path)) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("value", WRONG)
def test_wrong_values_in_every_field_of_every_event(path, command, value, capsys):
    """Facts with a wrong field are left out by the reader; messages, and what is nested, hold anything."""
    told = telling()
    for name, kind in VOCABULARY.items():
        if name == "machine.started":
            continue  # another machine is no wrong value
        told.tell(name, op="op.1", cause=2, lpar="A")
        for field, text in kind.fields.items():
            fits = kind.message or text.startswith(("list", "dict"))
            nested = {"list": [value, [value, value, value, value]], "dict": {"x": value}}
            wrong = nested.get(text[:4], value) if not kind.message else value
            if fits:
                told.tell(name, op="op.1", cause=2, **{"lpar": "A", field: wrong})
    told.write(path)
    assert run(command, str(path)) in (0, 1)
    out = capsys.readouterr()
    assert out.out.strip()
    assert "Traceback" not in out.out + out.err
    assert "\x1b" not in out.out


def test_numbers_that_no_trace_has(path, command, capsys):
    told = telling()
    for seq, t, cause in ((2**63, -1, 2**64 - 1), (-5, 2**64 - 1, -5), (0, 0, 0)):
        told.tell("guest.danced", t=t, cause=cause)
        told.events[-1]["seq"] = seq
    for _ in range(2):
        told.tell("chunk.moved", lpar="A", first_page=2**63, pages=2**63)
        told.zoned("area.poisoned", "A", -(2**63), 2**64 - 1)
        told.tell("guest.stood", lpar="A", stopped_ns=-(2**63), phases_ns={"x": 2**64 - 1})
    told.write(path)
    assert run(command, str(path)) == 1
    assert capsys.readouterr().out.strip()


def test_deep_nesting(path, command, capsys):
    deep = b'{"a":' * 500 + b"[" * 400 + b"1" + b"]" * 400 + b"}" * 500
    line = b'{"seq":10,"t":1,"actor":"RM","event":"ReserveAreas","op":"op.1","cause":9,"step":203,"to":"X","placements":'
    path.write_bytes(telling().bytes(trailer=False) + line + deep + b"}\n")
    assert run(command, str(path)) == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("verb", ["show", "format", "summary", "effects", "frame", "page", "why"])
def test_standard_input_as_well(verb, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(telling().bytes()))))
    assert run(verb, "-") == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("verb", ["show", "summary", "why"])
def test_a_whole_process_tells_one_line_and_no_traceback(path, verb):
    path.write_bytes(b"\x1f\x8b\x08\x00nonsense")
    command = [sys.executable, "-m", "lparvm", "trace", verb, str(path), *COMMANDS[verb]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_the_header_alone(path, command, capsys):
    path.write_bytes(Told().bytes(trailer=False))
    if command in ("why", "effects", "page"):
        with pytest.raises(UsageError, match="there is no"):
            run(command, str(path))
    else:
        assert run(command, str(path)) == 0
        told = capsys.readouterr()
        assert (told.out or told.err).strip()
