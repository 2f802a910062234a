"""`lparvm trace diff`, through the command line."""

import gzip
import subprocess
import sys

import pytest

from lparvm.cli import group
from lparvm.errors import UsageError
from told_traces import Told

LPARVM = [sys.executable, "-m", "lparvm"]


def run(capsys, *arguments) -> tuple[int, list[str], str]:
    code = group.main(["trace", "diff", *map(str, arguments)], standalone_mode=False)
    told = capsys.readouterr()
    return code, told.out.splitlines(), told.err


def telling(moved: int = 4, *, more: int = 2) -> Told:
    told = Told()
    told.boot(A=(0, 8))
    told.tell("phase.entered", op="op.1", lpar="A", phase="MOVING")
    told.tell("ChunkMoved", op="op.1", to="LPARCTL", pages_across=moved)
    for _ in range(more):
        told.tell("guest.danced", "LIP1")
    return told


@pytest.fixture
def files(tmp_path):
    return tmp_path / "a", tmp_path / "b"


def test_equal_traces_but_for_the_header(files, capsys):
    telling().write(files[0])
    telling().write(files[1], started="another time", seed=8)
    assert run(capsys, *files) == (0, ["7 events are equal, verdict intact"], "")


def test_compressed_or_not_is_the_same(files, capsys):
    telling().write(files[0])
    files[1].write_bytes(gzip.compress(telling().bytes()))
    assert run(capsys, *files)[0] == 0


def test_the_first_difference_with_what_is_around_it(files, capsys):
    telling(4).write(files[0])
    telling(5).write(files[1], seed=8)
    code, lines, err = run(capsys, *files, "--context", "1")
    assert (code, err) == (1, "")
    assert lines == [
        f"A is {files[0]}, B is {files[1]}; 4 events are equal",
        "  the headers differ in seed: A 7, B 8",
        "  4 0.004000 op.1 LPARCTL: phase.entered lpar=A phase=MOVING state=X",
        "A 5 0.005000 op.1 206 LPARCTL -> LPARCTL: ChunkMoved pages_across=4(16K)",
        "A 6 0.006000 LIP1: guest.danced",
        "B 5 0.005000 op.1 206 LPARCTL -> LPARCTL: ChunkMoved pages_across=5(20K)",
        "B 6 0.006000 LIP1: guest.danced",
        "the events differ in",
        "  pages_across: A 4, B 5",
        "what the actors concerned told last",
        "  LPARCTL: 4 0.004000 op.1 LPARCTL: phase.entered lpar=A phase=MOVING state=X",
        "operations under way",
        "  op.1: A MOVING",
    ]


@pytest.mark.parametrize("order", [0, 1])
def test_one_that_is_the_beginning_of_the_other(files, capsys, order):
    telling(more=2).write(files[order])
    telling(more=5).write(files[1 - order])
    code, lines, _ = run(capsys, *files)
    assert code == 1
    ends, longer = ("A", "B") if order == 0 else ("B", "A")
    assert f"{ends} ends here: all of it stands at the beginning of {longer}" in lines
    assert sum(line.startswith(f"{longer} ") and "guest.danced" in line for line in lines) == 3


def test_ignored_fields_do_not_count(files, capsys):
    telling(4).write(files[0])
    other = telling(5)
    for event in other.events:
        event["t"] += 1
    other.write(files[1])
    assert run(capsys, *files)[0] == 1
    assert run(capsys, *files, "--ignore", "times")[0] == 1
    assert run(capsys, *files, "--ignore", "times,pages_across")[0] == 0
    assert run(capsys, *files, "--ignore", "t", "--ignore", "pages_across")[0] == 0


def test_ids_do_not_count_where_one_is_numbered_otherwise(files, capsys):
    one, other = telling(), telling()
    for event in other.events:
        event["op"] = event["op"] and "op.7"
        event["cause"] = 1
    one.write(files[0])
    other.write(files[1])
    assert run(capsys, *files)[0] == 1
    assert run(capsys, *files, "--ignore", "ids")[0] == 0


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"verdict": "damaged"}, "A verdict intact, B verdict damaged"),
        ({"trailer": False}, "A verdict intact, B cut"),
    ],
)
def test_ends_that_differ(files, capsys, how, told):
    telling().write(files[0])
    telling().write(files[1], **how)
    code, lines, _ = run(capsys, *files)
    assert code == 1
    assert f"7 events are equal, but the ends differ: {told}" in lines[0]


def test_a_part_that_was_not_read_is_not_said_to_be_cut_off(files, capsys):
    telling(4, more=50).write(files[0])
    telling(5, more=50).write(files[1])
    assert run(capsys, *files)[2] == ""


def test_problems_of_either_are_told(files, capsys):
    one = telling()
    one.write(files[0])
    one.events[5]["seq"] = 60
    one.write(files[1])
    code, _, err = run(capsys, *files, "--ignore", "seq")
    assert code == 1
    assert f"{files[1]}:7: seq is 60; expected 6" in err


def test_standard_input_is_one_of_them_at_most(files, capsys):
    telling().write(files[0])
    with pytest.raises(UsageError, match="both traces are standard input"):
        run(capsys, "-", "-")
    done = subprocess.run(
        [*LPARVM, "trace", "diff", "-", files[0]], input=telling().bytes(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"7 events are equal, verdict intact\n")


def test_what_is_no_field_is_refused(files, capsys):
    telling().write(files[0])
    with pytest.raises(UsageError, match="'a b' is not the name of a field"):
        run(capsys, files[0], files[0], "--ignore", "a b")
