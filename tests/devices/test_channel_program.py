"""How channel programs run and end."""

import pytest

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.channel import CCW_ADDRESS_MAX, Ccw, CcwFlag, Command, SubchannelStatus
from lparvm.config import CCWS_PER_START_MAX
from lparvm.devices.base import Sense
from lparvm.devices.channel_program import SENSE_BYTES, _check_range
from lparvm.devices.disk import Disk
from lparvm.devices.stuck import Stuck
from lparvm.storage.channel_view import ChannelCheck

from .channel_programs import CHAIN, DATA, END, PROGRAM, SEEK_AT, SLI

READ, WRITE, SEEK, NOP, SENSE, TIC = (
    Command.READ, Command.WRITE, Command.SEEK, Command.NO_OPERATION, Command.SENSE,
    Command.TRANSFER_IN_CHANNEL,
)  # fmt: skip
NORMAL, UNIT_CHECK = 0x0C, 0x0E
LENGTH, PROGRAM_CHECK, PROTECTION_CHECK = (
    SubchannelStatus.INCORRECT_LENGTH, SubchannelStatus.PROGRAM_CHECK, SubchannelStatus.PROTECTION_CHECK
)  # fmt: skip
LATENCY_NS = 7
PATTERN = bytes(range(256)) * 8


@pytest.fixture
def disk():
    return Disk(0x190, LATENCY_NS, {"size": "8K"})  # 16 blocks


def ending(interruption):
    """Device status, subchannel status, residual count, and how many bytes after PROGRAM the CCW address is."""
    assert interruption.device == 0x190
    return (
        interruption.device_status, interruption.subchannel_status, interruption.residual_count,
        interruption.ccw_address - PROGRAM,
    )  # fmt: skip


def waited(channel):
    """The waits in which time passes; the rest only gives others a turn."""
    return [wait for wait in channel.waits if wait]


# Data


def test_what_is_written_is_read_back_also_after_the_zone_moved(channel, disk):
    channel.put(DATA, PATTERN)
    channel.put(SEEK_AT, (5).to_bytes(4, "big"))
    written = channel.run(disk, (SEEK, CHAIN, 4, SEEK_AT), (WRITE, 0, 2048, DATA))
    assert ending(written) == (NORMAL, 0, 0, 16)
    assert written.ended_normally

    channel.zone = Zone(3, channel.zone.extent)
    channel.put(SEEK_AT, (5).to_bytes(4, "big"))
    read = channel.run(disk, (SEEK, CHAIN, 4, SEEK_AT), (READ, 0, 2048, DATA + 4))
    assert read.ended_normally
    assert channel.get(DATA + 4, 2048) == PATTERN
    assert channel.progress.bytes_moved == 2048
    channel.zone = Zone(16, channel.zone.extent)
    assert channel.get(DATA, 2048) == PATTERN, "the old place is left alone"


def test_each_block_comes_after_the_latency_of_the_device(channel, disk):
    disk.write_block(b"A" * 512)
    disk.write_block(b"B" * 512)
    channel.ccws((READ, 0, 1024, DATA))
    running = channel.start(disk)
    assert next(running) == LATENCY_NS
    assert channel.get(DATA, 1024) == bytes(1024)
    assert (channel.progress.operation, channel.progress.ccw_address) == ("READ", PROGRAM)
    assert next(running) == LATENCY_NS
    assert channel.get(DATA, 1024) == b"A" * 512 + bytes(512)
    assert channel.progress.bytes_moved == 512
    assert channel.finish(running).ended_normally
    assert channel.get(DATA, 1024) == b"A" * 512 + b"B" * 512


def test_a_zone_that_moves_between_two_blocks_takes_the_rest_of_the_data_with_it(channel, disk):
    disk.write_block(b"A" * 512)
    disk.write_block(b"B" * 512)
    channel.ccws((READ, 0, 1024, DATA))
    running = channel.start(disk)
    next(running)
    next(running)
    channel.zone = Zone(0, channel.zone.extent)
    channel.finish(running)
    assert channel.get(DATA, 1024) == bytes(512) + b"B" * 512


def test_a_start_begins_at_block_0_and_goes_on_block_after_block(channel, disk):
    for number in range(4):
        disk.write_block(bytes([number]) * 512)
    channel.run(disk, (READ, CHAIN, 512, DATA), (READ, CHAIN, 1024, DATA + 512), (READ, 0, 512, DATA + 1536))
    assert channel.get(DATA, 2048) == b"".join(bytes([number]) * 512 for number in range(4))
    channel.run(disk, (READ, 0, 512, DATA))
    assert channel.get(DATA, 512) == bytes(512)


