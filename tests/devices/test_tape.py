"""What a tape does by its commands, in memory and in a file alike."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.channel import ENDED, Command, DeviceStatus
from lparvm.arch.device_commands import TapeCommand as T
from lparvm.devices import tape as tape_module
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.tape import Era, Tape
from lparvm.errors import UsageError

from .data_areas import Area, Run, run

LATENCY_NS, REWIND_NS = 7, 1000
MARK = object()
EXCEPTION = ENDED | DeviceStatus.UNIT_EXCEPTION


def make(path=None, **options):
    if path is not None:
        options["path"] = str(path)
    return Tape(0x181, LATENCY_NS, {"rewind": "1us", **options})


@pytest.fixture(params=["memory", "file"])
def tape(request, tmp_path):
    tape = make(tmp_path / "tape.aws" if request.param == "file" else None)
    yield tape
    tape.close()


def write(tape, *records):
    with Run(tape) as start:
        for record in records:
            status = start.output(T.WRITE_TAPE_MARK) if record is MARK else start.output(T.WRITE, record)
    return status


def control(tape, command):
    with Run(tape) as start:
        return start.output(command)


def read(tape, command=T.READ_FORWARD, count=65_535):
    with Run(tape) as start:
        data = start.input(command, count)
        if start.status == EXCEPTION:
            assert data == b"", "a tape mark has no data"
            return MARK
        assert start.status == ENDED
        return data


def contents(tape):
    """All of it, from the load point on."""
    control(tape, T.REWIND)
    found = []
    while True:
        try:
            found.append(read(tape))
        except DeviceCheck:
            return found


def failed(tape, command, data=b""):
    """Sense byte 0 and error recovery action of a command that fails."""
    with pytest.raises(DeviceCheck):
        run(tape, (command, data))
    (sense,) = run(tape, (Command.SENSE, 32))
    return Sense(sense[0]), Era(sense[3])


VOID = (Sense.EQUIPMENT_CHECK, Era.VOID)
LOAD_POINT = (Sense.COMMAND_REJECT, Era.LOAD_POINT)


def test_records_and_tape_marks_are_read_in_the_order_in_which_they_were_written(tape):
    written = [b"label", MARK, b"x", bytes(range(256)) * 255 + bytes(255), MARK, MARK]
    write(tape, *written)
    assert contents(tape) == written


def test_reading_backward_gives_the_last_byte_first(tape):
    write(tape, b"abc", MARK, b"defg")
    assert read(tape, T.READ_BACKWARD) == b"gfed"
    assert read(tape, T.READ_BACKWARD) is MARK
    assert read(tape, T.READ_BACKWARD, count=2) == b"cb", "a short count takes the end of the record"
    assert tape.position == 0
    assert failed(tape, T.READ_BACKWARD) == LOAD_POINT


def test_a_short_read_passes_the_whole_record(tape):
    write(tape, b"abcdef", b"next")
    control(tape, T.REWIND)
    assert read(tape, count=2) == b"ab"
    assert read(tape) == b"next"


def test_the_tape_stays_where_it_is_from_one_start_to_the_next(tape):
    write(tape, b"1", b"2", b"3")
    control(tape, T.REWIND)
    assert [read(tape), read(tape)] == [b"1", b"2"]
    with Run(tape, "LPAR2") as start:
        assert start.input(T.READ_FORWARD) == b"3", "also for another LPAR"


def test_blocks_are_passed_one_by_one_and_tape_marks_are_unit_exceptions(tape):
    write(tape, b"1", MARK, b"2")
    assert control(tape, T.BACKSPACE_BLOCK) == ENDED
    assert control(tape, T.BACKSPACE_BLOCK) == EXCEPTION
    assert control(tape, T.BACKSPACE_BLOCK) == ENDED
    assert failed(tape, T.BACKSPACE_BLOCK) == LOAD_POINT
    assert control(tape, T.FORWARD_SPACE_BLOCK) == ENDED
    assert control(tape, T.FORWARD_SPACE_BLOCK) == EXCEPTION
    assert read(tape) == b"2"
    assert failed(tape, T.FORWARD_SPACE_BLOCK) == VOID


def test_files_are_passed_up_to_their_tape_marks(tape):
    write(tape, b"1", b"2", MARK, b"3", MARK, b"4")
    control(tape, T.REWIND)
    assert control(tape, T.FORWARD_SPACE_FILE) == ENDED
    assert read(tape) == b"3"
    assert control(tape, T.FORWARD_SPACE_FILE) == ENDED
    assert read(tape) == b"4"
    assert failed(tape, T.FORWARD_SPACE_FILE) == VOID
    assert control(tape, T.BACKSPACE_FILE) == ENDED
    assert tape.position == 4, "before the tape mark"
    assert control(tape, T.BACKSPACE_FILE) == ENDED
    assert read(tape) is MARK
    assert control(tape, T.BACKSPACE_FILE) == ENDED
    assert failed(tape, T.BACKSPACE_FILE) == LOAD_POINT
    assert tape.position == 0


def test_a_write_makes_what_followed_unreadable(tape):
    write(tape, b"1", b"2", MARK, b"3")
    control(tape, T.REWIND)
    read(tape)
    write(tape, b"new")
    assert failed(tape, T.READ_FORWARD) == VOID
    assert contents(tape) == [b"1", b"new"]


@pytest.mark.parametrize(("command", "left"), [(T.ERASE_GAP, [b"1"]), (T.WRITE_TAPE_MARK, [b"1", MARK])])
def test_erasing_and_tape_marks_write_over_what_followed_too(tape, command, left):
    write(tape, b"1", b"2", b"3")
    control(tape, T.REWIND)
    read(tape)
    assert control(tape, command) == ENDED
    assert contents(tape) == left


def test_a_blank_tape_has_neither_data_before_nor_behind(tape):
    for command in (T.READ_FORWARD, T.FORWARD_SPACE_BLOCK, T.FORWARD_SPACE_FILE):
        assert failed(tape, command) == VOID
    for command in (T.READ_BACKWARD, T.BACKSPACE_BLOCK, T.BACKSPACE_FILE):
        assert failed(tape, command) == LOAD_POINT
    assert control(tape, T.REWIND) == ENDED


def test_a_record_without_data_is_rejected(tape):
    assert failed(tape, T.WRITE) == (Sense.COMMAND_REJECT, Era.COMMAND_REJECT)
    assert contents(tape) == []


def test_a_command_that_it_does_not_know_is_rejected(tape):
    with pytest.raises(DeviceCheck) as caught:
        run(tape, (0x41, b"data"))
    assert caught.value.sense == Sense.COMMAND_REJECT


def test_sense_tells_where_the_tape_stands(tape):
    failed(tape, T.BACKSPACE_BLOCK)
    (sense,) = run(tape, (Command.SENSE, 32))
    assert (len(sense), sense[1]) == (32, 0x48), "online, at the load point"
    write(tape, b"1")
    failed(tape, T.READ_FORWARD)
    (sense,) = run(tape, (Command.SENSE, 32))
    assert sense[1] == 0x40


def test_it_is_a_3480(tape):
    assert run(tape, (Command.SENSE_ID, 7)) == [bytes.fromhex("FF 3480 31 3480 31")]


# Time


def test_each_record_takes_its_time_and_rewinding_a_longer_one(tape):
    with Run(tape) as start:
        start.output(T.WRITE, b"1")
        start.output(T.WRITE_TAPE_MARK)
        start.output(T.WRITE, b"2")
        assert start.waits == [LATENCY_NS] * 3
        start.waits.clear()
        start.output(T.BACKSPACE_FILE)
        assert start.waits == [LATENCY_NS] * 2, "each record on the way"
        start.waits.clear()
        start.output(T.REWIND)
        start.output(T.REWIND)
        assert start.waits == [REWIND_NS, 0], "at the load point there is nothing to rewind"


def test_a_command_that_is_halted_first_leaves_the_tape_where_it_was(tape):
    write(tape, b"1")
    for command, area in ((T.WRITE, Area(b"2")), (T.BACKSPACE_BLOCK, Area())):
        with Run(tape) as start:
            waits = start.begin(command, area)
            next(waits)
            waits.close()
    assert tape.position == 1
    assert contents(tape) == [b"1"]


# Ends


def test_a_write_behind_the_end_is_done_and_a_unit_exception(tmp_path):
    for path in (None, tmp_path / "tape.aws"):
        tape = make(path, size=100)
        assert write(tape, b"x" * 94) == ENDED
        assert write(tape, b"y") == EXCEPTION
        assert write(tape, MARK) == EXCEPTION
        assert contents(tape) == [b"x" * 94, b"y", MARK]
        tape.close()


def test_the_reserve_behind_the_end_is_for_a_trailer_only(tape, monkeypatch):
    monkeypatch.setattr(tape_module, "TAPE_RESERVE_BYTES", 20)
    tape.options["size"] = 10
    assert write(tape, b"x" * 24) == EXCEPTION
    assert failed(tape, T.WRITE, b"x") == (Sense.EQUIPMENT_CHECK, Era.END_OF_TAPE)
    assert failed(tape, T.WRITE_TAPE_MARK) == (Sense.EQUIPMENT_CHECK, Era.END_OF_TAPE)
    assert contents(tape) == [b"x" * 24]
    control(tape, T.BACKSPACE_BLOCK)
    assert control(tape, T.ERASE_GAP) == ENDED, "erasing makes room"
    assert write(tape, b"xyz") == ENDED


def test_a_write_that_does_not_fit_leaves_what_follows(tape, monkeypatch):
    monkeypatch.setattr(tape_module, "TAPE_RESERVE_BYTES", 0)
    tape.options["size"] = 20
    write(tape, b"1", b"2")
    control(tape, T.REWIND)
    assert failed(tape, T.WRITE, b"x" * 15) == (Sense.EQUIPMENT_CHECK, Era.END_OF_TAPE)
    assert contents(tape) == [b"1", b"2"]


def test_an_unloaded_tape_needs_somebody_to_load_it(tape):
    write(tape, b"1")
    assert control(tape, T.REWIND_UNLOAD) == ENDED
    assert failed(tape, T.READ_FORWARD) == (Sense.INTERVENTION_REQUIRED, Era.NOT_READY)
    assert failed(tape, T.REWIND) == (Sense.INTERVENTION_REQUIRED, Era.NOT_READY)
    tape.load()
    assert read(tape) == b"1"


def test_a_closed_tape_is_an_equipment_check(tape):
    tape.close()
    tape.close()
    assert failed(tape, T.WRITE, b"1")[0] == Sense.EQUIPMENT_CHECK


@pytest.mark.parametrize("options", [{"size": "0"}, {"rewind": "soon"}, {"rewind": "10001h"}, {"path": ""}])
def test_a_wrong_option_is_refused(options):
    with pytest.raises(UsageError, match=r"device 0181 \(tape\): option .*; expected"):
        Tape(0x181, 0, options)


# Laws

_COMMANDS = st.one_of(
    st.binary(min_size=1, max_size=300),
    st.sampled_from([
        T.WRITE_TAPE_MARK, T.READ_FORWARD, T.READ_BACKWARD, T.REWIND, T.ERASE_GAP, T.BACKSPACE_BLOCK,
        T.BACKSPACE_FILE, T.FORWARD_SPACE_BLOCK, T.FORWARD_SPACE_FILE,
    ]),
)  # fmt: skip


def model_step(records, position, command):  # noqa: PLR0911 - a table
    """What a command does to a list: the records, where it stands, and what comes of it."""
    if isinstance(command, bytes):
        return [*records[:position], command], position + 1, ENDED
    match command:
        case T.WRITE_TAPE_MARK:
            return [*records[:position], MARK], position + 1, ENDED
        case T.ERASE_GAP:
            return records[:position], position, ENDED
        case T.REWIND:
            return records, 0, ENDED
        case T.READ_FORWARD | T.FORWARD_SPACE_BLOCK:
            if position == len(records):
                return records, position, None
            found = records[position]
            position += 1
        case T.READ_BACKWARD | T.BACKSPACE_BLOCK:
            if not position:
                return records, 0, None
            position -= 1
            found = records[position]
        case T.FORWARD_SPACE_FILE:
            if MARK not in records[position:]:
                return records, len(records), None
            return records, records.index(MARK, position) + 1, ENDED
        case T.BACKSPACE_FILE:
            before = [place for place in range(position) if records[place] is MARK]
            return records, before[-1] if before else 0, ENDED if before else None
    if found is MARK:
        return records, position, EXCEPTION
    data = {T.READ_FORWARD: found, T.READ_BACKWARD: found[::-1]}
    return records, position, data.get(command, ENDED)


def perform(tape, command):
    with Run(tape) as start:
        try:
            if isinstance(command, bytes):
                return start.output(T.WRITE, command)
            if command in (T.READ_FORWARD, T.READ_BACKWARD):
                data = start.input(command)
                return data if start.status == ENDED else start.status
            return start.output(command)
        except DeviceCheck:
            return None


@settings(max_examples=100, deadline=None)
@given(st.lists(_COMMANDS, max_size=30), st.booleans())
def test_a_tape_is_a_list_with_a_place_in_it(tmp_path_factory, commands, in_file):
    path = tmp_path_factory.mktemp("tape") / "tape.aws" if in_file else None
    tape = make(path)
    records, position = [], 0
    for command in commands:
        records, position, expected = model_step(records, position, command)
        assert perform(tape, command) == expected, command
        assert tape.position == position
    assert contents(tape) == records
    tape.close()
    if in_file:
        tape = make(path)
        assert contents(tape) == records, "it outlives the run"
        tape.close()
