"""The zone table against a model of sets of frames, after any operations; right ones and wrong ones."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from zone_model import ZoneModel, frames_of

from lparvm.arch.address import HoldingKind, Zone
from lparvm.errors import ProtocolError
from lparvm.storage.zones import ZoneTable

FRAMES = 16
KINDS = {
    "target": HoldingKind.RESERVED,
    "extension": HoldingKind.RESERVED,
    "vacated": HoldingKind.VACATED,
}

lpars = st.sampled_from(["A", "B", "C"])
zones = st.builds(Zone, st.integers(0, FRAMES), st.integers(0, 7))
extents = st.integers(0, 9)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("assign"), lpars, zones),
        st.tuples(st.just("reserve_all"), st.lists(st.tuples(lpars, zones), min_size=1, max_size=3)),
        st.tuples(st.just("commit_all"), st.lists(lpars, min_size=1, max_size=3)),
        st.tuples(st.just("reserve_extension"), lpars, extents),
        st.tuples(st.just("resize"), lpars, extents),
        st.tuples(st.just("release"), lpars),
        st.tuples(st.just("remove"), lpars),
        st.tuples(st.just("retire"), st.integers(-1, FRAMES)),
    ),
    max_size=30,
)


@st.composite
def likely_operations(draw):
    """Operations on LPARs that have zones, of which more are right: places are drawn as cuts of storage."""
    steps = [("assign", name, Zone(index * 5, draw(st.integers(1, 5)))) for index, name in enumerate("ABC")]
    for _ in range(draw(st.integers(1, 8))):
        members = draw(st.lists(lpars, min_size=1, max_size=3, unique=True))
        cuts = sorted(draw(st.lists(st.integers(0, FRAMES), min_size=6, max_size=6)))
        places = [Zone(low, high - low) for low, high in zip(cuts[::2], cuts[1::2], strict=True)]
        places = draw(st.permutations(places))
        steps.append(("reserve_all", list(zip(members, places, strict=False))))
        steps.extend(draw(operations.map(lambda some: some[:1])))
        if draw(st.booleans()):
            steps.append(("commit_all", members))
        steps.extend(draw(operations.map(lambda some: some[:1])))
        steps.extend(("release", lpar) for lpar in members if draw(st.integers(0, 3)))
        lpar, extent = draw(lpars), draw(extents)
        steps.extend([("reserve_extension", lpar, extent), ("resize", lpar, extent)])
        steps.extend([("release", lpar)] * draw(st.integers(0, 1)))
    return steps


def check(table: ZoneTable, model: ZoneModel) -> None:
    held = {(one.lpar, one.kind, frames_of(one.zone)) for one in table.holdings()}
    wanted = {(lpar, HoldingKind.ZONE, frames) for lpar, frames in model.zones.items()}
    wanted |= {(lpar, KINDS[kind], frames) for lpar, (kind, frames) in model.beside.items()}
    assert held == wanted
    for one, other in itertools.combinations(table.holdings(), 2):
        if one.lpar != other.lpar and one.zone.overlaps(other.zone):
            assert other.lpar in model.group_of(one.lpar), f"{one} and {other}: two owners, and no group"
            assert one.kind is not other.kind, f"{one} and {other}: two owners of one kind"
    assert table.retired == tuple(sorted(model.retired))
    free = table.free_areas()
    assert {frame for area in free for frame in frames_of(area)} == model.free()
    assert all(one.end < other.origin for one, other in itertools.pairwise(free)), "areas that could be one"
    for lpar in model.zones:
        end = table.zone_of(lpar).end
        gap = table.gap_after(lpar)
        unused = itertools.takewhile(lambda frame: frame in model.free(), range(end, FRAMES))
        assert gap == len(list(unused)), f"the gap after {lpar}"
    for lpar in model.beside:
        freed = {frame for area in table.freed_by_release(lpar) for frame in frames_of(area)}
        assert freed == {frame for frame in model.beside[lpar][1] if only_beside(model, frame, lpar)}


def only_beside(model: ZoneModel, frame: int, lpar: str) -> bool:
    return model.owners(frame) == {lpar} and frame not in model.zones[lpar]


def replay(steps) -> int:
    """How many operations were right."""
    table, model, done = ZoneTable(FRAMES), ZoneModel(FRAMES), 0
    for name, *arguments in steps:
        right = getattr(model, name)(*arguments)
        refused = None
        try:
            getattr(table, name)(*arguments)
        except ProtocolError as error:
            refused = error
        assert right is (refused is None), f"{name}{arguments}: {refused or 'was done'}"
        done += right
        check(table, model)
    return done


@given(operations)
def test_after_any_operations_the_table_is_as_the_model(steps):
    replay(steps)


@given(likely_operations())
def test_after_exchanges_of_any_kind_the_table_is_as_the_model(steps):
    replay(steps)
