from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from io_events import DISK, LPAR, PATHS, TAPE
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


orbs = st.builds(
    Orb,
    st.just(0x2000),
    suspend_control=st.booleans(),
    suppress_suspended=st.booleans(),
    address_limit=st.booleans(),
    path_mask=st.sampled_from((0xFF, 0xFF, 0x80, 0x40)),
)
devices = st.sampled_from(DEVICES)
masks = {
    "devices": st.none() | st.lists(devices, unique=True),
    "classes": st.sampled_from((0xFF, 0x80, 0x40)),
}
requests = st.one_of(
    st.builds(i.StartSubchannel, devices, orbs),
    st.builds(i.StartSubchannel, devices, orbs),
    st.builds(i.HaltSubchannel, devices),
    st.builds(i.ClearSubchannel, devices),
    st.builds(i.ResumeSubchannel, devices),
    st.builds(i.TestSubchannel, devices),
    st.builds(i.StoreSubchannel, devices),
    st.builds(
        i.ModifySubchannel,
        devices,
        isc=st.integers(0, 1),
        enabled=st.sampled_from((True, True, False)),
        limit_mode=st.sampled_from(LimitMode),
    ),
    st.builds(i.TestPendingInterruption, **masks),
    st.just(i.SetAddressLimit(0x10000)),
)


