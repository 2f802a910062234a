"""A disk in a file: which files it takes, and what becomes of errors of the file."""

import errno
import os
import re
from pathlib import Path

import pytest

from lparvm.devices import blocks as blocks_module
from lparvm.devices import files as files_module
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.disk import Disk
from lparvm.errors import UsageError

from .disks import partly, read, write

BLOCK = bytes(range(256)) * 2


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
    with pytest.raises(DeviceCheck) as caught:
        read(disk, 1, 1)
    assert caught.value.sense == Sense.DATA_CHECK
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
