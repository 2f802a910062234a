"""How channel programs run and end."""

import pytest

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.channel import CCW_ADDRESS_MAX, ENDED, SENSE_BYTES, Ccw, Command, DeviceStatus
from lparvm.config import CCWS_PER_START_MAX
from lparvm.devices.base import Sense

from .channel_harness import (
    CHAIN,
    CHAIN_DATA,
    DATA,
    END,
    IDA,
    IDAWS,
    LATENCY_NS,
    MODE,
    PATTERN,
    PROGRAM,
    READ,
    SLI,
    SUSPEND,
    TIC,
    WRITE,
    Channel,
    Peripheral,
    ending,
)  # fmt: skip

NOP, SENSE = Command.NO_OPERATION, Command.SENSE
NORMAL, UNIT_CHECK = 0x0C, 0x0E
LENGTH, PROGRAM_CHECK, PROTECTION_CHECK, DATA_CHECK = 0x40, 0x20, 0x10, 0x08


@pytest.fixture
def channel():
    channel = Channel()
    with channel.storage:
        yield channel


# Data


def test_a_read_stores_what_the_device_gives_and_a_write_takes_it_back(channel):
    device = Peripheral(PATTERN[:2048], most=2048, part=512)
    assert ending(channel.run(device, (READ, CHAIN, 2048, DATA + 4), (WRITE, 0, 2048, DATA + 4))) == (
        NORMAL, 0, 0, 16,
    )  # fmt: skip
    assert channel.get(DATA + 4, 2048) == PATTERN[:2048] == device.written
    assert device.performed == [(READ, False), (WRITE, True)]
    assert channel.progress.bytes_moved == 4096
    assert (channel.progress.operation, channel.progress.command) == ("WRITE", WRITE)


def test_data_moves_when_the_device_moves_it_and_its_waits_pass_through(channel):
    device = Peripheral(PATTERN[:1024], part=512)
    running = channel.start(device, (READ, 0, 1024, DATA))
    assert next(running) == LATENCY_NS
    assert (channel.progress.operation, channel.progress.ccw_address) == ("READ", PROGRAM)
    assert (channel.progress.bytes_left, channel.get(DATA, 4)) == (1024, bytes(4))
    next(running)
    assert channel.get(DATA, 1024) == PATTERN[:512] + bytes(512)
    assert (channel.progress.bytes_left, channel.progress.bytes_moved) == (512, 512)
    assert channel.finish(running).normal


def test_a_zone_that_moves_at_a_wait_takes_the_rest_of_the_data_with_it(channel):
    running = channel.start(Peripheral(PATTERN[:1024], part=512), (READ, 0, 1024, DATA))
    next(running)
    next(running)
    channel.zone = Zone(0, channel.zone.extent)
    channel.finish(running)
    assert channel.get(DATA, 1024) == bytes(512) + PATTERN[512:1024]


def test_a_ccw_is_fetched_when_it_is_needed_and_not_before(channel):
    running = channel.start(Peripheral(PATTERN[:512]), (READ, CHAIN, 512, DATA), (0, 0xFF, 0, 0))
    next(running)
    channel.ccws((NOP, 0, 1, 0), at=PROGRAM + 8)
    assert channel.finish(running).normal


def test_a_program_may_read_over_its_own_next_ccw(channel):
    device = Peripheral(Ccw(NOP, 0, 3, 0).encode())
    assert ending(channel.run(device, (READ, CHAIN, 8, PROGRAM + 8))) == (NORMAL, 0, 3, 16)


def test_reference_and_change_bits_are_set_by_transfers(channel):
    device = Peripheral(bytes(512))
    channel.run(device, (WRITE, CHAIN, 512, DATA), (READ, 0, 512, 2 * DATA))
    keys = channel.storage.keys[channel.zone.origin :][:4]
    assert [int(key) & 0x06 for key in keys] == [0x04, 0x04, 0x06, 0]


