"""LIP control answers I/O instructions at once, tells facts with their causes, and presents interruptions in SIE."""

import orjson
import pytest
import trio

from iop_messages import DISK, LPAR, NORMAL, ORB
from lparvm.actors.lip_control import LipControl
from lparvm.actors.mailbox import Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch import interception as i
from lparvm.arch.address import Zone
from lparvm.arch.subchannel import Function
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, SERVICE_PROCESSOR, lip_control_of
from lparvm.protocol.guest_control import GuestControl
from lparvm.trace.event_type import Level
from lparvm.trace.writer import Trace, standard_header

LIPS = ("LIP1", "LIP2")
HERE, THERE = Zone(0, 64), Zone(64, 64)
ME = lip_control_of(LPAR)


class Bench:
    """A LIP control whose partners are mailboxes that keep what they get."""

    def __init__(self, path, nursery):
        names = (ME, *LIPS, "IOP1", LPAR_CONTROL, SERVICE_PROCESSOR)
        self.boxes = {name: Mailbox(name, 64) for name in names}
        clock = RunClock()
        self.path = path
        self.trace = Trace(
            now_ns=clock.now_ns,
            level=Level.IO,
            path=path,
            header=standard_header(scenario="bench", seed=0, clock="virtual"),
            validate=True,
        )
        control = GuestControl(LPAR, LIPS, HERE)
        self.actor = LipControl(self.boxes, self.trace.logger(ME), clock, control, {DISK: ("IOP1",)})
        self.actor.nursery = nursery
        self.actor.begin()
        for lip in LIPS:
            self.tell(m.InterpretiveExecutionStarted(None, LPAR, lip, 0))
            self.got(lip)

    def tell(self, message, seq=None):
        self.actor.handle(Envelope(message, "bench", seq))

    def ask(self, request, lip="LIP1"):
        self.tell(m.GuestIntercepted(None, LPAR, lip, request))

    def got(self, name):
        """What has come to an actor since the last look."""
        box, messages = self.boxes[name], []
        while len(box):
            messages.append(box.get_nowait().message)
        return messages

    def replies(self, lip="LIP1"):
        return [one.reply for one in self.got(lip) if isinstance(one, m.InterceptionSimulated)]

    def end_of(self, start):
        self.tell(m.IoEnded(None, LPAR, DISK, start, "IOP1", Function.START, NORMAL))

    def stop(self):
        self.tell(m.StopGuest("op.1", LPAR))
        for lip in LIPS:
            self.tell(m.LipStopped("op.1", LPAR, lip, 1))


@pytest.fixture
async def bench(tmp_path, nursery):
    return Bench(tmp_path / "trace", nursery)


async def test_an_instruction_is_answered_at_once_and_the_iop_is_told(bench):
    bench.ask(i.StartSubchannel(DISK, ORB))
    bench.ask(i.StoreSubchannel(DISK))
    bench.ask(i.TestSubchannel(0x999))
    started, stored, tested = bench.replies()
    assert (started, stored.condition_code, tested) == (0, 0, i.Tested(3))
    assert bench.got("IOP1") == [m.StartIo(None, LPAR, DISK, 1, ORB)]


async def test_facts_and_messages_name_their_causes(bench):
    bench.ask(i.WaitForInterruption((DISK,)), "LIP2")
    bench.ask(i.StartSubchannel(DISK, ORB))
    bench.end_of(1)
    bench.ask(i.TestSubchannel(DISK), "LIP2")
    bench.ask(i.ClearSubchannel(DISK), "LIP2")
    bench.ask(i.TestSubchannel(DISK), "LIP2")
    lines = [orjson.loads(line) for line in _lines_of(bench)]
    own = {
        name: [line for line in lines if line["event"] == name]
        for name in (
            "start.accepted",
            "interruption.pending",
            "interruption.presented",
            "interruption.cleared",
        )
    }
    (accepted,), (first, second) = own["start.accepted"], own["interruption.pending"]
    (presented,), (cleared,) = own["interruption.presented"], own["interruption.cleared"]
    assert (accepted["device"], accepted["start"]) == ("0190", 1)
    (start_io,) = (line for line in lines if line["event"] == "StartIo")
    assert start_io["cause"] == accepted["seq"]
    assert (presented["lip"], presented["number"], first["number"]) == ("LIP2", 1, 1)
    told = next(line for line in lines if line["event"] == "InterceptionSimulated" and line["to"] == "LIP2")
    assert told["cause"] == presented["seq"]
    assert (second["number"], cleared["number"], cleared["reason"]) == (2, 2, "TEST SUBCHANNEL")


