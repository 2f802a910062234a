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


# Groups.


def exchange(table):
    """LPAR1 and LPAR2 of Fig. 3 change places."""
    table.reserve_all([("LPAR1", mib(256, 128)), ("LPAR2", mib(0, 256))])


def test_an_exchange_is_committed_in_one_step_and_its_frames_are_free_when_both_have_released(table):
    exchange(table)
    assert gaps(table) == [0, 125]
    table.commit_all(["LPAR2", "LPAR1"])
    assert [table.zone_of(name) for name in ("LPAR1", "LPAR2")] == [mib(256, 128), mib(0, 256)]
    assert table.freed_by_release("LPAR1") == table.freed_by_release("LPAR2") == ()
    table.release("LPAR1")
    with pytest.raises(ProtocolError, match="LPAR1 is in a group that has not released"):
        table.reserve("LPAR1", mib(384, 125))
    table.release("LPAR2")
    assert table.holdings() == (Holding("LPAR2", mib(0, 256)), Holding("LPAR1", mib(256, 128)))
    table.reserve("LPAR1", mib(381, 128))


def test_an_exchange_that_is_given_up_leaves_both_zones_as_they_were(table):
    before = table.holdings()
    exchange(table)
    table.release("LPAR1")
    table.release("LPAR2")
    assert table.holdings() == before


def test_a_third_lpar_gets_no_frame_of_a_group(table):
    exchange(table)
    table.commit_all(["LPAR1", "LPAR2"])
    table.release("LPAR1")
    with pytest.raises(ProtocolError, match="that LPAR2 holds"):
        table.assign("LPAR3", mib(200, 10))


GROUP_REFUSALS = {
    "one named twice": (
        lambda table: table.reserve_all([("LPAR1", mib(384, 1)), ("LPAR1", mib(390, 1))]),
        "two targets",
    ),
    "targets that overlap": (
        lambda table: table.reserve_all([("LPAR1", mib(256, 128)), ("LPAR2", mib(1, 256))]),
        "has frames of the target of LPAR1",
    ),
    "frames of an outsider": (
        lambda table: (table.assign("LPAR3", mib(384, 1)), table.reserve_all([("LPAR3", mib(200, 1))])),
        "that LPAR2 holds",
    ),
    "half a commit": (lambda table: exchange(table) or table.commit("LPAR1"), "together with LPAR2"),
    "a commit after a release": (
        lambda table: (exchange(table), table.release("LPAR1"), table.commit("LPAR2")),
        "together with LPAR1",
    ),
}


@pytest.mark.parametrize("case", GROUP_REFUSALS)
def test_what_would_break_a_group_is_refused(table, case):
    change, problem = GROUP_REFUSALS[case]
    with pytest.raises(ProtocolError, match=problem):
        change(table)
    assert table.zone_of("LPAR1") == mib(0, 128)
    assert table.zone_of("LPAR2") == mib(128, 256)


def test_what_is_left_of_a_group_when_a_member_is_removed_is_still_one():
    table = ZoneTable(40)
    for index, name in enumerate("ABC"):
        table.assign(name, Zone(index * 10, 10))
    table.reserve_all([("A", Zone(30, 10)), ("B", Zone(20, 10)), ("C", Zone(10, 10))])
    table.remove("A")
    assert table.free_areas() == (Zone(0, 10), Zone(30, 10))
    with pytest.raises(ProtocolError, match="B was reserved together with C"):
        table.commit("B")
    table.commit_all(["B", "C"])
    assert (table.zone_of("B"), table.zone_of("C")) == (Zone(20, 10), Zone(10, 10))


# Extents that change.


def test_a_zone_grows_into_frames_that_were_held_for_it(table):
    extent = mib(0, 300).extent
    table.reserve_extension("LPAR2", extent)
    assert gaps(table) == [0, 0], "the extension is no gap"
    with pytest.raises(ProtocolError, match="nothing reserved"):
        table.commit("LPAR2")
    with pytest.raises(ProtocolError, match="no extension to"):
        table.resize("LPAR2", extent - 1)
    table.resize("LPAR2", extent)
    assert table.zone_of("LPAR2") == mib(128, 300)
    assert gaps(table) == [0, 81]


def test_what_a_zone_loses_is_held_until_its_release(table):
    table.resize("LPAR1", mib(0, 100).extent)
    assert table.zone_of("LPAR1") == mib(0, 100)
    assert gaps(table)[0] == 0
    assert table.freed_by_release("LPAR1") == (mib(100, 28),)
    table.release("LPAR1")
    assert gaps(table)[0] == 28


RESIZE_REFUSALS = {
    "an extension into another zone": (
        lambda table: table.reserve_extension("LPAR1", mib(0, 129).extent),
        "LPAR2 holds",
    ),
    "an extension past the end": (lambda table: table.reserve_extension("LPAR2", FRAMES), "past the end"),
    "an extension that is none": (
        lambda table: table.reserve_extension("LPAR2", mib(0, 256).extent),
        "frames already",
    ),
    "growing without extension": (lambda table: table.resize("LPAR2", mib(0, 257).extent), "no extension"),
    "shrinking to nothing": (lambda table: table.resize("LPAR2", 0), "can't shrink"),
    "no change": (lambda table: table.resize("LPAR2", mib(0, 256).extent), "can't shrink"),
    "nobody's zone": (lambda table: table.resize("LPAR3", 4), "has no zone"),
}


@pytest.mark.parametrize("case", RESIZE_REFUSALS)
def test_an_extent_that_can_not_be_is_refused_and_changes_nothing(table, case):
    change, problem = RESIZE_REFUSALS[case]
    before = table.holdings()
    with pytest.raises(ProtocolError, match=problem):
        change(table)
    assert table.holdings() == before


# Frames out of use.


def test_a_retired_frame_ends_the_gap_and_is_given_to_nobody(table):
    table.retire(400 * MIB_FRAMES)
    table.retire(390 * MIB_FRAMES)
    table.retire(400 * MIB_FRAMES)
    assert table.retired == (390 * MIB_FRAMES, 400 * MIB_FRAMES)
    assert gaps(table) == [0, 6]
    assert table.first_retired(mib(384, 100)) == 390 * MIB_FRAMES
    assert table.first_retired(mib(384, 6)) is None
    assert table.free_areas()[0] == mib(384, 6)
    with pytest.raises(ProtocolError, match="which is retired"):
        table.assign("LPAR3", mib(399, 2))
    with pytest.raises(ProtocolError, match="which is retired"):
        table.reserve("LPAR2", mib(192, 256))
    with pytest.raises(ProtocolError, match="which is retired"):
        table.reserve_extension("LPAR2", mib(0, 300).extent)
    with pytest.raises(ProtocolError, match="no frame"):
        table.retire(FRAMES)


def test_a_retired_frame_stays_in_its_zone_until_that_is_freed(table):
    table.retire(5)
    assert table.zone_of("LPAR1") == mib(0, 128)
    with pytest.raises(ProtocolError, match="frame 5, which is retired"):
        exchange(table)
    table.remove("LPAR1")
    assert table.free_areas()[:2] == (Zone(0, 5), Zone(6, 128 * MIB_FRAMES - 6))
