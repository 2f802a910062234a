"""Tapes in files: the format, files that are none, and what is left of a run that was killed."""

import errno
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.device_commands import TapeCommand as T
from lparvm.devices import aws_tape as aws_module
from lparvm.devices import files as files_module
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.tape import Tape
from lparvm.errors import UsageError

from .test_tape import MARK, contents, control, failed, make, read, write


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tape.aws"


def part(data, before, flags=0xA0, more=0):
    return len(data).to_bytes(2, "little") + before.to_bytes(2, "little") + bytes((flags, more)) + data


def mark(before):
    return part(b"", before, 0x40)


VOL1 = b"VOL1" * 20
GOOD = part(VOL1, 0) + mark(80) + part(b"x", 0)


def written(path, *records):
    tape = make(path)
    write(tape, *records)
    tape.close()
    return path.read_bytes()


def refused(path):
    before = sorted(entry.name for entry in Path("/proc/self/fd").iterdir())
    with pytest.raises(UsageError) as caught:
        make(path)
    text = str(caught.value)
    assert re.fullmatch(r"device 0181 \(tape\): option 'path': .*; expected .*", text), text
    assert sorted(entry.name for entry in Path("/proc/self/fd").iterdir()) == before
    return text


def fails(*_arguments):
    raise OSError(errno.ENOSPC, "No space left on device")


# Format


def test_a_record_is_a_header_with_lengths_in_little_endian_and_its_data(path):
    data = written(path, VOL1, MARK, b"y" * 0x1234, b"z", MARK, MARK)
    assert data == (
        part(VOL1, 0) + mark(80) + part(b"y" * 0x1234, 0) + part(b"z", 0x1234) + mark(1) + mark(0)
    )
    assert data[:6].hex() == "50000000a000"


def test_the_length_before_is_right_also_after_writing_over_something(path):
    tape = make(path)
    write(tape, VOL1, b"12345", MARK)
    control(tape, T.BACKSPACE_BLOCK)
    control(tape, T.BACKSPACE_BLOCK)
    write(tape, b"abc")
    write(tape, MARK)
    tape.close()
    assert path.read_bytes() == part(VOL1, 0) + part(b"abc", 80) + mark(3)


def test_records_that_others_spread_over_parts_are_put_together(path):
    path.write_bytes(
        part(b"abc", 0, 0x80) + part(b"de", 3, 0x00) + part(b"f", 2, 0x20) + mark(1) + part(b"g", 0)
    )
    tape = make(path)
    assert contents(tape) == [b"abcdef", MARK, b"g"]
    control(tape, T.BACKSPACE_FILE)
    assert read(tape, T.READ_BACKWARD) == b"fedcba"
    control(tape, T.FORWARD_SPACE_BLOCK)
    write(tape, b"h")
    tape.close()
    assert path.read_bytes()[-7:] == part(b"h", 1), "the length before is that of the last part"


def test_an_empty_file_is_a_blank_tape(path):
    path.touch()
    tape = make(path)
    assert contents(tape) == []
    tape.close()
    assert path.read_bytes() == b""


def test_headers_are_found_over_several_reads_of_the_file(path, monkeypatch):
    monkeypatch.setattr(aws_module, "_SCAN_BYTES", 16)
    records = [b"x" * length for length in (1, 2, 3, 10, 20, 1, 1, 1)]
    written(path, *records)
    tape = make(path)
    assert contents(tape) == records
    tape.close()


# Files that are no tapes


@pytest.mark.parametrize(
    ("data", "place"),
    [
        pytest.param(b"hello", 0, id="less than a header"),
        pytest.param(b"This is a text, and no tape.\n" * 50, 0, id="text"),
        pytest.param(bytes(4096), 0, id="zeros"),
        pytest.param(part(VOL1, 7), 0, id="something before the first record"),
        pytest.param(part(b"x", 0, 0x40), 0, id="a tape mark with data"),
        pytest.param(part(b"", 0), 0, id="a record without data"),
        pytest.param(part(b"x", 0, 0xE0), 0, id="a record and a tape mark"),
        pytest.param(part(b"x", 0, 0x20), 0, id="an end without a beginning"),
        pytest.param(part(b"x", 0, 0xA1), 0, id="compressed"),
        pytest.param(part(b"x", 0, 0xA0, 1), 0, id="other flags"),
        pytest.param(GOOD + part(b"y", 3), len(GOOD), id="a wrong length before"),
        pytest.param(GOOD + bytes(512), len(GOOD), id="zeros behind a tape"),
        pytest.param(part(b"x", 0, 0x80) + part(b"y", 1), 7, id="two beginnings"),
        pytest.param(part(b"x", 0, 0x80) + mark(1), 7, id="a tape mark within a record"),
        pytest.param(
            part(bytes(65_535), 0, 0x80) + part(b"y", 65_535, 0x20), 65_541, id="a record that is too long"
        ),
    ],
)
def test_a_file_that_is_no_tape_is_refused_and_left_alone(path, data, place):
    path.write_bytes(data)
    assert f"there is no header at byte {place};" in refused(path)
    assert path.read_bytes() == data


def test_files_that_cannot_be_used_are_refused(path, tmp_path):
    assert "No such file or directory" in refused(tmp_path / "none" / "tape.aws")
    assert "Is a directory" in refused(tmp_path)
    assert "no regular file" in refused("/dev/null")
    first = make(path)
    assert "another device or run uses it" in refused(path)
    first.close()


def test_a_read_only_file_is_refused(path, monkeypatch):
    def only_reading(*_arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files_module.os, "open", only_reading)
    assert "Permission denied" in refused(path)


