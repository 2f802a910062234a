"""What a trace comes to."""

import pytest

from lparvm.config import TRACE_SUMMARY_COMMANDS_MAX
from lparvm.trace.summary import Summary, summary_as_json
from lparvm.trace.vocabulary import Level
from told_traces import HEADER, Told


def summed(told: Told) -> Summary:
    found = Summary()
    for event in told.events:
        found.feed(event)
    return found


@pytest.fixture
def told() -> Told:
    told = Told()
    told.boot(A=(0, 8), B=(8, 8))
    return told


def test_commands_with_their_answers_and_parts(told):
    told.tell("command.received", "SVP", op="op.1", text="MVSTOR A END EXPAND=B", t=1_000)
    told.tell("OperationEnded", op="op.1.1", to="SVP", outcome={"result": "COMPLETED"})
    told.tell("OperationEnded", op="op.1.2", to="SVP", outcome={"result": "NO_ROOM"})
    told.tell("OperationEnded", op="op.1", to="SVP", outcome="what")
    told.tell(
        "command.answered", "SVP", op="op.1", text="MVSTOR A END EXPAND=B", result="X", code="LVM1", t=5_000
    )
    told.tell("command.received", "SVP", op="op.2", text="CANCEL A")
    first, second = summed(told).commands.values()
    assert (first.op, first.result, first.code, first.took_ns) == ("op.1", "X", "LVM1", 4_000)
    assert first.parts == {"op.1.1": "COMPLETED", "op.1.2": "NO_ROOM"}
    assert (second.text, second.result, second.took_ns) == ("CANCEL A", None, None)


def test_so_many_commands_are_told_and_the_others_counted(told):
    for number in range(TRACE_SUMMARY_COMMANDS_MAX + 5):
        told.tell("command.received", "SVP", op=f"op.{number}", text="x")
        told.tell("command.answered", "SVP", op=f"op.{number}", text="x", result="DONE")
    found = summed(told)
    assert len(found.commands) == TRACE_SUMMARY_COMMANDS_MAX
    assert found.more_results == {"DONE": 5}


def test_stopped_time_adds_up_by_phase(told):
    for stopped_ns, moving_ns in ((10, 7), (30, 20)):
        phases = {"MOVING": moving_ns, "STOPPING": stopped_ns - moving_ns, "ODD": "x"}
        told.tell("guest.stood", lpar="A", lip="LIP1", stopped_ns=stopped_ns, phases_ns=phases)
    (stood,) = summed(told).stood.values()
    assert (stood.times, stood.stopped_ns, stood.longest_ns) == (2, 40, 30)
    assert stood.phases_ns == {"MOVING": 27, "STOPPING": 13}


def test_starts_and_transfers_by_device(told):
    start = {"lpar": "A", "iop": "IOP1", "device": "0190", "start": 1}
    told.tell("start.accepted", lpar="A", device="0190", start=1)
    told.tell("start.held", **start)
    told.tell("start.deferred", **start)
    told.tell("start.begun", **start)
    told.tell("transfer.ended", **start, bytes=100)
    told.tell("transfer.ended", **start, bytes=11)
    told.tell("transfer.refused", **start)
    told.tell("start.ended", **{**start, "iop": "IOP2"}, function="START", device_status=0x0C)
    told.tell("start.ended", **{**start, "iop": None}, function="CLEAR")
    told.tell("start.ended", **start, function="START", device_status=0x0E)
    told.tell("start.ended", **start, function="START", device_status=0x0C, subchannel_status=0x20)
    (device,) = summed(told).devices.values()
    assert (device.device, device.iops) == ("0190", ["IOP1", "IOP2"])
    assert (device.accepted, device.held, device.deferred, device.begun) == (1, 1, 1, 1)
    assert (device.ended, device.unusual, device.transfers, device.bytes, device.refused) == (4, 3, 2, 111, 1)


def test_guests_with_their_lives_and_damage(told):
    told.tell("guest.damaged", lpar="A")
    told.tell("guest.ended", lpar="A", reason="program ended")
    told.tell("guest.ended", lpar="A", reason="addressing exception")
    told.tell("guest.verified", lpar="A", guest="hammer", steps=10, damage=2)
    told.tell("guest.loaded", lpar="A", guest="ledger")
    told.tell("guest.verified", lpar="A", guest="ledger", steps=5, damage=0)
    for access in ("fetch", "fetch", "key"):
        told.tell("storage.accessed", lpar="A", access=access)
    guest = summed(told).guests["A"]
    assert (guest.guest, guest.lives, guest.verified, guest.steps) == ("ledger", 2, 2, 15)
    assert (guest.damage, guest.damaged, guest.failures) == (2, 1, 1)
    assert guest.accesses == {"fetch": 2, "key": 1}


def test_pages_moved_and_exchanged(told):
    told.chunk("A", 0, 4, 4)
    told.chunk("A", 0, 3, 1, inverse=True)
    for lower, upper, back in (("A", "B", False), ("B", "A", False), ("A", "B", True)):
        told.tell("chunk.exchanged", lower=lower, upper=upper, keys_set=8, inverse=back)
    found = summed(told)
    assert (found.guests["A"].pages_moved, found.guests["A"].pages_moved_back) == (4, 3)
    (pair,) = found.exchanges.values()
    assert (pair.lpars, pair.pages, pair.pages_back) == (("A", "B"), 16, 8)


def test_events_are_counted_by_kind_and_actor(told):
    told.tell("ReserveAreas", "LPARCTL", to="RM")
    told.tell("guest.danced", "LIP9")
    found = summed(told)
    assert found.of_kind(message=True) == {"ReserveAreas": 1}
    assert found.of_kind(message=False) == {
        "guest.loaded": 2, "lpar.activated": 2, "guest.danced": 1, "machine.started": 1,
    }  # fmt: skip
    assert found.busiest(2) == {"MACHINE": 5, "LIP9": 1}


def test_the_duration_is_from_the_first_event_to_the_latest():
    told = Told()
    for t in (500, 900, 700):
        told.tell("guest.danced", t=t)
    assert summed(told).duration_ns == 400
    assert Summary().duration_ns == 0


def test_what_a_level_leaves_out_is_told():
    assert [len(Summary().untold(level)) for level in (Level.PROTOCOL, Level.IO, Level.STORAGE)] == [2, 1, 0]


def test_as_an_object_every_key_is_there(told):
    empty = summary_as_json(Summary(), HEADER, None, Level.PROTOCOL)
    full = summary_as_json(summed(told), HEADER, {"verdict": "intact"}, Level.STORAGE)
    assert list(empty) == list(full)
    assert (empty["verdict"], empty["cut_off"], full["verdict"], full["cut_off"]) == (
        None,
        True,
        "intact",
        False,
    )
    assert full["machine"]["main_storage_frames"] == 64
    assert full["events"] == 5
