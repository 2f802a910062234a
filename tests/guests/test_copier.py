import random

import pytest

from lparvm.devices.registry import make_device
from lparvm.errors import UsageError

from .bench import PAGE, Bench
from .io_rig import block_of, flip_block, used_blocks

DISK, TAPE = 0x190, 0x580


def bench(lips=1, pages=20, tape=None, **options):
    devices = {}
    for lip in range(lips):
        devices[DISK + lip] = make_device("disk", DISK + lip, 1000, {"size": "1M"})
        devices[TAPE + lip] = make_device("tape", TAPE + lip, 1000, tape or {})
    return Bench("copier", lips=lips, pages=pages * lips, devices=devices, options=options)


def records(machine, number=TAPE):
    """What the tape holds: records, and None for tape marks."""
    reel = machine.devices[number]._reel
    return [None if record is None else bytes(record) for record in map(reel.read, range(reel.records))]


def contents(machine, first=0, count=64, number=DISK):
    return b"".join(block_of(machine.devices[number], first + n) for n in range(count))


def until_program(machine, name):
    """Run to the moment when the channel program of this name runs; the lane."""
    (lane,) = machine.guest._lanes
    orb = getattr(lane, name)
    machine.until(lambda: any(one.start.orb == orb for one in machine.rig.running.values()), 20_000)
    return lane


@pytest.mark.parametrize("record", [512, 2048, 8192])
def test_at_the_end_the_tape_equals_the_disk(record):
    machine = bench(passes=1, record=record)
    machine.until(lambda: machine._waiting and machine._waiting[0].devices == (), 20_000)
    *copied, mark = records(machine)
    assert mark is None
    assert [len(data) for data in copied] == [record] * (64 * 512 // record)
    assert b"".join(copied) == contents(machine)
    assert machine.guest.steps == 2 * len(copied), "each written, and each compared"
    assert machine.verify() == []


def test_each_pass_has_contents_of_its_own():
    machine = bench(blocks=8)
    until_program(machine, "read_tape")
    one = contents(machine, count=8)
    machine.run(300)
    until_program(machine, "read_tape")
    two = contents(machine, count=8)
    assert all(one[at : at + 8] != two[at : at + 8] for at in range(0, len(one), 8))
    assert records(machine)[0] == two[:2048]
    assert machine.verify() == []


def test_it_keeps_to_its_blocks_and_uses_whole_records_only():
    machine = bench(first_block=300, blocks=9)
    machine.run(500)
    assert used_blocks(machine.devices[DISK]) == list(range(300, 308))
    assert machine.verify() == []


def test_each_lip_has_a_disk_and_a_tape_and_others_wait():
    devices = {DISK: make_device("disk", DISK, 0, {}), TAPE: make_device("tape", TAPE, 0, {})}
    machine = Bench("copier", lips=2, pages=40, devices=devices)
    machine.run(2000)
    assert [thread.cpu.steps > 10 for thread in machine.guest._threads] == [True, False]
    machine = bench(lips=2)
    machine.run(2000)
    assert [thread.cpu.steps > 10 for thread in machine.guest._threads] == [True, True]
    assert machine.ended() == [None, None]
    assert machine.verify() == []


@pytest.mark.parametrize("byte", [0, 1024, 2047])
def test_a_bit_flipped_on_the_tape_is_found(byte):
    machine = bench(blocks=16)
    lane = until_program(machine, "read_tape")
    reel = machine.devices[TAPE]._reel
    real = reel.read

    def read(number):
        data = bytearray(real(number) or b"")
        if number == 1:
            data[byte] ^= 8
        return bytes(data) or None

    reel.read = read
    damage = machine.until_damage()
    assert damage.address == lane.tape.address_of(byte) & ~7
    machine.run(100)
    assert any(one.expected.startswith("digest ") for one in machine.guest.damage), "and the digests differ"


@pytest.mark.parametrize("number", [0, 3])
def test_a_record_lost_or_doubled_on_the_tape_is_found(number):
    for change in (
        lambda real: lambda n: real(n + (n >= number)),
        lambda real: lambda n: real(n - (n > number)),
    ):
        machine = bench(blocks=32)
        until_program(machine, "read_tape")
        reel = machine.devices[TAPE]._reel
        reel.read = change(reel.read)
        machine.until_damage()


def test_a_missing_tape_mark_is_found():
    machine = bench(blocks=8)
    until_program(machine, "read_tape")
    reel = machine.devices[TAPE]._reel
    real = reel.read
    reel.read = lambda number: real(number) or b"more data"
    damage = machine.until_damage()
    assert (damage.expected, damage.found) == ("a tape mark behind 2 records", "device status 0C")


def test_a_bit_flipped_on_the_disk_is_found():
    machine = bench()
    lane = until_program(machine, "write_mark")
    flip_block(machine.devices[DISK], 5 * 512 + 16)
    damage = machine.until_damage()
    assert damage.address == lane.disk.address_of(512 + 16)


def test_a_flipped_bit_in_storage_is_found_at_the_end():
    for pick in (
        lambda lane: lane.programs.address + 50, lambda lane: lane.disk.guards[1], lambda lane: lane.tape.guards[-1] + 9,
    ):  # fmt: skip
        machine = bench()
        machine.run(200)
        machine.until(lambda m=machine: not m.rig.running)
        address = pick(machine.guest._lanes[0])
        machine.flip(address)
        assert [one.address for one in machine.verify()] == [address & ~7]


def test_a_page_left_behind_by_a_move_is_found():
    machine = bench()
    lane = until_program(machine, "write_tape")
    machine.relocate(35)
    page = lane.disk.record // PAGE
    machine.storage.frames[machine.zone.origin + page] = 0
    machine.until_damage()


@pytest.mark.parametrize("seed", range(4))
def test_halted_and_cleared_writes_make_no_wrong_tape(seed):
    machine = bench(blocks=16)
    rng = random.Random(seed)
    for _ in range(12):
        machine.disturb(rng, 60, origins=40)
        machine.run(150)
    ended = machine.disturb(rng, 500, origins=40)
    assert sum(ended.values()) > 5
    machine.run(500)
    assert machine.ended() == [None]
    assert machine.guest.steps > 20
    assert machine.verify() == []
    until_program(machine, "read_tape")
    assert records(machine)[-1] is None
    assert b"".join(records(machine)[:-1]) == contents(machine, count=16)


def test_a_full_tape_is_told():
    machine = bench(tape={"size": 4000})
    damage = machine.until_damage()
    assert damage.expected == "device 0580: device status 0C, all data moved"
    assert damage.found.startswith("device status 0D, ")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"record": 1000}, "option 'record': 1000; expected a multiple of 512 bytes, 32768 at most"),
        ({"blocks": 3}, "option 'blocks': 3; expected 4 at least, for one record"),
        ({"passes": -1}, "option 'passes': -1"),
    ],
)
def test_bad_options_are_named(options, problem):
    with pytest.raises(UsageError) as caught:
        bench(**options)
    assert problem in str(caught.value)
