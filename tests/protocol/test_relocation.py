"""The relocation machine: every state with every event, and the stories that matter."""

from collections.abc import Iterable

import pytest
from attrs import evolve

from lparvm.arch.address import Zone
from lparvm.errors import ProtocolError
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation as machine
from lparvm.protocol.phases import Phase, State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.results import Result
from lparvm.protocol.standstill_record import Party

OP, LPAR = "op.1", "LPAR2"
SOURCE, TARGET = Zone(128, 256), Zone(192, 256)
BUSY = m.BusyDevice(0x190, "IOP1", 0, "READ", 0x02, 0x1000, 512, 5, ((1, 2),), LPAR)

EVENTS: dict[str, object] = {
    "AreasFree": m.AreasFree(OP),
    "AreaTaken": m.AreaTaken(OP, LPAR, Result.TARGET_OCCUPIED, "LPAR3"),
    "AreasReserved": m.AreasReserved(OP),
    "TargetPrepared": m.TargetPrepared(OP),
    "GuestStopped": m.GuestStopped(OP, LPAR),
    "StopTimedOut": m.StopTimedOut(OP),
    "QuiesceTimedOut": m.QuiesceTimedOut(OP),
    "BusyReminderDue": m.BusyReminderDue(OP),
    "HaltTimedOut": m.HaltTimedOut(OP),
    "IopQuiesced": m.IopQuiesced(OP, LPAR, "IOP1"),
    "IopBusy": m.IopBusy(OP, LPAR, "IOP1", (BUSY,)),
    "ChunkMoved": m.ChunkMoved(OP, 5),
    "MoveEnded": m.MoveEnded(OP, 256, False, None),
    "MoveFaulty": m.MoveEnded(OP, 7, False, 300),
    "MoverFailed": m.MoveEnded(OP, 7, False, None, failed=True),
    "AddressLimitsSet": m.AddressLimitsSet(OP),
    "AddressLimitsRefused": m.AddressLimitsRefused(OP, "IOP1"),
    "GuestRestarted": m.GuestRestarted(OP, LPAR, (m.LipStanding("LIP1", 1, 2),)),
    "HeldStartsReleased": m.HeldStartsReleased(OP, LPAR, "IOP1", 2),
    "FramesPoisoned": m.FramesPoisoned(OP),
    "AreasReleased": m.AreasReleased(OP),
    "CancelOperation": m.CancelOperation("op.2", OP),
}

# Written by hand, apart from the table: what each state has a use for. Everything else must be refused,
# save what `LATE` lists.
USEFUL = {
    State.ASKED: "AreasFree AreaTaken CancelOperation",
    State.PREPARING: "TargetPrepared CancelOperation",
    State.WITHDRAWING: "AreasFree AreaTaken TargetPrepared CancelOperation",
    State.STOPPING: "GuestStopped StopTimedOut CancelOperation",
    State.QUIESCING: "IopQuiesced IopBusy QuiesceTimedOut CancelOperation",
    State.WAITING: "IopQuiesced QuiesceTimedOut CancelOperation",
    State.OVERDUE: "IopQuiesced IopBusy CancelOperation",
    State.WAITING_ON: "IopQuiesced BusyReminderDue CancelOperation",
    State.REMINDING: "IopQuiesced IopBusy CancelOperation",
    State.HALTING: "IopQuiesced HaltTimedOut CancelOperation",
    State.CLEARING: "IopQuiesced IopBusy CancelOperation",
    State.CLEARING_IN_VAIN: "IopQuiesced IopBusy CancelOperation",
    State.CHECKING: "AreasReserved AreaTaken CancelOperation",
    State.CHECKING_IN_VAIN: "AreasReserved AreaTaken CancelOperation",
    State.MOVING: "ChunkMoved MoveEnded MoveFaulty MoverFailed CancelOperation",
    State.INTERRUPTING: "ChunkMoved MoveEnded MoveFaulty MoverFailed CancelOperation",
    State.NOTIFYING: "AddressLimitsSet AddressLimitsRefused CancelOperation",
    State.RESTARTING: "GuestRestarted CancelOperation",
    State.MOVING_BACK: "ChunkMoved MoveEnded MoveFaulty MoverFailed CancelOperation",
    State.RESTORING_LIMITS: "AddressLimitsSet AddressLimitsRefused CancelOperation",
    State.RETURNING: "GuestRestarted CancelOperation",
    State.RESUMING_IO: "HeldStartsReleased CancelOperation",
    State.VACATING: "FramesPoisoned CancelOperation",
    State.RELEASING: "AreasReleased CancelOperation",
    State.REPORTED: "",
}
_AFTER_QUIESCING = (
    State.CHECKING, State.CHECKING_IN_VAIN, State.MOVING, State.INTERRUPTING, State.NOTIFYING, State.RESTARTING,
    State.MOVING_BACK, State.RESTORING_LIMITS, State.RETURNING, State.RESUMING_IO,
)  # fmt: skip
_TAIL = (State.VACATING, State.RELEASING)
_QUIESCING = (
    State.QUIESCING, State.WAITING, State.OVERDUE, State.WAITING_ON, State.REMINDING, State.HALTING, State.CLEARING,
    State.CLEARING_IN_VAIN,
)  # fmt: skip
LATE = {
    "StopTimedOut": {State.QUIESCING, State.WAITING, State.OVERDUE, *_AFTER_QUIESCING, *_TAIL},
    "QuiesceTimedOut": {*_AFTER_QUIESCING, *_TAIL},
    "BusyReminderDue": {*_AFTER_QUIESCING, *_TAIL},
    "HaltTimedOut": {*_AFTER_QUIESCING, *_TAIL},
    "GuestStopped": {State.RETURNING},
    "IopQuiesced": set(_AFTER_QUIESCING),
    "IopBusy": set(_AFTER_QUIESCING),
}


