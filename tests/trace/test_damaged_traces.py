"""Real traces, damaged by hand: each is rejected by the rule that stands for what was damaged, or by the reader."""

import orjson
import pytest

from lparvm.trace.check import CheckReport, check_trace
from lparvm.trace.reader import open_trace
from lparvm.trace.vocabulary import Level
from real_traces import (
    SHARING,
    Edit,
    Event,
    both,
    change,
    damaged,
    drop,
    drop_all,
    find,
    move,
    parsed,
    repeat,
    sealed,
    trace_bytes,
)  # fmt: skip

MOVE, GROW, SHRINK, BACK, SWAP, SWAP_BACK = "op.1.1", "op.1.2", "op.2", "op.3", "op.5", "op.6"
FIRST_SIE = ("sie.issued", {"op": MOVE})
NUMBERS = {"seq": None, "cause": None}


def checked(tmp_path, data: bytes) -> tuple[CheckReport, list[str]]:
    """The report, and what is wrong with the file."""
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(data)
    with open_trace(path) as reader:
        return check_trace(reader), [str(problem) for problem in reader.problems]


def broken(report: CheckReport) -> list[str]:
    return [rule.name for rule in report.rules if rule.verdict.verdict == "broken"]


def slice_while_stopped(events: list[Event]) -> list[Event]:
    """A slice of B's guest, with its accesses, while B stands for the first move."""
    at = find(events, "phase.entered", op=MOVE, phase="MOVING")
    one = next(
        event
        for event in events
        if event["event"] == "slice.ended" and event["lpar"] == "B" and event["lowest_host"]
    )
    now = events[at]["t"] + 1  # what began at the very moment may have come before
    return [*events[:at], {**one, "t": now, "first_ns": now, "last_ns": now}, *events[at:]]


def transfer_while_quiesced(events: list[Event]) -> list[Event]:
    at = find(events, "phase.entered", op=MOVE, phase="CHECKING")
    one = events[find(events, "transfer.ended", lpar="B")]
    now = events[at]["t"] + 1  # what began at the very moment may have come before
    return [*events[:at], {**one, "t": now, "first_ns": now, "last_ns": now}, *events[at:]]


def presented_while_stopped(events: list[Event]) -> list[Event]:
    """The first of the interruptions that are kept is presented before SIE, not after it."""
    number = events[find(events, "interruptions.kept", op=MOVE)]["numbers"][0]
    at = find(events, "interruption.presented", lpar="B", number=number)
    return (
        move(("interruption.presented", {"lpar": "B", "number": number}), FIRST_SIE)(events) if at else events
    )


def stale_slice(events: list[Event]) -> list[Event]:
    """A slice after the move translates by the origin before it."""
    sie = find(events, "sie.issued", op=MOVE)
    at = next(
        index for index, event in enumerate(events)
        if index > sie and event["event"] == "slice.ended" and event["lpar"] == "B" and event["lowest_host"]
    )  # fmt: skip
    old = events[find(events, "move.started", op=MOVE)]["source_frame"]
    by = (events[at]["origin_frame"] - old) * 4096
    fields = {name: events[at][name] - by for name in ("lowest_host", "highest_host")}
    return [*events[:at], {**events[at], **fields, "origin_frame": old}, *events[at + 1 :]]


def stale_transfer(events: list[Event]) -> list[Event]:
    """The same of a transfer."""
    sie = find(events, "sie.issued", op=MOVE)
    at = next(
        index for index, event in enumerate(events)
        if index > sie and event["event"] == "transfer.ended" and event["lpar"] == "B" and event["lowest_host"]
    )  # fmt: skip
    old = events[find(events, "move.started", op=MOVE)]["source_frame"]
    by = (events[at]["origin_frame"] - old) * 4096
    fields = {name: events[at][name] - by for name in ("lowest_host", "highest_host")}
    return [*events[:at], {**events[at], **fields, "origin_frame": old}, *events[at + 1 :]]


def touches_given_up(events: list[Event]) -> list[Event]:
    """A slice touches what the guest gave up a moment ago, and still may as far as map and SALE are concerned."""
    at = find(events, "guest.answered", answer="StorageGivenUp")
    given_up = events[at]["extent_frames"] * 4096
    one = next(
        event for event in reversed(events[:at])
        if event["event"] == "slice.ended" and event["lpar"] == "A" and event["lowest_host"] is not None
    )  # fmt: skip
    now = events[at]["t"] + 1  # what began at the very moment may have come before
    late = {**one, "t": now, "first_ns": now, "last_ns": now, "highest_host": given_up + 7}
    return [*events[: at + 1], late, *events[at + 1 :]]


