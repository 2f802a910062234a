"""The driver, in a guest of a few lines that reads one block again and again."""

import pytest

from lparvm.arch.channel import Command
from lparvm.arch.interception import GuestError, WaitForInterruption
from lparvm.arch.subchannel import Function
from lparvm.devices.registry import make_device
from lparvm.guests import PythonGuest
from lparvm.guests.driver import TOLERATE, Driver
from lparvm.guests.program_page import DiskProgram, ProgramPage, lay_command
from lparvm.guests.records import Area
from lparvm.protocol import messages as m

from .bench import Bench

DEVICE = 0x190


class Reader(PythonGuest):
    OPTIONS = (TOLERATE,)

    def ipl(self, cpu):
        self.page, self.area = ProgramPage(0x1000), Area(0x2000, 512, 0, 0)
        self.read = DiskProgram.lay(self.page, [self.area], write=False)
        self.wrong = lay_command(self.page, 0xEF)
        self.nothing = lay_command(self.page, Command.NO_OPERATION)
        self.page.load(cpu)
        self.works, self.ran, self.orb = 0, 0, None

    def program(self, cpu):
        driver = Driver(cpu, cpu.devices[0], self.work)
        while True:
            yield from (driver.run if self.orb is None else driver.order)(self.orb or self.read.orb)
            self.ran += 1
            yield WaitForInterruption(duration_ns=1)

    def work(self):
        self.works += 1


def bench(kind="disk", device_options=None, **options):
    devices = {DEVICE: make_device(kind, DEVICE, 1000, device_options or {})}
    return Bench(Reader, devices=devices, options=options)


def test_the_processor_works_on_while_the_program_runs():
    machine = bench()
    machine.run(100)
    assert machine.guest.ran > 5
    assert machine.guest.works >= 4 * machine.guest.ran


@pytest.mark.parametrize("function", [Function.HALT, Function.CLEAR])
def test_a_start_that_was_ended_by_order_is_made_again_at_once(function):
    machine = bench()
    machine.until(lambda: DEVICE in machine.rig.running)
    ran, begun = machine.guest.ran, machine.rig.begun[DEVICE]
    machine.rig.end(DEVICE, function)
    machine.until(lambda: machine.guest.ran > ran)
    assert machine.rig.begun[DEVICE] == begun + 1
    assert machine.guest.damage == []


def test_an_abnormal_end_is_told_once_and_the_start_made_again():
    machine = bench("fault", {"script": ["ok", "unit-check", "unit-check", "ok"]})
    machine.run(100)
    assert machine.guest.ran > 3
    (damage,) = machine.guest.damage
    assert damage.address == machine.guest.read.orb.program
    assert damage.expected == "device 0190: device status 0C, all data moved"
    assert damage.found.startswith(
        "device status 0E, subchannel status 00, residual count 16, CCW address 0x"
    )


def test_tolerant_it_says_nothing():
    machine = bench("fault", {"script": ["unit-check"] * 3}, tolerate=True)
    machine.run(100)
    assert machine.guest.ran > 3
    assert machine.guest.damage == []


def test_a_command_without_data_has_ended_well_whatever_its_count():
    machine = bench()
    machine.guest.orb = machine.guest.nothing
    machine.run(100)
    assert machine.guest.ran > 5
    assert machine.guest.damage == []


def test_a_command_that_is_rejected_is_told():
    machine = bench()
    machine.guest.orb = machine.guest.wrong
    machine.run(50)
    assert machine.guest.ran == 0
    assert machine.guest.damage[0].address == machine.guest.wrong.program


@pytest.mark.parametrize("tolerate", [False, True])
def test_a_start_whose_path_was_lost_before_it_began_fails_or_is_made_again(tolerate):
    machine = bench(tolerate=tolerate)
    machine.rig.devices[DEVICE].connect("LPAR2")  # so that the start has to wait
    machine.until(lambda: machine.rig.waiting)
    ((_, start),) = machine.rig.waiting
    machine.rig.waiting.clear()
    machine.rig.devices[DEVICE].disconnect()
    machine.advance(m.PathNotOperational(None, "LPAR1", DEVICE, start.start, "IOP1"))
    machine.run(50)
    (ended,) = machine.ended()
    if tolerate:
        assert ended is None
        machine.rig.vary(DEVICE, online=True)
        machine.run(50)
        assert machine.guest.ran > 0
        assert machine.guest.damage == []
    else:
        assert "device 0190 is not operational (condition code 3)" in ended.text


@pytest.mark.parametrize("tolerate", [False, True])
def test_without_a_path_it_fails_or_waits(tolerate):
    machine = bench(tolerate=tolerate)
    machine.run(50)
    machine.rig.vary(DEVICE, online=False)
    machine.run(50)
    (ended,) = machine.ended()
    if not tolerate:
        assert isinstance(ended, GuestError)
        assert "device 0190 is not operational (condition code 3)" in ended.text
        return
    assert ended is None
    ran = machine.guest.ran
    machine.rig.vary(DEVICE, online=True)
    machine.run(50)
    assert machine.guest.ran > ran
