"""Custody catches what a mover can do wrong, and its digests are sensitive to order and place."""

import random
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.storage import custody
from lparvm.storage.custody import CustodyReport, record, verify
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.mover import PageMove

SOURCE, TARGET = Zone(4, 32), Zone(14, 32)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is committed")


@pytest.fixture
def storage():
    with MainStorage(64) as storage:
        rng = random.Random(1)
        for frame in range(SOURCE.origin, SOURCE.end):
            storage.frames[frame] = np.frombuffer(rng.randbytes(PAGE_BYTES), dtype=np.uint8)
            storage.keys[frame] = rng.randrange(256)
        storage.frames[SOURCE.origin + 5] = 0
        yield storage


def copy(storage, pages, *, keys=True):
    """What the mover should do, page by page in the order of `pages`."""
    for page in pages:
        storage.frames[TARGET.origin + page] = storage.frames[SOURCE.origin + page]
        if keys:
            storage.keys[TARGET.origin + page] = storage.keys[SOURCE.origin + page]


def wrong(report):
    return report.lost, report.duplicated, report.stale, report.keys_wrong


def down(without=()):
    return [page for page in reversed(range(SOURCE.extent)) if page not in without]


def test_a_right_move_is_intact(storage):
    before = record(storage, SOURCE)
    copy(storage, down())
    report = verify(storage, before, TARGET)
    assert report == CustodyReport(32, 32, 0, 0, 0, 0, before.data_digest, before.key_digest)
    assert report.intact


def test_the_mover_and_back_again_are_intact(storage):
    before = record(storage, SOURCE)
    move = PageMove(storage, SOURCE, TARGET)
    move.move(move.next_chunk(7))
    move.move(move.next_chunk())
    assert verify(storage, before, TARGET).intact
    move = move.inverted()
    move.move(move.next_chunk())
    assert verify(storage, before, SOURCE).intact


# What must be caught. Each page moved wrong is counted once.


def test_a_page_that_was_not_moved_is_stale_where_the_areas_overlap(storage):
    before = record(storage, SOURCE)
    copy(storage, down(without={8}))
    report = verify(storage, before, TARGET)
    assert wrong(report)[:3] == (0, 0, 1)
    assert report.pages == 31
    assert not report.intact


def test_a_page_that_was_not_moved_is_stale_over_zeros_and_over_poison(storage):
    before = record(storage, SOURCE)
    storage.frames[SOURCE.end :] = 1
    storage.poison(Zone(SOURCE.end + 1, 5))
    storage.frames[SOURCE.end] = 0
    untouched = SOURCE.end - TARGET.origin
    copy(storage, down(without={untouched, untouched + 1}))
    assert wrong(verify(storage, before, TARGET))[:3] == (0, 0, 2)


def test_a_page_that_landed_twice_is_duplicated(storage):
    before = record(storage, SOURCE)
    copy(storage, down())
    storage.frames[TARGET.origin + 20] = storage.frames[TARGET.origin + 21]
    assert wrong(verify(storage, before, TARGET)) == (0, 1, 0, 0)


def test_the_wrong_direction_duplicates_pages_and_keys(storage):
    before = record(storage, SOURCE)
    copy(storage, range(SOURCE.extent))
    report = verify(storage, before, TARGET)
    assert report.duplicated > 15
    assert report.lost == 0
    assert report.keys_wrong > 15


def test_pages_moved_by_one_too_many_are_caught(storage):
    before = record(storage, SOURCE)
    copy(storage, down())
    storage.frames[TARGET.origin : TARGET.end] = np.roll(
        storage.frames[TARGET.origin : TARGET.end], 1, axis=0
    )
    assert verify(storage, before, TARGET).duplicated == 31, "the page of zeros counts as stale"


@pytest.mark.parametrize("cut", [8, 1024, 2048, 4088])
def test_a_torn_page_is_lost(storage, cut):
    before = record(storage, SOURCE)
    stale = storage.frames[TARGET.origin + 8].copy()
    copy(storage, down())
    storage.frames[TARGET.origin + 8, cut:] = stale[cut:]
    assert wrong(verify(storage, before, TARGET)) == (1, 0, 0, 0)


