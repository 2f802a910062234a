import random
from typing import get_args

from hypothesis import given, note, settings
from hypothesis import strategies as st

from iop_messages import DISK, LPAR, PATHS, TAPE
from lparvm.arch import interception as i
from lparvm.arch.address import Zone
from lparvm.arch.channel import DeviceStatus
from lparvm.arch.subchannel import Activity, Function, LimitMode, Orb, Status
from lparvm.protocol import channel_subsystem as cs
from lparvm.protocol import guest_control as gc
from lparvm.protocol import interruptions
from lparvm.protocol import messages as m
from model_iop import ModelIop

LIPS = ("LIP1", "LIP2")
ZONE = Zone(0, 64)
DEVICES = (DISK, TAPE)
STATUSES = (DeviceStatus.ATTENTION, DeviceStatus.DEVICE_END)
RUNNING = {
    Activity(0),
    Activity.START_PENDING,
    Activity.SUBCHANNEL_ACTIVE | Activity.DEVICE_ACTIVE,
    Activity.SUSPENDED,
    Activity.SUSPENDED | Activity.RESUME_PENDING,
}
START, HALT, CLEAR, NONE = Function.START, Function.HALT, Function.CLEAR, Function(0)
END = Status.PENDING | Status.PRIMARY | Status.SECONDARY
ALERT = Status.PENDING | Status.ALERT
ALONE = Status.PENDING


def is_legal(scsw):
    """The table of `protocol.subchannel`."""
    function, activity, status = scsw.function, scsw.activity, scsw.status
    if not activity:
        return (function, status) in {
            (NONE, Status(0)), (NONE, ALERT), (START, END), (START, END | ALERT), (START | HALT, END),
            (START | HALT, END | ALERT), (HALT, ALONE), (CLEAR, ALONE),
        }  # fmt: skip
    if function == START:
        return activity in RUNNING and status in (0, Status.PENDING | Status.INTERMEDIATE)
    if function == START | HALT:
        halt = Activity.HALT_PENDING
        return bool(activity & halt) and activity & ~halt in RUNNING and not status
    return (function, activity, status) == (CLEAR, Activity.CLEAR_PENDING, 0)