def _record(state: State = State.ASKED, **changes: object) -> Relocation:
    iops = changes.pop("iops", ("IOP1", "IOP2"))
    party = Party(LPAR, SOURCE, TARGET, iops, ("LIP1",))
    record = Relocation(op=OP, parties=(party,), stop_ns=10, quiesce_ns=20, state=state)
    if state in (*_QUIESCING, State.RESUMING_IO):
        record = evolve(record, busy_iops=party.pairs, unanswered_iops=party.pairs)
    return evolve(record, **changes)


def _play(events: Iterable[object], **changes: object) -> tuple[Relocation, list[o.Command]]:
    """From the first state through all events: the last record, and all that was ordered."""
    record, orders = machine.enter(_record(**changes))
    all_orders = list(orders)
    for event in events:
        record, orders = machine.advance(record, event)
        all_orders += orders
    return record, all_orders


def _phases(orders: Iterable[o.Command]) -> list[Phase]:
    return [order.phase for order in orders if isinstance(order, o.EnterPhase)]


def _posts(orders: Iterable[o.Command]) -> list[str]:
    return [f"{order.to}:{type(order.message).__name__}" for order in orders if isinstance(order, o.Post)]


def quiesced(iop: str) -> m.IopQuiesced:
    return m.IopQuiesced(OP, LPAR, iop)


def released(iop: str) -> m.HeldStartsReleased:
    return m.HeldStartsReleased(OP, LPAR, iop, 0)


E = EVENTS
TO_STOPPED = (E["AreasFree"], E["TargetPrepared"], E["GuestStopped"])
TO_MOVING = (*TO_STOPPED, quiesced("IOP2"), quiesced("IOP1"), E["AreasReserved"])
TAIL = (released("IOP1"), released("IOP2"), E["FramesPoisoned"], E["AreasReleased"])
BACK = (E["AddressLimitsSet"], E["GuestRestarted"], released("IOP1"), released("IOP2"))


@pytest.mark.parametrize("state", USEFUL)
@pytest.mark.parametrize("name", EVENTS)
def test_every_state_has_a_row_for_an_event_or_refuses_it_and_changes_nothing(state: State, name: str):
    record = _record(state)
    event = EVENTS[name]
    if name in USEFUL[state].split():
        machine.advance(record, event)
    elif state in LATE.get(name, ()):
        assert machine.advance(record, event) == (record, ()), "a late event must change nothing"
    else:
        before = evolve(record)
        with pytest.raises(ProtocolError, match="has no row"):
            machine.advance(record, event)
        assert record == before


def test_every_state_can_be_reached_and_left():
    reached = {row.to for row in machine.TABLE if row.to is not None} | {State.ASKED}
    left = {row.state for row in machine.TABLE if row.to is not None}
    assert reached == set(USEFUL)
    assert left == set(USEFUL) - {State.REPORTED}


def test_a_refusal_tells_the_story():
    record, _ = _play(TO_STOPPED)
    with pytest.raises(ProtocolError) as raised:
        machine.advance(record, E["AreasReleased"])
    assert raised.value.story == ("ASKED", "PREPARING", "STOPPING", "QUIESCING")


