"""Protocols with a planted error: each is found, and the way to it is told."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from attrs import Factory, evolve, frozen

from lparvm.actors.lip import Lip
from lparvm.actors.lip_control import LipControl
from lparvm.actors.resource_manager import ResourceManager
from lparvm.assembly import Parts
from lparvm.protocol import io_processor, operations, relocation, reporting, standstill
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.actor_names import LPAR_CONTROL
from lparvm.protocol.engine import Machine, Row
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.relocation_rules import retire_frame
from lparvm.protocol.results import Result
from lparvm.stress.mutants import MUTANTS
from lparvm.stress.statespace import CONFIGURATIONS, explore, report_lines
from lparvm.stress.statespace.explorer import Kind

S, R = State, Result


def _turned(*, rows=(), without=(), entry=None, ignored=None) -> Parts:
    """Parts whose relocations are turned by another table: rows that come first, and rows that are not there."""
    kept = tuple(row for row in relocation.TABLE if (row.state, row.event) not in without)
    assert len(kept) < len(relocation.TABLE) or not without
    machine = Machine(
        (*rows, *kept), entry={**relocation.ENTRY, **(entry or {})}, prepare=standstill.PREPARE,
        ignored=relocation.IGNORED if ignored is None else ignored,
    )  # fmt: skip

    def advance(record, event):
        return (
            machine.advance(record, event)
            if isinstance(record, Relocation)
            else operations.advance(record, event)
        )

    return Parts(advance=advance)


def _nothing_poisoned(_record, _event):
    return (o.PoisonFrames(()),)


def _cancelled_twice(record, event):
    record, orders = operations.advance(record, event)
    return record, tuple(one for order in orders for one in [order] * (1 + isinstance(order, o.AnswerCancel)))


def _sale_with_the_move(record, event):
    """SALE is sent when the move begins, and is thought of as done when the move has ended."""
    if isinstance(event, m.AddressLimitsSet) and record.state is not S.RESTORING_LIMITS:
        return record, ()
    record, orders = operations.advance(record, event)
    if record.state is S.MOVING and not isinstance(event, m.ChunkMoved):
        placements = tuple(m.Placement(one.lpar, one.target, one.iops) for one in record.parties)
        return record, (o.Post("RM", m.SetAddressLimits(record.op, placements)), *orders)
    if record.state is S.NOTIFYING and isinstance(event, m.MoveEnded):
        return operations.advance(record, m.AddressLimitsSet(record.op))
    return record, orders


class _ReleasesNothing(ResourceManager):
    def _release(self, op, lpars, cause):
        del lpars
        self.post(LPAR_CONTROL, m.AreasReleased(op), cause)


class _ReservesNothing(ResourceManager):
    def _check(self, op, placements, cause, *, reserve):
        if reserve:
            self.post(LPAR_CONTROL, m.AreasReserved(op), cause)
        else:
            super()._check(op, placements, cause, reserve=False)


class _RetiresNothing(ResourceManager):
    def _retire(self, op, frame, cause):
        pass


class _TellsOneIop(ResourceManager):
    def _begin_sale(self, message, cause):
        fewer = tuple(evolve(one, iops=one.iops[:1]) for one in message.placements)
        super()._begin_sale(evolve(message, placements=fewer), cause)


class _HearsNoRefusal(ResourceManager):
    def _answered(self, op, pair, cause, *, refused):
        del refused
        super()._answered(op, pair, cause, refused=False)


class _StartsOneLip(LipControl):
    def post(self, to, message, cause):
        if isinstance(message, m.StartInterpretiveExecution) and to == "LIP2":
            return cause
        return super().post(to, message, cause)


class _LosesEndings(LipControl):
    def _take(self, message, cause):
        if not isinstance(message, m.IoEnded):
            super()._take(message, cause)


class _ChattersToLips(LipControl):
    def post(self, to, message, cause):
        if isinstance(message, m.StartInterpretiveExecution):
            for _ in range(9):
                super().post(to, m.InterceptionSimulated(None, self.lpar, None), cause)
        return super().post(to, message, cause)


class _RunsOn(Lip):
    def _stop(self, processor, message, cause):
        super()._stop(processor, message, cause)
        processor.in_sie = True


class _KeepsItsZone(Lip):
    def _set_zone(self, processor, zone):
        pass


@frozen
class Planted:
    """An error, where it is found, and as what.

    Attributes:
        patch: module, name and value of what is replaced as well.
        iops: those of its LPAR, where they are others than usual.
    """

    configuration: str
    kind: Kind
    text: str
    parts: Parts = Factory(Parts)
    patch: tuple = ()
    iops: tuple = ()

    def explored(self):
        one = CONFIGURATIONS[self.configuration]
        if self.iops:
            one = evolve(one, lpars=tuple(evolve(lpar, iops=self.iops) for lpar in one.lpars))
        return one, explore(one, self.parts)


PLANTED = {
    "skips quiesce": Planted(
        "move-io", Kind.INVARIANT, "a channel program at IOP1 can touch them",
        _turned(rows=(Row(S.STOPPING, None, S.CHECKING, when=standstill.all_stopped),)),
    ),
    "takes the end of QUIESCE= for the end of I/O": Planted(
        "move-stuck", Kind.INVARIANT, "a channel program at IOP1 can touch them",
        _turned(rows=(Row(S.WAITING, m.QuiesceTimedOut, S.CHECKING),)),
    ),
    "does not wait for the stop": Planted(
        "move", Kind.INVARIANT, "the state description on LIP1 can touch them",
        _turned(rows=(Row(S.STOPPING, m.StopTimedOut, S.CHECKING),)),
    ),
    "a LIP runs on": Planted("move", Kind.INVARIANT, "the mover moves pages of A", Parts(lip=_RunsOn)),
    "ignores the end of STOP=": Planted(
        "lip-hangs", Kind.DEADLOCK, "op.1 is STOPPING",
        _turned(rows=(Row(S.STOPPING, m.StopTimedOut, None),), without={(S.STOPPING, m.StopTimedOut)}),
    ),
    "forgets the restart": Planted("move", Kind.DEADLOCK, "op.1 is RESTARTING", _turned(entry={S.RESTARTING: ()})),
    "starts one of two LIPs": Planted(
        "lip-hangs", Kind.AT_REST, "A runs, and is in SIE on 1 of 2 LIPs", Parts(lip_control=_StartsOneLip)
    ),
    "sends SALE with the move": Planted(
        "cancel-twice", Kind.RAISED, "A has nothing reserved", Parts(advance=_sale_with_the_move)
    ),
    "tells one of two IOPs": Planted(
        "move-stuck", Kind.INVARIANT, "SALE at IOP2 of A says [0, 2)", Parts(resource_manager=_TellsOneIop),
        iops=("IOP1", "IOP2"),
    ),
    "hears no refusal": Planted(
        "sale-refused", Kind.INVARIANT, "SALE at IOP1 of A says [0, 2)", Parts(resource_manager=_HearsNoRefusal)
    ),
    "a state description keeps its zone": Planted(
        "move", Kind.INVARIANT, "the state description on LIP1 of A says [0, 2), the map [1, 3)",
        Parts(lip=_KeepsItsZone),
    ),
    "does not release": Planted("move", Kind.AT_REST, "A still holds [0, 2)", Parts(resource_manager=_ReleasesNothing)),
    "does not reserve": Planted("move", Kind.RAISED, "A has nothing reserved", Parts(resource_manager=_ReservesNothing)),
    "does not retire": Planted(
        "move-down", Kind.AT_REST, "had a machine check, and is in use", Parts(resource_manager=_RetiresNothing)
    ),
    "does not poison": Planted(
        "move", Kind.AT_REST, "frame 0 is free, and holds page 0 of A", _turned(entry={S.VACATING: (_nothing_poisoned,)})
    ),
    "does not move back": Planted(
        "move-down", Kind.INVARIANT, "is not in frame",
        _turned(rows=(
            Row(S.MOVING, m.MoveEnded, S.RESTORING_LIMITS, when=lambda _, event: event.fault_frame is not None,
                result=R.STORAGE_FAULT, learn=lambda record, event: evolve(record, fault_frame=event.fault_frame),
                do=(retire_frame,)),
        )),
    ),
    "answers a cancel twice": Planted(
        "cancel-twice", Kind.AT_REST, "was answered 2 times: COMPLETED, COMPLETED", Parts(advance=_cancelled_twice)
    ),
    "grants a cancel that it does not carry out": Planted(
        "cancel-twice", Kind.AT_REST, "was answered COMPLETED, and nothing was cancelled",
        _turned(rows=(Row(S.MOVING, m.CancelOperation, None, learn=reporting.learn_cancel),)),
    ),
    "cancels and says nothing": Planted(
        "cancel-twice", Kind.DEADLOCK, "no answer to CANCEL A",
        _turned(rows=(Row(S.MOVING, m.CancelOperation, S.INTERRUPTING, result=R.CANCELLED),)),
    ),
    "cancels after the commit": Planted(
        "cancel-twice", Kind.AT_REST, "by the answers it should be at [0, 2)",
        _turned(rows=(Row(S.VACATING, m.CancelOperation, None, result=R.CANCELLED, learn=reporting.learn_cancel),
                      Row(S.RESTARTING, None, S.RESUMING_IO, when=standstill.all_restarted),
                      Row(S.RELEASING, m.AreasReleased, S.REPORTED, result=R.COMPLETED))),
    ),
    "knows of no crossing": Planted("move", Kind.RAISED, "has no row", _turned(ignored=())),
    "check-stops at the first refusal": Planted(
        "sale-refused", Kind.AT_REST, "is check-stopped after 2 refusals",
        patch=(reporting, "SALE_ATTEMPTS_MAX", 1),
    ),
    "holds starts for ever": Planted(
        "move-stuck", Kind.AT_REST, "IOP1 still holds starts of A",
        patch=(io_processor, "_release", lambda state, event: (
            state, (io_processor.o.ConfirmRelease(event.op, event.lpar, 0),))),
    ),
    "loses endings": Planted("move-io", Kind.AT_REST, "IOPs run ()", Parts(lip_control=_LosesEndings)),
    "sends more than a mailbox holds": Planted(
        "move", Kind.MAILBOX, "messages are under way to LIP1; at most 5 may be", Parts(lip_control=_ChattersToLips)
    ),
}  # fmt: skip


@contextmanager
def _patched(monkeypatch: pytest.MonkeyPatch, planted: Planted) -> Iterator[None]:
    with monkeypatch.context() as patch:
        if planted.patch:
            module, name, value = planted.patch
            patch.setattr(module, name, value)
        yield


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_found_and_the_way_to_it_is_told(name: str, monkeypatch: pytest.MonkeyPatch):
    planted = PLANTED[name]
    with _patched(monkeypatch, planted):
        _, found = planted.explored()
    assert not found.holds
    violation = found.violations[0]
    assert (violation.kind, planted.text in violation.text) == (planted.kind, True), violation
    told = "\n".join(violation.story)
    assert "gives MVSTOR A HSA=4K (op.1)" in told
    assert all(line.split()[0] in {"SVP", "LPARCTL", "RM", "LIPCTL.A", "LIP1", "LIP2", "IOP1", "IOP2"}
               for line in violation.story)  # fmt: skip


def test_a_violation_is_reported_with_its_steps_numbered():
    planted = PLANTED["forgets the restart"]
    lines = list(report_lines([planted.explored()]))
    assert lines[1].split()[-1] == "violated"
    assert lines[2].startswith("  deadlock: nothing can happen any more: ")
    assert lines[3].split()[:3] == ["1", "SVP", "gives"]
    assert "(op.1: NOTIFYING -> RESTARTING)" in "\n".join(lines)
    assert lines[-1] == "1 configurations: 1 of them do not hold"


def _is_explored(mutant) -> bool:
    """Whether the error is in what the model runs: not in the IOP's own tasks, the mover, or work on storage."""
    usual, parts = Parts(), mutant.parts
    places = [getattr(one.target, "__module__", None) or one.target.__name__ for one in mutant.patches]
    return (
        (parts.iop, parts.lpar_control, parts.work) == (usual.iop, usual.lpar_control, usual.work)
        and all(place.startswith("lparvm.protocol") for place in places)
    )  # fmt: skip


@pytest.mark.sweep
def test_the_gauntlets_mutants_of_what_is_explored_are_found():
    names = (
        "move", "cancel-twice", "move-io", "move-stuck", "expand", "move-down", "exchange", "sale-refused",
        "move-cancel", "lip-hangs", "halt-stuck", "conflict", "conflict-shared", "two-devices", "two-iops",
        "pairwise-suspend", "sale-refused-two-iops", "exchange-two-iops",
    )  # fmt: skip
    found, missed = [], []
    for mutant in filter(_is_explored, MUTANTS.values()):
        with mutant.planted() as parts:
            caught = any(explore(CONFIGURATIONS[name], parts).violations for name in names)
        (found if caught else missed).append(mutant.name)
    # What is missed needs waits for interruptions, a second ending, or IPL, which the model has not.
    assert len(found) >= 28, f"found {found}, missed {missed}"
