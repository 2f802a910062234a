"""Data chaining, skipping and indirect data addressing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.address import PAGE_BYTES
from lparvm.arch.channel import ENDED

from .channel_harness import (
    CHAIN,
    CHAIN_DATA,
    DATA,
    END,
    IDA,
    IDAWS,
    PATTERN,
    PROGRAM,
    READ,
    READ_BACKWARD,
    SKIP,
    SLI,
    TIC,
    WRITE,
    Channel,
    Peripheral,
    ending,
)  # fmt: skip

NORMAL, LENGTH, PROGRAM_CHECK, PROTECTION_CHECK = 0x0C, 0x40, 0x20, 0x10


@pytest.fixture
def channel():
    channel = Channel()
    with channel.storage:
        yield channel


# Data chaining


@pytest.mark.parametrize("part", [1, 3, 512, 1 << 20])
def test_data_goes_on_in_the_next_ccw(channel, part):
    ccws = (READ, CHAIN_DATA, 5, DATA), (0, CHAIN_DATA | CHAIN, 7, 2 * DATA), (0xF5, SLI, 8, DATA + 9)
    device = Peripheral(PATTERN[:20], part=part, most=20)
    assert ending(channel.run(device, *ccws)) == (NORMAL, 0, 0, 24)
    assert channel.get(DATA, 5) + channel.get(2 * DATA, 7) + channel.get(DATA + 9, 8) == PATTERN[:20]
    assert channel.run(device, (WRITE, *ccws[0][1:]), *ccws[1:]).normal
    assert device.written == PATTERN[:20]
    assert len(device.performed) == 2


def test_the_last_ccw_says_whether_commands_are_chained(channel):
    device = Peripheral(PATTERN[:8])
    ended = channel.run(device, (READ, CHAIN_DATA, 4, DATA), (0, CHAIN, 4, DATA + 4), (READ, 0, 8, DATA + 8))
    assert ended.normal
    assert channel.get(DATA, 16) == PATTERN[:8] * 2


def test_a_transfer_in_channel_may_stand_between(channel):
    channel.ccws((0, 0, 4, DATA + 4), at=0x400)
    device = Peripheral(PATTERN[:8])
    assert ending(channel.run(device, (READ, CHAIN_DATA, 4, DATA), (TIC, 0, 0, 0x400))) == (
        NORMAL, 0, 0, 0x408 - PROGRAM,
    )  # fmt: skip
    assert channel.get(DATA, 8) == PATTERN[:8]


def test_the_next_ccw_is_fetched_when_its_data_is_needed(channel):
    device = Peripheral(PATTERN[:8], part=4)
    running = channel.start(device, (READ, CHAIN_DATA, 4, DATA), (0, 0xFF, 0, 0))
    next(running)
    next(running)
    channel.ccws((0, 0, 4, 2 * DATA), at=PROGRAM + 8)
    assert channel.finish(running).normal
    assert channel.get(2 * DATA, 4) == PATTERN[4:8]


def test_at_the_end_a_ccw_that_is_used_up_has_handed_over(channel):
    device = Peripheral(PATTERN[:4])
    ccws = (READ, CHAIN_DATA, 4, DATA), (0, SLI | CHAIN, 9, DATA + 4), (READ, 0, 4, DATA + 4)
    assert ending(channel.run(device, *ccws)) == (NORMAL, 0, 0, 24)
    assert ending(channel.run(device, ccws[0], (0, CHAIN, 9, DATA + 4))) == (NORMAL, LENGTH, 9, 16)
    assert ending(channel.run(device, ccws[0], (0, CHAIN_DATA | SLI, 9, DATA + 4))) == (NORMAL, LENGTH, 9, 16)


@pytest.mark.parametrize(
    ("ccw", "status"),
    [
        ((READ, 0, 0, DATA), PROGRAM_CHECK), ((READ, 0x01, 4, DATA), PROGRAM_CHECK),
        ((READ, 0, 4, 1 << 31), PROGRAM_CHECK), ((0x18, 0, 4, DATA), PROGRAM_CHECK),
        ((TIC, 0, 0, PROGRAM + 4), PROGRAM_CHECK), ((READ, 0, 4, END - 2), PROGRAM_CHECK),
        ((READ, 0, 4, 0x5000), PROTECTION_CHECK),
    ],
)  # fmt: skip
def test_a_wrong_ccw_in_data_chaining_ends_the_program_and_what_went_before_stays(channel, ccw, status):
    channel.key = 3
    channel.storage.keys[:] = 0x30
    channel.storage.keys[channel.zone.origin + 5] = 0x40
    device = Peripheral(PATTERN[:8])
    ended = channel.run(device, (READ, CHAIN_DATA | CHAIN, 4, DATA), ccw, (READ, 0, 4, DATA))
    assert (ended.device_status, ended.subchannel_status, ended.ccw_address) == (NORMAL, status, PROGRAM + 16)
    assert channel.get(DATA, 4) == PATTERN[:4]


def test_a_take_across_a_wrong_ccw_gives_the_device_nothing(channel):
    device = Peripheral(most=8)
    ended = channel.run(device, (WRITE, CHAIN_DATA, 4, DATA), (0, 0, 4, END))
    assert (ended.subchannel_status, device.written) == (PROGRAM_CHECK, b"")


def test_a_loop_of_data_chaining_ends_in_program_check(channel):
    def endless(command, data):
        while True:
            data.give(PATTERN)
            yield 1

    ended = channel.run(
        Peripheral(behaviour=endless),
        (READ, CHAIN_DATA, 4, DATA),
        (READ, CHAIN_DATA, 4, DATA),
        (TIC, 0, 0, PROGRAM),
    )
    assert ended.subchannel_status == PROGRAM_CHECK


# Skip


@pytest.mark.parametrize("flags", [SKIP, SKIP | IDA])
def test_skipped_data_is_counted_and_not_stored(channel, flags):
    device = Peripheral(PATTERN[:12])
    storage = channel.get(DATA, 4 * PAGE_BYTES), bytes(channel.storage.keys[17:])
    ended = channel.run(
        device,
        (READ, CHAIN_DATA, 4, PROGRAM + 64),
        (0, flags | CHAIN_DATA, 4, END + 8),
        (0, 0, 4, PROGRAM + 68),
    )
    assert ended.normal
    assert channel.get(PROGRAM + 64, 8) == PATTERN[:4] + PATTERN[8:12]
    assert (channel.get(DATA, 4 * PAGE_BYTES), bytes(channel.storage.keys[17:])) == storage
    assert ending(channel.run(device, (READ, flags, 8, END))) == (NORMAL, LENGTH, 0, 8)


def test_output_is_never_skipped(channel):
    channel.put(DATA, PATTERN[:4])
    device = Peripheral(most=4)
    assert channel.run(device, (WRITE, SKIP, 4, DATA)).normal
    assert device.written == PATTERN[:4]


# Indirect data addressing

SIZES = pytest.mark.parametrize(("size", "block"), [(8, 4096), (4, 2048)])


@SIZES
@pytest.mark.parametrize("part", [700, 1 << 20])
@pytest.mark.parametrize("format_1", [True, False])
def test_data_goes_on_in_the_block_of_the_next_idaw(channel, size, block, part, format_1):
    count = 2 * block
    channel.idaws(3 * DATA + block - 100, 5 * DATA, 2 * DATA, size=size)
    device = Peripheral(PATTERN[:count], part=part, most=count)
    orb = {"format_2_idaws": size == 8, "format_1": format_1}
    assert ending(channel.run(device, (READ, IDA, count, IDAWS), **orb)) == (NORMAL, 0, 0, 8)
    stored = channel.get(3 * DATA + block - 100, 100) + channel.get(5 * DATA, block)
    assert stored + channel.get(2 * DATA, block - 100) == PATTERN[:count]
    assert channel.get(2 * DATA + block - 100, 100) == bytes(100)
    assert channel.run(device, (WRITE, IDA, count, IDAWS), **orb).normal
    assert device.written == PATTERN[:count]


@SIZES
@pytest.mark.parametrize("command", [READ, WRITE])
@pytest.mark.parametrize(
    "second",
    [
        pytest.param(lambda size, block: 2 * DATA + 1, id="no block's begin"),
        pytest.param(lambda size, block: DATA + block // 2, id="the middle of a block"),
        pytest.param(lambda size, block: END, id="outside"),
        pytest.param(lambda size, block: (1 << 8 * size) - block, id="the last block there can be"),
        pytest.param(lambda size, block: 1 << 31 | DATA, id="32 bits"),
    ],
)
def test_a_wrong_idaw_is_a_program_check_and_what_went_before_stays(channel, size, block, command, second):
    channel.idaws(DATA, second(size, block), size=size)
    device = Peripheral(PATTERN[: 2 * block], most=2 * block, part=block)
    ended = channel.run(device, (command, IDA, 2 * block, IDAWS), format_2_idaws=size == 8)
    assert ending(ended) == (NORMAL, PROGRAM_CHECK, block, 8)
    assert channel.get(DATA, block) == (PATTERN[:block] if command == READ else bytes(block))


def test_idaws_are_fetched_when_they_are_needed(channel):
    channel.idaws(DATA, 1)
    running = channel.start(Peripheral(PATTERN[:8192], part=4096), (READ, IDA, 8192, IDAWS))
    next(running)
    next(running)
    channel.idaws(DATA, 4 * DATA)
    assert channel.finish(running).normal
    assert channel.get(4 * DATA, 4096) == PATTERN[4096:8192]


def test_idaws_lie_inside_the_zone_and_are_fetched_with_the_key(channel):
    channel.idaws(DATA, at=END - 8)
    device = Peripheral(PATTERN[:8192], part=4096)
    assert ending(channel.run(device, (READ, IDA, 8192, END - 8))) == (NORMAL, PROGRAM_CHECK, 4096, 8)
    channel.key = 3
    channel.storage.keys[:] = 0x38
    channel.storage.keys[channel.zone.end - 1] = 0x48
    assert ending(channel.run(device, (READ, IDA, 8192, END - 8))) == (NORMAL, PROTECTION_CHECK, 8192, 8)


def test_a_protected_block_is_a_protection_check(channel):
    channel.key = 3
    channel.storage.keys[:] = 0x30
    channel.storage.keys[channel.zone.origin + 4] = 0x40
    channel.idaws(2 * DATA, 4 * DATA)
    device = Peripheral(PATTERN[:8192])
    assert ending(channel.run(device, (READ, IDA, 8192, IDAWS))) == (NORMAL, PROTECTION_CHECK, 4096, 8)
    assert channel.get(2 * DATA, 4096) == PATTERN[:4096]
    assert channel.get(4 * DATA, 4096) == bytes(4096)


# READ BACKWARD: the device gives the last byte first


@pytest.mark.parametrize("part", [1, 700, 1 << 20])
def test_read_backward_stores_at_descending_addresses(channel, part):
    record = PATTERN[:5000]
    device = Peripheral(record[::-1], part=part)
    ccws = (READ_BACKWARD, CHAIN_DATA, 3000, DATA + 2999), (0, 0, 2000, 5 * DATA + 1999)
    running = channel.start(device, *ccws)
    next(running)
    assert channel.progress.pages == ((0, 1),)
    assert ending(channel.finish(running)) == (NORMAL, 0, 0, 16)
    assert channel.get(5 * DATA, 2000) + channel.get(DATA, 3000) == record
    assert channel.get(DATA - 1, 1) + channel.get(DATA + 3000, 1) == bytes(2)


@SIZES
def test_read_backward_goes_from_the_last_byte_of_each_block_down(channel, size, block):
    record = PATTERN[: block + 100]
    channel.idaws(3 * DATA + 99, 5 * DATA + block - 1, size=size)
    device = Peripheral(record[::-1], part=700)
    orb = {"format_2_idaws": size == 8}
    assert channel.run(device, (READ_BACKWARD, IDA, block + 100, IDAWS), **orb).normal
    assert channel.get(5 * DATA, block) + channel.get(3 * DATA, 100) == record
    channel.idaws(3 * DATA + 99, 5 * DATA, size=size)
    ended = channel.run(device, (READ_BACKWARD, IDA, block + 100, IDAWS), **orb)
    assert (ended.subchannel_status, ended.ccw_address) == (PROGRAM_CHECK, PROGRAM + 8)


def test_read_backward_below_the_zone_is_a_program_check(channel):
    before = channel.outside()
    device = Peripheral(PATTERN[:100], part=50)
    running = channel.start(device, (READ_BACKWARD, 0, 100, 60))
    next(running)
    assert channel.progress.pages == ((0, 0),)
    assert ending(channel.finish(running)) == (NORMAL, PROGRAM_CHECK, 50, 8)
    assert channel.outside() == before
    assert channel.get(0, 61) == bytes(11) + PATTERN[:50][::-1]


# Laws


@st.composite
def layouts(draw):
    """CCWs, each its pieces as (address, count): one if direct, the blocks of its IDAWs otherwise."""
    pages = iter(draw(st.permutations(range(2, 8))))
    ccws = []
    for _ in range(draw(st.integers(1, 4))):
        page = next(pages)
        begin = draw(st.integers(0, PAGE_BYTES - 1))
        if draw(st.booleans()):
            ccws.append([(page * PAGE_BYTES + begin, draw(st.integers(1, PAGE_BYTES - begin)))])
        else:
            first = (page * PAGE_BYTES + begin, PAGE_BYTES - begin)
            ccws.append([first, (next(pages, 1) * PAGE_BYTES, draw(st.integers(1, PAGE_BYTES)))])
        if len(ccws) == 3:
            break
    return ccws


@settings(deadline=None, max_examples=60)
@given(
    ccws=layouts(),
    cuts=st.lists(st.integers(1, 5000), min_size=1, max_size=8),
    fill=st.binary(min_size=1, max_size=9),
)
def test_the_device_sees_one_stretch_of_data_however_it_lies(ccws, cuts, fill):
    pieces = [piece for ccw in ccws for piece in ccw]
    total = sum(count for _, count in pieces)
    data = (fill * total)[:total]
    taken = []

    def behaviour(command, area):
        at, turn = 0, 0
        while at < total:
            cut = min(cuts[turn % len(cuts)], total - at)
            if command == READ:
                assert area.give(data[at : at + cut]) == cut
            else:
                taken.append(bytes(area.take(cut)))
                assert len(taken[-1]) == cut
            at, turn = at + cut, turn + 1
            yield 1
        return ENDED

    channel = Channel()
    with channel.storage:
        program = []
        for index, ccw in enumerate(ccws):
            flags = CHAIN_DATA if index < len(ccws) - 1 else 0
            count, address = sum(count for _, count in ccw), ccw[0][0]
            if len(ccw) > 1:
                flags, address = flags | IDA, IDAWS + 64 * index
                channel.idaws(*(block for block, _ in ccw), at=address)
            program.append((flags, count, address))
        for command in (READ, WRITE):
            assert channel.run(Peripheral(behaviour=behaviour), *((command, *ccw) for ccw in program)).normal
            assert channel.progress.bytes_moved == total
        assert b"".join(channel.get(*piece) for piece in pieces) == data == b"".join(taken)