def test_progress_names_the_pages_of_ccw_and_data(channel):
    running = channel.start(Peripheral(PATTERN), (READ, SLI, 8192, 3 * DATA + 100))
    next(running)
    assert channel.progress.pages == ((0, 0), (3, 5))
    running.close()
    running = channel.start(Peripheral(PATTERN[:4096], part=1024), (READ, IDA | SLI, 8192, IDAWS))
    channel.idaws(6 * DATA + 2048, DATA, 2 * DATA)
    next(running)
    assert channel.progress.pages == ((0, 0),), "no IDAW is fetched before it is needed"
    for _ in range(3):
        next(running)
    assert channel.progress.pages == ((0, 1), (6, 6))
    running.close()


def test_a_ccw_of_format_0_has_24_bits_of_address(channel):
    device = Peripheral(PATTERN[:512])
    ended = channel.run(device, (READ, CHAIN, 512, DATA), (WRITE, 0, 512, DATA), format_1=False)
    assert ending(ended) == (NORMAL, 0, 0, 16)
    assert device.written == PATTERN[:512]


# Lengths. The count is 512 in each case.

SHORT, LONG, RIGHT = 100, 600, 512


@pytest.mark.parametrize("command", [READ, WRITE])
@pytest.mark.parametrize(
    ("device_has", "flags", "status", "residual", "chained"),
    [
        (RIGHT, 0, 0, 0, False), (RIGHT, CHAIN, 0, 1, True), (RIGHT, SLI | CHAIN, 0, 1, True),
        (SHORT, 0, LENGTH, 412, False), (SHORT, SLI, 0, 412, False),
        (SHORT, CHAIN, LENGTH, 412, False), (SHORT, CHAIN | SLI, 0, 1, True),
        (LONG, 0, LENGTH, 0, False), (LONG, SLI, 0, 0, False),
        (LONG, CHAIN, LENGTH, 0, False), (LONG, CHAIN | SLI, 0, 1, True),
        (SHORT, CHAIN_DATA, LENGTH, 412, False), (SHORT, CHAIN_DATA | SLI, LENGTH, 412, False),
        (SHORT, CHAIN_DATA | CHAIN | SLI, LENGTH, 412, False),
    ],
)  # fmt: skip
def test_incorrect_length_is_indicated_unless_suppressed_and_ends_chaining(
    channel, command, device_has, flags, status, residual, chained
):
    device = Peripheral(PATTERN[:device_has], most=device_has)
    ended = channel.run(device, (command, flags, 512, DATA), (NOP, 0, 1, 0))
    assert ending(ended) == (NORMAL, status, residual, 16 if chained else 8)
    if command == READ:
        assert channel.get(DATA, 700) == PATTERN[: min(device_has, 512)].ljust(700, b"\0")


@pytest.mark.parametrize("command", [READ, WRITE])
def test_a_command_of_any_length_finds_its_end_by_the_count(channel, command):
    device = Peripheral(PATTERN[:4096], most=4096, any_length=True)
    channel.put(DATA, PATTERN[:300])
    assert ending(channel.run(device, (command, CHAIN, 300, DATA), (NOP, 0, 1, 0))) == (NORMAL, 0, 1, 16)
    assert ending(channel.run(device, (command, CHAIN, 5000, DATA))) == (NORMAL, LENGTH, 904, 8)
    assert channel.get(DATA, 300) == PATTERN[:300]


@pytest.mark.parametrize("flags", [0, SLI, CHAIN, CHAIN_DATA])
def test_a_command_that_moves_no_data_never_indicates_incorrect_length(channel, flags):
    ended = channel.run(Peripheral(), (MODE, flags, 5, END + 1), (NOP, 0, 3, 0))
    assert ending(ended) == (NORMAL, 0, *((3, 16) if flags == CHAIN else (5, 8)))


