import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lparvm.arch.address import Zone
from lparvm.arch.interruption import IoInterruption
from lparvm.protocol import messages as m
from lparvm.protocol import subchannels as sc

ONE, TWO = "LPAR1", "LPAR2"
SHARED, OTHER, OWN = 0x190, 0x191, 0x192
USERS = {ONE: (SHARED, OTHER), TWO: (SHARED, OTHER, OWN)}


def _fresh() -> sc.Subchannels:
    return sc.Subchannels(USERS, {ONE: Zone(0, 8), TWO: Zone(8, 8)}, {})


def _play(state: sc.Subchannels, *events: object) -> tuple[sc.Subchannels, list[sc.Order]]:
    """Through all events; what was ordered after the last one."""
    orders: tuple[sc.Order, ...] = ()
    for event in events:
        state, orders = sc.advance(state, event)
    return state, list(orders)


def start(lpar: str, device: int, program: int = 0, lip: str = "LIP1") -> m.StartIo:
    return m.StartIo(None, lpar, lip, device, program, 0)


def ended(lpar: str, device: int) -> m.ChannelProgramEnded:
    return m.ChannelProgramEnded(None, lpar, IoInterruption(device, 0x0C, 0, 0, 0))


def quiesce(lpar: str) -> m.QuiesceIop:
    return m.QuiesceIop("op.1", lpar)


def release(lpar: str) -> m.ReleaseHeldStarts:
    return m.ReleaseHeldStarts("op.1", lpar)


def test_a_start_on_an_idle_device_begins_at_once():
    state, orders = _play(_fresh(), start(ONE, SHARED))
    assert orders == [sc.AnswerStart(start(ONE, SHARED), sc.CC_STARTED), sc.Begin(start(ONE, SHARED))]
    assert state.active(ONE) == (SHARED,)


@pytest.mark.parametrize(("lpar", "device"), [(ONE, OWN), (ONE, 0x999), ("LPAR9", SHARED)])
def test_a_device_that_an_lpar_does_not_have_is_not_operational(lpar: str, device: int):
    state, orders = _play(_fresh(), start(lpar, device))
    assert orders == [sc.AnswerStart(start(lpar, device), sc.CC_NOT_OPERATIONAL)]
    assert state == _fresh()


def test_a_second_start_of_a_subchannel_is_busy():
    first, second = start(ONE, SHARED), start(ONE, SHARED, 8, "LIP2")
    state, orders = _play(_fresh(), first, second)
    assert orders == [sc.AnswerStart(second, sc.CC_BUSY)]
    _, orders = _play(state, ended(ONE, SHARED), second)
    assert sc.Begin(second) in orders, "the first one has ended"


def test_a_second_start_of_a_subchannel_is_busy_also_while_the_first_one_waits():
    _, orders = _play(_fresh(), start(TWO, SHARED), start(ONE, SHARED), start(ONE, SHARED, 8))
    assert orders == [sc.AnswerStart(start(ONE, SHARED, 8), sc.CC_BUSY)]


def test_a_device_that_two_lpars_share_runs_one_program_at_a_time():
    state, orders = _play(_fresh(), start(ONE, SHARED), start(TWO, SHARED))
    assert orders == [sc.AnswerStart(start(TWO, SHARED), sc.CC_STARTED)], "accepted, and waits its turn"
    _, orders = _play(state, ended(ONE, SHARED))
    assert orders == [
        sc.PresentInterruption(ONE, ended(ONE, SHARED).interruption),
        sc.Begin(start(TWO, SHARED)),
    ]


def test_a_start_that_comes_while_its_lpar_is_quiescing_is_held():
    state, orders = _play(_fresh(), quiesce(ONE), start(ONE, SHARED))
    assert orders == [sc.AnswerStart(start(ONE, SHARED), sc.CC_STARTED), sc.HoldStart(start(ONE, SHARED))]
    assert state.active(ONE) == ()


def test_other_lpars_go_on_while_one_is_quiescing():
    held, runs = start(ONE, SHARED), start(TWO, SHARED)
    _, orders = _play(_fresh(), quiesce(ONE), held, runs)
    assert sc.Begin(runs) in orders, "a held start does not keep the device from another LPAR"


