"""Every rule of input and output catches what it is there for, and says so."""

from typing import Any

import pytest
from io_stories import SHARED, STUCK, busy, halted, rerouted, suspended
from io_telling import PAGE, Event
from relocation_events import LPAR
from spoiling import broken, edited, find, inserted, later, numbers, of_start, shifted, without

MS = 1_000_000
EVENTS = busy().events
HALTED = halted().events
PARTS = suspended()
REROUTED = rerouted()
NAMES = (
    "io-inside-zone", "starts-end-once", "held-starts-in-order", "interruptions-once", "interruptions-after-sie",
    "late-transfers-refused",
)  # fmt: skip


HELD = numbers(EVENTS, "start.held")  # three at IOP1, the one that is deferred, one more at IOP2
LAST = numbers(EVENTS, "start.accepted")[-1]
FIRST = numbers(EVENTS, "start.ended", lpar=LPAR)[0]
KEPT = EVENTS[find(EVENTS, "interruptions.kept")]["numbers"]
CLEARED = numbers(HALTED, "start.ended", function="CLEAR")[0]
RELEASED = find(EVENTS, "starts.released")


def lost_start(number: int, ns: int = 2 * MS) -> list[Event]:
    """A held start is dropped at its release: nothing is heard of it any more, nor of its interruption."""
    ended = of_start(EVENTS, number, "ended")
    interruption = EVENTS[ended + 1]["number"]
    kept = [
        event
        for index, event in enumerate(EVENTS)
        if event.get("start") != number or index <= of_start(EVENTS, number, "held")
    ]
    return later([event for event in kept if event.get("number") != interruption], ns)


def moved(events: list[Event], name: str, to: int, **fields: Any) -> list[Event]:
    """An event that comes elsewhere."""
    return shifted(events, find(events, name, **fields), to)


PENDED = find(EVENTS, "interruption.pending", number=KEPT[0])
PRESENTED = find(EVENTS, "interruption.presented", number=KEPT[0])
SIE = find(EVENTS, "sie.issued", op="op.1", lip="LIP4")
LATE = {**HALTED[find(HALTED, "transfer.ended", device=STUCK)], "lowest_host": 192 * PAGE}
LATE |= {"highest_host": 192 * PAGE + 511, "origin_frame": 192}

