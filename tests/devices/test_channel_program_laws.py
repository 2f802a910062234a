"""Whatever a guest writes as a channel program ends with a status, soon, and touches nothing outside."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.channel import Ccw, CcwFlag, Command, DeviceStatus, SubchannelStatus
from lparvm.arch.interruption import IoInterruption
from lparvm.config import CCWS_PER_START_MAX
from lparvm.devices.disk import Disk
from lparvm.devices.stuck import Stuck

from .channel_programs import CHAIN, END, FRAMES, PROGRAM, SEEK_AT, SLI, Channel

BLOCKS_PER_CCW_MAX = 128  # a count has 16 bits
STATUSES = (
    0, SubchannelStatus.INCORRECT_LENGTH, SubchannelStatus.PROGRAM_CHECK, SubchannelStatus.PROTECTION_CHECK,
)  # fmt: skip

edges = st.sampled_from([0, PROGRAM, PAGE_BYTES, END]).flatmap(
    lambda edge: st.integers(max(0, edge - 520), edge + 16)
)
in_program = st.integers(0, 24).map(lambda index: PROGRAM + 8 * index)
addresses = st.one_of(in_program, edges, st.integers(0, (1 << 32) - 1))
likely = st.builds(
    Ccw,
    st.sampled_from(Command) | st.integers(0, 255),
    st.sampled_from([CHAIN, CHAIN | SLI, 0]) | st.builds(int, st.sampled_from(CcwFlag)),
    st.sampled_from([0, 1, 4, 511, 512, 513, 1024, 4096, 65535]),
    addresses,
).map(Ccw.encode)
programs = st.lists(likely | st.binary(min_size=8, max_size=8), max_size=24).map(b"".join)


@settings(deadline=None, max_examples=120)
@given(
    program=programs,
    at=st.one_of(st.just(PROGRAM), addresses),
    key=st.integers(0, 15),
    storage_keys=st.lists(st.sampled_from([0x00, 0x30, 0x38, 0xF8]), min_size=FRAMES, max_size=FRAMES),
    device=st.sampled_from([Disk, Stuck]),
)
def test_any_channel_program_ends_with_a_status_and_touches_nothing_outside(
    program, at, key, storage_keys, device
):
    channel = Channel(key)
    with channel.storage:
        channel.storage.frames[:] = 0xA5
        channel.storage.keys[:] = storage_keys
        channel.put(PROGRAM, program)
        options = {"size": "16K"} if device is Disk else {"ends_after": "1s"}
        before = channel.outside()
        ended = channel.run(device(0x190, 1, options), program=at)
        assert channel.outside() == before
    assert isinstance(ended, IoInterruption)
    assert ended.device_status in (0x0C, 0x0C | DeviceStatus.UNIT_CHECK)
    assert ended.subchannel_status in STATUSES
    assert 0 <= ended.residual_count <= 0xFFFF
    assert ended.ccw_address == channel.progress.ccw_address + 8
    assert len(channel.waits) <= CCWS_PER_START_MAX * (BLOCKS_PER_CCW_MAX + 1)


@settings(deadline=None, max_examples=60)
@given(
    writes=st.lists(
        st.tuples(st.integers(0, 12), st.integers(1, 4), st.integers(0, 255), st.integers(0, 16)), max_size=6
    )
)
def test_a_disk_holds_what_was_written_last_wherever_the_zone_was(writes):
    """Each write: first block, blocks, filling, and the origin that the zone moved to before it."""
    model = bytearray(16 * 512)
    disk = Disk(0x190, 1, {"size": "8K"})
    channel = Channel()
    with channel.storage:
        for first, blocks, filling, origin in writes:
            channel.zone = Zone(origin, channel.zone.extent)
            data = bytes((filling + index) % 256 for index in range(512 * blocks))
            channel.put(SEEK_AT, first.to_bytes(4, "big"))
            channel.put(PAGE_BYTES, data)
            seek = (Command.SEEK, CHAIN, 4, SEEK_AT)
            assert channel.run(disk, seek, (Command.WRITE, 0, len(data), PAGE_BYTES)).ended_normally
            model[first * 512 : first * 512 + len(data)] = data
        channel.zone = Zone(FRAMES - channel.zone.extent, channel.zone.extent)
        assert channel.run(disk, (Command.READ, 0, len(model), PAGE_BYTES)).ended_normally
        assert channel.get(PAGE_BYTES, len(model)) == bytes(model)
