"""How operations that stop guests, or may, end: report, answers to CANCEL, what is done with LPARs that are lost."""

from typing import Protocol, TypeVar

from attrs import evolve

from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.actor_names import RESOURCE_MANAGER
from lparvm.protocol.lpar_entry import LparState
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.results import Outcome, Result
from lparvm.protocol.standstill_record import Standstill

# SALE with the old zone is repeated when an IOP refuses it; more refusals than that are a broken IOP.
SALE_ATTEMPTS_MAX = 3

R = TypeVar("R", bound=OperationRecord)


class _Refused(Protocol):
    """A record that counts how often SALE was refused."""

    @property
    def sale_attempts(self) -> int:
        """So often."""


def sale_may_be_repeated(record: _Refused, _event: object) -> bool:
    """The IOP has not refused too often yet."""
    return record.sale_attempts < SALE_ATTEMPTS_MAX


def report(record: Standstill, _event: object) -> tuple[o.Command, ...]:
    """The operation has ended."""
    # A cancel that came in time is done, unless the way back failed.
    cancelled = Result.NOT_CANCELLABLE if record.result is Result.CHECK_STOPPED else Result.COMPLETED
    answers = tuple(o.AnswerCancel(op, cancelled) for op in record.cancels)
    lost: tuple[o.Command, ...] = ()
    if record.result is Result.CHECK_STOPPED:
        for party in record.parties:
            lost += tuple(o.Post(iop, m.AbandonLpar(record.op, party.lpar)) for iop in party.iops)
            change = m.LparStateChanged(record.op, party.lpar, LparState.CHECK_STOPPED)
            lost += (o.Post(RESOURCE_MANAGER, change),)
    return (*lost, o.Report(), *answers)


def learn_cancel(record: R, event: m.CancelOperation) -> R:
    """A CANCEL that is answered at the report."""
    return evolve(record, cancels=(*record.cancels, event.op))


def deny_cancel(_record: OperationRecord, event: m.CancelOperation) -> tuple[o.Command, ...]:
    """CANCEL comes too late, or the operation is on its way back already."""
    return (o.AnswerCancel(event.op, Result.NOT_CANCELLABLE),)


def cancel_outcome(record: OperationRecord, result: Result) -> Outcome:
    """What a CANCEL is answered.

    Args:
        record: the operation that it named, as it is now.
        result: COMPLETED or NOT_CANCELLABLE.
    """
    values: dict[str, object] = {"target": record.op, "phase": record.phase}
    if result is Result.COMPLETED:
        values["text"] = f"{record.op} was cancelled"
    # Denied, and yet cancelled: by an earlier CANCEL.
    already = result is Result.NOT_CANCELLABLE and record.result is Result.CANCELLED
    return Outcome(result, values, code="LVM059W" if already else None)
