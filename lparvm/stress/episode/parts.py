"""The machine's parts as a simulation needs them. Each does what the real one does, in smaller steps.

Where they stop, others may run: at storage points within a page's copy, between two blocks of a disk, after as few
instructions of a guest as are drawn. And a message may come late, with all that are sent to the same actor after it.

Messages to one actor are never reordered where one is a consequence of the other: the protocol relies on channels.
Those that aren't come in any order by themselves, as the scheduler lets either sender go first.
"""

from typing import Any

import trio
from attrs import evolve

from lparvm.actors.iop import Iop
from lparvm.actors.lip import GuestProcessor, Lip
from lparvm.actors.mailbox import Envelope, Mailbox
from lparvm.actors.storage_work import StorageWork
from lparvm.assembly import Parts
from lparvm.dst.tape import Stream, Tape
from lparvm.protocol import messages as m
from lparvm.storage.transfer import ChunkT, PartT, Transfer
from lparvm.stress.swarm.plan import Pace

_WHOLE = Pace()
_DELAYS_S = (0.000_02, 0.000_2, 0.002)


def cut_parts(parts: Parts, pace: Pace, tape: Tape) -> Parts:
    """The same parts, in smaller steps.

    Args:
        parts: of the machine, which may be broken on purpose.
        pace: how small.
        tape: from its streams `slices`, `points`, `mail` and `echoes`.
    """
    cut = evolve(parts, iop=_one_by_one(parts.iop, pace.echoes, tape.stream("echoes")))
    if pace.slice_max < _WHOLE.slice_max:
        cut = evolve(cut, lip=_with_short_slices(parts.lip, pace.slice_max, tape.stream("slices")))
    if pace.points or pace.chunk_pages_max < _WHOLE.chunk_pages_max:
        cut = evolve(cut, work=_with_points(parts.work, pace, tape.stream("points")))
    if pace.delays:
        cut = evolve(cut, mailbox=_late(parts.mailbox, pace.delays, tape.stream("mail")))
    return cut


def _one_by_one(base: type[Iop], echoes: int, stream: Stream) -> type[Iop]:
    class SteppingIop(base):  # type: ignore[valid-type,misc]
        """Others get a turn after each step of a channel program; and some ends are told again."""

        steps_per_turn = 1

        def post(self, to: str, message: Any, cause: int | None) -> int | None:
            if echoes and isinstance(message, m.IoEnded):
                drawn = stream.draw(100)
                if 0 < drawn <= echoes:
                    delay_s = _DELAYS_S[drawn % len(_DELAYS_S)]
                    self.nursery.start_soon(self._tell_again, to, message, cause, delay_s, name="echo")
            return super().post(to, message, cause)  # type: ignore[no-any-return]

        async def _tell_again(self, to: str, message: Any, cause: int | None, delay_s: float) -> None:
            await trio.sleep(delay_s)
            super().post(to, message, cause)

    return SteppingIop


def _with_short_slices(base: type[Lip], slice_max: int, stream: Stream) -> type[Lip]:
    class SlicingLip(base):  # type: ignore[valid-type,misc]
        """Now and then a slice ends after any number of instructions."""

        def budget_of(self, processor: GuestProcessor) -> int:
            short = stream.draw(8 * slice_max)  # one in eight
            return min(processor.budget, short) if 0 < short < slice_max else processor.budget

    return SlicingLip


def _with_points(base: type[StorageWork], pace: Pace, stream: Stream) -> type[StorageWork]:
    class PointedWork(base):  # type: ignore[valid-type,misc]
        """Small chunks, and others may run while a page is torn."""

        def next_chunk(self, move: Transfer[ChunkT, PartT]) -> ChunkT | None:
            return move.next_chunk(pace.chunk_pages_max)

        async def copy(self, move: Transfer[ChunkT, PartT], chunk: ChunkT) -> None:
            # A copy that was begun can't be abandoned, as it can't where a thread does it.
            with trio.CancelScope(shield=True):
                for part in move.parts(chunk, 1):
                    for _ in move.pointed(part):
                        if stream.draw(100) >= 100 - pace.points:
                            await trio.lowlevel.checkpoint()
            move.finish(chunk)

    return PointedWork


def _late(base: type[Mailbox], delays: int, stream: Stream) -> type[Mailbox]:
    class LateMailbox(base):  # type: ignore[valid-type,misc]
        """Now and then a message takes its time, and those that were sent after it wait behind it."""

        def __init__(self, name: str, capacity: int) -> None:
            super().__init__(name, capacity)
            self._on_way: list[Envelope] = []

        def put(self, envelope: Envelope) -> None:
            if self._on_way:
                self._on_way.append(envelope)
                return
            drawn = stream.draw(1000)
            if not 0 < drawn <= delays:
                super().put(envelope)
                return
            self._on_way.append(envelope)
            trio.lowlevel.spawn_system_task(self._bring, _DELAYS_S[drawn % len(_DELAYS_S)], name="mail")

        async def _bring(self, duration_s: float) -> None:
            await trio.sleep(duration_s)
            arrived, self._on_way = self._on_way, []
            for envelope in arrived:
                super().put(envelope)

    return LateMailbox
