import pytest

from iop_messages import DISK, LPAR
from lparvm.arch import interception as i
from lparvm.arch.channel import DeviceStatus
from lparvm.arch.subchannel import Function, Orb
from lparvm.guests import channel_io
from lparvm.guests.channel_io import await_end, await_status, run_program, start
from lparvm.protocol import channel_subsystem as cs
from lparvm.protocol import messages as m
from model_iop import ModelIop

ORB = Orb(0x2000, suspend_control=True)


class Guest:
    """One processor whose requests are done at once; while it waits the IOP does what the script says.

    Attributes:
        script: what the IOP does, one after another: "end", "pci", "suspend", "attention", or None: nothing.
        waited_ns: times of the waits that ended without an interruption.
    """

    def __init__(self, *script, subsystem=None):
        self.state = subsystem or cs.make(LPAR, {DISK: ("IOP1",)})
        self.iop = ModelIop("IOP1")
        self.script = list(script)
        self.requests, self.waited_ns = [], []

    def run(self, program):
        reply = None
        while True:
            try:
                request = program.send(reply)
            except StopIteration as ended:
                return ended.value
            assert isinstance(request, i.REQUESTS)
            self.requests.append(type(request).__name__)
            reply = self.wait(request) if isinstance(request, i.WaitForInterruption) else self.do(request)

    def do(self, request):
        self.state, reply, orders = cs.perform(self.state, request)
        for order in orders:
            if isinstance(order, cs.Send):
                self.iop.orders.append(order.message)
        return reply

    def wait(self, request):
        while True:
            assert self.script or request.duration_ns is not None, "it waits for ever"
            self.work(self.script.pop(0) if self.script else None)
            while self.iop.told:
                self.state, _ = cs.advance(self.state, self.iop.told.popleft())
            for one in cs.pending(self.state):
                if cs.enabled(one.interruption, request.devices, request.classes):
                    self.state = cs.take(self.state, one.number)
                    return one.interruption
            if request.duration_ns is not None:
                self.waited_ns.append(request.duration_ns)
                return None

    def work(self, what):
        while self.iop.orders:
            self.iop.handle()
        if what == "attention":
            self.iop.told.append(m.StatusOffered(None, LPAR, DISK, "IOP1", DeviceStatus.ATTENTION))
        for number in list(self.iop.starts):
            if number in self.iop.at("waiting"):
                self.iop.begin(number)
            if what == "end":
                self.iop.end(number)
            elif what in ("pci", "suspend"):
                self.iop.intermediate(number, suspended=what == "suspend")


def test_a_program_runs_to_its_end():
    guest = Guest("end")
    assert guest.run(run_program(DISK, ORB)).ended_normally
    assert guest.requests == ["StartSubchannel", "WaitForInterruption", "TestSubchannel"]
    guest.script = ["end"]
    assert guest.run(run_program(DISK, ORB)).ended_normally, "and the next one likewise"


def test_intermediate_status_is_passed_over_and_attention_waits_for_the_end():
    guest = Guest("pci", "attention", "pci", "end")
    assert guest.run(run_program(DISK, ORB)).ended_normally
    guest.script = [None]
    assert guest.run(await_status(DISK)).device_status == DeviceStatus.ATTENTION


def test_unsolicited_status_is_kept_for_who_asks_for_it():
    guest, unsolicited = Guest("attention", "attention", "end"), []
    assert guest.run(await_end(DISK, 0, unsolicited=unsolicited)) is None
    guest.script = ["end"]
    assert guest.run(run_program(DISK, ORB, unsolicited=unsolicited)).ended_normally
    assert [one.device_status for one in unsolicited] == [DeviceStatus.ATTENTION] * 2


def test_a_start_clears_what_was_pending_and_waits_for_what_is_under_way():
    guest = Guest(None, "end")
    guest.do(i.StartSubchannel(DISK, ORB))
    unsolicited = []
    assert guest.run(start(DISK, ORB, unsolicited=unsolicited)) == 0
    assert guest.waited_ns == [channel_io.BUSY_WAIT_NS] * 2
    assert [one.ended_normally for one in unsolicited] == [True]
    assert guest.state.starts == 2


def test_a_subchannel_that_stays_busy_is_condition_code_2_when_the_time_is_over():
    guest = Guest()
    guest.do(i.StartSubchannel(DISK, ORB))
    assert guest.run(run_program(DISK, ORB, duration_ns=3_000_000)) == 2
    assert sum(guest.waited_ns) == 3_000_000


def test_a_device_that_is_not_there_is_condition_code_3():
    guest = Guest()
    assert guest.run(run_program(0x999, ORB)) == 3
    assert guest.run(channel_io.test(0x999)) is None


def test_a_program_that_takes_too_long_is_cleared():
    guest = Guest()
    assert guest.run(run_program(DISK, ORB, duration_ns=7)).function == Function.CLEAR
    assert guest.waited_ns == [7]
    guest.script = ["end"]
    assert guest.run(run_program(DISK, ORB)).ended_normally


def test_an_end_can_be_awaited_bit_by_bit():
    guest = Guest(None, None, "end")
    assert guest.run(start(DISK, ORB)) == 0
    assert [guest.run(await_end(DISK, 10)) for _ in range(2)] == [None, None]
    assert guest.run(await_end(DISK, 10)).ended_normally


def test_a_suspended_program_can_be_seen_and_resumed():
    guest = Guest("suspend", "end")
    guest.run(start(DISK, ORB))
    assert not guest.run(await_status(DISK)).ended
    assert guest.do(i.ResumeSubchannel(DISK)) == 0
    assert guest.run(await_end(DISK)).ended_normally


def test_a_halted_program_is_an_end():
    guest = Guest(None, "end")
    guest.run(start(DISK, ORB))
    guest.run(await_end(DISK, 1))
    guest.do(i.HaltSubchannel(DISK))
    assert guest.run(await_end(DISK)).function == Function.START | Function.HALT


def test_status_that_somebody_else_cleared_is_waited_for_again():
    guest = Guest("end", "end")
    program = await_end(DISK)
    guest.do(i.StartSubchannel(DISK, ORB))
    interruption = guest.wait(next(program))
    guest.do(i.TestSubchannel(DISK))
    assert program.send(interruption) == i.TestSubchannel(DISK)
    again = program.send(guest.do(i.TestSubchannel(DISK)))
    assert again == i.WaitForInterruption((DISK,))
    with pytest.raises(AssertionError, match="for ever"):
        guest.wait(again)