class World:
    """Two processors, two devices, two IOPs, and an operation that stops and restarts the guest.

    Each step is one thing that any of them may do then, drawn by a seed, and all that follows from it at once.
    What is on its way between LIP control and the IOPs waits for a step of its own, so that messages cross.
    """

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.history = []
        self.state = cs.make(LPAR, PATHS)
        self.iops = {name: ModelIop(name) for name in ("IOP1", "IOP2")}
        self.control, _ = gc.begin(gc.GuestControl(LPAR, LIPS, ZONE))
        self.waits = ()
        self.begun = 0
        self.stopped = self.failed = False
        self.to_answer = []  # LIPs with a stop or SIE to answer
        self.accepted, self.ended = [], []
        self.pending, self.over = [], []
        for lip in LIPS:
            self.control_takes(m.InterpretiveExecutionStarted(None, LPAR, lip, 0))

    def seldom(self):
        return self.rng.random() < 0.1

    # --- steps ---

    def step(self):
        iops = list(self.iops.values())
        steps = {
            self.make_an_instruction: 6,
            self.use_the_disk: 4,
            self.wait_for_an_interruption: 2 * (len(self.waits) < len(LIPS)),
            self.end_the_time_of_a_wait: 0.3 * bool(self.waits),
            self.handle_an_order: 5 * any(iop.orders for iop in iops),
            self.go_on_with_a_start: 5 * any(iop.starts for iop in iops),
            self.take_what_an_iop_tells: 6 * any(iop.told for iop in iops),
            self.vary_a_path: 0.5,
            self.offer_status: 0.5,
            self.stop_the_guest: 0.3 * (not self.stopped),
            self.restart_the_guest: 0.5 * (self.control.mode is gc.Mode.STOPPED),
            self.answer_a_stop_or_sie: 0.5 * bool(self.to_answer),
            self.fail: 0.01 * (not self.stopped and not self.failed),
        }
        (chosen,) = self.rng.choices(list(steps), weights=list(steps.values()))
        self.history.append(chosen.__name__)
        chosen()
        self.check()

    def make_an_instruction(self):
        self.perform(self.request())

    def use_the_disk(self):
        """As a guest in order does: TEST, then START."""
        device = self.rng.choice(DEVICES)
        self.perform(i.TestSubchannel(device))
        self.perform(i.StartSubchannel(device, self.orb()))

    def wait_for_an_interruption(self):
        waiting = [wait.lip for wait in self.waits]
        lip = self.rng.choice([lip for lip in LIPS if lip not in waiting])
        self.begun += 1
        wait = interruptions.Wait(lip, LIPS.index(lip), self.begun, *self.masks())
        self.waits = (*self.waits, wait)
        self.present()

    def end_the_time_of_a_wait(self):
        self.waits = interruptions.end_wait(self.waits, self.rng.randint(1, self.begun))

    def handle_an_order(self):
        self.an_iop(lambda iop: iop.orders).handle()

    def go_on_with_a_start(self):
        iop = self.an_iop(lambda iop: iop.starts)
        number = self.rng.choice(list(iop.starts))
        stage = iop.starts[number][1]
        if stage == "waiting":
            iop.begin(number)
        elif stage == "running":
            goes_on = {
                lambda: iop.intermediate(number, suspended=False): 2,
                lambda: iop.intermediate(number, suspended=True): 2,
                lambda: iop.end(number): 4,
                lambda: iop.end(number, HALT): 0.5,  # by an order that is not the guest's
                lambda: iop.end(number, CLEAR): 0.5,
            }
            self.rng.choices(list(goes_on), weights=list(goes_on.values()))[0]()
        elif number in iop.halted:
            iop.end(number)

    def take_what_an_iop_tells(self):
        self.arrive(self.an_iop(lambda iop: iop.told))

    def vary_a_path(self):
        device = self.rng.choice(DEVICES)
        self.iops[self.rng.choice(PATHS[device])].vary(device, online=self.rng.random() < 0.7)

    def offer_status(self):
        device, status = self.rng.choice(DEVICES), self.rng.choice(STATUSES)
        iop = PATHS[device][0]
        self.iops[iop].told.append(m.StatusOffered(None, LPAR, device, iop, status))

    def stop_the_guest(self):
        self.stopped = True
        self.to_answer = list(LIPS)
        self.control_takes(m.StopGuest("op.1", LPAR))

    def restart_the_guest(self):
        self.to_answer = list(LIPS)
        self.control_takes(m.RestartGuest("op.1", LPAR, ZONE))

    def answer_a_stop_or_sie(self):
        lip = self.to_answer.pop(0)
        if self.control.mode is gc.Mode.STOPPING:
            self.control_takes(m.LipStopped("op.1", LPAR, lip, 1))
        else:
            self.control_takes(m.InterpretiveExecutionStarted("op.1", LPAR, lip, 2))

    def fail(self):
        self.failed = True
        self.control_takes(m.GuestFailed(None, LPAR, LIPS[0], "LVM070E", "why"))
        for lip in LIPS:
            self.control_takes(m.LipStopped(None, LPAR, lip, 3))

    # --- what is drawn ---

    def request(self):
        rng, device = self.rng, self.rng.choice(DEVICES)
        kind = rng.choice(get_args(i.IoRequest))
        if kind is i.StartSubchannel:
            return kind(device, self.orb())
        if kind is i.ModifySubchannel:
            limit_mode = rng.choice(list(LimitMode))
            return kind(device, isc=rng.randint(0, 1), enabled=not self.seldom(), limit_mode=limit_mode)
        if kind is i.SetAddressLimit:
            return kind(0x10000)
        if kind is i.TestPendingInterruption:
            return kind(*self.masks()) if self.seldom() else i.TestSubchannel(device)
        return kind(device)

    def orb(self):
        return Orb(
            0x2000,
            suspend_control=self.rng.random() < 0.5,
            suppress_suspended=self.seldom(),
            address_limit=self.seldom(),
            path_mask=self.rng.choice((0xFF, 0xFF, 0xFF, 0x80, 0x40)),
        )

    def masks(self):
        devices = self.rng.choice((None, DEVICES, DEVICES[:1], DEVICES[1:], ()))
        return devices, self.rng.choice((0xFF, 0xFF, 0x80, 0x40))

    def an_iop(self, fits):
        return self.rng.choice([iop for iop in self.iops.values() if fits(iop)])

    # --- what comes of it ---

    def perform(self, request):
        before = self.state
        self.state, reply, orders = cs.perform(self.state, request)
        self.take(orders)
        code = getattr(reply, "condition_code", reply)
        if isinstance(request, i.TestPendingInterruption | i.SetAddressLimit):
            return
        if code not in (0, 1):
            assert orders == (), "an instruction that is refused does nothing"
            assert self.state.subchannels is before.subchannels
        if isinstance(request, i.TestSubchannel) and code == 0:
            assert reply.irb.scsw.pending
            after = self.state.subchannels[request.device]
            if reply.irb.scsw.ended and not after.scsw.pending:
                free = cs.perform(self.state, i.StartSubchannel(request.device, Orb(0)))[1]
                assert free == (0 if after.pmcw.operational else 3), "the subchannel is free after the end"

    def control_takes(self, message):
        self.control, orders = gc.advance(self.control, message)
        if any(isinstance(order, gc.AnswerRestarted) for order in orders):
            self.stopped = False
        self.present()

    def arrive(self, iop):
        message = iop.told.popleft()
        if isinstance(message, m.IoEnded):
            self.end(message.start)
        self.state, orders = cs.advance(self.state, message)
        self.take(orders)

    def take(self, orders):
        for order in orders:
            match order:
                case cs.Send(iop=iop, message=message):
                    assert message.start not in self.ended, "an order for a start that is over"
                    self.iops[iop].orders.append(message)
                case cs.TellAccepted(start=start):
                    assert start == len(self.accepted) + 1, "starts are counted up"
                    self.accepted.append(start)
                case cs.TellEnded(start=start):
                    self.end(start)
                case cs.TellPending(number=number):
                    assert number == len(self.pending) + len(self.over) + 1, "interruptions are counted up"
                    self.pending.append(number)
                case cs.TellCleared(number=number):
                    self.interruption_over(number)
        self.present()

    def end(self, start):
        assert start in self.accepted, "a start ended that was not accepted"
        assert start not in self.ended, f"start {start} ended twice"
        self.ended.append(start)

    def interruption_over(self, number):
        self.pending.remove(number)  # an error, if it is not pending
        self.over.append(number)

    def present(self):
        waits_before, requests = self.waits, cs.pending(self.state)
        self.waits, self.state, presented = interruptions.present(
            self.waits, self.state, in_sie=self.control.in_sie
        )
        if presented:
            assert not self.stopped, "presented to a guest that is not in SIE"
            assert not self.failed, "presented to a guest that failed"
        for one in presented:
            taker = next(wait for wait in waits_before if wait.lip == one.lip)
            assert cs.enabled(one.interruption, taker.devices, taker.classes)
            self.interruption_over(one.number)
        order = [one.number for one in requests]
        assert [order.index(one.number) for one in presented] == sorted(
            order.index(one.number) for one in presented
        ), "in order of priority"

    # --- what always holds ---

    def check(self):
        for sub in self.state.subchannels.values():
            assert is_legal(sub.scsw), sub.scsw
            assert bool(sub.scsw.activity) == (sub.start is not None), "active: an IOP has a start"
            idle = not sub.scsw.function and not sub.scsw.pending
            assert not (sub.unsolicited and idle), "unsolicited status waits for nothing"
        under_way = [sub.start.start for sub in self.state.subchannels.values() if sub.start]
        assert sorted(under_way + self.ended) == self.accepted, "a start is under way, or ended once"
        self.check_interruptions()

    def check_interruptions(self):
        requests = cs.pending(self.state)
        assert sorted(one.number for one in requests) == sorted(self.pending)
        asking = [one.interruption.device for one in requests]
        assert len(asking) == len(set(asking)), "one request a subchannel"
        for device in asking:
            assert self.state.subchannels[device].scsw.pending, "an interruption without status"
        keys = [(one.interruption.isc, one.number) for one in requests]
        assert keys == sorted(keys)
        if self.control.in_sie:
            for one in requests:
                for wait in self.waits:
                    enabled = cs.enabled(one.interruption, wait.devices, wait.classes)
                    assert not enabled, "a processor waits for what is pending"

    def finish(self):
        """When all have done what they have to, each start has ended, and its end has shown."""
        while any(iop.orders or iop.starts or iop.told for iop in self.iops.values()):
            for iop in self.iops.values():
                while iop.orders:
                    iop.handle()
                for number in list(iop.starts):
                    iop.end(number)
                while iop.told:
                    self.arrive(iop)
                    self.check()
        assert sorted(self.ended) == self.accepted
        for sub in self.state.subchannels.values():
            assert sub.scsw.pending or not sub.scsw.function, "an end without status"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, (1 << 64) - 1))
def test_the_laws_hold_whatever_guest_and_iops_do_in_whatever_order(seed):
    world = World(seed)
    try:
        for _ in range(250):
            world.step()
        world.finish()
    except BaseException:
        note(" ".join(world.history[-30:]))
        raise
