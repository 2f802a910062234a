"""The machines of DEFINE, ACTIVATE, IPL, STOP, START and DEACTIVATE: every state with every event, and stories."""

from collections.abc import Iterable

import pytest
from attrs import evolve

from lparvm.arch.address import Zone
from lparvm.errors import ProtocolError
from lparvm.protocol import lifecycle
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.engine import Machine
from lparvm.protocol.lifecycle_outcomes import outcome_of_lifecycle, settle_lifecycle
from lparvm.protocol.lifecycle_record import (
    ActivateOperation,
    DeactivateOperation,
    DefineOperation,
    HoldOperation,
    Lifecycle,
    LoadOperation,
    UnholdOperation,
)
from lparvm.protocol.lpar_entry import NO_ZONE, Definition, LparEntry, LparState, Stage
from lparvm.protocol.operations import KINDS
from lparvm.protocol.phases import Phase, State
from lparvm.protocol.results import Result

OP, LPAR, ZONE = "op.1", "B", Zone(256, 64)
LIPCTL = "LIPCTL.B"
PLAN = Definition(64, 256, ("LIP2", "LIP3"), "hammer", {"seed": 7}, (0x190,))
LOADED = LparEntry(LPAR, ZONE, ("IOP1", "IOP2"), ("LIP2", "LIP3"), definition=PLAN)
NOT_LOADED = evolve(LOADED, stage=Stage.ACTIVATED, lips=())
DEFINED = evolve(NOT_LOADED, stage=Stage.DEFINED, zone=NO_ZONE)
CHECK_STOPPED = evolve(LOADED, check_stopped=True)
HELD = evolve(LOADED, held=True)

EVENTS: dict[str, object] = {
    "GuestChecked": m.GuestChecked(OP),
    "GuestCheckedBad": m.GuestChecked(OP, "no such guest"),
    "ZoneAssigned": m.ZoneAssigned(OP, LPAR, ZONE, 8),
    "NoRoom": m.AreaTaken(OP, LPAR, Result.NO_ROOM),
    "Occupied": m.AreaTaken(OP, LPAR, Result.TARGET_OCCUPIED, "A"),
    "FramesCleared": m.FramesCleared(OP),
    "GuestPrepared": m.GuestPrepared(OP, LPAR),
    "LparAttached1": m.LparAttached(OP, LPAR, "IOP1"),
    "LparAttached2": m.LparAttached(OP, LPAR, "IOP2"),
    "GuestStopped": m.GuestStopped(OP, LPAR),
    "GuestStoppedFailed": m.GuestStopped(OP, LPAR, True),
    "StopTimedOut": m.StopTimedOut(OP),
    "GuestRestarted": m.GuestRestarted(OP, LPAR, ()),
    "GuestHeld": m.GuestHeld(OP, LPAR),
    "GuestStarted": m.GuestStarted(OP, LPAR),
    "GuestReset": m.GuestReset(OP, LPAR),
    "Holdings": m.HoldingsReported(OP, LPAR, ZONE),
    "HoldingsBeside": m.HoldingsReported(OP, LPAR, ZONE, (Zone(512, 64),)),
    "GuestVerified": m.GuestVerified(OP),
    "LparDetached1": m.LparDetached(OP, LPAR, "IOP1"),
    "LparDetached2": m.LparDetached(OP, LPAR, "IOP2"),
    "FramesPoisoned": m.FramesPoisoned(OP),
    "AreasReleased": m.AreasReleased(OP),
    "LimitsSet": m.AddressLimitsSet(OP),
    "LimitsRefused": m.AddressLimitsRefused(OP, "IOP2"),
    "ZoneFreed": m.ZoneFreed(OP, LPAR),
    "GuestLoaded": m.GuestLoaded(OP),
    "GuestLoadedBad": m.GuestLoaded(OP, "no such guest"),
    "CancelOperation": m.CancelOperation("op.2", OP),
}

