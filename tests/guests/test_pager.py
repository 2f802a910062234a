import random

import pytest

from lparvm.arch.storage_key import CHANGE
from lparvm.devices.registry import make_device
from lparvm.errors import UsageError

from .bench import PAGE, Bench
from .io_rig import block_of, disks, flip_block, used_blocks

DEVICE = 0x190


def bench(lips=1, devices=1, pages=20, **options):
    numbers = range(DEVICE, DEVICE + devices)
    return Bench("pager", lips=lips, pages=pages * lips, devices=disks(*numbers, size="4M"), options=options)


def space(machine):
    return machine.guest._spaces[0]


def until_quiet(machine):
    machine.until(
        lambda: not machine.rig.running and len(space(machine).resident) == len(space(machine).frames)
    )


def test_pages_go_to_the_disk_and_come_back():
    machine = bench()
    machine.run(4000)
    assert machine.rig.begun[DEVICE] > 100
    assert used_blocks(machine.devices[DEVICE]) == list(range(32 * 8))
    assert machine.verify() == []


def test_it_keeps_to_its_blocks():
    machine = bench(first_block=1000, frames=2)
    machine.run(3000)
    assert used_blocks(machine.devices[DEVICE]) == list(range(1000, 1000 + 32 * 8))
    assert machine.verify() == []


def test_each_lip_has_its_own_frames_and_disk_and_the_rest_page_nothing():
    machine = bench(lips=3, devices=2)
    machine.run(1000)
    assert all(count > 20 for count in machine.rig.begun.values())
    assert all(thread.cpu.steps > 20 for thread in machine.guest._threads)
    frames = [frame.address for one in machine.guest._spaces for frame in one.frames]
    assert len(set(frames)) == 24
    assert machine.verify() == []


def test_a_page_on_the_disk_is_what_the_page_holds():
    machine = bench()
    machine.run(2000)
    until_quiet(machine)
    disk, salt = machine.devices[DEVICE], machine.guest._salt
    compared = 0
    for page in space(machine).pages:
        if page.slotted and not page.changed:
            slot = b"".join(block_of(disk, page.number * 8 + n) for n in range(8))
            assert slot == page.contents(salt, 0)
            compared += 1
    assert compared > 10


def test_there_is_less_paging_out_than_in():
    machine = bench()
    starts = []
    real = machine.rig.order
    machine.rig.order = lambda bench, message: starts.append(message.orb.program) or real(bench, message)
    machine.run(4000)
    written = sum(starts.count(frame.write.orb.program) for frame in space(machine).frames)
    read = sum(starts.count(frame.read.orb.program) for frame in space(machine).frames)
    assert 20 < written < 0.9 * read


def test_a_page_that_was_not_changed_is_not_written():
    machine = bench()
    machine.run(3000)
    until_quiet(machine)
    starts = []
    real = machine.rig.order
    machine.rig.order = lambda bench, message: starts.append(message) or real(bench, message)
    for resident in space(machine).resident:
        resident.changed = False
        machine.storage.keys[machine.zone.origin + resident.frame.address // PAGE] &= ~CHANGE & 0xFF
    machine.guest._touch = lambda *_: None
    machine.run(100)
    programs = {start.orb.program for start in starts}
    assert not programs & {frame.write.orb.program for frame in space(machine).frames}
    assert programs & {frame.read.orb.program for frame in space(machine).frames}


@pytest.mark.parametrize("changed", [False, True])
def test_a_wrong_change_bit_is_found(changed):
    for at_the_end in (False, True):
        machine = bench(frames=4)
        machine.run(1000)
        machine.until(
            lambda m=machine: (
                not m.rig.running
                and len(space(m).resident) == 4
                and any(page.changed is changed for page in space(m).resident)
            )
        )
        page = next(page for page in space(machine).resident if page.changed is changed)
        address = page.frame.address
        machine.flip_key(address // PAGE, CHANGE)
        if at_the_end:
            (damage,) = machine.verify()
        else:
            machine.guest._touch = lambda *_: None  # the next change would turn it on
            damage = machine.until_damage()
        assert damage.address == address
        assert damage.expected == f"storage key with the change bit {'on' if changed else 'off'}"


def test_a_bit_flipped_in_a_slot_of_the_disk_is_found():
    machine = bench()
    machine.run(3000)
    until_quiet(machine)
    page = next(page for page in space(machine).pages if page.frame is None and page.slotted)
    flip_block(machine.devices[DEVICE], page.number * PAGE + 1000)
    damage = machine.until_damage()
    assert damage.address % PAGE == 1000
    assert damage.address // PAGE in {frame.address // PAGE for frame in space(machine).frames}


@pytest.mark.parametrize("slices", [0, 500])
def test_a_bit_flipped_in_a_frame_or_a_program_is_found(slices):
    for pick in (lambda one: one.frames[3].address + 77, lambda one: one.frames[3].write.orb.program + 1):
        machine = bench()
        machine.run(slices)
        until_quiet(machine)
        address = pick(space(machine))
        machine.flip(address)
        assert [one.address for one in machine.verify()] == [address & ~7]


def test_a_bit_flipped_in_a_frame_is_found_while_it_runs():
    machine = bench()
    machine.run(500)
    until_quiet(machine)
    machine.flip(space(machine).frames[2].address + 2048)
    assert machine.until_damage().address == space(machine).frames[2].address + 2048


def test_a_dropped_page_out_is_found():
    machine = bench()
    machine.run(1000)
    machine.devices[DEVICE]._store.write = lambda *_: None
    damage = machine.until_damage()
    assert "generation" in damage.expected


def test_swapped_frames_are_found():
    machine = bench()
    machine.run(500)
    until_quiet(machine)
    one, other = (space(machine).frames[n].address // PAGE for n in (1, 5))
    machine.swap_pages(one, other)
    assert {damage.address // PAGE for damage in machine.verify()} <= {one, other}
    assert machine.guest.damage_count > 900, "both pages, word by word"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("reserve", [False, True])
def test_it_stands_halts_clears_and_moves(seed, reserve):
    machine = bench(reserve=reserve, frames=4)
    ended = machine.disturb(random.Random(seed), 4000, origins=40)
    assert min(ended.values()) > 20
    assert machine.ended() == [None]
    assert machine.guest.steps > 1000
    assert machine.verify() == []


@pytest.mark.parametrize("word", ["slow 1us", "disconnect 1us", "delay 1us"])
def test_it_stands_a_disk_that_takes_its_time(word):
    fault = make_device("fault", DEVICE, 1000, {"size": "1M", "then": word})
    machine = Bench("pager", pages=20, devices={DEVICE: fault})
    ended = machine.disturb(random.Random(1), 3000, origins=40)
    assert min(ended.values()) > 20
    assert machine.verify() == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"frames": 1}, "option 'frames': 1; expected a whole number from 2 to 4096"),
        ({"frames": 40}, "option 'pages': 32; expected as many as frames, 40, or more"),
        ({"reserve": 1}, "option 'reserve': 1; expected true or false"),
    ],
)
def test_bad_options_are_named(options, problem):
    with pytest.raises(UsageError) as caught:
        bench(**options)
    assert problem in str(caught.value)


def test_a_zone_too_small_is_the_guests_error():
    machine = bench(pages=8)
    machine.run(1)
    (ended,) = machine.ended()
    assert "a zone of 8 pages; expected 9 for each LIP" in ended.text