def transfer_after_its_end(events: list[Event]) -> list[Event]:
    at = find(events, "start.ended", 3, lpar="B")
    start = events[at]["start"]
    one = events[find(events, "transfer.ended", lpar="B", start=start)]
    later = events[at]["t"] + 10
    return [*events[: at + 1], {**one, "t": later, "first_ns": later, "last_ns": later}, *events[at + 1 :]]


def commits_elsewhere(frame: int) -> Edit:
    """Everybody agrees that B is to move to a frame where A is."""

    def edit(events: list[Event]) -> list[Event]:
        where = {"target_frame": frame, "origin_frame": frame}
        names = {"area.reserved": "origin_frame", "move.started": "target_frame", "zone.moved": "origin_frame",
                 "sale.set": "origin_frame", "sie.issued": "origin_frame", "custody.verified": "origin_frame"}  # fmt: skip
        return [
            {**event, names[event["event"]]: where[names[event["event"]]]}
            if event["op"] == MOVE and event["event"] in names else event
            for event in events
        ]  # fmt: skip

    return edit


def ends_in_the_middle(events: list[Event]) -> list[Event]:
    """Nothing more is told of op.5 from its move on, and the run ends."""
    at = find(events, "exchange.started", op=SWAP)
    return [*events[:at], *events[find(events, "machine.ended") :]]


def lost_start(events: list[Event]) -> list[Event]:
    """A start that was held is released, and nobody hears of it any more."""
    number = events[find(events, "start.held", lpar="A")]["start"]
    names = ("start.begun", "start.ended", "transfer.ended", "start.deferred")
    gone = {"lpar": "A", "start": number}
    return [
        event for event in events if not (event["event"] in names and gone.items() <= event.items())
    ]  # fmt: skip


def overtaken_start(events: list[Event]) -> list[Event]:
    """The held start begins before its release."""
    number = events[find(events, "start.held", lpar="A")]["start"]
    return move(("start.begun", {"lpar": "A", "start": number}), ("starts.released", {"lpar": "A"}))(events)


def one_start_more(event: Event) -> Event:
    return {"held": event["held"] + 1}


def longer(event: Event) -> Event:
    return {"stopped_ns": event["stopped_ns"] + 1}


def longer_in_parts(event: Event) -> Event:
    phases = {**event["phases_ns"], "MOVING": event["phases_ns"]["MOVING"] + 1}
    return {"phases_ns": phases, "stopped_ns": event["stopped_ns"] + 1}


