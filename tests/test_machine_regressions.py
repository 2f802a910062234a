"""Faults that random machines found, each as the smallest machine that showed it."""

import pytest
import trio

from io_guests import disk_program
from lparvm.arch.interception import StartSubchannel, TestSubchannel, WaitForInterruption
from lparvm.arch.subchannel import Orb
from lparvm.guests import Option, PythonGuest, integer
from lparvm.machine import Options, open_machine
from lparvm.protocol.results import Result
from lparvm.scenario import parse_scenario
from lparvm.storage.mover import PageMove
from machines import HAMMERS, broken_rules, run_virtual, story
from trials import device, lpar, scenario, trial_of

_MACHINE = """
title = "regression"
[machine]
main_storage = "1M"
[[iop]]
name = "IOP1"
[[device]]
number = "0190"
kind = "disk"
iop = "IOP1"
latency = "10ms"
[[lpar]]
name = "LPAR1"
origin = "0"
size = "64K"
guest = "test_machine_regressions:{guest}"
devices = ["0190"]
{commands}
[run]
duration = "60ms"
"""


class Starter(PythonGuest):
    """Starts a read after `first` instructions, and fails: the I/O goes on without it."""

    OPTIONS = (Option("first", integer(0, 1000), 0, "Instructions before the start."),)

    def program(self, cpu):
        orb = disk_program(cpu, 0x100, 0x1000)
        for _ in range(self.options["first"]):
            yield
        assert (yield StartSubchannel(0x190, orb)) == 0
        raise LookupError("enough")


class NoSuchDevice(PythonGuest):
    """Does nothing but start a device that isn't there: each start is answered at once."""

    def program(self, cpu):
        while True:
            yield StartSubchannel(0x999, Orb(0))
            cpu.step()


class NoWait(PythonGuest):
    """Does nothing but wait for no time at all."""

    def program(self, cpu):
        while True:
            yield WaitForInterruption(duration_ns=0)
            cpu.step()


class NegativeWait(PythonGuest):
    """Waits less than nothing."""

    def program(self, cpu):
        yield
        yield WaitForInterruption(duration_ns=-1)


class UnhashableDevice(PythonGuest):
    """Starts a device that no number names."""

    def program(self, cpu):
        yield
        yield StartSubchannel([], Orb(0))


def _run(guest, commands="", **options):
    return run_virtual(_MACHINE.format(guest=guest, commands=commands), **options)


def _commands(*texts):
    return "".join(f'[[command]]\nat = "{at}"\ntext = "{text}"\n' for at, text in texts)


_SECOND = """
[[lpar]]
name = "LPAR2"
origin = "512K"
size = "64K"
guest = "test_machine_regressions:Starter"
options = { first = 100 }
devices = ["0190"]
"""


def test_a_failed_guest_moves_twice_and_its_io_goes_to_where_it_is():
    # LPAR2's start waits for LPAR1's to end, and begins after the first move.
    moves = _commands(("4ms", "MVSTOR LPAR2 HSA=516K"), ("40ms", "MVSTOR LPAR2 HSA=128K"))
    report = _run("Starter", _SECOND + moves)
    assert not broken_rules(report), story(report)
    assert [command.result for command in report.commands] == ["COMPLETED"] * 2, story(report)
    assert report.verdict == "failed", story(report)


@pytest.mark.parametrize("guest", ["NoSuchDevice", "NoWait"])
def test_a_guest_that_only_makes_requests_does_not_stop_virtual_time(guest):
    report = _run(guest)
    assert report.verdict == "intact", story(report)
    assert report.guests[0].steps > 100, "each request costs an instruction, and there is time for thousands"


@pytest.mark.parametrize("guest", ["NegativeWait", "UnhashableDevice"])
def test_a_request_that_is_none_fails_the_guest_and_not_the_machine(guest):
    report = _run(guest, _commands(("20ms", "DISPLAY FRAME")))
    assert report.verdict == "failed", story(report)
    assert report.commands[0].result == "COMPLETED", "the machine goes on, and answers"


_HAMMERS = HAMMERS.split("[[command]]")[0] + '[run]\nduration = "1s"\n'


