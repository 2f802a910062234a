"""What the answer of a DEFINE, ACTIVATE, IPL, STOP, START or DEACTIVATE says, and what is left of it."""

from collections.abc import Mapping

from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol.lifecycle_record import (
    ActivateOperation,
    DeactivateOperation,
    DefineOperation,
    HoldOperation,
    Lifecycle,
    LoadOperation,
)
from lparvm.protocol.lpar_entry import LparEntry, LparState, Stage
from lparvm.protocol.outcomes import guests_of
from lparvm.protocol.results import LipStop, Outcome, Result
from lparvm.units import format_duration, format_size

_CANCELLED = "LVM058I"


def settle_lifecycle(record: Lifecycle, lpars: Mapping[str, LparEntry]) -> Mapping[str, LparEntry]:
    """The LPAR is what it was turned into. A definition counts when it is complete."""
    if isinstance(record, DefineOperation) and record.result is not Result.COMPLETED:
        return lpars
    return {**lpars, record.lpar: record.now}


def outcome_of_lifecycle(record: Lifecycle, _stops: tuple[LipStop, ...]) -> Outcome:
    """The answer of an operation that has ended."""
    assert record.result is not None, "an operation ends with a result"
    plan = record.now.plan
    values: dict[str, object] = {
        "lpar": record.lpar,
        "problem": record.problem,
        "size": format_size(plan.extent * PAGE_BYTES),
        "target": "any place" if plan.origin is None else format_size(plan.origin * PAGE_BYTES),
        "timeout": format_duration(record.stop_ns),
        "lips": "a LIP",
        "state": LparState.FAILED if record.failed else record.before.state,
        "verb": "STOP",
        "needed": LparState.ACTIVE,
        **guests_of(record),
    }
    if isinstance(record, DefineOperation) and record.before is record.now:
        values["state"] = "unknown"
    if isinstance(record, ActivateOperation) and record.denied is not None:
        values["frame"] = record.denied.frame
        values["holder"] = record.denied.holder or "nowhere are that many frames free together"
    if record.result is Result.COMPLETED:
        values["text"] = f"{record.lpar}: {_text(record)}"
    code = _CANCELLED if record.result is Result.CANCELLED else None
    return Outcome(record.result, values, code=code)


def _text(record: Lifecycle) -> str:
    plan, zone = record.now.plan, record.now.zone
    size = format_size(plan.extent * PAGE_BYTES)
    match record:
        case DefineOperation():
            where = "where it fits" if plan.origin is None else f"at {format_size(plan.origin * PAGE_BYTES)}"
            return f"defined: {size} {where}, {', '.join(plan.lips)}, guest {plan.guest}"
        case ActivateOperation():
            return f"activated: {format_size(zone.extent_bytes)} from {format_size(zone.origin_bytes)}"
        case LoadOperation():
            return f"guest {record.definition.guest} is loaded and runs"
        case DeactivateOperation():
            zone = record.zone
            return f"deactivated: {format_size(zone.extent_bytes)} from {format_size(zone.origin_bytes)} are free"
        case HoldOperation():
            return "stopped"
        case _:
            assert record.now.stage is Stage.LOADED, "START needs a guest"
            return "started"
