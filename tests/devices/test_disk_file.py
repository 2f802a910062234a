"""A disk in a file: which files it takes, and what it keeps of a run that was killed."""

import errno
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lparvm
from lparvm.devices import blocks as blocks_module
from lparvm.devices import files as files_module
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.disk import Disk
from lparvm.devices.intents import Intents
from lparvm.errors import UsageError

from .disks import read, write

BLOCK = bytes(range(256)) * 2
ROOT = Path(lparvm.__file__).parent.parent
TESTS = Path(__file__).parent.parent


def make(**options):
    return Disk(0x190, 0, options)


def refused(**options):
    before = open_descriptors()
    with pytest.raises(UsageError) as caught:
        make(**options)
    text = str(caught.value)
    assert re.fullmatch(r"device 0190 \(disk\): .*expected .*", text), text
    assert open_descriptors() == before, "nothing stays open"
    return text


def open_descriptors():
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


def fails(*_arguments):
    raise OSError(errno.EIO, "Input/output error")


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


# Files


def test_a_file_outlives_its_disk_and_is_sparse(path, intents):
    disk = make(path=str(path), size="64M")
    write(disk, 100_000, BLOCK, last=131_071)
    assert intents.exists()
    disk.close()
    disk.close()
    assert not intents.exists(), "a clean end leaves nothing beside the file"
    found = path.stat()
    assert found.st_size == 64 << 20
    assert found.st_blocks * 512 <= 1 << 20
    again = make(path=str(path))
    assert again.blocks == (64 << 20) // 512, "a file that exists has its own size"
    assert read(again, 100_000, 2, last=131_071) == BLOCK + bytes(512)
    again.close()


def test_an_empty_file_is_a_new_disk_whatever_lies_beside_it(path, intents):
    path.touch()
    intents.write_text("left of another disk")
    disk = make(path=str(path), size="4K")
    disk.close()
    assert path.read_bytes() == bytes(4096)
    assert not intents.exists()


def test_a_link_to_a_file_that_is_missing_makes_it(path, tmp_path):
    (tmp_path / "link").symlink_to(path)
    make(path=str(tmp_path / "link"), size="4K").close()
    assert path.read_bytes() == bytes(4096)


def test_more_blocks_than_are_read_at_once(path, monkeypatch):
    monkeypatch.setattr(blocks_module, "DISK_READ_BLOCKS_MAX", 3)
    disk = make(path=str(path), size="8K")
    data = os.urandom(8 * 512)
    write(disk, 2, data)
    assert read(disk, 2, 8) == data
    assert read(disk, 2, 8, size=2000) == data[:2000]
    disk.close()


def test_a_closed_file_is_read_and_written_no_more(path):
    disk = make(path=str(path), size="8K")
    disk.close()
    for access in (lambda: read(disk, 0, 1), lambda: write(disk, 0, BLOCK)):
        with pytest.raises(DeviceCheck, match="closed"):
            access()


@pytest.mark.parametrize("path", ["", "a\0b", 5, None, ["x"]])
def test_what_is_no_path_is_refused(path):
    assert "option 'path'" in refused(path=path)


def test_a_file_in_a_missing_directory_is_refused(tmp_path):
    assert "No such file or directory" in refused(path=str(tmp_path / "none" / "disk.img"))


def test_a_directory_is_refused(tmp_path):
    assert "Is a directory" in refused(path=str(tmp_path))


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in refused(path=str(tmp_path / "pipe"))
    assert "no regular file" in refused(path="/dev/null")


def test_a_read_only_file_is_refused(path, monkeypatch):
    def only_reading(_path, flags, _mode):
        assert flags & os.O_RDWR
        raise PermissionError(errno.EACCES, "Permission denied")

    # In place of chmod: nothing is read-only for root.
    monkeypatch.setattr(files_module.os, "open", only_reading)
    assert "Permission denied; expected a file that can be read and written" in refused(path=str(path))


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    assert "too long" in refused(path=str(tmp_path / ("x" * 300)))
    assert "surrogates" in refused(path=str(tmp_path / "\ud800"))


def test_a_new_file_is_gone_again_where_the_one_beside_it_cannot_be_made(tmp_path):
    path = tmp_path / ("x" * 250)  # with ".intent" the name is too long
    assert "too long" in refused(path=str(path))
    assert not path.exists()


