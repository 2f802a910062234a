"""Expanded storage: one owner a block, areas in order, memory only where touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.config import EXPANDED_STORAGE_BLOCKS_MAX
from lparvm.errors import ProtocolError
from lparvm.storage.expanded_storage import ExpandedArea, ExpandedStorage


def test_areas_are_adjacent_in_the_order_in_which_they_were_assigned():
    with ExpandedStorage(10) as expanded:
        assert expanded.assign("B", 4) == ExpandedArea(0, 4)
        assert expanded.assign("A", 6) == ExpandedArea(4, 6)
        assert expanded.areas() == (("B", ExpandedArea(0, 4)), ("A", ExpandedArea(4, 6)))
        assert expanded.area_of("A").end == 10


def test_an_lpar_without_expanded_storage_has_an_empty_area_and_takes_no_place():
    with ExpandedStorage(4) as expanded:
        expanded.assign("A", 3)
        assert expanded.assign("B", 0) == expanded.area_of("NOBODY") == ExpandedArea(0, 0)
        assert expanded.assign("C", 1) == ExpandedArea(3, 1)
        assert [name for name, _ in expanded.areas()] == ["A", "C"]


def test_what_would_give_a_block_two_owners_is_refused_and_changes_nothing():
    with ExpandedStorage(4) as expanded:
        expanded.assign("A", 3)
        for lpar, blocks, problem in (
            ("A", 1, "A already has expanded storage"),
            ("B", 2, "2 blocks of expanded storage for B, 1 are left"),
            ("B", -1, "-1 blocks"),
        ):
            with pytest.raises(ProtocolError, match=problem) as caught:
                expanded.assign(lpar, blocks)
            assert caught.value.story == ("A owns blocks 0 to 2",)
        assert expanded.assign("B", 1) == ExpandedArea(3, 1)


@given(st.lists(st.integers(0, 20), max_size=8), st.integers(0, 100))
def test_no_block_has_two_owners_or_lies_outside(wanted: list[int], block_count: int):
    owners: dict[int, str] = {}
    with ExpandedStorage(block_count) as expanded:
        for number, blocks in enumerate(wanted):
            try:
                area = expanded.assign(f"LPAR{number}", blocks)
            except ProtocolError:
                assert blocks > block_count - len(owners), "refused only where it doesn't fit"
                continue
            assert area.blocks == blocks
            for block in range(area.origin, area.end):
                assert block not in owners, f"block {block} has two owners"
                assert block < block_count
                owners[block] = f"LPAR{number}"


def test_blocks_are_zero_and_use_memory_only_where_touched():
    with ExpandedStorage(EXPANDED_STORAGE_BLOCKS_MAX) as expanded:
        assert expanded.blocks.shape == (EXPANDED_STORAGE_BLOCKS_MAX, 4096)
        assert not expanded.blocks[-1].any()
    with ExpandedStorage(1000) as expanded:
        expanded.blocks[7] = 1
        assert expanded.committed() in (1, 1000), "1000 where the system can't tell"


@pytest.mark.parametrize("blocks", [-1, EXPANDED_STORAGE_BLOCKS_MAX + 1])
def test_a_size_out_of_bounds_is_refused(blocks: int):
    with pytest.raises(ValueError, match=f"{blocks} blocks; expected 0 to {EXPANDED_STORAGE_BLOCKS_MAX}"):
        ExpandedStorage(blocks)


def test_there_may_be_none_at_all():
    with ExpandedStorage(0) as expanded:
        assert expanded.assign("A", 0) == ExpandedArea(0, 0)
        assert expanded.blocks.shape == (0, 4096)
        assert expanded.committed() == 0
        expanded.close()


def test_a_faulty_block_must_exist():
    with ExpandedStorage(2) as expanded:
        expanded.fail_block(1)
        assert [expanded.is_faulty(block) for block in range(2)] == [False, True]
        with pytest.raises(ValueError, match="block 2; expected 0 to 1"):
            expanded.fail_block(2)


def test_an_area_that_was_released_is_empty_and_given_again_to_its_lpar_only():
    with ExpandedStorage(10) as storage:
        storage.assign("A", 4)
        area = storage.assign("B", 4)
        storage.blocks[area.origin : area.end] = 7
        storage.release("B")
        assert not storage.blocks.any()
        assert storage.area_of("B") == ExpandedArea()
        assert storage.assign("C", 2) == ExpandedArea(8, 2), "its place stays its own"
        assert storage.assign("B", 4) == area
        assert [lpar for lpar, _ in storage.areas()] == ["A", "B", "C"], "by origin"
        storage.release("nobody")