FIRST: dict[str, tuple[Machine, Lifecycle]] = {
    "DEFINE": (lifecycle.DEFINE, DefineOperation(op=OP, before=DEFINED, now=DEFINED)),
    "ACTIVATE": (
        lifecycle.ACTIVATE,
        ActivateOperation(op=OP, before=DEFINED, now=DEFINED, paths=((0x190, ("IOP1", "IOP2")),)),
    ),
    "IPL": (lifecycle.LOAD, LoadOperation(op=OP, before=LOADED, now=LOADED, definition=PLAN)),
    "DEACTIVATE": (lifecycle.DEACTIVATE, DeactivateOperation(op=OP, before=LOADED, now=LOADED)),
    "STOP": (lifecycle.HOLD, HoldOperation(op=OP, before=LOADED, now=LOADED)),
    "START": (lifecycle.UNHOLD, UnholdOperation(op=OP, before=HELD, now=HELD)),
}

# Written by hand, apart from the tables: what each state has a use for. Everything else must be refused, save
# what `LATE` lists.
_STOP = {State.STOPPING: "GuestStopped GuestStoppedFailed StopTimedOut CancelOperation"}
_RESET = {
    **_STOP,
    State.RETURNING: "GuestRestarted CancelOperation",
    State.RESETTING_GUEST: "GuestReset CancelOperation",
    State.SURVEYING: "Holdings HoldingsBeside CancelOperation",
    State.VERIFYING: "GuestVerified CancelOperation",
    State.VACATING: "FramesPoisoned CancelOperation",
    State.REPORTED: "",
}
USEFUL = {
    "DEFINE": {
        State.CHECKING_GUEST: "GuestChecked GuestCheckedBad CancelOperation",
        State.WITHDRAWING: "GuestChecked GuestCheckedBad CancelOperation",
        State.REPORTED: "",
    },
    "ACTIVATE": {
        State.ASSIGNING: "ZoneAssigned NoRoom Occupied CancelOperation",
        State.ASSIGNING_IN_VAIN: "ZoneAssigned NoRoom Occupied CancelOperation",
        State.CLEARING_ZONE: "FramesCleared CancelOperation",
        State.CLEARING_ZONE_IN_VAIN: "FramesCleared CancelOperation",
        State.ATTACHING: "GuestPrepared LparAttached1 LparAttached2 CancelOperation",
        State.FREEING: "ZoneFreed CancelOperation",
        State.REPORTED: "",
    },
    "STOP": {
        **_STOP,
        State.RETURNING: "GuestRestarted CancelOperation",
        State.HOLDING: "GuestHeld CancelOperation",
        State.REPORTED: "",
    },
    "START": {State.UNHOLDING: "GuestStarted CancelOperation", State.REPORTED: ""},
    "DEACTIVATE": {
        **_RESET,
        State.DETACHING: "LparDetached1 LparDetached2 CancelOperation",
        State.FREEING: "ZoneFreed CancelOperation",
    },
    "IPL": {
        State.CHECKING_GUEST: "GuestChecked GuestCheckedBad CancelOperation",
        State.WITHDRAWING: "GuestChecked GuestCheckedBad CancelOperation",
        **_RESET,
        State.RENEWING_LIMITS: "LimitsSet LimitsRefused CancelOperation",
        State.RELEASING: "AreasReleased CancelOperation",
        State.LOADING_GUEST: "GuestLoaded GuestLoadedBad CancelOperation",
        State.STARTING_GUEST: "GuestStarted CancelOperation",
    },
}
_LATE = {
    "STOP": (State.HOLDING,),
    "DEACTIVATE": (
        State.RESETTING_GUEST, State.SURVEYING, State.VERIFYING, State.DETACHING, State.VACATING, State.FREEING,
    ),
    "IPL": (
        State.RESETTING_GUEST, State.SURVEYING, State.VERIFYING, State.VACATING, State.RELEASING,
        State.LOADING_GUEST, State.STARTING_GUEST,
    ),
}  # fmt: skip
LATE = {
    (name, state, event)
    for name, states in _LATE.items()
    for state, event in (
        *((state, "StopTimedOut") for state in states),
        (State.RETURNING, "StopTimedOut"),
        (State.RETURNING, "GuestStopped"),
        (State.RETURNING, "GuestStoppedFailed"),
    )
}