def test_a_move_that_completes_goes_through_the_patents_steps_in_order():
    events = (*TO_MOVING, E["ChunkMoved"], E["MoveEnded"], E["AddressLimitsSet"], E["GuestRestarted"], *TAIL)
    record, orders = _play(events)
    assert record.result is Result.COMPLETED
    assert record.committed
    steps = [order.step for order in orders if isinstance(order, o.EnterPhase)]
    assert steps == [None, 201, 202, 203, 204, None, 210, 211]
    assert _posts(orders) == [
        "RM:CheckAreas", "LIPCTL.LPAR2:StopGuest", "IOP1:QuiesceIop", "IOP2:QuiesceIop", "RM:ReserveAreas",
        "RM:SetAddressLimits", "LIPCTL.LPAR2:RestartGuest", "IOP1:ReleaseHeldStarts",
        "IOP2:ReleaseHeldStarts", "RM:ReleaseAreas",
    ]  # fmt: skip
    assert o.PoisonFrames(((LPAR, Zone(128, 64)),)) in orders, "only what the target doesn't cover is vacated"
    restart = next(
        x.message for x in orders if isinstance(x, o.Post) and isinstance(x.message, m.RestartGuest)
    )
    assert restart.zone == TARGET


def test_without_iops_quiesce_is_over_at_once():
    record, orders = _play(
        (*TO_STOPPED, E["AreasReserved"], E["MoveEnded"], E["AddressLimitsSet"], E["GuestRestarted"],
         E["FramesPoisoned"], E["AreasReleased"]), iops=(),
    )  # fmt: skip
    assert record.result is Result.COMPLETED
    assert Phase.QUIESCING in _phases(orders), (
        "step 202 stands in the trace also when there is nothing to wait for"
    )


@pytest.mark.parametrize(
    "result", [Result.TARGET_OCCUPIED, Result.OUTSIDE_STORAGE, Result.TARGET_FAULTY, Result.ZONE_FAULTY]
)
def test_the_early_check_refuses_without_touching_the_guest(result: Result):
    record, orders = _play([m.AreaTaken(OP, LPAR, result, "LPAR3")])
    assert record.result is result
    assert _posts(orders) == ["RM:CheckAreas"]
    assert _phases(orders) == [Phase.ADMITTING, Phase.REPORTED]


def test_a_lip_that_does_not_stop_in_time_gets_the_others_restarted():
    record, orders = _play((E["AreasFree"], E["TargetPrepared"], E["StopTimedOut"], E["GuestRestarted"]))
    assert record.result is Result.STOP_TIMED_OUT
    assert record.state is State.REPORTED
    assert _posts(orders)[-1] == "LIPCTL.LPAR2:RestartGuest"
    assert _phases(orders) == [Phase.ADMITTING, Phase.STOPPING, Phase.BACKING_OUT, Phase.REPORTED]


def test_io_that_never_ends_is_named_twice_and_the_guest_runs_on():
    again = m.IopBusy(OP, LPAR, "IOP1", (BUSY,), 1)
    events = (*TO_STOPPED, quiesced("IOP2"), E["IopBusy"], E["QuiesceTimedOut"], again, *BACK)
    record, orders = _play(events)
    assert record.result is Result.QUIESCE_TIMED_OUT
    assert record.state is State.REPORTED
    notices = [order.text for order in orders if isinstance(order, o.Notify)]
    assert len(notices) == 2, "once when the waiting begins, once at the timeout"
    assert all("0190 on IOP1" in text for text in notices)
    assert record.busy_devices == (BUSY,)
    sale = [x.message for x in orders if isinstance(x, o.Post) and isinstance(x.message, m.SetAddressLimits)]
    assert [order.placements[0].zone for order in sale] == [SOURCE], "SALE with the old zone, and no other"


def test_io_that_ends_on_the_last_stroke_lets_the_move_go_on():
    record, _ = _play((*TO_STOPPED, quiesced("IOP2"), E["QuiesceTimedOut"], quiesced("IOP1")))
    assert record.state is State.CHECKING


def test_a_target_taken_meanwhile_backs_out():
    record, orders = _play((*TO_STOPPED, quiesced("IOP1"), quiesced("IOP2"), E["AreaTaken"], *BACK))
    assert record.result is Result.TARGET_TAKEN
    assert not any(isinstance(order, o.BeginMove) for order in orders)


