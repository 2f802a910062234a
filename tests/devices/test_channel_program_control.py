"""Channel programs that are suspended, interrupt in the middle, are halted, closed or given up."""

import pytest

from lparvm.arch.channel import ENDED, Command, DeviceStatus, SubchannelStatus
from lparvm.config import CCWS_PER_START_MAX
from lparvm.devices.base import Deaf, DeviceCheck, Sense
from lparvm.devices.channel_program import HaltSignal, Intermediate, Suspended
from lparvm.storage.channel_view import ChannelCheck, TransferRefused

from .channel_harness import (
    CHAIN,
    CHAIN_DATA,
    DATA,
    LATENCY_NS,
    MODE,
    PATTERN,
    PCI,
    PROGRAM,
    READ,
    SUSPEND,
    TIC,
    WRITE,
    Channel,
    Peripheral,
    ending,
)  # fmt: skip

NOP = Command.NO_OPERATION
HALTED = 0x0C


@pytest.fixture
def channel():
    channel = Channel()
    with channel.storage:
        yield channel


# Suspend and resume


def test_a_ccw_with_the_suspend_flag_waits_and_is_fetched_again(channel):
    device = Peripheral()
    running = channel.start(
        device, (MODE, CHAIN, 1, 0), (MODE, CHAIN | SUSPEND, 1, 0), (NOP, 0, 9, 0), suspend_control=True
    )
    assert next(running) == LATENCY_NS
    assert next(running) == Suspended(PROGRAM + 16)
    assert len(device.performed) == 1
    assert next(running) == Suspended(PROGRAM + 16), "the flag is still on"
    channel.ccws((MODE, CHAIN, 1, 0), at=PROGRAM + 8)
    assert ending(channel.finish(running)) == (0x0C, 0, 9, 24)
    assert len(device.performed) == 2


def test_the_first_ccw_may_suspend_and_become_a_transfer_in_channel(channel):
    running = channel.start(Peripheral(), (NOP, SUSPEND, 1, 0), (NOP, 0, 5, 0), suspend_control=True)
    assert next(running) == Suspended(PROGRAM + 8)
    channel.ccws((TIC, 0, 0, PROGRAM + 8))
    assert ending(channel.finish(running)) == (0x0C, 0, 5, 16)


def test_a_program_that_is_resumed_has_all_its_ccws_anew(channel):
    channel.ccws((NOP, CHAIN, 1, 0), (NOP, CHAIN | SUSPEND, 1, 0), (TIC, 0, 0, PROGRAM))
    running = channel.start(Peripheral(), suspend_control=True)
    for _ in range(CCWS_PER_START_MAX):
        step = 0
        while step == 0:
            step = next(running)
        assert step == Suspended(PROGRAM + 16)
        channel.ccws((NOP, CHAIN, 1, 0), at=PROGRAM + 8)
        assert next(running) == 0
        channel.ccws((NOP, CHAIN | SUSPEND, 1, 0), at=PROGRAM + 8)


def test_a_ccw_of_data_chaining_must_not_suspend(channel):
    device = Peripheral(PATTERN[:8])
    ended = channel.run(
        device, (READ, CHAIN_DATA, 4, DATA), (READ, SUSPEND, 4, DATA + 4), suspend_control=True
    )
    assert ending(ended) == (0x0C, SubchannelStatus.PROGRAM_CHECK, 0, 16)


def test_a_suspended_program_can_be_halted(channel):
    running = channel.start(Peripheral(), (NOP, SUSPEND, 1, 0), suspend_control=True)
    next(running)
    assert ending(halt(running)) == (HALTED, 0, 0, 8)


# Program-controlled interruption


def test_a_ccw_asks_for_an_interruption_when_it_takes_control(channel):
    device = Peripheral()
    channel.run(device, (NOP, CHAIN, 1, 0), (MODE, CHAIN | PCI, 1, 0), (NOP, PCI, 1, 0))
    assert channel.steps == [0, Intermediate(PROGRAM + 16), LATENCY_NS, Intermediate(PROGRAM + 24)]


def test_in_data_chaining_it_is_told_before_the_next_wait(channel):
    device = Peripheral(PATTERN[:8], part=4)
    ended = channel.run(
        device, (READ, CHAIN_DATA, 4, DATA), (READ, PCI | CHAIN_DATA, 2, DATA + 4), (READ, PCI, 2, DATA + 6)
    )
    assert ended.normal
    told = [Intermediate(PROGRAM + 16), Intermediate(PROGRAM + 24)]
    assert channel.steps == [LATENCY_NS, LATENCY_NS, *told, LATENCY_NS]


def test_a_check_tells_the_interruptions_that_nobody_was_told_of(channel):
    device = Peripheral(PATTERN[:8])
    ended = channel.run(device, (READ, CHAIN_DATA, 4, DATA), (READ, PCI, 4, 1 << 24))
    assert ended.subchannel_status == SubchannelStatus.PROGRAM_CHECK | SubchannelStatus.PROGRAM_CONTROLLED


# Halt, close


def halt(running):
    with pytest.raises(StopIteration) as end:
        running.throw(HaltSignal())
    return end.value.value