def test_a_count_of_zero_moves_nothing_in_format_1(channel):
    device = Peripheral(PATTERN[:4])
    assert ending(channel.run(device, (READ, 0, 0, DATA))) == (NORMAL, LENGTH, 0, 8)
    assert ending(channel.run(device, (READ, SLI, 0, DATA))) == (NORMAL, 0, 0, 8)
    assert channel.run(device, (NOP, 0, 0, DATA)).normal
    assert channel.get(DATA, 4) == bytes(4)


def test_sense_may_be_read_in_part(channel):
    device = Peripheral()
    assert ending(channel.run(device, (SENSE, 0, 1, DATA))) == (NORMAL, LENGTH, 0, 8)
    assert ending(channel.run(device, (SENSE, SLI, 40, DATA))) == (NORMAL, 0, 40 - SENSE_BYTES, 8)


# TRANSFER IN CHANNEL


@pytest.mark.parametrize("format_1", [True, False])
def test_transfer_in_channel_goes_on_at_its_address(channel, format_1):
    channel.ccws((NOP, 0, 1, 0), at=0x800, format_1=format_1)
    ended = channel.run(Peripheral(), (NOP, CHAIN, 1, 0), (TIC, 0, 0, 0x800), format_1=format_1)
    assert ending(ended) == (NORMAL, 0, 1, 0x808 - PROGRAM)


def test_in_format_0_only_the_low_bits_of_the_command_make_a_transfer_in_channel(channel):
    device = Peripheral()
    ended = channel.run(
        device, (NOP, CHAIN, 1, 0), (0xF8, 0xFF, 9, PROGRAM + 16), (NOP, 0, 1, 0), format_1=False
    )
    assert ending(ended) == (NORMAL, 0, 1, 24)


def test_a_loop_ends_in_program_check_after_a_bounded_number_of_ccws(channel):
    ended = channel.run(Peripheral(), (NOP, CHAIN, 1, 0), (TIC, 0, 0, PROGRAM))
    assert ending(ended)[:2] == (NORMAL, PROGRAM_CHECK)
    assert PROGRAM < ended.ccw_address <= PROGRAM + 16
    assert len(channel.steps) == CCWS_PER_START_MAX // 2, "others get a turn in every round"


def test_the_last_ccw_allowed_may_end_the_program(channel):
    channel.zone = Zone(0, 40)
    ccws = [(NOP, CHAIN, 1, 0)] * CCWS_PER_START_MAX
    assert channel.run(Peripheral(), *ccws[1:], (NOP, 0, 1, 0)).normal
    ended = channel.run(Peripheral(), *ccws, (NOP, 0, 1, 0))
    assert ending(ended) == (NORMAL, PROGRAM_CHECK, 1, CCWS_PER_START_MAX * 8)


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
        pytest.param([(NOP, CHAIN, 1, 0), (TIC, 0, 0, PROGRAM | 1 << 31)], 16, id="with 32 bits of address"),
        pytest.param([(NOP, CHAIN, 1, 0), (TIC | 0x10, 0, 0, PROGRAM)], 16, id="with high bits"),
    ],
)
def test_a_wrong_transfer_in_channel_is_a_program_check(channel, ccws, after):
    status = ending(channel.run(Peripheral(), *ccws))
    assert (status[0], status[1], status[3]) == (NORMAL if after > 8 else 0, PROGRAM_CHECK, after)


# Status modifier and other device status


def test_a_status_modifier_skips_the_next_ccw_when_chaining(channel):
    device = Peripheral(status=ENDED | DeviceStatus.STATUS_MODIFIER)
    ended = channel.run(device, (MODE, CHAIN, 1, 0), (0, 0, 0, 0), (NOP, 0, 2, 0))
    assert ending(ended) == (NORMAL, 0, 2, 24)
    channel.ccws((NOP, 0, 2, 0), at=0x400)
    ended = channel.run(device, (MODE, CHAIN, 1, 0), (0, 0, 0, 0), (TIC, 0, 0, 0x400))
    assert (ended.device_status, ended.ccw_address) == (NORMAL, 0x408)
    assert channel.run(device, (MODE, 0, 1, 0)).device_status == NORMAL | DeviceStatus.STATUS_MODIFIER


