"""A whole move with helper threads: same result, any number of threads, no thread left behind."""

import threading
from unittest import mock

import numpy as np
import pytest

from lparvm.arch.address import Zone
from lparvm.arch.exchange_geometry import exchange_targets
from lparvm.errors import StorageFault
from lparvm.storage import copying, exchange, mover
from lparvm.storage.copying import CopyThreads, run_move
from lparvm.storage.exchange import ZoneExchange
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.mover import PageMove

EXTENT = 600


@pytest.fixture(autouse=True)
def small_moves_are_shared(monkeypatch):
    monkeypatch.setattr(mover, "MOVE_PARALLEL_PAGES_MIN", 2)
    monkeypatch.setattr(exchange, "MOVE_PARALLEL_PAGES_MIN", 2)
    monkeypatch.setattr(copying, "MOVE_HELPED_PAGES_MIN", 0)


@pytest.fixture(autouse=True)
def no_thread_is_left_behind():
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("lparvm-copy")]
    assert not left


@pytest.fixture
def storage():
    with MainStorage(2048) as storage:
        for frame in range(0, 2048, 3):
            storage.words[frame * 512 : frame * 512 + 512] = frame + 1
        storage.keys[:] = np.arange(2048) % 251
        yield storage


def zone_contents(storage, zone):
    return storage.frames[zone.origin : zone.end].tobytes() + storage.keys[zone.origin : zone.end].tobytes()


def never():
    return False


@pytest.mark.parametrize("threads", [1, 2, 3, 40])
@pytest.mark.parametrize("displacement", [1, 7, 100, 599, 600, 900])
@pytest.mark.parametrize("upwards", [True, False])
def test_any_number_of_threads_moves_all(storage, threads, displacement, upwards):
    source, target = Zone(100, EXTENT), Zone(100 + displacement, EXTENT)
    if not upwards:
        source, target = target, source
    before = zone_contents(storage, source)
    move = PageMove(storage, source, target)
    chunks = []
    run_move(move, threads=threads, interrupted=never, on_chunk=chunks.append, pages_max=250)
    assert move.done
    assert zone_contents(storage, target) == before
    assert [chunk.pages for chunk in chunks] == [250, 250, 100]
    inverse = move.inverted()
    run_move(inverse, threads=threads, interrupted=never, on_chunk=chunks.append)
    assert zone_contents(storage, source) == before


@pytest.mark.parametrize("threads", [1, 2, 3, 40])
@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        (Zone(100, 600), Zone(700, 600)),
        (Zone(100, 200), Zone(500, 900)),
        (Zone(100, 900), Zone(1010, 130)),
        (Zone(5, 4), Zone(9, 1203)),
    ],
)
@pytest.mark.parametrize("sparse", [True, False])
def test_any_number_of_threads_exchanges_all(storage, threads, lower, upper, sparse):
    if not sparse:
        storage.frames[:, 9] = 1
    before = zone_contents(storage, lower) + zone_contents(storage, upper)
    one = ZoneExchange(storage, lower, upper)
    chunks = []
    run_move(one, threads=threads, interrupted=never, on_chunk=chunks.append, pages_max=250)
    assert one.done
    to_lower, to_upper = exchange_targets(lower, upper)
    assert zone_contents(storage, to_lower) + zone_contents(storage, to_upper) == before
    assert sum(chunk.pages for chunk in chunks) == one.length
    run_move(one.inverted(), threads=threads, interrupted=never, on_chunk=chunks.append)
    assert zone_contents(storage, lower) + zone_contents(storage, upper) == before


def test_an_interruption_ends_the_move_between_chunks(storage):
    before = zone_contents(storage, Zone(100, EXTENT))
    move = PageMove(storage, Zone(100, EXTENT), Zone(200, EXTENT))
    chunks = []
    run_move(move, threads=2, interrupted=lambda: len(chunks) == 2, on_chunk=chunks.append, pages_max=100)
    assert move.pages_across == 200
    run_move(move.inverted(), threads=2, interrupted=never, on_chunk=chunks.append, pages_max=100)
    assert zone_contents(storage, Zone(100, EXTENT)) == before


def test_the_number_of_threads_may_change_between_chunks(storage):
    before = zone_contents(storage, Zone(100, EXTENT))
    counts = iter([1, 3, 1, 2, 4, 1])
    move = PageMove(storage, Zone(100, EXTENT), Zone(200, EXTENT))
    run_move(move, threads=lambda: next(counts), interrupted=never, on_chunk=lambda _: None, pages_max=100)
    assert list(counts) == [], "asked once a chunk"
    assert zone_contents(storage, Zone(200, EXTENT)) == before


def test_helpers_may_be_started_ahead_and_serve_several_moves(storage):
    before = zone_contents(storage, Zone(100, EXTENT))
    with CopyThreads(2) as helpers:
        started = [thread for thread in threading.enumerate() if thread.name.startswith("lparvm-copy")]
        assert len(started) == 2
        move = PageMove(storage, Zone(100, EXTENT), Zone(200, EXTENT))
        for each in (move, move.inverted()):
            each.pages_across = move.pages_across
            run_move(each, threads=3, interrupted=never, on_chunk=lambda _: None, helpers=helpers)
    assert zone_contents(storage, Zone(100, EXTENT)) == before
    helpers.close()


def test_a_small_move_starts_no_thread(storage, monkeypatch):
    monkeypatch.setattr(copying, "MOVE_HELPED_PAGES_MIN", EXTENT + 1)
    move = PageMove(storage, Zone(100, EXTENT), Zone(200, EXTENT))
    with mock.patch.object(threading.Thread, "start", side_effect=AssertionError("started")):
        run_move(move, threads=4, interrupted=never, on_chunk=lambda _: None)
    assert move.done


def test_a_storage_fault_comes_out_with_the_cursor_before_it(storage):
    storage.fail_frame(400)
    move = PageMove(storage, Zone(100, EXTENT), Zone(200, EXTENT))
    with pytest.raises(StorageFault, match="frame 400"):
        run_move(move, threads=2, interrupted=never, on_chunk=lambda _: None, pages_max=170)
    assert move.pages_across == EXTENT - 301


def test_an_error_of_a_part_comes_out_when_all_parts_have_ended(storage):
    move = PageMove(storage, Zone(100, EXTENT), Zone(200, EXTENT))
    ended = []

    def copy_part(_, part):
        ended.append(part)
        raise RuntimeError("broken")

    with mock.patch.object(PageMove, "copy_part", copy_part), pytest.raises(RuntimeError, match="broken"):
        run_move(move, threads=4, interrupted=never, on_chunk=lambda _: None)
    assert len(ended) == 4
    assert move.pages_across == 0, "the cursor must not pass pages that are not across"
