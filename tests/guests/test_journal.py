import pytest

from lparvm.arch.interception import GuestError, StartSubchannel, WaitForInterruption
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.errors import UsageError

from .bench import PAGE, Bench

DEVICE = 0x190


def bench(lips=1, devices=1, **options):
    return Bench("journal", lips=lips, pages=30 * lips, devices=tuple(range(DEVICE, DEVICE + devices)),
                 options=options)  # fmt: skip


def until_waiting_for_io(machine, *, read):
    """Run to a wait with a write, or a read, under way; the lane."""
    (state,), (lane,) = machine.states, machine.guest._lanes
    program = None
    for _ in range(2000):
        interception = machine.guest.run(state, 100)
        machine.reply(state, interception)
        if isinstance(interception, StartSubchannel):
            program = interception.program
        wanted = lane.read_program if read else lane.write_program
        if isinstance(interception, WaitForInterruption) and program == wanted and state.reply is None:
            return lane
    raise AssertionError("no such I/O")


def test_records_go_to_the_disk_and_come_back():
    machine = bench()
    machine.run(1000)
    disk = machine.disks[DEVICE]
    assert disk.starts > 100
    assert len(disk.blocks) == 64
    assert all(any(block) for block in disk.blocks.values())
    assert machine.verify() == []


def test_records_keep_to_their_blocks():
    machine = bench(first_block=100, blocks=9, record="1K")
    machine.run(300)
    assert sorted(machine.disks[DEVICE].blocks) == list(range(100, 108)), "four records of two blocks"


@pytest.mark.parametrize("record", [512, "4K", 32768])
def test_records_of_all_sizes(record):
    machine = bench(record=record)
    machine.run(100)
    assert machine.guest.steps > 10
    assert machine.verify() == []


def test_each_lip_drives_its_own_device_and_the_rest_compare_in_storage():
    machine = bench(lips=3, devices=2)
    machine.run(100)
    assert [disk.starts > 5 for disk in machine.disks.values()] == [True, True]
    assert machine.guest._threads[2].cpu.steps > 5
    assert machine.verify() == []


