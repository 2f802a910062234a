"""Step 202: what is told of busy devices, and what becomes of the move by BUSY=."""

import pytest
from quiesce_events import (
    ABOUT,
    BACK,
    CANCEL,
    GRACE,
    LPAR,
    OP,
    REMINDER,
    TIMEOUT,
    busy,
    device,
    notices,
    play,
    posts,
    quiet,
)

from lparvm.config import BUSY_REMINDER_NS, HALT_GRACE_NS
from lparvm.errors import ProtocolError
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation as machine
from lparvm.protocol.busy_devices import Busy
from lparvm.protocol.phases import Phase, State
from lparvm.protocol.results import Result

WAITED = (busy("IOP1", 0x190, 0x191), busy("IOP2", 0x18F))
ASKED = (*WAITED, TIMEOUT, busy("IOP1", 0x190, 0x191, attempt=1), busy("IOP2", 0x18F, attempt=1))


def test_when_every_iop_has_answered_one_message_names_every_busy_device():
    record, orders = play(WAITED[:1])
    assert notices(orders) == [], "IOP2 has not answered yet"
    record, orders = play(WAITED)
    ((code, text),) = notices(orders)
    assert code == "LVM032W"
    assert [line.split()[0] for line in text.splitlines()[1:]] == ["018F", "0190", "0191"]
    assert record.state is State.WAITING


def test_an_iop_that_was_quiet_meanwhile_is_not_named():
    _, orders = play((WAITED[0], quiet("IOP1"), WAITED[1]))
    ((_, text),) = notices(orders)
    assert text == f"LPAR2: waiting for I/O to end: {text.partition(': waiting for I/O to end: ')[2]}"
    assert "018F on IOP2, path 0: READ (06), CCW at 0x1000, 512 bytes left" in text
    assert "IOP1" not in text


def test_at_the_timeout_one_more_message_names_what_is_busy_now():
    events = (*WAITED, quiet("IOP2"), TIMEOUT, busy("IOP1", 0x191, attempt=1, bytes_left=7))
    record, orders = play(events)
    assert record.result is Result.QUIESCE_TIMED_OUT
    (_, (code, text)) = notices(orders)
    assert code == "LVM032W"
    assert "0191 on IOP1" in text
    assert "7 bytes left" in text
    assert "0190" not in text
    assert record.still_busy == (device(0x191, bytes_left=7),)
    assert record.busy_devices == (device(0x190), device(0x191, bytes_left=7), device(0x18F, "IOP2")), (
        "all that was waited for, as last reported"
    )


def test_what_was_still_busy_is_known_until_the_report():
    record, _ = play((*ASKED, *BACK))
    assert record.state is State.REPORTED
    assert len(record.still_busy) == 3


def test_a_late_answer_to_the_first_question_is_none_to_the_second():
    events = (WAITED[0], TIMEOUT, busy("IOP2", 0x18F, attempt=0), busy("IOP1", 0x190, attempt=1))
    record, orders = play(events)
    assert record.state is State.OVERDUE, "IOP2 has not answered the second question"
    assert record.still_busy == (device(0x190),)
    assert notices(orders) == []
    record, orders = machine.advance(record, quiet("IOP2"))
    assert record.state is State.RESTORING_LIMITS
    ((_, text),) = notices(orders)
    assert "IOP2" not in text, "it went out of operation meanwhile"


def test_each_question_has_a_number_of_its_own():
    _, orders = play(
        (*ASKED, REMINDER, *(busy(x, 0x190, attempt=2) for x in ("IOP1", "IOP2")), REMINDER), Busy.WAIT
    )
    asked = [(to, message.attempt) for to, message in posts(orders, m.QuiesceIop, m.ReportBusyDevices)]
    assert asked == [(iop, attempt) for attempt in range(4) for iop in ("IOP1", "IOP2")]


# --- BUSY=WAIT ----------------------------------------------------------------------------------------------


def test_wait_goes_on_waiting_and_reminds_with_what_is_busy_then():
    events = (*ASKED, REMINDER, busy("IOP1", 0x191, attempt=2), quiet("IOP2"))
    record, orders = play(events, Busy.WAIT)
    assert (record.state, record.result) == (State.WAITING_ON, None)
    assert orders.count(o.StartTimer(o.Timer.REMINDER, BUSY_REMINDER_NS)) == 2
    assert [code for code, _ in notices(orders)] == ["LVM032W", "LVM032W", "LVM033W"]
    text = notices(orders)[-1][1]
    assert text.startswith("LPAR2: still waiting for I/O to end; CANCEL op.1 gives up; busy: 0191 on IOP1")
    assert "018F" not in text


def test_only_iops_that_are_busy_are_asked_for_a_reminder():
    _, orders = play((*ASKED, quiet("IOP1"), REMINDER), Busy.WAIT)
    last = posts(orders, m.ReportBusyDevices)[-1]
    assert last == ("IOP2", m.ReportBusyDevices(OP, LPAR, 2))
    assert len(posts(orders, m.ReportBusyDevices)) == 3


def test_wait_ends_when_the_last_device_ends_and_the_move_goes_on():
    record, orders = play((*ASKED, quiet("IOP2"), quiet("IOP1")), Busy.WAIT)
    assert record.state is State.CHECKING
    assert o.StopTimer(o.Timer.REMINDER) in orders
    record, _ = play((*ASKED, REMINDER, quiet("IOP2"), quiet("IOP1")), Busy.WAIT)
    assert record.state is State.CHECKING, "also while a reminder is prepared"


