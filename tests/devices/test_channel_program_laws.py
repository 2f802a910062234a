"""Whatever a guest writes, and whatever its device does: an ending, soon, and nothing is touched outside."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.address import PAGE_BYTES
from lparvm.arch.channel import CCW_ADDRESS_MAX, ENDED, Ccw, CcwFlag, Command, DeviceStatus, Ending
from lparvm.arch.subchannel import Orb, Scsw
from lparvm.config import CCWS_PER_START_MAX
from lparvm.devices.base import Deaf, DeviceCheck, Sense
from lparvm.devices.channel_program import HaltSignal, Intermediate, Progress, Suspended, execute
from lparvm.storage.channel_view import ChannelCheck, ChannelView, SubchannelStatus, TransferRefused

from .channel_harness import (
    CHAIN,
    CHAIN_DATA,
    END,
    FRAMES,
    IDA,
    IDAWS,
    ORIGIN,
    PCI,
    PROGRAM,
    SKIP,
    SLI,
    SUSPEND,
    Channel,
    Peripheral,
)

FILL = 0xA5
RESUMPTIONS_MAX = 3

# Addresses: mostly in the program, at the edges of pages and of the zone, or just any.
edges = st.sampled_from([0, PROGRAM, IDAWS, PAGE_BYTES, END - PAGE_BYTES, END, 1 << 24, 1 << 31]).flatmap(
    lambda edge: st.integers(max(0, edge - 520), edge + 16)
)
in_program = st.integers(0, 24).map(lambda index: PROGRAM + 8 * index)
in_idaws = st.integers(0, 16).map(lambda index: IDAWS + 4 * index)
addresses = st.one_of(in_program, in_idaws, edges, st.integers(0, (1 << 32) - 1))
commands = st.sampled_from([1, 2, 3, 4, 7, 8, 0x14, 0x94, 0xB4, 0xE4]) | st.integers(0, 255)
flags = st.one_of(
    st.sampled_from([CHAIN, CHAIN | SLI, CHAIN_DATA, 0]),
    st.sets(st.sampled_from(list(CcwFlag))).map(lambda chosen: sum(sorted(chosen))),
    st.integers(0, 255),
)
counts = st.sampled_from([0, 1, 4, 511, 512, 513, 2048, 4096, 4097, 65535])


@st.composite
def plausible(draw):
    """A CCW that may well run: its fields go together, and its data is mostly inside the zone."""
    if draw(st.integers(0, 6)) == 0:
        return 0x08, 0, 0, draw(in_program)
    chained = draw(st.sampled_from([CHAIN, CHAIN | SLI, CHAIN | SLI, CHAIN_DATA]))
    extra = draw(st.sampled_from([0, 0, 0, SKIP, PCI, IDA, IDA, SUSPEND, PCI | IDA]))
    address = draw(in_idaws if extra & IDA else st.integers(0, END - PAGE_BYTES) | in_program | edges)
    return draw(st.sampled_from([1, 2, 2, 2, 3, 7, 4, 0x0C])), chained | extra, draw(counts), address


likely = plausible() | plausible() | plausible() | st.tuples(commands, flags, counts, addresses)
idaws = st.lists(
    st.one_of(
        st.integers(0, 8).map(lambda page: page * PAGE_BYTES),
        st.integers(0, 16).map(lambda block: block * 2048),
        edges,
        st.integers(0, (1 << 64) - 1),
    ),
    max_size=17,
)
actions = st.one_of(
    st.tuples(st.just("give"), st.sampled_from([0, 1, 100, 512, 4096, 70_000])),
    st.tuples(st.just("take"), st.sampled_from([0, 1, 100, 512, 4096, 70_000])),
    st.tuples(st.just("right way"), st.sampled_from([1, 512, 4096, 70_000])),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 1000])),
    st.tuples(st.just("deaf"), st.just(5)),
    st.tuples(st.just("unit check"), st.just(0)),
    st.tuples(st.just("data check"), st.just(0)),
    st.tuples(st.just("status"), st.sampled_from([0x0C, 0x4C, 0x0D, 0x0E, 0x08, 0x00, 0x8C])),
)
scripts = st.lists(actions, max_size=5) | st.sampled_from(
    [[("right way", 512)], [("right way", 4096), ("wait", 3), ("right way", 4096)]]
)
orbs = st.builds(
    Orb,
    st.sampled_from([PROGRAM] * 9 + [None]).flatmap(lambda at: addresses if at is None else st.just(at)),
    key=st.sampled_from([0, 0, 3, 3, 3, 15]),
    format_1=st.booleans(),
    suspend_control=st.sampled_from([True, True, False]),
    format_2_idaws=st.booleans(),
)
limits = st.none() | st.none() | st.just((0, END)) | st.tuples(st.integers(0, END), st.integers(0, 1 << 31))


def behave(script):
    """A device that goes through the script for each command."""

    def behaviour(command, data):
        is_input = command & 3 == 2 or command & 0x0F in (0x04, 0x0C)
        for action, number in script:
            match ("give" if is_input else "take") if action == "right way" else action:
                case "give":
                    assert 0 <= data.give(b"\x5a" * number) <= number
                case "take":
                    assert len(data.take(number)) <= number
                case "wait":
                    yield number
                case "deaf":
                    yield Deaf(number)
                case "unit check":
                    raise DeviceCheck(Sense.EQUIPMENT_CHECK, "as the script says")
                case "data check":
                    raise ChannelCheck(SubchannelStatus.CHANNEL_DATA_CHECK, 0)
                case "status":
                    return DeviceStatus(number)
        return ENDED

    return behaviour


def encode(program, format_1):
    """The bytes of CCWs, raw or as (command, flags, count, address)."""
    parts = []
    for ccw in program:
        if isinstance(ccw, bytes):
            parts.append(ccw)
        else:
            command, ccw_flags, count, address = ccw
            mask = 0xFFFFFFFF if format_1 else 0xFFFFFF
            parts.append(Ccw(command, ccw_flags, count, address & mask).encode(format_1=format_1))
    return b"".join(parts)


def prepare(channel, orb, program, blocks, keys, fault):
    channel.storage.frames[:] = FILL
    channel.storage.keys[:] = keys
    size = 8 if orb.format_2_idaws else 4
    channel.idaws(*(block % (1 << 8 * size) for block in blocks), size=size)
    channel.put(PROGRAM, encode(program, orb.format_1))
    if fault is not None:
        channel.storage.fail_frame(fault)


def drive(running, *, halt_at, revoke_at=None, view=None):
    """Step to the end, with an upper bound; resumptions are bounded by halting. (Ending or None, steps)"""
    resumptions, step = 0, None
    for steps in range(CCWS_PER_START_MAX * (RESUMPTIONS_MAX + 1) * 8):
        if steps == revoke_at:
            view.revoke()
        resumptions += isinstance(step, Suspended)
        halted = steps and not isinstance(step, Deaf) and (steps >= halt_at or resumptions > RESUMPTIONS_MAX)
        try:
            step = running.throw(HaltSignal()) if halted else next(running)
        except StopIteration as end:
            return end.value
        assert isinstance(step, int | Deaf | Suspended | Intermediate)
    raise AssertionError("no end in sight")


RUN = {
    "orb": orbs,
    "program": st.lists(
        likely | likely | likely | st.binary(min_size=8, max_size=8), min_size=1, max_size=24
    ),
    "blocks": idaws,
    "keys": st.lists(st.sampled_from([0x30] * 12 + [0x38, 0x40, 0xF8]), min_size=FRAMES, max_size=FRAMES),
    "script": scripts,
    "limit": limits,
    "fault": st.none() | st.none() | st.integers(0, FRAMES - 1),
    "halt_at": st.sampled_from([1, 2, 3, 10**9, 10**9]),
}


@settings(deadline=None, max_examples=250)
@given(**RUN)
def test_any_channel_program_ends_with_a_status_and_touches_nothing_outside(
    orb, program, blocks, keys, script, limit, fault, halt_at
):
    channel, device, progress = Channel(), Peripheral(behaviour=behave(script)), Progress()
    with channel.storage as storage:
        prepare(channel, orb, program, blocks, keys, fault)
        before, frames, old_keys = channel.outside(), storage.frames.copy(), storage.keys.copy()
        view = ChannelView(storage, lambda: channel.zone, orb.key)
        ended = drive(execute(device, view, orb, progress, limit), halt_at=halt_at)

        assert channel.outside() == before
        changed = (storage.frames != frames).any(axis=1)
        assert (storage.keys[changed] & 0x06 == 0x06).all(), "a frame that changed is marked"
        assert (storage.keys & ~np.uint8(0x06) == old_keys & ~np.uint8(0x06)).all()
        assert not changed[(storage.keys & 0x02) == 0].any()
        if fault is not None:
            assert not changed[fault]
        if orb.key:
            assert not changed[storage.keys >> 4 != orb.key].any(), "protected"
        if limit is not None:
            low, high = limit
            touched = np.flatnonzero((storage.frames != frames).ravel()) - ORIGIN * PAGE_BYTES
            assert ((touched >= low) & (touched < high)).all(), "outside the limit"
        span = view.take_span()
        if span.lowest_host is not None:
            assert ORIGIN * PAGE_BYTES <= span.lowest_host <= span.highest_host < ORIGIN * PAGE_BYTES + END
    assert isinstance(ended, Ending)
    assert 0 <= ended.residual_count <= 0xFFFF
    assert 0 <= ended.ccw_address <= CCW_ADDRESS_MAX
    assert ended.ccw_address == (progress.ccw_address + 8) & CCW_ADDRESS_MAX
    Scsw(  # what the SCSW can hold
        ccw_address=ended.ccw_address, device_status=ended.device_status,
        subchannel_status=ended.subchannel_status, count=ended.residual_count,
    ).encode()  # fmt: skip
    assert device.closed == len(device.performed), "each command of the device has ended"
    assert all(first <= last for first, last in progress.pages)


@settings(deadline=None, max_examples=100)
@given(**RUN, revoke_at=st.integers(0, 6))
def test_a_program_that_was_given_up_touches_nothing_more(
    orb, program, blocks, keys, script, limit, fault, halt_at, revoke_at
):
    channel, device = Channel(), Peripheral(behaviour=behave(script))
    with channel.storage as storage:
        prepare(channel, orb, program, blocks, keys, fault)
        view = ChannelView(storage, lambda: channel.zone, orb.key)
        revoked = []

        class Revoking:
            def revoke(self):
                view.revoke()
                revoked.append((storage.frames.copy(), storage.keys.copy()))

        running = execute(device, view, orb, Progress(), limit)
        try:
            ended = drive(running, halt_at=halt_at, revoke_at=revoke_at, view=Revoking())
        except TransferRefused:
            assert revoked
        else:
            assert isinstance(ended, Ending)
        if revoked:
            assert (storage.frames == revoked[0][0]).all()
            assert (storage.keys == revoked[0][1]).all()


@settings(deadline=None, max_examples=100)
@given(**{**RUN, "program": st.lists(likely.map(lambda ccw: (ccw[0] & 0xF0 | 1, *ccw[1:])), max_size=24)})
def test_a_program_of_output_alone_changes_no_byte(orb, program, blocks, keys, script, limit, fault, halt_at):
    channel, device = Channel(), Peripheral(behaviour=behave(script))
    with channel.storage as storage:
        prepare(channel, orb, program, blocks, keys, fault)
        frames, changes = storage.frames.copy(), storage.keys & 0x02
        view = ChannelView(storage, lambda: channel.zone, orb.key)
        drive(execute(device, view, orb, Progress(), limit), halt_at=halt_at)
        if all(command & 0x0F == 1 for command, _ in device.performed):
            assert (storage.frames == frames).all()
            assert (storage.keys & 0x02 == changes).all()


@settings(deadline=None, max_examples=150)
@given(
    ccws=st.lists(
        st.tuples(st.sampled_from([1, 2, 3, 7, 8, int(Command.SENSE)]), st.sampled_from([CHAIN | SLI, CHAIN_DATA]), counts, in_program),
        min_size=2, max_size=12,
    ),
    format_1=st.booleans(),
    script=scripts,
)  # fmt: skip
def test_programs_that_go_on_and_on_end_all_the_same(ccws, format_1, script):
    channel, device = Channel(), Peripheral(behaviour=behave(script))
    program = [
        (command, 0, 0, address) if command == 8 else (command, ccw_flags, count, 2 * PAGE_BYTES)
        for command, ccw_flags, count, address in ccws
    ]
    with channel.storage:
        orb = Orb(PROGRAM, format_1=format_1)
        prepare(channel, orb, program, [], [0] * FRAMES, None)
        view = ChannelView(channel.storage, lambda: channel.zone, 0)
        ended = drive(execute(device, view, orb, Progress()), halt_at=10**9)
    assert isinstance(ended, Ending)
    assert len(device.performed) <= CCWS_PER_START_MAX
