"""The witness: what it sees and leaves behind depends on its seed alone, and what it shouldn't see it tells."""

from random import Random

import pytest

import lparvm.actors.storage_jobs
from guests.bench import Bench
from lparvm.arch.interception import ProgramEnded
from lparvm.arch.storage_key import storage_key
from lparvm.devices.registry import make_device
from lparvm.machine import Parts
from lparvm.stress.guests.witness import record
from lparvm.stress.oracles.witness import compare_witnesses
from machines import story
from test_planted_faults import LipThatDoesNotStop, MoveThatDropsAKey, MoveThatLosesAPage
from trials import device, lpar, scenario
from witness_runs import WITNESS, run_guests

DISK, SECOND = 0x190, 0x191
MOVES = ("MVSTOR A HSA=64K", "MVSTOR A HSA=72K", "XCHSTOR A B", "MVSTOR A HSA=0")
TWO_WITNESSES = scenario(
    device("0190"),
    lpar("A", "0", size="16K", guest=WITNESS, devices=["0190"], lips=2, options={"io": 5}),
    lpar("B", "512K", size="8K", guest=WITNESS),
    main_storage="1M", rate="4M",
)  # fmt: skip
ONE_WITNESS = scenario(
    lpar("A", "0", size="16K", guest=WITNESS),
    lpar("B", "512K", size="16K", guest="idle"),
    main_storage="1M", rate="4M",
)  # fmt: skip


def bench(pages=8, lips=1, devices=(DISK,), seed=0, **options):
    return Bench(
        WITNESS, pages=pages, lips=lips, devices=devices, seed=seed, options={"operations": 60, **options}
    )


def record_of(machine):
    return record(machine.guest, machine.states, machine.storage)


def finished(machine):
    """Run it to its end; its record."""
    machine.until(lambda: machine.guest.finished)
    assert machine.guest.damage == []
    return record_of(machine)


@pytest.mark.parametrize(
    ("pages", "lips", "devices", "does_io"),
    [
        (1, 1, (), False),
        (1, 3, (DISK,), False),
        (2, 1, (), False),
        (2, 2, (DISK,), False),
        (3, 1, (DISK,), True),
        (4, 1, (DISK,), True),
        (5, 1, (DISK,), True),
        (8, 2, (DISK, SECOND), True),
        (16, 3, (DISK, SECOND), True),
        (300, 1, (), False),
    ],
)
def test_it_ends_intact_in_zones_of_any_size(pages, lips, devices, does_io):
    machine = bench(pages, lips, devices, io=20)
    finished(machine)
    machine.run(3)
    assert machine.ended() == [ProgramEnded()] * lips
    assert machine.verify() == []
    assert any(machine.rig.begun.values()) == does_io


def test_it_does_just_as_many_operations_as_it_is_told():
    machine = bench(lips=2, devices=(DISK, SECOND), io=30)
    found = finished(machine)
    assert [len(trail) for trail in found.seen] == [60, 60]
    assert machine.guest.steps == 120
    assert machine.rig.running == {}, "no start is left behind"


def test_guests_with_other_seeds_see_something_else():
    records = [finished(bench(seed=seed)) for seed in range(3)]
    assert len({one.seen for one in records}) == len({one.pages for one in records}) == 3


@pytest.mark.parametrize("seed", range(6))
def test_slices_halts_clears_and_moves_change_nothing_that_it_sees(seed):
    lips = 1 + seed % 2
    quiet, disturbed = (
        bench(8 + seed, lips, (DISK, SECOND)[:lips], seed=seed, io=40, records=2) for _ in range(2)
    )
    ended = disturbed.disturb(Random(seed), 150, origins=16)
    disturbed.run(50, budget=7)
    assert compare_witnesses({"A": finished(disturbed)}, {"A": finished(quiet)}) == []
    assert disturbed.verify() == quiet.verify() == []
    assert any(ended.values()), "a start was halted or cleared"


def test_a_device_that_misbehaves_changes_nothing_that_it_sees():
    script = ["unit-check", "late-end 9us", "disconnect 5us", "delay 2us", "unit-check", "slow 1us"]
    bad = make_device("fault", DISK, 1000, {"size": "1M", "script": script})
    other = finished(bench(devices={DISK: bad}, io=30))
    assert compare_witnesses({"A": other}, {"A": finished(bench(io=30))}) == []


def test_a_device_that_does_not_end_is_cleared():
    machine = bench(devices={DISK: make_device("stuck", DISK, 1000, {})}, io=100)
    machine.run(100)
    assert machine.rig.running[DISK].given_up
    assert machine.verify() == [], "nobody knows what a transfer under way has done to the buffer"