# --- BUSY=HALT ----------------------------------------------------------------------------------------------


def test_halt_tells_the_busy_iops_and_the_operator():
    record, orders = play((*WAITED, quiet("IOP2"), TIMEOUT, busy("IOP1", 0x190, 0x191, attempt=1)), Busy.HALT)
    assert record.state is State.HALTING
    assert posts(orders, m.HaltBusyDevices) == [("IOP1", m.HaltBusyDevices(*ABOUT))]
    assert orders[-1] == o.StartTimer(o.Timer.HALT, HALT_GRACE_NS)
    assert notices(orders)[-1] == ("LVM034W", "LPAR2: halting 0190 on IOP1, 0191 on IOP1")


def test_devices_that_end_when_halted_let_the_move_go_on():
    record, orders = play((*ASKED, quiet("IOP1"), quiet("IOP2")), Busy.HALT)
    assert record.state is State.CHECKING
    assert o.StopTimer(o.Timer.HALT) in orders
    assert notices(orders)[-1] == ("LVM035I", "LPAR2: halted: 018F on IOP2, 0190 on IOP1, 0191 on IOP1")
    assert posts(orders, m.ClearBusyDevices) == []


CLEARING = (*ASKED, quiet("IOP2"), GRACE, busy("IOP1", 0x191, attempt=2))
TOLD = [
    ("LVM035I", "LPAR2: halted: 018F on IOP2, 0190 on IOP1"),
    ("LVM036W", "LPAR2: cleared, for halting did not end them within 1 s: 0191 on IOP1"),
]


def test_devices_that_do_not_end_within_the_grace_are_cleared_and_the_move_goes_on():
    record, orders = play((*CLEARING, quiet("IOP1")), Busy.HALT)
    assert record.state is State.CHECKING
    last = posts(orders, m.ReportBusyDevices, m.ClearBusyDevices)[-2:]
    assert last == [("IOP1", m.ReportBusyDevices(OP, LPAR, 2)), ("IOP1", m.ClearBusyDevices(*ABOUT))]
    assert notices(orders)[-2:] == TOLD


def test_a_device_that_ends_on_the_last_stroke_was_halted_not_cleared():
    # IOP1's own word, then its answers to the question and to the order.
    record, orders = play(
        (*ASKED, quiet("IOP2"), GRACE, quiet("IOP1"), quiet("IOP1"), quiet("IOP1")), Busy.HALT
    )
    assert record.state is State.CHECKING
    assert [code for code, _ in notices(orders)][-1] == "LVM035I"


def test_where_every_device_is_cleared_none_is_told_to_be_halted():
    events = (*ASKED, GRACE, busy("IOP1", 0x190, 0x191, attempt=2), busy("IOP2", 0x18F, attempt=2))
    _, orders = play((*events, quiet("IOP1"), quiet("IOP2")), Busy.HALT)
    assert [code for code, _ in notices(orders)] == ["LVM032W", "LVM032W", "LVM034W", "LVM036W"]


# --- CANCEL -------------------------------------------------------------------------------------------------

CANCELLED_AT = {
    State.WAITING: (Busy.REFUSE, WAITED),
    State.OVERDUE: (Busy.REFUSE, ASKED[:-1]),
    State.WAITING_ON: (Busy.WAIT, ASKED),
    State.REMINDING: (Busy.WAIT, (*ASKED, REMINDER)),
    State.HALTING: (Busy.HALT, ASKED),
}


@pytest.mark.parametrize("state", CANCELLED_AT)
def test_cancel_ends_the_waiting_at_once_and_the_guest_runs_on(state: State):
    policy, events = CANCELLED_AT[state]
    record, _ = play(events, policy)
    assert record.state is state
    late = (TIMEOUT, REMINDER, GRACE, busy("IOP1", 0x190, attempt=record.attempt), quiet("IOP1"))
    record, orders = play((*events, CANCEL, *late, *BACK), policy)
    assert (record.state, record.result) == (State.REPORTED, Result.CANCELLED)
    assert o.AnswerCancel("op.2", Result.COMPLETED) in orders
    (sale,) = posts(orders, m.SetAddressLimits)
    assert [one.zone for one in sale[1].placements] == [record.parties[0].source]
    stopped = [order.timer for order in orders if isinstance(order, o.StopTimer)]
    assert {o.Timer.QUIESCE, o.Timer.REMINDER, o.Timer.HALT} <= set(stopped)


def test_a_cancel_while_devices_are_cleared_waits_until_it_is_known_which():
    record, orders = play((*CLEARING[:-1], CANCEL, CLEARING[-1]), Busy.HALT)
    assert record.state is State.CLEARING_IN_VAIN
    record, orders = play((*CLEARING, CANCEL, quiet("IOP1"), *BACK), Busy.HALT)
    assert (record.state, record.result) == (State.REPORTED, Result.CANCELLED)
    assert notices(orders)[-2:] == TOLD
    assert Phase.CHECKING not in [order.phase for order in orders if isinstance(order, o.EnterPhase)]


@pytest.mark.parametrize("attempt", range(2))
@pytest.mark.parametrize("state", [State.WAITING, State.WAITING_ON, State.HALTING])
def test_an_iop_that_was_not_asked_has_no_busy_devices_to_tell(state: State, attempt: int):
    policy, events = CANCELLED_AT[state]
    record, _ = play(events, policy)
    with pytest.raises(ProtocolError, match="has no row"):
        machine.advance(record, busy("IOP1", 0x190, attempt=attempt))
