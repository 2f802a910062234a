"""Every rule catches what it is there for: one planted fault after the other, in an otherwise correct run."""

from typing import Any

import pytest
from relocation_events import CHUNK, LPAR, PAGE, Event, Story, backed_out, completed, zone
from spoiling import broken, edited, find, having, inserted, shifted, without

EVENTS = completed()
BACK = backed_out()
REFUSED = backed_out(refuse=True)


def slice_at(before: int, events: list[Event] = EVENTS, **new: Any) -> list[Event]:
    """LIP3 runs LPAR2 once more, just before an event."""
    return inserted(events, before, events[find(events, "slice.ended", lip="LIP3")], **new)


def transfer_at(before: int, events: list[Event] = EVENTS, **new: Any) -> list[Event]:
    """IOP1 moves bytes for LPAR2 once more, just before an event."""
    return inserted(events, before, events[find(events, "transfer.ended", iop="IOP1")], **new)


def early_restart(before: str) -> list[Event]:
    """The first SIE of the restart comes before an event."""
    return shifted(EVENTS, find(EVENTS, "sie.issued", lip="LIP3", nth=-1), find(EVENTS, before))


MOVED = having("chunk.moved")
STOP_FAULTS = {
    "one LIP is not stopped": without(EVENTS, "lip.stopped", lip="LIP4"),
    "no LIP is stopped": without(EVENTS, "lip.stopped"),
    "a guest runs on after its stop": slice_at(find(EVENTS, "iop.quiesced")),
    "a guest runs while its pages move": slice_at(find(EVENTS, "chunk.moved", nth=1)),
    "a slice is told after SIE that began before it": slice_at(
        find(EVENTS, "starts.released"), first_ns=EVENTS[find(EVENTS, "lip.stopped")]["t"] + 1,
        lowest_host=192 * PAGE, highest_host=192 * PAGE + 7, origin_frame=192,
    ),
    "a guest runs without any SIE": without(EVENTS[: find(EVENTS, "command.received")], "sie.issued", lip="LIP3"),
    "restarted before the move": early_restart("move.started"),
    "restarted during the move": early_restart("chunk.moved"),
    "restarted while the IOPs are told": shifted(
        EVENTS, find(EVENTS, "sie.issued", lip="LIP3", nth=-1), find(EVENTS, "sale.set", op="op.1")
    ),
    "restarted before the check": early_restart("area.reserved"),
    "checksums are taken of a running guest": without(
        [event for event in EVENTS if not MOVED(event)], "lip.stopped", lip="LIP3"
    ),
}  # fmt: skip
QUIESCE_FAULTS = {
    "one IOP is not quiesced": without(EVENTS, "iop.quiesced", iop="IOP2"),
    "no IOP is quiesced": without(EVENTS, "iop.quiesced"),
    "a transfer in the gap": transfer_at(find(EVENTS, "sale.set", op="op.1")),
    "a transfer during the move": transfer_at(find(EVENTS, "chunk.moved", nth=2)),
    "a transfer during the move at an IOP that never quiesced": transfer_at(
        find(EVENTS, "move.ended"), without(EVENTS, "iop.quiesced", iop="IOP1")
    ),
    "a transfer told after SALE that began in the gap": transfer_at(
        find(EVENTS, "starts.released"), first_ns=EVENTS[find(EVENTS, "move.ended")]["t"] + 1,
        last_ns=EVENTS[find(EVENTS, "starts.released")]["t"],
        origin_frame=192, lowest_host=192 * PAGE, highest_host=192 * PAGE + 7,
    ),
    "a transfer from before the quiesce to after SALE": transfer_at(
        find(EVENTS, "starts.released"), first_ns=1, last_ns=EVENTS[find(EVENTS, "starts.released")]["t"],
    ),
    "held starts begin before the pages have moved": shifted(
        EVENTS, find(EVENTS, "starts.released"), find(EVENTS, "chunk.moved")
    ),
    "held starts begin before the pages have moved back": shifted(
        BACK, find(BACK, "starts.released"), find(BACK, "chunk.moved", inverse=True)
    ),
}  # fmt: skip
ZONE_FAULTS = {
    "a stale origin after the move": edited(EVENTS, "slice.ended", -1, like={"lpar": LPAR}, origin_frame=128),
    "a new origin before the move": edited(EVENTS, "slice.ended", 1, origin_frame=192),
    "a byte below the zone": edited(EVENTS, "slice.ended", 1, lowest_host=128 * PAGE - 1),
    "a byte above the zone": edited(EVENTS, "slice.ended", 1, highest_host=384 * PAGE),
    "a guest in another LPAR's zone": edited(EVENTS, "slice.ended", 0, highest_host=128 * PAGE),
    "a guest without a zone": without(EVENTS, "lpar.activated", lpar="LPAR1"),
}
SALE_FAULTS = {
    "no SALE": without(EVENTS, "sale.set", op="op.1"),
    "SALE to one of two IOPs only": without(EVENTS, "sale.set", op="op.1", iop="IOP2"),
    "SALE gives another zone": edited(
        EVENTS, "sale.set", 0, like={"op": "op.1", "iop": "IOP2"}, origin_frame=193
    ),
    "SALE gives another size": edited(
        EVENTS, "sale.set", 0, like={"op": "op.1", "iop": "IOP2"}, extent_frames=255
    ),
    "SALE gives another zone while the guest runs": shifted(
        EVENTS, find(EVENTS, "sale.set", op="op.1"), find(EVENTS, "command.received")
    ),
    "SALE comes after SIE": shifted(
        EVENTS, find(EVENTS, "sale.set", op="op.1", iop="IOP1"), find(EVENTS, "starts.released")
    ),
    "SALE is not taken back": without(
        REFUSED, "sale.set", op="op.1", origin_frame=128
    ),
    "SIE has the old origin": edited(EVENTS, "sie.issued", -1, origin_frame=128),
    "the map is not changed": without(EVENTS, "zone.moved"),
    "the map changes while the guest runs": shifted(
        EVENTS, find(EVENTS, "zone.moved"), find(EVENTS, "starts.released")
    ),
    "I/O between SALE and the map's change": transfer_at(find(EVENTS, "zone.moved"), origin_frame=192),
}  # fmt: skip
CUSTODY_FAULTS = {
    "a key is not read": edited(EVENTS, "chunk.moved", 1, keys_read=CHUNK - 1),
    "a key is dropped": edited(EVENTS, "chunk.moved", 1, keys_set=CHUNK - 1),
    "an address is not stepped": edited(EVENTS, "chunk.moved", 1, steps=CHUNK + 1),
    "a chunk is lost": without(EVENTS, "chunk.moved", first_page=64),
    "a chunk is moved twice": inserted(
        EVENTS, find(EVENTS, "chunk.moved", nth=2), EVENTS[find(EVENTS, "chunk.moved", nth=1)]
    ),
    "a page is moved twice": edited(EVENTS, "chunk.moved", 1, first_page=129),
    "a chunk is no part of the move": edited(EVENTS, "chunk.moved", 0, first_page=256),
    "a chunk is moved without a move": without(EVENTS, "move.started"),
    "the cursor is wrong": edited(EVENTS, "chunk.moved", 1, pages_across=127),
    "the last cursor is wrong": edited(EVENTS, "move.ended", pages_across=255),
    "a page is lost": edited(EVENTS, "custody.verified", lost=1),
    "a page is duplicated": edited(EVENTS, "custody.verified", duplicated=1),
    "a page is stale": edited(EVENTS, "custody.verified", stale=1),
    "a key is wrong": edited(EVENTS, "custody.verified", keys_wrong=1),
    "a key did not land": edited(EVENTS, "custody.verified", keys=255),
    "data differ": edited(EVENTS, "custody.verified", data_digest="d1"),
    "keys differ": edited(EVENTS, "custody.verified", key_digest="k1"),
    "compared at the wrong place": edited(EVENTS, "custody.verified", origin_frame=128),
    "never compared": without(EVENTS, "custody.verified"),
    "never taken": without(EVENTS, "custody.recorded"),
    "not compared after moving back": without(BACK, "custody.verified"),
    "a chunk is not moved back": without(BACK, "chunk.moved", inverse=True, first_page=192),
    "started half way, forth": without(BACK, "chunk.moved", inverse=True),
    "started at the source with all pages across": edited(EVENTS, "sie.issued", 3, origin_frame=128),
    "moved back before the move forth ended": without(BACK, "move.ended", inverse=False),
    "more is moved back than is across": edited(BACK, "move.started", 1, first_page=64, pages=192),
    "moved twice forth": inserted(
        EVENTS, find(EVENTS, "custody.verified"), EVENTS[find(EVENTS, "move.started")]
    ),
    "checksums are taken after the move began": shifted(
        EVENTS, find(EVENTS, "custody.recorded"), find(EVENTS, "chunk.moved", nth=1)
    ),
}
DIRECTION_FAULTS = {
    "upwards from the first page": edited(EVENTS, "move.started", direction="ascending"),
    "downwards from the last page": edited(completed(192, 128), "move.started", direction="descending"),
    "back in the way of the move forth": edited(
        REFUSED, "move.started", like={"inverse": True}, direction="descending"
    ),
    "chunks go the other way": edited(
        edited(EVENTS, "chunk.moved", 0, first_page=0), "chunk.moved", -1, first_page=192
    ),
    "two chunks are exchanged": shifted(
        EVENTS, find(EVENTS, "chunk.moved", nth=2), find(EVENTS, "chunk.moved", nth=1)
    ),
}
OWNER_FAULTS = {
    "two owners from the start": edited(EVENTS, "lpar.activated", 0, extent_frames=129),
    "a zone past the end of storage": edited(EVENTS, "machine.started", main_storage_frames=383),
    "a target past the end of storage": edited(EVENTS, "area.reserved", origin_frame=254),
    "another's frames are reserved": edited(EVENTS, "area.reserved", origin_frame=127),
    "a second target is reserved": inserted(
        EVENTS, find(EVENTS, "move.started"), EVENTS[find(EVENTS, "area.reserved")]
    ),
    "an LPAR without a zone reserves": without(EVENTS, "lpar.activated", lpar=LPAR),
    "nothing is reserved": without(EVENTS, "area.reserved"),
    "the zone moves elsewhere": edited(EVENTS, "zone.moved", origin_frame=191),
    "the zone moves from elsewhere": edited(EVENTS, "zone.moved", from_frame=127),
    "pages move to frames of nobody": edited(EVENTS, "move.started", target_frame=193),
    "released without poison": without(EVENTS, "area.poisoned"),
    "released with one frame unpoisoned": edited(EVENTS, "area.poisoned", extent_frames=63),
    "poisoned after the release": shifted(
        EVENTS, find(EVENTS, "area.released"), find(EVENTS, "area.poisoned")
    ),
    "poisoned before SIE": shifted(
        EVENTS, find(EVENTS, "area.poisoned"), find(EVENTS, "sie.issued", lip="LIP4", nth=-1)
    ),
    "the zone itself is poisoned": edited(EVENTS, "area.poisoned", extent_frames=65),
    "another's zone is released": edited(EVENTS, "area.released", origin_frame=127, extent_frames=65),
    "frames that the move back left are released without poison": without(BACK, "area.poisoned"),
    "vacated frames are taken before they are released": inserted(
        EVENTS,
        find(EVENTS, "area.poisoned"),
        {**EVENTS[find(EVENTS, "lpar.activated")], "lpar": "LPAR9", **zone(128, 8)},
    ),
}
PHASE_FAULTS = {
    **{
        f"{phase} is skipped": without(EVENTS, "phase.entered", phase=phase)
        for phase in ("STOPPING", "QUIESCING", "CHECKING", "MOVING", "NOTIFYING", "RESTARTING", "REPORTED")
    },
    "quiescing comes before the stop": shifted(
        EVENTS,
        find(EVENTS, "phase.entered", phase="QUIESCING"),
        find(EVENTS, "phase.entered", phase="STOPPING"),
    ),
    "a phase has the step of another": edited(EVENTS, "phase.entered", 2, step=203),
    "a phase that doesn't exist": edited(EVENTS, "phase.entered", 2, phase="RESTING"),
    "back out after the commit": edited(EVENTS, "phase.entered", -1, phase="BACKING_OUT", step=None),
    "the LIPs are not stopped when quiescing begins": shifted(
        EVENTS, find(EVENTS, "lip.stopped", lip="LIP3"), find(EVENTS, "iop.quiesced")
    ),
    "an IOP is not quiesced when the check begins": without(EVENTS, "iop.quiesced", iop="IOP2"),
    "the area is not reserved when the move begins": without(EVENTS, "area.reserved"),
    "the move has not ended when the IOPs are told": without(EVENTS, "move.ended"),
    "the move ended half way": edited(EVENTS, "move.ended", outcome="interrupted"),
    "the map is not changed when the guest restarts": without(EVENTS, "zone.moved"),
    "the guest is not restarted": without(EVENTS, "sie.issued", op="op.1"),
    "two relocations of one LPAR": inserted(
        EVENTS, find(EVENTS, "lip.stopped"), EVENTS[find(EVENTS, "phase.entered")], op="op.2"
    ),
}
COMMAND_FAULTS = {
    "a command is not answered": without(EVENTS, "command.answered"),
    "a command is answered twice": [*EVENTS[:-1], EVENTS[find(EVENTS, "command.answered")], EVENTS[-1]],
    "a command is answered that nobody gave": without(EVENTS, "command.received"),
    "a command is received twice": inserted(EVENTS, 20, EVENTS[find(EVENTS, "command.received")]),
    "a command has no operation": edited(EVENTS, "command.received", op=None),
    "frames are released after the answer": shifted(
        EVENTS, find(EVENTS, "command.answered"), find(EVENTS, "area.released")
    ),
}
TIME_FAULTS = {
    "phases do not add up": edited(EVENTS, "guest.stood", phases_ns={"STOPPING": 5}),
    "a phase is negative": edited(
        EVENTS, "guest.stood", phases_ns={"STOPPING": -5, "MOVING": EVENTS[find(EVENTS, "guest.stood")]["stopped_ns"] + 5}
    ),
    "a nanosecond is lost": edited(
        EVENTS, "guest.stood",
        stopped_ns=EVENTS[find(EVENTS, "guest.stood")]["stopped_ns"] - 1,
        phases_ns={"MOVING": EVENTS[find(EVENTS, "guest.stood")]["stopped_ns"] - 1},
    ),
    "told of a LIP that was never stopped": edited(EVENTS, "guest.stood", lip="LIP1", lpar="LPAR1"),
}  # fmt: skip

