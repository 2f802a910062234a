"""What the trace is told of a move or an exchange: its start, each chunk, its end."""

from typing import Any

from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.standstill_record import Party
from lparvm.storage.exchange import ExchangeChunk, ZoneExchange
from lparvm.storage.mover import Chunk, PageMove
from lparvm.storage.transfer import Transfer
from lparvm.trace.writer import TraceLogger


class TransferFacts:
    """The facts of one run of a transfer; `cause` is the event that the next one follows from."""

    def __init__(
        self, log: TraceLogger, record: Relocation, transfer: Transfer[Any, Any], cause: int | None
    ) -> None:
        """Tell nothing yet."""
        self._log, self._record, self._transfer = log, record, transfer
        self.cause = cause

    def started(self) -> None:
        """Start addresses are set (204)."""
        transfer = self._transfer
        if isinstance(transfer, ZoneExchange):
            lower, upper = self._parties()
            self._tell(
                "exchange.started", **self._pair(), lower_source_frame=lower.source.origin,
                lower_frames=lower.source.extent, lower_target_frame=lower.target.origin,
                upper_source_frame=upper.source.origin, upper_frames=upper.source.extent,
                upper_target_frame=upper.target.origin, steps=transfer.length, steps_done=transfer.cursor,
            )  # fmt: skip
            return
        assert isinstance(transfer, PageMove), "there are two kinds"
        left = transfer.part_left
        begin, end = transfer.source, transfer.target
        if transfer.inverse:
            begin, end = end, begin
        self._tell(
            "move.started", lpar=self._record.lpar, source_frame=begin.origin, target_frame=end.origin,
            pages=left.pages, direction=transfer.direction, first_page=left.first_page,
        )  # fmt: skip

    def chunk(self, chunk: Chunk | ExchangeChunk, cursor: int) -> int | None:
        """A chunk was transferred (205 to 208); its event."""
        if isinstance(chunk, ExchangeChunk):
            lower, upper = self._pair().values()
            keys = chunk.pages_copied
            runs = [[str(run.kind), run.first_frame, run.second_frame, run.pages] for run in chunk.runs]
            return self._log.emit(
                "chunk.exchanged", op=self._record.op, cause=self.cause, lower=lower, upper=upper, runs=runs,
                keys_read=keys, keys_set=keys, steps_done=cursor, inverse=self._transfer.inverse,
            )  # fmt: skip
        return self._log.emit(
            "chunk.moved", op=self._record.op, cause=self.cause, lpar=self._record.lpar,
            first_page=chunk.first_page, pages=chunk.pages, keys_read=chunk.pages, keys_set=chunk.pages,
            steps=chunk.pages, pages_across=cursor, inverse=self._transfer.inverse,
        )  # fmt: skip

    def ended(self, fault: int | None, *, failed: bool) -> None:
        """All is transferred, or it stopped (209)."""
        transfer = self._transfer
        outcome = "moved" if transfer.done else "interrupted"
        outcome = "fault" if fault is not None else "failed" if failed else outcome
        if isinstance(transfer, ZoneExchange):
            own: dict[str, Any] = {**self._pair(), "steps_done": transfer.cursor}
            self._tell("exchange.ended", **own, outcome=outcome, fault_frame=fault)
            return
        self._tell(
            "move.ended", lpar=self._record.lpar, pages_across=transfer.cursor, outcome=outcome,
            fault_frame=fault,
        )  # fmt: skip

    def _tell(self, event: str, **own: Any) -> None:
        self.cause = self._log.emit(
            event, op=self._record.op, cause=self.cause, inverse=self._transfer.inverse, **own
        )

    def _pair(self) -> dict[str, str]:
        lower, upper = self._parties()
        return {"lower": lower.lpar, "upper": upper.lpar}

    def _parties(self) -> list[Party]:
        """The two of an exchange, the lower one first."""
        return sorted(self._record.parties, key=lambda party: party.source)
