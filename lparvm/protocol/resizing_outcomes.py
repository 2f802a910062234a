"""What the answer of an EXPAND or SHRINK says, from what its machine knows."""

from lparvm.protocol.busy_devices import describe_all
from lparvm.protocol.outcomes import guests_of, late_lips
from lparvm.protocol.relocation_record import Denial
from lparvm.protocol.resizing_record import Expansion, Resizing, Shrinkage
from lparvm.protocol.results import LipStop, Outcome, Result
from lparvm.units import format_duration, format_size


def resized_outcome(record: Resizing, stops: tuple[LipStop, ...]) -> Outcome:
    """The answer of an EXPAND or SHRINK that has ended.

    Args:
        record: its last state.
        stops: stopped time of each LIP; empty where the guest ran on.
    """
    assert record.result is not None, "a resizing ends with a result"
    party = record.party
    timeout = record.stop_ns if record.result is Result.STOP_TIMED_OUT else record.quiesce_ns
    values: dict[str, object] = {
        "lpar": party.lpar,
        "target": format_size(party.target.origin_bytes),
        "size": _size(record),
        "timeout": format_duration(timeout),
        "lips": ", ".join(late_lips(record, stops)) or "a LIP",
        "devices": describe_all(record.still_busy),
        "iop": record.refusing_iop,
        **guests_of(record),
    }
    if record.result is Result.CHECK_STOPPED:
        values["reason"] = f"{record.refusing_iop} refused SALE again and again"
    elif isinstance(record, Shrinkage):
        values["reason"] = record.reason
    elif isinstance(record, Expansion) and record.denied is not None:
        values["holder"] = _in_the_way(record.denied)
    code = "LVM013I" if record.result is Result.COMPLETED else None
    return Outcome(record.result, values, stops, 0, record.busy_devices, code=code)


def _size(record: Resizing) -> str:
    if not isinstance(record, Expansion) or record.result is Result.COMPLETED:
        return format_size(record.party.target.extent_bytes)
    if record.wanted_bytes is None:
        return f"more than {format_size(record.party.source.extent_bytes)}"
    return format_size(record.wanted_bytes)


def _in_the_way(denied: Denial) -> str:
    if denied.holder:
        return f"{denied.holder} holds storage behind it"
    if denied.frame is not None:
        return f"frame {denied.frame} behind it is out of use"
    return "main storage ends there"
