"""All kinds of operations that LPAR control drives: which machine turns which record, and what is left of it."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, frozen

from lparvm.protocol import (
    admission,
    lifecycle,
    lifecycle_admission,
    outcomes,
    relocation,
    resizing,
    resizing_admission,
)
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.admission import Circumstances, Decision
from lparvm.protocol.engine import Machine
from lparvm.protocol.lifecycle_outcomes import outcome_of_lifecycle, settle_lifecycle
from lparvm.protocol.lifecycle_record import (
    ActivateOperation,
    DeactivateOperation,
    DefineOperation,
    HoldOperation,
    LoadOperation,
    UnholdOperation,
)
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.resizing_outcomes import resized_outcome
from lparvm.protocol.resizing_record import Expansion, Resizing, Shrinkage
from lparvm.protocol.results import LipStop, Outcome, Result

Lpars = Mapping[str, LparEntry]


@frozen
class Kind:
    """A kind of operation.

    Attributes:
        machine: turns its record.
        settle: the LPARs as they are after it.
        outcome: its answer, from its last record and the stopped times.
    """

    machine: Machine[Any]
    settle: Callable[[Any, Lpars], Lpars]
    outcome: Callable[[Any, tuple[LipStop, ...]], Outcome]


def settle_zones(record: Relocation | Resizing, lpars: Lpars) -> Lpars:
    """Zones have moved, or have another extent, or storage is lost."""
    changed = dict(lpars)
    for party in record.parties:
        if record.result is Result.CHECK_STOPPED:
            changed[party.lpar] = evolve(changed[party.lpar], check_stopped=True)
        elif record.committed:
            changed[party.lpar] = evolve(changed[party.lpar], zone=party.target)
    return changed


KINDS: dict[type[OperationRecord], Kind] = {
    Relocation: Kind(relocation.MACHINE, settle_zones, outcomes.outcome_of),
    Expansion: Kind(resizing.EXPAND, settle_zones, resized_outcome),
    Shrinkage: Kind(resizing.SHRINK, settle_zones, resized_outcome),
    DefineOperation: Kind(lifecycle.DEFINE, settle_lifecycle, outcome_of_lifecycle),
    ActivateOperation: Kind(lifecycle.ACTIVATE, settle_lifecycle, outcome_of_lifecycle),
    LoadOperation: Kind(lifecycle.LOAD, settle_lifecycle, outcome_of_lifecycle),
    HoldOperation: Kind(lifecycle.HOLD, settle_lifecycle, outcome_of_lifecycle),
    UnholdOperation: Kind(lifecycle.UNHOLD, settle_lifecycle, outcome_of_lifecycle),
    DeactivateOperation: Kind(lifecycle.DEACTIVATE, settle_lifecycle, outcome_of_lifecycle),
}


POLICIES: dict[type, Callable[[Any, Circumstances], Decision]] = {
    m.MoveStorage: admission.admit_move,
    m.ExchangeStorage: admission.admit_exchange,
    m.DefineLpar: lifecycle_admission.admit_define,
    m.ActivateLpar: lifecycle_admission.admit_activate,
    m.LoadLpar: lifecycle_admission.admit_load,
    m.HoldLpar: lifecycle_admission.admit_hold,
    m.UnholdLpar: lifecycle_admission.admit_unhold,
    m.DeactivateLpar: lifecycle_admission.admit_deactivate,
    m.ExpandStorage: resizing_admission.admit_expand,
    m.ShrinkStorage: resizing_admission.admit_shrink,
}
"""An order of the service processor -> who decides whether it may begin, and with which record."""


def admit(message: Any, now: Circumstances) -> Decision:
    """Whether an operation may begin: its first record, or the reason against it."""
    return POLICIES[type(message)](message, now)


def enter(record: OperationRecord) -> tuple[OperationRecord, tuple[o.Command, ...]]:
    """Begin an operation: what is ordered on entering its first state."""
    return KINDS[type(record)].machine.enter(record)


def advance(record: OperationRecord, event: object) -> tuple[OperationRecord, tuple[o.Command, ...]]:
    """The next state, and what to order; see `engine.Machine.advance`."""
    return KINDS[type(record)].machine.advance(record, event)