# Rule -> fault -> events, what the rule says of it.
ZONE: dict[str, tuple[list[Event], str]] = {
    "a stale origin, inside the zone": (
        edited(EVENTS, "transfer.ended", -1, origin_frame=128, lowest_host=200 * PAGE),
        "by origin 128, but SALE gave frames [192, 448)",
    ),
    "a byte above the zone": (
        edited(EVENTS, "transfer.ended", 0, highest_host=384 * PAGE),
        "0x80000 to 0x180000 by origin 128, but SALE gave frames [128, 384)",
    ),
    "a byte below it": (
        edited(EVENTS, "transfer.ended", 0, lowest_host=128 * PAGE - 1),
        "but SALE gave frames [128, 384)",
    ),
    "an IOP that never got SALE": (
        edited(EVENTS, "transfer.ended", 0, iop="IOP9"), "at IOP9 accessed storage without SALE"
    ),
    "inside the zone, but not by SALE": (
        edited(EVENTS, "sale.set", 0, like={"op": "op.1", "iop": "IOP2"}, origin_frame=191),
        "but SALE gave frames [191, 447)",
    ),
    "SALE was skipped": (
        without(EVENTS, "sale.set", op="op.1", iop="IOP2"), "by origin 192, but SALE gave frames [128, 384)"
    ),
    "by SALE, but not in the zone": (without(EVENTS, "zone.moved"), "by origin 192, but the zone is frames [128, 384)"),
    "the second part of a suspended program keeps the old zone": (
        edited(PARTS, "transfer.ended", 3, origin_frame=128, lowest_host=128 * PAGE), "by origin 128, but SALE gave"
    ),
    "the first part already has the new one": (
        edited(PARTS, "transfer.ended", 2, origin_frame=192), "by origin 192, but SALE gave frames [128, 384)"
    ),
}  # fmt: skip
STARTS = {
    "a held start is lost": (
        lost_start(HELD[1]), f"start {HELD[1]} of LPAR2 (device 0192) was lost: held at IOP1 at"
    ),
    "a start gets lost on its way": (
        later(
            [
                event
                for event in EVENTS
                if event.get("start") != LAST or event["event"] == "start.accepted"
                if event.get("number") != max(numbers(EVENTS, "interruption.pending"))
            ],
            2000 * MS,
        ),
        f"start {LAST} of LPAR2 (device 0191) was lost: accepted at",
    ),
    "a deferred start is forgotten, though its device is its LPAR's alone, and free": (
        later([*HALTED[: find(HALTED, "start.begun", -1)], HALTED[-1]], 2000 * MS),
        "(device 0195) was lost: deferred at IOP1",
    ),
    "a start ends twice": (
        inserted(EVENTS, RELEASED, EVENTS[of_start(EVENTS, FIRST, "ended")]),
        f"start {FIRST} of LPAR2 (device 0190) is told as ended, but has ended already",
    ),
    "a start ends that nobody made": (
        edited(EVENTS, "start.ended", 0, start=99), "start 99 of LPAR2 (device 0190) is told as ended, but was never"
    ),
    "a start begins twice": (
        inserted(EVENTS, of_start(EVENTS, FIRST, "ended"), EVENTS[of_start(EVENTS, FIRST, "begun")]),
        "is told as begun, but has begun already",
    ),
    "a start begins after its end": (
        inserted(EVENTS, of_start(EVENTS, FIRST, "ended") + 1, EVENTS[of_start(EVENTS, FIRST, "begun")]),
        "is told as begun, but has ended already",
    ),
    "a start begins before it is accepted": (
        shifted(EVENTS, of_start(EVENTS, FIRST, "begun"), of_start(EVENTS, FIRST, "accepted")),
        "is told as begun, but was never accepted",
    ),
    "a start begins while its LPAR is quiesced": (
        shifted(EVENTS, of_start(EVENTS, HELD[0], "begun"), RELEASED),
        f"start {HELD[0]} of LPAR2 (device 0190) begins at IOP1, where LPAR2 is held since",
    ),
    "a running start is held": (
        inserted(EVENTS, find(EVENTS, "lip.stopped"), EVENTS[of_start(EVENTS, HELD[0], "held")],
                 start=numbers(EVENTS, "start.begun", lpar=LPAR)[2]),
        "is told as held, but has begun already",
    ),
    "a start runs on another device": (
        edited(EVENTS, "start.begun", 0, device="0191"), "is told as begun, but is of device 0190"
    ),
    "a number is used again": (
        edited(EVENTS, "start.accepted", 1, start=1), "start 1 of LPAR2 is accepted after start 1"
    ),
}  # fmt: skip
IN_ORDER = {
    "two held starts change places": (
        shifted(EVENTS, of_start(EVENTS, HELD[1], "begun"), of_start(EVENTS, HELD[0], "begun")),
        f"start {HELD[1]} of LPAR2 begins at IOP1 before start {HELD[0]} (device 0190), which was held before",
    ),
    "a younger start goes first": (
        inserted(EVENTS, of_start(EVENTS, HELD[0], "begun"), EVENTS[of_start(EVENTS, HELD[0], "begun")], start=98,
                 device="0194"),
        f"start 98 of LPAR2 begins at IOP1 before start {HELD[0]} (device 0190)",
    ),
    "a deferred start is overtaken at its own device": (
        inserted(EVENTS, of_start(EVENTS, HELD[3], "begun"), EVENTS[of_start(EVENTS, HELD[3], "begun")], start=98),
        f"start 98 of LPAR2 begins at IOP2 before start {HELD[3]} (device {SHARED})",
    ),
    "a held start begins before its release": (
        shifted(EVENTS, of_start(EVENTS, HELD[0], "begun"), RELEASED),
        f"start {HELD[0]} of LPAR2 is held at IOP1, and begins",
    ),
    "fewer are released than are held": (
        edited(EVENTS, "starts.released", 0, held=2),
        f"2 starts of LPAR2 are released at IOP1, held: {HELD[0]}, {HELD[1]}, {HELD[2]}",
    ),
    "more are released than are held": (edited(EVENTS, "starts.released", 1, held=3), "3 starts of LPAR2 are released"),
    "released without SALE": (
        without(EVENTS, "sale.set", op="op.1", iop="IOP1"), "starts of LPAR2 are released at IOP1 without SALE"
    ),
    "released before SALE": (
        shifted(EVENTS, RELEASED, find(EVENTS, "sale.set", op="op.1")), "released at IOP1 without SALE, quiescing since"
    ),
}  # fmt: skip
ONCE = {
    "presented twice": (
        inserted(EVENTS, SIE + 3, EVENTS[PRESENTED]),
        f"interruption {KEPT[0]} of LPAR2 (device 0190) is presented, but it is not pending any more",
    ),
    "presented and cleared": (
        inserted(EVENTS, PRESENTED + 1, {
            **{name: value for name, value in EVENTS[PRESENTED].items() if name != "lip"},
            "event": "interruption.cleared", "reason": "TEST SUBCHANNEL",
        }),
        f"interruption {KEPT[0]} of LPAR2 (device 0190) is cleared, but it is not pending any more",
    ),
    "presented without having been pending": (
        edited(EVENTS, "interruption.presented", -1, number=99), "(device 0191) is presented, but it was never pending",
    ),
    "presented for another device": (
        edited(EVENTS, "interruption.presented", 0, device="0191"), "(device 0191) is presented, but it is not pending"
    ),
    "a number is used again": (
        edited(EVENTS, "interruption.pending", 1, number=1), "interruption 1 of LPAR2 comes after number 1"
    ),
    "one is lost before the next of its device": (
        without(EVENTS, "interruption.presented", number=KEPT[0]),
        f"interruption {KEPT[0]} of that device was pending: it was lost",
    ),
    "the end of a start in the stop makes none pending": (
        without(EVENTS, "interruption.pending", number=KEPT[0]),
        f"ended at {EVENTS[PENDED - 1]['t']} ns, and no interruption became pending before SIE",
    ),
    "the end of a start makes none pending, and the next start comes": (
        [event for event in EVENTS if event.get("number") != 1 or event["lpar"] != LPAR],
        "start 1 of LPAR2 (device 0190) ended at 250 ns, and no interruption became pending before the next start",
    ),
    "the end of the last start makes none pending": (
        later([event for event in EVENTS if event.get("number") != max(numbers(EVENTS, "interruption.pending"))], 2000 * MS),
        "and no interruption became pending since",
    ),
}  # fmt: skip
AFTER_SIE = {
    "presented while the guest stands": (
        shifted(EVENTS, PRESENTED, find(EVENTS, "chunk.moved")),
        f"interruption {KEPT[0]} of LPAR2 (device 0190) is presented on LIP4, while the guest is stopped since",
    ),
    "presented on a LIP that has not stopped yet": (
        shifted(EVENTS, find(EVENTS, "interruption.presented", 1), find(EVENTS, "lip.stopped", lip="LIP4")),
        "is presented on LIP3, while the guest is stopped since",
    ),
    "presented between the restart and the LIP's SIE": (
        shifted(EVENTS, PRESENTED, SIE), "is presented on LIP4, while the guest is stopped since"
    ),
    "not kept": (
        edited(without(EVENTS, "interruption.presented", number=KEPT[0]), "interruptions.kept", numbers=[]),
        f"interruption {KEPT[0]} of LPAR2 (device 0190) was pending while the guest was stopped, and is lost",
    ),
    "kept, but presented before": (
        moved(EVENTS, "interruptions.kept", PRESENTED + 1), "is told as kept, but is not pending"
    ),
    "lost, and overtaken": (
        without(without(EVENTS, "interruptions.kept"), "interruption.presented", number=KEPT[0]),
        f"is pending, but interruption {KEPT[0]}, pending while the guest was stopped, was lost",
    ),
    "lost without being told, and a younger one presented": (
        [
            event for event in without(EVENTS, "interruptions.kept")
            if event.get("number") != KEPT[0] or event["event"] == "interruption.pending"
        ],
        "pending while the guest was stopped, was lost",
    ),
    "cleared while the guest stands": (
        inserted(EVENTS, find(EVENTS, "chunk.moved"), {
            **{name: value for name, value in EVENTS[PRESENTED].items() if name != "lip"},
            "event": "interruption.cleared", "reason": "a move",
        }),
        f"interruption {KEPT[0]} of LPAR2 (device 0190) is cleared by a move, while the guest stands since",
    ),
}  # fmt: skip
TOO_LATE = {
    "a late transfer is not refused": (
        inserted(HALTED, find(HALTED, "transfer.refused"), LATE),
        f"start {CLEARED} of LPAR2 (device 0195 at IOP1) accessed storage from",
    ),
    "a late transfer into the program of another start": (
        inserted(HALTED, len(HALTED) - 1, LATE), f"start {CLEARED} of LPAR2 (device 0195 at IOP1) accessed storage"
    ),
    "a transfer of a start that never began": (
        edited(EVENTS, "transfer.ended", 0, start=99), "start 99 of LPAR2 (device 0190 at IOP1) accessed storage from"
    ),
    "a transfer of a running start is refused": (
        shifted(HALTED, find(HALTED, "transfer.refused"), find(HALTED, "start.ended", start=CLEARED)),
        f"start {CLEARED} of LPAR2 (device 0195) is refused 512 bytes, but was not given up",
    ),
}  # fmt: skip
FAULTS = dict(zip(NAMES, (ZONE, STARTS, IN_ORDER, ONCE, AFTER_SIE, TOO_LATE), strict=True))


@pytest.mark.parametrize(
    ("rule", "fault"),
    [pytest.param(rule, fault, id=f"{rule}: {fault}") for rule in FAULTS for fault in FAULTS[rule]],
)
def test_a_planted_fault_breaks_its_rule_and_is_told(rule, fault):
    events, text = FAULTS[rule][fault]
    found = broken(events)
    assert rule in found, f"{rule} does not see that {fault}; broken are {found}"
    assert text in found[rule], f"{text!r} is missing in {found[rule]!r}"


def test_a_late_transfer_is_told_with_its_time_and_what_ended_the_start():
    found = broken(TOO_LATE["a late transfer is not refused"][0])["late-transfers-refused"]
    assert f"after its end by CLEAR at {HALTED[of_start(HALTED, CLEARED, 'ended')]['t']} ns" in found


def test_a_lost_start_breaks_no_other_rule_of_io():
    cut = later([*EVENTS[: of_start(EVENTS, HELD[1], "begun")], EVENTS[-1]], 2 * MS)
    assert set(broken(cut)) == {"starts-end-once", "commands-answered", "phases-in-order"}