def test_two_pages_that_changed_places_are_caught(storage):
    before = record(storage, SOURCE)
    copy(storage, down())
    swapped = storage.frames[[TARGET.origin + 21, TARGET.origin + 20]]
    storage.frames[TARGET.origin + 20 : TARGET.origin + 22] = swapped
    report = verify(storage, before, TARGET)
    assert report.duplicated == 2
    assert report.data_digest != before.data_digest


def test_dropped_keys_are_counted(storage):
    before = record(storage, SOURCE)
    distinct = storage.keys.copy()
    copy(storage, down(), keys=False)
    zone_keys = distinct[SOURCE.origin : SOURCE.end]
    expected = int((distinct[TARGET.origin : TARGET.end] != zone_keys).sum())
    report = verify(storage, before, TARGET)
    assert wrong(report) == (0, 0, 0, expected)
    assert report.keys == 32 - expected
    assert report.key_digest != before.key_digest


@pytest.mark.parametrize("bit", range(8))
def test_each_bit_of_a_key_counts(storage, bit):
    before = record(storage, SOURCE)
    copy(storage, down())
    storage.keys[TARGET.origin + 3] ^= 1 << bit
    assert wrong(verify(storage, before, TARGET)) == (0, 0, 0, 1)


# The digest.


@given(st.integers(0, PAGE_BYTES - 1), st.integers(1, 255), st.integers(0, 2**32))
def test_any_changed_byte_changes_the_digest(offset, change, seed):
    with MainStorage(1) as storage:
        storage.frames[0] = np.frombuffer(random.Random(seed).randbytes(PAGE_BYTES), dtype=np.uint8)
        before = record(storage, Zone(0, 1))
        storage.frames[0, offset] ^= change
        assert record(storage, Zone(0, 1)).digests[0] != before.digests[0]


@given(st.integers(0, 511), st.integers(0, 511), st.integers(0, 63), st.booleans())
def test_words_that_changed_places_change_the_digest_even_when_one_bit_tells_them_apart(
    one, other, bit, zero
):
    with MainStorage(1) as storage:
        storage.words[:] = 0 if zero else 0x0123456789ABCDEF
        storage.words[one] ^= np.uint64(1 << bit)
        before = record(storage, Zone(0, 1))
        storage.words[[one, other]] = storage.words[[other, one]]
        assert (record(storage, Zone(0, 1)).digests[0] != before.digests[0]) == (one != other)


def test_digests_of_small_counters_are_all_different():
    with MainStorage(4096) as storage:
        rng = np.random.default_rng(1)
        storage.words[:] = rng.integers(0, 256, size=4096 * 512, dtype=np.uint64)
        digests = record(storage, Zone(0, 4096)).digests
        assert len(np.unique(digests)) == 4096, "the top bits of the sum are all that counts"


def test_digests_are_those_of_the_formula(storage):
    words = storage.frames[SOURCE.origin + 1].view("<u4").tolist()
    expected = sum(int(weight) * word for weight, word in zip(custody._WEIGHTS, words, strict=True)) % 2**64
    assert record(storage, SOURCE).digests[1] == expected


def test_the_weights_are_the_same_everywhere():
    assert int(custody._WEIGHTS[0]) == 0xE220A8397B1DCDAF, "the first splitmix64 number of seed 0"
    assert (custody._WEIGHTS % 2 == 1).all()


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("every", [1, 2, 3])
def test_threads_and_gaps_make_no_difference(threads, every):
    with MainStorage(4000) as storage:
        storage.frames[10:3000:every] = (np.arange(0, 2990, every) % 255 + 1)[:, None]
        storage.frames[10:3000:every, :2] = np.arange(0, 2990, every, dtype="<u2")[:, None].view(np.uint8)
        digests = record(storage, Zone(0, 4000), threads=threads).digests
        for frame in (9, 10, 11, 12, 13, 1234, 2998, 2999, 3000):
            assert digests[frame] == custody._digest(storage.frames[frame : frame + 1].view("<u4"))[0], frame


@linux_only
def test_untouched_pages_count_as_zeros_and_stay_untouched():
    with MainStorage(4096) as storage:
        storage.frames[100] = 1
        before = record(storage, Zone(0, 4096), threads=2)
        assert np.flatnonzero(before.digests).tolist() == [100]
        assert verify(storage, before, Zone(0, 4096)).intact
        assert storage.committed(Zone(0, 4096)).sum() == 1