def test_an_idle_lpar_is_quiesced_at_once():
    _, orders = _play(_fresh(), start(TWO, SHARED), quiesce(ONE))
    assert orders == [sc.ReportQuiesced("op.1", ONE)]


def test_quiesced_is_told_when_the_last_program_ends():
    state, orders = _play(_fresh(), start(TWO, OWN), start(TWO, OTHER), quiesce(TWO))
    assert orders == [sc.ReportBusy("op.1", TWO, (OTHER, OWN))], "busy devices ascend"
    state, orders = _play(state, ended(TWO, OWN))
    assert orders == [sc.PresentInterruption(TWO, ended(TWO, OWN).interruption)], "one program still runs"
    _, orders = _play(state, ended(TWO, OTHER))
    assert orders[-1] == sc.ReportQuiesced("op.1", TWO)


def test_a_program_that_another_lpar_runs_on_the_device_does_not_keep_one_from_quiescing():
    _, orders = _play(_fresh(), start(TWO, SHARED), start(ONE, SHARED), quiesce(ONE))
    assert orders == [sc.ReportQuiesced("op.1", ONE)], "ONE's start waits and is held: it has not begun"


def test_what_is_still_busy_is_told_again_when_asked():
    state, orders = _play(_fresh(), start(ONE, OTHER), quiesce(ONE), m.ReportBusyDevices("op.1", ONE))
    assert orders == [sc.ReportBusy("op.1", ONE, (OTHER,))]
    _, orders = _play(state, ended(ONE, OTHER), m.ReportBusyDevices("op.1", ONE))
    assert orders == [sc.ReportQuiesced("op.1", ONE)]


def test_held_starts_begin_in_order_when_they_are_released():
    starts = [start(TWO, device) for device in (OWN, SHARED, OTHER)]
    state, _ = _play(_fresh(), quiesce(TWO), *starts)
    _, orders = _play(state, release(TWO))
    assert orders == [sc.ConfirmRelease("op.1", TWO, 3), *map(sc.Begin, starts)]


def test_sale_is_confirmed_and_in_force_but_releases_nothing():
    state, orders = _play(
        _fresh(), quiesce(ONE), start(ONE, SHARED), m.SetAddressLimit("op.1", ONE, Zone(32, 8))
    )
    assert orders == [sc.ConfirmLimit("op.1", ONE, Zone(32, 8))]
    assert state.zones == {ONE: Zone(32, 8), TWO: Zone(8, 8)}
    assert state.active(ONE) == ()


def test_what_is_no_business_of_an_iop_is_refused():
    with pytest.raises(AssertionError, match="an IOP has no use for"):
        sc.advance(_fresh(), m.AreaFree("op.1", ONE))


