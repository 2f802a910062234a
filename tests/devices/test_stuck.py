"""A stuck device takes a start, and ends it late or never."""

import itertools

import pytest

from lparvm.arch.channel import ENDED, Command
from lparvm.config import RUN_NS_MAX
from lparvm.devices.base import Deaf
from lparvm.devices.stuck import STUCK_WAIT_NS, Stuck
from lparvm.errors import UsageError

from .data_areas import Area, Run, time_of


@pytest.mark.parametrize(("options", "wait"), [({}, STUCK_WAIT_NS), ({"deaf": True}, Deaf(STUCK_WAIT_NS))])
def test_a_start_never_ends(options, wait):
    with Run(Stuck(0x191, 0, options)) as start:
        area = Area(count=512)
        waits = list(itertools.islice(start.begin(0x42, area), 1000))
    assert waits == [wait] * 1000
    assert area.got == b"", "and moves nothing"


def test_after_its_time_a_start_reads_zeros_and_writes_nowhere():
    device = Stuck(0x191, 0, {"ends_after": "3s"})
    for _ in range(2):
        with Run(device) as start:
            assert start.output(0x63, bytes(16)) == ENDED
            assert start.waits == [3_000_000_000]
            assert start.output(0x41, b"x" * 100_000) == ENDED
            assert start.input(0x42, 100_000) == bytes(100_000)
            assert time_of(start.waits) == 3_000_000_000, "once in a start"


def test_sense_is_given_at_once():
    with Run(Stuck(0x191, 0, {})) as start:
        assert start.input(Command.SENSE, 32) == bytes(32)
        assert start.waits == []


def test_commands_have_the_names_of_what_they_would_do():
    names = [Stuck(0x191, 0, {}).operation(command) for command in (0x42, 0x41, 0xE4)]
    assert names == ["READ", "WRITE", "SENSE_ID"]


@pytest.mark.parametrize("value", ["soon", 5, "0s", "-1s", None, "10001h", "9" * 400 + "h", "9" * 5000 + "h"])
def test_a_wrong_time_to_end_is_refused(value):
    with pytest.raises(UsageError, match=r"device 0001 \(stuck\): option 'ends_after': .*; expected"):
        Stuck(1, 0, {"ends_after": value})


def test_it_may_end_when_the_longest_run_does():
    assert Stuck(1, 0, {"ends_after": "10000h"}).options["ends_after"] == RUN_NS_MAX
