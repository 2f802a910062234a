import pytest

from lparvm.arch.channel import Ccw, CcwFlag, Command
from lparvm.arch.fixed_block import DiskCommand, Extent, Location, Mask, Operation
from lparvm.guests.program_page import DiskProgram, ProgramPage, lay_command
from lparvm.guests.records import Area

CHAIN, CHAIN_DATA, SLI, IDA = (
    CcwFlag.CHAIN_COMMAND, CcwFlag.CHAIN_DATA, CcwFlag.SUPPRESS_LENGTH, CcwFlag.INDIRECT,
)  # fmt: skip


def ccws(page, program):
    """All CCWs of a program."""
    found = []
    while True:
        place = program - page.address
        found.append(Ccw.decode(bytes(page.holds[place : place + 8])))
        if not found[-1].flags & (CHAIN | CHAIN_DATA):
            return found
        program += 8


def areas(size, count, *, scattered=True):
    return [Area(0x10000 + n * 0x4000, size, 0, 0, scattered) for n in range(count)]


def test_a_disk_program_defines_an_extent_locates_and_moves_record_after_record():
    page = ProgramPage(0x2000)
    one, two, three = records = areas(1024, 3)
    program = DiskProgram.lay(page, records, write=True)
    extent, location, *writes = ccws(page, program.orb.program)
    assert (extent.command, extent.count) == (DiskCommand.DEFINE_EXTENT, 16)
    assert (location.command, location.count) == (DiskCommand.LOCATE, 8)
    assert [ccw.command for ccw in writes] == [DiskCommand.WRITE] * 4
    assert [ccw.flags for ccw in writes] == [CHAIN | SLI | IDA, CHAIN_DATA, CHAIN | SLI, IDA]
    assert [ccw.count for ccw in writes] == [1024, 512, 512, 1024]
    assert (writes[1].address, writes[2].address) == (two.pieces[0][0], two.pieces[1][0])
    for ccw, area in ((writes[0], one), (writes[3], three)):
        place = ccw.address - page.address
        idaws = [int.from_bytes(page.holds[place + n * 8 : place + n * 8 + 8], "big") for n in range(2)]
        assert idaws == [address for address, _ in area.pieces]
        assert ccw.address % 8 == 0


@pytest.mark.parametrize("write", [False, True])
def test_locating_changes_only_the_parameters(write):
    class Cpu:
        def store_bytes(self, address, data):
            self.stored = address, data

    page, cpu = ProgramPage(0x2000), Cpu()
    program = DiskProgram.lay(page, areas(1024, 2, scattered=False), write=write)
    before = bytes(page.holds)
    assert program.locate(cpu, 700) is program.orb
    address, data = cpu.stored
    assert (address, len(data)) == (program.parameters, 24)
    extent, location = Extent.decode(data[:16]), Location.decode(data[16:])
    assert (extent.first, extent.last, extent.physical) == (700, 703, 700)
    assert extent.mask == (Mask.NO_FORMATTING if write else Mask.NO_WRITING)
    assert location == Location(Operation.WRITE if write else Operation.READ, 4, 700)
    place = address - page.address
    assert page.holds[:place] + before[place : place + 24] + page.holds[place + 24 :] == before


def test_a_reserving_program_begins_with_reserve_and_release_is_a_program_of_its_own():
    page = ProgramPage(0x2000)
    program = DiskProgram.lay(page, areas(512, 1, scattered=False), write=False, first=Command.RESERVE)
    assert [ccw.command for ccw in ccws(page, program.orb.program)] == [
        Command.RESERVE, DiskCommand.DEFINE_EXTENT, DiskCommand.LOCATE, DiskCommand.READ,
    ]  # fmt: skip
    (release,) = ccws(page, lay_command(page, Command.RELEASE).program)
    assert release.command == Command.RELEASE
