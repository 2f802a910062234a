import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import Holding, HoldingKind, Zone
from lparvm.config import OPERATIONS_MAX
from lparvm.protocol import messages as m
from lparvm.protocol.admission import Circumstances, Denied, admit_exchange, admit_move, check_areas
from lparvm.protocol.catalogue import Result
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.relocation_record import Denial, Relocation
from lparvm.protocol.targets import After, Before, End, Hsa, Target

LPARS = {
    "LPAR1": LparEntry("LPAR1", Zone(0, 8), ("IOP1",), ("LIP1",)),
    "LPAR2": LparEntry("LPAR2", Zone(8, 4), (), ("LIP2",)),
    "DOWN": LparEntry("DOWN", Zone(16, 8), (), ("LIP3",), check_stopped=True),
}
NOW = Circumstances(LPARS, {}, 0, 64)


def _move(lpar: str, target: Target, now: Circumstances = NOW):
    return admit_move(m.MoveStorage("op.9", lpar, target, 10, 20), now)


def _exchange(first: str, second: str, now: Circumstances = NOW):
    return admit_exchange(m.ExchangeStorage("op.9", first, second, 10, 20), now)


def _held(**held: str) -> Circumstances:
    return evolve(NOW, held=held, operations=len(set(held.values())))


def test_a_sound_lpar_may_be_moved():
    record = _move("LPAR1", Hsa(32 << 12), _held(LPAR2="op.1"))
    assert isinstance(record, Relocation)
    (party,) = record.parties
    assert (party.source, party.target) == (Zone(0, 8), Zone(32, 8))
    assert (party.iops, party.lips) == (("IOP1",), ("LIP1",))
    assert (record.op, record.stop_ns, record.quiesce_ns) == ("op.9", 10, 20)


@pytest.mark.parametrize(
    ("lpar", "target", "origin"),
    [
        ("LPAR1", Before("DOWN"), 8), ("LPAR2", Before("DOWN"), 12), ("LPAR1", After("DOWN"), 24),
        ("LPAR2", End(), 60), ("LPAR1", End(), 56),
    ],
)  # fmt: skip
def test_relative_targets_are_counted_from_where_the_others_are_now(lpar: str, target: Target, origin: int):
    assert _move(lpar, target).parties[0].target.origin == origin


@pytest.mark.parametrize(
    ("lpar", "target", "now", "reason"),
    [
        ("LPAR9", End(), NOW, Result.UNKNOWN_LPAR),
        ("LPAR1", End(), _held(LPAR1="op.7"), Result.LPAR_IN_OPERATION),
        ("LPAR1", End(), evolve(NOW, operations=OPERATIONS_MAX), Result.TOO_MANY_OPERATIONS),
        ("DOWN", End(), NOW, Result.LPAR_CHECK_STOPPED),
        ("LPAR2", Hsa(8 << 12), NOW, Result.ALREADY_THERE),
        ("LPAR2", After("LPAR1"), NOW, Result.ALREADY_THERE),
        ("LPAR2", Before("LPAR1"), NOW, Result.OUTSIDE_STORAGE),
        ("LPAR2", Before("LPAR9"), NOW, Result.UNKNOWN_LPAR),
        ("LPAR2", After("LPAR2"), NOW, Result.SAME_LPAR),
    ],
)
def test_each_reason_against_a_move_is_told(lpar: str, target: Target, now: Circumstances, reason: Result):
    denied = _move(lpar, target, now)
    assert isinstance(denied, Denied)
    assert denied.reason is reason


def test_who_holds_the_lpar_and_which_lpar_is_unknown_are_named():
    assert _move("LPAR1", End(), _held(LPAR1="op.7")).values["operation"] == "op.7"
    assert _move("LPAR2", Before("LPAR9")).values["lpar"] == "LPAR9"


def test_an_lpar_in_operation_is_told_so_before_anything_that_may_change_with_it():
    held = _held(LPAR2="op.1")
    assert _move("LPAR2", Hsa(8 << 12), held).reason is Result.LPAR_IN_OPERATION
    full = evolve(held, operations=OPERATIONS_MAX)
    assert _move("LPAR2", End(), full).reason is Result.LPAR_IN_OPERATION


def test_the_last_operation_below_the_limit_may_begin():
    assert isinstance(_move("LPAR1", End(), evolve(NOW, operations=OPERATIONS_MAX - 1)), Relocation)