class ChannelSubsystemMachine(RuleBasedStateMachine):
    """Two processors, two devices, two IOPs, and an operation that stops and restarts the guest."""

    def __init__(self):
        super().__init__()
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
            self._control(m.InterpretiveExecutionStarted(None, LPAR, lip, 0))

    # --- what happens ---

    @rule(request=requests)
    def the_guest_makes_an_instruction(self, request):
        before = self.state
        self.state, reply, orders = cs.perform(self.state, request)
        self._take(orders)
        code = getattr(reply, "condition_code", reply)
        if isinstance(request, i.TestPendingInterruption | i.SetAddressLimit):
            return
        if code not in (0, 1):
            assert (self.state, orders) == (before, ()), "an instruction that is refused does nothing"
        if isinstance(request, i.TestSubchannel) and code == 0:
            assert reply.irb.scsw.pending
            after = self.state.subchannels[request.device]
            if reply.irb.scsw.ended and not after.scsw.pending:
                free = cs.perform(self.state, i.StartSubchannel(request.device, Orb(0)))[1]
                assert free == (0 if after.pmcw.operational else 3), "the subchannel is free after the end"

    @precondition(lambda self: len(self.waits) < len(LIPS))
    @rule(data=st.data(), wanted=masks["devices"], classes=masks["classes"])
    def a_processor_waits(self, data, wanted, classes):
        waiting = [wait.lip for wait in self.waits]
        lip = data.draw(st.sampled_from([lip for lip in LIPS if lip not in waiting]))
        self.begun += 1
        wanted = None if wanted is None else tuple(wanted)
        wait = interruptions.Wait(lip, LIPS.index(lip), self.begun, wanted, classes)
        self.waits = (*self.waits, wait)
        self._present()

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def the_time_of_some_wait_is_over(self, data):
        self.waits = interruptions.end_wait(self.waits, data.draw(st.integers(1, self.begun)))

    @precondition(lambda self: any(iop.orders for iop in self.iops.values()))
    @rule(data=st.data())
    def an_iop_handles_an_order(self, data):
        self._draw_iop(data, lambda iop: iop.orders).handle()

    @precondition(lambda self: any(iop.starts for iop in self.iops.values()))
    @rule(data=st.data(), what=st.sampled_from(("pci", "suspend", "end", "end", "halt", "clear")))
    def a_start_goes_on(self, data, what):
        iop = self._draw_iop(data, lambda iop: iop.starts)
        number = data.draw(st.sampled_from(list(iop.starts)))
        if number in iop.at("waiting"):
            iop.begin(number)
        elif what in ("pci", "suspend") and number in iop.at("running"):
            iop.intermediate(number, suspended=what == "suspend")
        elif what == "clear":
            iop.end(number, CLEAR)
        elif what == "halt":
            iop.end(number, HALT)
        elif number in iop.at("running"):
            iop.end(number)

    @rule(device=devices, data=st.data(), online=st.booleans())
    def a_path_is_varied(self, device, data, online):
        self.iops[data.draw(st.sampled_from(PATHS[device]))].vary(device, online=online)

    @rule(device=devices, status=st.sampled_from((DeviceStatus.ATTENTION, DeviceStatus.DEVICE_END)))
    def a_device_offers_status(self, device, status):
        iop = PATHS[device][0]
        self.iops[iop].told.append(m.StatusOffered(None, LPAR, device, iop, status))

    @precondition(lambda self: any(iop.told for iop in self.iops.values()))
    @rule(data=st.data())
    def what_an_iop_tells_arrives(self, data):
        self._arrive(self._draw_iop(data, lambda iop: iop.told))

    @precondition(lambda self: not self.stopped)
    @rule()
    def the_guest_is_stopped(self):
        self.stopped = True
        self.to_answer = list(LIPS)
        self._control(m.StopGuest("op.1", LPAR))

    @precondition(lambda self: self.control.mode is gc.Mode.STOPPED)
    @rule()
    def the_guest_is_restarted(self):
        self.to_answer = list(LIPS)
        self._control(m.RestartGuest("op.1", LPAR, ZONE))

    @precondition(lambda self: self.to_answer)
    @rule()
    def a_lip_answers(self):
        lip = self.to_answer.pop(0)
        if self.control.mode is gc.Mode.STOPPING:
            self._control(m.LipStopped("op.1", LPAR, lip, 1))
        else:
            self._control(m.InterpretiveExecutionStarted("op.1", LPAR, lip, 2))

    @precondition(lambda self: not self.failed and not self.stopped and self.begun > 8)
    @rule()
    def the_guest_fails(self):
        self.failed = True
        self._control(m.GuestFailed(None, LPAR, LIPS[0], "LVM070E", "why"))
        for lip in LIPS:
            self._control(m.LipStopped(None, LPAR, lip, 3))

    # --- what comes of it ---

    def _draw_iop(self, data, fits):
        return data.draw(st.sampled_from([iop for iop in self.iops.values() if fits(iop)]))

    def _control(self, message):
        self.control, orders = gc.advance(self.control, message)
        if any(isinstance(order, gc.AnswerRestarted) for order in orders):
            self.stopped = False
        self._present()

    def _arrive(self, iop):
        message = iop.told.popleft()
        if isinstance(message, m.IoEnded):
            self._end(message.start)
        self.state, orders = cs.advance(self.state, message)
        self._take(orders)

    def _take(self, orders):
        for order in orders:
            match order:
                case cs.Send(iop=iop, message=message):
                    assert message.start not in self.ended, "an order for a start that is over"
                    self.iops[iop].orders.append(message)
                case cs.TellAccepted(start=start):
                    assert start == len(self.accepted) + 1, "starts are counted up"
                    self.accepted.append(start)
                case cs.TellEnded(start=start):
                    self._end(start)
                case cs.TellPending(number=number):
                    assert number == len(self.pending) + len(self.over) + 1, "interruptions are counted up"
                    self.pending.append(number)
                case cs.TellCleared(number=number):
                    self._interruption_over(number)
        self._present()

    def _end(self, start):
        assert start in self.accepted, "a start ended that was not accepted"
        assert start not in self.ended, f"start {start} ended twice"
        self.ended.append(start)

    def _interruption_over(self, number):
        self.pending.remove(number)  # an error, if it is not pending
        self.over.append(number)

    def _present(self):
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
            self._interruption_over(one.number)
        order = [one.number for one in requests]
        assert [order.index(one.number) for one in presented] == sorted(
            order.index(one.number) for one in presented
        ), "in order of priority"

    # --- what always holds ---

    @invariant()
    def function_activity_and_status_go_together(self):
        for sub in self.state.subchannels.values():
            assert is_legal(sub.scsw), sub.scsw
            assert bool(sub.scsw.activity) == (sub.start is not None), "active: an IOP has a start"
            assert not (sub.unsolicited and not sub.scsw.function and not sub.scsw.pending), (
                "unsolicited status waits for nothing"
            )

    @invariant()
    def a_start_is_under_way_until_it_ended(self):
        under_way = [sub.start.start for sub in self.state.subchannels.values() if sub.start]
        assert sorted(under_way + self.ended) == self.accepted

    @invariant()
    def an_interruption_is_pending_or_over_and_one_a_subchannel(self):
        requests = cs.pending(self.state)
        assert sorted(one.number for one in requests) == sorted(self.pending)
        asking = [one.interruption.device for one in requests]
        assert len(asking) == len(set(asking))
        for device in asking:
            assert self.state.subchannels[device].scsw.pending, "an interruption without status"
        keys = [(one.interruption.isc, one.number) for one in requests]
        assert keys == sorted(keys)

    @invariant()
    def nobody_waits_for_what_is_pending(self):
        if self.control.in_sie:
            for one in cs.pending(self.state):
                for wait in self.waits:
                    assert not cs.enabled(one.interruption, wait.devices, wait.classes)

    def teardown(self):
        """When all have done what they have to, each start has ended, and its end has shown."""
        while any(iop.orders or iop.starts or iop.told for iop in self.iops.values()):
            for iop in self.iops.values():
                while iop.orders:
                    iop.handle()
                for number in list(iop.starts):
                    iop.end(number)
                while iop.told:
                    self._arrive(iop)
        assert sorted(self.ended) == self.accepted
        for sub in self.state.subchannels.values():
            assert sub.scsw.pending or not sub.scsw.function, "an end without status"


ChannelSubsystemMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestTheChannelSubsystemKeepsItsLaws = ChannelSubsystemMachine.TestCase