def play(name: str, *events: str, record: Lifecycle | None = None) -> tuple[Lifecycle, list[o.Command]]:
    """Begin and feed events by name; the last record, and all that was ordered."""
    machine, first = FIRST[name]
    current, ordered = machine.enter(record or first)
    orders = list(ordered)
    for event in events:
        current, ordered = machine.advance(current, EVENTS[event])
        orders += ordered
    return current, orders


def posted(orders: Iterable[o.Command]) -> list[tuple[str, str]]:
    """(to, message) of all posts."""
    return [(one.to, type(one.message).__name__) for one in orders if isinstance(one, o.Post)]


def in_state(name: str, state: State) -> Lifecycle:
    """A record in a state, and what it knows there as much as the events care."""
    record = evolve(FIRST[name][1], state=state, story=(str(state),))
    return evolve(record, unanswered=("LIPCTL.B", "IOP1", "IOP2")) if state is State.ATTACHING else (
        evolve(record, unanswered=("IOP1", "IOP2")) if state is State.DETACHING else record
    )  # fmt: skip


@pytest.mark.parametrize("name", FIRST)
def test_every_state_takes_what_it_has_a_use_for_and_refuses_the_rest_unchanged(name: str):
    machine = FIRST[name][0]
    assert set(USEFUL[name]) == {row.to for row in machine.table if row.to not in (None, State.ADMITTED)}, (
        "the table reaches exactly the states listed here"
    )
    for state, useful in USEFUL[name].items():
        for event, message in EVENTS.items():
            record = in_state(name, state)
            if event in useful.split():
                after, orders = machine.advance(record, message)
                assert (after, orders) != (record, ()), f"{name}: {event} means nothing in {state}"
            elif (name, state, event) in LATE:
                assert machine.advance(record, message) == (record, ()), f"{name}: {event} is late in {state}"
            else:
                with pytest.raises(ProtocolError):
                    machine.advance(record, message)


@pytest.mark.parametrize("name", FIRST)
def test_every_walk_ends_reported_once_with_one_result(name: str):
    """Every useful event in every order, to a depth at which each machine has ended."""
    machine, first = FIRST[name]
    firsts = [first]
    if name in {"IPL", "DEACTIVATE"}:
        firsts += [evolve(first, before=one, now=one) for one in (NOT_LOADED, CHECK_STOPPED, HELD)]
    seen, open_ = set(), [machine.enter(one)[0] for one in firsts]
    results = set()
    while open_:
        record = open_.pop()
        key = (
            record.state,
            record.result,
            record.unanswered,
            record.before.state,
            len(record.cancels),
            record.failed,
        )
        if key in seen:
            continue
        seen.add(key)
        if record.state is State.REPORTED:
            assert record.result is not None
            results.add(record.result)
            continue
        for event in USEFUL[name][record.state].split():
            if event == "CancelOperation" and record.cancels:
                continue
            after, orders = machine.advance(record, EVENTS[event])
            reports = sum(isinstance(one, o.Report) for one in orders)
            assert reports == (after.state is State.REPORTED)
            open_.append(after)
    assert Result.COMPLETED in results


