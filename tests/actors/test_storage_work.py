"""Work on frames: what is made ready while the guest still runs, what it costs, and what is told of it."""

import sys
import threading

import pytest
import trio

from lparvm.actors import storage_work
from lparvm.actors.run_clock import RunClock
from lparvm.actors.storage_work import StorageWork
from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.storage.exchange import ZoneExchange
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.mover import PageMove

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is committed")

SOURCE, TARGET = Zone(0, 256), Zone(128, 256)


def _copy_threads() -> int:
    return sum(thread.name == "lparvm-copy" for thread in threading.enumerate())


@pytest.fixture
async def work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storage_work, "_cores", lambda: 3)
    with MainStorage(512) as storage:
        storage.frames[:256] = 7
        work = StorageWork(storage, RunClock(), 1 << 20, lambda: 3, proof=False)
        yield work
        work.close()


async def _move(work: StorageWork) -> None:
    move = PageMove(work.storage, SOURCE, TARGET)
    await work.move(move, interrupted=lambda: False, on_chunk=lambda _chunk, _across: None)
    assert (work.storage.frames[128:384] == 7).all(), "every page is at the target"


async def test_copy_threads_are_started_while_the_guest_still_runs(work):
    await work.prepare(SOURCE, TARGET)
    assert _copy_threads() == 2, "one a core, less the one that the mover itself runs on"
    await _move(work)
    assert _copy_threads() == 2, "they wait for the next move"
    await work.prepare(SOURCE, TARGET)
    assert _copy_threads() == 2, "threads that are ready serve the next move as well"


async def test_a_move_that_finds_no_threads_ready_starts_its_own(work):
    await _move(work)
    assert len(work.ready) == 1


async def test_copy_threads_end_with_the_machine(work):
    await work.prepare(SOURCE, TARGET)
    work.close()
    assert _copy_threads() == 0
    work.close()


# Exchanges.


async def test_an_exchange_is_carried_out_by_the_same_threads_as_a_move(work):
    work.storage.frames[256:400] = 9
    await work.prepare_exchange(Zone(0, 256), Zone(256, 144))
    told = []
    one = ZoneExchange(work.storage, Zone(0, 256), Zone(256, 144))
    await work.move(one, interrupted=lambda: False, on_chunk=lambda chunk, _: told.append(chunk.pages))
    assert (work.storage.frames[:144] == 9).all()
    assert (work.storage.frames[144:400] == 7).all()
    assert sum(told) == one.length
    assert _copy_threads() == 2


@linux_only
async def test_only_frames_between_the_zones_are_touched_ahead_and_only_where_memory_will_come(work):
    lower, upper = Zone(400, 10), Zone(440, 30)
    work.storage.frames[443] = 5
    await work.prepare_exchange(lower, upper)
    held = work.storage.committed(Zone(400, 70)).nonzero()[0] + 400
    assert held.tolist() == [413, 443], (
        "frame 413 takes what frame 443 holds first; no other will hold memory"
    )


async def test_equal_zones_need_nothing_between(work):
    await work.prepare_exchange(Zone(400, 10), Zone(440, 10))
    assert _copy_threads() == 2


@pytest.fixture
async def virtual_work():
    with MainStorage(64) as storage:
        storage.frames[:] = 7
        # A page a microsecond.
        yield StorageWork(storage, RunClock(), PAGE_BYTES * 1_000_000, lambda: 1, proof=False)


async def test_a_step_that_swaps_costs_two_pages_and_one_that_shifts_costs_one(autojump_clock, virtual_work):
    work = virtual_work
    await work.prepare_exchange(Zone(0, 10), Zone(20, 14))
    one, told = ZoneExchange(work.storage, Zone(0, 10), Zone(20, 14)), []
    await work.move(
        one,
        interrupted=lambda: False,
        on_chunk=lambda chunk, cursor: told.append((chunk.runs[0].kind, work.clock.now_ns(), cursor)),
    )
    assert [kind for kind, _, _ in told[:2]] == ["swap", "shift"]
    swaps = one.length - 4
    assert work.clock.now_ns() == (2 * swaps + 4) * 1000
    assert told[0][1:] == (20_000, 10)
    assert told[1][1:] == (24_000, 14)
    await work.move(
        PageMove(work.storage, Zone(0, 5), Zone(40, 5)),
        interrupted=lambda: False,
        on_chunk=lambda *_: None,
    )
    assert work.clock.now_ns() == (2 * swaps + 4 + 5) * 1000, "a page that moves costs one"


@pytest.mark.parametrize("kind", ["move", "exchange"])
async def test_a_chunk_that_was_copied_is_told_also_when_its_task_is_cancelled(
    autojump_clock, virtual_work, kind
):
    work = virtual_work
    if kind == "move":
        one = PageMove(work.storage, Zone(0, 10), Zone(20, 10))
    else:
        one = ZoneExchange(work.storage, Zone(0, 10), Zone(20, 14))
    told, across = [], []

    async def go_on() -> None:
        await work.move(
            one, interrupted=lambda: False, on_chunk=lambda chunk, cursor: told.append((chunk.pages, cursor)),
            on_way=across.append,
        )  # fmt: skip

    with trio.move_on_after(5e-6) as scope:
        await go_on()
    assert scope.cancelled_caught
    assert one.cursor == 10
    assert told == [(10, 10)], "the cursor tells of no page that nobody heard of"
    assert across == [20_000 if kind == "exchange" else 10_000], "its time is not over"
    await go_on()
    assert one.done
    assert sum(pages for pages, _ in told) == one.length


# Frames that are given back.


async def test_cleared_frames_are_zero_and_hold_no_memory(work):
    work.storage.keys[:256] = 0xF0
    assert not await work.verify_untouched(Zone(100, 10))
    await work.clear(Zone(100, 10))
    assert not work.storage.frames[100:110].any()
    assert work.storage.keys[99:111].tolist() == [0xF0, *[0] * 10, 0xF0]


@linux_only
async def test_frames_are_unused_as_long_as_data_and_keys_are_zero(work):
    assert await work.verify_untouched(Zone(256, 256))
    work.storage.keys[300] = 2
    assert not await work.verify_untouched(Zone(256, 256))
    assert await work.verify_untouched(Zone(301, 211))
    work.storage.frames[310, 5] = 0
    assert await work.verify_untouched(Zone(301, 211)), "zeros are nothing that a guest could miss"
    work.storage.frames[310, 5] = 1
    assert not await work.verify_untouched(Zone(301, 211))
    await work.clear(Zone(256, 256))
    assert await work.verify_untouched(Zone(256, 256))