def test_a_lost_path_and_a_faulty_frame_are_waited_for():
    machine = bench(io=100)
    machine.rig.vary(DISK, online=False)
    machine.run(20)
    assert not machine.rig.begun[DISK]
    machine.rig.vary(DISK, online=True)
    machine.storage.fail_frame(machine.zone.origin + 1)
    machine.run(50)
    assert machine.guest.lanes[0].disk.holds == {}
    assert machine.rig.begun[DISK] > 1, "it tries again"
    machine.storage.repair_frame(machine.zone.origin + 1)
    assert compare_witnesses({"A": finished(machine)}, {"A": finished(bench(io=100))}) == []


DAMAGED = {"program": 0x10, "buffer": 0x1004, "scattered buffer": 0x2FFF, "data": 0x3123, "last byte": 0x7FFF}


@pytest.mark.parametrize("address", DAMAGED.values(), ids=DAMAGED)
def test_a_bit_that_changes_is_found(address):
    machine = bench()
    finished(machine)
    machine.flip(address)
    assert [damage.address & -8 for damage in machine.verify()] == [address & -8]


@pytest.mark.parametrize("page", range(8))
@pytest.mark.parametrize("bits", [0x10, 0x08, 0x04, 0x02, 0x01])
def test_each_bit_of_a_key_that_changes_is_found(page, bits):
    machine = bench(operations=10)
    finished(machine)
    machine.flip_key(page, bits)
    (damage,) = machine.verify()
    assert damage.address == page << 12
    assert "storage key" in damage.expected


def test_a_lost_key_of_the_buffer_is_found_by_the_channel():
    machine = bench(io=100)
    machine.until(lambda: DISK in machine.rig.running)
    other = machine.guest.lanes[0].disk.access_control ^ 1
    for page in (1, 2):
        machine.storage.keys[machine.zone.origin + page] = storage_key(other, fetch_protected=True)
    found = machine.until_damage()
    assert "device status" in found.expected, found
    assert "subchannel status 10" in found.found, "a protection check"


def test_damage_shows_in_the_record_from_the_operation_on_that_saw_it():
    machine, other = bench(), finished(bench())
    machine.until(lambda: machine.guest.steps >= 10)
    for word in range(3 << 12, 8 << 12, 8):
        machine.flip(word)
    machine.until(lambda: machine.guest.finished)
    first, *_ = compare_witnesses({"A": record_of(machine)}, {"A": other})
    assert "LPAR A: processor 0 saw something else in operation" in first


def test_another_record_on_the_disk_is_found():
    machine = bench(io=100, records=1)
    machine.until(lambda: 0 in machine.guest.lanes[0].disk.holds)
    machine.guest.lanes[0].disk.holds[0] = bytes(1024)
    assert machine.until_damage().address & -4096 in (0x1000, 0x2000)


# In a machine.


@pytest.mark.parametrize("seed", range(3))
def test_relocations_are_invisible(seed):
    still = run_guests(TWO_WITNESSES, seed=seed)
    moved = run_guests(TWO_WITNESSES, *MOVES, seed=seed)
    assert still.report.verdict == "intact", story(still.report)
    assert moved.report.verdict == "intact", story(moved.report)
    assert moved.results == ["COMPLETED"] * 4
    assert all(one.finished for one in (*still.records.values(), *moved.records.values()))
    assert compare_witnesses(moved.records, still.records) == []


def test_storage_that_is_added_stays_unused_and_can_be_taken_back():
    machine = bench()
    assert not machine.guest.can_take_signal(machine.states[0])
    grown = run_guests(ONE_WITNESS, "EXPAND A SIZE=32K", "SHRINK A SIZE=20K", "SHRINK A SIZE=12K")
    assert grown.results == ["COMPLETED", "COMPLETED", "STORAGE_IN_USE"], story(grown.report)
    assert compare_witnesses(grown.records, run_guests(ONE_WITNESS).records) == []


def test_a_lip_that_does_not_stop_is_found():
    still = run_guests(ONE_WITNESS)
    moved = run_guests(ONE_WITNESS, *MOVES, parts=Parts(lip=LipThatDoesNotStop))
    assert moved.report.verdict == "damaged", story(moved.report)
    told = compare_witnesses(moved.records, still.records)
    assert any("saw something else" in line for line in told), told


@pytest.mark.parametrize("mover", [MoveThatDropsAKey, MoveThatLosesAPage])
def test_a_move_that_loses_a_key_or_a_page_is_found_without_proof(monkeypatch, mover):
    still = run_guests(ONE_WITNESS)
    monkeypatch.setattr(lparvm.actors.storage_jobs, "PageMove", mover)
    moved = run_guests(ONE_WITNESS, "MVSTOR A HSA=64K", proof=False)
    assert moved.report.verdict == "damaged", story(moved.report)
    assert compare_witnesses(moved.records, still.records) != []
