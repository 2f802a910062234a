"""Runs a transfer of pages with several copy threads, for the real clock.

One of two files of the storage layer that start threads (`custody` is the other). `run_move` is synchronous
and blocks, so it is called from a worker thread; while pages are copied the GIL is free and other partitions
run on.

One core alone does not fill the memory's bandwidth: that is what more threads gain. They share each chunk
(`Transfer.parts`) and meet at its end, so that the cursor is true whenever somebody looks. A part that no
helper has begun, because its core was busy, is copied by the caller: with no core idle, a move with helpers
takes as long as one without.

Chunks are large here. A thread that comes back from a copy has to wait for the GIL, and the C library copies
twice as fast, past the caches, from about 100 MiB in one call on. 256 MiB for two threads have both, and take
25 to 50 ms between two looks at a cancel.

Whoever runs guests beside a move sets `sys.setswitchinterval` well below their time slice. Python asks a
thread to give up the GIL when another has waited for a whole interval undisturbed. An event loop lets the GIL
go for a moment at each look at its sockets, which starts the wait anew: with the default of 5 ms, and slices
of 0.4 ms, copy threads were seen to wait for 200 ms; with 0.1 ms they wait for a few tenths of one.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from lparvm.config import MOVE_COPY_PAGES_MAX, MOVE_HELPED_PAGES_MIN, MOVE_THREADS_MAX
from lparvm.storage.transfer import ChunkT, PartT, Transfer


def run_move(
    move: Transfer[ChunkT, PartT],
    *,
    threads: int | Callable[[], int],
    interrupted: Callable[[], bool],
    on_chunk: Callable[[ChunkT], None],
    pages_max: int = MOVE_COPY_PAGES_MAX,
    helpers: "CopyThreads | None" = None,
) -> None:
    """Move what is left of `move`, until it is done or interrupted.

    Args:
        move: the move or exchange; its cursor tells afterwards how far it came.
        threads: how many threads copy, the caller's among them; a callable is asked before each chunk.
            With 1 the caller copies alone.
        interrupted: asked before each chunk; True ends the move there, with the cursor between chunks.
        on_chunk: called after each chunk, in the caller's thread.
        pages_max: pages of a chunk.
        helpers: threads that run already. None: started here when needed, where that pays: starting one
            takes as long as copying a few megabytes.

    Raises:
        StorageFault: at a faulty frame; the cursor stands exactly before its page.
        MoverFailed: the cursor stands at `fail_at`.
    """
    if helpers is None:
        with CopyThreads() as own:
            alone = move.pages_left < MOVE_HELPED_PAGES_MIN
            run_move(
                move, threads=1 if alone else threads, interrupted=interrupted, on_chunk=on_chunk,
                pages_max=pages_max, helpers=own,
            )  # fmt: skip
        return
    while not interrupted():
        chunk = move.next_chunk(pages_max)
        if chunk is None:
            return
        count = threads if isinstance(threads, int) else threads()
        helpers.copy(move, move.parts(chunk, min(count, MOVE_THREADS_MAX)))
        move.finish(chunk)
        on_chunk(chunk)


class CopyThreads:
    """Helpers beside the caller's own thread. One caller at a time; end them with `close`."""

    def __init__(self, count: int = 0) -> None:
        """Start `count` helpers ahead; `copy` starts more when it needs them."""
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.start(count)

    def start(self, count: int) -> None:
        """Have at least `count` helpers."""
        while len(self._threads) < count:
            thread = threading.Thread(target=self._work, name="lparvm-copy", daemon=True)
            thread.start()
            self._threads.append(thread)

    def copy(self, move: Transfer[ChunkT, PartT], parts: Sequence[PartT]) -> None:
        """Copy all parts of a chunk; returns, or raises, when every one has ended."""
        self.start(len(parts) - 1)
        for part in parts[1:]:
            self._tasks.put(partial(move.copy_part, part))
        # Here as in a helper an error is kept until all have ended: no copy may run on behind the caller.
        results = [_copied(partial(move.copy_part, parts[0]))]
        while len(results) < len(parts):
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                results.append(self._results.get())
            else:
                assert task is not None, "closed while copying"
                results.append(_copied(task))
        for error in results:
            if error is not None:
                raise error

    def close(self) -> None:
        """End the helpers. Idempotent."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            self._results.put(_copied(task))

    def __enter__(self) -> Self:
        """Use them, and end them."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _copied(copy: Callable[[], None]) -> BaseException | None:
    try:
        copy()
    except BaseException as error:  # noqa: BLE001 - raised by `copy`, when all parts have ended
        return error
    return None
