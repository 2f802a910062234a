import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.channel import Command
from lparvm.devices.base import DeviceCheck, Sense
from lparvm.devices.registry import make_device
from lparvm.errors import UsageError
from lparvm.guests.sharer import Counters

from .bench import Bench
from .io_rig import Rig, block_of, disks, flip_block, put_block, used_blocks

DEVICE = 0x190
BLOCKS = 4


def sharers(count=3, rig=None, **options):
    rig = rig or Rig(disks(DEVICE))
    return [
        Bench("sharer", pages=20, devices=rig, lpar=f"LPAR{number}", options=options)
        for number in range(count)
    ]


def run(machines, slices):
    for _ in range(slices):
        for machine in machines:
            machine.run(1)


def on_disk(machine, first=0):
    disk = machine.devices[DEVICE]
    return Counters.decode(b"".join(block_of(disk, first + n) for n in range(BLOCKS)))


def steps(machine):
    return machine.guest.steps


def test_no_addition_of_any_lpar_is_lost():
    machines = sharers(4)
    run(machines, 3000)
    for machine in machines:
        assert steps(machine) > 30
        assert machine.verify() == []
    counters = on_disk(machines[0])
    assert counters.total == sum(counters.of.values())
    for machine in machines:
        assert counters.of[machine.lpar] - steps(machine) in (0, 1), "one may be under way"


def test_only_the_counters_blocks_are_used():
    machines = sharers(2, first_block=700)
    run(machines, 200)
    assert set(used_blocks(machines[0].devices[DEVICE])) <= set(range(700, 704))
    assert on_disk(machines[0], 700).total > 5


@pytest.mark.parametrize("seed", range(3))
def test_none_is_lost_while_starts_are_halted_and_cleared_and_zones_move(seed):
    rng = random.Random(seed)
    machines = sharers(3)
    for _ in range(400):
        for machine in machines:
            machine.disturb(rng, 5, origins=40)
    for machine in machines:
        assert steps(machine) > 10
        assert machine.verify() == []
    counters = on_disk(machines[0])
    assert counters.total == sum(counters.of.values())
    for machine in machines:
        assert counters.of[machine.lpar] - steps(machine) in (0, 1)


def test_without_reservation_additions_are_lost_and_that_is_found():
    class Unreserved(type(disks(DEVICE)[DEVICE])):
        def available(self, user):
            return self.user is None

    machines = sharers(3, Rig({DEVICE: Unreserved(DEVICE, 1000, {"size": "1M"})}))
    run(machines, 3000)
    damage = [one for machine in machines for one in machine.guest.damage]
    assert any("counter of LPAR" in one.expected for one in damage)


def test_a_dropped_write_is_found():
    machines = sharers(1)
    run(machines, 200)
    machines[0].devices[DEVICE]._store.write = lambda *_: None
    damage = machines[0].until_damage()
    assert damage.expected.startswith("counter of LPAR0: ")
    assert damage.expected.endswith("as it was written")


def test_what_another_one_put_back_is_found():
    machines = sharers(2)
    run(machines, 200)
    disk = machines[0].devices[DEVICE]
    old = [block_of(disk, number) for number in range(BLOCKS)]
    run(machines, 500)
    while disk.reserved_by is not None:
        run(machines, 1)
    for number, data in enumerate(old):
        put_block(disk, number, data)
    run(machines, 300)
    for machine in machines:
        assert len(machine.guest.damage) >= 1


@pytest.mark.parametrize("byte", [0, 9, 30, 40, 2047])
def test_a_bit_flipped_on_the_disk_is_found(byte):
    machines = sharers(1)
    run(machines, 200)
    machine = machines[0]
    machine.until(lambda: DEVICE not in machine.rig.running)
    machine.until(lambda: machine.rig.running)
    flip_block(machine.devices[DEVICE], byte)
    damage = []
    for _ in range(5):  # it may be overwritten by the write that runs
        machine.run(100)
        damage = machine.guest.damage
        if damage:
            break
        flip_block(machine.devices[DEVICE], byte)
    assert damage[0].found == "blocks that are no counters"
    before = steps(machine)
    machine.run(300)
    assert steps(machine) > before, "it goes on"


