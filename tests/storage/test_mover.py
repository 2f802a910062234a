"""The page mover against a naive reference, for any geometry, cursor, chunk and interruption."""

import random
import sys
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.errors import MoverFailed, StorageFault
from lparvm.storage import mover
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.mover import Chunk, Direction, PageMove, Part

FRAMES = 64
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is committed")


@st.composite
def geometries(draw):
    """Source and target of one extent, inside storage; equal ones too."""
    extent = draw(st.integers(0, 30))
    return tuple(Zone(draw(st.integers(0, FRAMES - extent)), extent) for _ in range(2))


geometry = geometries()
chunk_sizes = st.lists(st.integers(1, 35), min_size=1, max_size=8)
fillings = st.integers(0, 2**32)


def fill(storage: MainStorage, seed: int) -> None:
    """Give two thirds of the frames contents of their own, and every frame a key; the others stay untouched."""
    rng = random.Random(seed)
    for frame in range(FRAMES):
        if rng.random() < 0.66:
            storage.words.reshape(-1, 512)[frame] = rng.randrange(1, 1 << 64)
            storage.frames[frame, 0] = frame
        storage.keys[frame] = rng.randrange(256)


def contents(storage: MainStorage) -> tuple[np.ndarray, np.ndarray]:
    return storage.frames.copy(), storage.keys.copy()


def pages(storage: MainStorage, zone: Zone) -> tuple[np.ndarray, np.ndarray]:
    return storage.frames[zone.origin : zone.end].copy(), storage.keys[zone.origin : zone.end].copy()


def equal(one, other) -> bool:
    return all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))


def reference(before, source: Zone, target: Zone, across: range):
    """What storage holds when exactly the pages `across` are moved, by way of a copy of everything."""
    frames, keys = before[0].copy(), before[1].copy()
    for page in across:
        frames[target.origin + page] = before[0][source.origin + page]
        keys[target.origin + page] = before[1][source.origin + page]
    return frames, keys


def across(move: PageMove) -> range:
    extent = move.source.extent
    return range(extent - move.pages_across, extent) if move.displacement > 0 else range(move.pages_across)


def run(move: PageMove, sizes, chunks_max: int = 1000) -> None:
    for index in range(chunks_max):
        chunk = move.next_chunk(sizes[index % len(sizes)])
        if chunk is None:
            return
        move.move(chunk)


# Against the reference.


@given(geometry, fillings, chunk_sizes)
def test_every_page_and_key_lands_and_nothing_else_changes(zones, seed, sizes):
    source, target = zones
    with MainStorage(FRAMES) as storage:
        fill(storage, seed)
        before = contents(storage)
        move = PageMove(storage, source, target)
        run(move, sizes)
        assert move.done
        assert move.pages_across == source.extent
        assert move.next_chunk() is None
        assert equal(contents(storage), reference(before, source, target, range(source.extent)))


@given(geometry, fillings, chunk_sizes, st.integers(0, 5))
def test_at_any_cursor_the_pages_across_are_at_the_target_and_the_others_at_the_source(
    zones, seed, sizes, chunks
):
    source, target = zones
    with MainStorage(FRAMES) as storage:
        fill(storage, seed)
        before = contents(storage)
        zone_before = pages(storage, source)
        move = PageMove(storage, source, target)
        run(move, sizes, chunks)
        assert equal(contents(storage), reference(before, source, target, across(move)))
        for page in range(source.extent):
            frame = (target if page in across(move) else source).origin + page
            assert np.array_equal(storage.frames[frame], zone_before[0][page]), f"page {page} is lost"
            assert storage.keys[frame] == zone_before[1][page], f"the key of page {page} is lost"


@given(geometry, fillings, chunk_sizes, st.integers(0, 8), chunk_sizes)
def test_the_inverse_from_any_cursor_restores_the_zone(zones, seed, sizes, chunks, sizes_back):
    source, target = zones
    with MainStorage(FRAMES) as storage:
        fill(storage, seed)
        zone_before = pages(storage, source)
        move = PageMove(storage, source, target)
        run(move, sizes, chunks)
        inverse = move.inverted()
        assert inverse.inverse
        assert inverse.pages_left == move.pages_across
        run(inverse, sizes_back)
        assert inverse.done
        assert inverse.pages_across == 0
        assert equal(pages(storage, source), zone_before)


@given(geometry, fillings, chunk_sizes, st.lists(st.integers(1, 4), max_size=6))
def test_turning_round_any_number_of_times_still_ends_right(zones, seed, sizes, turns):
    source, target = zones
    with MainStorage(FRAMES) as storage:
        fill(storage, seed)
        zone_before = pages(storage, source)
        move = PageMove(storage, source, target)
        for chunks in turns:
            run(move, sizes, chunks)
            move = move.inverted()
        run(move, sizes)
        assert equal(pages(storage, source if move.inverse else target), zone_before)


