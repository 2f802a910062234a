"""An IOP's decisions: what runs, waits, is held, given up and reported."""

from collections import Counter

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.channel import ENDED, Ending
from lparvm.arch.subchannel import Function, Orb
from lparvm.protocol import io_orders as o
from lparvm.protocol import io_processor as iop
from lparvm.protocol import messages as m

OLD, NEW = Zone(0, 16), Zone(32, 16)
NORMAL = Ending(int(ENDED), 0, 0, 8)
NOTHING = Ending(0, 0, 0, 0)


@define
class Machine:
    """An IOP with two LPARs and three devices, whose programs end when the test says so."""

    state: iop.IoProcessor = field(
        factory=lambda: iop.IoProcessor({"A": (1, 2, 3), "B": (1, 2)}, {"A": OLD, "B": Zone(16, 16)})
    )
    starts: int = 0
    orders: list[o.Order] = field(factory=list)
    unavailable: set[tuple[int, str]] = field(factory=set)

    def feed(self, event: object) -> list[o.Order]:
        """An event; devices that are not available say so at once, as the IOP does."""
        self.state, orders = iop.advance(self.state, event)
        all_orders = []
        for order in orders:
            all_orders.append(order)
            if isinstance(order, o.Begin) and (order.start.device, order.start.lpar) in self.unavailable:
                all_orders += self.feed_quietly(iop.DeviceNotAvailable(order.start, order.arrival))
        self.orders += all_orders
        return all_orders

    def feed_quietly(self, event: object) -> list[o.Order]:
        self.state, orders = iop.advance(self.state, event)
        return list(orders)

    def start(self, lpar: str = "A", device: int = 1) -> m.StartIo:
        self.starts += 1
        start = m.StartIo(None, lpar, device, self.starts, Orb(0x100))
        self.feed(start)
        return start

    def end(self, start: m.StartIo, *, halted: bool = False) -> list[o.Order]:
        return self.feed(m.ChannelProgramEnded(None, start.lpar, start.device, start.start, NORMAL, halted))

    def of(self, kind: type) -> list:
        return [order for order in self.orders if type(order) is kind]

    def begun(self) -> list[int]:
        return [order.start.start for order in self.of(o.Begin)]


def quiesce(lpar: str = "A") -> m.QuiesceIop:
    return m.QuiesceIop("op.1", lpar)


def release(lpar: str = "A") -> m.ReleaseHeldStarts:
    return m.ReleaseHeldStarts("op.1", lpar)


def same(kind: type, start: m.StartIo) -> object:
    return kind(None, start.lpar, start.device, start.start)


def test_a_start_begins_and_its_end_is_told_with_its_status():
    machine = Machine()
    start = machine.start()
    assert machine.begun() == [1]
    assert machine.end(start) == [o.FreeDevice(start), o.EndStart(start, Function.START, NORMAL)]


def test_a_device_runs_one_program_at_a_time_and_others_wait_in_order():
    machine = Machine()
    first, second, _ = machine.start("A"), machine.start("B"), machine.start("A", 2)
    assert machine.begun() == [1, 3]
    machine.end(first)
    assert machine.begun() == [1, 3, second.start]


def test_quiescing_holds_what_comes_and_what_waits_and_release_begins_it_in_order():
    machine = Machine()
    running = machine.start("B", 1)
    machine.start("A", 1)
    assert machine.feed(quiesce())[-1] == o.ReportQuiesced("op.1", "A"), "what waits is not active"
    machine.start("A", 2)
    machine.start("B", 2)
    assert [order.start.start for order in machine.of(o.HoldStart)] == [2, 3]
    assert machine.begun() == [1, 4], "B's I/O goes on"
    machine.end(running)
    assert machine.begun() == [1, 4]
    machine.feed(m.SetAddressLimit("op.1", "A", NEW))
    assert machine.state.zones["A"] == NEW
    machine.end(m.StartIo(None, "B", 2, 4, Orb(0x100)))
    assert machine.feed(release())[0] == o.ConfirmRelease("op.1", "A", 2)
    assert machine.begun() == [1, 4, 2, 3]


