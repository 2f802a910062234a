import pytest
from attrs import evolve

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.protocol.admission import Denied
from lparvm.protocol.catalogue import Result
from lparvm.protocol.outcomes import denied_outcome, outcome_of
from lparvm.protocol.phases import State
from lparvm.protocol.relocation import TABLE
from lparvm.protocol.relocation_record import Denial, Relocation
from lparvm.protocol.results import LipStop
from lparvm.protocol.standstill_record import Party

M = 256  # frames of a MiB
LIPS = ("LIP3", "LIP4")
BUSY = m.BusyDevice(0x190, "IOP1", 0, "READ", 0x02, 0x1008, 4096, 3_000_000, ((1, 2),))
FREED = m.BusyDevice(0x191, "IOP1", 1, "WRITE", 0x01, 0x2008, 0, 1_000_000)
PARTY = Party("LPAR2", Zone(128 * M, 256 * M), Zone(192 * M, 256 * M), ("IOP1",), LIPS)
RECORD = Relocation(op="op.1", parties=(PARTY,), stop_ns=10**10, quiesce_ns=2 * 10**9, state=State.REPORTED)
OTHER = Party("LPAR1", Zone(0, 128 * M), Zone(256 * M, 128 * M), (), ("LIP1",))
STOPS = (LipStop("LPAR2", "LIP3", 12_300_000), LipStop("LPAR2", "LIP4", 4_000_000))
RESULTS = {row.result for row in TABLE if row.result is not None}


def _outcome(result: Result, stops: tuple[LipStop, ...] = STOPS, **changes: object):
    return outcome_of(evolve(RECORD, result=result, **changes), stops)


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


def test_a_check_stop_tells_which_iop_is_to_blame():
    assert "IOP1 refused SALE" in _outcome(Result.CHECK_STOPPED, refusing_iop="IOP1").message


def test_an_exchange_tells_where_both_are_and_how_long_each_stood():
    stops = (LipStop("LPAR2", "LIP3", 12_300_000), LipStop("LPAR1", "LIP1", 4_000_000))
    outcome = _outcome(Result.COMPLETED, stops=stops, committed=True, parties=(PARTY, OTHER))
    assert outcome.code == "LVM012I"
    assert outcome.message == (
        "LPAR2 is at 192M now and LPAR1 at 256M; exchanged 98304 pages, LPAR2 stood still 12.3 ms, LPAR1 4 ms"
    )
    assert outcome.pages == 98304


def test_an_exchange_that_failed_is_about_both():
    outcome = _outcome(Result.STOP_TIMED_OUT, stops=STOPS[:1], parties=(PARTY, OTHER))
    assert outcome.message == "LPAR2 and LPAR1: LIP4, LIP1 did not stop within 10 s; the guests run on"


def test_an_exchange_that_is_refused_for_a_frame_tells_whose_it_is():
    denied = Denial("LPAR1", Result.ZONE_FAULTY, frame=16)
    outcome = _outcome(Result.ZONE_FAULTY, denied=denied, parties=(PARTY, OTHER))
    assert outcome.message == "LPAR2 and LPAR1: frame 16, which LPAR1 owns, is faulty; nothing was stopped"


def test_an_exchange_that_was_cancelled_is_about_the_guests_of_both():
    outcome = _outcome(Result.CANCELLED, parties=(PARTY, OTHER))
    assert outcome.message == "LPAR2 and LPAR1: cancelled; the guests run on where they were"
    assert _outcome(Result.CANCELLED).message == "LPAR2: cancelled; the guest runs on where it was"


def test_a_mover_that_failed_is_told_with_how_far_it_came():
    assert "after 700 pages" in _outcome(Result.MOVE_FAILED, pages_across=0, furthest=700).message


def test_a_test_says_that_nothing_was_done():
    outcome = _outcome(Result.COMPLETED, test=True)
    assert outcome.code == "LVM014I"
    assert "LPAR2 to 192M can be moved" in outcome.message
    assert outcome.pages == 0


@pytest.mark.parametrize("result", sorted(RESULTS))
def test_no_value_is_missing_in_what_a_relocation_ends_with(result: Result):
    outcome = _outcome(
        result, denied=Denial("LPAR2", result, "LPAR3", 300), fault_frame=300, refusing_iop="IOP1",
        still_busy=(BUSY,), busy_devices=(BUSY,), parties=(PARTY, OTHER),
    )  # fmt: skip
    assert outcome.result is result
    assert "?" not in outcome.message
    assert "None" not in outcome.message
    assert outcome.message.startswith(("LPAR2: ", "LPAR2 and LPAR1", "LPAR2 is at"))


DENIED = (
    (Denied(Result.UNKNOWN_LPAR, {"lpar": "LPAR2"}), "LPAR2: no such LPAR"),
    (
        Denied(Result.LPAR_IN_OPERATION, {"lpar": "LPAR2", "operation": "op.7"}),
        "LPAR2 is held by operation op.7",
    ),
    (Denied(Result.TOO_MANY_OPERATIONS, {"limit": 64}), "64 operations are under way already"),
    (
        Denied(Result.ALREADY_THERE, {"lpar": "LPAR2", "target": 192 << 20}),
        "LPAR2: main storage origin is 192M already",
    ),
    (
        Denied(Result.SAME_LPAR, {"lpar": "LPAR2"}),
        "LPAR2: is named twice; the command needs another LPAR there",
    ),
)


@pytest.mark.parametrize(("denied", "message"), DENIED, ids=[str(denied.reason) for denied, _ in DENIED])
def test_an_operation_that_did_not_begin_is_answered_with_the_reason(denied: Denied, message: str):
    outcome = denied_outcome(denied)
    assert (outcome.result, outcome.message) == (denied.reason, message)
    assert outcome.lips == ()
