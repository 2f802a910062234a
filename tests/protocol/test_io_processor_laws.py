"""Laws of an IOP's decisions that hold at every event: order of arrival, quiescing, and that each start ends once."""

from collections import Counter

from attrs import define, field
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.channel import ENDED, Ending
from lparvm.arch.subchannel import Orb
from lparvm.protocol import io_orders as o
from lparvm.protocol import io_processor as iop
from lparvm.protocol import messages as m

LPARS, DEVICES = ("A", "B"), (1, 2)
NORMAL = Ending(int(ENDED), 0, 0, 8)
QUESTIONS = (m.QuiesceIop, m.ReportBusyDevices, m.ClearBusyDevices)


@define
class World:
    """An IOP, and devices that other IOPs use or LPARs have reserved.

    Attributes:
        elsewhere: devices that another IOP uses.
        reserved: device -> the LPAR that has reserved it.
        pending: starts that have not ended, by LPAR and device: a subchannel has one.
    """

    state: iop.IoProcessor = field(
        factory=lambda: iop.IoProcessor(dict.fromkeys(LPARS, DEVICES), dict.fromkeys(LPARS, Zone(0, 8)))
    )
    elsewhere: list[int] = field(factory=list)
    reserved: dict[int, str] = field(factory=dict)
    pending: dict[tuple[str, int], m.StartIo] = field(factory=dict)
    starts: int = 0
    over: Counter = field(factory=Counter)
    begun: list[int] = field(factory=list)

    def feed(self, event: object) -> None:
        """An event, and what follows from devices that are not available; the laws are checked."""
        active = {lpar: bool(self.state.active(lpar)) for lpar in LPARS}
        orders = self._advance(event)
        for lpar in LPARS:
            quiet = [one for one in orders if isinstance(one, o.ReportQuiesced) and one.lpar == lpar]
            asked = isinstance(event, QUESTIONS) and event.lpar == lpar
            became = active[lpar] and lpar in self.state.quiescing and not self.state.active(lpar)
            if asked:
                assert len(quiet) == (not self.state.active(lpar)), "a question has one answer"
            else:
                assert len(quiet) == became, f"{lpar}: told {len(quiet)} times after {event}"
        if isinstance(event, m.ClearBusyDevices):
            assert not self.state.active(event.lpar)
        self._note(orders)

    def _advance(self, event: object) -> list[o.Order]:
        self.state, orders = iop.advance(self.state, event)
        done: list[o.Order] = []
        for order in orders:
            if isinstance(order, o.Begin):
                start = order.start
                busy = start.device in self.elsewhere
                if busy or self.reserved.get(start.device, start.lpar) != start.lpar:
                    done += self._advance(iop.DeviceNotAvailable(start, order.arrival, busy=busy))
                    continue
                self._may_begin(order)
            if isinstance(order, o.Resume):
                assert self.state.running[order.device].lpar not in self.state.quiescing
            done.append(order)
        return done

    def _may_begin(self, order: o.Begin) -> None:
        start = order.start
        assert start.lpar not in self.state.quiescing, "it began while its LPAR is quiescing"
        assert start.device not in self.state.given_up, "its device is at work still"
        assert self.state.running[start.device] == start
        for one in self.state.waiting:
            if one.start.device == start.device and one.arrival < order.arrival:
                reserved = self.reserved.get(start.device) not in (None, one.start.lpar)
                held = one.start.lpar in self.state.quiescing
                assert reserved or held, f"{start} passed {one.start}"

    def _note(self, orders: list[o.Order]) -> None:
        begun = [one.arrival for one in orders if isinstance(one, o.Begin)]
        assert begun == sorted(begun), "what begins at once begins in order of arrival"
        for one in orders:
            if isinstance(one, o.EndStart | o.RefuseStart):
                start = one.start
                self.over[start.start] += 1
                assert self.over[start.start] == 1, f"{start} ended twice"
                del self.pending[start.lpar, start.device]

    def free(self, device: int) -> None:
        """What another IOP did with a device is over, and the news is here."""
        self.leave(device)
        self.feed(m.DeviceFreed(None, "A", device))

    def leave(self, device: int) -> None:
        """Another IOP has ended with a device; the news is under way."""
        self.elsewhere = [one for one in self.elsewhere if one != device]

    def step(self, what: str, lpar: str, device: int, *, flag: bool) -> None:
        """Something that can happen now; else nothing does."""
        state = self.state
        running = state.running.get(device)
        at_work = running or state.given_up.get(device)
        mine = self.pending.get((lpar, device))
        suspended = device in state.suspended
        match what:
            case "start" if mine is None:
                self.starts += 1
                start = m.StartIo(None, lpar, device, self.starts, Orb(0))
                self.pending[lpar, device] = start
                self.feed(start)
            case "end" if at_work and (flag or not suspended):
                self.feed(m.ChannelProgramEnded(None, at_work.lpar, device, at_work.start, NORMAL, suspended))
            case "halt" | "clear" if mine:
                kind = m.HaltIo if what == "halt" else m.ClearIo
                self.feed(kind(None, lpar, device, mine.start))
            case "resume" if running and suspended and device not in state.resumes:
                self.feed(m.ResumeIo(None, running.lpar, device, running.start))
            case "suspend" if running and not suspended:
                self.feed(m.IoIntermediate(None, running.lpar, device, running.start, True, 8))
            case "quiesce" if lpar not in state.quiescing:
                self.feed(m.QuiesceIop("op.1", lpar))
            case "clear busy" | "halt busy" | "report" | "release" if lpar in state.quiescing:
                self.feed(OPERATIONS[what]("op.1", lpar))
            case _:
                self._step_outside(what, lpar, device, flag=flag)

    def _step_outside(self, what: str, lpar: str, device: int, *, flag: bool) -> None:
        """What the operator, other IOPs and the holders of reservations do."""
        at_work = device in self.state.running or device in self.state.given_up
        match what:
            case "vary":
                self.feed(m.VaryPath("op.2", device, flag))
            case "elsewhere" if not at_work and device not in self.elsewhere:
                self.elsewhere.append(device)
            case "leave":
                self.leave(device)
            case "news":  # of an earlier end: perhaps another IOP has taken the device again
                self.feed(m.DeviceFreed(None, lpar, device))
            case "free":
                self.free(device)
            case "reserve" if not at_work:
                # The holder's program told so, and ended: everybody hears of it.
                self.reserved.pop(device, None)
                if flag:
                    self.reserved[device] = lpar
                self.free(device)

    def finish(self) -> None:
        """Nothing keeps anything any more."""
        self.reserved.clear()
        for device in DEVICES:
            self.free(device)
        for lpar in LPARS:
            self.step("release", lpar, 1, flag=True)
        while self.state.running or self.state.given_up:
            for device in DEVICES:
                self.step("end", "A", device, flag=True)


