"""The machines of EXPAND and SHRINK: every state with every event, and the stories that matter."""

from collections.abc import Iterable
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.service_signal import StorageGivenUp, StorageGrown, StorageKept, StorageWanted
from lparvm.errors import ProtocolError
from lparvm.protocol import messages as m
from lparvm.protocol import operations as kinds
from lparvm.protocol import orders as o
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.phases import Phase, State
from lparvm.protocol.resizing import EXPAND, EXPAND_TABLE, SHRINK, SHRINK_TABLE
from lparvm.protocol.resizing_record import Expansion, Resizing, Shrinkage
from lparvm.protocol.results import Result
from lparvm.protocol.standstill_record import Party

OP, LPAR, ME = "op.1", "LPAR2", "LIPCTL.LPAR2"
SMALL, LARGE = Zone(128, 256), Zone(128, 320)
REST = Zone(384, 64)
IOPS = ("IOP1", "IOP2")
PAIRS = tuple((LPAR, iop) for iop in IOPS)
BUSY = m.BusyDevice(0x190, "IOP1", 0, "READ", 0x02, 0x1000, 512, 5, ((1, 2),))

EVENTS: dict[str, object] = {
    "ExtensionReserved": m.ExtensionReserved(OP, LPAR, 320),
    "AreaTaken": m.AreaTaken(OP, LPAR, Result.NO_ROOM, "LPAR3"),
    "FramesCleared": m.FramesCleared(OP),
    "AddressLimitsSet": m.AddressLimitsSet(OP),
    "AddressLimitsRefused": m.AddressLimitsRefused(OP, "IOP1"),
    "ExtentChanged": m.ExtentChanged(OP, LPAR),
    "GuestSignalled": m.GuestSignalled(OP, LPAR),
    "GuestUnreachable": m.GuestUnreachable(OP, LPAR),
    "GuestGaveUp": m.GuestAnswered(OP, LPAR, StorageGivenUp(256)),
    "GuestKept": m.GuestAnswered(OP, LPAR, StorageKept("mine")),
    "AnswerTimedOut": m.AnswerTimedOut(OP),
    "SignalSettled": m.SignalSettled(OP, LPAR),
    "FramesProven": m.FramesProven(OP, unused=True),
    "FramesInUse": m.FramesProven(OP, unused=False),
    "GuestStopped": m.GuestStopped(OP, LPAR),
    "StopTimedOut": m.StopTimedOut(OP),
    "QuiesceTimedOut": m.QuiesceTimedOut(OP),
    "BusyReminderDue": m.BusyReminderDue(OP),
    "HaltTimedOut": m.HaltTimedOut(OP),
    "IopQuiesced": m.IopQuiesced(OP, LPAR, "IOP1"),
    "IopBusy": m.IopBusy(OP, LPAR, "IOP1", (BUSY,)),
    "GuestRestarted": m.GuestRestarted(OP, LPAR, (m.LipStanding("LIP1", 1, 2),)),
    "HeldStartsReleased": m.HeldStartsReleased(OP, LPAR, "IOP1", 2),
    "FramesPoisoned": m.FramesPoisoned(OP),
    "AreasReleased": m.AreasReleased(OP),
    "CancelOperation": m.CancelOperation("op.2", OP),
}
E = EVENTS

