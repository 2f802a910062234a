"""Work on many frames, for LPAR control: prepare, move or exchange, prove, poison, clear.

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
from lparvm.storage.exchange_program import between_filled_from, pages_copied
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.transfer import ChunkT, PartT, Transfer
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
        fail_at: a fault of the scenario: at this cursor the next move there fails, once.
    """

    storage: MainStorage
    clock: RunClock
    transfer_rate: int
    idle_cores: Callable[[], int]
    proof: bool
    ready: list[CopyThreads] = Factory(list)
    fail_at: int | None = None

    async def prepare(self, source: Zone, target: Zone) -> None:
        """What would cost time once the guest stands: touch the target's frames, start copy threads.

        A first touch costs ten copies; frames are touched where the source's hold memory. Contents stay as
        they are: the frames may still belong to somebody else. Starting a thread costs as much as copying
        a few megabytes. Under the virtual clock neither costs anything.
        """
        await self._prepare([(source, target)])

    async def prepare_exchange(self, first: Zone, second: Zone) -> None:
        """The same for an exchange of two zones.

        Only frames between them are touched ahead. A frame of a zone that holds no memory is left so: who
        has it still runs, and it may never be needed.
        """
        filled = between_filled_from(first, second)
        await self._prepare([] if filled is None else [filled])

    def work_bytes(self, *zones: Zone) -> int:
        """What the mover will transfer: of one zone that moves, or of two that are exchanged.

        Under the virtual clock every page costs its time, under the real one those that hold memory.
        """
        if self.clock.virtual:
            pages = zones[0].extent
            if len(zones) > 1:
                pages = pages_copied(zones[0], zones[1])
        else:
            pages = sum(int(self.storage.committed(zone).sum()) for zone in zones)
        return pages * PAGE_BYTES

    async def move(
        self,
        move: Transfer[ChunkT, PartT],
        *,
        interrupted: Callable[[], bool],
        on_chunk: Callable[[ChunkT, int], None],
        on_way: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Move or exchange until done or interrupted.

        A chunk whose pages are across is told in any case, also when the task is cancelled meanwhile: who goes on
        from the cursor finds nothing moved that was not told.

        Args:
            move: the move or exchange.
            interrupted: asked before each chunk.
            on_chunk: called in trio's thread with each chunk and the cursor after it. Under the real clock the
                move's own cursor may have gone on by then.
            on_way: called with the time, run clock, at which the chunk that was begun will be across: also who is
                cancelled meanwhile owes that time. Under the virtual clock only: a thread's copy takes its own.

        Raises:
            StorageFault: at a faulty frame, the cursor before its page.
            MoverFailed: the cursor stands where the mover was made to fail.
        """
        # A move that goes on after its task died has been told already.
        if not move.inverse and self.fail_at is not None:
            move.fail_at, self.fail_at = self.fail_at, None
        if self.clock.virtual:
            while not interrupted() and (chunk := self.next_chunk(move)) is not None:
                await self.copy(move, chunk)
                # The time is that of the copy: what happens in it happens before the chunk is across.
                took_ns = chunk.pages_copied * PAGE_BYTES * NS_PER_S // self.transfer_rate
                on_way(self.clock.now_ns() + took_ns)
                try:
                    await self.clock.sleep_ns(took_ns)
                finally:
                    on_chunk(chunk, move.cursor)
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
            on_chunk=lambda chunk: token.run_sync_soon(on_chunk, chunk, move.cursor),
            helpers=helpers,
        )
        try:
            await trio.to_thread.run_sync(copy)
        finally:
            self.ready.append(helpers)

    def next_chunk(self, move: Transfer[ChunkT, PartT]) -> ChunkT | None:
        """The next chunk under the virtual clock; a simulation makes it as small as it likes.

        Raises:
            StorageFault, MoverFailed: as `Transfer.next_chunk`.
        """
        return move.next_chunk()

    async def copy(self, move: Transfer[ChunkT, PartT], chunk: ChunkT) -> None:
        """Copy a chunk under the virtual clock: here in one step; a simulation stops at storage points."""
        move.move(chunk)

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

    async def clear(self, zone: Zone) -> None:
        """Set data and keys of frames to zero and give their memory back."""
        await self._run(lambda: self.storage.clear(zone))

    async def run(self, work: Callable[[], _T]) -> _T:
        """Work on storage that others give: in a thread under the real clock, at once under the virtual one."""
        return await self._run(work)

    async def verify_untouched(self, zone: Zone) -> bool:
        """Whether no frame of the zone holds anything: data and keys are zero."""

        def untouched() -> bool:
            held = self.storage.committed(zone)
            frames = self.storage.frames[zone.origin : zone.end][held]
            return not frames.any() and not self.storage.keys[zone.origin : zone.end].any()

        return await self._run(untouched)

    async def _prepare(self, fills: list[tuple[Zone, Zone]]) -> None:
        """Start threads, and touch frames that will be filled: pairs of where from, and where to."""
        if self.clock.virtual:
            await trio.lowlevel.checkpoint()
            return

        def prepare() -> None:
            if not self.ready:
                self.ready.append(CopyThreads(min(_cores(), MOVE_THREADS_MAX) - 1))
            for source, target in fills:
                self.storage.populate(target, self.storage.committed(source))

        await self._run(prepare)

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