def test_quiescing_waits_for_what_runs_and_names_it():
    machine = Machine()
    one, other = machine.start("A", 3), machine.start("A", 1)
    assert machine.feed(quiesce()) == [o.ReportBusy("op.1", "A", (1, 3), 0)]
    assert machine.feed(m.ReportBusyDevices("op.1", "A", 7)) == [o.ReportBusy("op.1", "A", (1, 3), 7)]
    assert o.ReportQuiesced("op.1", "A") not in machine.end(one)
    assert o.ReportQuiesced("op.1", "A") in machine.end(other)


def test_halt_is_for_what_runs_and_ends_at_once_what_waits():
    machine = Machine()
    running, waiting = machine.start("B"), machine.start("A")
    assert machine.feed(same(m.HaltIo, running)) == [o.Halt(1)]
    assert machine.feed(same(m.HaltIo, waiting)) == [o.EndStart(waiting, Function.HALT, NOTHING)]
    assert machine.end(running, halted=True)[-1] == o.EndStart(running, Function.HALT, NORMAL)
    assert machine.feed(same(m.HaltIo, running)) == [], "it has ended"


def test_a_cleared_start_has_ended_and_its_device_is_taken_until_it_ends():
    machine = Machine()
    running = machine.start("A")
    assert machine.feed(same(m.ClearIo, running)) == [
        o.GiveUp(1), o.EndStart(running, Function.CLEAR, NOTHING),
    ]  # fmt: skip
    machine.start("B")
    assert machine.begun() == [1], "the device is not done"
    assert machine.end(running)[:1] == [o.FreeDevice(running)]
    assert machine.begun() == [1, 2]
    assert len(machine.of(o.EndStart)) == 1, "its start ended once"


def test_busy_halt_halts_what_is_active_and_clear_gives_it_up():
    machine = Machine()
    one, other = machine.start("A", 1), machine.start("A", 2)
    machine.feed(quiesce())
    assert machine.feed(m.HaltBusyDevices("op.1", "A")) == [o.Halt(1), o.Halt(2)]
    machine.end(one, halted=True)
    orders = machine.feed(m.ClearBusyDevices("op.1", "A"))
    assert orders == [o.GiveUp(2), o.EndStart(other, Function.CLEAR, NOTHING), o.ReportQuiesced("op.1", "A")]
    machine.feed(release())
    assert machine.end(other)[0] == o.TellLate(other, "op.1")


def test_a_device_that_was_waited_for_in_vain_is_told_when_it_ends():
    machine = Machine()
    running = machine.start("A")
    machine.feed(quiesce())
    machine.feed(release())
    assert machine.end(running)[0] == o.TellLate(running, "op.1")
    assert machine.of(o.ConfirmRelease)[0].held == 0


def test_a_suspended_program_is_not_active_and_is_resumed_after_release():
    machine = Machine()
    running = machine.start("A")
    machine.feed(quiesce())
    told = m.IoIntermediate(None, "A", 1, running.start, True, 8)
    assert machine.feed(told) == [o.Forward(told), o.ReportQuiesced("op.1", "A")]
    assert machine.feed(same(m.ResumeIo, running)) == [o.HoldResume(running)]
    assert machine.feed(release()) == [o.ConfirmRelease("op.1", "A", 0), o.Resume(1)]
    assert machine.state.active("A") == (1,)


def test_a_deferred_start_waits_for_its_device_and_keeps_its_place():
    machine = Machine()
    machine.unavailable = {(1, "A")}
    machine.start("A", 1)
    machine.start("B", 1)
    assert machine.state.running[1].lpar == "B", "it may be reserved for B"
    machine.unavailable = set()
    machine.end(machine.state.running[1])
    assert machine.state.running[1].lpar == "A"


def test_a_deferred_start_is_tried_again_when_another_iop_frees_the_device():
    machine = Machine()
    machine.unavailable = {(1, "A")}
    machine.start("A", 1)
    machine.unavailable = set()
    machine.feed(m.DeviceFreed(None, "B", 1))
    assert machine.begun() == [1, 1]


