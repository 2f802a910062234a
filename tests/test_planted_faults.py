"""Each guarantee has a checker, and each checker catches a machine that is broken on purpose."""

import pytest
from attrs import define, evolve

import lparvm.actors.storage_jobs
from lparvm.actors.iop import Iop
from lparvm.actors.lip import Lip
from lparvm.actors.resource_manager import ResourceManager
from lparvm.machine import Parts
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation
from lparvm.protocol.actor_names import lip_control_of
from lparvm.protocol.phases import State
from lparvm.storage.mover import Chunk, PageMove
from lparvm.stress.mutants.moving import MoveTheWrongWay
from machines import HAMMERS, TWO_LPARS, broken_rules, run_virtual, story


class LipThatDoesNotStop(Lip):
    """Acknowledges the stop, and goes on."""

    def _stop(self, processor, message, cause):
        answer = m.LipStopped(message.op, message.lpar, self.name, self.clock.now_ns())
        self.post(lip_control_of(message.lpar), answer, cause)


class LipWithAStaleOrigin(Lip):
    """Starts the guest again, but leaves the old zone in the state description."""

    def _start(self, processor, message, cause):
        zone = processor.state.zone
        super()._start(processor, message, cause)
        processor.state.zone = zone


class LipThatTellsTheOldOrigin(Lip):
    """SIE with the zone that the state description had."""

    def _start(self, processor, message, cause):
        super()._start(processor, evolve(message, zone=processor.state.zone), cause)


class IopThatDoesNotQuiesce(Iop):
    """Says at once that nothing is active, and holds nothing."""

    def handle(self, envelope):
        message = envelope.message
        if isinstance(message, m.QuiesceIop):
            self.log.emit("iop.quiesced", op=message.op, cause=envelope.seq, lpar=message.lpar, iop=self.name)
            self.post("LPARCTL", m.IopQuiesced(message.op, message.lpar, self.name), envelope.seq)
            return
        super().handle(envelope)


class ManagerThatSkipsSale(ResourceManager):
    """Commits without telling the IOPs."""

    def _begin_sale(self, message, cause):
        silent = tuple(evolve(one, iops=()) for one in message.placements)
        super()._begin_sale(evolve(message, placements=silent), cause)


class ManagerThatForgetsTheOthers(ResourceManager):
    """Gives away frames that another LPAR holds."""

    def _check(self, op, placements, cause, *, reserve):
        if reserve:
            zone = {"origin_frame": 0, "extent_frames": 10}
            self.log.emit("area.reserved", op=op, cause=cause, lpar=placements[0].lpar, **zone, partners=[])
        super()._check(op, placements, cause, reserve=reserve)


def restart_early(record, event):
    """The guest is restarted when the move begins."""
    record, orders = relocation.advance(record, event)
    if any(isinstance(order, o.BeginMove) for order in orders):
        order = m.RestartGuest(record.op, record.lpar, record.parties[0].source)
        orders = (*orders, o.Post(lip_control_of(record.lpar), order))
    if record.state is State.MOVING and isinstance(event, m.GuestRestarted):
        return record, ()
    return record, orders


def restart_early_and_forgive(record, event):
    """As above; the answer to the early restart is swallowed."""
    if record.state is State.MOVING and isinstance(event, m.GuestRestarted):
        return record, ()
    return restart_early(record, event)


def skip_notifying(record, event):
    """A phase is left out: from the move to the restart without SALE."""
    record, orders = relocation.advance(record, event)
    if record.state is State.NOTIFYING:
        return relocation.advance(record, m.AddressLimitsSet(record.op))
    return record, orders


@define(eq=False)
class MoveThatDropsAKey(PageMove):
    """Moves the data of the first page of each chunk without its key."""

    def finish(self, chunk: Chunk) -> None:
        frame = self.target.origin + chunk.first_page
        self.storage.keys[frame] ^= 0x10
        super().finish(chunk)


@define(eq=False)
class MoveThatLosesAPage(PageMove):
    """The last page copied is torn: half of it stays behind."""

    def finish(self, chunk: Chunk) -> None:
        frame = self.target.origin + chunk.first_page
        self.storage.frames[frame, 2048:] = 0
        super().finish(chunk)


def _check(report, *rules: str) -> None:
    assert report.verdict in ("damaged", "broken"), story(report)
    assert set(rules) <= broken_rules(report), story(report)


def test_the_machines_are_intact_as_long_as_nothing_is_planted():
    for text in (TWO_LPARS, HAMMERS):
        report = run_virtual(text)
        assert report.verdict == "intact", story(report)
        # Without devices the rules of input and output have nothing to look at; see the tests of those.
        assert all(rule.checked for rule in report.rules[:10]), story(report)


def test_a_skipped_stop_is_caught():
    _check(run_virtual(HAMMERS, parts=Parts(lip=LipThatDoesNotStop)), "stop-holds")


def test_an_early_restart_is_caught():
    _check(run_virtual(HAMMERS, parts=Parts(advance=restart_early_and_forgive)), "stop-holds")


def test_a_stale_origin_is_caught():
    _check(run_virtual(HAMMERS, parts=Parts(lip=LipWithAStaleOrigin)), "inside-zone")


def test_a_sie_with_the_old_origin_is_caught():
    _check(run_virtual(HAMMERS, parts=Parts(lip=LipThatTellsTheOldOrigin)), "sale-agrees", "inside-zone")


def test_a_skipped_quiesce_is_caught():
    # At some moment of the run I/O is active when the move comes; which one depends on the seed.
    for seed in range(20):
        report = run_virtual(TWO_LPARS, parts=Parts(iop=IopThatDoesNotQuiesce), seed=seed)
        if "quiesce-holds" in broken_rules(report):
            return
    pytest.fail("in 20 seeds no I/O was caught between quiesce and SALE: " + story(report))


def test_a_skipped_sale_is_caught():
    _check(run_virtual(TWO_LPARS, parts=Parts(resource_manager=ManagerThatSkipsSale)), "sale-agrees")


def test_two_owners_of_a_frame_are_caught():
    _check(run_virtual(HAMMERS, parts=Parts(resource_manager=ManagerThatForgetsTheOthers)), "one-owner")


@pytest.mark.parametrize(
    ("mover", "rules"),
    [
        (MoveThatDropsAKey, ["page-custody"]),
        (MoveThatLosesAPage, ["page-custody"]),
        (MoveTheWrongWay, ["direction"]),
    ],
)
def test_a_broken_mover_is_caught(monkeypatch: pytest.MonkeyPatch, mover: type[PageMove], rules: list[str]):
    monkeypatch.setattr(lparvm.actors.storage_jobs, "PageMove", mover)
    _check(run_virtual(HAMMERS), *rules)


def test_without_proof_a_lost_page_is_found_by_the_guest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lparvm.actors.storage_jobs, "PageMove", MoveThatLosesAPage)
    report = run_virtual(HAMMERS, proof=False)
    assert report.verdict == "damaged", story(report)
    assert "page-custody" in {rule.rule for rule in report.rules if rule.verdict == "unchecked"}


def test_a_phase_left_out_is_caught():
    report = run_virtual(TWO_LPARS, parts=Parts(advance=skip_notifying))
    assert "sale-agrees" in broken_rules(report) or "phases-in-order" in broken_rules(report), story(report)