def _lines_of(bench):
    bench.trace.close("intact")
    return bench.path.read_bytes().splitlines()[1:-1]


async def test_a_start_without_a_path_left_is_ended_by_lip_control(bench):
    bench.ask(i.StartSubchannel(DISK, ORB))
    bench.tell(m.PathNotOperational(None, LPAR, DISK, 1, "IOP1"))
    (ended,) = (one for one in map(orjson.loads, _lines_of(bench)) if one["event"] == "start.ended")
    assert (ended["iop"], ended["start"], ended["function"]) == (None, 1, "START")


async def test_what_ends_while_the_guest_is_stopped_is_presented_after_sie(bench):
    bench.ask(i.StartSubchannel(DISK, ORB))
    bench.ask(i.WaitForInterruption((DISK,)), "LIP2")
    bench.tell(m.StopGuest("op.1", LPAR))
    bench.end_of(1)
    for lip in LIPS:
        bench.tell(m.LipStopped("op.1", LPAR, lip, 1))
    bench.tell(m.RestartGuest("op.1", LPAR, THERE))
    bench.tell(m.InterpretiveExecutionStarted("op.1", LPAR, "LIP1", 2))
    assert bench.replies("LIP2") == [], "not every LIP is in SIE"
    bench.tell(m.InterpretiveExecutionStarted("op.1", LPAR, "LIP2", 2))
    assert [one.device for one in bench.replies("LIP2")] == [DISK]
    assert isinstance(bench.got(LPAR_CONTROL)[-1], m.GuestRestarted)


async def test_a_wait_that_begins_while_the_guest_is_stopped_is_answered_after_sie(bench):
    bench.ask(i.StartSubchannel(DISK, ORB))
    bench.end_of(1)
    bench.stop()
    bench.ask(i.WaitForInterruption(None))
    assert bench.replies() == [0]
    bench.tell(m.RestartGuest("op.1", LPAR, THERE))
    for lip in LIPS:
        bench.tell(m.InterpretiveExecutionStarted("op.1", LPAR, lip, 2))
    assert [one.device for one in bench.replies()] == [DISK]


async def test_a_guest_that_failed_gets_no_interruption(bench):
    bench.ask(i.StartSubchannel(DISK, ORB))
    bench.ask(i.WaitForInterruption((DISK,)), "LIP2")
    bench.tell(m.GuestFailed(None, LPAR, "LIP1", "LVM071E", "why"))
    bench.end_of(1)
    assert bench.actor.failed
    assert bench.replies("LIP2") == []


async def test_a_wait_ends_by_its_time_or_by_an_interruption_whichever_is_first(bench, autojump_clock):
    bench.ask(i.StartSubchannel(DISK, ORB))
    bench.ask(i.WaitForInterruption((DISK,), 5_000_000), "LIP2")
    bench.ask(i.WaitForInterruption((), 2_000_000))
    await trio.sleep(0.003)
    (timed_out,) = bench.got(ME)
    bench.tell(timed_out)
    assert bench.replies() == [0, None]
    bench.end_of(1)
    assert [one.device for one in bench.replies("LIP2")] == [DISK]
    await trio.sleep(0.01)
    assert bench.got(ME) == [], "the timer ended with its wait"
    bench.tell(m.WaitTimedOut(None, LPAR, "LIP2", 1))
    assert bench.replies("LIP2") == [], "also where its message had come before"