async def _leave(after_ns, how):
    """Open a machine, begin a move that overlaps itself, and leave the machine in the middle of it."""
    made = []
    with trio.CancelScope() as scope:
        async with open_machine(parse_scenario(_HAMMERS)) as machine:
            made.append(machine)
            await trio.sleep(0.01)
            machine.svp.submit("MVSTOR LPAR2 HSA=1028K")
            await machine.clock.sleep_ns(after_ns)
            if how == "cancelled":
                scope.cancel()
                await trio.sleep_forever()
    return made[0].report


@pytest.mark.parametrize("how", ["left", "cancelled"])
@pytest.mark.parametrize("after_ns", [0, 1, 1_000_000, 2_500_000, 20_000_000, 52_000_000, 60_000_000])
async def test_a_machine_left_in_the_middle_of_a_move_damages_no_guest(autojump_clock, how, after_ns):
    report = await _leave(after_ns, how)
    assert report.verdict == "intact", story(report)
    assert report.interrupted == (how == "cancelled"), story(report)


def test_thousands_of_commands_at_one_time_are_all_answered():
    count = 3000
    texts = ["DISPLAY FRAME", "DISPLAY OPERATIONS", "MVSTOR LPAR1 HSA=0"]
    commands = _commands(*(("1ms", texts[number % 3]) for number in range(count)))
    report = _run("NoWait", commands)
    assert not broken_rules(report), story(report)
    assert {str(command.result) for command in report.commands} == {"COMPLETED", "ALREADY_THERE"}
    assert len(report.commands) == count


def test_thousands_of_faults_at_one_time_are_all_told():
    fault = '[[fault]]\nat = "1ms"\nkind = "storage"\ntarget = "{}K"\n'
    faults = "".join(fault.format(128 + 4 * (number % 200)) for number in range(3000))
    assert _run("NoWait", faults).verdict == "intact"


class Patient(PythonGuest):
    """Waits an hour at most for a read that takes 10 ms, again and again."""

    def program(self, cpu):
        orb = disk_program(cpu, 0x100, 0x1000)
        while True:
            yield StartSubchannel(0x190, orb)
            yield WaitForInterruption((0x190,), 3_600_000_000_000)
            yield TestSubchannel(0x190)
            cpu.step()


async def test_a_wait_that_ended_early_leaves_no_timer_behind(autojump_clock):
    scenario = parse_scenario(_MACHINE.format(guest="Patient", commands=""))
    async with open_machine(scenario) as machine:
        await trio.sleep(0.1)
        few = trio.lowlevel.current_statistics().tasks_living
        await trio.sleep(2)
        assert trio.lowlevel.current_statistics().tasks_living <= few + 2
    assert machine.report.guests[0].steps > 100, story(machine.report)


async def test_a_cancelled_run_does_not_wait_for_a_long_move(monkeypatch):
    """Real clock: the copy thread looks for a cancel between chunks."""
    text = """
title = "a sparse zone of 64 chunks"
[machine]
main_storage = "40G"
[[lpar]]
name = "LPAR1"
origin = "0"
size = "16G"
guest = "idle"
[run]
duration = "1s"
"""
    scope, finished, finish = trio.CancelScope(), [], PageMove.finish

    def finish_and_cancel(move, chunk):
        finish(move, chunk)
        finished.append((move.inverse, chunk.pages))
        if len(finished) == 3:
            trio.from_thread.run_sync(scope.cancel)

    with scope:
        async with open_machine(parse_scenario(text), Options(proof=False)) as machine:
            monkeypatch.setattr(PageMove, "finish", finish_and_cancel)
            await machine.svp.execute("MVSTOR LPAR1 HSA=1G")
    there, back = (sum(pages for one, pages in finished if one is inverse) for inverse in (False, True))
    assert there == back, "some chunks went there, and the same pages back at the close"
    assert len([one for one, _ in finished if not one]) < 16, "it did not go on to the end"
    assert (machine.report.verdict, machine.report.interrupted) == ("intact", True), story(machine.report)


# --- what random commands found: see `test_random_commands` and `test_conflicts` ----------------------------------


_TWO = scenario(
    device("0190", iop=["IOP1"]),
    lpar("A", "0", size="48K", devices=["0190"]),
    lpar("B", "64K", size="32K", guest="model_guests:Giving", devices=["0190"]),
    main_storage="512K",
)  # fmt: skip


async def _completed(trial, *texts):
    for text in texts:
        answer = await trial.give(text)
        assert answer.result == "COMPLETED", f"{text}: {answer.result} {answer.message}"


