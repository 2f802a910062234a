"""LPAR control: drives relocations (numeral 6).

Decides nothing: `protocol.admission` says whether an operation may begin, `protocol.relocation` what comes
next. This actor carries out orders and turns what happens into events. One `_Operation` for each MVSTOR
under way, several at once on different LPARs.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

import trio
from attrs import Factory, define, evolve

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.actors.storage_work import StorageWork
from lparvm.arch.address import Zone
from lparvm.errors import StorageFault
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation, stopped_time
from lparvm.protocol.actor_names import LPAR_CONTROL, SERVICE_PROCESSOR
from lparvm.protocol.admission import LparEntry, admit
from lparvm.protocol.outcomes import denied_outcome, outcome_of
from lparvm.protocol.phases import Phase
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import LipStop, Outcome, Result
from lparvm.storage.custody import Custody
from lparvm.storage.mover import Chunk, PageMove
from lparvm.trace.writer import TraceLogger

Advance = Callable[[Relocation, object], tuple[Relocation, tuple[o.Command, ...]]]

_LAST_WORDS = (
    m.StopTimedOut, m.QuiesceTimedOut, m.BusyReminderDue, m.HaltTimedOut, m.IopQuiesced, m.IopBusy,
)  # fmt: skip

# Progress is told in steps of this share, so that what is in flight to the service processor is bounded.
_PROGRESS_STEPS = 20


@define(eq=False)
class _Operation:
    """A relocation under way, and what belongs to carrying it out.

    Attributes:
        phases: phases in order, each with the time it was entered.
        timers: cancel scopes of the timers that run.
        interrupt: the mover is to stop after its chunk.
        moved: the forward move; its cursor is where the move back begins.
        moving: the move under way or last, forth or back.
        recorded: checksums from before the move.
        progress: the last step of progress told.
        cause: the event that caused what is being carried out.
    """

    record: Relocation
    phases: list[tuple[Phase, int]] = Factory(list)
    timers: dict[o.Timer, trio.CancelScope] = Factory(dict)
    interrupt: bool = False
    moved: PageMove | None = None
    moving: PageMove | None = None
    recorded: Custody | None = None
    progress: int = -1
    cause: int | None = None


class LparControl(Actor):
    """One for the machine."""

    def __init__(
        self,
        directory: Mapping[str, Mailbox],
        log: TraceLogger,
        clock: RunClock,
        lpars: Mapping[str, LparEntry],
        work: StorageWork,
        advance: Advance = relocation.advance,
    ) -> None:
        """`advance` can be replaced to show that the rules catch a broken protocol."""
        super().__init__(LPAR_CONTROL, directory, log, clock)
        self._lpars = dict(lpars)
        self._work = work
        self._advance = advance
        self._operations: dict[str, _Operation] = {}

    async def run(self) -> None:
        """Handle messages until cancelled; then the copy threads end as well."""
        try:
            await super().run()
        finally:
            self._work.close()

    def operations(self) -> tuple[Relocation, ...]:
        """The relocations under way, oldest first."""
        return tuple(operation.record for operation in self._operations.values())

    def bring_back(self, zone_of: Callable[[str], Zone]) -> None:
        """The machine ended in the middle of relocations: their pages go back to where the map says.

        For the guests' final check only; no time passes, and nothing is told.

        Args:
            zone_of: the map's zone of an LPAR. Where that is the target already, all pages are there.
        """
        for operation in self._operations.values():
            move = operation.moving
            if move is not None and zone_of(operation.record.lpar) == operation.record.source:
                back = move if move.inverse else move.inverted()
                # A page that can't be brought back is one that the guest finds damaged.
                with suppress(StorageFault):
                    while (chunk := back.next_chunk()) is not None:
                        back.move(chunk)

    def handle(self, envelope: Envelope) -> None:
        """A new relocation, a cancel, or an event of one under way."""
        message, seq = envelope.message, envelope.seq
        match message:
            case m.MoveStorage():
                self._begin(message, seq)
            case m.CancelOperation():
                self._cancel(message, seq)
            case _ if message.op in self._operations:
                self._feed(self._operations[message.op], message, seq)
            case _ if isinstance(message, _LAST_WORDS):
                pass  # it crossed with the report
            case _:
                raise AssertionError(f"{self.name} knows no operation for {message!r}")

    # --- operations -------------------------------------------------------------------------------------

    def _begin(self, message: m.MoveStorage, cause: int | None) -> None:
        held = {one.record.lpar: one.record.op for one in self._operations.values()}
        denied = admit(message.lpar, message.target_frame, self._lpars, held)
        if denied is not None:
            outcome = denied_outcome(denied, message.lpar, message.target_frame)
            self._answer(message.op, outcome, cause)
            return
        entry = self._lpars[message.lpar]
        record = Relocation(
            message.op, message.lpar, entry.zone, Zone(message.target_frame, entry.zone.extent), entry.iops,
            message.stop_ns, message.quiesce_ns, busy=message.busy,
        )  # fmt: skip
        record, orders = relocation.enter(record)
        operation = self._operations[message.op] = _Operation(record, cause=cause)
        self._carry_out(operation, orders)

    def _cancel(self, message: m.CancelOperation, cause: int | None) -> None:
        for operation in self._operations.values():
            if message.target in (operation.record.op, operation.record.lpar):
                self._feed(operation, message, cause)
                return
        outcome = Outcome(Result.UNKNOWN_OPERATION, {"target": message.target})
        self._answer(message.op, outcome, cause)

    def _feed(self, operation: _Operation, message: object, cause: int | None) -> None:
        operation.cause = cause
        operation.record, orders = self._advance(operation.record, message)
        if isinstance(message, m.ChunkMoved):
            self._tell_progress(operation)
        self._carry_out(operation, orders)

    def _answer(self, op: str, outcome: Outcome, cause: int | None) -> None:
        self.post(SERVICE_PROCESSOR, m.OperationEnded(op, outcome), cause)

    # --- carrying out orders ------------------------------------------------------------------------------

    def _carry_out(self, operation: _Operation, orders: tuple[o.Command, ...]) -> None:
        for order in orders:
            match order:
                case o.Post(to=to, message=message):
                    self.post(to, message, operation.cause)
                case o.StartTimer():
                    self._start_timer(operation, order)
                case o.StopTimer(timer=timer):
                    if timer in operation.timers:
                        operation.timers.pop(timer).cancel()
                case o.InterruptMove():
                    operation.interrupt = True
                case o.PrepareTarget() | o.BeginMove() | o.MoveBack() | o.PoisonFrames():
                    self._begin_work(operation, order)
                case _:
                    self._tell(operation, order)

    def _begin_work(
        self, operation: _Operation, order: o.PrepareTarget | o.BeginMove | o.MoveBack | o.PoisonFrames
    ) -> None:
        """Work on storage: a helper task, which tells the own mailbox when it has ended."""
        match order:
            case o.PrepareTarget():
                self.nursery.start_soon(self._prepare, operation, operation.cause)
            case o.BeginMove() | o.MoveBack():
                self.nursery.start_soon(self._move, operation, operation.cause)
            case o.PoisonFrames(zones=zones):
                self.nursery.start_soon(self._poison, operation, zones, operation.cause)

    def _tell(
        self, operation: _Operation, order: o.EnterPhase | o.Notify | o.Report | o.AnswerCancel
    ) -> None:
        """What the trace and the operator are told."""
        match order:
            case o.EnterPhase():
                self._enter_phase(operation, order)
            case o.Notify(code=code, text=text):
                told = m.OperatorMessaged(operation.record.op, code, text)
                self.post(SERVICE_PROCESSOR, told, operation.cause)
            case o.Report():
                self._report(operation)
            case o.AnswerCancel(op=op, result=result):
                values: dict[str, object] = {
                    "target": operation.record.op,
                    "phase": operation.record.phase,
                }
                if result is Result.COMPLETED:
                    values["text"] = f"{operation.record.op} was cancelled"
                self._answer(op, Outcome(result, values), operation.cause)

    def _enter_phase(self, operation: _Operation, order: o.EnterPhase) -> None:
        record = operation.record
        operation.phases.append((order.phase, self.clock.now_ns()))
        operation.cause = self.log.emit(
            "phase.entered", op=record.op, cause=operation.cause, step=order.step, lpar=record.lpar,
            phase=order.phase, state=order.state,
        )  # fmt: skip
        self._tell_progress(operation, always=True)

    def _tell_progress(self, operation: _Operation, *, always: bool = False) -> None:
        record = operation.record
        step = record.pages_across * _PROGRESS_STEPS // record.source.extent
        if always or step != operation.progress:
            operation.progress = step
            phase = operation.phases[-1][0]
            told = m.OperationAdvanced(
                record.op, record.lpar, phase, record.pages_across, record.source.extent
            )
            self.post(SERVICE_PROCESSOR, told, operation.cause)

    def _start_timer(self, operation: _Operation, order: o.StartTimer) -> None:
        scope = operation.timers[order.timer] = trio.CancelScope()
        message = o.TIMER_EVENTS[order.timer](operation.record.op, operation.record.lpar)
        self.nursery.start_soon(self._time, scope, order.duration_ns, message, operation.cause)

    async def _time(
        self, scope: trio.CancelScope, duration_ns: int, message: object, cause: int | None
    ) -> None:
        with scope:
            await self.clock.sleep_ns(duration_ns)
            self.post(self.name, message, cause)

    def _report(self, operation: _Operation) -> None:
        record = operation.record
        for scope in operation.timers.values():
            scope.cancel()
        stops = []
        for standing in record.standings:
            parts = stopped_time.split(operation.phases, standing.left_ns, standing.sie_ns)
            stop = LipStop(record.lpar, standing.lip, standing.sie_ns - standing.left_ns, parts)
            stops.append(stop)
            self.log.emit(
                "guest.stood", op=record.op, cause=operation.cause, lpar=record.lpar, lip=standing.lip,
                stopped_ns=stop.stopped_ns, phases_ns=parts,
            )  # fmt: skip
        entry = self._lpars[record.lpar]
        if record.result is Result.CHECK_STOPPED:
            self._lpars[record.lpar] = evolve(entry, check_stopped=True)
        elif record.committed:
            self._lpars[record.lpar] = evolve(entry, zone=record.target)
        del self._operations[record.op]
        self._answer(record.op, outcome_of(record, tuple(stops), entry.lips), operation.cause)

    # --- storage: helper tasks ----------------------------------------------------------------------------

    async def _prepare(self, operation: _Operation, cause: int | None) -> None:
        record = operation.record
        await self._work.prepare(record.source, record.target)
        seq = self.log.emit(
            "target.prepared", op=record.op, cause=cause, lpar=record.lpar, **_frames(record.target)
        )
        self.post(self.name, m.TargetPrepared(record.op, record.lpar), seq)

    async def _move(self, operation: _Operation, cause: int | None) -> None:
        """Steps 204 to 209, there or back from the cursor."""
        record = operation.record
        if operation.moved is None:
            await self._record_custody(operation, cause)
            move = operation.moved = PageMove(self._work.storage, record.source, record.target)
        else:
            move = operation.moved.inverted()
            operation.interrupt = False
        operation.moving = move
        left = move.part_left
        begin, end = (record.target, record.source) if move.inverse else (record.source, record.target)
        seq = self.log.emit(
            "move.started", op=record.op, cause=cause, lpar=record.lpar, source_frame=begin.origin,
            target_frame=end.origin, pages=left.pages, direction=move.direction,
            inverse=move.inverse, first_page=left.first_page,
        )  # fmt: skip

        def on_chunk(chunk: Chunk, pages_across: int) -> None:
            told = self.log.emit(
                "chunk.moved", op=record.op, cause=seq, lpar=record.lpar, first_page=chunk.first_page,
                pages=chunk.pages, keys_read=chunk.pages, keys_set=chunk.pages, steps=chunk.pages,
                pages_across=pages_across, inverse=move.inverse,
            )  # fmt: skip
            self._post_progress(operation, pages_across, told)

        fault: int | None = None
        try:
            await self._work.move(move, interrupted=lambda: operation.interrupt, on_chunk=on_chunk)
        except StorageFault as error:
            fault = error.frame
        await self._end_move(operation, move, fault, seq)

    def _post_progress(self, operation: _Operation, pages_across: int, cause: int | None) -> None:
        """Tell the own mailbox of a chunk, in steps: what is in flight stays bounded."""
        step = pages_across * _PROGRESS_STEPS // operation.record.source.extent
        if step != operation.progress:
            record = operation.record
            self.post(self.name, m.ChunkMoved(record.op, record.lpar, pages_across), cause)

    async def _end_move(
        self, operation: _Operation, move: PageMove, fault: int | None, cause: int | None
    ) -> None:
        record = operation.record
        outcome = "fault" if fault is not None else "moved" if move.done else "interrupted"
        seq = self.log.emit(
            "move.ended", op=record.op, cause=cause, lpar=record.lpar, pages_across=move.pages_across,
            outcome=outcome, fault_frame=fault, inverse=move.inverse,
        )  # fmt: skip
        if move.inverse:
            # The way back began at the forward move's cursor: that is where it stands now.
            assert operation.moved is not None, "a move back follows a move"
        if move.done:
            await self._verify_custody(operation, record.source if move.inverse else record.target, seq)
        interrupted = outcome == "interrupted"
        ended = m.MoveEnded(record.op, record.lpar, move.pages_across, interrupted, fault)
        self.post(self.name, ended, seq)

    async def _record_custody(self, operation: _Operation, cause: int | None) -> None:
        if not self._work.proof:
            return
        record = operation.record
        recorded = operation.recorded = await self._work.record(record.source)
        self.log.emit(
            "custody.recorded", op=record.op, cause=cause, lpar=record.lpar, **_frames(record.source),
            pages=record.source.extent, data_digest=recorded.data_digest, key_digest=recorded.key_digest,
        )  # fmt: skip

    async def _verify_custody(self, operation: _Operation, zone: Zone, cause: int | None) -> None:
        if operation.recorded is None:
            return
        record = operation.record
        report = await self._work.verify(operation.recorded, zone)
        self.log.emit(
            "custody.verified", op=record.op, cause=cause, lpar=record.lpar, **_frames(zone),
            pages=report.pages, keys=report.keys, lost=report.lost, duplicated=report.duplicated,
            stale=report.stale, keys_wrong=report.keys_wrong, data_digest=report.data_digest,
            key_digest=report.key_digest,
        )  # fmt: skip

    async def _poison(self, operation: _Operation, zones: tuple[Zone, ...], cause: int | None) -> None:
        record = operation.record
        poisoned = await self._work.poison(zones)
        for zone, frames in poisoned.items():
            cause = self.log.emit(
                "area.poisoned", op=record.op, cause=cause, lpar=record.lpar, **_frames(zone),
                poisoned_frames=frames,
            )  # fmt: skip
        self.post(self.name, m.FramesPoisoned(record.op, record.lpar), cause)


def _frames(zone: Zone) -> dict[str, int]:
    return {"origin_frame": zone.origin, "extent_frames": zone.extent}
