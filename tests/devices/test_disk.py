"""What a disk does by its commands, and what it keeps in memory."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.channel import ENDED, Command
from lparvm.arch.fixed_block import DiskCommand, Mask, Operation, define_extent, locate
from lparvm.config import DISK_BLOCKS_MAX
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.disk import Disk
from lparvm.errors import UsageError

from .data_areas import Area, Run, run
from .disks import LAST, open_chain, read, write

LATENCY_NS = 7
BLOCK = bytes(range(256)) * 2
READ, WRITE, LOCATE, DEFINE = (
    DiskCommand.READ, DiskCommand.WRITE, DiskCommand.LOCATE, DiskCommand.DEFINE_EXTENT
)  # fmt: skip


@pytest.fixture
def disk():
    return Disk(0x190, LATENCY_NS, {"size": "8K"})


def rejected(device, *commands):
    with pytest.raises(DeviceCheck) as caught:
        run(device, *commands)
    assert caught.value.sense == Sense.COMMAND_REJECT
    return str(caught.value)


def test_what_is_written_is_read_back_after_one_positioning_each(disk):
    with open_chain(disk, Operation.WRITE, 3, 4) as start:
        assert start.output(WRITE, BLOCK * 4) == ENDED
        assert start.waits == [LATENCY_NS], "one wait for all blocks"
    with open_chain(disk, Operation.READ, 3, 4) as start:
        assert start.input(READ, 2048) == BLOCK * 4
        assert start.waits == [LATENCY_NS]


def test_blocks_of_a_run_are_moved_at_once(disk):
    with open_chain(disk, Operation.READ, 0, 16) as start:
        area = Area(count=16 * 512)
        start.finish(start.begin(READ, area))
    assert area.moves == [16 * 512]


def test_blocks_that_were_never_written_are_zeros(disk):
    assert read(disk, 0, 16) == bytes(16 * 512)


def test_the_largest_disk_costs_nothing_until_it_is_written():
    disk = Disk(0x190, 0, {"size": "2T"})
    last = DISK_BLOCKS_MAX - 1
    assert disk.blocks == DISK_BLOCKS_MAX
    write(disk, last, BLOCK, last=last)
    assert read(disk, last, 1, last=last) == BLOCK
    disk.close()


def test_a_write_that_ends_within_a_block_fills_it_with_zeros(disk):
    write(disk, 0, BLOCK * 3)
    write(disk, 0, b"x" * 600, count=3)
    assert read(disk, 0, 3) == b"x" * 600 + bytes(424) + BLOCK


def test_a_read_of_fewer_bytes_gives_the_front_of_the_block(disk):
    write(disk, 0, BLOCK)
    assert read(disk, 0, 1, size=100) == BLOCK[:100]


def test_the_blocks_that_a_count_leaves_are_for_the_next_command_of_the_chain(disk):
    with open_chain(disk, Operation.WRITE, 2, 4) as start:
        start.output(WRITE, b"a" * 1024)
        start.output(WRITE, b"b" * 1024)
    with open_chain(disk, Operation.READ, 2, 4) as start:
        assert start.input(READ, 1536) == b"a" * 1024 + b"b" * 512
        assert start.input(READ, 512) == b"b" * 512
        with pytest.raises(DeviceCheck, match="blocks that are left"):
            start.input(READ, 512)


def test_a_count_of_zero_moves_nothing(disk):
    with open_chain(disk, Operation.WRITE, 0, 1) as start:
        start.output(WRITE, b"")
        start.output(WRITE, BLOCK)
    assert read(disk, 0, 1) == BLOCK


def test_an_extent_may_count_its_blocks_from_anywhere(disk):
    extent = define_extent(100, 103, physical=4)
    run(disk, (DEFINE, extent), (LOCATE, locate(Operation.WRITE, 102, 1)), (WRITE, BLOCK))
    assert read(disk, 6, 1) == BLOCK


EXTENT = (DEFINE, define_extent(2, 9))
LOCATE_READ = (LOCATE, locate(Operation.READ, 2, 1))


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param([(READ, 512)], id="read alone"),
        pytest.param([EXTENT, (READ, 512)], id="read without locate"),
        pytest.param([EXTENT, (LOCATE, locate(Operation.WRITE, 2, 1)), (READ, 512)], id="read at a write"),
        pytest.param([EXTENT, LOCATE_READ, (WRITE, BLOCK)], id="write at a read"),
        pytest.param([LOCATE_READ], id="locate without extent"),
        pytest.param([EXTENT, EXTENT], id="two extents"),
        pytest.param([(DEFINE, define_extent(2, 9)[:15])], id="a short extent"),
        pytest.param([(DEFINE, define_extent(9, 8))], id="an extent that ends before it begins"),
        pytest.param([(DEFINE, define_extent(0, 16))], id="an extent behind the disk"),
        pytest.param([(DEFINE, define_extent(0, 1, physical=15))], id="an extent that leaves the disk"),
        pytest.param([(DEFINE, b"\x80" + define_extent(2, 9)[1:])], id="a wrong mask"),
        pytest.param([EXTENT, (LOCATE, LOCATE_READ[1][:7])], id="a short location"),
        pytest.param([EXTENT, (LOCATE, locate(Operation.READ, 1, 1))], id="before the extent"),
        pytest.param([EXTENT, (LOCATE, locate(Operation.READ, 9, 2))], id="over the extent's end"),
        pytest.param([EXTENT, (LOCATE, locate(Operation.READ, (1 << 32) - 1, 1))], id="far behind it"),
        pytest.param([EXTENT, (LOCATE, locate(Operation.READ, 2, 0))], id="no blocks"),
        pytest.param([EXTENT, (LOCATE, b"\x04" + LOCATE_READ[1][1:])], id="another operation"),
        pytest.param([EXTENT, LOCATE_READ, (LOCATE, bytes(8)), (READ, 512)], id="a failed locate"),
        pytest.param([(0x02, 512)], id="a command it doesn't know"),
    ],
)
def test_what_does_not_belong_is_a_command_reject(disk, commands):
    rejected(disk, *commands)
    assert read(disk, 0, 16) == bytes(8192), "and nothing is written"
    with Run(disk) as start:
        assert start.input(Command.SENSE, 32) == bytes(32), "other commands have been since"


def test_a_mask_may_forbid_writing(disk):
    extent = (DEFINE, define_extent(0, LAST, mask=Mask.NO_WRITING))
    assert "permits" in rejected(disk, extent, (LOCATE, locate(Operation.WRITE, 0, 1)))
    assert run(disk, extent, LOCATE_READ, (READ, 512))[-1] == bytes(512)


def test_extent_and_location_end_with_the_chain(disk):
    run(disk, EXTENT, LOCATE_READ)
    rejected(disk, (READ, 512))
    run(disk, EXTENT)
    # Also where the first command of the next chain is none of the disk's own.
    rejected(disk, (Command.NO_OPERATION, b""), LOCATE_READ)


def test_a_halt_before_the_data_moves_leaves_the_blocks_alone(disk):
    with open_chain(disk, Operation.WRITE, 0, 1) as start:
        waits = start.begin(WRITE, Area(BLOCK))
        next(waits)
        waits.close()
    assert read(disk, 0, 1) == bytes(512)


def test_a_disk_is_a_9336_and_tells_its_size(disk):
    (identity, characteristics) = run(
        disk, (Command.SENSE_ID, 7), (DiskCommand.READ_DEVICE_CHARACTERISTICS, 64)
    )
    assert identity.hex() == "ff631080933610"
    assert len(characteristics) == 32
    assert characteristics[2] == 0x21, "the class: a disk of fixed blocks"
    assert int.from_bytes(characteristics[4:6], "big") == 512
    assert int.from_bytes(characteristics[14:18], "big") == 16


@pytest.mark.parametrize("size", [513, "1023", DISK_BLOCKS_MAX * 512 + 512, "100000000T"])
def test_a_size_that_no_disk_has_is_refused(size):
    with pytest.raises(UsageError, match=r"device 0190 \(disk\): option 'size': .*expected"):
        Disk(0x190, 0, {"size": size})


def test_a_size_that_the_address_space_has_no_room_for_is_refused(monkeypatch):
    def fails(_size):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("lparvm.devices.blocks.LazyMemory", fails)
    with pytest.raises(UsageError, match="Cannot allocate memory; expected what the address space holds"):
        Disk(0x190, 0, {})


def test_a_closed_disk_reads_and_writes_nothing(disk):
    disk.close()
    disk.close()
    for access in (lambda: read(disk, 0, 1), lambda: write(disk, 0, BLOCK)):
        with pytest.raises(DeviceCheck, match="closed") as caught:
            access()
        assert caught.value.sense == Sense.EQUIPMENT_CHECK


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, LAST), st.integers(1, 16), st.integers(0, 255), st.integers(1, 8192)),
        max_size=8,
    ),
    st.booleans(),
)
def test_a_disk_holds_what_a_plain_array_would(tmp_path_factory, writes, in_file):
    path = {"path": str(tmp_path_factory.mktemp("disk") / "disk.img")} if in_file else {}
    disk = Disk(0x190, 0, {"size": "8K", **path})
    model = bytearray(8192)
    for block, blocks, value, size in writes:
        count = min(blocks, LAST + 1 - block)
        data = bytes([value]) * min(size, count * 512)
        write(disk, block, data, count=count)
        padded = data + bytes(-len(data) % 512)
        model[block * 512 : block * 512 + len(padded)] = padded
    assert read(disk, 0, 16) == model
    disk.close()
