"""What a console prints, and who reads what is typed."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.channel import ENDED, DeviceStatus
from lparvm.arch.device_commands import ConsoleCommand as C
from lparvm.config import CONSOLE_LINE_CHARACTERS_MAX, CONSOLE_LINES_WAITING_MAX
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.console import ALARM, Console, printable
from lparvm.errors import UsageError

from .data_areas import Run, run

LATENCY_NS = 7


def make(**options):
    return Console(0x009, LATENCY_NS, options)


def printed(console, *commands, user="LPAR1"):
    run(console, *commands, user=user)
    return console.take_output()


def read(console, user="LPAR1", count=512):
    """The line, or None."""
    with Run(console, user) as start:
        data = start.input(C.READ_INQUIRY, count)
        if start.status == ENDED | DeviceStatus.UNIT_EXCEPTION:
            assert data == b""
            return None
        assert start.status == ENDED
        return data


# Printing


def test_a_line_that_is_ended_is_printed_for_its_lpar():
    console = make()
    assert printed(console, (C.WRITE_LINE, b"hello")) == (("LPAR1", "hello"),)
    assert console.take_output() == (), "once"


def test_text_without_a_carrier_return_waits_for_the_rest_of_its_line():
    console = make()
    assert printed(console, (C.WRITE, b"one, ")) == ()
    assert printed(console, (C.WRITE_LINE, b"of another"), user="LPAR2") == (("LPAR2", "of another"),)
    assert printed(console, (C.WRITE, b"two"), (C.WRITE_LINE, b".")) == (("LPAR1", "one, two."),)


def test_a_prompt_is_printed_when_the_answer_is_read():
    console = make()
    assert printed(console, (C.WRITE, b"ready?"), (C.READ_INQUIRY, 80)) == (("LPAR1", "ready?"),)
    assert printed(console, (C.READ_INQUIRY, 80)) == ()


def test_a_reset_ends_the_line():
    console = make()
    printed(console, (C.WRITE, b"half a"))
    console.reset("LPAR2")
    assert console.take_output() == ()
    console.reset("LPAR1")
    assert console.take_output() == (("LPAR1", "half a"),)


def test_the_alarm_is_a_line():
    assert printed(make(), (C.SOUND_ALARM, b"")) == (("LPAR1", ALARM),)


def test_a_long_line_is_cut():
    console = make()
    long = b"x" * 65_535
    assert printed(console, (C.WRITE_LINE, long)) == (("LPAR1", "x" * CONSOLE_LINE_CHARACTERS_MAX),)
    ((_, line),) = printed(console, (C.WRITE, long), (C.WRITE, b"y"), (C.WRITE_LINE, b"z"))
    assert line == "x" * CONSOLE_LINE_CHARACTERS_MAX


def test_printing_takes_its_time():
    with Run(make()) as start:
        start.output(C.WRITE_LINE, b"x")
        start.input(C.READ_INQUIRY, 5)
        assert start.waits == [LATENCY_NS, LATENCY_NS]


def test_what_is_no_text_is_printed_all_the_same():
    assert printed(make(), (C.WRITE_LINE, b"a\xff\x1b[2Jb\n")) == (("LPAR1", "a\ufffd\u241b[2Jb\u240a"),)


@pytest.mark.parametrize("code", ["ascii", "ebcdic"])
@given(st.binary(max_size=300))
def test_nothing_that_is_printed_moves_a_terminal(code, data):
    ((_, line),) = printed(make(code=code), (C.WRITE_LINE, data))
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in line)
    assert len(line) <= CONSOLE_LINE_CHARACTERS_MAX


def test_text_is_turned_around_by_nobody():
    assert printable("a\u202eb\u2028c\x7f\x9b\ud800") == "a\ufffdb\ufffdc\u2421\ufffd\ufffd"
    assert printable("Grüße, 世界 ~") == "Grüße, 世界 ~"


def test_ebcdic_is_printed_and_typed():
    console = make(code="ebcdic")
    assert printed(console, (C.WRITE_LINE, "Hello".encode("cp037"))) == (("LPAR1", "Hello"),)
    console.enter("yes 世")
    assert read(console) == "yes ".encode("cp037") + b"\x6f", "what EBCDIC lacks is a question mark"


def test_ascii_is_utf_8():
    console = make()
    assert printed(console, (C.WRITE_LINE, "Grüße".encode())) == (("LPAR1", "Grüße"),)
    console.enter("世")
    assert read(console) == "世".encode()


# Reading


def test_lines_are_read_in_the_order_in_which_they_were_typed():
    console = make()
    console.enter("first")
    console.enter("second")
    assert [read(console), read(console), read(console)] == [b"first", b"second", None]


def test_a_line_is_for_one_lpar_or_for_whichever_reads_first():
    console = make()
    console.enter("for two", "LPAR2")
    console.enter("for anyone")
    assert read(console, "LPAR1") == b"for anyone"
    assert read(console, "LPAR1") is None
    assert read(console, "LPAR2") == b"for two"


def test_an_empty_line_is_a_line():
    console = make()
    console.enter("")
    assert read(console) == b""
    assert read(console) is None


def test_a_short_read_takes_the_whole_line():
    console = make()
    console.enter("abcdef")
    assert read(console, count=2) == b"ab"
    assert read(console) is None


def test_only_so_many_lines_wait():
    console = make()
    for number in range(CONSOLE_LINES_WAITING_MAX):
        console.enter(str(number))
    with pytest.raises(UsageError, match="64 lines wait to be read; expected fewer than 64"):
        console.enter("one too many")
    assert read(console) == b"0"
    console.enter("now")


@pytest.mark.parametrize("line", ["x" * (CONSOLE_LINE_CHARACTERS_MAX + 1), "two\nlines", "\x1b[2J"])
def test_what_is_no_line_is_refused(line):
    with pytest.raises(UsageError, match=r"device 0009 \(console\): .*; expected a line of 256 characters"):
        make().enter(line)


# Script


def test_a_script_is_typed_line_by_line_each_with_attention():
    console = make(script=["one", "two"], every="5ms")
    alone = console.alone()
    for line in (b"one", b"two"):
        assert next(alone) == (5_000_000, DeviceStatus.ATTENTION)
        assert [read(console), read(console)] == [line, None], "it can be read when attention is offered"
    assert list(alone) == []


def test_a_scripted_line_waits_for_room():
    console = make(script=["late"])
    for number in range(CONSOLE_LINES_WAITING_MAX):
        console.enter(str(number))
    alone = console.alone()
    for _ in range(3):
        assert next(alone) == (100_000_000, DeviceStatus.ATTENTION)
    while len(console._typed) > 1:
        assert read(console) != b"late"
    assert next(alone)[1] == DeviceStatus.ATTENTION
    read(console)
    assert read(console) == b"late"
    assert list(itertools.islice(alone, 5)) == []


def test_without_a_script_it_is_silent():
    assert list(make().alone()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"code": "latin"}, {"code": 5}, {"script": "text"}, {"script": [5]}, {"script": ["a\nb"]},
        {"script": ["x"] * 1001}, {"every": "1ns"}, {"every": "10001h"},
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused(options):
    with pytest.raises(UsageError, match=r"device 0009 \(console\): option .*; expected"):
        make(**options)


def test_it_is_a_3215_and_rejects_what_that_does_not_know():
    console = make()
    assert run(console, (0xE4, 7)) == [bytes.fromhex("FF 3215 00 3215 00")]
    with pytest.raises(DeviceCheck) as caught:
        run(console, (0x41, b"x"))
    assert caught.value.sense == Sense.COMMAND_REJECT
