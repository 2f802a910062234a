"""Runs a page move with several copy threads, for the real clock.

The one file of the storage layer that starts threads. `run_move` is synchronous and blocks, so it is called
from a worker thread; while pages are copied the GIL is free and other partitions run on.

Copies side by side need chunks no larger than the displacement (`mover`). What they gain is memory
bandwidth: one core alone does not fill it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from lparvm.config import MOVE_CHUNK_PAGES_MAX, MOVE_PARALLEL_PAGES_MIN
from lparvm.storage.mover import Chunk, PageMove

_HELPERS_MAX = 15
"""Threads beside the caller's own; more do not make memory faster."""


def run_move(
    move: PageMove,
    *,
    threads: int | Callable[[], int],
    interrupted: Callable[[], bool],
    on_chunk: Callable[[Chunk], None],
) -> None:
    """Move what is left of `move`, until it is done or interrupted.

    Args:
        move: the move; its cursor tells afterwards how far it came.
        threads: how many threads copy; a callable is asked before each chunk. With 1 the caller copies alone.
        interrupted: asked before each chunk; True ends the move there, with the cursor between chunks.
        on_chunk: called after each chunk.

    Raises:
        StorageFault: at a faulty frame; the cursor stands exactly before its page.
    """
    pool: ThreadPoolExecutor | None = None
    try:
        while not interrupted():
            count = min(threads if isinstance(threads, int) else threads(), _HELPERS_MAX + 1)
            chunk = move.next_chunk(chunk_pages(move, count))
            if chunk is None:
                return
            if count > 1 and pool is None:
                pool = ThreadPoolExecutor(_HELPERS_MAX, thread_name_prefix="lparvm-mover")
            _copy(move, move.parts(chunk, count), pool)
            move.finish(chunk)
            on_chunk(chunk)
    finally:
        if pool is not None:
            pool.shutdown()


def chunk_pages(move: PageMove, threads: int) -> int:
    """Pages a chunk may have, so that `threads` threads can share it where that is worth while."""
    displacement = abs(move.displacement)
    if threads > 1 and displacement >= MOVE_PARALLEL_PAGES_MIN:
        return min(MOVE_CHUNK_PAGES_MAX, displacement)
    return MOVE_CHUNK_PAGES_MAX


def _copy(move: PageMove, parts: Sequence[Chunk], pool: ThreadPoolExecutor | None) -> None:
    """Copy all parts; returns, or raises, when every one has ended."""
    helped: list[Future[None]] = []
    if pool is not None:
        helped = [pool.submit(move.copy_part, part) for part in parts[1:]]
    else:
        assert len(parts) == 1, "parts need a pool"
    try:
        move.copy_part(parts[0])
    finally:
        for future in helped:
            future.result()
