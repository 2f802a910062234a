"""The exchange of two zones (claims 7 and 14): data and keys change places, with one small buffer.

A `ZoneExchange` is walked as a `PageMove` is; see `transfer`. Its cursor counts the page steps of the program
(`exchange_program`): a pair of pages that change places, or a page that is shifted, is one step. A chunk tells
its runs, so that who follows the pages needs to know nothing of the program.

Invariants:

- At any cursor each page of both zones stands in exactly one frame, and no page stands anywhere else: the
  buffer holds something within `copy_part` only.
- The buffer, of `config.EXCHANGE_BUFFER_BYTES`, is the only storage beside main storage that pages go through.
- Frames outside the zones and `frames_between_needed` are not touched.
- All eight bits of a key move; no reference or change bit is set.
- A page that was never touched gives no memory to the frame it goes to: that is cleared.
- The mover owns the frames of both zones, and those between that it needs, from construction to the end.
"""

from collections.abc import Iterator
from typing import Self

import numpy as np
from attrs import Factory, define, evolve, field, frozen

from lparvm.arch.address import Zone
from lparvm.arch.exchange_geometry import exchange_targets, frames_between_needed, in_order
from lparvm.config import EXCHANGE_BUFFER_BYTES, EXCHANGE_RUNS_PER_CHUNK_MAX, MOVE_PARALLEL_PAGES_MIN
from lparvm.storage.exchange_program import Phase, Run, RunKind, exchange_program
from lparvm.storage.held_frames import HeldFrames
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.page_copy import Buffer, copy_data, copy_keys, lanes, runs_of, swap_data, swap_keys
from lparvm.storage.transfer import Transfer


@frozen
class ExchangeChunk:
    """Steps `[first_step, first_step + pages)` of the program, all of one phase.

    Attributes:
        first_step: the lowest of them.
        pages: how many.
        runs: what is done, in this order: `(kind, first frame, second frame, pages)`. Of an inverse exchange
            they are already turned round.
    """

    first_step: int
    pages: int
    runs: tuple[Run, ...]

    @property
    def pages_copied(self) -> int:
        """How many pages change their place: two for a step that swaps."""
        return sum(run.pages * (2 if run.kind is RunKind.SWAP else 1) for run in self.runs)


@frozen
class ExchangePart:
    """A share of a chunk that one thread copies.

    Attributes:
        runs: pieces of the chunk's runs, in the order in which they must be copied.
        share: which share of the buffer is the thread's.
        shares: how many there are.
    """

    runs: tuple[Run, ...]
    share: int = 0
    shares: int = 1


