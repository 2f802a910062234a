"""`null` takes anything and has nothing."""

import pytest

from lparvm.arch.channel import ENDED, Command, Direction, direction_of
from lparvm.devices.null import Null

from .data_areas import Area, Run


@pytest.mark.parametrize("size", [0, 5, 200_000])
def test_any_output_command_takes_all_data_and_waits_for_nothing(size):
    commands = [code for code in range(256) if direction_of(code) is Direction.OUTPUT]
    for command in commands:
        with Run(Null(0x10, 7, {})) as start:
            area = Area(bytes(size))
            assert start.finish(start.begin(command, area)) == ENDED
            assert area.left == (size if command == Command.NO_OPERATION else 0), f"command {command:02X}"
            assert sum(start.waits) == 0


@pytest.mark.parametrize("command", [0x02, 0x0C, 0x42, 0x64])
def test_a_read_ends_at_once_without_data(command):
    with Run(Null(0x10, 7, {})) as start:
        assert start.input(command, 100) == b""
        assert (start.status, start.waits) == (ENDED, [])


def test_commands_have_the_names_of_what_they_would_do():
    names = [Null(0x10, 0, {}).operation(command) for command in (0x41, 0x02, 0x07, 0xE4)]
    assert names == ["WRITE", "READ", "command 07", "SENSE_ID"]