class SubchannelsMachine(RuleBasedStateMachine):
    """Two LPARs start I/O, end it, quiesce and are released in any order; every law is checked at every step.

    The model knows of each accepted start where it stands, from the orders alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.state = _fresh()
        self.programs = 0
        self.waiting: list[m.StartIo] = []
        self.running: dict[int, m.StartIo] = {}
        self.ended = 0
        self.accepted = 0
        self.quiescing: set[str] = set()
        self.told_quiesced: set[str] = set()

    def _feed(self, event: object) -> list[sc.Order]:
        self.state, orders = sc.advance(self.state, event)
        for order in orders:
            if isinstance(order, sc.Begin):
                self._begin(order.start)
            if isinstance(order, sc.ReportQuiesced):
                assert order.lpar in self.quiescing, "nobody asked"
                assert not self._active(order.lpar), "told as quiesced while a program runs"
                self.told_quiesced.add(order.lpar)
        return list(orders)

    def _begin(self, begun: m.StartIo) -> None:
        assert begun.device not in self.running, "the device runs a program already"
        assert begun.lpar not in self.quiescing, "a start began while its LPAR is quiescing"
        turn = [one for one in self.waiting if one.device == begun.device and one.lpar not in self.quiescing]
        assert turn[0] == begun, "an earlier start waits for the same device"
        self.waiting.remove(begun)
        self.running[begun.device] = begun

    def _active(self, lpar: str) -> tuple[int, ...]:
        return tuple(sorted(device for device, one in self.running.items() if one.lpar == lpar))

    @rule(lpar=st.sampled_from((ONE, TWO)), device=st.sampled_from((SHARED, OTHER, OWN)))
    def io_is_started(self, lpar: str, device: int) -> None:
        self.programs += 8
        started = start(lpar, device, self.programs)
        pending = [
            one for one in (*self.waiting, *self.running.values()) if (one.lpar, one.device) == (lpar, device)
        ]
        expected = (
            sc.CC_NOT_OPERATIONAL if device not in USERS[lpar] else sc.CC_BUSY if pending else sc.CC_STARTED
        )
        if expected == sc.CC_STARTED:
            self.waiting.append(started)
            self.accepted += 1
        orders = self._feed(started)
        assert [one for one in orders if isinstance(one, sc.AnswerStart)] == [
            sc.AnswerStart(started, expected)
        ]
        held = expected == sc.CC_STARTED and lpar in self.quiescing
        assert (sc.HoldStart(started) in orders) == held

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def a_program_ends(self, data: st.DataObject) -> None:
        device = data.draw(st.sampled_from(sorted(self.running)))
        lpar = self.running.pop(device).lpar
        self.ended += 1
        last = lpar in self.quiescing and not self._active(lpar)
        orders = self._feed(ended(lpar, device))
        assert orders[0] == sc.PresentInterruption(lpar, ended(lpar, device).interruption)
        reports = [one for one in orders if isinstance(one, sc.ReportQuiesced | sc.ReportBusy)]
        assert reports == ([sc.ReportQuiesced("op.1", lpar)] if last else [])

    @precondition(lambda self: len(self.quiescing) < 2)
    @rule(data=st.data())
    def an_lpar_is_quiesced(self, data: st.DataObject) -> None:
        lpar = data.draw(st.sampled_from(sorted({ONE, TWO} - self.quiescing)))
        self.quiescing.add(lpar)
        self._expect_report(lpar, self._feed(quiesce(lpar)))

    @precondition(lambda self: self.quiescing)
    @rule(data=st.data())
    def busy_devices_are_asked_for(self, data: st.DataObject) -> None:
        lpar = data.draw(st.sampled_from(sorted(self.quiescing)))
        self._expect_report(lpar, self._feed(m.ReportBusyDevices("op.1", lpar)))

    def _expect_report(self, lpar: str, orders: list[sc.Order]) -> None:
        active = self._active(lpar)
        assert orders == [sc.ReportBusy("op.1", lpar, active) if active else sc.ReportQuiesced("op.1", lpar)]

    @precondition(lambda self: self.quiescing)
    @rule(data=st.data(), origin=st.integers(0, 99))
    def sale_and_release(self, data: st.DataObject, origin: int) -> None:
        lpar = data.draw(st.sampled_from(sorted(self.quiescing)))
        zone = Zone(origin, 8)
        assert self._feed(m.SetAddressLimit("op.1", lpar, zone)) == [sc.ConfirmLimit("op.1", lpar, zone)]
        assert self.state.zones[lpar] == zone
        held = sum(one.lpar == lpar for one in self.waiting)
        self.quiescing.remove(lpar)
        self.told_quiesced.discard(lpar)
        assert self._feed(release(lpar))[0] == sc.ConfirmRelease("op.1", lpar, held)

    @invariant()
    def a_start_runs_or_waits_or_has_ended(self) -> None:
        assert self.state.waiting == tuple(self.waiting)
        assert dict(self.state.running) == self.running
        assert len(self.waiting) + len(self.running) + self.ended == self.accepted

    @invariant()
    def a_subchannel_has_one_start_at_most(self) -> None:
        pending = [(one.lpar, one.device) for one in (*self.state.waiting, *self.state.running.values())]
        assert len(pending) == len(set(pending))

    @invariant()
    def nothing_waits_without_a_reason(self) -> None:
        for one in self.waiting:
            assert one.lpar in self.quiescing or one.device in self.running, f"{one} could begin"

    @invariant()
    def quiesced_is_told_for_every_lpar_that_is(self) -> None:
        quiet = {lpar for lpar in self.quiescing if not self._active(lpar)}
        assert self.told_quiesced == quiet


SubchannelsMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestSubchannelsKeepTheirLaws = SubchannelsMachine.TestCase