@define(eq=False)
class ZoneExchange(Transfer[ExchangeChunk, ExchangePart]):
    """An exchange of two zones, at any point between its start and its end.

    Attributes:
        storage: main storage.
        first: one of the zones, before the exchange. For an inverse one these are still those of the exchange
            that it undoes.
        second: the other one, above or below; the extents may differ.
        steps_done: the cursor.
        inverse: whether this exchange takes steps back.
        fail_at: see `Transfer`.
        held: which frames hold memory; shared with the inverse. Not given: ask the storage now.
        buffer: `EXCHANGE_BUFFER_BYTES` for all threads; shared with the inverse. Not given: made.
    """

    storage: MainStorage
    first: Zone
    second: Zone
    steps_done: int = 0
    inverse: bool = False
    fail_at: int | None = None
    held: HeldFrames = field(
        repr=False,
        default=Factory(lambda self: _held(self.storage, self.first, self.second), takes_self=True),
    )
    buffer: Buffer = field(
        repr=False, factory=lambda: Buffer(np.zeros(EXCHANGE_BUFFER_BYTES, dtype=np.uint8))
    )
    _program: tuple[Phase, ...] = field(init=False, repr=False)
    _steps: int = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the geometry."""
        self._program = exchange_program(self.first, self.second)
        self._steps = sum(phase.steps for phase in self._program)
        assert 0 <= self.steps_done <= self._steps, "the cursor counts steps of the program"

    @property
    def targets(self) -> tuple[Zone, Zone]:
        """Where `first` and `second` stand after the exchange."""
        return exchange_targets(self.first, self.second)

    @property
    def steps(self) -> int:
        """How many page steps the exchange takes."""
        return self._steps

    @property
    def cursor(self) -> int:
        """The steps done."""
        return self.steps_done

    @property
    def length(self) -> int:
        """All steps."""
        return self._steps

    def inverted(self) -> Self:
        """The exchange that takes back the steps done, the last first."""
        return evolve(self, inverse=not self.inverse)

    def finish(self, chunk: ExchangeChunk) -> None:
        """Advance the cursor over a chunk whose pages are all copied."""
        begins_at_cursor = chunk.first_step + (chunk.pages if self.inverse else 0) == self.steps_done
        assert begins_at_cursor, "chunks are finished in order"
        self.steps_done += -chunk.pages if self.inverse else chunk.pages

    def parts(self, chunk: ExchangeChunk, count: int) -> list[ExchangePart]:
        """Cut a chunk in at most `count` parts that may be copied side by side, in any order.

        Of a single swap each part takes a share; of a shift, and of several swaps, a lane: see `Phase` and
        `page_copy.lanes`. What is not worth several threads is one part.
        """
        run = chunk.runs[0]
        if run.kind is RunKind.SHIFT:
            width = min(abs(run.second_frame - run.first_frame), run.pages)
        elif len(chunk.runs) > 1:
            width = self._phase_of(chunk.first_step)[1].run.pages
        else:
            width = run.pages
        if count <= 1 or width < MOVE_PARALLEL_PAGES_MIN:
            return [ExchangePart(chunk.runs)]
        count = min(count, width)
        if len(chunk.runs) > 1:
            shares = self._lanes_of_swaps(chunk, width, count)
        else:
            shares = [
                [run.part(first, first + pages) for first, pages in lane]
                for lane in lanes(run.pages, width, count, descending=run.descending)
            ]
        return [ExchangePart(tuple(share), index, count) for index, share in enumerate(shares)]

    def pointed(self, part: ExchangePart) -> Iterator[None]:
        """`copy_part`, step by step; see `Transfer`. The storage points lie between keys and data of a run."""
        buffer = self.buffer.share(part.share, part.shares)
        for run in part.runs:
            if run.kind is RunKind.SWAP:
                swap_keys(self.storage, run.first_frame, run.second_frame, run.pages, buffer)
                yield
                self._swap_data(run, buffer)
            else:
                copy_keys(self.storage, run.first_frame, run.second_frame, run.pages)
                yield
                self._shift_data(run)

    def _swap_data(self, run: Run, buffer: Buffer) -> None:
        storage = self.storage
        _, first, second, pages = run
        if self.held.complete:
            swap_data(storage, first, second, pages, buffer)
            return
        of_first, of_second = self.held.of(first, pages), self.held.of(second, pages)
        for start, end in runs_of(of_first.view(np.uint8) * 2 + of_second):
            from_, to, count = first + start, second + start, end - start
            if of_first[start] and of_second[start]:
                swap_data(storage, from_, to, count, buffer)
            elif of_first[start]:
                copy_data(storage, from_, to, count)
                storage.discard(Zone(from_, count))
            elif of_second[start]:
                copy_data(storage, to, from_, count)
                storage.discard(Zone(to, count))
        before = of_first.copy()
        of_first[:] = of_second
        of_second[:] = before

    def _shift_data(self, run: Run) -> None:
        storage = self.storage
        _, first, second, pages = run
        if self.held.complete:
            copy_data(storage, first, second, pages)
            return
        source, target = self.held.of(first, pages).copy(), self.held.of(second, pages)
        runs = runs_of(source.view(np.uint8) * 2 + target)
        for start, end in reversed(runs) if run.descending else runs:
            if source[start]:
                copy_data(storage, first + start, second + start, end - start)
            elif target[start]:
                storage.discard(Zone(second + start, end - start))
        target[:] = source

    def _phase_of(self, step: int) -> tuple[int, Phase]:
        """The first step of the phase that a step belongs to, and the phase."""
        start = 0
        for phase in self._program:
            if step < start + phase.steps:
                return start, phase
            start += phase.steps
        raise AssertionError(f"step {step} of {self._steps}")

    def _chunk_at_cursor(self, pages: int) -> ExchangeChunk:
        """The next steps of one phase, of at most `EXCHANGE_RUNS_PER_CHUNK_MAX` runs."""
        start, phase = self._phase_of(self.steps_done - self.inverse)
        size, cursor = phase.run.pages, self.steps_done - start
        if self.inverse:
            last = (cursor - 1) // size
            begin, end = max(0, cursor - pages, (last + 1 - EXCHANGE_RUNS_PER_CHUNK_MAX) * size), cursor
        else:
            room = (cursor // size + EXCHANGE_RUNS_PER_CHUNK_MAX) * size
            begin, end = cursor, min(phase.steps, cursor + pages, room)
        runs = [
            phase.run_at(index).steps(max(0, begin - index * size), min(size, end - index * size))
            for index in range(begin // size, (end - 1) // size + 1)
        ]
        if self.inverse:
            runs = [run.inverted() for run in reversed(runs)]
        return ExchangeChunk(start + begin, end - begin, tuple(runs))

    def _lanes_of_swaps(self, chunk: ExchangeChunk, size: int, count: int) -> list[list[Run]]:
        """Shares of a chunk's runs by the numbers of their pages: `[start, end)` of each run of `size` pages."""
        phase_start, _ = self._phase_of(chunk.first_step)
        # The chunk may begin within a run, the lowest; the others are there from their first page on.
        skipped = [0] * len(chunk.runs)
        skipped[-1 if self.inverse else 0] = (chunk.first_step - phase_start) % size
        shares = []
        for index in range(count):
            start, end = size * index // count, size * (index + 1) // count
            clipped = [
                (run, max(0, start - before), min(run.pages, end - before))
                for run, before in zip(chunk.runs, skipped, strict=True)
            ]
            shares.append([run.part(low, high) for run, low, high in clipped if low < high])
        return shares

    def _first_fault(self, chunk: ExchangeChunk) -> tuple[int, int] | None:
        lower, upper = in_order(self.first, self.second)
        if self.storage.first_fault(Zone(lower.origin, upper.end - lower.origin)) is None:
            return None  # as nearly always; to look at each of many short runs would take as long as they do
        before = 0
        for run in chunk.runs:
            found = []
            for origin in (run.first_frame, run.second_frame):
                frame = self.storage.first_fault(Zone(origin, run.pages), from_end=run.descending)
                if frame is not None:
                    page = frame - origin
                    found.append((run.pages - 1 - page if run.descending else page, frame))
            if found:
                pages, frame = min(found)
                return frame, before + pages
            before += run.pages
        return None


def _held(storage: MainStorage, first: Zone, second: Zone) -> HeldFrames:
    lower, upper = in_order(first, second)
    assert upper.end <= storage.frame_count, "zones end inside storage"
    return HeldFrames(storage, (lower, *frames_between_needed(lower, upper), upper))
