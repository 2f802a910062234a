"""EXPAND and SHRINK: which sizes are right, and how far a zone can grow."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import Holding, HoldingKind, Zone
from lparvm.protocol import messages as m
from lparvm.protocol import operations as kinds
from lparvm.protocol.admission import Circumstances, Denied
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.outcomes import denied_outcome
from lparvm.protocol.relocation_record import Denial
from lparvm.protocol.resizing_admission import reach
from lparvm.protocol.resizing_record import Expansion, Shrinkage
from lparvm.protocol.results import Result

ZONE = Zone(16, 32)
ENTRY = LparEntry("A", ZONE, ("IOP1",), ("LIP1", "LIP2"))
NOW = Circumstances({"A": ENTRY}, {}, 0, 256)
MINE = Holding("A", ZONE)


def test_an_expand_begins_with_the_party_as_it_is():
    record = kinds.admit(m.ExpandStorage("op.1", "A", 33), NOW)
    assert isinstance(record, Expansion)
    assert (record.wanted, record.party.source, record.party.iops) == (33, ZONE, ("IOP1",))


def test_a_shrink_begins_with_the_smaller_zone_as_its_target():
    record = kinds.admit(m.ShrinkStorage("op.1", "A", 31), NOW)
    assert isinstance(record, Shrinkage)
    assert (record.party.target, record.frames) == (Zone(16, 31), Zone(47, 1))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (m.ExpandStorage("op.1", "A", 32), "A: 128K is not above the present 128K"),
        (m.ExpandStorage("op.1", "A", 8), "A: 32K is not above the present 128K"),
        (m.ShrinkStorage("op.1", "A", 32), "A: 128K is not below the present 128K"),
        (m.ShrinkStorage("op.1", "A", 64), "A: 256K is not below the present 128K"),
        (m.ShrinkStorage("op.1", "A", 0), "A: 0 is less than a page"),
    ],
)
def test_a_wrong_size_is_refused_at_once(message, text):
    denied = kinds.admit(message, NOW)
    assert isinstance(denied, Denied)
    outcome = denied_outcome(denied)
    assert (outcome.result, outcome.message) == (Result.WRONG_SIZE, text)


@pytest.mark.parametrize("message", [m.ExpandStorage("op.1", "A", 33), m.ShrinkStorage("op.1", "A", 31)])
@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (evolve(NOW, lpars={}), Result.UNKNOWN_LPAR),
        (evolve(NOW, held={"A": "op.9"}), Result.LPAR_IN_OPERATION),
        (evolve(NOW, lpars={"A": evolve(ENTRY, check_stopped=True)}), Result.LPAR_CHECK_STOPPED),
    ],
)
def test_resizing_needs_an_lpar_that_nothing_else_holds(message, now, reason):
    denied = kinds.admit(message, now)
    assert isinstance(denied, Denied)
    assert denied.reason is reason


@pytest.mark.parametrize(
    ("extent", "others", "retired", "expected"),
    [
        (64, [], (), 64),
        (None, [], (), 240),
        (240, [], (), 240),
        (241, [], (), Denial("A", Result.NO_ROOM)),
        (64, [Holding("B", Zone(80, 16))], (), 64),
        (65, [Holding("B", Zone(80, 16))], (), Denial("A", Result.NO_ROOM, "B")),
        (None, [Holding("B", Zone(80, 16)), Holding("C", Zone(0, 16))], (), 64),
        (None, [Holding("B", Zone(48, 16))], (), Denial("A", Result.NO_ROOM, "B")),
        (33, [], (48,), Denial("A", Result.NO_ROOM, "", 48)),
        (None, [Holding("B", Zone(80, 16))], (70, 20), 54),
        (64, [Holding("B", Zone(80, 16))], (79,), Denial("A", Result.NO_ROOM, "", 79)),
        (65, [Holding("B", Zone(80, 16), HoldingKind.VACATED)], (80,), Denial("A", Result.NO_ROOM, "B")),
    ],
)
def test_a_zone_grows_up_to_what_is_held_or_faulty_or_the_end(extent, others, retired, expected):
    assert reach("A", extent, [MINE, *others], retired, 256) == expected


def test_a_zone_at_the_end_of_storage_does_not_grow():
    assert reach("A", None, [MINE], (), ZONE.end) == Denial("A", Result.NO_ROOM)


@given(
    st.one_of(st.none(), st.integers(33, 300)),
    st.lists(st.integers(48, 255), max_size=3),
    st.lists(st.integers(0, 255), max_size=3),
)
def test_what_is_granted_is_free_and_good_and_what_is_denied_is_neither(extent, origins, retired):
    others = [Holding(f"L{place}", Zone(origin, 1)) for place, origin in enumerate(sorted(set(origins)))]
    reached = reach("A", extent, [MINE, *others], retired, 256)

    def bad(frame: int) -> bool:
        return frame >= 256 or frame in retired or any(frame in one.zone for one in others)

    if isinstance(reached, Denial):
        end = ZONE.end + 1 if extent is None else ZONE.origin + extent
        assert any(bad(frame) for frame in range(ZONE.end, end))
    else:
        assert not any(bad(frame) for frame in range(ZONE.end, ZONE.origin + reached))
        if extent is None:
            assert bad(ZONE.origin + reached), "it could have gone further"
        else:
            assert reached == extent
