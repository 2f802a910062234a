import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import Holding, HoldingKind, Zone
from lparvm.config import OPERATIONS_MAX
from lparvm.protocol.admission import Denied, LparEntry, admit, check_area
from lparvm.protocol.catalogue import Result

LPARS = {
    "LPAR1": LparEntry("LPAR1", Zone(0, 8), ("IOP1",), ("LIP1",)),
    "LPAR2": LparEntry("LPAR2", Zone(8, 8), (), ("LIP2",)),
    "DOWN": LparEntry("DOWN", Zone(16, 8), (), ("LIP3",), check_stopped=True),
}
MANY = {f"OTHER{n}": f"op.{n}" for n in range(OPERATIONS_MAX)}


def test_a_sound_lpar_may_be_moved():
    assert admit("LPAR1", 32, LPARS, {"LPAR2": "op.1"}) is None


@pytest.mark.parametrize(
    ("lpar", "target_frame", "held", "denied"),
    [
        ("LPAR9", 32, {}, Denied(Result.UNKNOWN_LPAR)),
        ("LPAR1", 32, {"LPAR1": "op.7"}, Denied(Result.LPAR_IN_OPERATION, "op.7")),
        ("LPAR1", 32, MANY, Denied(Result.TOO_MANY_OPERATIONS)),
        ("DOWN", 32, {}, Denied(Result.LPAR_CHECK_STOPPED)),
        ("LPAR2", 8, {}, Denied(Result.ALREADY_THERE)),
    ],
)
def test_each_reason_against_an_operation_is_told(lpar: str, target_frame: int, held: dict, denied: Denied):
    assert admit(lpar, target_frame, LPARS, held) == denied


def test_an_lpar_in_operation_is_told_so_before_anything_that_may_change_with_it():
    assert admit("LPAR2", 8, LPARS, {"LPAR2": "op.1"}) == Denied(Result.LPAR_IN_OPERATION, "op.1")
    assert admit("LPAR1", 32, LPARS, {**MANY, "LPAR1": "op.x"}).reason is Result.LPAR_IN_OPERATION


def test_the_last_operation_below_the_limit_may_begin():
    held = dict(list(MANY.items())[1:])
    assert admit("LPAR1", 32, LPARS, held) is None


FRAMES = 24
ZONES = st.builds(Zone, st.integers(0, FRAMES), st.integers(0, FRAMES))
HOLDINGS = st.lists(
    st.builds(Holding, st.sampled_from(("LPAR1", "LPAR2", "LPAR3")), ZONES, st.sampled_from(HoldingKind)),
    max_size=5,
).map(lambda holdings: sorted(holdings, key=lambda one: one.zone.origin))


@given(HOLDINGS, st.sampled_from(("LPAR1", "LPAR2")), ZONES.filter(lambda zone: zone.extent))
def test_an_area_is_free_where_no_frame_of_it_is_anothers(holdings: list[Holding], lpar: str, target: Zone):
    owners = {frame: set() for frame in range(2 * FRAMES)}
    for holding in holdings:
        for frame in range(holding.zone.origin, holding.zone.end):
            owners[frame].add(holding.lpar)
    frames = range(target.origin, target.end)
    others = set().union(*(owners[frame] for frame in frames)) - {lpar}
    denied = check_area(holdings, lpar, target, FRAMES)
    if any(frame >= FRAMES for frame in frames):
        assert denied == Denied(Result.OUTSIDE_STORAGE)
    elif others:
        assert denied.reason is Result.TARGET_OCCUPIED
        lowest = next(one for one in holdings if one.lpar != lpar and one.zone.overlaps(target))
        assert denied.holder == lowest.lpar
        assert denied.holder in others
    else:
        assert denied is None


@pytest.mark.parametrize("kind", HoldingKind)
def test_what_another_lpar_holds_is_in_the_way_for_whatever_reason(kind: HoldingKind):
    denied = check_area([Holding("LPAR1", Zone(4, 4), kind)], "LPAR2", Zone(7, 2), 100)
    assert denied == Denied(Result.TARGET_OCCUPIED, "LPAR1")


def test_an_area_may_end_where_main_storage_ends():
    assert check_area([], "LPAR1", Zone(92, 8), 100) is None
    assert check_area([], "LPAR1", Zone(93, 8), 100) == Denied(Result.OUTSIDE_STORAGE)
