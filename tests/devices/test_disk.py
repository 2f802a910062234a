"""What a disk keeps, and which files it takes."""

import errno
import os
import re
from pathlib import Path

import pytest

from lparvm.config import DISK_BLOCKS_MAX
from lparvm.devices import disk as disk_module
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.disk import Disk
from lparvm.errors import UsageError

BLOCK = bytes(range(256)) * 2


def make(**options):
    return Disk(0x190, 0, options)


def refused(**options):
    with pytest.raises(UsageError) as caught:
        make(**options)
    text = str(caught.value)
    assert re.fullmatch(r"device 0190 \(disk\): .*expected .*", text), text
    return text


def open_descriptors():
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


def fails(*_arguments):
    raise OSError(errno.EIO, "Input/output error")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "disk.img"


def test_blocks_that_were_never_written_are_zeros_and_take_no_room():
    disk = make(size="2T")
    assert disk.blocks == DISK_BLOCKS_MAX
    disk.seek(DISK_BLOCKS_MAX - 1)
    assert disk.read_block() == bytes(512)
    assert disk._memory == {}


def test_a_transfer_advances_to_the_next_block_up_to_the_end():
    disk = make(size=1024)
    disk.write_block(BLOCK)
    disk.write_block(BLOCK[::-1])
    with pytest.raises(DeviceCheck, match="block 2; expected one below 2") as caught:
        disk.write_block(BLOCK)
    assert caught.value.sense == Sense.COMMAND_REJECT
    with pytest.raises(DeviceCheck):
        disk.read_block()
    disk.seek(0)
    assert (disk.read_block(), disk.read_block()) == (BLOCK, BLOCK[::-1])


def test_a_seek_to_no_block_leaves_the_disk_where_it_stood():
    disk = make(size=1024)
    disk.seek(1)
    with pytest.raises(DeviceCheck):
        disk.seek(2)
    assert disk.block == 1


def test_a_file_outlives_its_disk_and_is_sparse(path):
    disk = make(path=str(path), size="64M")
    disk.seek(100_000)
    disk.write_block(BLOCK)
    disk.close()
    found = path.stat()
    assert found.st_size == 64 << 20
    assert found.st_blocks * 512 <= 1 << 20
    again = make(path=str(path))
    assert again.blocks == (64 << 20) // 512, "a file that exists has its own size"
    again.seek(100_000)
    assert again.read_block() == BLOCK
    assert again.read_block() == bytes(512)
    again.close()


def test_an_empty_file_is_a_new_disk(path):
    path.touch()
    disk = make(path=str(path), size="4K")
    disk.close()
    assert path.read_bytes() == bytes(4096)


def test_a_closed_disk_reads_and_writes_nothing(path):
    disk = make(path=str(path), size="4K")
    disk.close()
    disk.close()
    for access, arguments in ((disk.read_block, ()), (disk.write_block, (BLOCK,))):
        with pytest.raises(DeviceCheck, match="closed"):
            access(*arguments)
    assert disk.block == 0
    make().close()  # in memory: nothing to close


@pytest.mark.parametrize("size", [513, "1023", DISK_BLOCKS_MAX * 512 + 512, "100000000T"])
def test_a_size_that_no_disk_has_is_refused(size):
    assert "option 'size'" in refused(size=size)


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
    monkeypatch.setattr(disk_module.os, "open", only_reading)
    assert "Permission denied; expected a file that can be read and written" in refused(path=str(path))


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    assert "too long" in refused(path=str(tmp_path / ("x" * 300)))
    assert "surrogates" in refused(path=str(tmp_path / "\ud800"))


def test_a_file_of_broken_blocks_is_refused_and_left_alone(path):
    path.write_bytes(b"x" * 1000)
    assert "the file has 1000 bytes; expected a multiple of 512" in refused(path=str(path))
    assert path.read_bytes() == b"x" * 1000


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


def test_nothing_stays_open_after_a_refusal(path):
    path.write_bytes(b"x" * 1000)
    before = open_descriptors()
    refused(path=str(path))
    assert open_descriptors() == before


@pytest.mark.parametrize(("access", "call"), [("read_block", "pread"), ("write_block", "pwrite")])
def test_an_error_of_the_file_is_a_unit_check(path, monkeypatch, access, call):
    disk = make(path=str(path), size="4K")
    arguments = (BLOCK,) if access == "write_block" else ()
    monkeypatch.setattr(disk_module.os, call, fails)
    with pytest.raises(DeviceCheck, match="block 0: Input/output error") as caught:
        getattr(disk, access)(*arguments)
    assert caught.value.sense == Sense.EQUIPMENT_CHECK
    assert disk.block == 0
    disk.close()


def test_a_block_that_was_written_in_part_is_a_unit_check(path, monkeypatch):
    disk = make(path=str(path), size="4K")
    monkeypatch.setattr(disk_module.os, "pwrite", lambda *_: 100)
    with pytest.raises(DeviceCheck, match="only 100 bytes"):
        disk.write_block(BLOCK)
    disk.close()


def test_a_file_that_somebody_cuts_short_is_a_unit_check(path):
    disk = make(path=str(path), size="4K")
    os.truncate(path, 0)
    with pytest.raises(DeviceCheck, match="short"):
        disk.read_block()
    disk.close()


def test_what_cannot_be_kept_is_told_when_the_disk_is_closed(path, monkeypatch):
    disk = make(path=str(path), size="4K")
    monkeypatch.setattr(disk_module.os, "fsync", fails)
    with pytest.raises(UsageError, match="Input/output error, when it was closed"):
        disk.close()
    disk.close()
    monkeypatch.undo()
    make(path=str(path)).close()  # closed all the same: the lock is gone
