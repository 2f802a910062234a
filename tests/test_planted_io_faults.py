"""Input and output that is broken on purpose: each fault is caught by a rule."""

from typing import Any

import pytest
from attrs import evolve

from io_guests import DATA, PROGRAM, Scripted, chain, disk_program
from lparvm.actors.iop import Iop
from lparvm.actors.lip_control import LipControl
from lparvm.actors.resource_manager import ResourceManager
from lparvm.arch.address import Zone
from lparvm.arch.channel import Ccw, CcwFlag, Command
from lparvm.arch.interception import (
    ClearSubchannel,
    ResumeSubchannel,
    StartSubchannel,
    TestSubchannel,
    WaitForInterruption,
)
from lparvm.arch.subchannel import Orb
from lparvm.machine import Parts
from lparvm.protocol import interruptions, io_processor
from lparvm.protocol import io_orders as o
from lparvm.protocol import messages as m
from lparvm.protocol.results import Result
from lparvm.report import RunReport
from lparvm.storage.channel_view import ChannelView
from machines import broken_rules, run_virtual, story
from trials import command, device, lpar, scenario, trial_of

MS = 1_000_000
STUCK, SHARED = 0x195, 0x192

# B's processors read from a device each, at two IOPs; it is moved to and fro, at times of all sorts.
READING = scenario(
    device("0190", latency="2ms"), device("0191", iop="IOP2", latency="3ms"),
    device("0192", iop=["IOP1", "IOP2"], latency="1ms"),
    lpar("A", "0", guest="machine_guests:Reading", devices=["0192"]),
    lpar("B", "1M", guest="machine_guests:Reading", lips=3, devices=["0190", "0191", "0192"]),
    *(command(f"{21 * number + number * number}ms", f"MVSTOR B HSA={1 + number % 2}M") for number in range(1, 9)),
    iops=2, rate="100M", duration="320ms",
)  # fmt: skip


class LipControlWithASlowChannel(LipControl):
    """What it sends to an IOP is 4 ms on the way, so that starts can arrive while the IOP quiesces."""

    def post(self, to: str, message: Any, cause: int | None) -> int | None:
        if not isinstance(message, m.StartIo):
            return super().post(to, message, cause)

        async def send() -> None:
            await self.clock.sleep_ns(4 * MS)
            super(LipControlWithASlowChannel, self).post(to, message, cause)

        self.nursery.start_soon(send)
        return cause


# --- IOPs ---------------------------------------------------------------------------------------------------


class IopThatDoesNotQuiesce(Iop):
    """Says at once that nothing is active, and holds nothing."""

    def handle(self, envelope):
        message = envelope.message
        if isinstance(message, m.QuiesceIop):
            self.log.emit("iop.quiesced", op=message.op, cause=envelope.seq, lpar=message.lpar, iop=self.name)
            self.post("LPARCTL", m.IopQuiesced(message.op, message.lpar, self.name), envelope.seq)
            return
        super().handle(envelope)


