"""Work on many frames, for LPAR control: prepare, move, prove, poison.

Not an actor: the one place where the two clocks differ in *how* storage is worked on. Under the real clock in
worker threads (the copy and the checksums release the GIL, so other partitions run on); under the virtual
one inline, chunk by chunk, each costing its time.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio
from attrs import Factory, define

from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.config import MOVE_THREADS_MAX
from lparvm.storage import custody
from lparvm.storage.copying import CopyThreads, run_move
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.mover import Chunk, PageMove
from lparvm.units import NS_PER_S

_T = TypeVar("_T")


@define
class StorageWork:
    """How frames are worked on in this run.

    Attributes:
        transfer_rate: bytes a second that the mover needs under the virtual clock.
        idle_cores: how many threads may copy now without taking a core from a running guest.
        proof: whether moves are proven by checksums.
        ready: copy threads that no move uses; a set serves one move at a time.
    """

    storage: MainStorage
    clock: RunClock
    transfer_rate: int
    idle_cores: Callable[[], int]
    proof: bool
    ready: list[CopyThreads] = Factory(list)

    async def prepare(self, source: Zone, target: Zone) -> None:
        """What would cost time once the guest stands: touch the target's frames, start copy threads.

        A first touch costs ten copies; frames are touched where the source's hold memory. Contents stay as
        they are: the frames may still belong to somebody else. Starting a thread costs as much as copying
        a few megabytes. Under the virtual clock neither costs anything.
        """
        if self.clock.virtual:
            await trio.lowlevel.checkpoint()
            return

        def populate() -> None:
            if not self.ready:
                self.ready.append(CopyThreads(min(_cores(), MOVE_THREADS_MAX) - 1))
            self.storage.populate(target, self.storage.committed(source))

        await self._run(populate)

    async def move(
        self, move: PageMove, *, interrupted: Callable[[], bool], on_chunk: Callable[[Chunk, int], None]
    ) -> None:
        """Move until done or interrupted.

        Args:
            move: the move.
            interrupted: asked before each chunk.
            on_chunk: called in trio's thread with each chunk and the cursor after it. Under the real clock the
                cursor may have gone on by then.

        Raises:
            StorageFault: at a faulty frame, the cursor before its page.
        """
        if self.clock.virtual:
            while not interrupted() and (chunk := move.next_chunk()) is not None:
                move.move(chunk)
                # The time is that of the copy: what happens in it happens before the chunk is across.
                await self.clock.sleep_ns(chunk.pages * PAGE_BYTES * NS_PER_S // self.transfer_rate)
                on_chunk(chunk, move.pages_across)
            return
        token = trio.lowlevel.current_trio_token()
        helpers = self.ready.pop() if self.ready else CopyThreads()

        def ends_here() -> bool:
            # The thread can't be abandoned; when the run is cancelled it ends at the next chunk by itself.
            trio.from_thread.check_cancelled()
            return interrupted()

        copy = partial(
            run_move,
            move,
            threads=self.idle_cores,
            interrupted=ends_here,
            on_chunk=lambda chunk: token.run_sync_soon(on_chunk, chunk, move.pages_across),
            helpers=helpers,
        )
        try:
            await trio.to_thread.run_sync(copy)
        finally:
            self.ready.append(helpers)

    def close(self) -> None:
        """End the copy threads. No move is under way any more: a move can't be abandoned."""
        while self.ready:
            self.ready.pop().close()

    async def record(self, zone: Zone) -> custody.Custody:
        """Checksums of every page and key."""
        return await self._run(lambda: custody.record(self.storage, zone, threads=self._threads()))

    async def verify(self, recorded: custody.Custody, zone: Zone) -> custody.CustodyReport:
        """The same again, page by page, at `zone`."""
        return await self._run(lambda: custody.verify(self.storage, recorded, zone, threads=self._threads()))

    async def poison(self, zones: tuple[Zone, ...]) -> dict[Zone, int]:
        """Poison frames that hold memory; how many, by zone."""
        return await self._run(lambda: {zone: self.storage.poison(zone) for zone in zones})

    def _threads(self) -> int:
        """How many threads may read storage now; under the virtual clock all is done in trio's."""
        return 1 if self.clock.virtual else self.idle_cores()

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self.clock.virtual:
            await trio.lowlevel.checkpoint()
            return work()
        return await trio.to_thread.run_sync(work)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