DAMAGES: dict[str, tuple[str, Edit]] = {
    # 201, 202, 210: standing still.
    "a LIP's stop is missing": ("stop-holds", drop("lip.stopped", op=MOVE, lip="LIP3")),
    "a guest accesses storage after its stop": ("stop-holds", slice_while_stopped),
    "a guest is started before its pages have moved": ("stop-holds", move(FIRST_SIE, ("move.ended", {"op": MOVE}))),
    "an IOP never quiesced": ("quiesce-holds", drop("iop.quiesced", op=MOVE, iop="IOP2")),
    "a device transfers while its IOP is quiesced": ("quiesce-holds", transfer_while_quiesced),
    "an interruption is presented while the guest is stopped": ("interruptions-after-sie", presented_while_stopped),
    "an interruption is lost in the stop": (
        "interruptions-after-sie",
        change("interruptions.kept", op=MOVE, new=lambda event: {"numbers": event["numbers"][1:]}),
    ),
    "stopped times don't add up": ("stopped-time", change("guest.stood", new=longer)),
    "a stopped time is longer than the stop": ("stopped-time", change("guest.stood", new=longer_in_parts)),
    # 203: the check, and the map.
    "two zones overlap": ("one-owner", commits_elsewhere(3072)),
    "a target outside of main storage": ("one-owner", commits_elsewhere(20_000)),
    "pages move without a reservation": ("one-owner", drop("area.reserved", op=MOVE)),
    "vacated frames are not poisoned": ("one-owner", drop("area.poisoned", op=MOVE)),
    "vacated frames are released before they are poisoned": (
        "one-owner",
        move(("area.released", {"op": MOVE}), ("area.poisoned", {"op": MOVE})),
    ),
    "frames are poisoned before the guest runs again": (
        "one-owner", move(("area.poisoned", {"op": MOVE}), FIRST_SIE),
    ),
    "frames of another one are released": (
        "one-owner", change("area.released", op=MOVE, new={"origin_frame": 0}),
    ),
    "a zone grows by frames that were not cleared": ("one-owner", drop("area.cleared", op=GROW)),
    # 204 to 209: the move.
    "a page is moved twice": ("page-custody", repeat("chunk.moved", op=MOVE)),
    "pages are lost": ("page-custody", drop("chunk.moved", 1, op=MOVE)),
    "a page more than there are": (
        "page-custody", change("chunk.moved", op=MOVE, new=lambda event: {"first_page": event["first_page"] + 1}),
    ),
    "a key is not set": ("page-custody", change("chunk.moved", op=MOVE, new={"keys_set": 4095})),
    "a page is stale": ("page-custody", change("custody.verified", op=MOVE, new={"stale": 1})),
    "checksums differ": ("page-custody", change("custody.verified", op=MOVE, new={"data_digest": "0" * 32})),
    "checksums were never compared": ("page-custody", drop("custody.verified", op=MOVE)),
    "checksums were never taken": ("page-custody", drop("custody.recorded", op=MOVE)),
    "a move that was cancelled is not moved back": (
        "page-custody",
        both(drop("move.started", op=BACK, inverse=True), drop_all("chunk.moved", op=BACK, inverse=True),
             drop("move.ended", op=BACK, inverse=True)),
    ),
    "the direction is wrong for the overlap": (
        "direction",
        both(change("move.started", op=MOVE, new={"direction": "ascending"}),
             move(("chunk.moved", {"op": MOVE, "first_page": 0}), ("chunk.moved", {"op": MOVE}))),
    ),
    "chunks come in another order": (
        "direction", move(("chunk.moved", {"op": MOVE, "first_page": 0}), ("chunk.moved", {"op": MOVE})),
    ),
    # SALE.
    "SALE and SIE are swapped": ("sale-agrees", move(FIRST_SIE, ("sale.set", {"op": MOVE}))),
    "SALE to one of two IOPs is missing": ("sale-agrees", drop("sale.set", op=MOVE, iop="IOP2")),
    "the map changes before the last SALE": (
        "sale-agrees", move(("zone.moved", {"op": MOVE}), ("sale.set", {"op": MOVE, "iop": "IOP2"})),
    ),
    "SIE gets the old origin": ("sale-agrees", change("sie.issued", op=MOVE, new={"origin_frame": 5120})),
    "SALE gives a shorter zone": ("sale-agrees", change("sale.set", op=MOVE, new={"extent_frames": 5119})),
    "a guest goes on by the old origin": ("inside-zone", stale_slice),
    "a device goes on by the old origin": ("io-inside-zone", stale_transfer),
    # Growing and shrinking, in parts of a command.
    "a guest gets storage that was not cleared": ("given-up-storage", drop("area.cleared", op=GROW)),
    "a guest touches what it gave up": ("given-up-storage", touches_given_up),
    "an LPAR grows into the gap before the other one has moved away": (
        "parts-in-order",
        move(("phase.entered", {"op": GROW, "phase": "ADMITTING"}), ("phase.entered", {"op": MOVE, "phase": "REPORTED"})),
    ),
    "a zone shrinks that was never asked": ("phases-in-order", drop("guest.answered", op=SHRINK)),
    # Exchange.
    "a run of an exchange is missing": (
        "exchange-custody",
        both(change("chunk.exchanged", 1, op=SWAP, new={"runs": []})),
    ),
    "a chunk of an exchange is missing": ("exchange-custody", drop("chunk.exchanged", 1, op=SWAP)),
    "an exchange that was cancelled is not exchanged back": (
        "exchange-custody",
        both(drop("exchange.started", op=SWAP_BACK, inverse=True),
             drop_all("chunk.exchanged", op=SWAP_BACK, inverse=True),
             drop("exchange.ended", op=SWAP_BACK, inverse=True)),
    ),
    "an exchange reads too few keys": ("exchange-custody", change("chunk.exchanged", new={"keys_read": 1})),
    "of two LPARs only one has moved": ("one-owner", drop("zone.moved", op=SWAP, lpar="A")),
    # Commands, phases, messages.
    "a phase is skipped": ("phases-in-order", drop("phase.entered", op=MOVE, phase="CHECKING")),
    "a phase has another step": ("phases-in-order", change("phase.entered", op=MOVE, phase="MOVING", new={"step": 203})),
    "an operation never reports": ("phases-in-order", ends_in_the_middle),
    "a command is not answered": ("commands-answered", drop("command.answered", op=SWAP)),
    "a command is answered twice": ("commands-answered", repeat("command.answered", op=SWAP)),
    "an answer to no command": ("commands-answered", drop("command.received", op=SWAP)),
    "an operation goes on after its answer": (
        "commands-answered", repeat("area.released", op=MOVE, after=("command.answered", {"op": "op.1"})),
    ),
    "a message is not answered": ("requests-answered", drop("AddressLimitSet", op=MOVE)),
    "a message is answered twice": ("requests-answered", repeat("GuestStopped", op=MOVE)),
    "a message is answered by another actor": (
        "requests-answered", change("AddressLimitSet", op=MOVE, new={"actor": "IOP9"}),
    ),
    "a message is answered that was never sent": ("requests-answered", drop("ReserveAreas", op=MOVE)),
    # Starts and interruptions.
    "a start ends twice": ("starts-end-once", repeat("start.ended", 5)),
    "a start begins that was never accepted": ("starts-end-once", drop("start.accepted", 5)),
    "a device transfers after its start has ended": ("late-transfers-refused", transfer_after_its_end),
    "an interruption is lost": ("interruptions-once", drop("interruption.pending", 5)),
    "an interruption is presented twice": ("interruptions-once", repeat("interruption.presented", 5)),
}  # fmt: skip
HELD: dict[str, tuple[str, Edit]] = {
    "a held start is never released": ("starts-end-once", drop("starts.released", lpar="A")),
    "a held start is lost at its release": ("held-starts-in-order", lost_start),
    "a held start begins before its release": ("held-starts-in-order", overtaken_start),
    "more starts are released than were held": (
        "held-starts-in-order", change("starts.released", lpar="A", new=one_start_more),
    ),
    "starts are released without SALE": ("held-starts-in-order", drop("sale.set", op="op.1")),
}  # fmt: skip