FAULTS = {
    "stop-holds": STOP_FAULTS, "quiesce-holds": QUIESCE_FAULTS, "inside-zone": ZONE_FAULTS,
    "sale-agrees": SALE_FAULTS, "page-custody": CUSTODY_FAULTS, "direction": DIRECTION_FAULTS,
    "one-owner": OWNER_FAULTS, "phases-in-order": PHASE_FAULTS, "commands-answered": COMMAND_FAULTS,
    "stopped-time": TIME_FAULTS,
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "fault"),
    [pytest.param(rule, fault, id=f"{rule}: {fault}") for rule in FAULTS for fault in FAULTS[rule]],
)
def test_a_planted_fault_breaks_its_rule(rule, fault):
    found = broken(FAULTS[rule][fault])
    assert rule in found, f"{rule} does not see that {fault}; broken are {found}"


def test_a_violation_names_time_actor_event_and_what_is_wrong():
    events = slice_at(find(EVENTS, "iop.quiesced"))
    slice_ = events[find(EVENTS, "iop.quiesced")]
    text = broken(events)["stop-holds"]
    for part in (
        f"at {slice_['t']} ns",
        "LIP3",
        "slice.ended",
        f"seq {slice_['seq']}",
        "LPAR2",
        "without SIE",
    ):
        assert part in text, f"{part!r} is missing in {text!r}"


