"""What is told as committed where the system can't tell, or tells only in part."""

import sys

import numpy as np
import pytest

from lparvm.storage import lazy_memory
from lparvm.storage.lazy_memory import PAGE_BYTES, LazyMemory

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is committed")


@pytest.fixture
def memory():
    memory = LazyMemory(8 * PAGE_BYTES)
    memory.array[2 * PAGE_BYTES] = 1
    yield memory
    memory.close()


def test_size_is_rounded_up_to_pages():
    memory = LazyMemory(PAGE_BYTES + 1)
    assert memory.size_bytes == 2 * PAGE_BYTES == len(memory.buffer)
    memory.close()


def test_everything_counts_as_committed_where_the_system_cannot_tell(memory, monkeypatch):
    monkeypatch.setattr(lazy_memory, "_commitment_is_told", lambda: False)
    assert memory.committed(0, 8).all()


@linux_only
def test_everything_counts_as_committed_without_a_page_map(memory, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(lazy_memory.os, "open", refuse)
    assert memory.committed(0, 8).all()


@linux_only
def test_what_a_short_read_of_the_page_map_leaves_out_counts_as_committed(memory, monkeypatch):
    whole = lazy_memory.os.pread
    monkeypatch.setattr(lazy_memory.os, "pread", lambda *arguments: whole(*arguments)[: 4 * 8])
    assert memory.committed(0, 8).tolist() == [False, False, True, False] + [True] * 4


@linux_only
def test_a_large_range_is_read_in_blocks(memory, monkeypatch):
    monkeypatch.setattr(lazy_memory, "_PAGEMAP_BLOCK_PAGES", 3)
    assert np.flatnonzero(memory.committed(0, 8)).tolist() == [2]
    assert np.flatnonzero(memory.committed(1, 6)).tolist() == [1]


@linux_only
def test_a_system_that_tells_a_touched_page_as_absent_is_not_believed(monkeypatch):
    monkeypatch.setattr(LazyMemory, "_committed", lambda *_: np.zeros(2, dtype=np.bool_))
    lazy_memory._commitment_is_told.cache_clear()
    try:
        assert not lazy_memory._commitment_is_told()
    finally:
        lazy_memory._commitment_is_told.cache_clear()


@pytest.mark.parametrize("granular", [True, False])
@pytest.mark.parametrize(
    ("start", "count"), [(0, 8 * PAGE_BYTES), (5, 10), (100, 3 * PAGE_BYTES), (PAGE_BYTES, PAGE_BYTES)]
)
def test_discard_zeroes_exactly_its_range(start, count, granular, monkeypatch):
    monkeypatch.setattr(lazy_memory, "_FRAME_GRANULAR", granular and lazy_memory._FRAME_GRANULAR)
    memory = LazyMemory(8 * PAGE_BYTES)
    memory.array[:] = 1
    memory.discard(start, count)
    assert not memory.array[start : start + count].any()
    assert memory.array.sum() == 8 * PAGE_BYTES - count
    memory.close()
