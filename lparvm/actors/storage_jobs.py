"""LPAR control's helper tasks: work on storage that an operation ordered, and its answer to LPAR control's mailbox.

A job can be begun again after its task died with LPAR control: what is done once is kept in the operation, and
everything else may be done twice.
"""

from collections.abc import Callable
from typing import Any

import trio

from lparvm.actors.control_records import Operation
from lparvm.actors.storage_work import StorageWork
from lparvm.actors.transfer_facts import TransferFacts
from lparvm.arch.address import Zone
from lparvm.errors import MoverFailed, StorageFault
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.relocation_record import Relocation
from lparvm.storage.exchange import ExchangeChunk, ZoneExchange
from lparvm.storage.mover import Chunk, PageMove
from lparvm.storage.transfer import Transfer
from lparvm.trace.writer import TraceLogger

# Progress is told in steps of this share, so that what is in flight to LPAR control is bounded.
PROGRESS_STEPS = 20

Post = Callable[[object, int | None], object]


class StorageJobs:
    """What LPAR control can have done on storage."""

    def __init__(self, log: TraceLogger, work: StorageWork, post: Post) -> None:
        """`post` puts a message into LPAR control's own mailbox."""
        self._log, self._work, self._post = log, work, post

    def begin(self, nursery: trio.Nursery, operation: Operation, *, again: bool = False) -> None:
        """Do `operation.work`; `again` after an earlier task for it died."""
        match operation.work:
            case o.PrepareTargets():
                nursery.start_soon(self._prepare, operation)
            case o.BeginMove() | o.MoveBack():
                nursery.start_soon(self._transfer, operation, again)
            case o.PoisonFrames(zones=zones):
                nursery.start_soon(self._poison, operation, zones)
            case o.ClearFrames(lpar=lpar, zone=zone):
                nursery.start_soon(self._clear, operation, lpar, zone)
            case o.ProveUnused(zone=zone):
                nursery.start_soon(self._prove, operation, zone)

    def _end(self, operation: Operation, message: object, cause: int | None) -> None:
        """In one step: the work is done, and LPAR control is told so."""
        operation.work = None
        self._post(message, cause)

    # --- preparing, poisoning, clearing ---------------------------------------------------------------------

    async def _prepare(self, operation: Operation) -> None:
        record, cause = _relocation(operation), operation.cause
        party = record.parties[0]
        if record.exchanges:
            await self._work.prepare_exchange(party.source, record.parties[1].source)
        else:
            await self._work.prepare(party.source, party.target)
        for party in record.parties:
            cause = self._log.emit(
                "target.prepared", op=record.op, cause=cause, lpar=party.lpar, **_frames(party.target)
            )
        self._end(operation, m.TargetPrepared(record.op), cause)

    async def _poison(self, operation: Operation, zones: tuple[tuple[str, Zone], ...]) -> None:
        op, cause = operation.record.op, operation.cause
        poisoned = await self._work.poison(tuple(zone for _, zone in zones))
        for lpar, zone in zones:
            cause = self._log.emit(
                "area.poisoned", op=op, cause=cause, lpar=lpar, **_frames(zone),
                poisoned_frames=poisoned[zone],
            )  # fmt: skip
        self._end(operation, m.FramesPoisoned(op), cause)

    async def _clear(self, operation: Operation, lpar: str, zone: Zone) -> None:
        op = operation.record.op
        cause = operation.cause
        await self._work.clear(zone)
        cause = self._log.emit("area.cleared", op=op, cause=cause, lpar=lpar, **_frames(zone))
        self._end(operation, m.FramesCleared(op), cause)

    async def _prove(self, operation: Operation, zone: Zone) -> None:
        unused = await self._work.verify_untouched(zone)
        self._end(operation, m.FramesProven(operation.record.op, unused), operation.cause)

    # --- moving ---------------------------------------------------------------------------------------------

    async def _transfer(self, operation: Operation, again: bool) -> None:
        """Steps 204 to 209, there, or back from the cursor."""
        record, cause = _relocation(operation), operation.cause
        if again and (left_ns := operation.across_ns - self._work.clock.now_ns()) > 0:
            # The chunk that was in flight was told when LPAR control died; its time isn't over.
            await self._work.clock.sleep_ns(left_ns)
        transfer = operation.moving
        if operation.moved is None:
            await self._record_custody(operation, cause)
            transfer = operation.moved = operation.moving = self._make(record)
        elif isinstance(operation.work, o.MoveBack) and operation.moving is operation.moved:
            assert operation.moved is not None, "a move back follows a move"
            transfer = operation.moving = operation.moved.inverted()
            operation.interrupt = False
        assert transfer is not None, "a transfer that was begun is kept"
        fault, failed = None, False
        if not (again and transfer.done):
            facts = TransferFacts(self._log, record, transfer, cause)
            facts.started()
            try:
                fault, failed = await self._run(operation, transfer, facts)
            finally:
                # Also when this task dies: how far it came is told before it goes on from there.
                facts.ended(fault, failed=failed)
            cause = facts.cause
        if transfer.done:
            await self._verify_custody(operation, cause, back=transfer.inverse)
        interrupted = not transfer.done and fault is None and not failed
        ended = m.MoveEnded(record.op, transfer.cursor, interrupted, fault, failed)
        self._end(operation, ended, cause)

    def _make(self, record: Relocation) -> Transfer[Any, Any]:
        if record.exchanges:
            first, second = (party.source for party in record.parties)
            return ZoneExchange(self._work.storage, first, second)
        party = record.parties[0]
        return PageMove(self._work.storage, party.source, party.target)

    async def _run(
        self, operation: Operation, transfer: Transfer[Any, Any], facts: TransferFacts
    ) -> tuple[int | None, bool]:
        """Move; the faulty frame, where one was met, and whether the mover failed."""

        def on_chunk(chunk: Chunk | ExchangeChunk, cursor: int) -> None:
            told = facts.chunk(chunk, cursor)
            # In steps: what is in flight stays bounded.
            if cursor * PROGRESS_STEPS // transfer.length != operation.progress:
                self._post(m.ChunkMoved(operation.record.op, cursor), told)

        def on_way(across_ns: int) -> None:
            operation.across_ns = across_ns

        try:
            await self._work.move(
                transfer, interrupted=lambda: operation.interrupt, on_chunk=on_chunk, on_way=on_way
            )
        except StorageFault as error:
            return error.frame, False
        except MoverFailed:
            return None, True
        return None, False

    async def _record_custody(self, operation: Operation, cause: int | None) -> None:
        if not self._work.proof:
            return
        record = _relocation(operation)
        for party in record.parties:
            if party.lpar in operation.recorded:
                continue
            recorded = await self._work.record(party.source)
            operation.recorded[party.lpar] = recorded
            cause = self._log.emit(
                "custody.recorded", op=record.op, cause=cause, lpar=party.lpar, **_frames(party.source),
                pages=party.source.extent, data_digest=recorded.data_digest, key_digest=recorded.key_digest,
            )  # fmt: skip

    async def _verify_custody(self, operation: Operation, cause: int | None, *, back: bool) -> None:
        record = _relocation(operation)
        for party in record.parties:
            recorded = operation.recorded.get(party.lpar)
            if recorded is None:
                continue
            zone = party.source if back else party.target
            report = await self._work.verify(recorded, zone)
            cause = self._log.emit(
                "custody.verified", op=record.op, cause=cause, lpar=party.lpar, **_frames(zone),
                pages=report.pages, keys=report.keys, lost=report.lost, duplicated=report.duplicated,
                stale=report.stale, keys_wrong=report.keys_wrong, data_digest=report.data_digest,
                key_digest=report.key_digest,
            )  # fmt: skip


def _relocation(operation: Operation) -> Relocation:
    assert isinstance(operation.record, Relocation), "only relocations move pages"
    return operation.record


def _frames(zone: Zone) -> dict[str, int]:
    return {"origin_frame": zone.origin, "extent_frames": zone.extent}
