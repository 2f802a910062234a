"""A pulse whose channel programs suspend themselves: moved meanwhile, halted and cleared at any point, and its checks."""

from collections import Counter
from random import Random

import pytest

from guests.bench import Bench
from guests.io_rig import put_block
from lparvm.arch.address import Zone
from lparvm.arch.subchannel import ConditionCode, Function
from lparvm.devices.registry import make_device
from lparvm.stress.guests.pulse_reading import AGAIN, PROGRAM
from trials import device, lpar, scenario, trial_of
from witness_runs import PULSE

DISK, SECOND = 0x190, 0x191
STOPS_AT = PROGRAM + 3 * 8
SUSPENDS = {"suspend": True, "pause": "300us"}
TWO = scenario(
    device("0190", latency="200us"), device("0191", latency="500us"),
    lpar("A", "0", size="16K", guest=PULSE, lips=2, devices=["0190"], options=SUSPENDS),
    lpar("B", "128K", size="8K", guest=PULSE, devices=["0191", "0190"], options=SUSPENDS),
    main_storage="512K", rate="40M",
)  # fmt: skip


def bench(devices=(DISK,), pages=2):
    return Bench(PULSE, pages=pages, devices=devices, options=SUSPENDS)


def until_suspended(machine, number=DISK):
    machine.until(lambda: number in machine.rig.running and machine.rig.running[number].suspended)
    return machine.rig.running[number]


def moves_while_suspended(events):
    """How many programs were resumed after so many moves of their LPAR."""
    suspended, found = {}, Counter()
    for told in events:
        start = told.get("lpar"), told.get("device")
        match told["event"]:
            case "transfer.ended" if not told["device_status"]:
                suspended[start] = 0
            case "start.resumed":
                found[suspended.pop(start)] += 1
            case "start.ended":
                suspended.pop(start, None)
            case "zone.moved":
                suspended |= {one: n + 1 for one, n in suspended.items() if one[0] == told["lpar"]}
    return found


@pytest.mark.parametrize("seed", range(2))
async def test_it_is_intact_while_it_is_moved_between_suspension_and_resume(autojump_clock, seed):
    async with trial_of(TWO, seed=seed) as trial:
        for turn in range(10):
            answer = await trial.give(f"MVSTOR {'AB'[turn % 2]} HSA={(64, 256, 8, 128)[turn % 4]}K")
            assert answer.result.name == "COMPLETED", answer
            await trial.sleep_ms(1 + turn % 3 / 2)
    found = moves_while_suspended(trial.events)
    assert found.total() > found[0] > 0, f"resumed after so many moves: {found}"


async def test_it_is_intact_where_moves_halt_and_clear_its_faulty_device(autojump_clock):
    faults = "late-transfer 4ms,unit-check,ok,late-transfer 4ms,ok,delay 3ms,disconnect 1ms,late-end 2ms,late-transfer 4ms,ok"
    text = scenario(
        device("0190", kind="fault", latency="200us", script=faults.split(","), size="64K"),
        lpar("A", "0", size="8K", guest=PULSE, devices=["0190"], options={**SUSPENDS, "patience": "600us"}),
        main_storage="512K", rate="40M",
    )  # fmt: skip
    async with trial_of(text) as trial:
        await trial.sleep_ms(5)
        for turn in range(12):
            await trial.give(f"MVSTOR A HSA={(64, 256)[turn % 2]}K QUIESCE=200us BUSY=HALT")
            await trial.sleep_ms(1)
        await trial.sleep_ms(5)
        before = len(trial.of("start.resumed"))
        await trial.sleep_ms(10)
        assert len(trial.of("start.resumed")) > before > 0
        assert {told["function"] for told in trial.of("start.ended")} == {"START", "HALT", "CLEAR"}


