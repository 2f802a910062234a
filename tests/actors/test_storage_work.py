"""Work on frames under the real clock: what is made ready while the guest still runs, and ended after it."""

import threading

import pytest

from lparvm.actors import storage_work
from lparvm.actors.run_clock import RunClock
from lparvm.actors.storage_work import StorageWork
from lparvm.arch.address import Zone
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.mover import PageMove

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