def test_deactivate_goes_through_its_phases_and_orders_all_that_the_lpar_has_given_up():
    record, orders = play(
        "DEACTIVATE", "GuestStopped", "GuestReset", "Holdings", "GuestVerified", "LparDetached1", "LparDetached2",
        "FramesPoisoned", "ZoneFreed",
    )  # fmt: skip
    assert record.result is Result.COMPLETED
    phases = [one.phase for one in orders if isinstance(one, o.EnterPhase)]
    assert phases == [Phase.ADMITTING, Phase.STOPPING, Phase.RESETTING, Phase.REPORTED]
    assert posted(orders) == [
        (LIPCTL, "StopGuest"), (LIPCTL, "ResetGuest"), ("RM", "QueryHoldings"), ("IOP1", "DetachLpar"),
        ("IOP2", "DetachLpar"), ("RM", "FreeZone"),
    ]  # fmt: skip
    assert o.PoisonFrames(((LPAR, ZONE),)) in orders
    assert settle_lifecycle(record, {LPAR: LOADED})[LPAR].state is LparState.DEFINED
    assert record.now.plan == PLAN


def test_ipl_ends_with_the_first_sie_and_its_phases_are_in_order():
    record, orders = play(
        "IPL",
        "GuestChecked",
        "GuestStopped",
        "GuestReset",
        "Holdings",
        "GuestVerified",
        "GuestLoaded",
        "GuestStarted",
    )
    phases = [one.phase for one in orders if isinstance(one, o.EnterPhase)]
    assert phases == [Phase.ADMITTING, Phase.STOPPING, Phase.RESETTING, Phase.LOADING, Phase.REPORTED]
    (start,) = [
        one.message for one in orders if isinstance(one, o.Post) and isinstance(one.message, m.StartGuest)
    ]
    assert (start.zone, start.lips) == (ZONE, ("LIP2", "LIP3"))
    assert record.now.state is LparState.ACTIVE


@pytest.mark.parametrize(
    ("entry", "first"), [(NOT_LOADED, State.LOADING_GUEST), (CHECK_STOPPED, State.RESETTING_GUEST)]
)
def test_ipl_stops_nothing_where_nothing_runs(entry: LparEntry, first: State):
    machine, record = FIRST["IPL"]
    entered, _ = machine.enter(evolve(record, before=entry, now=entry))
    after, _ = machine.advance(entered, EVENTS["GuestChecked"])
    assert after.state is first


def test_an_ipl_of_a_guest_that_there_is_not_has_touched_nothing():
    for event, result in (("GuestCheckedBad", Result.IPL_FAILED), ("CancelOperation", Result.CANCELLED)):
        rest = () if result is Result.IPL_FAILED else ("GuestChecked",)
        record, orders = play("IPL", event, *rest)
        assert record.result is result
        assert record.now == record.before
        assert posted(orders) == []
        assert o.CheckGuest(LPAR, PLAN) in orders


def test_what_a_check_stopped_lpar_holds_beside_its_zone_is_poisoned_and_released_before_ipl():
    first = FIRST["IPL"][1]
    record = evolve(first, before=CHECK_STOPPED, now=CHECK_STOPPED)
    after, orders = play(
        "IPL", "GuestChecked", "GuestReset", "HoldingsBeside", "GuestVerified", "LimitsSet", "FramesPoisoned", "AreasReleased",
        "GuestLoaded", "GuestStarted", record=record,
    )  # fmt: skip
    sale = m.SetAddressLimits(OP, (m.Placement(LPAR, ZONE, ("IOP1", "IOP2")),))
    assert o.Post("RM", sale) in orders, "the IOPs may not agree on the zone"
    assert o.PoisonFrames(((LPAR, Zone(512, 64)),)) in orders
    assert ("RM", "ReleaseAreas") in posted(orders)
    assert after.now.state is LparState.ACTIVE
    changed = [
        one.message.state
        for one in orders
        if isinstance(one, o.Post) and isinstance(one.message, m.LparStateChanged)
    ]
    assert changed == [LparState.ACTIVE]


def test_an_ipl_that_fails_leaves_the_lpar_not_loaded_and_tells_the_resource_manager():
    record, orders = play(
        "IPL", "GuestChecked", "GuestStopped", "GuestReset", "Holdings", "GuestVerified", "GuestLoadedBad"
    )
    assert record.result is Result.IPL_FAILED
    assert record.now.state is LparState.NOT_LOADED
    assert ("RM", "LparStateChanged") in posted(orders)
    assert outcome_of_lifecycle(record, ()).message == "B: IPL failed: no such guest"


