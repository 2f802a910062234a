import random

import pytest

from lparvm.arch.interception import GuestError, WaitForInterruption
from lparvm.devices.registry import make_device
from lparvm.errors import UsageError

from .bench import PAGE, Bench
from .io_rig import Rig, block_of, disks, flip_block, put_block, used_blocks

DEVICE = 0x190


def bench(lips=1, devices=1, pages=30, **options):
    return Bench("journal", lips=lips, pages=pages * lips, devices=tuple(range(DEVICE, DEVICE + devices)),
                 options=options)  # fmt: skip


def until_under_way(machine, program):
    """Run to a wait while the channel program `write_log`, `read_log` ... runs; the lane."""
    (state,), (lane,) = machine.states, machine.guest._lanes
    wanted = getattr(lane, program).orb.program
    for _ in range(20_000):
        interception = machine.guest.run(state, 100)
        running = machine.rig.running.get(DEVICE)
        if isinstance(interception, WaitForInterruption) and running and running.start.orb.program == wanted:
            machine._waiting[0] = interception
            return lane
        machine.reply(state, interception)
    raise AssertionError(f"{program} was never run")


def test_the_log_and_checkpoints_go_to_the_disk_and_come_back():
    machine = bench()
    machine.run(3000)
    assert machine.rig.begun[DEVICE] > 100
    assert used_blocks(machine.devices[DEVICE]) == list(range(2 * 2 + 8 * 2 * 2 + 7 * 4)), "all 64 are used"
    assert machine.guest.steps > 100
    assert machine.verify() == []


def test_it_keeps_to_its_blocks():
    machine = bench(first_block=100, blocks=9, record="1K")
    machine.run(1000)
    assert used_blocks(machine.devices[DEVICE]) == list(range(100, 108)), (
        "two checkpoints and one group of two"
    )


@pytest.mark.parametrize(
    "options",
    [
        {"record": 512, "group": 1}, {"record": "4K", "group": 3, "blocks": 100}, {"record": 32768, "blocks": 400},
        {"group": 16, "blocks": 70}, {"keys": 4096, "blocks": 200}, {"checkpoint": 1}, {"reserve": True},
    ],
    ids=str,
)  # fmt: skip
def test_records_groups_and_tables_of_all_sizes(options):
    machine = bench(pages=100, **options)
    machine.run(3000)
    assert machine.guest.steps > 10
    assert machine.ended() == [None]
    assert machine.verify() == []
    assert machine.devices[DEVICE].reserved_by is None or options.get("reserve")


def test_a_group_of_records_is_one_channel_program():
    machine = bench(group=4)
    until_under_way(machine, "write_log")
    before = machine.rig.begun[DEVICE]
    disk, lane = machine.devices[DEVICE], machine.guest._lanes[0]
    machine.until(lambda: DEVICE not in machine.rig.running)
    records = b"".join(bytes(area.holds) for area in lane.log)
    blocks = b"".join(block_of(disk, number) for number in range(4, 4 + 8))
    assert blocks == records
    assert machine.rig.begun[DEVICE] == before


def test_each_lip_drives_its_own_device_and_the_rest_compare_in_storage():
    machine = bench(lips=3, devices=2)
    machine.run(500)
    assert all(count > 5 for count in machine.rig.begun.values())
    assert machine.guest._threads[2].cpu.steps > 5
    assert machine.verify() == []


def test_the_lip_stores_around_the_records_while_the_io_runs():
    machine = bench()
    machine.run(100)
    lane = until_under_way(machine, "write_log")
    stored = []
    machine.guest.observe(lambda access, address, *_: access == "store" and stored.append(address))
    machine.rig.step = lambda: None
    machine.run(30)
    assert stored
    for area in lane.areas:
        for address, count in area.pieces:
            assert not any(address <= one < address + count for one in stored)
    assert {address // PAGE for address in stored} & {area.record // PAGE for area in lane.log}, (
        "also their pages"
    )