# Written by hand, apart from the tables: what each state has a use for. Everything else must be refused, save
# what `LATE` lists.
S = State
EXPANDING = {
    S.EXTENSION_ASKED: "ExtensionReserved AreaTaken",
    S.WITHDRAWING: "ExtensionReserved AreaTaken",
    S.LETTING_GO: "AreasReleased",
    S.CLEARING_FRAMES: "FramesCleared",
    S.CLEARING_FRAMES_IN_VAIN: "FramesCleared",
    S.RAISING_LIMITS: "AddressLimitsSet AddressLimitsRefused",
    S.EXTENT_RAISED: "ExtentChanged",
    S.SIGNALLING: "GuestSignalled GuestUnreachable",
    S.RESTORING_LIMITS: "AddressLimitsSet AddressLimitsRefused",
    S.CHECK_STOPPING: "GuestStopped",
    S.VACATING: "FramesPoisoned",
    S.RELEASING: "AreasReleased",
    S.REPORTED: "",
}
SHRINKING = {
    S.ADMITTED: "",
    S.WANTING: "GuestGaveUp GuestKept GuestUnreachable AnswerTimedOut",
    S.UNASKING: "SignalSettled",
    S.EXTENT_LOWERED: "ExtentChanged",
    S.EXTENT_LOWERED_IN_VAIN: "ExtentChanged",
    S.LOWERING_LIMITS: "AddressLimitsSet AddressLimitsRefused",
    S.CONFIRMING: "SignalSettled",
    S.STOPPING: "GuestStopped StopTimedOut",
    S.QUIESCING: "IopQuiesced IopBusy QuiesceTimedOut",
    S.WAITING: "IopQuiesced QuiesceTimedOut",
    S.OVERDUE: "IopQuiesced IopBusy",
    S.WAITING_ON: "IopQuiesced BusyReminderDue",
    S.REMINDING: "IopQuiesced IopBusy",
    S.HALTING: "IopQuiesced HaltTimedOut",
    S.CLEARING: "IopQuiesced IopBusy",
    S.CLEARING_IN_VAIN: "IopQuiesced IopBusy",
    S.PROVING: "FramesProven FramesInUse",
    S.PROVING_IN_VAIN: "FramesProven FramesInUse",
    S.NOTIFYING: "AddressLimitsSet AddressLimitsRefused",
    S.RESTARTING: "GuestRestarted",
    S.RESTORING_LIMITS: "AddressLimitsSet AddressLimitsRefused",
    S.RESTORING_EXTENT: "ExtentChanged",
    S.CONFIRMING_IN_VAIN: "SignalSettled",
    S.CHECK_STOPPING: "GuestStopped",
    S.RETURNING: "GuestRestarted",
    S.RESUMING_IO: "HeldStartsReleased",
    S.VACATING: "FramesPoisoned",
    S.RELEASING: "AreasReleased",
    S.REPORTED: "",
}
_QUIESCING = {
    S.QUIESCING, S.WAITING, S.OVERDUE, S.WAITING_ON, S.REMINDING, S.HALTING, S.CLEARING, S.CLEARING_IN_VAIN,
}  # fmt: skip
_AFTER_202 = {
    S.PROVING, S.PROVING_IN_VAIN, S.NOTIFYING, S.RESTARTING, S.RESTORING_LIMITS, S.RETURNING, S.RESUMING_IO,
}  # fmt: skip
_TAIL = {S.VACATING, S.RELEASING}
LATE = {
    "AnswerTimedOut": set(SHRINKING) - {S.ADMITTED, S.WANTING, S.REPORTED},
    "GuestGaveUp": {S.UNASKING},
    "GuestKept": {S.UNASKING},
    "GuestUnreachable": {S.UNASKING},
    "StopTimedOut": {S.QUIESCING, S.WAITING, S.OVERDUE} | _AFTER_202 | _TAIL,
    "QuiesceTimedOut": _AFTER_202 | _TAIL,
    "BusyReminderDue": _AFTER_202 | _TAIL,
    "HaltTimedOut": _AFTER_202 | _TAIL,
    "GuestStopped": {S.RETURNING},
    "IopQuiesced": _AFTER_202,
    "IopBusy": _AFTER_202,
}
WITHOUT_CANCEL = {S.ADMITTED, S.REPORTED}
"""States that no message meets: the first is left at once, the last is forgotten."""


def expansion(**changes: Any) -> Expansion:
    party = Party(LPAR, SMALL, changes.pop("target", SMALL), changes.pop("iops", IOPS), ("LIP1",))
    return Expansion(op=OP, parties=(party,), **{"wanted": 320, **changes})


def shrinkage(**changes: Any) -> Shrinkage:
    party = Party(LPAR, LARGE, SMALL, changes.pop("iops", IOPS), ("LIP1",))
    return Shrinkage(op=OP, parties=(party,), **changes)


def _in(record: Any, state: State) -> Any:
    record = evolve(record, state=state)
    if state in {*_QUIESCING, S.RESUMING_IO}:
        record = evolve(record, busy_iops=PAIRS, unanswered_iops=PAIRS)
    return record


