"""Frames, keys, faults, and memory only for what is touched."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.storage.main_storage import POISON_KEY, POISON_WORD, MainStorage

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is committed")
GIB_FRAMES = 1 << 18


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def storage():
    with MainStorage(64) as storage:
        yield storage


def test_frames_words_and_buffer_are_one_memory(storage):
    storage.frames[3, 8:16] = range(8)
    assert storage.buffer[3 * PAGE_BYTES + 9] == 1, "the buffer is indexed by host absolute address"
    assert storage.words[3 * 512 + 1] == 0x0001020304050607, "words are big-endian"
    storage.key_buffer[3] = 0x52
    assert storage.keys[3] == 0x52
    assert storage.address(4) - storage.address(3) == PAGE_BYTES
    assert storage.frames[3].ctypes.data == storage.address(3)
    assert storage.keys[3:].ctypes.data == storage.key_address(3)


def test_storage_of_no_frames_or_too_many_is_refused():
    for frames in (0, -1, (1 << 28) + 1):
        with pytest.raises(ValueError, match="frames; expected 1 to"):
            MainStorage(frames)


@linux_only
def test_64_gib_start_and_use_memory_only_for_what_is_touched():
    before = resident_bytes()
    with MainStorage(64 * GIB_FRAMES) as storage:
        for frame in (0, 20 * GIB_FRAMES, 64 * GIB_FRAMES - 1):
            storage.frames[frame] = 1
            storage.keys[frame] = 0x10
        assert resident_bytes() - before < 8 << 20, "three touched frames use more than 8 MiB"
        committed = storage.committed(Zone(20 * GIB_FRAMES - 512, 1024))
        assert committed.sum() == 1, "a touched frame commits its neighbours too: huge pages are on"


@linux_only
def test_committed_tells_touched_frames(storage):
    assert not storage.committed(Zone(0, 64)).any()
    storage.frames[[3, 5, 6], 0] = 1
    assert np.flatnonzero(storage.committed(Zone(2, 10))).tolist() == [1, 3, 4]
    assert storage.committed(Zone(5, 2)).all()
    assert storage.committed(Zone(9, 0)).shape == (0,)


@linux_only
def test_populate_commits_the_wanted_frames_and_changes_nothing(storage):
    storage.frames[3] = 7
    wanted = np.zeros(8, dtype=bool)
    wanted[[1, 4, 5]] = True
    storage.populate(Zone(2, 8), wanted)
    committed = np.flatnonzero(storage.committed(Zone(0, 64))).tolist()
    if committed == [3]:
        pytest.skip("this kernel can't populate ahead")
    assert committed == [3, 6, 7]
    assert (storage.frames[3] == 7).all()
    storage.populate(Zone(20, 4))
    assert storage.committed(Zone(20, 4)).all()


def test_clear_zeroes_data_and_keys_of_the_zone_alone(storage):
    storage.frames[:] = 9
    storage.keys[:] = 0xF0
    storage.clear(Zone(10, 20))
    assert not storage.frames[10:30].any()
    assert not storage.keys[10:30].any()
    assert (storage.frames[[9, 30]] == 9).all()
    assert (storage.keys[[9, 30]] == 0xF0).all()


@linux_only
def test_clear_gives_memory_back(storage):
    storage.frames[:] = 9
    storage.clear(Zone(10, 20))
    assert storage.committed(Zone(0, 64)).sum() == 44


def test_clear_zeroes_the_keys_of_a_zone_that_spans_pages_of_keys():
    with MainStorage(5 * PAGE_BYTES) as storage:
        storage.keys[:] = 1
        storage.clear(Zone(100, 4 * PAGE_BYTES))
        zero = np.flatnonzero(storage.keys == 0)
        assert (zero[0], zero[-1], len(zero)) == (100, 99 + 4 * PAGE_BYTES, 4 * PAGE_BYTES)


@linux_only
def test_poison_overwrites_committed_frames_and_leaves_the_others_uncommitted(storage):
    storage.frames[[11, 13]] = 1
    storage.keys[10:14] = 0x30
    assert storage.poison(Zone(10, 4)) == 2
    assert (storage.words.reshape(-1, 512)[[11, 13]] == POISON_WORD).all()
    assert storage.keys[10:14].tolist() == [0x30, POISON_KEY, 0x30, POISON_KEY]
    assert storage.committed(Zone(10, 4)).tolist() == [False, True, False, True]


def test_first_fault_is_the_lowest_or_from_the_end_the_highest(storage):
    zone = Zone(10, 10)
    assert storage.first_fault(zone) is None
    for frame in (9, 12, 20, 17, 12):
        storage.fail_frame(frame)
    assert storage.first_fault(zone) == 12
    assert storage.first_fault(zone, from_end=True) == 17
    assert storage.first_fault(Zone(13, 4)) is None
    assert storage.first_fault(Zone(13, 4), from_end=True) is None
    assert storage.first_fault(Zone(0, 5), from_end=True) is None
    assert storage.first_fault(Zone(30, 5)) is None
    storage.repair_frame(12)
    storage.repair_frame(12)
    assert storage.first_fault(zone) == 17


def test_a_fault_outside_storage_is_refused(storage):
    with pytest.raises(ValueError, match="frame 64; expected 0 to 63"):
        storage.fail_frame(64)


def test_close_can_be_repeated_and_leaves_views_that_are_held_elsewhere_readable():
    storage = MainStorage(4)
    held = storage.frames[1]
    held[:] = 5
    storage.close()
    storage.close()
    assert not held.any(), "the memory was not given back"
    assert not storage.frames.size


def test_close_releases_the_buffer_when_nobody_holds_a_view():
    storage = MainStorage(4)
    buffer = storage.buffer
    storage.close()
    with pytest.raises(ValueError, match="released"):
        buffer[0]