@pytest.mark.parametrize("status", [0x0D, 0x8C, 0x1C, 0x2C, 0x08, 0x04, 0x00, 0x0E, 0x4D])
def test_any_other_status_ends_chaining(channel, status):
    device = Peripheral(status=DeviceStatus(status))
    assert ending(channel.run(device, (MODE, CHAIN, 1, 0), (NOP, 0, 2, 0))) == (status, 0, 1, 8)


# Program checks and protection checks


@pytest.mark.parametrize(
    ("ccw", "orb"),
    [
        pytest.param((READ, 0x01, 512, DATA), {}, id="a flag that is not assigned"),
        pytest.param((READ, SUSPEND, 512, DATA), {}, id="suspend without suspend control"),
        pytest.param((NOP, 0, 1, 1 << 31), {}, id="32 bits of address"),
        pytest.param((READ, CHAIN_DATA, 0, DATA), {}, id="no count with chain data"),
        pytest.param((READ, 0, 0, DATA), {"format_1": False}, id="no count in format 0"),
        pytest.param((READ, IDA, 512, IDAWS + 4), {}, id="8-byte IDAWs off their boundary"),
        pytest.param((READ, IDA, 512, IDAWS + 2), {"format_2_idaws": False}, id="4-byte IDAWs likewise"),
        pytest.param((READ, 0, 512, DATA), {"key": 16}, id="no key"),
        *(pytest.param((command, 0, 512, DATA), {}, id=f"command {command:02X}")
          for command in (0x00, 0x10, 0xF0, 0x18, 0xF8)),
    ],
)  # fmt: skip
def test_a_wrong_ccw_is_a_program_check_and_its_device_does_not_hear_of_it(channel, ccw, orb):
    device = Peripheral(bytes(512))
    channel.key = orb.pop("key", 0)
    ended = channel.run(device, ccw, **orb)
    assert (ended.device_status, ended.subchannel_status, ended.residual_count) == (0, PROGRAM_CHECK, 0)
    assert (device.performed, channel.steps) == ([], [])


def test_what_went_before_a_wrong_ccw_has_ended_normally(channel):
    assert ending(channel.run(Peripheral(), (NOP, CHAIN, 7, 0), (0, 0, 1, 0))) == (
        NORMAL,
        PROGRAM_CHECK,
        7,
        16,
    )


@pytest.mark.parametrize(
    "program", [PROGRAM + 4, PROGRAM + 1, END, END - 4, -8, CCW_ADDRESS_MAX + 1, CCW_ADDRESS_MAX - 7, 1 << 70]
)
def test_a_program_where_none_can_be_is_a_program_check(channel, program):
    ended = channel.run(Peripheral(), program=program)
    assert (ended.device_status, ended.subchannel_status) == (0, PROGRAM_CHECK)
    assert ended.ccw_address == (program + 8) % (1 << 31), "what an SCSW can hold"


def test_chaining_to_beyond_the_zone_is_a_program_check(channel):
    channel.ccws((NOP, CHAIN, 1, 0), at=END - 8)
    ended = channel.run(Peripheral(), program=END - 8)
    assert (ended.subchannel_status, ended.ccw_address) == (PROGRAM_CHECK, END + 8)


@pytest.mark.parametrize("command", [READ, WRITE])
def test_a_piece_that_leaves_the_zone_is_a_program_check_and_is_not_moved(channel, command):
    before = channel.outside()
    channel.put(END - 600, b"x" * 600)
    device = Peripheral(PATTERN[:1500], most=1500, part=500)
    ended = channel.run(device, (command, CHAIN, 1500, END - 600), (NOP, 0, 1, 0))
    assert ending(ended) == (NORMAL, PROGRAM_CHECK, 1000, 8)
    assert channel.outside() == before
    assert channel.get(END - 100, 100) == b"x" * 100
    assert device.closed == 1