def _play(record: Resizing, events: Iterable[object]) -> tuple[Any, list[o.Command]]:
    """From the first state through all events: the last record, and all that was ordered."""
    after, orders = kinds.enter(record)
    all_orders = list(orders)
    for event in events:
        after, orders = kinds.advance(after, event)
        all_orders += orders
    return after, all_orders


def _posts(orders: Iterable[o.Command]) -> list[str]:
    return [f"{order.to}:{type(order.message).__name__}" for order in orders if isinstance(order, o.Post)]


def _posted(orders: Iterable[o.Command], kind: type) -> list[Any]:
    return [one.message for one in orders if isinstance(one, o.Post) and isinstance(one.message, kind)]


def _phases(orders: Iterable[o.Command]) -> list[str]:
    return [order.phase.value for order in orders if isinstance(order, o.EnterPhase)]


def quiesced(iop: str) -> m.IopQuiesced:
    return m.IopQuiesced(OP, LPAR, iop)


def released(iop: str) -> m.HeldStartsReleased:
    return m.HeldStartsReleased(OP, LPAR, iop, 0)


FREED = (E["FramesPoisoned"], E["AreasReleased"])
TO_SALE = (E["ExtensionReserved"], E["FramesCleared"])
GROWN = (*TO_SALE, E["AddressLimitsSet"], E["ExtentChanged"], E["GuestSignalled"])
GIVEN_UP = (E["GuestGaveUp"], E["ExtentChanged"])
SHRUNK = (*GIVEN_UP, E["AddressLimitsSet"], E["SignalSettled"], *FREED)
TO_PROOF = (E["AnswerTimedOut"], E["SignalSettled"], E["GuestStopped"], quiesced("IOP1"), quiesced("IOP2"))
TO_TAIL = (E["AddressLimitsSet"], E["GuestRestarted"], released("IOP1"), released("IOP2"))


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize(
    ("record", "state"),
    [(expansion(), state) for state in EXPANDING] + [(shrinkage(), state) for state in SHRINKING],
)
def test_every_state_has_a_row_for_an_event_or_refuses_it_and_changes_nothing(
    record: Resizing, state: State, name: str
):
    expands = isinstance(record, Expansion)
    useful = (EXPANDING if expands else SHRINKING)[state].split()
    useful += ["CancelOperation"] if state not in WITHOUT_CANCEL else []
    record = _in(record, state)
    event = EVENTS[name]
    if name in useful:
        kinds.advance(record, event)
    elif not expands and state in LATE.get(name, ()):
        assert kinds.advance(record, event) == (record, ()), "a late event must change nothing"
    else:
        before = evolve(record)
        with pytest.raises(ProtocolError, match="has no row"):
            kinds.advance(record, event)
        assert record == before


@pytest.mark.parametrize(
    ("table", "states", "first"),
    [(EXPAND_TABLE, EXPANDING, S.EXTENSION_ASKED), (SHRINK_TABLE, SHRINKING, S.ADMITTED)],
)
def test_every_state_can_be_reached_and_left(table, states, first):
    # With BUSY=REFUSE, which alone resizing knows, the states of the other policies exist and are not reached.
    reached = {row.to for row in table if row.to is not None} | {first}
    assert reached == set(states)
    assert {row.state for row in table if row.to is not None} == set(states) - {S.REPORTED}


# --- EXPAND -----------------------------------------------------------------------------------------------


def test_an_expand_holds_and_clears_frames_before_any_iop_or_lip_knows_of_them():
    record, orders = _play(expansion(), GROWN)
    assert record.result is Result.COMPLETED
    assert record.committed
    assert record.party.target == LARGE
    assert _posts(orders) == [
        "RM:ReserveExtension", "RM:SetAddressLimits", f"{ME}:ChangeExtent", f"{ME}:SignalGuest",
    ]  # fmt: skip
    assert o.ClearFrames(LPAR, REST) in orders
    (sale,) = _posted(orders, m.SetAddressLimits)
    assert sale.placements == (m.Placement(LPAR, LARGE, IOPS),)
    assert _posted(orders, m.ChangeExtent) == [m.ChangeExtent(OP, LPAR, LARGE)]
    assert _posted(orders, m.SignalGuest) == [m.SignalGuest(OP, LPAR, StorageGrown(320))]
    assert _phases(orders) == ["ADMITTING", "EXTENDING", "REPORTED"]


