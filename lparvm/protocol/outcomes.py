"""What a command's answer says, from what the machine knows."""

from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol.admission import Denied
from lparvm.protocol.busy_devices import describe_all
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import LipStop, Outcome, Result
from lparvm.protocol.standstill_record import Standstill
from lparvm.units import format_duration, format_size

_SIZES = ("target", "size")


def denied_outcome(denied: Denied) -> Outcome:
    """The answer of an operation that did not begin."""
    values = dict(denied.values)
    for name in _SIZES:
        size = values.get(name)
        if isinstance(size, int):
            values[name] = format_size(size)
    return Outcome(denied.reason, values)


def outcome_of(record: Relocation, stops: tuple[LipStop, ...]) -> Outcome:
    """The answer of a move or an exchange that has ended.

    Args:
        record: its last state.
        stops: stopped time of each LIP.
    """
    assert record.result is not None, "a relocation ends with a result"
    party = record.parties[0]
    denied = record.denied
    about = next((one for one in record.parties if denied and one.lpar == denied.lpar), party)
    timeout = record.stop_ns if record.result is Result.STOP_TIMED_OUT else record.quiesce_ns
    values: dict[str, object] = {
        "lpar": party.lpar if record.result is Result.COMPLETED else record.title,
        "target": format_size(about.target.origin_bytes),
        "size": format_size(about.source.extent_bytes),
        "pages": record.pages if record.committed else record.furthest,
        "stopped": _longest(stops, party.lpar),
        "timeout": format_duration(timeout),
        "lips": ", ".join(late_lips(record, stops)) or "a LIP",
        "devices": describe_all(record.still_busy),
        "iop": record.refusing_iop,
        "frame": record.fault_frame if denied is None else denied.frame,
        "holder": denied.holder if denied else "",
        "owner": about.lpar,
        "reason": f"{record.refusing_iop} refused SALE again and again",
        **guests_of(record),
    }
    if record.exchanges:
        other = record.parties[1]
        values["other"] = other.lpar
        values["other_target"] = format_size(other.target.origin_bytes)
        values["other_stopped"] = _longest(stops, other.lpar)
        if record.result is Result.ZONE_IN_THE_WAY:
            values["lpar"] = party.lpar
    pages = record.pages if record.committed else 0
    code = _code_of(record)
    if record.test and record.result is Result.COMPLETED:
        values["text"] = _test_text(record)
    return Outcome(record.result, values, stops, pages, record.busy_devices, code=code)


def _code_of(record: Relocation) -> str | None:
    """Of completed ones, the message that tells what was done; None: the result's own."""
    if record.result is not Result.COMPLETED:
        return None
    if record.test:
        return "LVM014I"
    return "LVM012I" if record.exchanges else None


def _test_text(record: Relocation) -> str:
    places = " and ".join(
        f"{party.lpar} to {format_size(party.target.origin_bytes)}" for party in record.parties
    )
    size = format_size(record.pages * PAGE_BYTES)
    return f"every check was made: {places} can be moved, {size} in all; nothing was done"


def _longest(stops: tuple[LipStop, ...], lpar: str) -> str:
    return format_duration(max((stop.stopped_ns for stop in stops if stop.lpar == lpar), default=0))


def guests_of(record: OperationRecord) -> dict[str, object]:
    """The words for guests that go on as before: of a move it is one, of an exchange they are two."""
    if len(record.lpars) == 1:
        return {"guests_run_on": "the guest runs on", "they_were": "it was"}
    return {"guests_run_on": "the guests run on", "they_were": "they were"}


def late_lips(record: Standstill, stops: tuple[LipStop, ...]) -> list[str]:
    """The LIPs that have not stopped."""
    stopped = {(stop.lpar, stop.lip) for stop in stops}
    return [lip for party in record.parties for lip in party.lips if (party.lpar, lip) not in stopped]
