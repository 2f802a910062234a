"""Work on many frames, for LPAR control: prepare, move, prove, poison.

Not an actor: the one place where the two clocks differ in *how* storage is worked on. Under the real clock in
worker threads (the copy and the checksums release the GIL, so other partitions run on); under the virtual
one inline, chunk by chunk, each costing its time.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio
from attrs import define

from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.storage import custody
from lparvm.storage.copying import run_move
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
    """

    storage: MainStorage
    clock: RunClock
    transfer_rate: int
    idle_cores: Callable[[], int]
    proof: bool

    async def prepare(self, source: Zone, target: Zone) -> None:
        """Touch the target's frames where the source's hold memory: a first touch costs ten copies.

        Contents stay as they are: the frames may still belong to somebody else. Under the virtual clock a first
        touch costs nothing.
        """
        if self.clock.virtual:
            await trio.lowlevel.checkpoint()
            return

        await self._run(lambda: self.storage.populate(target, self.storage.committed(source)))

    async def move(
        self, move: PageMove, *, interrupted: Callable[[], bool], on_chunk: Callable[[Chunk], None]
    ) -> None:
        """Move until done or interrupted; `on_chunk` is called in trio's thread.

        Raises:
            StorageFault: at a faulty frame, the cursor before its page.
        """
        if self.clock.virtual:
            while not interrupted() and (chunk := move.next_chunk()) is not None:
                move.move(chunk)
                # The time is that of the copy: what happens in it happens before the chunk is across.
                await self.clock.sleep_ns(chunk.pages * PAGE_BYTES * NS_PER_S // self.transfer_rate)
                on_chunk(chunk)
            return
        token = trio.lowlevel.current_trio_token()
        copy = partial(
            run_move,
            move,
            threads=self.idle_cores,
            interrupted=interrupted,
            on_chunk=lambda chunk: token.run_sync_soon(on_chunk, chunk),
        )
        await trio.to_thread.run_sync(copy)

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
