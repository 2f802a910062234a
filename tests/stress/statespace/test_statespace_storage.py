"""Main storage in the model, and keys of states."""

import pytest
from attrs import define

from lparvm.arch.address import Zone
from lparvm.arch.exchange_geometry import exchange_targets
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.standstill_record import Party
from lparvm.storage.zones import ZoneTable
from lparvm.stress.statespace import storage
from lparvm.stress.statespace.freezing import freeze


def _relocation(*parties: tuple[str, Zone, Zone]) -> Relocation:
    return Relocation(op="op.1", parties=tuple(Party(*one) for one in parties))


@pytest.mark.parametrize("target", [1, 2, 3, 5])
@pytest.mark.parametrize("source", [1, 2, 4])
def test_a_move_brings_every_page_across_and_its_inverse_brings_it_back(source: int, target: int):
    zones = (Zone(source, 3), Zone(target, 3))
    frames = storage.first_frames(8, [("A", zones[0])])
    steps = storage.page_steps(_relocation(("A", *zones)))
    for step in steps:
        frames = storage.stepped(frames, step)
    assert not storage.misplaced(frames, "A", zones[1])
    for step in reversed(steps):
        frames = storage.stepped(frames, step.inverted())
    assert not storage.misplaced(frames, "A", zones[0])


@pytest.mark.parametrize("sizes", [(2, 2), (1, 3), (3, 1), (2, 3)])
@pytest.mark.parametrize("gap", [0, 1, 4])
def test_an_exchange_brings_both_across_and_back(sizes: tuple[int, int], gap: int):
    zones = (Zone(0, sizes[0]), Zone(sizes[0] + gap, sizes[1]))
    targets = exchange_targets(*zones)
    record = _relocation(("A", zones[0], targets[0]), ("B", zones[1], targets[1]))
    frames = storage.first_frames(12, zip("AB", zones, strict=True))
    for step in storage.page_steps(record):
        frames = storage.stepped(frames, step)
    assert [storage.misplaced(frames, *one) for one in zip("AB", targets, strict=True)] == ["", ""]
    for step in reversed(storage.page_steps(record)):
        frames = storage.stepped(frames, step.inverted())
    assert [storage.misplaced(frames, *one) for one in zip("AB", zones, strict=True)] == ["", ""]


def test_cleared_frames_become_pages_when_sale_gives_them():
    frames = storage.filled(storage.first_frames(4, [("A", Zone(0, 2))]), Zone(2, 2), storage.CLEARED)
    given = storage.given(frames, "A", Zone(0, 3))
    assert given == (("A", 0), ("A", 1), ("A", 2), storage.CLEARED)


def test_a_key_depends_on_the_contents_alone():
    assert freeze({"a": [1], "b": {2}}) == freeze({"b": frozenset((2,)), "a": (1,)})
    assert freeze(_relocation(("A", Zone(0, 1), Zone(1, 1)))) != freeze(
        _relocation(("A", Zone(0, 1), Zone(2, 1)))
    )
    hash(freeze({"a": [{"b": [Zone(0, 1)]}]}))


def test_what_might_change_has_no_key():
    with pytest.raises(TypeError, match="has no key"):
        freeze(ZoneTable(4))


def test_classes_with_the_same_fields_are_not_the_same():
    @define
    class One:
        value: int

    @define
    class Other:
        value: int

    assert freeze(One(1)) != freeze(Other(1))