@pytest.mark.parametrize("level", [Level.PROTOCOL, Level.IO, Level.STORAGE])
def test_the_undamaged_trace_holds_at_every_level(tmp_path, level):
    report, problems = checked(tmp_path, trace_bytes(level=level))
    assert (broken(report), problems, report.exit_code) == ([], [], 0)
    unchecked = [part.numbers for part in report.parts if part.verdict == "unchecked"]
    assert (unchecked == []) is (level >= Level.IO)


def test_sealing_alone_damages_nothing():
    assert sealed(*parsed(trace_bytes())) == trace_bytes()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_trace_is_rejected_by_its_rule(tmp_path, damage):
    rule, edit = DAMAGES[damage]
    judge(tmp_path, rule, damaged(edit))


@pytest.mark.parametrize("damage", HELD)
def test_a_damage_to_held_starts_is_rejected_by_its_rule(tmp_path, damage):
    rule, edit = HELD[damage]
    judge(tmp_path, rule, damaged(edit, trace_bytes(SHARING)))


def judge(tmp_path, rule: str, data: bytes) -> None:
    """The file is sound, the rule says which event is wrong, and where it stands."""
    report, problems = checked(tmp_path, data)
    assert not problems, "only a rule can tell"
    assert rule in broken(report)
    assert (report.verdict, report.exit_code) == ("broken", 1)
    (result,) = [one for one in report.rules if one.name == rule]
    lines = data.splitlines()
    for found in result.found:
        if found.seq is None:
            continue
        assert orjson.loads(lines[found.line - 1])["seq"] == found.seq
        *causes, last = found.chain.links
        assert (last.seq, last.line) == (found.seq, found.line)
        numbers = [one.seq for one in causes]
        assert numbers == sorted(numbers)
        for one in causes:
            event = orjson.loads(lines[one.line - 1])
            assert (event["seq"], event["event"], event["actor"]) == (one.seq, one.event, one.actor)