def test_a_fault_of_one_kind_leaves_unrelated_rules_held():
    assert set(broken(COMMAND_FAULTS["a command is not answered"])) == {"commands-answered"}
    assert set(broken(CUSTODY_FAULTS["a key is dropped"])) == {"page-custody"}
    assert set(broken(ZONE_FAULTS["a stale origin after the move"])) == {"inside-zone"}
    found = broken(SALE_FAULTS["SALE to one of two IOPs only"])
    assert set(found) == {"sale-agrees", "io-inside-zone", "held-starts-in-order"}


def test_a_disjoint_move_may_go_either_way():
    story = Story(0, 253)
    for direction, firsts in (("ascending", (0, 128)), ("descending", (128, 0))):
        story.tell(
            "move.started",
            "LPARCTL",
            lpar=LPAR,
            source_frame=0,
            target_frame=253,
            pages=256 - 3,
            direction=direction,
            inverse=False,
            first_page=0,
        )
        for first in firsts:
            pages = 128 if first == 0 else 125
            story.tell(
                "chunk.moved",
                "LPARCTL",
                lpar=LPAR,
                first_page=first,
                pages=pages,
                keys_read=pages,
                keys_set=pages,
                steps=pages,
                pages_across=0,
                inverse=False,
            )
        story.tell(
            "move.ended",
            "LPARCTL",
            lpar=LPAR,
            pages_across=253,
            outcome="moved",
            fault_frame=None,
            inverse=False,
        )
    assert "direction" not in broken(story.events)