@pytest.mark.parametrize("byte", [0, 511, 512, 2047])
def test_a_bit_flipped_in_the_log_on_the_disk_is_found_by_recovery(byte):
    machine = bench(checkpoint=1)
    lane = until_under_way(machine, "read_log")
    place = lane.read_log.parameters + 20 - lane.programs.address
    block = int.from_bytes(lane.programs.holds[place : place + 4], "big")
    flip_block(machine.devices[DEVICE], block * 512 + byte)
    machine.until_damage(100)
    addresses = {damage.address for damage in machine.guest.damage}
    assert lane.read[byte // 1024].address_of(byte % 1024) & ~7 in addresses
    machine.run(300)
    assert machine.ended() == [None], "it goes on"


def test_a_bit_flipped_in_a_checkpoint_on_the_disk_is_found_by_recovery():
    machine = bench()
    lane = until_under_way(machine, "read_checkpoint")
    for block in range(4):
        flip_block(machine.devices[DEVICE], block * 512 + 40)
    machine.until_damage(200)
    damage = machine.guest.damage[0]
    assert damage.address == lane.shadow.record + 40
    assert damage.expected != damage.found
    assert damage.lip == "LIP1"


def test_writes_that_the_disk_drops_are_found():
    machine = bench(blocks=16)
    machine.run(1000)
    machine.devices[DEVICE]._store.write = lambda *_: None
    damage = machine.until_damage()
    assert "generation" in damage.expected, "what was written is told"


def test_a_record_of_an_earlier_round_is_found():
    machine = bench(blocks=8)
    machine.run(300)
    disk = machine.devices[DEVICE]
    old = [block_of(disk, number) for number in range(4, 8)]
    machine.run(300)
    until_under_way(machine, "read_log")
    for number, data in enumerate(old):
        put_block(disk, 4 + number, data)
    damage = machine.until_damage(100)
    assert "generation" in damage.found, "what is there is told"
    machine.run(100)
    assert machine.guest.damage_count > 200, "each word, and that the record does not fit"


@pytest.mark.parametrize("program", ["read_log", "read_checkpoint"])
def test_a_read_that_goes_to_the_old_place_after_a_move_is_found(program):
    machine = bench()
    lane = until_under_way(machine, program)
    source = machine.zone
    keep = machine.storage.frames[source.origin : source.end].copy()
    machine.relocate(60)
    machine.storage.frames[source.origin : source.end] = keep
    machine.zone_of_channel = lambda: source  # no SALE came
    machine.rig.running[DEVICE].view._zone_in_force = machine.zone_of_channel
    machine.until_damage(50)
    read = lane.read if program == "read_log" else [lane.shadow]
    assert any(area.address <= machine.guest.damage[0].address < area.end for area in read)


def test_a_write_that_comes_from_the_old_place_after_a_move_is_found():
    machine = bench()
    lane = until_under_way(machine, "write_log")
    source = machine.zone
    keep = machine.storage.frames[source.origin : source.end].copy()
    keep[lane.log[0].record // PAGE] = 0
    machine.relocate(60)
    machine.storage.frames[source.origin : source.end] = keep
    machine.rig.running[DEVICE].view._zone_in_force = lambda: source
    machine.until(lambda: DEVICE not in machine.rig.running)
    machine.until_damage()


def test_what_a_read_under_way_stores_is_not_judged_at_the_end():
    machine = bench()
    lane = until_under_way(machine, "read_log")
    machine.flip(lane.read[0].record)
    assert machine.verify() == []


@pytest.mark.parametrize("slices", [0, 3, 400])
@pytest.mark.parametrize(
    "place",
    ["program", "parameters", "rest of the page", "table", "shadow guard", "log", "log guard", "read guard"],
)
def test_a_flipped_bit_anywhere_is_found_at_the_end(place, slices):
    machine = bench()
    machine.run(slices)
    machine.until(lambda: DEVICE not in machine.rig.running)
    (lane,) = machine.guest._lanes
    address = {
        "program": lane.write_log.orb.program + 9,
        "parameters": lane.read_log.parameters + 17,
        "rest of the page": lane.programs.address + PAGE - 1,
        "table": lane.table.record + 77,
        "shadow guard": lane.shadow.guards[-1] + 63,
        "log": lane.log[1].pieces[1][0] + 13,
        "log guard": lane.log[0].guards[0],
        "read guard": lane.read[1].guards[-1] + 5,
    }[place]
    machine.flip(address)
    (damage,) = machine.verify()
    assert damage.address == address & ~7
    assert damage.lip is None


def test_a_flipped_bit_in_the_table_or_around_a_record_is_found_while_it_runs():
    for pick in (lambda lane: lane.table.record + 8 * 5, lambda lane: lane.read[0].guards[3]):
        machine = bench()
        machine.run(50)
        address = pick(machine.guest._lanes[0])
        machine.flip(address)
        assert machine.until_damage().address == address


def test_swapped_pages_are_found():
    machine = bench()
    machine.run(5)
    page = machine.guest._lanes[0].log[0].address // PAGE
    machine.swap_pages(page, page + 1)
    assert machine.verify()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("reserve", [False, True])
def test_halted_and_cleared_starts_are_made_again(seed, reserve):
    machine = bench(reserve=reserve)
    ended = machine.disturb(random.Random(seed), 3000)
    assert min(ended.values()) > 20
    assert machine.ended() == [None]
    assert machine.guest.steps > 50
    assert machine.verify() == []


def test_a_reserved_disk_is_the_others_between_two_groups():
    rig = Rig(disks(DEVICE))
    machines = [
        Bench("journal", pages=30, devices=rig, lpar=lpar, options={"reserve": True, "first_block": first})
        for lpar, first in (("LPAR1", 0), ("LPAR2", 100))
    ]
    for _ in range(2000):
        for machine in machines:
            machine.run(1)
    for machine in machines:
        assert machine.guest.steps > 50
        assert machine.verify() == []
    assert used_blocks(rig.devices[DEVICE])[-1] >= 100


def test_a_device_that_is_not_operational_ends_the_guest_with_a_clear_error():
    machine = bench()
    machine.run(100)
    machine.rig.vary(DEVICE, online=False)
    machine.run(20)
    (ended,) = machine.ended()
    assert isinstance(ended, GuestError)
    assert ended.text.startswith(
        "RuntimeError: device 0190 is not operational (condition code 3) (journal.py:"
    )


def test_tolerant_it_waits_for_a_device_that_is_not_operational():
    machine = bench(tolerate=True)
    machine.run(100)
    machine.rig.vary(DEVICE, online=False)
    machine.run(100)
    before = machine.guest.steps
    machine.run(100)
    assert machine.guest.steps == before
    machine.rig.vary(DEVICE, online=True)
    machine.run(500)
    assert machine.guest.steps > before + 10
    assert machine.verify() == []


@pytest.mark.parametrize("tolerate", [False, True])
def test_an_abnormal_ending_is_damage_unless_tolerated_and_is_tried_again(tolerate):
    fault = make_device("fault", DEVICE, 1000, {"size": "1M", "script": ["ok"] * 5 + ["unit-check"] * 3})
    machine = Bench("journal", pages=30, devices={DEVICE: fault}, options={"tolerate": tolerate})
    machine.run(1000)
    assert machine.guest.steps > 20
    damage = machine.verify()
    if tolerate:
        assert damage == []
    else:
        assert damage[0].expected == "device 0190: device status 0C, all data moved"
        assert damage[0].found.startswith("device status 0E, subchannel status 00, residual count ")
        assert damage[0].address == machine.guest._lanes[0].write_log.orb.program


def test_a_zone_too_small_is_the_guests_error():
    machine = Bench("journal", pages=4, devices=(DEVICE,))
    machine.run(1)
    (ended,) = machine.ended()
    assert "a zone of 4 pages; expected 11 for each LIP" in ended.text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"record": 1000}, "option 'record': 1000; expected a multiple of 512 bytes, 32768 at most"),
        ({"record": "64K"}, "option 'record': '64K'"),
        (
            {"blocks": 7},
            "option 'blocks': 7; expected 8 at least, for two checkpoints and a group of records",
        ),
        ({"first_block": -1}, "option 'first_block'"),
        ({"group": 17}, "option 'group': 17; expected a whole number from 1 to 16"),
        ({"keys": 100}, "option 'keys': 100; expected a power of two from 64 to 4096"),
        ({"tolerate": "yes"}, "option 'tolerate': 'yes'; expected true or false"),
    ],
)
def test_bad_options_are_named(options, problem):
    with pytest.raises(UsageError) as caught:
        bench(**options)
    assert problem in str(caught.value)