def test_a_storage_fault_moves_back_from_the_cursor():
    events = (*TO_MOVING, E["MoveFaulty"], m.MoveEnded(OP, 0, False, None), *BACK, *TAIL[2:])
    record, orders = _play(events)
    assert record.result is Result.STORAGE_FAULT
    assert record.fault_frame == 300
    assert any(isinstance(order, o.MoveBack) for order in orders)
    assert "RM:RetireFrame" in _posts(orders), "the frame is taken out of use"
    assert o.PoisonFrames(((LPAR, Zone(384, 64)),)) in orders, (
        "what the move wrote beyond the old zone is poisoned"
    )


def test_a_mover_that_fails_moves_back_and_takes_no_frame_out_of_use():
    record, orders = _play((*TO_MOVING, E["MoverFailed"], m.MoveEnded(OP, 0, False, None), *BACK, *TAIL[2:]))
    assert record.result is Result.MOVE_FAILED
    assert record.state is State.REPORTED
    assert record.furthest == 7, "the answer says how far it came"
    assert "RM:RetireFrame" not in _posts(orders)


def test_a_test_makes_the_early_check_and_nothing_else():
    record, orders = _play([E["AreasFree"]], test=True)
    assert (record.result, record.state) == (Result.COMPLETED, State.REPORTED)
    assert _posts(orders) == ["RM:CheckAreas"]


def test_a_refused_sale_moves_back_before_the_old_limits_are_set():
    events = (*TO_MOVING, E["MoveEnded"], E["AddressLimitsRefused"], m.MoveEnded(OP, 0, False, None))
    record, orders = _play((*events, *BACK, *TAIL[2:]))
    assert record.result is Result.SALE_REFUSED
    kinds = [type(x.message if isinstance(x, o.Post) else x).__name__ for x in orders]
    assert kinds.index("MoveBack") < len(kinds) - 1 - kinds[::-1].index("SetAddressLimits")
    assert not record.committed


def test_an_iop_that_refuses_the_old_limits_too_is_asked_three_times_then_the_lpar_is_check_stopped():
    refusal = E["AddressLimitsRefused"]
    events = (
        *TO_MOVING,
        E["MoveEnded"],
        refusal,
        m.MoveEnded(OP, 0, False, None),
        refusal,
        refusal,
        refusal,
    )
    record, orders = _play(events)
    assert record.result is Result.CHECK_STOPPED
    assert _posts(orders).count("RM:SetAddressLimits") == 1 + 3


CANCELLED_AT = {
    "ASKED": ((), (E["AreasFree"],)),
    "PREPARING": ((E["AreasFree"],), (E["TargetPrepared"],)),
    "STOPPING": ((E["AreasFree"], E["TargetPrepared"]), (E["GuestStopped"], E["GuestRestarted"])),
    "QUIESCING": (TO_STOPPED, (quiesced("IOP1"), *BACK)),
    "OVERDUE": ((*TO_STOPPED, E["QuiesceTimedOut"]), (E["IopBusy"], *BACK)),
    "WAITING": ((*TO_STOPPED, E["IopBusy"], quiesced("IOP2")), (quiesced("IOP1"), *BACK)),
    "CHECKING": (TO_MOVING[:-1], (E["AreasReserved"], *BACK, *TAIL[2:])),
    "CHECKING, taken": (TO_MOVING[:-1], (E["AreaTaken"], *BACK)),
    "MOVING": (
        (*TO_MOVING, E["ChunkMoved"]),
        (m.MoveEnded(OP, 9, True, None), m.MoveEnded(OP, 0, False, None), *BACK, *TAIL[2:]),
    ),
    "MOVING, all across": (
        TO_MOVING, (E["MoveEnded"], m.MoveEnded(OP, 0, False, None), *BACK, *TAIL[2:]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("phase", CANCELLED_AT)
def test_cancel_before_the_commit_brings_the_guest_back(phase: str):
    before, after = CANCELLED_AT[phase]
    record, orders = _play((*before, E["CancelOperation"], *after))
    assert record.state is State.REPORTED
    assert record.result is Result.CANCELLED
    assert o.AnswerCancel("op.2", Result.COMPLETED) in orders
    assert not record.committed


@pytest.mark.parametrize("state", [State.NOTIFYING, State.RESTARTING, State.RESUMING_IO, State.RETURNING])
def test_cancel_comes_too_late_after_the_move(state: State):
    record, orders = machine.advance(_record(state), E["CancelOperation"])
    assert orders == (o.AnswerCancel("op.2", Result.NOT_CANCELLABLE),)
    assert record.cancels == ()