@given(geometry, fillings, chunk_sizes, st.integers(0, 5))
def test_a_move_goes_on_from_its_cursor(zones, seed, sizes, chunks):
    source, target = zones
    with MainStorage(FRAMES) as storage:
        fill(storage, seed)
        zone_before = pages(storage, source)
        first = PageMove(storage, source, target)
        run(first, sizes, chunks)
        second = PageMove(storage, source, target, first.pages_across, committed=first.committed)
        run(second, sizes)
        assert equal(pages(storage, target), zone_before)


# Copies side by side.


@given(geometry, fillings, chunk_sizes, st.integers(1, 9), st.booleans(), st.randoms(use_true_random=False))
def test_parts_may_be_copied_in_any_interleaving(zones, seed, sizes, count, there_and_back, rng):
    source, target = zones
    with mock.patch.object(mover, "MOVE_PARALLEL_PAGES_MIN", 1), MainStorage(FRAMES) as storage:
        fill(storage, seed)
        zone_before = pages(storage, source)
        move = PageMove(storage, source, target)
        for _ in range(2 if there_and_back else 1):
            index = 0
            while (chunk := move.next_chunk(sizes[index % len(sizes)])) is not None:
                parts = move.parts(chunk, count)
                assert len(parts) <= count
                together = sorted(
                    page
                    for part in parts
                    for piece in part.pieces
                    for page in range(piece.first_page, piece.end)
                )
                assert together == list(range(chunk.first_page, chunk.end)), "each page is in one part"
                # Threads keep the order within a part, and nothing else: any merge of the parts can happen.
                queues = [list(part.pieces) for part in parts]
                while queues := [queue for queue in queues if queue]:
                    move.copy_part(Part((rng.choice(queues).pop(0),)))
                move.finish(chunk)
                index += 1
            move = move.inverted()
        assert equal(pages(storage, source if there_and_back else target), zone_before)


def test_a_small_displacement_is_not_worth_parts():
    with MainStorage(1024) as storage:
        move = PageMove(storage, Zone(0, 500), Zone(63, 500))
        assert move.parts(Chunk(0, 500), 2) == [Part((Chunk(0, 500),))]
        move = PageMove(storage, Zone(0, 500), Zone(64, 500))
        low, high = move.parts(Chunk(300, 200), 2)
        assert low.pieces == (Chunk(492, 8), Chunk(428, 32), Chunk(364, 32), Chunk(300, 32))
        assert high.pieces == (Chunk(460, 32), Chunk(396, 32), Chunk(332, 32))


# Directions and cursors.


@pytest.mark.parametrize(
    ("source", "target", "direction"),
    [
        (10, 14, Direction.DESCENDING),
        (10, 40, Direction.DESCENDING),
        (14, 10, Direction.ASCENDING),
        (40, 10, Direction.ASCENDING),
    ],
)
def test_pages_go_from_the_end_upwards_and_from_the_start_downwards(source, target, direction):
    with MainStorage(FRAMES) as storage:
        move = PageMove(storage, Zone(source, 20), Zone(target, 20))
        assert move.direction is direction
        upwards = target > source
        assert move.part_left == Chunk(0, 20)
        chunk = move.next_chunk(3)
        assert chunk == (Chunk(17, 3) if upwards else Chunk(0, 3))
        move.move(chunk)
        assert move.part_left == (Chunk(0, 17) if upwards else Chunk(3, 17))
        inverse = move.inverted()
        assert inverse.direction is not direction
        assert inverse.part_left == chunk
        assert inverse.next_chunk(2) == (Chunk(17, 2) if upwards else Chunk(1, 2))


def test_chunks_are_finished_in_order():
    with MainStorage(FRAMES) as storage:
        move = PageMove(storage, Zone(0, 20), Zone(30, 20))
        with pytest.raises(AssertionError, match="finished in order"):
            move.finish(Chunk(0, 5))
        assert move.pages_across == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((Zone(0, 4), Zone(4, 5)), "never the extent"),
        ((Zone(0, 4), Zone(61, 4)), "inside storage"),
        ((Zone(0, 4), Zone(8, 4), 5), "counts pages"),
        ((Zone(0, 4), Zone(8, 4), 2), "only at its start"),
        ((Zone(0, 4), Zone(8, 4), 2, False, np.ones(3, dtype=bool)), "one flag a page"),
    ],
)
def test_a_move_that_makes_no_sense_is_not_made(arguments, problem):
    with MainStorage(FRAMES) as storage, pytest.raises(AssertionError, match=problem):
        PageMove(storage, *arguments)


# Storage faults.