@pytest.mark.parametrize("way", [("IPL {}",), ("DEACTIVATE {}", "ACTIVATE {}", "IPL {}")])
@pytest.mark.parametrize("lost", ["AB", "BA"])
async def test_of_two_lpars_lost_in_an_exchange_each_has_its_own_way_out(autojump_clock, lost, way):
    async with trial_of(_TWO) as trial:
        for _ in range(7):
            trial.machine.refuse_sale("IOP1")
        assert (await trial.give("XCHSTOR A B")).result == "CHECK_STOPPED"
        first, second = lost
        # The other one's storage is not touched, and does not hinder.
        await _completed(trial, *(text.format(first) for text in way), f"MVSTOR {first} HSA=256K")
        await trial.works(first)
        await _completed(trial, *(text.format(second) for text in way), f"MVSTOR {second} HSA=384K")
        await trial.works("A", "B")
        zones = trial.machine.assembly.zones
        assert sum(area.extent for area in zones.free_areas()) == 128 - 20, "all else is free"


async def test_a_zone_that_grew_and_shrank_while_its_guest_stood_is_as_if_nothing_had_happened(
    autojump_clock,
):
    async with trial_of(_TWO) as trial:
        for name in ("A", "B"):
            await _completed(
                trial, f"STOP {name}", f"EXPAND {name} SIZE=64K", f"SHRINK {name} SIZE=48K", f"START {name}"
            )
        await trial.works("A", "B")


class Steadfast(PythonGuest):
    """Waits without end for what never comes; were it woken all the same, it would fail."""

    def program(self, cpu):
        cpu.step()
        yield WaitForInterruption((0x190,))
        raise LookupError("woken for nothing")

    def service_signal(self, cpu, signal):
        del signal
        cpu.step()
        yield WaitForInterruption()


@pytest.mark.parametrize("after_us", [0, 5, 20, 100])
async def test_a_signal_that_is_taken_back_leaves_the_guest_waiting(autojump_clock, after_us):
    text = _TWO.replace("model_guests:Giving", "test_machine_regressions:Steadfast")
    async with trial_of(text) as trial:
        await trial.sleep_ms(5)
        shrink = trial.machine.svp.submit("SHRINK B SIZE=16K")
        await trial.sleep_ms(after_us / 1000)
        await trial.give("CANCEL B")
        assert (await trial.machine.svp.answer(shrink)).result == "CANCELLED"
        await trial.sleep_ms(5)
        await _completed(trial, "MVSTOR B END")


async def test_an_activation_that_is_cancelled_while_its_zone_is_cleared_is_on_its_way_back(autojump_clock):
    async with trial_of(_TWO) as trial:
        await _completed(trial, "DEFINE N SIZE=64K")
        trial.when("phase.entered", lambda _: trial.machine.svp.submit("CANCEL N"), phase="LOADING")
        assert (await trial.give("ACTIVATE N")).result == "CANCELLED"
        assert [one["phase"] for one in trial.of("phase.entered", lpar="N")][-2:] == [
            "BACKING_OUT",
            "REPORTED",
        ]


async def test_an_lpar_without_a_guest_shrinks_below_what_its_last_guest_had(autojump_clock):
    async with trial_of(_TWO) as trial:
        assert (await trial.give("IPL B GUEST=nosuch")).result == "IPL_FAILED"
        await _completed(trial, "EXPAND B SIZE=48K", "SHRINK B SIZE=16K")


async def test_input_and_output_of_an_lpar_that_was_lost_as_it_shrank_go_on_inside_its_zone(autojump_clock):
    text = _TWO.replace("model_guests:Giving", "model_guests:Reading")
    async with trial_of(text) as trial:
        for _ in range(4):
            trial.machine.refuse_sale("IOP1")
        assert (await trial.give("SHRINK B SIZE=16K")).result == "CHECK_STOPPED"
        await trial.sleep_ms(20)
        await _completed(trial, "IPL B")
        await trial.works("A", "B")


async def test_a_mover_that_is_to_fail_fails_also_when_lpar_control_died_before(autojump_clock):
    async with trial_of(_TWO) as trial:
        trial.machine.assembly.work.fail_at = 6
        move = trial.machine.svp.submit("MVSTOR A HSA=256K")
        await trial.sleep_ms(2.5)
        assert trial.of("move.started"), "its first pages are on their way"
        trial.machine.assembly.records.fuse = 0
        await trial.give("CANCEL nosuch")
        assert trial.of("part.failed"), "that was its last message"
        assert (await trial.machine.svp.answer(move)).result == "MOVE_FAILED"
        await trial.works("A", "B")