@pytest.mark.parametrize("command", [READ, WRITE])
def test_a_halted_program_ends_with_what_was_moved_and_its_device_is_closed(channel, command):
    device = Peripheral(PATTERN[:1024], most=1024, part=512)
    running = channel.start(device, (command, CHAIN, 1024, DATA), (NOP, 0, 1, 0))
    next(running)
    next(running)
    assert device.closed == 0
    assert ending(halt(running)) == (HALTED, 0, 512, 8)
    assert device.closed == 1
    assert channel.get(DATA, 1024) == (PATTERN[:512].ljust(1024, b"\0") if command == READ else bytes(1024))


def test_a_closed_program_closes_its_device_and_touches_nothing_more(channel):
    device = Peripheral(PATTERN[:1024], part=512)
    running = channel.start(device, (READ, 0, 1024, DATA))
    next(running)
    running.close()
    assert device.closed == 1
    assert list(running) == []
    assert channel.get(DATA, 1024) == bytes(1024)


def test_a_program_halted_at_an_interruption_or_between_commands_ends_too(channel):
    device = Peripheral()
    running = channel.start(device, (MODE, PCI, 1, 0))
    next(running)
    assert ending(halt(running)) == (HALTED, 0, 1, 8)
    running = channel.start(device, (NOP, CHAIN, 1, 0), (NOP, 0, 1, 0))
    next(running)
    assert ending(halt(running)) == (HALTED, 0, 1, 8)


@pytest.mark.parametrize(
    "check",
    [DeviceCheck(Sense.EQUIPMENT_CHECK, "x"), ChannelCheck(SubchannelStatus.CHANNEL_DATA_CHECK, 0)],
)
def test_what_a_device_finds_wrong_while_it_is_closed_is_not_told(channel, check):
    def behaviour(command, data):
        try:
            yield 5
        finally:
            raise check

    running = channel.start(Peripheral(behaviour=behaviour), (READ, 0, 4, DATA))
    next(running)
    assert ending(halt(running)) == (HALTED, 0, 4, 8)


def test_a_deaf_wait_passes_through(channel):
    def behaviour(command, data):
        yield Deaf(99)
        data.give(b"late")
        return ENDED

    assert channel.run(Peripheral(behaviour=behaviour), (READ, 0, 4, DATA)).normal
    assert channel.steps == [Deaf(99)]


# Given up


def test_a_program_that_was_given_up_touches_nothing_when_it_comes_late(channel):
    device = Peripheral(PATTERN[:512])
    running = channel.start(device, (READ, CHAIN, 512, DATA), (NOP, 0, 1, 0))
    next(running)
    channel.view.revoke()
    before, keys = channel.get(0, 8 * 4096), bytes(channel.storage.keys)
    with pytest.raises(TransferRefused) as caught:
        next(running)
    assert (caught.value.address, caught.value.count) == (DATA, 512)
    assert (channel.get(0, 8 * 4096), bytes(channel.storage.keys)) == (before, keys)
    assert device.closed == 1


def test_a_program_that_was_given_up_is_refused_its_next_ccw_too(channel):
    running = channel.start(Peripheral(), (MODE, CHAIN, 1, 0), (NOP, 0, 1, 0))
    next(running)
    channel.view.revoke()
    with pytest.raises(TransferRefused) as caught:
        next(running)
    assert (caught.value.address, caught.value.count) == (PROGRAM + 8, 8)


def test_a_device_that_keeps_its_data_area_moves_nothing_after_the_end(channel):
    kept = []

    def behaviour(command, data):
        kept.append(data)
        data.give(b"1234")
        yield 0
        return ENDED

    assert (
        channel.run(
            Peripheral(behaviour=behaviour), (READ, CHAIN_DATA, 2, DATA), (READ, 0, 6, DATA)
        ).residual_count
        == 4
    )
    assert kept[0].give(b"99") == 0
    assert channel.get(DATA, 4) == b"34\0\0"


# What devices say


def test_a_device_may_find_a_channel_data_check(channel):
    def behaviour(command, data):
        data.give(b"12")
        raise ChannelCheck(SubchannelStatus.CHANNEL_DATA_CHECK, DATA)
        yield

    ended = channel.run(Peripheral(behaviour=behaviour), (READ, CHAIN, 4, DATA), (NOP, 0, 1, 0))
    assert ending(ended) == (0x0C, SubchannelStatus.CHANNEL_DATA_CHECK, 2, 8)


@pytest.mark.parametrize(
    ("command", "move"), [(WRITE, lambda data: data.give(b"12")), (READ, lambda data: data.take(2))]
)
def test_a_device_that_moves_data_the_wrong_way_ends_the_program(channel, command, move):
    def behaviour(command, data):
        move(data)
        yield 0
        return ENDED

    ended = channel.run(Peripheral(behaviour=behaviour), (command, 0, 4, DATA))
    assert ending(ended) == (0x0C, SubchannelStatus.INTERFACE_CONTROL_CHECK, 4, 8)


def test_no_data_is_no_data_whichever_way(channel):
    def behaviour(command, data):
        assert (data.give(b""), data.take(0)) == (0, b"")
        yield 0
        return ENDED | DeviceStatus.UNIT_EXCEPTION

    ended = channel.run(Peripheral(behaviour=behaviour), (READ, 0, 4, DATA))
    assert ending(ended) == (0x0D, 0, 4, 8)
