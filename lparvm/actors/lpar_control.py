"""LPAR control: drives operations on LPARs (numeral 6).

Decides nothing: `protocol.admission` says whether an operation may begin, and the machines of
`protocol.operations` what comes next. This actor carries out orders and turns what happens into events; several
operations may be under way at once, on different LPARs. What it knows stands in `ControlRecords`, which outlive it.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import trio
from attrs import evolve

from lparvm.actors.control_records import ControlRecords, Operation, Work
from lparvm.actors.guest_jobs import GuestJobs, GuestWork
from lparvm.actors.installation import Installation
from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.actors.storage_jobs import PROGRESS_STEPS, StorageJobs
from lparvm.actors.storage_work import StorageWork
from lparvm.arch.address import Zone
from lparvm.errors import StorageFault
from lparvm.protocol import messages as m
from lparvm.protocol import operations as kinds
from lparvm.protocol import orders as o
from lparvm.protocol import stopped_time
from lparvm.protocol.actor_names import LPAR_CONTROL, SERVICE_PROCESSOR
from lparvm.protocol.admission import Circumstances, Denied
from lparvm.protocol.calibration import Kind, Sample
from lparvm.protocol.lifecycle_record import DefineOperation
from lparvm.protocol.lpar_entry import LparState
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.outcomes import denied_outcome
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.reporting import cancel_outcome
from lparvm.protocol.results import LipStop, Outcome, Result, message_text
from lparvm.protocol.standstill_record import Standstill
from lparvm.trace.writer import TraceLogger

Advance = Callable[[Any, object], tuple[Any, tuple[o.Command, ...]]]

_LAST_WORDS = (
    m.StopTimedOut, m.QuiesceTimedOut, m.BusyReminderDue, m.HaltTimedOut, m.AnswerTimedOut, m.IopQuiesced,
    m.IopBusy,
)  # fmt: skip


class LparControl(Actor):
    """One for the machine."""

    def __init__(
        self,
        directory: Mapping[str, Mailbox],
        log: TraceLogger,
        clock: RunClock,
        records: ControlRecords,
        work: StorageWork,
        advance: Advance = kinds.advance,
        installation: Installation | None = None,
    ) -> None:
        """Go on from the records.

        Args:
            directory: every actor's mailbox.
            log: of the own actor.
            clock: the run clock.
            records: what outlives this actor.
            work: how frames are worked on.
            advance: can be replaced to show that the rules catch a broken protocol.
            installation: the machine, for LPARs that come and go; None: none do.
        """
        super().__init__(LPAR_CONTROL, directory, log, clock)
        self._records = records
        self._work = work
        self._advance = advance
        self._installation = installation
        self._jobs = StorageJobs(log, work, self._tell_self)
        self._guest_jobs: GuestJobs | None = None
        if installation is not None:
            guests, expanded = installation.guests, installation.expanded
            self._guest_jobs = GuestJobs(log, work, guests, expanded, self._tell_self)
        self._timers: dict[tuple[str, o.Timer], trio.CancelScope] = {}

    async def loop(self) -> None:
        """Go on from the records, then message by message."""
        records = self._records
        for operation in tuple(records.operations.values()):
            self._resume(operation)
        while True:
            if records.in_hand is None:
                records.in_hand = await self.mailbox.get()
            self.handle(records.in_hand)

    def handle(self, envelope: Envelope) -> None:
        """A new operation, a cancel, or an event of one under way."""
        records = self._records
        records.burn()
        operation = self._decide(envelope)
        # In one step with the decision: a part that dies now has not lost the message, nor handles it twice.
        records.in_hand = None
        if operation is not None:
            self._work_off(operation)

    def _resume(self, operation: Operation) -> None:
        """Go on with an operation that an earlier LPAR control began."""
        now_ns = self.clock.now_ns()
        for timer, deadline_ns in tuple(operation.deadlines.items()):
            self._run_timer(operation, timer, max(0, deadline_ns - now_ns))
        if operation.work is not None:
            self._begin_work(operation, again=True)
        self._work_off(operation)

    # --- deciding -----------------------------------------------------------------------------------------

    def _decide(self, envelope: Envelope) -> Operation | None:
        message, seq = envelope.message, envelope.seq
        if type(message) in kinds.POLICIES:
            return self._begin(message, seq)
        if isinstance(message, m.CancelOperation):
            return self._cancel(message, seq)
        operation = self._records.operations.get(message.op)
        if operation is not None:
            return self._feed(operation, message, seq)
        assert isinstance(message, _LAST_WORDS), f"{self.name} knows no operation for {message!r}"
        return None  # it crossed with the report

    def _begin(self, message: Any, cause: int | None) -> Operation | None:
        records = self._records
        under_way = records.operations.values()
        held = {lpar: one.record.op for one in under_way for lpar in one.record.lpars}
        now = Circumstances(records.lpars, held, len(records.operations), self._work.storage.frame_count)
        decided = kinds.admit(message, self._with_installation(now))
        if isinstance(decided, Denied):
            self._answer(message.op, denied_outcome(decided), cause)
            return None
        record, orders = kinds.enter(decided)
        operation = records.operations[message.op] = Operation(record, cause)
        operation.orders.extend(orders)
        return operation

    def _with_installation(self, now: Circumstances) -> Circumstances:
        there = self._installation
        if there is None:
            return now
        under_way = (one.record for one in self._records.operations.values())
        coming = {one.lpar: one.now for one in under_way if isinstance(one, DefineOperation)}
        return evolve(
            now, devices=there.devices, iops=there.iops, lips=there.lips(), coming=coming, failed=there.failed()
        )  # fmt: skip

    def _cancel(self, message: m.CancelOperation, cause: int | None) -> Operation | None:
        for operation in self._records.operations.values():
            if message.target in (operation.record.op, *operation.record.lpars):
                return self._feed(operation, message, cause)
        outcome = Outcome(Result.UNKNOWN_OPERATION, {"target": message.target})
        self._answer(message.op, outcome, cause)
        return None

    def _feed(self, operation: Operation, message: object, cause: int | None) -> Operation:
        record, orders = self._advance(operation.record, message)
        operation.record, operation.cause = record, cause
        operation.orders.extend(orders)
        if isinstance(message, m.ChunkMoved):
            self._tell_progress(operation)
        return operation

    def _answer(self, op: str, outcome: Outcome, cause: int | None) -> None:
        self.post(SERVICE_PROCESSOR, m.OperationEnded(op, outcome), cause)

    # --- carrying out orders ------------------------------------------------------------------------------

    def _work_off(self, operation: Operation) -> None:
        orders = operation.orders
        while orders:
            self._records.burn()
            self._carry_out(operation, orders.popleft())
        if operation.record.state is State.REPORTED:
            self._records.operations.pop(operation.record.op, None)

    def _carry_out(self, operation: Operation, order: o.Command) -> None:
        match order:
            case o.Post(to=to, message=message):
                self.post(to, message, operation.cause)
            case o.StartTimer(timer=timer, duration_ns=duration_ns):
                operation.deadlines[timer] = self.clock.now_ns() + duration_ns
                self._run_timer(operation, timer, duration_ns)
            case o.StopTimer(timer=timer):
                self._stop_timer(operation, timer)
            case o.InterruptMove():
                operation.interrupt = True
            case _ if isinstance(order, Work):
                operation.work = order
                self._begin_work(operation)
            case o.ProvideParts(lpar=lpar, lips=lips):
                assert self._installation is not None, "LPARs come and go in a whole machine only"
                self._installation.provide(lpar, lips)
            case _:
                self._tell(operation, order)

    def _begin_work(self, operation: Operation, *, again: bool = False) -> None:
        if isinstance(operation.work, GuestWork):
            assert self._guest_jobs is not None, "LPARs come and go in a whole machine only"
            self._guest_jobs.begin(self.nursery, operation)
        else:
            self._jobs.begin(self.nursery, operation, again=again)

    def _tell_self(self, message: object, cause: int | None) -> None:
        self.post(self.name, message, cause)

    def _tell(self, operation: Operation, order: o.Command) -> None:
        """What the trace and the operator are told."""
        op = operation.record.op
        match order:
            case o.EnterPhase():
                self._enter_phase(operation, order)
            case o.Tell(event=event, fields=fields):
                lpar = operation.record.lpars[0]
                operation.cause = self.log.emit(event, op=op, cause=operation.cause, lpar=lpar, **fields)
            case o.Notify(code=code, text=text):
                self.post(SERVICE_PROCESSOR, m.OperatorMessaged(op, code, text), operation.cause)
            case o.Predict():
                self._predict(operation)
            case o.Report():
                self._report(operation)
            case o.AnswerCancel(op=cancel, result=result):
                self._answer(cancel, cancel_outcome(operation.record, result), operation.cause)

    def _enter_phase(self, operation: Operation, order: o.EnterPhase) -> None:
        operation.phases.append((order.phase, self.clock.now_ns()))
        for lpar in operation.record.lpars:
            operation.cause = self.log.emit(
                "phase.entered", op=operation.record.op, cause=operation.cause, step=order.step, lpar=lpar,
                phase=order.phase, state=order.state,
            )  # fmt: skip
        self._tell_progress(operation, always=True)

    def _tell_progress(self, operation: Operation, *, always: bool = False) -> None:
        record = operation.record
        across, pages = _progress(record, operation)
        step = across * PROGRESS_STEPS // pages
        if always or step != operation.progress:
            operation.progress = step
            phase = operation.phases[-1][0]
            gauge = operation.gauge = operation.gauge.advance(phase, across, pages, self.clock.now_ns())
            told = m.OperationAdvanced(
                record.op, record.lpars[0], phase, across, pages, gauge.percent, gauge.left_ns
            )
            self.post(SERVICE_PROCESSOR, told, operation.cause)

    def _run_timer(self, operation: Operation, timer: o.Timer, duration_ns: int) -> None:
        scope = self._timers[operation.record.op, timer] = trio.CancelScope()
        self.nursery.start_soon(self._time, scope, operation, timer, duration_ns, operation.cause)

    async def _time(
        self, scope: trio.CancelScope, operation: Operation, timer: o.Timer, duration_ns: int, cause: int | None
    ) -> None:  # fmt: skip
        with scope:
            await self.clock.sleep_ns(duration_ns)
            operation.deadlines.pop(timer, None)
            self._timers.pop((operation.record.op, timer), None)
            self.post(self.name, o.TIMER_EVENTS[timer](operation.record.op), cause)

    def _stop_timer(self, operation: Operation, timer: o.Timer) -> None:
        operation.deadlines.pop(timer, None)
        scope = self._timers.pop((operation.record.op, timer), None)
        if scope is not None:
            scope.cancel()

    def _report(self, operation: Operation) -> None:
        record = operation.record
        for timer in tuple(operation.deadlines):
            self._stop_timer(operation, timer)
        stops = self._stops(operation)
        self._learn(operation, stops)
        kind = kinds.KINDS[type(record)]
        self._records.lpars = dict(kind.settle(record, self._records.lpars))
        self._answer(record.op, kind.outcome(record, stops), operation.cause)

    def _predict(self, operation: Operation) -> None:
        """How long the guests will stand still, by this machine's own history; nothing where none runs."""
        record, lpars = operation.record, self._records.lpars
        assert isinstance(record, Relocation), "only relocations are predicted"
        running = [name for name in record.lpars if lpars[name].state is LparState.ACTIVE]
        if not running:
            return
        operation.work_bytes = self._work.work_bytes(*(party.source for party in record.parties))
        made = self._records.calibration.predict(_kind(record), operation.work_bytes)
        operation.prediction = made
        for lpar in running:
            operation.cause = self.log.emit(
                "stop.predicted", op=record.op, cause=operation.cause, lpar=lpar, low_ns=made.low_ns,
                expected_ns=made.expected_ns, high_ns=made.high_ns, samples=made.samples,
            )  # fmt: skip
        text = message_text("LVM015I", lpar=" and ".join(running), **made.values)
        self.post(SERVICE_PROCESSOR, m.OperatorMessaged(record.op, "LVM015I", text), operation.cause)

    def _learn(self, operation: Operation, stops: tuple[LipStop, ...]) -> None:
        """What came of the prediction, and what the next ones can learn from it."""
        record, made = operation.record, operation.prediction
        if not isinstance(record, Relocation) or not record.committed or made is None:
            return
        records = self._records
        for party in record.parties:
            own = tuple(stop for stop in stops if stop.lpar == party.lpar)
            if not own:
                continue  # its guest did not run
            sample = Sample.of_stops(record.op, _kind(record), record.pages, operation.work_bytes, own, made)
            records.calibration = records.calibration.learn(sample)
            self.log.emit(
                "prediction.scored", op=record.op, cause=operation.cause, lpar=party.lpar,
                expected_ns=made.expected_ns, stopped_ns=sample.stopped_ns,
                within=made.holds(sample.stopped_ns),
            )  # fmt: skip

    def _stops(self, operation: Operation) -> tuple[LipStop, ...]:
        """How long each LIP's guest stood still."""
        record = operation.record
        if not isinstance(record, Standstill):
            return ()
        stops = []
        for lpar, standing in record.standings:
            parts = stopped_time.split(operation.phases, standing.left_ns, standing.sie_ns)
            stop = LipStop(lpar, standing.lip, standing.sie_ns - standing.left_ns, parts)
            stops.append(stop)
            self.log.emit(
                "guest.stood", op=record.op, cause=operation.cause, lpar=lpar, lip=standing.lip,
                stopped_ns=stop.stopped_ns, phases_ns=parts,
            )  # fmt: skip
        return tuple(stops)


def _kind(record: Relocation) -> Kind:
    return Kind.EXCHANGE if record.exchanges else Kind.MOVE


def _progress(record: OperationRecord, operation: Operation) -> tuple[int, int]:
    """The cursor, and where it ends."""
    if not isinstance(record, Relocation):
        return 0, 1
    length = record.pages if operation.moved is None else operation.moved.length
    return record.pages_across, max(1, length)


def bring_back(records: ControlRecords, zone_of: Callable[[str], Zone]) -> None:
    """The machine ended in the middle of relocations: their pages go back to where the map says.

    For the guests' final check only; no time passes, and nothing is told.

    Args:
        records: LPAR control's.
        zone_of: the map's zone of an LPAR. Where that is the target already, all pages are there.
    """
    for operation in records.operations.values():
        transfer, record = operation.moving, operation.record
        if transfer is None or not isinstance(record, Relocation):
            continue
        if zone_of(record.lpar) == record.parties[0].source:
            back = transfer if transfer.inverse else transfer.inverted()
            # A page that can't be brought back is one that the guest finds damaged.
            with suppress(StorageFault):
                while (chunk := back.next_chunk()) is not None:
                    back.move(chunk)