def test_an_exchange_has_both_lpars_as_parties_in_the_order_given():
    record = _exchange("LPAR2", "LPAR1")
    assert record.lpars == ("LPAR2", "LPAR1")
    assert [party.target for party in record.parties] == [Zone(0, 4), Zone(4, 8)]


@pytest.mark.parametrize(
    ("first", "second", "now", "reason"),
    [
        ("LPAR1", "LPAR1", NOW, Result.SAME_LPAR),
        ("LPAR1", "LPAR9", NOW, Result.UNKNOWN_LPAR),
        ("LPAR9", "LPAR1", NOW, Result.UNKNOWN_LPAR),
        ("LPAR1", "LPAR2", _held(LPAR2="op.3"), Result.LPAR_IN_OPERATION),
        ("LPAR1", "DOWN", NOW, Result.LPAR_CHECK_STOPPED),
    ],
)
def test_each_reason_against_an_exchange_is_told(first: str, second: str, now: Circumstances, reason: Result):
    assert _exchange(first, second, now).reason is reason


FRAMES = 24
ZONES = st.builds(Zone, st.integers(0, FRAMES), st.integers(0, FRAMES))
HOLDINGS = st.lists(
    st.builds(Holding, st.sampled_from(("LPAR1", "LPAR2", "LPAR3")), ZONES, st.sampled_from(HoldingKind)),
    max_size=5,
).map(lambda holdings: sorted(holdings, key=lambda one: one.zone.origin))


def _check(holdings: list[Holding], lpar: str, target: Zone, *retired: int, frames: int = FRAMES):
    return check_areas([m.Placement(lpar, target)], holdings, retired, frames)


@given(HOLDINGS, st.sampled_from(("LPAR1", "LPAR2")), ZONES.filter(lambda zone: zone.extent))
def test_an_area_is_free_where_no_frame_of_it_is_anothers(holdings: list[Holding], lpar: str, target: Zone):
    owners = {frame: set() for frame in range(2 * FRAMES)}
    for holding in holdings:
        for frame in range(holding.zone.origin, holding.zone.end):
            owners[frame].add(holding.lpar)
    frames = range(target.origin, target.end)
    others = set().union(*(owners[frame] for frame in frames)) - {lpar}
    denied = _check(holdings, lpar, target)
    if any(frame >= FRAMES for frame in frames):
        assert denied == Denial(lpar, Result.OUTSIDE_STORAGE)
    elif others:
        assert denied.reason is Result.TARGET_OCCUPIED
        lowest = next(one for one in holdings if one.lpar != lpar and one.zone.overlaps(target))
        assert denied.holder == lowest.lpar
        assert denied.holder in others
    else:
        assert denied is None


@pytest.mark.parametrize("kind", HoldingKind)
def test_what_another_lpar_holds_is_in_the_way_for_whatever_reason(kind: HoldingKind):
    denied = _check([Holding("LPAR1", Zone(4, 4), kind)], "LPAR2", Zone(7, 2))
    assert denied == Denial("LPAR2", Result.TARGET_OCCUPIED, "LPAR1")


def test_an_area_may_end_where_main_storage_ends():
    assert _check([], "LPAR1", Zone(92, 8), frames=100) is None
    assert _check([], "LPAR1", Zone(93, 8), frames=100) == Denial("LPAR1", Result.OUTSIDE_STORAGE)


def test_lpars_of_one_operation_are_not_in_each_others_way_but_a_third_is():
    holdings = [Holding("A", Zone(0, 4)), Holding("C", Zone(5, 1)), Holding("B", Zone(8, 8))]
    placements = [m.Placement("A", Zone(12, 4)), m.Placement("B", Zone(0, 8))]
    denied = check_areas(placements, holdings, (), FRAMES)
    assert denied == Denial("B", Result.TARGET_OCCUPIED, "C")
    assert check_areas(placements, [holdings[0], holdings[2]], (), FRAMES) is None


def test_a_frame_out_of_use_is_in_the_way_at_the_target_and_in_the_own_zone():
    holdings = [Holding("A", Zone(0, 4))]
    assert _check(holdings, "A", Zone(8, 4), 11) == Denial("A", Result.TARGET_FAULTY, frame=11)
    assert _check(holdings, "A", Zone(8, 4), 3) == Denial("A", Result.ZONE_FAULTY, frame=3)
    assert _check(holdings, "A", Zone(8, 4), 7, 12) is None