def test_a_ccw_is_fetched_when_it_is_needed_and_not_before(channel, disk):
    channel.ccws((READ, CHAIN, 512, DATA), (0, 0xFF, 0, 0))
    running = channel.start(disk)
    next(running)
    channel.ccws((NOP, 0, 1, 0), at=PROGRAM + 8)
    assert channel.finish(running).ended_normally


def test_a_program_may_read_over_its_own_next_ccw(channel, disk):
    disk.write_block(Ccw(NOP, 0, 3, 0).encode() + bytes(504))
    ended = channel.run(disk, (READ, CHAIN, 512, PROGRAM + 8))
    assert ending(ended) == (NORMAL, 0, 3, 16)


def test_reference_and_change_bits_are_set_by_transfers(channel, disk):
    channel.run(disk, (WRITE, CHAIN, 512, DATA), (READ, 0, 512, 2 * DATA))
    keys = channel.storage.keys[channel.zone.origin :][:3]
    assert [int(key) & 0x06 for key in keys] == [0x04, 0x04, 0x06]


# Lengths


def test_a_short_last_block_is_an_incorrect_length_and_chaining_stops(channel, disk):
    disk.write_block(b"A" * 512)
    channel.put(DATA, b"z" * 512)
    ended = channel.run(disk, (READ, CHAIN, 100, DATA), (WRITE, 0, 512, DATA))
    assert ending(ended) == (NORMAL, LENGTH, 0, 8)
    assert channel.get(DATA, 512) == b"A" * 100 + b"z" * 412


def test_suppressed_a_short_last_block_is_as_good_as_any(channel, disk):
    channel.put(DATA, b"z" * 1024)
    ended = channel.run(disk, (WRITE, CHAIN | SLI, 600, DATA), (WRITE, 0, 512, DATA))
    assert ended.ended_normally
    assert [disk._memory[block] for block in range(3)] == [b"z" * 512, b"z" * 88 + bytes(424), b"z" * 512]


@pytest.mark.parametrize("command", [READ, WRITE, SENSE])
def test_a_count_of_zero_moves_nothing_and_is_an_incorrect_length(channel, disk, command):
    assert ending(channel.run(disk, (command, 0, 0, END + 5))) == (NORMAL, LENGTH, 0, 8)
    assert channel.run(disk, (command, SLI, 0, END + 5)).ended_normally
    assert (disk.block, waited(channel)) == (0, [])


def test_a_seek_takes_four_bytes_of_its_count(channel, disk):
    channel.put(SEEK_AT, (9).to_bytes(4, "big"))
    assert ending(channel.run(disk, (SEEK, CHAIN, 6, SEEK_AT))) == (NORMAL, LENGTH, 2, 8)
    assert ending(channel.run(disk, (SEEK, SLI, 6, SEEK_AT))) == (NORMAL, 0, 2, 8)
    assert disk.block == 9


def test_no_operation_does_nothing_whatever_its_count(channel, disk):
    ended = channel.run(disk, (NOP, CHAIN, 0, 0), (NOP, 0, 5, END + 1))
    assert ending(ended) == (NORMAL, 0, 5, 16)
    assert ended.ended_normally
    assert waited(channel) == []


# TRANSFER IN CHANNEL


def test_transfer_in_channel_goes_on_at_its_address(channel, disk):
    channel.ccws((READ, 0, 512, DATA), at=0x800)
    assert ending(channel.run(disk, (NOP, CHAIN, 1, 0), (TIC, 0, 0, 0x800))) == (
        NORMAL, 0, 0, 0x808 - PROGRAM,
    )  # fmt: skip


def test_a_loop_ends_in_program_check_after_a_bounded_number_of_ccws(channel, disk):
    ended = channel.run(disk, (NOP, CHAIN, 1, 0), (TIC, 0, 0, PROGRAM))
    assert ending(ended)[:2] == (NORMAL, PROGRAM_CHECK)
    assert PROGRAM < ended.ccw_address <= PROGRAM + 16
    assert len(channel.waits) == CCWS_PER_START_MAX // 2, "others get a turn in every round"


def test_the_last_ccw_allowed_may_end_the_program(channel, disk):
    channel.zone = Zone(0, 40)
    ccws = [(NOP, CHAIN, 1, 0)] * CCWS_PER_START_MAX
    assert channel.run(disk, *ccws[1:], (NOP, 0, 1, 0)).ended_normally
    assert ending(channel.run(disk, *ccws, (NOP, 0, 1, 0))) == (
        NORMAL,
        PROGRAM_CHECK,
        1,
        CCWS_PER_START_MAX * 8,
    )


