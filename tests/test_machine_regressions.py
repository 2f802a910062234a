"""Faults that random machines found, each as the smallest machine that showed it."""

import pytest
import trio

from io_guests import disk_program
from lparvm.arch.interception import StartSubchannel, TestSubchannel, WaitForInterruption
from lparvm.arch.subchannel import Orb
from lparvm.guests import Option, PythonGuest, integer
from lparvm.machine import Options, open_machine
from lparvm.scenario import parse_scenario
from lparvm.storage.mover import PageMove
from machines import HAMMERS, broken_rules, run_virtual, story

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
