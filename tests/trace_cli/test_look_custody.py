"""`lparvm trace frame` and `page`, through the command line."""

import pytest
from click import BadParameter

from lparvm.cli import group
from lparvm.errors import UsageError
from told_traces import Told


def run(capsys, *arguments) -> tuple[int, list[str], str]:
    code = group.main(["trace", *arguments], standalone_mode=False)
    told = capsys.readouterr()
    return code, told.out.splitlines(), told.err


@pytest.fixture
def told() -> Told:
    told = Told()
    told.boot(frames=1024, A=(256, 8))
    told.move("A", 256, 512, 8)
    told.chunk("A", 0, 8, 8)
    told.zoned("zone.moved", "A", 512, 8, from_frame=256)
    told.tell(
        "storage.accessed", "LIP1", lpar="A", lip="LIP1", access="key", address=4096, host=513 << 12, bytes=1
    )
    return told


@pytest.fixture
def file(tmp_path, told) -> str:
    return told.write(tmp_path / "told.jsonl")


def test_the_story_of_a_frame(file, capsys):
    code, lines, err = run(capsys, "frame", file, "257")
    assert (code, err) == (0, "")
    assert lines[-3:] == [
        (
            "       5      0.005000 op.1     206 LPARCTL        page 1 (4K) of A leaves for frame 513 (2052K): "
            "chunk of pages [0, 8), cursor 8 pages across"
        ),
        (
            "       6      0.006000 op.1         RM             "
            "commit: vacated by A, which is at frames 512+8 (2M+32K) now"
        ),
        "at the end: frame 257 (1028K) is vacated by, and still held for, A; it holds the old copy of page 1 (4K) of A",
    ]


@pytest.mark.parametrize("text", ["257", "1028K", "0x101000", "0x101FFF", "1052672B"])
def test_a_frame_is_named_by_number_or_address(file, capsys, text):
    assert run(capsys, "frame", file, text) == run(capsys, "frame", file, "257")


def test_the_story_of_a_page(file, capsys):
    code, lines, err = run(capsys, "page", file, "a", "4096")
    assert (code, err) == (0, "")
    assert "from frame 257 (1028K) to frame 513 (2052K)" in lines[3]
    assert lines[-2].endswith("LIP1: 1 key access")
    assert (
        lines[-1] == "at the end: page 1 (4K) of A is in frame 513 (2052K), in its zone frames 512+8 (2M+32K)"
    )
    assert run(capsys, "page", file, "A", "0x1FFF")[1] == lines


def test_accesses_are_shown_one_by_one_on_demand(tmp_path, told, capsys):
    for _ in range(3):
        told.events.append({**told.events[-1], "seq": len(told.events) + 1})
    file = told.write(tmp_path / "t")
    assert run(capsys, "page", file, "A", "4K")[1][-2].endswith("LIP1: 4 key access")
    lines = run(capsys, "page", file, "A", "4K", "--accesses")[1]
    assert [line.endswith("LIP1: key access") for line in lines[-5:-1]] == [True] * 4


def test_what_the_level_leaves_out_is_told(tmp_path, told, capsys):
    for command in (("frame", "1"), ("page", "A", "0")):
        file = told.write(tmp_path / "t", level="io")
        lines = run(capsys, command[0], file, *command[1:])[1]
        assert lines[-1] == "accesses of guests are not told at level io"


def test_an_lpar_that_is_not_there_is_refused(file, capsys):
    with pytest.raises(UsageError, match="there is no LPAR 'Z'; expected one of A"):
        run(capsys, "page", file, "Z", "0")


def test_a_frame_beyond_main_storage_is_refused(file, capsys):
    with pytest.raises(UsageError, match="frame 1024: main storage has 1024 frames"):
        run(capsys, "frame", file, "4M")


@pytest.mark.parametrize("arguments", [("frame", "x"), ("frame", "0xg"), ("page", "A", "1Q")])
def test_what_is_no_address_is_refused(file, capsys, arguments):
    with pytest.raises(BadParameter, match="is not a"):
        run(capsys, arguments[0], file, *arguments[1:])
