"""One owner a frame, whatever is asked of the table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import Holding, HoldingKind, Zone
from lparvm.errors import ProtocolError
from lparvm.storage.zones import ZoneTable

FRAMES = 509 * 256
MIB_FRAMES = 256


def mib(origin: int, extent: int) -> Zone:
    return Zone(origin * MIB_FRAMES, extent * MIB_FRAMES)


@pytest.fixture
def table():
    """The patent's Fig. 3."""
    table = ZoneTable(FRAMES)
    table.assign("LPAR1", mib(0, 128))
    table.assign("LPAR2", mib(128, 256))
    return table


def gaps(table):
    return [table.gap_after(name) // MIB_FRAMES for name in ("LPAR1", "LPAR2")]


def test_the_gaps_of_the_worked_example_before_and_after(table):
    assert gaps(table) == [0, 125]
    table.reserve("LPAR2", mib(192, 256))
    table.commit("LPAR2")
    assert table.zone_of("LPAR2") == mib(192, 256)
    assert gaps(table) == [0, 61], "what LPAR2 vacated is not free before its release"
    table.release("LPAR2")
    assert gaps(table) == [64, 61]


def test_a_reservation_above_the_zone_is_no_gap(table):
    table.reserve("LPAR2", mib(192, 256))
    assert gaps(table) == [0, 0]
    table.release("LPAR2")
    assert gaps(table) == [0, 125]


def test_holdings_are_ordered_by_origin_and_tell_their_kind(table):
    table.reserve("LPAR2", mib(192, 256))
    assert [(one.lpar, one.kind) for one in table.holdings()] == [
        ("LPAR1", HoldingKind.ZONE),
        ("LPAR2", HoldingKind.ZONE),
        ("LPAR2", HoldingKind.RESERVED),
    ]
    table.commit("LPAR2")
    assert table.holdings()[1] == Holding("LPAR2", mib(128, 256), HoldingKind.VACATED)


def test_frames_of_a_removed_lpar_are_free(table):
    table.reserve("LPAR2", mib(192, 256))
    table.remove("LPAR2")
    assert table.holdings() == (Holding("LPAR1", mib(0, 128)),)
    table.assign("LPAR3", mib(128, 381))


REFUSALS = {
    "a second zone": (lambda table: table.assign("LPAR1", mib(400, 1)), "already has a zone"),
    "taken frames": (lambda table: table.assign("LPAR3", mib(383, 10)), "frames that LPAR2 holds"),
    "an empty zone": (lambda table: table.assign("LPAR3", Zone(500, 0)), "is empty"),
    "past the end": (lambda table: table.assign("LPAR3", mib(508, 2)), "past the end of storage"),
    "reserving taken frames": (
        lambda table: table.reserve("LPAR2", mib(127, 256)),
        "frames that LPAR1 holds",
    ),
    "reserving without a zone": (lambda table: table.reserve("LPAR3", mib(400, 1)), "LPAR3 has no zone"),
    "commit without reservation": (lambda table: table.commit("LPAR1"), "nothing reserved"),
    "release of nothing": (lambda table: table.release("LPAR1"), "holds nothing beside"),
    "remove of nobody": (lambda table: table.remove("LPAR3"), "has no zone"),
    "gap of nobody": (lambda table: table.gap_after("LPAR3"), "has no zone"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_would_break_the_map_is_refused_and_changes_nothing(table, case):
    change, problem = REFUSALS[case]
    before = table.holdings()
    with pytest.raises(ProtocolError, match=problem) as caught:
        change(table)
    assert table.holdings() == before
    assert len(caught.value.story) == len(before), "the error carries who holds what"


def test_only_one_thing_is_held_beside_a_zone(table):
    table.reserve("LPAR2", mib(192, 256))
    with pytest.raises(ProtocolError, match="already holds frames beside"):
        table.reserve("LPAR2", mib(200, 256))
    table.commit("LPAR2")
    with pytest.raises(ProtocolError, match="nothing reserved"):
        table.commit("LPAR2")
    with pytest.raises(ProtocolError, match="already holds frames beside"):
        table.reserve("LPAR2", mib(200, 256))


SMALL = 24
operations = st.lists(
    st.tuples(
        st.sampled_from(["assign", "reserve", "commit", "release", "remove"]),
        st.sampled_from(["A", "B", "C"]),
        st.builds(Zone, st.integers(0, SMALL), st.integers(0, 10)),
    ),
    max_size=40,
)


@given(operations)
def test_a_frame_has_one_owner_and_gaps_are_unowned_after_any_operations(steps):
    table = ZoneTable(SMALL)
    for name, lpar, zone in steps:
        before = table.holdings()
        try:
            getattr(table, name)(*((lpar, zone) if name in {"assign", "reserve"} else (lpar,)))
        except ProtocolError:
            assert table.holdings() == before, f"a refused {name} changed the map"
        owners: list[set[str]] = [set() for _ in range(SMALL)]
        for held in table.holdings():
            for frame in range(held.zone.origin, held.zone.end):
                owners[frame].add(held.lpar)
        assert all(len(owner) <= 1 for owner in owners), f"two owners of a frame: {table.holdings()}"
        for held in table.holdings():
            if held.kind is HoldingKind.ZONE:
                end, gap = held.zone.end, table.gap_after(held.lpar)
                assert not any(owners[end : end + gap]), "a gap has an owner"
                assert end + gap == SMALL or owners[end + gap], "a gap ends before it has to"