def test_varying_a_path_off_gives_back_what_waits_and_lets_end_what_runs():
    machine = Machine()
    running, waiting = machine.start("B"), machine.start("A")
    orders = machine.feed(m.VaryPath("op.1", 1, False))
    assert orders == [o.ConfirmVary("op.1", 1, False, True, ("A", "B")), o.RefuseStart(waiting)]
    assert machine.feed(m.VaryPath("op.2", 1, False)) == [o.ConfirmVary("op.2", 1, False, False, ())]
    refused = machine.start("A")
    assert machine.of(o.RefuseStart)[-1] == o.RefuseStart(refused)
    assert machine.end(running)[-1] == o.EndStart(running, Function.START, NORMAL)
    machine.feed(m.VaryPath("op.3", 1, True))
    machine.start("A")
    assert machine.begun() == [1, 4]


def test_unsolicited_status_is_offered_to_all_that_use_the_device():
    machine = Machine()
    assert machine.feed(m.DeviceSignalled(None, None, 1, 0x80)) == [
        o.OfferStatus("A", 1, 0x80), o.OfferStatus("B", 1, 0x80),
    ]  # fmt: skip


def test_an_event_of_another_kind_is_refused():
    with pytest.raises(AssertionError, match="no use"):
        Machine().feed(m.AreasReserved("op.1"))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("start", "end", "halt", "clear", "suspend", "resume", "quiesce", "release", "busy", "free")
        ),
        st.sampled_from(("A", "B")), st.integers(1, 2), st.booleans(),
    ),
    max_size=80,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_whatever_happens_each_start_ends_once_and_none_begins_while_quiescing(steps):
    machine = Machine()
    for what, lpar, device, flag in steps:
        _random_step(machine, what, lpar, device, flag=flag)
    _end_all(machine)
    ended = Counter(order.start.start for order in machine.of(o.EndStart))
    assert all(count == 1 for count in ended.values()), ended
    assert set(ended) == set(range(1, machine.starts + 1)), "a start was lost"
    freed = [order.start.start for order in machine.of(o.FreeDevice)]
    assert len(freed) == len(set(freed))


def _random_step(  # noqa: PLR0912 - one branch a kind of event
    machine: Machine, what: str, lpar: str, device: int, *, flag: bool
) -> None:
    running, given_up = machine.state.running.get(device), machine.state.given_up.get(device)
    before = len(machine.orders)
    match what:
        case "start":
            if flag:
                machine.unavailable ^= {(device, "B" if lpar == "A" else "A")}
            machine.start(lpar, device)
        case "end" if running or given_up:
            machine.end(running or given_up, halted=flag)
        case "halt" | "clear" | "resume" if running or machine.state.waiting:
            kind = {"halt": m.HaltIo, "clear": m.ClearIo, "resume": m.ResumeIo}[what]
            if what == "resume" and device not in machine.state.suspended:
                return
            machine.feed(same(kind, running or machine.state.waiting[0].start))
        case "suspend" if running and device not in machine.state.suspended:
            machine.feed(m.IoIntermediate(None, running.lpar, device, running.start, True, 8))
        case "quiesce":
            machine.feed(quiesce(lpar))
        case "release":
            machine.feed(release(lpar))
        case "busy" if lpar in machine.state.quiescing:
            machine.feed(m.ClearBusyDevices("op.1", lpar))
            assert o.ReportQuiesced("op.1", lpar) in machine.orders[before:]
            assert not machine.state.active(lpar)
        case "free":
            machine.unavailable.clear()
            machine.feed(m.DeviceFreed(None, lpar, device))
    for order in machine.orders[before:]:
        if isinstance(order, o.Begin):
            assert order.start.lpar not in machine.state.quiescing
        if isinstance(order, o.Resume):
            assert machine.state.running[order.device].lpar not in machine.state.quiescing


def _end_all(machine: Machine) -> None:
    """Nothing holds anything any more: all that came must end."""
    machine.unavailable.clear()
    for lpar in ("A", "B"):
        machine.feed(release(lpar))
    for device in (1, 2, 3):
        machine.feed(m.DeviceFreed(None, "A", device))
    while machine.state.running or machine.state.given_up:
        for start in (*machine.state.running.values(), *machine.state.given_up.values()):
            machine.end(start)
    assert not machine.state.waiting