def test_a_new_file_is_gone_again_where_it_cannot_have_its_size(path, intents, monkeypatch):
    def too_large(_descriptor, size_bytes):
        if size_bytes:
            raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr(blocks_module.os, "ftruncate", too_large)
    assert "File too large" in refused(path=str(path))
    assert not path.exists()
    assert not intents.exists()


def test_a_file_of_broken_blocks_is_refused_and_left_alone(path, intents):
    path.write_bytes(b"x" * 1000)
    assert "the file has 1000 bytes; expected a multiple of 512" in refused(path=str(path))
    assert path.read_bytes() == b"x" * 1000
    assert not intents.exists()


@pytest.mark.parametrize("size", ["1K", "4K"])
def test_a_file_of_another_size_than_asked_for_is_refused_and_left_alone(path, size):
    path.write_bytes(b"x" * 2048)
    assert "the file has 2048 bytes; expected" in refused(path=str(path), size=size)
    assert path.read_bytes() == b"x" * 2048


def test_a_file_belongs_to_one_disk_at_a_time(path):
    first = make(path=str(path), size="4K")
    assert "another device or run uses it" in refused(path=str(path))
    first.close()
    make(path=str(path)).close()


# Errors of the file


def test_an_error_of_reading_is_an_equipment_check(path, monkeypatch):
    disk = make(path=str(path), size="8K")
    monkeypatch.setattr(blocks_module.os, "preadv", fails)
    with pytest.raises(DeviceCheck, match="block 3: Input/output error") as caught:
        read(disk, 3, 1)
    assert caught.value.sense == Sense.EQUIPMENT_CHECK
    disk.close()


def test_a_file_that_somebody_cuts_short_is_an_equipment_check(path):
    disk = make(path=str(path), size="8K")
    os.truncate(path, 0)
    with pytest.raises(DeviceCheck, match="short") as caught:
        read(disk, 0, 1)
    assert caught.value.sense == Sense.EQUIPMENT_CHECK
    disk.close()


def partly(monkeypatch, bytes_written, then):
    """The next write of blocks does a part of it, then calls `then`."""
    whole = os.pwritev

    def pwritev(descriptor, parts, offset):
        if sum(map(len, parts)) < 512:  # a record of the intents
            return whole(descriptor, parts, offset)
        monkeypatch.setattr(files_module.os, "pwritev", whole)
        written = whole(descriptor, [b"".join(parts)[:bytes_written]], offset)
        return then() or written

    monkeypatch.setattr(files_module.os, "pwritev", pwritev)


def test_a_write_that_the_system_does_in_two_parts_is_whole(path, monkeypatch):
    disk = make(path=str(path), size="8K")
    partly(monkeypatch, 700, lambda: None)
    write(disk, 1, BLOCK * 2 + b"end")
    assert read(disk, 1, 3) == BLOCK * 2 + b"end" + bytes(509)
    disk.close()


def test_a_write_that_the_system_does_not_finish_is_torn(path, intents, monkeypatch):
    disk = make(path=str(path), size="8K")
    partly(monkeypatch, 700, fails)
    with pytest.raises(DeviceCheck, match="block 1: Input/output error") as caught:
        write(disk, 1, BLOCK * 2)
    assert caught.value.sense == Sense.EQUIPMENT_CHECK
    assert "block 1" in data_check(disk, 1)
    disk.close()
    assert intents.exists()


def test_what_cannot_be_noted_is_not_written(path, monkeypatch):
    disk = make(path=str(path), size="8K")
    monkeypatch.setattr(files_module.os, "pwritev", fails)
    with pytest.raises(DeviceCheck, match="Input/output error"):
        write(disk, 0, BLOCK)
    monkeypatch.undo()
    assert read(disk, 0, 1) == bytes(512)
    disk.close()


def test_what_cannot_be_kept_is_told_when_the_disk_is_closed(path, monkeypatch):
    disk = make(path=str(path), size="4K")
    monkeypatch.setattr(files_module.os, "fsync", fails)
    with pytest.raises(UsageError, match="Input/output error, when it was closed"):
        disk.close()
    disk.close()
    monkeypatch.undo()
    make(path=str(path)).close()  # closed all the same: the lock is gone


# Torn writes


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
    for first, count, whole in events:
        count = min(count, 32 - first)
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
        try:
            intents.end(first, count)
        except Killed:
            pass
    intents._file.drop()
    intents = Intents(path, lambda _, problem, __: UsageError(problem))
    intents.open(50, new=False)
    for block in torn - set(range(first, first + count)):
        assert intents.torn(block, 1) is not None, f"block {block} is torn still"
    intents.close()