def test_activate_is_told_when_lip_control_and_every_iop_know_the_lpar():
    record, orders = play(
        "ACTIVATE", "ZoneAssigned", "FramesCleared", "LparAttached2", "GuestPrepared", "LparAttached1"
    )
    assert record.result is Result.COMPLETED
    (told,) = [one for one in orders if isinstance(one, o.Tell)]
    assert told.event == "lpar.activated"
    assert told.fields["expanded_first_block"] == 8
    kinds = [type(one).__name__ for one in orders]
    assert kinds.index("ProvideParts") < kinds.index("Tell") < kinds.index("Report")
    posts = posted(orders)
    assert posts.index((LIPCTL, "PrepareGuest")) < posts.index(("IOP1", "AttachLpar"))


@pytest.mark.parametrize("cancel_after", [(), ("ZoneAssigned",)])
def test_a_cancelled_activate_gives_its_zone_back(cancel_after: tuple[str, ...]):
    rest = ("ZoneAssigned",) if not cancel_after else ("FramesCleared",)
    record, orders = play("ACTIVATE", *cancel_after, "CancelOperation", *rest, "ZoneFreed")
    assert record.result is Result.CANCELLED
    assert record.now.state is LparState.DEFINED
    (freed,) = [
        one.message for one in orders if isinstance(one, o.Post) and isinstance(one.message, m.FreeZone)
    ]
    assert not freed.activated
    assert o.AnswerCancel("op.2", Result.COMPLETED) in orders


@pytest.mark.parametrize("name", ["DEACTIVATE", "IPL", "STOP"])
@pytest.mark.parametrize(
    ("event", "result"), [("StopTimedOut", "STOP_TIMED_OUT"), ("CancelOperation", "CANCELLED")]
)
def test_until_the_reset_all_ends_as_if_nothing_had_happened(name: str, event: str, result: str):
    checked = ("GuestChecked",) if name == "IPL" else ()
    record, orders = play(name, *checked, event, "GuestRestarted")
    assert record.result == result
    assert record.now == record.before
    assert posted(orders) == [(LIPCTL, "StopGuest"), (LIPCTL, "RestartGuest")]


def test_stop_of_a_guest_that_failed_meanwhile_is_the_wrong_state():
    record, _ = play("STOP", "GuestStoppedFailed", "GuestRestarted")
    outcome = outcome_of_lifecycle(record, ())
    assert outcome.result is Result.WRONG_STATE
    assert outcome.message == "B is failed; STOP needs it to be active"


def test_a_definition_counts_only_when_it_is_complete():
    for events, known in ((("GuestChecked",), True), (("GuestCheckedBad",), False)):
        record, orders = play("DEFINE", *events)
        assert (LPAR in settle_lifecycle(record, {})) is known
        assert any(isinstance(one, o.Tell) for one in orders) is known
    cancelled, _ = play("DEFINE", "CancelOperation", "GuestChecked")
    assert LPAR not in settle_lifecycle(cancelled, {})


@pytest.mark.parametrize("name", FIRST)
def test_every_outcome_has_a_text_without_gaps(name: str):
    machine, first = FIRST[name]
    open_, seen = [machine.enter(first)[0]], set()
    while open_:
        record = open_.pop()
        if (record.state, record.result, record.unanswered, record.failed) in seen:
            continue
        seen.add((record.state, record.result, record.unanswered, record.failed))
        if record.state is State.REPORTED:
            outcome = KINDS[type(record)].outcome(record, ())
            assert "?" not in outcome.message, f"{outcome.result}: {outcome.message}"
            continue
        events = USEFUL[name][record.state].split()
        open_ += [machine.advance(record, EVENTS[event])[0] for event in events]