def test_the_lip_stores_around_the_record_while_the_io_runs():
    machine = bench()
    lane = until_waiting_for_io(machine, read=False)
    stored = []
    machine.guest.observe(lambda access, address, *_: access == "store" and stored.append(address))
    machine.run(1)
    assert stored
    for area in lane.areas:
        assert not any(area.record <= address < area.record + area.size for address in stored)
    pages = {address // PAGE for address in stored}
    assert pages & {area.record // PAGE for area in lane.areas}, "also in the record's own page"


@pytest.mark.parametrize("byte", [0, 511, 512, 1023])
def test_a_flipped_bit_on_the_disk_is_found_when_it_is_read_back(byte):
    machine = bench(blocks=2)
    machine.run(100)
    until_waiting_for_io(machine, read=True)  # it will be read now
    block, place = divmod(byte, DISK_BLOCK_BYTES)
    data = bytearray(machine.disks[DEVICE].blocks[block])
    data[place] ^= 4
    machine.disks[DEVICE].blocks[block] = bytes(data)
    damage = machine.until_damage(50)
    assert damage.address == machine.guest._lanes[0].read_area.record + (byte & ~7)
    machine.run(100)
    assert machine.guest.damage_count == 1, "told once"


def test_a_read_that_stores_nothing_is_found():
    machine = bench(blocks=2)
    disk = machine.disks[DEVICE]
    until_waiting_for_io(machine, read=True)
    disk._run = lambda *_: None
    machine.run(20)
    assert machine.guest.damage_count >= 64, "every word of the read area is the wrong one"


def test_a_write_that_goes_to_the_old_place_after_a_move_is_found():
    machine = bench(blocks=2)
    machine.run(50)
    until_waiting_for_io(machine, read=False)
    source = machine.zone
    machine.relocate(60)
    machine.disks[DEVICE].zone_in_force = lambda: source  # no SALE came: the poison is written
    with pytest.raises(AssertionError, match="no such command"):
        machine.run(5)
    machine = bench(blocks=2)
    until_waiting_for_io(machine, read=True)
    source = machine.zone
    keep = machine.storage.frames[source.origin : source.end].copy()
    machine.relocate(60)
    machine.storage.frames[source.origin : source.end] = keep
    machine.disks[DEVICE].zone_in_force = lambda: source
    machine.run(5)
    assert machine.guest.damage, "the record was read into the old frames"


def test_what_a_read_under_way_stores_is_not_judged_at_the_end():
    machine = bench()
    lane = until_waiting_for_io(machine, read=True)
    machine.flip(lane.read_area.record)
    assert machine.verify() == []


@pytest.mark.parametrize("slices", [0, 3, 40])
def test_a_flipped_bit_in_program_guards_or_records_is_found_at_the_end(slices):
    for place in ("program", "seek", "below", "above", "next page", "write", "read"):
        machine = bench()
        machine.run(slices)
        if machine.disks[DEVICE]._program is not None:
            machine.run(3)
        (lane,) = machine.guest._lanes
        area = lane.write_area
        address = {
            "program": lane.write_program + 9,
            "seek": lane.write_program + 35,
            "below": area.address + 100,
            "above": area.record + area.size + 5,
            "next page": area.address + PAGE + 4095,
            "write": area.record + 77,
            "read": lane.read_area.record + 77,
        }[place]
        machine.flip(address)
        assert machine.verify(), f"{place} after {slices} slices"


def test_a_flipped_bit_around_the_record_is_found_while_it_runs():
    machine = bench()
    machine.run(5)
    (lane,) = machine.guest._lanes
    machine.flip(lane.read_area.address + 8)
    assert machine.until_damage().address == lane.read_area.address + 8


def test_swapped_pages_are_found():
    machine = bench()
    machine.run(5)
    (lane,) = machine.guest._lanes
    page = lane.write_area.address // PAGE
    machine.swap_pages(page, page + 1)
    assert machine.verify()


def test_a_busy_device_is_tried_again():
    machine = bench()
    machine.disks[DEVICE].condition_codes = [2, 2, 2]
    (state,) = machine.states
    seen = []
    for _ in range(12):
        interception = machine.guest.run(state, 100)
        machine.reply(state, interception)
        seen.append(interception)
    starts = [request for request in seen if isinstance(request, StartSubchannel)]
    assert len(starts) == 4
    assert seen.count(WaitForInterruption(duration_ns=1_000_000)) == 3
    assert machine.guest.damage == []


def test_a_device_that_is_not_operational_ends_the_guest_with_a_clear_error():
    machine = bench()
    machine.disks[DEVICE].condition_codes = [3]
    machine.run(5)
    (ended,) = machine.ended()
    assert isinstance(ended, GuestError)
    assert ended.text.startswith(
        "RuntimeError: device 0190 is not operational (condition code 3) (journal.py:"
    )


def test_tolerant_it_passes_over_a_device_that_is_not_operational():
    machine = bench(tolerate=True)
    machine.run(100)
    machine.disks[DEVICE].condition_codes = [3] * 20
    machine.run(100)
    assert not machine.disks[DEVICE].condition_codes
    assert machine.guest.steps > 10
    assert machine.verify() == []


@pytest.mark.parametrize("tolerate", [False, True])
def test_an_abnormal_ending_is_damage_unless_tolerated(tolerate):
    machine = bench(tolerate=tolerate)
    machine.run(20)
    machine.disks[DEVICE].device_status = 0x0E  # unit check
    machine.run(20)
    machine.disks[DEVICE].device_status = 0x0C
    machine.run(100)
    damage = machine.verify()
    if tolerate:
        assert damage == []
    else:
        assert damage[0].expected == "device 0190: channel end and device end"
        assert damage[0].found.startswith("device status 0E, subchannel status 00, residual count 0")


def test_a_zone_too_small_is_the_guests_error():
    machine = Bench("journal", pages=4, devices=(DEVICE,))
    machine.run(1)
    (ended,) = machine.ended()
    assert "a zone of 4 pages; expected 5 for each LIP" in ended.text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"record": 1000}, "option 'record': 1000; expected a multiple of 512 bytes, 32768 at most"),
        ({"record": "64K"}, "option 'record': '64K'"),
        ({"blocks": 1}, "option 'blocks': 1; expected 2 at least, for one record"),
        ({"first_block": -1}, "option 'first_block'"),
        ({"tolerate": "yes"}, "option 'tolerate': 'yes'; expected true or false"),
    ],
)
def test_bad_options_are_named(options, problem):
    with pytest.raises(UsageError) as caught:
        bench(**options)
    assert problem in str(caught.value)