@pytest.mark.parametrize(
    ("ccws", "after"),
    [
        pytest.param([(TIC, 0, 0, PROGRAM + 8), (NOP, 0, 1, 0)], 8, id="it comes first"),
        pytest.param(
            [(NOP, CHAIN, 1, 0), (TIC, 0, 0, PROGRAM + 16), (TIC, 0, 0, PROGRAM)], 24, id="to another"
        ),
        pytest.param([(NOP, CHAIN, 1, 0), (TIC, 0, 0, PROGRAM + 8)], 16, id="to itself"),
        pytest.param([(NOP, CHAIN, 1, 0), (TIC, 0, 0, PROGRAM + 4)], 16, id="off the boundary"),
        pytest.param([(NOP, CHAIN, 1, 0), (TIC, 0, 0, END)], 16, id="to outside"),
        pytest.param([(NOP, CHAIN, 1, 0), (TIC, CHAIN, 0, PROGRAM)], 16, id="with a flag"),
        pytest.param([(NOP, CHAIN, 1, 0), (TIC, 0, 1, PROGRAM)], 16, id="with a count"),
        pytest.param([(NOP, CHAIN, 1, 0), (TIC | 0x10, 0, 0, PROGRAM)], 16, id="with high bits"),
    ],
)
def test_a_wrong_transfer_in_channel_is_a_program_check(channel, disk, ccws, after):
    status = ending(channel.run(disk, *ccws))
    assert (status[0], status[1], status[3]) == (NORMAL, PROGRAM_CHECK, after)


# Program checks and protection checks


@pytest.mark.parametrize("flag", [flag for flag in CcwFlag if flag not in (CHAIN, SLI)] + [0x01])
def test_what_is_not_supported_is_a_program_check(channel, disk, flag):
    assert ending(channel.run(disk, (READ, flag, 512, DATA))) == (NORMAL, PROGRAM_CHECK, 0, 8)
    assert channel.waits == []


@pytest.mark.parametrize("command", [0x00, 0x10, 0xF0, 0x18, 0xF8])
def test_what_is_no_command_of_any_device_is_a_program_check(channel, disk, command):
    assert ending(channel.run(disk, (command, 0, 512, DATA)))[:2] == (NORMAL, PROGRAM_CHECK)


@pytest.mark.parametrize(
    "program", [PROGRAM + 4, PROGRAM + 1, END, END - 4, -8, CCW_ADDRESS_MAX + 1, 1 << 70]
)
def test_a_program_where_none_can_be_is_a_program_check(channel, disk, program):
    assert ending(channel.run(disk, program=program)) == (NORMAL, PROGRAM_CHECK, 0, program + 8 - PROGRAM)


def test_chaining_to_beyond_the_zone_is_a_program_check(channel, disk):
    ended = channel.run(disk, (NOP, CHAIN, 1, 0), program=END - 8)
    assert (ended.subchannel_status, ended.ccw_address) == (PROGRAM_CHECK, END + 8)


@pytest.mark.parametrize("command", [READ, WRITE])
def test_data_that_leaves_the_zone_is_a_program_check_with_what_was_not_moved(channel, disk, command):
    before = channel.outside()
    channel.put(END - 512, b"x" * 512)
    ended = channel.run(disk, (command, CHAIN, 1500, END - 512), (NOP, 0, 1, 0))
    assert ending(ended) == (NORMAL, PROGRAM_CHECK, 988, 8)
    assert channel.outside() == before
    assert list(disk._memory) == ([0] if command == WRITE else [])


@pytest.mark.parametrize("command", [SEEK, SENSE])
def test_control_data_outside_the_zone_is_a_program_check(channel, disk, command):
    before = channel.outside()
    assert ending(channel.run(disk, (command, SLI, 32, END - 2))) == (NORMAL, PROGRAM_CHECK, 32, 8)
    assert channel.outside() == before


def test_an_address_of_32_bits_is_a_program_check(channel, disk):
    assert ending(channel.run(disk, (NOP, 0, 1, 1 << 31)))[:2] == (NORMAL, PROGRAM_CHECK)


def test_data_ends_where_31_bit_addresses_do(channel):
    _check_range(CCW_ADDRESS_MAX - 511, 512)
    with pytest.raises(ChannelCheck) as caught:
        _check_range(CCW_ADDRESS_MAX - 510, 512)
    assert caught.value.status == PROGRAM_CHECK


