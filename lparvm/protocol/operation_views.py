"""From LPAR control's record of an operation to what an operator sees of it."""

from lparvm.protocol.displays import OperationView
from lparvm.protocol.lifecycle_record import (
    ActivateOperation,
    DeactivateOperation,
    DefineOperation,
    HoldOperation,
    LoadOperation,
    UnholdOperation,
)
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.progress import Gauge
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.resizing_record import Expansion, Resizing, Shrinkage
from lparvm.units import format_size

_NO_GAUGE = Gauge()
_VERBS: dict[type[OperationRecord], str] = {
    Relocation: "MVSTOR",  # or XCHSTOR
    Expansion: "EXPAND",
    Shrinkage: "SHRINK",
    DefineOperation: "DEFINE",
    ActivateOperation: "ACTIVATE",
    LoadOperation: "IPL",
    HoldOperation: "STOP",
    UnholdOperation: "START",
    DeactivateOperation: "DEACTIVATE",
}


def view_of_record(record: OperationRecord, gauge: Gauge = _NO_GAUGE) -> OperationView:
    """What DISPLAY OPERATIONS shows of an operation.

    Args:
        record: as LPAR control has it.
        gauge: how far it is.
    """
    kind, target = _VERBS[type(record)], ""
    if isinstance(record, Relocation):
        kind = "XCHSTOR" if record.exchanges else kind
        places = [(party.lpar, format_size(party.target.origin_bytes)) for party in record.parties]
        target = ", ".join(f"{lpar} to {place}" for lpar, place in places)
        target = target if record.exchanges else f"to {places[0][1]}"
    elif isinstance(record, Resizing):
        size = record.wanted_bytes
        target = "as far as it goes" if size is None else f"to {format_size(size)}"
    return OperationView(record.op, kind, record.lpars, record.phase, target, gauge.percent, gauge.left_ns)