@pytest.mark.parametrize("command", [READ, WRITE])
@pytest.mark.parametrize(
    ("limit", "refused"),
    [
        ((0, DATA + 512), False),
        ((DATA, 1 << 31), False),
        ((0, DATA + 511), True),
        ((DATA + 1, 1 << 31), True),
    ],
)
def test_data_outside_the_limit_is_a_program_check(channel, command, limit, refused):
    device = Peripheral(PATTERN[:512])
    ended = channel.run(device, (command, 0, 512, DATA), limit=limit)
    assert ending(ended) == ((NORMAL, PROGRAM_CHECK, 512, 8) if refused else (NORMAL, 0, 0, 8))
    channel.idaws(DATA)
    ended = channel.run(device, (command, IDA, 512, IDAWS), limit=limit)
    assert ending(ended) == ((NORMAL, PROGRAM_CHECK, 512, 8) if refused else (NORMAL, 0, 0, 8))


def test_protected_storage_is_a_protection_check(channel):
    channel.key = 3
    first = channel.zone.origin
    channel.storage.keys[first : first + 8] = 0x30
    channel.storage.keys[first + 2] = 0x40
    device = Peripheral(PATTERN[:1024], part=512)
    assert ending(channel.run(device, (READ, 0, 1024, 0x1E00))) == (NORMAL, PROTECTION_CHECK, 512, 8)
    assert channel.get(0x2000, 512) == bytes(512)
    assert channel.run(device, (WRITE, 0, 512, 0x2000)).normal, "fetching is allowed without the fetch bit"
    channel.storage.keys[first + 2] = 0x48
    assert ending(channel.run(device, (WRITE, 0, 512, 0x2000))) == (NORMAL, PROTECTION_CHECK, 512, 8)
    channel.storage.keys[first] = 0x48
    assert ending(channel.run(device)) == (0, PROTECTION_CHECK, 0, 8), "CCWs are fetched with the key too"


def test_a_faulty_frame_is_a_channel_data_check(channel):
    device = Peripheral(PATTERN[:1024], part=512)
    channel.storage.fail_frame(channel.zone.origin + 2)
    assert ending(channel.run(device, (READ, 0, 1024, 0x1E00))) == (NORMAL, DATA_CHECK, 512, 8)
    assert channel.get(0x2000, 512) == bytes(512)


# Unit checks


def sense(channel, device):
    assert channel.run(device, (SENSE, 0, SENSE_BYTES, DATA)).normal
    return Sense(channel.get(DATA, 1)[0])


def test_a_unit_check_ends_chaining_and_its_sense_says_why(channel):
    device = Peripheral()
    assert ending(channel.run(device, (0x1F, CHAIN, 4, DATA), (NOP, 0, 1, 0))) == (UNIT_CHECK, 0, 4, 8)
    assert sense(channel, device) == Sense.COMMAND_REJECT
    assert sense(channel, device) == Sense.COMMAND_REJECT, "SENSE and NO-OPERATION leave it"
    channel.run(device, (MODE, 0, 1, DATA))
    assert sense(channel, device) == Sense(0)


def test_many_ccws_of_4_kib_move_all_data(channel):
    device = Peripheral(PATTERN[:PAGE_BYTES])
    ccws = [(READ, CHAIN if page < 7 else 0, PAGE_BYTES, page * PAGE_BYTES) for page in range(1, 8)]
    assert channel.run(device, *ccws).normal
    assert channel.get(PAGE_BYTES, 7 * PAGE_BYTES) == PATTERN[:PAGE_BYTES] * 7
    span = channel.view.take_span()
    assert (span.stores, span.fetches) == (7 * 512, 7)
