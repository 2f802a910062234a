"""Errors of CANCEL: granted too late, lost, answered twice or never; and what is forgotten on the way back."""

from typing import Any

from attrs import evolve

from lparvm.actors.control_records import Operation
from lparvm.actors.storage_jobs import StorageJobs
from lparvm.actors.transfer_facts import TransferFacts
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation, reporting, standstill
from lparvm.protocol.engine import Row, same
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import Result
from lparvm.storage.transfer import Transfer
from lparvm.stress.mutants.mutant import Mutant, Patch
from lparvm.stress.mutants.tables import Commands, Table, changed, parts_with

S = State


def _grant(_record: Relocation, event: m.CancelOperation) -> Commands:
    """CANCEL is answered as if it had come in time."""
    return (o.AnswerCancel(event.op, Result.COMPLETED),)


def _granted(row: Row) -> bool:
    return row.event is m.CancelOperation and row.result is Result.CANCELLED


def _cancels_with(**changes: Any) -> Table:
    """Every row that grants a CANCEL, with something else in it."""
    return tuple(evolve(row, **changes) if _granted(row) else row for row in relocation.TABLE)


def _release_what_was_not_cancelled(record: Relocation) -> Relocation:
    """IOPs are told to release what they hold, but not on the way back from a CANCEL."""
    if record.result is Result.CANCELLED:
        return evolve(record, busy_iops=())
    return standstill.resume_held(record)


async def _run_interrupted(
    jobs: StorageJobs, operation: Operation, transfer: Transfer[Any, Any], facts: TransferFacts
) -> tuple[int | None, bool]:
    """`StorageJobs._run`; that the mover is to stop still holds on the way back from a CANCEL."""
    operation.interrupt = operation.interrupt or (transfer.inverse and bool(operation.record.cancels))
    return await _run(jobs, operation, transfer, facts)


_run = StorageJobs._run

MUTANTS = (
    Mutant(
        "cancel-after-sale",
        "A CANCEL while SALE is under way is granted, and the move is backed out beside it.",
        parts_with(
            changed(
                S.NOTIFYING,
                m.CancelOperation,
                to=S.MOVING_BACK,
                result=Result.CANCELLED,
                learn=reporting.learn_cancel,
                do=(),
            ),
            ignored=((S.MOVING_BACK, m.AddressLimitsSet), (S.MOVING_BACK, m.AddressLimitsRefused)),
        ),
    ),
    Mutant(
        "cancel-believed-after-sale",
        "A CANCEL while SALE is under way is answered as if it had come in time, and the move is completed.",
        parts_with(
            changed(
                S.NOTIFYING,
                m.CancelOperation,
                to=None,
                result=Result.CANCELLED,
                learn=reporting.learn_cancel,
                do=(),
            )
        ),
    ),
    Mutant(
        "cancel-lost",
        "A CANCEL is answered as if it had come in time, and nothing is cancelled.",
        parts_with(_cancels_with(to=None, result=None, learn=same, do=(_grant,))),
    ),
    Mutant(
        "cancel-never-answered",
        "A move is cancelled, and who cancelled it is not told.",
        parts_with(_cancels_with(learn=same)),
    ),
    Mutant(
        "cancel-answered-twice",
        "A CANCEL is answered at once, and again when the move has been backed out.",
        parts_with(_cancels_with(do=(_grant,))),
    ),
    Mutant(
        "cancel-leaves-starts-held",
        "The IOPs go on holding the starts of an LPAR whose move was cancelled.",
        parts_with(prepare={S.RESUMING_IO: _release_what_was_not_cancelled}),
    ),
    Mutant(
        "back-out-interrupted",
        "The CANCEL that stops the mover stops it on the way back as well.",
        patches=(Patch(StorageJobs, "_run", _run_interrupted),),
    ),
)
