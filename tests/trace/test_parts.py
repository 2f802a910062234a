"""parts-in-order, by itself."""

import pytest

from lparvm.trace.rules.parts import PartsInOrder


def verdict(*told: tuple) -> tuple[str, int]:
    """Of phases (op, LPAR, phase), stops ("stop", LPAR), maybe of another operation, and SIEs ("sie", LPAR)."""
    checker = PartsInOrder()
    for seq, (first, lpar, *rest) in enumerate(told, 1):
        event = {
            "seq": seq,
            "t": seq,
            "actor": "LPARCTL",
            "op": "op.1.1",
            "cause": None,
            "lpar": lpar,
            "lip": "LIP1",
        }
        if first == "stop":
            by = rest[0] if rest else "op.1.1"
            checker.feed({**event, "event": "lip.stopped", "left_sie_ns": seq, "op": by})
        elif first == "sie":
            checker.feed({**event, "event": "sie.issued"})
        else:
            checker.feed({**event, "event": "phase.entered", "op": first, "phase": rest[0]})
    found = checker.finish()
    return found.violation or str(found.verdict.value), found.checked


RIGHT = {
    "one after the other": [
        ("op.1.1", "B", "ADMITTING"), ("op.1.1", "B", "REPORTED"), ("op.1.2", "A", "ADMITTING"), ("op.1.2", "A", "REPORTED"),
    ],
    "of two LPARs, both report": [
        ("op.1.1", "A", "STOPPING"), ("op.1.1", "B", "STOPPING"), ("op.1.1", "A", "REPORTED"), ("op.1.1", "B", "REPORTED"),
        ("op.1.2", "A", "STOPPING"),
    ],
    "after the restart": [
        ("sie", "B"), ("op.1.1", "B", "STOPPING"), ("stop", "B"), ("sie", "B"), ("op.1.1", "B", "REPORTED"),
        ("op.1.2", "A", "ADMITTING"),
    ],
    "while another command has stopped it again": [
        ("sie", "B"), ("op.1.1", "B", "STOPPING"), ("stop", "B"), ("sie", "B"), ("op.1.1", "B", "REPORTED"),
        ("stop", "B", "op.2"), ("op.1.2", "A", "ADMITTING"),
    ],
}  # fmt: skip
WRONG = {
    "before the first has reported": (
        [("op.1.1", "B", "MOVING"), ("op.1.2", "A", "ADMITTING")], "part 2 begins, but part 1, of B, has not reported",
    ),
    "before one of two has reported": (
        [("op.1.1", "A", "MOVING"), ("op.1.1", "B", "MOVING"), ("op.1.1", "A", "REPORTED"), ("op.1.2", "A", "ADMITTING")],
        "part 1, of B, has not reported",
    ),
    "back again": (
        [("op.1.2", "A", "ADMITTING"), ("op.1.2", "A", "REPORTED"), ("op.1.1", "B", "ADMITTING")],
        "part 1 goes on after part 2 has begun",
    ),
    "before the restart": (
        [("sie", "B"), ("op.1.1", "B", "STOPPING"), ("stop", "B"), ("op.1.1", "B", "REPORTED"), ("op.1.2", "A", "ADMITTING")],
        "part 2 begins, but B stands on LIP1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", RIGHT)
def test_parts_that_follow_one_another_hold(how):
    assert verdict(*RIGHT[how]) == ("held", 1)


@pytest.mark.parametrize("how", WRONG)
def test_parts_in_another_order_are_told(how):
    told, expected = WRONG[how]
    text, checked = verdict(*told)
    assert expected in text
    assert checked == 1


@pytest.mark.parametrize("op", [None, "op.1", "op", "op.1.x", ""])
def test_what_has_no_parts_is_left_alone(op):
    assert verdict((op, "A", "MOVING"), ("op.2", "B", "MOVING")) == ("held", 0)
