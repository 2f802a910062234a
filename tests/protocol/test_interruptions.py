from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lparvm.arch.interruption import IoInterruption
from lparvm.protocol.interruptions import Interruptions, Wait, begin_wait, present, time_out


def of(device: int, mark: int = 0) -> IoInterruption:
    return IoInterruption(device, 0x0C, 0, 0, mark)


def wait(cpu_address: int, *devices: int, number: int | None = None) -> Wait:
    return Wait(f"LIP{cpu_address}", cpu_address, cpu_address if number is None else number, devices)


def _after_waits(*waits: Wait) -> Interruptions:
    state = Interruptions()
    for one in waits:
        state, delivery = begin_wait(state, one)
        assert delivery is None
    return state


def test_an_interruption_nobody_waits_for_stays_pending():
    state, delivery = present(_after_waits(wait(0, 2)), of(1))
    assert delivery is None
    assert state.pending == (of(1),)


def test_the_lowest_processor_that_is_enabled_takes_it():
    state = _after_waits(wait(0, 2), wait(3, 1), wait(2, 1, 2))
    state, delivery = present(state, of(1))
    assert delivery == ("LIP2", of(1))
    assert [one.cpu_address for one in state.waits] == [0, 3], "the others go on waiting"


def test_the_oldest_pending_interruption_is_delivered_first():
    state = Interruptions()
    for mark, device in enumerate((5, 1, 2, 1)):
        state, _ = present(state, of(device, mark))
    state, delivery = begin_wait(state, wait(0, 2, 1))
    assert delivery == ("LIP0", of(1, 1))
    assert [one.ccw_address for one in state.pending] == [0, 2, 3]
    assert state.waits == (), "it did not begin to wait"


def test_a_wait_that_times_out_is_over():
    state, delivery = time_out(_after_waits(wait(0, 1)), 0)
    assert delivery == ("LIP0", None)
    state, delivery = present(state, of(1))
    assert delivery is None, "nobody waits any more"


def test_a_time_out_after_the_interruption_means_nothing():
    state, _ = present(_after_waits(wait(0, 1)), of(1))
    assert time_out(state, 0) == (state, None)


def test_the_time_out_of_an_earlier_wait_does_not_end_a_later_one():
    state, _ = present(_after_waits(wait(0, 1, number=1)), of(1))
    state, _ = begin_wait(state, wait(0, 1, number=2))
    assert time_out(state, 1) == (state, None)


def test_a_processor_enabled_for_nothing_waits_for_time_only():
    state, delivery = present(_after_waits(wait(0)), of(1))
    assert delivery is None
    assert time_out(state, 0)[1] == ("LIP0", None)


CPUS, DEVICES = range(3), (1, 2, 3)


class InterruptionsMachine(RuleBasedStateMachine):
    """Three processors wait and go on, interruptions arrive: each is delivered once, or is pending."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Interruptions()
        self.presented = 0
        self.waits = 0
        self.pending: list[IoInterruption] = []
        self.waiting: dict[int, Wait] = {}
        self.delivered: list[int] = []

    def _deliver(self, interruption: IoInterruption) -> None:
        self.delivered.append(interruption.ccw_address)

    @rule(device=st.sampled_from(DEVICES))
    def an_interruption_arrives(self, device: int) -> None:
        self.presented += 1
        interruption = of(device, self.presented)
        enabled = sorted(cpu for cpu, one in self.waiting.items() if device in one.devices)
        self.state, delivery = present(self.state, interruption)
        if enabled:
            assert delivery == (f"LIP{enabled[0]}", interruption)
            del self.waiting[enabled[0]]
            self._deliver(interruption)
        else:
            assert delivery is None
            self.pending.append(interruption)

    @precondition(lambda self: len(self.waiting) < len(CPUS))
    @rule(data=st.data(), devices=st.sets(st.sampled_from(DEVICES)))
    def a_processor_begins_to_wait(self, data: st.DataObject, devices: set[int]) -> None:
        cpu = data.draw(st.sampled_from([cpu for cpu in CPUS if cpu not in self.waiting]))
        self.waits += 1
        begun = wait(cpu, *sorted(devices), number=self.waits)
        oldest = next((one for one in self.pending if one.device in devices), None)
        self.state, delivery = begin_wait(self.state, begun)
        if oldest is None:
            assert delivery is None
            self.waiting[cpu] = begun
        else:
            assert delivery == (f"LIP{cpu}", oldest)
            self.pending.remove(oldest)
            self._deliver(oldest)

    @precondition(lambda self: self.waits)
    @rule(data=st.data())
    def time_is_over_for_some_wait(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, self.waits))
        cpu = next((cpu for cpu, one in self.waiting.items() if one.number == number), None)
        self.state, delivery = time_out(self.state, number)
        if cpu is None:
            assert delivery is None, "that wait had ended"
        else:
            assert delivery == (f"LIP{cpu}", None)
            del self.waiting[cpu]

    @invariant()
    def each_is_pending_or_was_delivered_once(self) -> None:
        assert self.state.pending == tuple(self.pending)
        pending = [one.ccw_address for one in self.state.pending]
        assert sorted(pending + self.delivered) == list(range(1, self.presented + 1))

    @invariant()
    def nobody_waits_for_what_is_pending(self) -> None:
        assert {one.number for one in self.state.waits} == {one.number for one in self.waiting.values()}
        for one in self.state.waits:
            assert not any(interruption.device in one.devices for interruption in self.state.pending)


InterruptionsMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestEachInterruptionIsDeliveredOnce = InterruptionsMachine.TestCase
