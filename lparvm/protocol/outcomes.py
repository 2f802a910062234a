"""What a command's answer says, from what the machine knows."""

from lparvm.arch.address import PAGE_BYTES
from lparvm.config import OPERATIONS_MAX
from lparvm.protocol.admission import Denied
from lparvm.protocol.busy_devices import describe_all
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import LipStop, Outcome, Result
from lparvm.units import format_duration, format_size


def denied_outcome(denied: Denied, lpar: str, target_frame: int) -> Outcome:
    """The answer of an operation that did not begin."""
    return Outcome(
        denied.reason,
        {
            "lpar": lpar,
            "target": format_size(target_frame * PAGE_BYTES),
            "holder": denied.holder,
            "operation": denied.holder,
            "limit": OPERATIONS_MAX,
        },
    )


def outcome_of(record: Relocation, stops: tuple[LipStop, ...], lips: tuple[str, ...]) -> Outcome:
    """The answer of a relocation that has ended.

    Args:
        record: its last state.
        stops: stopped time of each LIP.
        lips: the LPAR's LIPs.
    """
    assert record.result is not None, "a relocation ends with a result"
    timeout = record.stop_ns if record.result is Result.STOP_TIMED_OUT else record.quiesce_ns
    stopped = {stop.lip for stop in stops}
    pages = record.source.extent if record.committed else 0
    reason = f"{record.refusing_iop} refused SALE" if record.refusing_iop else "storage failed"
    if record.fault_frame is not None:
        reason = f"storage fault at frame {record.fault_frame} while moving back"
    values: dict[str, object] = {
        "lpar": record.lpar,
        "target": format_size(record.target.origin_bytes),
        "size": format_size(record.source.extent_bytes),
        "pages": pages,
        "stopped": format_duration(max((stop.stopped_ns for stop in stops), default=0)),
        "holder": record.holder,
        "timeout": format_duration(timeout),
        "lips": ", ".join(lip for lip in lips if lip not in stopped) or "a LIP",
        "devices": describe_all(record.still_busy),
        "iop": record.refusing_iop,
        "frame": record.fault_frame,
        "reason": reason,
    }
    return Outcome(record.result, values, stops, pages, record.busy_devices)