@given(geometry, fillings, chunk_sizes, st.integers(0, FRAMES - 1))
def test_a_fault_leaves_the_cursor_exactly_before_the_faulty_page_and_can_be_taken_back(
    zones, seed, sizes, frame
):
    source, target = zones
    with MainStorage(FRAMES) as storage:
        fill(storage, seed)
        before = contents(storage)
        zone_before = pages(storage, source)
        storage.fail_frame(frame)
        hit = {frame - zone.origin for zone in zones} & set(range(source.extent))
        move = PageMove(storage, source, target)
        if hit:
            with pytest.raises(StorageFault) as caught:
                run(move, sizes)
            assert caught.value.frame == frame
            moved = source.extent - 1 - max(hit) if move.displacement > 0 else min(hit)
            assert move.pages_across == moved
        else:
            run(move, sizes)
            assert move.done
        assert equal(contents(storage), reference(before, source, target, across(move))), "more was touched"
        for each in range(FRAMES):
            storage.fail_frame(each)
        run(inverse := move.inverted(), sizes)
        assert inverse.done, "a faulty frame keeps its contents: going back is always possible"
        assert equal(pages(storage, source), zone_before)


def test_a_repaired_frame_lets_the_move_go_on():
    with MainStorage(FRAMES) as storage:
        fill(storage, 1)
        zone_before = pages(storage, Zone(0, 20))
        storage.fail_frame(10)
        move = PageMove(storage, Zone(0, 20), Zone(5, 20))
        with pytest.raises(StorageFault, match="frame 10"):
            run(move, [7])
        assert move.pages_across == 9, "page 10 is met as a source, before page 5 as a target"
        storage.repair_frame(10)
        run(move, [7])
        assert equal(pages(storage, Zone(5, 20)), zone_before)


@given(geometry, fillings, chunk_sizes, st.data())
def test_the_mover_fails_once_exactly_where_it_is_told_to(zones, seed, sizes, data):
    source, target = zones
    with MainStorage(FRAMES) as storage:
        fill(storage, seed)
        zone_before = pages(storage, source)
        where = data.draw(st.integers(0, source.extent))
        move = PageMove(storage, source, target, fail_at=where)
        if where < source.extent:
            with pytest.raises(MoverFailed, match=f"after {where} page steps") as caught:
                run(move, sizes)
            assert caught.value.cursor == move.cursor == move.pages_across == where
            run(back := move.inverted(), sizes)
            assert back.done, "it fails on the way there only"
            assert equal(pages(storage, source), zone_before)
            move = back.inverted()
        run(move, sizes)
        assert move.done, "it fails once, and not at the end"
        assert equal(pages(storage, target), zone_before)


def test_an_inverse_move_does_not_fail_on_the_way():
    with MainStorage(FRAMES) as storage:
        fill(storage, 1)
        move = PageMove(storage, Zone(0, 20), Zone(5, 20))
        move.move(move.next_chunk(10))
        move.fail_at = 7
        run(back := move.inverted(), [3])
        assert (back.cursor, back.fail_at) == (0, 7)


# Memory only for what is touched.


@linux_only
@given(geometry, fillings, chunk_sizes)
def test_untouched_pages_stay_without_memory(zones, seed, sizes):
    source, target = zones
    with MainStorage(FRAMES) as storage:
        fill(storage, seed)
        held = storage.committed(source)
        run(PageMove(storage, source, target), sizes)
        assert np.array_equal(storage.committed(target), held)


@linux_only
def test_a_sparse_gigantic_zone_moves_without_memory():
    gib = 1 << 18
    with MainStorage(64 * gib) as storage:
        source, target = Zone(gib, 30 * gib), Zone(3 * gib, 30 * gib)
        storage.frames[source.origin + 5] = 1
        storage.frames[source.end - 1] = 2
        storage.keys[source.origin + 77] = 0x5A
        move = PageMove(storage, source, target)
        run(move, [1 << 20])
        assert np.flatnonzero(storage.committed(target)).tolist() == [5, target.extent - 1]
        assert (storage.frames[target.origin + 5] == 1).all()
        assert (storage.frames[target.end - 1] == 2).all()
        assert storage.keys[target.origin + 77] == 0x5A


def test_all_eight_bits_of_a_key_move_and_the_move_sets_none():
    with MainStorage(512) as storage:
        storage.frames[:256, 0] = range(256)
        storage.keys[:256] = range(256)
        run(PageMove(storage, Zone(0, 256), Zone(3, 256)), [50])
        assert storage.keys[3:259].tolist() == list(range(256))
        assert storage.keys[:3].tolist() == [0, 1, 2], "reference and change bits of the source were set"
        assert storage.frames[3:259, 0].tolist() == list(range(256))
        assert storage.frames.shape[1] == PAGE_BYTES