def test_protected_storage_is_a_protection_check(channel, disk):
    channel.key = 3
    first = channel.zone.origin
    channel.storage.keys[first : first + 8] = 0x30
    channel.storage.keys[first + 2] = 0x40
    assert ending(channel.run(disk, (READ, 0, 1024, 0x1E00))) == (NORMAL, PROTECTION_CHECK, 512, 8)
    assert channel.get(0x2000, 512) == bytes(512)
    assert channel.run(disk, (WRITE, 0, 512, 0x2000)).ended_normally, (
        "fetching is allowed without the fetch bit"
    )
    channel.storage.keys[first + 2] = 0x48
    assert ending(channel.run(disk, (WRITE, 0, 512, 0x2000))) == (NORMAL, PROTECTION_CHECK, 512, 8)
    channel.storage.keys[first] = 0x48
    assert ending(channel.run(disk)) == (NORMAL, PROTECTION_CHECK, 0, 8), (
        "the CCW itself is fetched with the key"
    )


# Unit checks


def sense(channel, device):
    assert channel.run(device, (SENSE, 0, SENSE_BYTES, DATA)).ended_normally
    data = channel.get(DATA, SENSE_BYTES)
    assert data[1:] == bytes(SENSE_BYTES - 1)
    return Sense(data[0])


@pytest.mark.parametrize(
    ("ccw", "residual"),
    [
        pytest.param((0x1F, 0, 4, DATA), 0, id="a command it doesn't know"),
        pytest.param((SEEK, 0, 4, SEEK_AT), 0, id="a block that isn't there"),
        pytest.param((SEEK, SLI, 3, SEEK_AT), 0, id="a block number that is too short"),
        pytest.param((SEEK, SLI, 0, SEEK_AT), 0, id="no block number"),
        pytest.param((READ, 0, 17 * 512, DATA), 512, id="reading past the end"),
        pytest.param((WRITE, 0, 18 * 512, DATA), 1024, id="writing past the end"),
    ],
)  # fmt: skip
def test_what_the_disk_cannot_do_is_a_unit_check_and_its_sense_says_why(channel, disk, ccw, residual):
    channel.put(SEEK_AT, (16).to_bytes(4, "big"))
    flagged = (ccw[0], ccw[1] | CHAIN, *ccw[2:])
    assert ending(channel.run(disk, flagged, (NOP, 0, 1, 0))) == (UNIT_CHECK, 0, residual, 8)
    assert sense(channel, disk) == Sense.COMMAND_REJECT
    assert sense(channel, disk) == Sense.COMMAND_REJECT, "SENSE and NO-OPERATION leave it"
    channel.run(disk, (READ, 0, 512, DATA))
    assert sense(channel, disk) == Sense(0)


def test_sense_may_be_read_in_part(channel, disk):
    disk.sense = Sense.EQUIPMENT_CHECK
    assert ending(channel.run(disk, (SENSE, 0, 1, DATA))) == (NORMAL, LENGTH, 0, 8)
    assert channel.get(DATA, 2) == bytes((Sense.EQUIPMENT_CHECK, 0))
    assert ending(channel.run(disk, (SENSE, SLI, 40, DATA))) == (NORMAL, 0, 40 - SENSE_BYTES, 8)
    assert channel.progress.bytes_moved == SENSE_BYTES


# A stuck device


def test_a_stuck_device_never_ends_and_is_named_with_its_command(channel):
    stuck = Stuck(0x190, LATENCY_NS, {})
    channel.put(DATA, b"x" * 512)
    channel.ccws((READ, 0, 512, DATA))
    running = channel.start(stuck)
    waits = [next(running) for _ in range(100)]
    assert min(waits) >= 60 * 10**9, "so seldom that a virtual clock has nothing to spin on"
    assert (channel.progress.operation, channel.progress.ccw_address) == ("READ", PROGRAM)
    assert (channel.progress.bytes_moved, channel.get(DATA, 512)) == (0, b"x" * 512)
    running.close()


def test_a_stuck_device_that_ends_goes_on_and_ends_normally(channel):
    stuck = Stuck(0x190, LATENCY_NS, {"ends_after": "3s"})
    channel.put(DATA, b"x" * 1024)
    channel.put(SEEK_AT, b"\xff" * 4)
    ended = channel.run(
        stuck, (SEEK, CHAIN, 4, SEEK_AT), (WRITE, CHAIN, 512, DATA), (READ, 0, 512, DATA)
    )  # fmt: skip
    assert ending(ended) == (NORMAL, 0, 0, 24)
    assert waited(channel) == [3 * 10**9, LATENCY_NS, LATENCY_NS]
    assert channel.get(DATA, 1024) == bytes(512) + b"x" * 512


def test_a_program_that_is_left_touches_nothing_more(channel, disk):
    channel.put(DATA, b"x" * PAGE_BYTES)
    channel.ccws((READ, 0, 1024, DATA))
    running = channel.start(disk)
    next(running)
    next(running)
    running.close()
    assert channel.get(DATA, 1024) == bytes(512) + b"x" * 512
