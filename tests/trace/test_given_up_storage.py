"""given-up-storage, by itself: what an answer promises, and for how long."""

from typing import Any

from lparvm.trace.rules.given_up import GivenUpStorage

OP, LATE = "op.1", None


def told(event: str, **fields: Any) -> dict[str, Any]:
    return {
        "event": event,
        "t": 0,
        "seq": None,
        "actor": "LIP1",
        "op": OP,
        "lpar": "A",
        "lip": "LIP1",
        **fields,
    }


def zone(event: str, extent: int, **fields: Any) -> dict[str, Any]:
    return told(event, origin_frame=16, extent_frames=extent, **fields)


def answered(op: str | None = OP) -> dict[str, Any]:
    return told("guest.answered", op=op, answer="StorageGivenUp", extent_frames=8)


def touched(page: int) -> dict[str, Any]:
    host = (16 + page) << 12
    return told("slice.ended", op=None, first_ns=10, last_ns=20, lowest_host=host, highest_host=host)


ACTIVE = (zone("lpar.activated", 16, iops=[]), zone("sie.issued", 16))
LOWERED = zone("extent.set", 8)
BACK = zone("extent.set", 16)
REPORTED = told("phase.entered", phase="REPORTED")


def verdict(*events: dict[str, Any]) -> str:
    checker = GivenUpStorage()
    for event in (*ACTIVE, *events):
        checker.feed(event)
    return str(checker.finish().verdict.value)


def test_what_was_given_up_is_not_touched_before_the_report():
    assert verdict(answered(), touched(7)) == "held"
    assert verdict(answered(), touched(8)) == "broken"
    assert verdict(answered(), REPORTED, touched(8)) == "held"


def test_what_another_processor_touched_at_the_very_moment_may_have_come_before():
    assert verdict(answered(), {**touched(8), "first_ns": 0}) == "held"


def test_an_answer_that_comes_too_late_promises_nothing():
    assert verdict(answered(LATE), touched(8)) == "held"


def test_an_operation_may_give_back_what_it_took_and_the_guest_may_use_it_again():
    assert verdict(answered(), LOWERED, BACK, touched(8)) == "held"
    assert verdict(answered(), LOWERED, BACK, {**BACK, "lip": "LIP2"}, REPORTED) == "held"


def test_a_guest_whose_call_was_answered_may_use_what_is_in_force():
    settled = told("SignalSettled")
    assert verdict(answered(), settled, touched(8)) == "held"
    assert verdict(answered(), {**settled, "op": "op.2"}, touched(8)) == "broken"


def test_no_other_operation_may_give_it_back_uncleared():
    assert verdict(answered(), LOWERED, REPORTED, {**BACK, "op": "op.2"}) == "broken"
    cleared = told("area.cleared", op="op.2", origin_frame=24, extent_frames=8)
    assert verdict(answered(), LOWERED, REPORTED, cleared, {**BACK, "op": "op.2"}) == "held"
