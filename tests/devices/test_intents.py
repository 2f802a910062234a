"""Writes to a disk's file that are cut off as the run is killed."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lparvm
from lparvm.devices import files as files_module
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.disk import Disk
from lparvm.devices.intents import Intents
from lparvm.errors import UsageError

from .disks import partly, read, write

ROOT = Path(lparvm.__file__).parent.parent
TESTS = Path(__file__).parent.parent


def make(**options):
    return Disk(0x190, 0, options)


def refused(**options):
    with pytest.raises(UsageError) as caught:
        make(**options)
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "disk.img"


@pytest.fixture
def intents(path):
    return Path(f"{path}.intent")


def data_check(disk, block, count=1):
    with pytest.raises(DeviceCheck) as caught:
        read(disk, block, count)
    assert caught.value.sense == Sense.DATA_CHECK
    return str(caught.value)


class Killed(BaseException):
    pass


def kill(disk, monkeypatch, block, data, bytes_written):
    """The run ends as it writes: its descriptors are closed by the system, and nothing is tidied up."""

    def end():
        raise Killed

    partly(monkeypatch, bytes_written, end)
    with pytest.raises(Killed):
        write(disk, block, data)
    disk._store._file.drop()
    disk._store._intents._file.drop()


def test_a_torn_write_is_a_data_check_until_it_is_written_again(path, intents, monkeypatch):
    disk = make(path=str(path), size="8K")
    write(disk, 0, b"o" * 8192)
    kill(disk, monkeypatch, 4, b"n" * 2048, 700)
    assert intents.read_text() == "write            4            4\n"

    disk = make(path=str(path))
    assert read(disk, 0, 4) == b"o" * 2048
    assert read(disk, 8, 8) == b"o" * 4096
    for block in range(4, 8):
        assert f"block {block}" in data_check(disk, block)
    assert read(disk, 2, 4, size=600) == b"o" * 600, "the program's count ends before it"
    write(disk, 5, b"x" * 512)
    assert read(disk, 5, 1) == b"x" * 512
    disk.close()

    disk = make(path=str(path))
    for block in (4, 6, 7):
        data_check(disk, block)
    assert read(disk, 5, 1) == b"x" * 512
    write(disk, 3, b"y" * 2560)
    assert read(disk, 0, 16) == b"o" * 1536 + b"y" * 2560 + b"o" * 4096
    disk.close()
    assert not intents.exists()


def test_blocks_before_a_torn_one_are_given(path, monkeypatch):
    disk = make(path=str(path), size="8K")
    kill(disk, monkeypatch, 4, b"n" * 512, 1)
    disk = make(path=str(path))
    assert "block 4" in data_check(disk, 0, count=8)
    assert disk._block == 4
    disk.close()


KILLED_RUN = """
    import os, signal, sys
    sys.path[:0] = [{root!r}, {tests!r}]
    from devices.disks import write
    from lparvm.devices import files
    from lparvm.devices.disk import Disk
    disk = Disk(0x190, 0, {{"path": {path!r}, "size": "8K"}})
    write(disk, 0, b"o" * 8192)
    whole = os.pwritev
    def pwritev(descriptor, parts, offset):
        if sum(map(len, parts)) < 512:
            return whole(descriptor, parts, offset)
        whole(descriptor, [b"".join(parts)[:700]], offset)
        {end}
    os.pwritev = pwritev
    write(disk, 4, b"n" * 2048)
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param("os._exit(9)", 9, id="exit"),
        pytest.param("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, id="kill"),
    ],
)
def test_a_run_that_is_killed_in_a_write_leaves_it_torn_and_the_rest_as_it_was(path, end, code):
    program = KILLED_RUN.format(root=str(ROOT), tests=str(TESTS), path=str(path), end=end)
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False).returncode == code
    disk = make(path=str(path))
    assert "block 4" in data_check(disk, 4)
    assert read(disk, 0, 4) + read(disk, 8, 8) == b"o" * 6144
    write(disk, 4, b"n" * 2048)
    assert read(disk, 4, 4) == b"n" * 2048
    disk.close()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("hello, world", id="another file"),
        pytest.param("x" * 32, id="of the right length"),
        pytest.param("write            4            0\n", id="no blocks"),
        pytest.param("write           15            2\n", id="behind the disk"),
    ],
)
def test_a_file_beside_it_that_is_no_record_is_refused_and_left_alone(path, intents, text):
    path.write_bytes(bytes(8192))
    intents.write_text(text)
    assert f"{intents}: " in refused(path=str(path))
    assert intents.read_text() == text


@pytest.mark.parametrize("text", ["", "w", "write     ", " " * 31 + "\n", " " * 31 + "\nwrite "])
def test_a_record_that_was_cut_off_itself_tells_that_nothing_was_written(path, intents, text):
    path.write_bytes(bytes(8192))
    intents.write_text(text)
    disk = make(path=str(path))
    assert read(disk, 0, 16) == bytes(8192)
    disk.close()
    assert not intents.exists()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 31), st.integers(1, 12), st.booleans()), max_size=25))
def test_what_is_torn_is_what_was_cut_off_and_not_written_since(tmp_path_factory, events):
    path = str(tmp_path_factory.mktemp("intents") / "disk.img")

    def opened():
        intents = Intents(path, lambda _, problem, __: UsageError(problem))
        intents.open(32, new=False)
        return intents

    intents, torn = opened(), [False] * 32
    for first, blocks, whole in events:
        count = min(blocks, 32 - first)
        intents.begin(first, count)
        if whole:
            intents.end(first, count)
        else:
            intents._file.drop()
            intents = opened()
        torn[first : first + count] = [not whole] * count
        assert [intents.torn(block, 1) is not None for block in range(32)] == torn
    intents.close()
    intents = opened()
    assert [intents.torn(block, 1) is not None for block in range(32)] == torn
    intents.close()


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_kill_between_any_two_records_forgets_no_torn_block(tmp_path_factory, data):
    path = str(tmp_path_factory.mktemp("intents") / "disk.img")
    pairs = st.tuples(st.integers(0, 31), st.integers(1, 12))
    intents = Intents(path, lambda _, problem, __: UsageError(problem))
    intents.open(50, new=True)
    torn = set()
    for first, count in data.draw(st.lists(pairs, min_size=1, max_size=5)):
        intents.begin(first, count)
        intents.fail(first, count)
        torn |= set(range(first, first + count))
    first, count = data.draw(pairs)
    intents.begin(first, count)
    allowed = data.draw(st.integers(0, 6))
    note, done = os.pwritev, 0

    def until_killed(*arguments):
        nonlocal done
        done += 1
        if done > allowed:
            raise Killed
        return note(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files_module.os, "pwritev", until_killed)
        with contextlib.suppress(Killed):
            intents.end(first, count)
    intents._file.drop()
    intents = Intents(path, lambda _, problem, __: UsageError(problem))
    intents.open(50, new=False)
    for block in torn - set(range(first, first + count)):
        assert intents.torn(block, 1) is not None, f"block {block} is torn still"
    intents.close()