async def test_plan_and_display_see_what_a_check_stopped_lpar_holds_beside_its_zone(autojump_clock):
    disk = device("0190", latency="2ms")
    one = lpar("A", "0", size="32K", guest="idle", devices=["0190"])
    async with trial_of(scenario(disk, one, main_storage="128K")) as trial:
        for _ in range(4):
            trial.machine.refuse_sale("IOP1")
        assert (await trial.give("MVSTOR A HSA=64K")).result is Result.CHECK_STOPPED
        assert (await trial.give("PLAN FREE 80K GO")).result is Result.NO_PLAN
        assert (await trial.give("PLAN FREE 32K")).result is Result.COMPLETED
        shown = await trial.give("DISPLAY STORAGE")
        assert shown.lines[0] == "0 [" + "1" * 16 + "." * 16 + "-" * 16 + "." * 16 + "] 128K"
        assert "held beside a zone" in shown.lines[1]


async def test_an_exchange_that_was_backed_out_leaves_nothing_that_its_lpars_do_together(autojump_clock):
    # A moves alone, and stands for its LIP, when B starts.
    text = scenario(
        lpar("A", "600K", size="8K", guest="idle"), lpar("B", "808K", size="1M", guest="ledger"),
        main_storage="2M",
    ).replace("[timing]", "[timing]\nlip_mips = 0.1")  # fmt: skip
    async with trial_of(text) as trial:
        svp = trial.machine.svp
        trial.when("phase.entered", lambda _: svp.submit("CANCEL A"), phase="MOVING")
        assert (await trial.give("XCHSTOR A B")).result is Result.CANCELLED
        (lip1, *_) = trial.machine.assembly.lips
        trial.when("phase.entered", lambda _: lip1.hang(100_000_000), phase="NOTIFYING")
        move = svp.submit("MVSTOR A END")
        trial.when("zone.moved", lambda _: svp.submit("IPL B"), lpar="A")
        assert (await svp.answer(move)).result is Result.COMPLETED
        (started,) = trial.of("sie.issued", lpar="B", op="op.4")
        assert not [one for one in trial.of("sie.issued", lpar="A", op="op.3") if one["seq"] < started["seq"]]


async def test_a_guest_whose_ipl_failed_has_failed_and_is_not_damaged(autojump_clock):
    async with trial_of(scenario(lpar("A", "0", size="20K", guest="typist")), verdict="failed") as trial:
        await trial.sleep_ms(5)
    (guest,) = trial.machine.report.guests
    assert guest.failed
    assert guest.damage_count == 0


@pytest.mark.parametrize("way", [("STOP B",), ("DEACTIVATE B", "ACTIVATE B")])
async def test_of_an_lpar_whose_guest_stands_no_stop_is_predicted(autojump_clock, way):
    async with trial_of(_TWO) as trial:
        await _completed(trial, *way, "MVSTOR B HSA=256K")
        assert not trial.of("stop.predicted")
        assert not trial.of("operator.messaged", code="LVM015I")
        await _completed(trial, "XCHSTOR A B")
        assert {one["lpar"] for one in trial.of("stop.predicted")} == {"A"}
        (told,) = trial.of("operator.messaged", code="LVM015I")
        assert told["message"].startswith("A: ")
        assert [one["lpar"] for one in trial.of("prediction.scored")] == ["A"]


async def test_a_new_guest_takes_interruptions_also_while_lpar_control_that_loaded_it_is_dead(autojump_clock):
    disk = device("0190", latency="200us")
    reading = lpar("A", "0", size="32K", guest="model_guests:Reading", devices=["0190"])
    async with trial_of(scenario(disk, reading)) as trial:

        def die(_event):
            trial.machine.assembly.records.fuse = 0

        trial.when("guest.loaded", lambda _: trial.when("sie.issued", die, lpar="A"), op="op.1")
        await _completed(trial, "IPL A")
        (failed,), (restarted,) = trial.of("part.failed"), trial.of("part.restarted")
        dead = [one["t"] for one in trial.of("interruption.presented") if one["t"] > failed["t"]]
        assert dead[0] < restarted["t"]