def test_it_goes_on_while_its_starts_are_halted_and_cleared_and_it_is_moved():
    machine = bench((DISK, SECOND), pages=4)
    ended = machine.disturb(Random(1), 300, origins=8)
    assert all(ended.values()), ended
    assert all(machine.rig.begun[number] > 3 for number in (DISK, SECOND)), machine.rig.begun
    assert machine.verify() == []


@pytest.mark.parametrize("function", [Function.HALT, Function.CLEAR])
def test_a_suspended_program_that_is_halted_or_cleared_is_started_again(function):
    machine = bench()
    until_suspended(machine)
    machine.rig.end(DISK, function)
    begun = machine.rig.begun[DISK]
    machine.until(lambda: machine.rig.begun[DISK] > begun + 1)
    assert machine.verify() == []


def test_programs_that_suspend_themselves_run_one_at_a_time():
    machine = bench((DISK, SECOND))
    for _ in range(100):
        machine.run(1)
        assert len(machine.rig.running) <= 1, "they share one program, and the places that it reads into"
    assert all(machine.rig.begun.values())


def test_it_goes_on_where_its_device_never_ends():
    script = make_device("fault", DISK, 1000, {"script": ["no-end", "ok", "stop"]})
    machine = Bench(PULSE, pages=1, devices={DISK: script}, options={**SUSPENDS, "patience": "3ms"})
    machine.until(lambda: DISK in machine.rig.running and machine.rig.running[DISK].given_up)
    before = machine.guest.steps
    machine.run(50)
    assert machine.guest.steps > before
    assert machine.verify() == []


# Its checks.


def test_a_second_read_that_differs_from_the_first_is_damage():
    machine = bench()
    until_suspended(machine)
    put_block(machine.devices[DISK], 0, b"\1" * 512)
    damage = machine.until_damage()
    assert (damage.address, damage.found) == (AGAIN, "0x101010101010101")


def twin_of(machine):
    """Another zone that holds the same now."""
    zone, storage = machine.zone, machine.storage
    twin = Zone(zone.end, zone.extent)
    for array in (storage.frames, storage.keys):
        array[twin.origin : twin.end] = array[zone.origin : zone.end]
    return twin


def test_a_transfer_into_another_zone_is_missing_here():
    machine, place = bench(), []
    machine.zone_of_channel = lambda: place[0] if place else machine.zone
    running = until_suspended(machine)
    machine.until(lambda: not running.suspended)
    place.append(twin_of(machine))
    damage = machine.until_damage()
    assert (damage.address, damage.expected, damage.found) == (AGAIN, "0x0", f"0x{'a5' * 8}")


def test_a_program_that_goes_on_in_a_zone_that_was_left_is_suspended_again():
    machine, place = bench(), []
    machine.zone_of_channel = lambda: place[0] if place else machine.zone
    until_suspended(machine)
    place.append(twin_of(machine))
    damage = machine.until_damage()
    assert (damage.address, damage.found) == (STOPS_AT, "suspended again")


def test_a_program_that_goes_on_in_a_zone_that_was_poisoned_is_wrong():
    machine = bench()
    machine.zone_of_channel = lambda zone=machine.zone: zone
    until_suspended(machine)
    machine.relocate(0)
    assert "subchannel status 20" in machine.until_damage().found, "a program check"


def test_a_program_that_does_not_suspend_itself_is_damage():
    machine = bench()
    machine.until(lambda: DISK in machine.rig.running)
    machine.flip(STOPS_AT + 1, 1)
    assert machine.until_damage().found == "its end"


def test_a_resume_that_is_refused_without_reason_is_damage():
    machine = bench()
    perform = machine.reply

    def refuse(state, interception):
        perform(state, interception)
        if type(interception).__name__ == "ResumeSubchannel":
            state.reply = int(ConditionCode.BUSY)

    machine.reply = refuse
    assert "condition code 2" in machine.until_damage().found


def test_a_bit_of_the_program_that_changes_is_found():
    machine = bench()
    machine.run(10)
    machine.flip(STOPS_AT + 2)
    assert PROGRAM in {damage.address for damage in machine.verify()}