# Torn tapes


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_record_that_was_cut_off_is_a_data_check_until_it_is_written_over(path, cut):
    whole = GOOD + part(b"abc", 1)
    path.write_bytes(whole[:-cut])
    tape = make(path)
    assert contents(tape) == [VOL1, MARK, b"x"]
    for command in (T.READ_FORWARD, T.FORWARD_SPACE_BLOCK, T.FORWARD_SPACE_FILE):
        assert failed(tape, command)[0] == Sense.DATA_CHECK
    assert read(tape, T.READ_BACKWARD) == b"x", "what is before it can be read"
    control(tape, T.FORWARD_SPACE_BLOCK)
    write(tape, b"new")
    assert contents(tape) == [VOL1, MARK, b"x", b"new"]
    tape.close()
    assert path.read_bytes() == GOOD + part(b"new", 1)


def test_a_tape_that_is_torn_and_not_written_is_left_as_it_is(path):
    path.write_bytes(GOOD[:-1])
    make(path).close()
    assert path.read_bytes() == GOOD[:-1]


@pytest.mark.parametrize("command", [T.ERASE_GAP, T.WRITE_TAPE_MARK])
def test_a_torn_place_can_be_erased_or_end_in_a_tape_mark(path, command):
    path.write_bytes(GOOD[:-1])
    tape = make(path)
    assert contents(tape) == [VOL1, MARK]
    control(tape, command)
    tape.close()
    assert path.read_bytes() == part(VOL1, 0) + mark(80) + (b"" if command is T.ERASE_GAP else mark(0))


def test_a_spread_record_that_was_cut_off_is_torn_from_its_beginning(path):
    path.write_bytes(part(b"x", 0) + part(b"abc", 1, 0x80) + part(b"de", 3, 0x20)[:-1])
    tape = make(path)
    assert contents(tape) == [b"x"]
    assert failed(tape, T.READ_FORWARD)[0] == Sense.DATA_CHECK
    write(tape, b"new")
    tape.close()
    assert path.read_bytes() == part(b"x", 0) + part(b"new", 1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.binary(min_size=1, max_size=40), st.just(MARK)), min_size=1, max_size=8), st.data()
)
def test_a_tape_that_is_cut_anywhere_keeps_what_is_whole(tmp_path_factory, records, data):
    path = tmp_path_factory.mktemp("tape") / "tape.aws"
    whole = written(path, *records)
    path.write_bytes(whole[: data.draw(st.integers(6, len(whole)))])
    tape = make(path)
    found = contents(tape)
    assert found == records[: len(found)]
    tape.close()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100))
def test_any_file_is_a_tape_or_refused_in_one_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("tape") / "tape.aws"
    path.write_bytes(data)
    refusal = ""
    try:
        tape = make(path)
    except UsageError as error:
        refusal = str(error)
    else:
        contents(tape)
        tape.close()
    assert "\n" not in refusal
    assert path.read_bytes() == data


# Errors of the file


def test_a_record_that_could_not_be_written_leaves_no_trace(path, monkeypatch):
    tape = make(path)
    write(tape, b"1")
    whole = os.pwritev

    def partly(descriptor, parts, offset):
        monkeypatch.setattr(files_module.os, "pwritev", fails)
        return whole(descriptor, [b"".join(parts)[:8]], offset)

    monkeypatch.setattr(files_module.os, "pwritev", partly)
    assert failed(tape, T.WRITE, b"2" * 100)[0] == Sense.EQUIPMENT_CHECK
    monkeypatch.setattr(files_module.os, "pwritev", whole)
    assert contents(tape) == [b"1"]
    write(tape, b"3")
    tape.close()
    assert path.read_bytes() == part(b"1", 0) + part(b"3", 1)


def test_a_record_that_could_be_neither_written_nor_taken_back_is_torn(path, monkeypatch):
    tape = make(path)
    write(tape, b"1")
    with monkeypatch.context() as patch:
        patch.setattr(files_module.os, "pwritev", fails)
        patch.setattr(aws_module.os, "ftruncate", fails)
        assert failed(tape, T.WRITE, b"2")[0] == Sense.EQUIPMENT_CHECK
    assert failed(tape, T.READ_FORWARD)[0] == Sense.DATA_CHECK
    write(tape, b"3")
    assert contents(tape) == [b"1", b"3"]
    tape.close()


def test_a_tape_that_cannot_be_cut_stays_as_it_was(path, monkeypatch):
    tape = make(path)
    write(tape, b"1", b"2")
    control(tape, T.REWIND)
    with monkeypatch.context() as patch:
        patch.setattr(aws_module.os, "ftruncate", fails)
        assert failed(tape, T.WRITE, b"new")[0] == Sense.EQUIPMENT_CHECK
    assert contents(tape) == [b"1", b"2"]
    tape.close()


def test_a_file_that_cannot_be_read_or_was_cut_short_is_an_equipment_check(path, monkeypatch):
    tape = make(path)
    write(tape, b"12345")
    with monkeypatch.context() as patch:
        patch.setattr(aws_module.os, "pread", fails)
        assert failed(tape, T.BACKSPACE_BLOCK)[0] == Sense.EQUIPMENT_CHECK
    os.truncate(path, 8)
    assert failed(tape, T.READ_BACKWARD)[0] == Sense.EQUIPMENT_CHECK
    tape.close()


def test_what_cannot_be_kept_is_told_when_the_tape_is_closed(path, monkeypatch):
    tape = Tape(0x181, 0, {"path": str(path)})
    monkeypatch.setattr(files_module.os, "fsync", fails)
    with pytest.raises(UsageError, match="No space left on device, when it was closed"):
        tape.close()
    tape.close()


def test_device_checks_come_with_sense_data(path):
    tape = make(path)
    with pytest.raises(DeviceCheck) as caught:
        read(tape)
    assert len(caught.value.detail) == 31
    tape.close()