def test_a_guest_that_takes_no_signal_just_has_the_storage():
    record, _ = _play(expansion(), (*GROWN[:-1], E["GuestUnreachable"]))
    assert (record.result, record.committed) == (Result.COMPLETED, True)


def test_without_room_nothing_is_held():
    record, orders = _play(expansion(), [E["AreaTaken"]])
    assert record.result is Result.NO_ROOM
    assert _posts(orders) == ["RM:ReserveExtension"]
    assert "LPAR3 holds storage behind it" in _outcome(record).message


def test_a_refused_sale_gives_the_extension_back_poisoned():
    record, orders = _play(
        expansion(), (*TO_SALE, E["AddressLimitsRefused"], E["AddressLimitsSet"], *FREED)
    )  # fmt: skip
    assert (record.result, record.committed) == (Result.SALE_REFUSED, False)
    first, second = _posted(orders, m.SetAddressLimits)
    assert (first.placements[0].zone, second.placements[0].zone) == (LARGE, SMALL)
    assert o.PoisonFrames(((LPAR, REST),)) in orders
    assert _posts(orders)[-1] == "RM:ReleaseAreas"
    assert not _posted(orders, m.ChangeExtent), "the guest never had it"
    assert _phases(orders) == ["ADMITTING", "EXTENDING", "BACKING_OUT", "REPORTED"]


@pytest.mark.parametrize(
    ("start", "events", "tail"),
    [
        (expansion(), TO_SALE, [E["GuestStopped"]]),
        (shrinkage(), GIVEN_UP, [E["GuestStopped"]]),
        (shrinkage(), (*TO_PROOF, E["FramesProven"]), []),
    ],
)
def test_an_iop_that_refuses_the_old_limits_too_leaves_the_lpar_check_stopped(start, events, tail):
    record, orders = _play(start, (*events, *[E["AddressLimitsRefused"]] * 4, *tail))
    assert record.result is Result.CHECK_STOPPED
    assert _posts(orders)[-3:] == ["IOP1:AbandonLpar", "IOP2:AbandonLpar", "RM:LparStateChanged"]
    assert _posted(orders, m.StopGuest), "its guest doesn't run any more"
    assert "IOP1 refused SALE" in _outcome(record).message


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), (E["ExtensionReserved"], E["AreasReleased"])),
        ((), (E["AreaTaken"],)),
        (TO_SALE[:1], (E["FramesCleared"], E["AreasReleased"])),
    ],
)
def test_an_expand_is_cancelled_before_sale(before, after):
    record, orders = _play(expansion(), (*before, E["CancelOperation"], *after))
    assert record.result is Result.CANCELLED
    assert not _posted(orders, m.SetAddressLimits)
    assert o.AnswerCancel("op.2", Result.COMPLETED) in orders


# --- SHRINK -----------------------------------------------------------------------------------------------


def test_frames_that_the_guest_gives_up_leave_lips_then_iops_then_the_map():
    record, orders = _play(shrinkage(), SHRUNK)
    assert (record.result, record.committed) == (Result.COMPLETED, True)
    assert _posts(orders) == [
        f"{ME}:SignalGuest", f"{ME}:ChangeExtent", "RM:SetAddressLimits", f"{ME}:SettleSignal", "RM:ReleaseAreas",
    ]  # fmt: skip
    assert _posted(orders, m.SignalGuest) == [m.SignalGuest(OP, LPAR, StorageWanted(256))]
    assert _posted(orders, m.ChangeExtent) == [m.ChangeExtent(OP, LPAR, SMALL)]
    assert o.PoisonFrames(((LPAR, REST),)) in orders
    assert _phases(orders) == ["ADMITTING", "ASKING", "SHRINKING", "REPORTED"]
    assert _timers(orders) == [(o.StartTimer, o.Timer.ANSWER), (o.StopTimer, o.Timer.ANSWER)]