class IopWithAStaleSubchannel(Iop):
    """One of its subchannels goes on with the zone that its LPAR had first."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.first: dict[str, Zone] = {}

    def view_of(self, start):
        if start.device != 0x190:
            return super().view_of(start)
        zone = self.first.setdefault(start.lpar, self.zone_of(start.lpar))
        return ChannelView(self._storage, lambda: zone, start.orb.key)


class IopThatLosesAHeldStart(Iop):
    """At the release, the last start that is held is gone."""

    lost = 0

    def handle(self, envelope):
        message = envelope.message
        if isinstance(message, m.ReleaseHeldStarts):
            held = [one for one in self._state.waiting if one.held and one.start.lpar == message.lpar]
            if held:
                IopThatLosesAHeldStart.lost += 1
                kept = tuple(one for one in self._state.waiting if one is not held[-1])
                self._state = evolve(self._state, waiting=kept)
        super().handle(envelope)


class IopThatDoesNotBeginAHeldStart(Iop):
    """Counts a held start as released, and forgets it: one of a device that no other LPAR uses."""

    forgotten: m.StartIo | None = None

    def handle(self, envelope):
        message = envelope.message
        if isinstance(message, m.ReleaseHeldStarts) and IopThatDoesNotBeginAHeldStart.forgotten is None:
            held = [one for one in self._state.waiting if one.held and one.start.device != SHARED]
            IopThatDoesNotBeginAHeldStart.forgotten = held[-1].start if held else None
        super().handle(envelope)

    def _carry_out(self, order, cause):
        if isinstance(order, o.Begin) and order.start == IopThatDoesNotBeginAHeldStart.forgotten:
            running = dict(self._state.running)
            del running[order.start.device]
            self._state = evolve(self._state, running=running)
            return
        super()._carry_out(order, cause)


class IopThatBeginsTheLastFirst(Iop):
    """Releases held starts in the reverse order."""

    def handle(self, envelope):
        if isinstance(envelope.message, m.ReleaseHeldStarts):
            self._state = evolve(self._state, waiting=self._state.waiting[::-1])
        super().handle(envelope)


class IopThatEndsAStartTwice(Iop):
    """Tells the end of each start to LIP control, and then once more."""

    def _carry_out(self, order, cause):
        super()._carry_out(order, cause)
        if isinstance(order, o.EndStart):
            super()._carry_out(order, cause)


class ManagerThatForgetsAnIop(ResourceManager):
    """SALE goes to all IOPs but the last."""

    def _begin_sale(self, message, cause):
        fewer = tuple(evolve(one, iops=one.iops[:-1]) for one in message.placements)
        super()._begin_sale(evolve(message, placements=fewer), cause)


# --- interruptions ------------------------------------------------------------------------------------------


class LipControlThatForgetsInterruptions(LipControl):
    """A move drops what is pending."""

    def handle(self, envelope):
        if isinstance(envelope.message, m.RestartGuest):
            self._subsystem = evolve(self._subsystem, requests=())
        super().handle(envelope)


class LipControlThatHearsNothing(LipControl):
    """While the guest is stopped, ends of starts are passed over."""

    def handle(self, envelope):
        if not isinstance(envelope.message, m.IoEnded) or self._control.in_sie:
            super().handle(envelope)


class LipControlThatPresentsTwice(LipControl):
    """What was presented is pending once more."""

    def _present(self, cause):
        before = self._subsystem.requests
        super()._present(cause)
        taken = tuple(one for one in before if one not in self._subsystem.requests)
        self._subsystem = evolve(self._subsystem, requests=(*self._subsystem.requests, *taken))


def _check(report: RunReport, *rules: str) -> None:
    assert report.verdict in ("damaged", "broken", "failed"), story(report)
    assert set(rules) <= broken_rules(report), story(report)


def test_the_machines_are_intact_as_long_as_nothing_is_planted():
    for parts in (Parts(), Parts(lip_control=LipControlWithASlowChannel)):
        report = run_virtual(READING, parts=parts)
        assert report.verdict == "intact", story(report)
        # Exchanges and storage that is given up have tests of their own.
        assert all(rule.checked for rule in report.rules[:16]), story(report)


def test_a_skipped_quiesce_is_caught():
    _check(run_virtual(READING, parts=Parts(iop=IopThatDoesNotQuiesce)), "quiesce-holds")


def test_a_sale_skipped_at_one_of_two_iops_is_caught():
    report = run_virtual(READING, parts=Parts(resource_manager=ManagerThatForgetsAnIop))
    _check(report, "sale-agrees", "io-inside-zone", "held-starts-in-order")


def test_a_stale_zone_in_one_subchannel_is_caught():
    report = run_virtual(READING, parts=Parts(iop=IopWithAStaleSubchannel))
    _check(report, "io-inside-zone")
    (rule,) = (rule for rule in report.rules if rule.rule == "io-inside-zone")
    assert rule.violation is not None
    assert "device 0190 of B at IOP1" in rule.violation


@pytest.mark.parametrize("seed", range(3))
def test_a_lost_held_start_is_caught(seed: int):
    IopThatLosesAHeldStart.lost = 0
    report = run_virtual(
        READING, parts=Parts(iop=IopThatLosesAHeldStart, lip_control=LipControlWithASlowChannel), seed=seed
    )
    assert IopThatLosesAHeldStart.lost
    _check(report, "starts-end-once", "held-starts-in-order")


def test_a_held_start_that_is_counted_but_not_begun_is_caught():
    IopThatDoesNotBeginAHeldStart.forgotten = None
    parts = Parts(iop=IopThatDoesNotBeginAHeldStart, lip_control=LipControlWithASlowChannel)
    _check(run_virtual(READING, parts=parts), "starts-end-once")


def test_held_starts_that_begin_in_the_wrong_order_are_caught():
    # Two must be held at one IOP at one time; which move finds that depends on the seed.
    parts = Parts(iop=IopThatBeginsTheLastFirst, lip_control=LipControlWithASlowChannel)
    for seed in range(20):
        report = run_virtual(READING, parts=parts, seed=seed)
        if "held-starts-in-order" in broken_rules(report):
            return
    pytest.fail("in 20 seeds no two starts were held at one IOP: " + story(report))


def test_a_start_that_ends_twice_is_caught():
    _check(run_virtual(READING, parts=Parts(iop=IopThatEndsAStartTwice)), "starts-end-once")


def test_an_interruption_that_the_move_drops_is_caught():
    report = run_virtual(READING, parts=Parts(lip_control=LipControlThatForgetsInterruptions))
    _check(report, "interruptions-after-sie")


def test_the_end_of_a_start_that_the_move_drops_is_caught():
    _check(run_virtual(READING, parts=Parts(lip_control=LipControlThatHearsNothing)), "interruptions-once")


def test_an_interruption_that_is_presented_twice_is_caught():
    _check(run_virtual(READING, parts=Parts(lip_control=LipControlThatPresentsTwice)), "interruptions-once")


def test_an_interruption_presented_while_the_guest_stands_is_caught(monkeypatch: pytest.MonkeyPatch):
    present = interruptions.present
    monkeypatch.setattr(
        interruptions, "present", lambda waits, subsystem, *, in_sie: present(waits, subsystem, in_sie=True)
    )
    _check(run_virtual(READING), "interruptions-after-sie")


# --- late transfers -------------------------------------------------------------------------------------------

LATE = scenario(
    device("0195", kind="fault", script=["late-transfer 40ms"], size="256K"),
    lpar("A", "0"), lpar("B", "1M", guest="io_guests:Scripted", devices=["0195"]),
    duration="100ms",
)  # fmt: skip
GIVEN_UP = scenario(
    device("0195", kind="fault", script=["late-transfer 3s"], size="256K"),
    lpar("A", "0"), lpar("B", "1M", guest="io_guests:Scripted", devices=["0195"]),
    command("10ms", "MVSTOR B HSA=2M QUIESCE=5ms BUSY=HALT"), duration="3500ms",
)  # fmt: skip


@pytest.fixture
def _scripts():
    Scripted.scripts.clear()
    Scripted.told.clear()

    def read_and_clear(cpu, told):
        told.append((yield StartSubchannel(STUCK, disk_program(cpu, PROGRAM, DATA))))
        yield WaitForInterruption(devices=(STUCK,), duration_ns=20 * MS)
        yield ClearSubchannel(STUCK)
        yield WaitForInterruption(devices=(STUCK,), duration_ns=20 * MS)
        yield TestSubchannel(STUCK)

    Scripted.scripts["B"] = read_and_clear
    yield
    Scripted.scripts.clear()


@pytest.mark.usefixtures("_scripts")
@pytest.mark.parametrize("text", [LATE, GIVEN_UP], ids=["cleared by its guest", "given up by a move"])
def test_a_late_transfer_that_is_not_refused_is_caught(monkeypatch: pytest.MonkeyPatch, text: str):
    report = run_virtual(text)
    assert report.verdict == "intact", story(report)
    monkeypatch.setattr(ChannelView, "revoke", lambda _view: None)
    _check(run_virtual(text), "late-transfers-refused")


def _resume_that_comes_while_quiescing(cpu, told):
    orb = chain(cpu, PROGRAM, Ccw(Command.NO_OPERATION, CcwFlag.SUSPEND | CcwFlag.SUPPRESS_LENGTH, 1, DATA))
    yield StartSubchannel(0x190, Orb(orb.program, suspend_control=True))
    yield WaitForInterruption(devices=(0x190,))
    yield TestSubchannel(0x190)
    told.append("suspended")
    cpu.store_bytes(PROGRAM, Ccw(Command.NO_OPERATION, CcwFlag.SUPPRESS_LENGTH, 1, DATA).encode())
    yield WaitForInterruption(duration_ns=20_000_000)
    yield ResumeSubchannel(0x190)
    yield WaitForInterruption(devices=(0x190,), duration_ns=100_000_000)


@pytest.mark.parametrize("lost", [False, True])
async def test_a_held_resume_that_is_lost_at_release_is_caught(lost, autojump_clock, monkeypatch):
    if lost:
        release = io_processor._release
        monkeypatch.setattr(io_processor, "_release", lambda s, e: release(evolve(s, resumes=()), e))
    monkeypatch.setitem(Scripted.scripts, "B", _resume_that_comes_while_quiescing)

    class SlowToResume(LipControl):
        """What it sends to an IOP is 4 ms on the way, so that it comes while the IOP quiesces."""

        def post(self, to, message, cause):
            if not isinstance(message, m.ResumeIo):
                return super().post(to, message, cause)

            async def send():
                await self.clock.sleep_ns(4_000_000)
                super(SlowToResume, self).post(to, message, cause)

            self.nursery.start_soon(send)
            return cause

    text = scenario(
        device("0190"), lpar("A", "0"), lpar("B", "1M", guest="io_guests:Scripted", devices=["0190"])
    )
    verdict = "broken" if lost else "intact"
    async with trial_of(text, verdict=verdict, parts=Parts(lip_control=SlowToResume)) as trial:
        await trial.sleep_ms(22.5)
        assert (await trial.give("MVSTOR B HSA=2M")).result is Result.COMPLETED
        await trial.sleep_ms(200)
        assert trial.of("resume.held"), "the resume came while the IOP was quiescing"
    assert (
        "held-starts-in-order" in [r.rule for r in trial.machine.report.rules if r.verdict == "broken"]
    ) is lost
