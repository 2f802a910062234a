"""The pulse: it goes on as long as anything runs, and takes up and gives up storage."""

from random import Random

import pytest

import lparvm.actors.storage_jobs
from guests.bench import Bench
from lparvm.arch.channel import DeviceStatus
from lparvm.arch.service_signal import StorageGivenUp, StorageKept, StorageUsed
from lparvm.devices.registry import make_device
from lparvm.machine import Parts
from machines import story
from test_planted_faults import LipWithAStaleOrigin, MoveThatDropsAKey
from trials import device, lpar, scenario, trial_of
from witness_runs import PULSE, run_guests

DISK, SECOND = 0x190, 0x191
TWO_PULSES = scenario(
    device("0190"),
    lpar("A", "0", size="16K", guest=PULSE, devices=["0190"], lips=2, options={"pause": "500us"}),
    lpar("B", "512K", size="4K", guest=PULSE),
    main_storage="1M", rate="4M",
)  # fmt: skip


def bench(pages=4, lips=1, devices=(), **options):
    return Bench(PULSE, pages=pages, lips=lips, devices=devices, options=options)


@pytest.mark.parametrize(("pages", "lips"), [(1, 1), (1, 3), (4, 2), (300, 1)])
@pytest.mark.parametrize("devices", [(), (DISK,), (DISK, SECOND)])
def test_it_works_in_zones_of_any_size_while_they_move(pages, lips, devices):
    machine = bench(pages, lips, devices)
    for _ in range(3):
        before = machine.guest.steps
        machine.run(20)
        assert machine.guest.steps > before
        machine.relocate(Random(before).randrange(pages))
    assert machine.verify() == []
    assert all(machine.rig.begun.values()), "it reads from each device"


def test_it_goes_on_while_its_starts_are_halted_and_cleared():
    machine = bench(devices=(DISK,))
    ended = machine.disturb(Random(0), 300, origins=8)
    assert all(ended.values())
    assert machine.guest.steps > 300
    assert machine.verify() == []


@pytest.mark.parametrize("kind", ["stuck", "fault"])
def test_it_goes_on_where_a_device_never_ends(kind):
    options = {"script": ["unit-check", "stop"]} if kind == "fault" else {}
    machine = bench(devices={DISK: make_device(kind, DISK, 1000, options)}, patience="10ms")
    machine.until(lambda: DISK in machine.rig.running and machine.rig.running[DISK].given_up)
    before = machine.guest.steps
    machine.run(50)
    assert machine.guest.steps > before + 50
    assert machine.verify() == []


def test_it_goes_on_where_a_path_is_lost_and_reads_when_it_is_back():
    machine = bench(devices=(DISK,))
    machine.rig.vary(DISK, online=False)
    machine.run(20)
    assert machine.guest.steps
    assert not machine.rig.begun[DISK]
    machine.rig.vary(DISK, online=True)
    machine.run(20)
    assert machine.rig.begun[DISK]


def test_it_takes_up_storage_and_gives_it_up():
    machine = bench(4, 2, (DISK,))
    machine.grow(7)
    assert machine.until_answered() == StorageUsed(7)
    machine.run(50)
    machine.want(2)
    assert machine.until_answered() == StorageGivenUp(2)
    machine.run(50)
    assert machine.guest.pages == 2
    machine.grow(5)
    assert machine.until_answered() == StorageUsed(5)
    machine.run(50)
    assert machine.verify() == []
    assert machine.touched == []


def test_storage_that_is_added_must_be_clear():
    machine = bench(2)
    machine.grow(4)
    machine.flip(0x3000)
    machine.until_answered()
    assert [damage.address for damage in machine.guest.damage] == [0x3000]


def test_unsolicited_status_is_cleared():
    machine = bench(devices=(DISK,))
    machine.rig.offer(DISK, DeviceStatus.ATTENTION)
    machine.run(20)
    assert machine.rig.begun[DISK]
    assert machine.verify() == []


def test_what_was_not_taken_after_all_is_its_own_again():
    machine = bench(6)
    machine.run(20)
    machine.takes = False
    machine.want(2)
    machine.until_answered()
    machine.run(20)
    assert machine.guest.pages == 6
    assert machine.verify() == []


def test_it_keeps_its_pages_where_it_is_told_to():
    machine = bench(4, keep=True)
    machine.want(3)
    assert machine.until_answered() == StorageKept("its pages are in use")


@pytest.mark.parametrize("address", [0x8, 0x1000, 0x400, 0x510])
def test_a_bit_that_changes_is_found(address):
    machine = bench(4, 2, (DISK,))
    machine.run(10)
    machine.flip(address)
    (damage,) = machine.verify()
    assert damage.address == (0x400 if 0x400 <= address < 0x800 else address)


def test_a_key_that_changes_is_found_on_the_way():
    machine = bench(4)
    machine.flip_key(2, 0x10)
    assert machine.until_damage().expected == "storage key 36"


# In a machine.


def test_it_is_intact_with_relocations_and_resizes():
    commands = (
        "MVSTOR A HSA=64K", "EXPAND A SIZE=32K", "XCHSTOR A B", "SHRINK A SIZE=8K", "MVSTOR A HSA=4K", "EXPAND B SIZE=8K",
    )  # fmt: skip
    run = run_guests(TWO_PULSES, *commands, ms=30)
    assert run.report.verdict == "intact", story(run.report)
    assert run.results == ["COMPLETED"] * len(commands), story(run.report)
    assert run.guests["A"].pages == 2


async def test_its_steps_grow_after_a_move(autojump_clock):
    async with trial_of(TWO_PULSES) as trial:
        for command in ("DISPLAY FRAME", "MVSTOR B HSA=64K", "MVSTOR A HSA=68K"):
            await trial.give(command)
            before = {name: trial.steps(name) for name in "AB"}
            await trial.sleep_ms(10)
            assert all(trial.steps(name) > before[name] for name in "AB"), command


def test_a_stale_origin_and_a_lost_key_are_found(monkeypatch):
    run = run_guests(TWO_PULSES, "MVSTOR A HSA=64K", parts=Parts(lip=LipWithAStaleOrigin), ms=10)
    assert run.report.verdict == "damaged", story(run.report)
    monkeypatch.setattr(lparvm.actors.storage_jobs, "PageMove", MoveThatDropsAKey)
    run = run_guests(TWO_PULSES, "MVSTOR A HSA=64K", proof=False, ms=10)
    assert run.report.verdict == "damaged", story(run.report)