def test_a_chain_of_causes_goes_back_to_the_operators_command(tmp_path):
    report, _ = checked(tmp_path, damaged(change("area.reserved", op=SWAP, new={"origin_frame": 20_000})))
    (rule,) = [one for one in report.rules if one.name == "one-owner"]
    chain = rule.found[0].chain
    assert (chain.command.op, chain.text) == (SWAP, "XCHSTOR A B")
    assert chain.links[0].event in {"command.received", "StartInterpretiveExecution"}
    assert (chain.whole, chain.left_out > 0) == (True, True)


def lines_of(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def with_line(number: int, line: bytes) -> bytes:
    lines = lines_of(trace_bytes())
    lines[number] = line
    return b"".join(lines)


def numbers_swapped() -> bytes:
    lines = lines_of(trace_bytes())
    one, other = orjson.loads(lines[40]), orjson.loads(lines[41])
    one["seq"], other["seq"] = other["seq"], one["seq"]
    lines[40:42] = orjson.dumps(one) + b"\n", orjson.dumps(other) + b"\n"
    return b"".join(lines)


def forged_digest() -> bytes:
    trailer = orjson.loads(lines_of(trace_bytes())[-1])
    return with_line(-1, orjson.dumps({**trailer, "digest": "0" * 64}) + b"\n")


def a_value_changed() -> bytes:
    data = trace_bytes()
    at = data.index(b'"expected_ns":') + len(b'"expected_ns":')
    return data[:at] + b"1" + data[at:]


FILES: dict[str, tuple[Edit, str]] = {
    "numbers are out of order": (numbers_swapped, "seq is"),
    "the digest is forged": (forged_digest, "the trailer's digest"),
    "a value was changed and nothing else": (a_value_changed, "the trailer's digest"),
    "an event is missing": (lambda: b"".join(lines_of(trace_bytes())[:50] + lines_of(trace_bytes())[51:]), "seq is 51"),
    "a line is no JSON": (lambda: with_line(50, b"{\n"), "not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("damage", FILES)
def test_a_damaged_file_is_rejected_by_the_reader(tmp_path, damage):
    make, expected = FILES[damage]
    report, problems = checked(tmp_path, make())
    assert any(expected in problem for problem in problems)
    assert report.exit_code == 1


def test_a_file_that_was_cut_off_is_rejected(tmp_path):
    report, problems = checked(tmp_path, b"".join(lines_of(trace_bytes())[:2000]))
    assert (report.verdict, report.exit_code, problems, broken(report)) == ("problems", 1, [], [])


def test_damage_that_a_guest_found_is_told_with_its_place(tmp_path):
    def edit(events: list[Event]) -> list[Event]:
        verified = find(events, "guest.verified")
        told = {"lpar": "A", "lip": "LIP1", "address": 4096, "expected": "1", "found": "2"}
        damage = {**events[verified - 1], "event": "guest.damaged", "step": None, "op": None, **told}
        return [*events[:verified], damage, *events[verified:]]

    report, _ = checked(tmp_path, damaged(edit))
    assert (report.verdict, report.exit_code, report.damage_count) == ("damaged", 1, 1)
    assert "A at guest absolute 0x1000: expected 1, found 2" in report.damage[0].text


def test_a_file_that_begins_in_the_middle_is_not_judged(tmp_path):
    header, events, trailer = parsed(trace_bytes())
    data = sealed({**header, "ring": 100, "first_seq": 2}, events[1:], trailer)
    report, _ = checked(tmp_path, data)
    assert broken(report) == []
    assert {rule.verdict.verdict for rule in report.rules} == {"unchecked"}
    assert (report.verdict, report.exit_code) == ("unchecked", 1)


def test_without_checksums_the_pages_are_unchecked(tmp_path):
    report, _ = checked(tmp_path, trace_bytes(proof=False))
    found = {rule.name: rule.verdict.verdict for rule in report.rules}
    assert (found["page-custody"], found["exchange-custody"], report.exit_code) == (
        "unchecked",
        "unchecked",
        0,
    )


def test_where_the_header_does_not_say_whether_checksums_are_taken_they_are_judged_as_far_as_told(tmp_path):
    header, events, trailer = parsed(trace_bytes(proof=False))
    del header["proof"]
    report, _ = checked(tmp_path, sealed(header, events, trailer))
    assert broken(report) == []
    with_checksums = parsed(trace_bytes())
    del with_checksums[0]["proof"]
    report, _ = checked(tmp_path, sealed(*with_checksums))
    assert {rule.name: rule.verdict.verdict for rule in report.rules}["page-custody"] == "held"
