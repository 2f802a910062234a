"""Step 202 with IOPs as the contract has them: whatever crosses, the move begins only without active I/O."""

from collections.abc import Iterable

from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st
from quiesce_events import ABOUT, CANCEL, GRACE, LPAR, OP, REMINDER, TIMEOUT, busy, play, quiet

from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation as machine
from lparvm.protocol.busy_devices import Busy
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import Result


@define
class Iop:
    """An IOP as the contract has it; messages to it and from it keep their order."""

    name: str
    active: list[int]
    inbox: list[object] = field(factory=list)
    outbox: list[object] = field(factory=list)
    quiescing: bool = False
    halted: set[int] = field(factory=set)
    cleared: set[int] = field(factory=set)

    def handle(self) -> None:
        message = self.inbox.pop(0)
        match message:
            case m.QuiesceIop() | m.ReportBusyDevices():
                self.quiescing = True
                answer = (
                    busy(self.name, *self.active, attempt=message.attempt)
                    if self.active
                    else quiet(self.name)
                )
                self.outbox.append(answer)
            case m.HaltBusyDevices():
                self.halted |= set(self.active)
            case m.ClearBusyDevices():
                self.cleared |= set(self.active)
                self.active.clear()
                self.outbox.append(quiet(self.name))
            case m.ReleaseHeldStarts():
                self.quiescing = False
                self.outbox.append(m.HeldStartsReleased(OP, LPAR, self.name, 0))

    def end(self, number: int) -> None:
        self.active.remove(number)
        if self.quiescing and not self.active:
            self.outbox.append(quiet(self.name))


TIMERS = {o.Timer.QUIESCE: TIMEOUT, o.Timer.REMINDER: REMINDER, o.Timer.HALT: GRACE}


@define
class World:
    """LPAR control's machine with two IOPs, timers, and others that answer at once."""

    record: Relocation
    iops: dict[str, Iop]
    timers: dict[o.Timer, object] = field(factory=dict)
    mailbox: list[object] = field(factory=list)
    told: dict[str, str] = field(factory=dict)

    def feed(self) -> None:
        self.record, orders = machine.advance(self.record, self.mailbox.pop(0))
        self.carry_out(orders)

    def carry_out(self, orders: Iterable[o.Command]) -> None:
        for order in orders:
            match order:
                case o.Post(to=to, message=message) if to in self.iops:
                    self.iops[to].inbox.append(message)
                case o.Post(message=m.ReserveAreas()):
                    active = [iop.name for iop in self.iops.values() if iop.active]
                    assert not active, f"the move begins though {active} have active I/O"
                    self.mailbox.append(m.AreasReserved(OP))
                case o.Post(message=m.SetAddressLimits()):
                    self.mailbox.append(m.AddressLimitsSet(OP))
                case o.Post(message=m.RestartGuest()):
                    self.mailbox.append(m.GuestRestarted(OP, LPAR, ()))
                case o.Post(message=m.ReleaseAreas()):
                    self.mailbox.append(m.AreasReleased(OP))
                case o.BeginMove():
                    self.mailbox.append(m.MoveEnded(OP, 256, False, None))
                case o.MoveBack():
                    self.mailbox.append(m.MoveEnded(OP, 0, False, None))
                case o.PoisonFrames():
                    self.mailbox.append(m.FramesPoisoned(OP))
                case o.StartTimer(timer=timer):
                    assert timer not in self.timers, f"{timer} runs already"
                    self.timers[timer] = TIMERS[timer]
                case o.StopTimer(timer=timer):
                    self.timers.pop(timer, None)
                case o.Notify(code=code, text=text):
                    self.told[code] = text

    def choices(self, *, cancel: bool) -> list[tuple[str, object]]:
        found: list[tuple[str, object]] = [("feed", None)] if self.mailbox else []
        for name, iop in self.iops.items():
            found += [("handle", name)] if iop.inbox else []
            found += [("deliver", name)] if iop.outbox else []
            found += [("end", (name, number)) for number in iop.active]
        found += [("fire", timer) for timer in self.timers]
        return found + ([("cancel", None)] if cancel else [])

    def perform(self, action: str, what: object) -> None:
        match action, what:
            case "feed", _:
                self.feed()
            case "handle", name:
                self.iops[name].handle()
            case "deliver", name:
                self.mailbox.append(self.iops[name].outbox.pop(0))
            case "end", (name, number):
                self.iops[name].end(number)
            case "fire", timer:
                self.mailbox.append(self.timers.pop(timer))
            case "cancel", _:
                self.mailbox.append(CANCEL)


@settings(max_examples=300)
@given(st.data(), st.sampled_from(Busy), st.lists(st.integers(1, 3), max_size=3, unique=True))
def test_whatever_crosses_the_move_begins_only_without_active_io_and_each_device_is_told_once(
    data: st.DataObject, policy: Busy, numbers: list[int]
):
    # IOP2 always has one device that ends only when it is told to, or by the drawn actions.
    record, _ = play((), policy)
    world = World(
        evolve(record, busy_iops=(), unanswered_iops=(), stopped=(), state=State.STOPPING),
        {"IOP1": Iop("IOP1", list(numbers)), "IOP2": Iop("IOP2", [9])},
        mailbox=[m.GuestStopped(*ABOUT)],
    )
    cancelled = False
    for _ in range(60):
        choices = world.choices(cancel=not cancelled)
        action, what = data.draw(st.sampled_from(choices))
        cancelled |= action == "cancel"
        world.perform(action, what)
        if world.record.state is State.REPORTED:
            break
    # Then all goes its way: messages first, in any order; then devices end.
    for _ in range(500):
        if world.record.state is State.REPORTED:
            break
        waiting = world.choices(cancel=False)
        world.perform(
            *min(waiting, key=lambda one: ("feed", "handle", "deliver", "end", "fire").index(one[0]))
        )
    assert world.record.state is State.REPORTED, f"it hangs in {world.record.state}: {world.record.story}"
    cleared = {(iop.name, number) for iop in world.iops.values() for number in iop.cleared}
    assert {one.key for one in world.record.cleared} == cleared, "exactly what the IOPs cleared is told"
    for name, number in cleared:
        assert f"{number:04X} on {name}" in world.told["LVM036W"]
        assert f"{number:04X} on {name}" not in world.told.get("LVM035I", "")
    assert policy is Busy.HALT or not any(iop.halted | iop.cleared for iop in world.iops.values())
    assert cancelled or policy is Busy.REFUSE or world.record.result is Result.COMPLETED