def test_a_guest_that_refuses_keeps_its_storage_and_its_reason_is_told():
    record, orders = _play(shrinkage(), [E["GuestKept"]])
    assert record.result is Result.GUEST_REFUSED
    assert _posts(orders) == [f"{ME}:SignalGuest"]
    assert _outcome(record).message == "LPAR2: the guest keeps its storage: mine"


@pytest.mark.parametrize("silent", [(E["GuestUnreachable"],), (E["AnswerTimedOut"], E["SignalSettled"])])
def test_unused_frames_of_a_guest_that_does_not_answer_go_while_it_stands(silent):
    events = (*silent, *TO_PROOF[2:], E["FramesProven"], *TO_TAIL, *FREED)
    record, orders = _play(shrinkage(), events)
    assert (record.result, record.committed) == (Result.COMPLETED, True)
    assert o.ProveUnused(LPAR, REST) in orders
    assert _posts(orders)[-8:] == [
        f"{ME}:StopGuest", "IOP1:QuiesceIop", "IOP2:QuiesceIop", "RM:SetAddressLimits", f"{ME}:RestartGuest",
        "IOP1:ReleaseHeldStarts", "IOP2:ReleaseHeldStarts", "RM:ReleaseAreas",
    ]  # fmt: skip
    assert [one.zone for one in _posted(orders, m.RestartGuest)] == [SMALL]
    assert _phases(orders)[2:] == ["STOPPING", "QUIESCING", "CHECKING", "NOTIFYING", "RESTARTING", "REPORTED"]
    assert len(record.standings) == 1


def test_frames_in_use_stay_and_the_guest_goes_on_as_it_was():
    record, orders = _play(shrinkage(), (*TO_PROOF, E["FramesInUse"], *TO_TAIL))
    assert (record.result, record.committed) == (Result.STORAGE_IN_USE, False)
    assert [one.zone for one in _posted(orders, m.RestartGuest)] == [LARGE]
    assert not _posted(orders, m.ReleaseAreas)
    assert not [one for one in orders if isinstance(one, o.PoisonFrames)]


def test_a_refused_sale_gives_the_guest_its_storage_back_before_its_call_is_answered():
    events = (
        *GIVEN_UP,
        E["AddressLimitsRefused"],
        E["AddressLimitsSet"],
        E["ExtentChanged"],
        E["SignalSettled"],
    )
    record, orders = _play(shrinkage(), events)
    assert (record.result, record.committed) == (Result.SALE_REFUSED, False)
    assert _posts(orders)[-3:] == ["RM:SetAddressLimits", f"{ME}:ChangeExtent", f"{ME}:SettleSignal"]
    assert _posted(orders, m.ChangeExtent)[-1].zone == LARGE
    assert _phases(orders)[-2:] == ["BACKING_OUT", "REPORTED"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), (E["SignalSettled"],)),
        ((), (E["GuestGaveUp"], E["SignalSettled"])),
        ((E["AnswerTimedOut"],), (E["SignalSettled"],)),
        (GIVEN_UP[:1], (E["ExtentChanged"], E["ExtentChanged"], E["SignalSettled"])),
        (TO_PROOF[:2], (E["GuestRestarted"],)),
        (TO_PROOF[:3], TO_TAIL),
        (TO_PROOF, (E["FramesProven"], *TO_TAIL)),
    ],
)
def test_a_shrink_is_cancelled_before_sale_and_the_guest_has_all_it_had(before, after):
    record, orders = _play(shrinkage(), (*before, E["CancelOperation"], *after))
    assert (record.state, record.result) == (S.REPORTED, Result.CANCELLED), record.story
    assert not record.committed
    zones = [one.zone for one in _posted(orders, m.ChangeExtent) + _posted(orders, m.RestartGuest)]
    assert not zones or zones[-1] == LARGE
    assert o.AnswerCancel("op.2", Result.COMPLETED) in orders


@pytest.mark.parametrize(
    ("start", "events"),
    [(expansion(), TO_SALE), (shrinkage(), GIVEN_UP), (shrinkage(), (*TO_PROOF, E["FramesProven"]))],
)
def test_cancel_is_denied_from_sale_on(start, events):
    record, orders = _play(start, (*events, E["CancelOperation"], E["AddressLimitsSet"]))
    assert record.committed
    assert o.AnswerCancel("op.2", Result.NOT_CANCELLABLE) in orders