OPERATIONS = {
    "clear busy": m.ClearBusyDevices, "halt busy": m.HaltBusyDevices, "report": m.ReportBusyDevices,
    "release": m.ReleaseHeldStarts,
}  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from((
            *("start",) * 6, *("end",) * 3, "halt", "clear", "resume", *("suspend",) * 2, *("quiesce",) * 2,
            "vary", *("elsewhere",) * 2, "leave", "news", "free", "reserve", *OPERATIONS,
        )),
        st.sampled_from(LPARS), st.sampled_from(DEVICES), st.booleans(),
    ),
    min_size=30, max_size=60,
)  # fmt: skip


def _on_device_1(*steps: str) -> list[tuple[str, str, int, bool]]:
    return [(*step.rsplit(" ", 1), 1, True) for step in steps]


@settings(max_examples=500, deadline=None)
@given(STEPS)
@example(_on_device_1("elsewhere A", "start A", "leave A", "start B", "free A"))
@example(_on_device_1("elsewhere A", "start A", "start B", "news A", "free A"))
def test_the_laws_hold_at_every_event_and_every_start_ends_once(steps):
    world = World()
    for what, lpar, device, flag in steps:
        world.step(what, lpar, device, flag=flag)
    world.finish()
    assert not world.state.waiting
    assert sum(world.over.values()) == world.starts, "a start was lost"
    assert not world.pending