@pytest.mark.parametrize("place", ["program", "guard", "record"])
def test_a_flipped_bit_in_storage_is_found_at_the_end(place):
    (machine,) = sharers(1)
    machine.run(100)
    machine.until(lambda: DEVICE not in machine.rig.running)
    (lane,) = machine.guest._lanes
    address = {
        "program": lane.write.orb.program + 4,
        "guard": lane.area.guards[7] + 7,
        "record": lane.area.pieces[1][0] + 600,
    }[place]
    machine.flip(address)
    assert [one.address for one in machine.verify()] == [address & ~7]


def test_what_an_earlier_run_left_is_gone_on_with():
    disk = disks(DEVICE)
    first = sharers(2, Rig(disk))
    run(first, 300)
    left = on_disk(first[0])
    disk[DEVICE].disconnect()
    disk[DEVICE].reserved_by = None
    again = sharers(2, Rig(disk))
    run(again, 300)
    for machine in again:
        assert machine.verify() == []
    assert on_disk(again[0]).total > left.total + 5


def test_a_disk_with_anything_else_on_it_is_begun_anew():
    rig = Rig(disks(DEVICE))
    put_block(rig.devices[DEVICE], 0, b"something else".ljust(512))
    machines = sharers(2, rig)
    run(machines, 300)
    for machine in machines:
        assert machine.verify() == []


def test_blocks_that_a_killed_run_left_unreadable_are_begun_anew():
    rig = Rig(disks(DEVICE))
    store = rig.devices[DEVICE]._store
    read, write, torn = store.read, store.write, [True]

    def read_torn(first, count):
        if torn:
            raise DeviceCheck(Sense.DATA_CHECK, "cut off")
        return read(first, count)

    def write_and_mend(first, data):
        torn.clear()
        write(first, data)

    store.read, store.write = read_torn, write_and_mend
    machines = sharers(2, rig)
    run(machines, 300)
    for machine in machines:
        assert steps(machine) > 5
        assert machine.verify() == []
    store.write = write
    torn.append(True)
    run(machines, 100)
    damage = [one for machine in machines for one in machine.guest.damage]
    assert "device status 0E" in damage[0].found, "later it is damage"


def test_counters_that_do_not_add_up_are_found():
    machines = sharers(2)
    run(machines, 300)
    disk = machines[0].devices[DEVICE]
    while disk.reserved_by is not None:
        run(machines, 1)
    counters = on_disk(machines[0])
    data = Counters(counters.total + 5, counters.of).encode()
    for number in range(BLOCKS):
        put_block(disk, number, data[number * 512 : (number + 1) * 512])
    run(machines, 300)
    (damage,) = [one for machine in machines for one in machine.guest.damage]
    assert damage.expected == f"counters with a sum of {counters.total + 5}"
    assert damage.found == f"a sum of {counters.total}"


def test_lips_without_a_device_wait():
    machine = Bench("sharer", lips=2, pages=30, devices=(DEVICE,))
    machine.run(300)
    assert machine.ended() == [None, None]
    assert machine.guest._threads[1].cpu.steps == 0


def test_reservation_is_released_after_each_addition():
    fault = make_device("fault", DEVICE, 1000, {"size": "1M"})
    (machine,) = sharers(1, Rig({DEVICE: fault}))
    seen = []
    real = fault.perform
    fault.perform = lambda command, data, *, chained: (
        seen.append(command) or real(command, data, chained=chained)
    )
    machine.run(300)
    commands = [command for command in seen if command in (Command.RESERVE, Command.RELEASE, 0x41, 0x42)]
    assert commands[:8] == [Command.RESERVE, 0x42, 0x41, Command.RELEASE] * 2


@given(counters=st.dictionaries(st.text("ABCDEFGHIJ0123456789", min_size=1, max_size=16),
                                st.integers(0, 1 << 60), max_size=64), total=st.integers(0, (1 << 64) - 1))  # fmt: skip
def test_counters_come_back_from_their_blocks(counters, total):
    data = Counters(total, counters).encode()
    assert len(data) == BLOCKS * 512
    found = Counters.decode(data)
    assert (found.total, found.of) == (total, counters)


def test_bad_options_are_named():
    with pytest.raises(UsageError, match="option 'every': '1ns'; expected"):
        sharers(1, every="1ns")
