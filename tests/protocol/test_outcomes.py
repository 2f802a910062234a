import pytest
from attrs import evolve

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.protocol.admission import Denied
from lparvm.protocol.catalogue import Result
from lparvm.protocol.outcomes import denied_outcome, outcome_of
from lparvm.protocol.phases import State
from lparvm.protocol.relocation import TABLE
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import LipStop

M = 256  # frames of a MiB
LIPS = ("LIP3", "LIP4")
BUSY = m.BusyDevice(0x190, "IOP1", 0, "READ", 0x02, 0x1008, 4096, 3_000_000, ((1, 2),))
FREED = m.BusyDevice(0x191, "IOP1", 1, "WRITE", 0x01, 0x2008, 0, 1_000_000)
RECORD = Relocation(
    "op.1",
    "LPAR2",
    Zone(128 * M, 256 * M),
    Zone(192 * M, 256 * M),
    ("IOP1",),
    10**10,
    2 * 10**9,
    State.REPORTED,
)
STOPS = (LipStop("LPAR2", "LIP3", 12_300_000), LipStop("LPAR2", "LIP4", 4_000_000))
RESULTS = {row.result for row in TABLE if row.result is not None}


def _outcome(result: Result, stops: tuple[LipStop, ...] = STOPS, **changes: object):
    return outcome_of(evolve(RECORD, result=result, **changes), stops, LIPS)


def test_a_move_that_completed_tells_origin_pages_and_the_longest_standstill():
    outcome = _outcome(Result.COMPLETED, committed=True)
    assert outcome.message == "LPAR2: main storage origin is now 192M; moved 65536 pages, stood still 12.3 ms"
    assert outcome.pages == 65536
    assert outcome.lips == STOPS


def test_pages_that_were_moved_back_don_t_count():
    assert _outcome(Result.CANCELLED, pages_across=700).pages == 0


def test_a_stop_that_timed_out_names_its_own_timeout_and_the_lips_that_did_not_stop():
    outcome = _outcome(Result.STOP_TIMED_OUT, stops=STOPS[:1])
    assert outcome.message == "LPAR2: LIP4 did not stop within 10 s; the guest runs on"


def test_a_quiesce_that_timed_out_names_what_is_still_busy():
    outcome = _outcome(Result.QUIESCE_TIMED_OUT, busy_devices=(FREED, BUSY), still_busy=(BUSY,))
    assert (
        "0190 on IOP1, path 0: READ (02), CCW at 0x1008, 4096 bytes left, active 3 ms, pages 1-2"
        in outcome.message
    )
    assert "0191" not in outcome.message, "that one ended in time"
    assert "within 2 s" in outcome.message
    assert outcome.busy_devices == (FREED, BUSY), "every device 202 waited for"


def test_what_202_waited_for_is_told_also_when_the_move_completed():
    assert len(_outcome(Result.COMPLETED, committed=True, busy_devices=(BUSY,)).busy_devices) == 1


def test_a_check_stop_tells_whether_a_frame_or_an_iop_is_to_blame():
    assert (
        "storage fault at frame 300 while moving back"
        in _outcome(Result.CHECK_STOPPED, fault_frame=300).message
    )
    assert "IOP1 refused SALE" in _outcome(Result.CHECK_STOPPED, refusing_iop="IOP1").message


@pytest.mark.parametrize("result", sorted(RESULTS))
def test_no_value_is_missing_in_what_a_relocation_ends_with(result: Result):
    outcome = _outcome(
        result, holder="LPAR3", fault_frame=300, refusing_iop="IOP1", still_busy=(BUSY,), busy_devices=(BUSY,)
    )
    assert outcome.result is result
    assert "?" not in outcome.message
    assert "None" not in outcome.message
    assert outcome.message.startswith("LPAR2: ")


DENIED = {
    Denied(Result.UNKNOWN_LPAR): "LPAR2: no such LPAR",
    Denied(Result.LPAR_IN_OPERATION, "op.7"): "LPAR2 is held by operation op.7",
    Denied(Result.TOO_MANY_OPERATIONS): "64 operations are under way already",
    Denied(Result.LPAR_CHECK_STOPPED): "LPAR2 is check-stopped",
    Denied(Result.ALREADY_THERE): "LPAR2: main storage origin is 192M already",
}


@pytest.mark.parametrize("denied", DENIED, ids=lambda denied: denied.reason)
def test_an_operation_that_did_not_begin_is_answered_with_the_reason(denied: Denied):
    outcome = denied_outcome(denied, "LPAR2", 192 * M)
    assert (outcome.result, outcome.message) == (denied.reason, DENIED[denied])
    assert outcome.lips == ()