# --- both -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "events", "zone"),
    [(expansion(), GROWN, LARGE), (shrinkage(), SHRUNK, SMALL), (shrinkage(), [E["GuestKept"]], LARGE)],
)
def test_lpar_control_knows_the_new_zone_afterwards(start, events, zone):
    record, _ = _play(start, events)
    lpars = {LPAR: LparEntry(LPAR, start.party.source, IOPS, ("LIP1",))}
    assert kinds.KINDS[type(record)].settle(record, lpars)[LPAR].zone == zone


def test_the_answer_of_a_completed_one_tells_the_size():
    record, _ = _play(expansion(), GROWN)
    outcome = _outcome(record)
    assert (outcome.code, outcome.message) == ("LVM013I", "LPAR2: main storage is 1280K now, from 512K")


@given(st.data(), st.sampled_from([expansion(), shrinkage(), shrinkage(iops=()), expansion(iops=())]))
def test_whatever_happens_the_end_is_the_new_extent_everywhere_or_the_old_one_everywhere(data, start):
    """Any order of the answers that a machine waits for, with CANCEL in between."""
    record, orders = kinds.enter(start)
    believed = _Believed(start.party.source)
    believed.hear(orders)
    for _ in range(200):
        if record.state is S.REPORTED:
            break
        names = [name for name in EVENTS if _can_follow(record, name)]
        name = data.draw(st.sampled_from(names))
        event = EVENTS[name]
        if name == "IopQuiesced" and record.busy_iops:
            event = quiesced(record.busy_iops[0][1])
        if name == "HeldStartsReleased":
            event = released(record.busy_iops[0][1])
        believed.answer(name)
        record, orders = kinds.advance(record, event)
        believed.hear(orders)
    else:
        pytest.fail(f"no end: {record.story}")
    assert record.result is not None
    if record.result is Result.CHECK_STOPPED:
        assert believed.stopped
        return
    zone = record.party.target if record.committed else record.party.source
    assert believed.sale == zone, record.story
    assert believed.extent == zone, record.story
    assert not believed.stopped, record.story
    held = believed.reserved if isinstance(record, Expansion) else record.committed
    freed = isinstance(record, Shrinkage) or not record.committed
    assert believed.released == (held and freed), record.story


class _Believed:
    """What those think who carry the orders out: a model that knows nothing of tables."""

    def __init__(self, zone: Zone) -> None:
        self.sale = self.extent = zone
        self.stopped = self.released = self.reserved = False
        self._wanted = zone

    def hear(self, orders: Iterable[o.Command]) -> None:
        for order in orders:
            match order:
                case o.Post(message=m.SetAddressLimits(placements=(placement,))):
                    self._wanted = placement.zone
                case o.Post(message=m.ChangeExtent(zone=zone) | m.RestartGuest(zone=zone)):
                    self.extent = zone
                    self.stopped &= not isinstance(order.message, m.RestartGuest)
                case o.Post(message=m.StopGuest()):
                    self.stopped = True
                case o.Post(message=m.ReleaseAreas()):
                    self.released = True

    def answer(self, name: str) -> None:
        if name == "AddressLimitsSet":
            self.sale = self._wanted
        self.reserved |= name == "ExtensionReserved"


def _can_follow(record: Any, name: str) -> bool:
    table = EXPANDING if isinstance(record, Expansion) else SHRINKING
    if name == "CancelOperation":
        return len(record.cancels) < 2
    if name in ("IopQuiesced", "HeldStartsReleased") and not record.busy_iops:
        return False
    return name in table[record.state].split()


def _outcome(record: Any) -> Any:
    return kinds.KINDS[type(record)].outcome(record, ())


def _timers(orders: Iterable[o.Command]) -> list[tuple[type, o.Timer]]:
    return [(type(one), one.timer) for one in orders if isinstance(one, o.StartTimer | o.StopTimer)]


def test_the_machines_are_those_of_the_registry():
    assert kinds.KINDS[Expansion].machine is EXPAND
    assert kinds.KINDS[Shrinkage].machine is SHRINK
    assert Phase.EXTENDING in {expansion(state=state).phase for state in EXPANDING}
