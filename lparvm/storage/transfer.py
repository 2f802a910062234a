"""What a move of one zone and an exchange of two have in common: a transfer of pages with a cursor.

A transfer is a row of *page steps* whose order is fixed when it is made. `cursor` of `length` steps are done;
the inverse takes the same steps back, the last first, so that after any number of them the way back is known.
A transfer is walked in chunks by whoever has the time:

    while (chunk := transfer.next_chunk(pages_max)) is not None:
        transfer.move(chunk)

or, with copies side by side, `parts(chunk, n)`, `copy_part` of each in a thread of its own, and then
`finish(chunk)`. Only `finish` (which `move` calls) advances the cursor, so between chunks a transfer can be
left, gone on with later, or turned round.

What stops it, each with the cursor exactly before the step that was not done:

- A faulty frame raises `StorageFault`; chunks are handed out up to it, never across.
- `fail_at`, set by whoever injects faults, raises `MoverFailed` once.

Neither stops an inverse transfer. A faulty frame keeps its contents, and going back must always be possible.

*Storage points* are the places where a page is torn: its data is across and its key is not, or the other way round.
`pointed` stops at each of them, so that a simulation can let others run there; everybody else runs past them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Generic, Protocol, Self, TypeVar

from lparvm.config import MOVE_CHUNK_PAGES_MAX
from lparvm.errors import MoverFailed, StorageFault


class Steps(Protocol):
    """What every chunk tells."""

    @property
    def pages(self) -> int:
        """How many page steps it takes: as many the cursor advances."""

    @property
    def pages_copied(self) -> int:
        """How many pages change their place: two for a step that swaps."""


ChunkT = TypeVar("ChunkT", bound=Steps)
PartT = TypeVar("PartT")


class Transfer(ABC, Generic[ChunkT, PartT]):
    """A transfer of pages, at any point between its start and its end.

    Attributes:
        inverse: whether it takes steps back, and lowers the cursor to 0.
        fail_at: the cursor at which a forward transfer raises `MoverFailed`, once; None: it doesn't. At the
            end nothing is left that could fail.
    """

    inverse: bool
    fail_at: int | None

    @property
    @abstractmethod
    def cursor(self) -> int:
        """How many steps are done: 0 where everything is at its source, `length` where all is across."""

    @property
    @abstractmethod
    def length(self) -> int:
        """How many steps there are."""

    @property
    def pages_left(self) -> int:
        """Steps that this transfer has still to take, forward or back."""
        return self.cursor if self.inverse else self.length - self.cursor

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.pages_left == 0

    def next_chunk(self, pages_max: int = MOVE_CHUNK_PAGES_MAX) -> ChunkT | None:
        """The next steps, at most `pages_max`, up to the first that can't be done; None at the end.

        Asking again without `finish` gives the same steps: the cursor stands still.

        Raises:
            StorageFault: the very next step meets a faulty frame.
            MoverFailed: the cursor stands at `fail_at`.
        """
        assert pages_max > 0, "a chunk has at least one page"
        if self.done:
            return None
        pages = min(pages_max, self.pages_left)
        if self.inverse:
            return self._chunk_at_cursor(pages)
        if self.fail_at is not None and self.cursor <= self.fail_at:
            pages = min(pages, self.fail_at - self.cursor)
            if not pages:
                self.fail_at = None
                raise MoverFailed(self.cursor)
        chunk = self._chunk_at_cursor(pages)
        fault = self._first_fault(chunk)
        if fault is None:
            return chunk
        frame, pages_before = fault
        if not pages_before:
            raise StorageFault(frame)
        return self._chunk_at_cursor(pages_before)

    def move(self, chunk: ChunkT) -> None:
        """Move the data and keys of the chunk that `next_chunk` gave, and advance the cursor."""
        for part in self.parts(chunk, 1):
            self.copy_part(part)
        self.finish(chunk)

    @abstractmethod
    def parts(self, chunk: ChunkT, count: int) -> list[PartT]:
        """Cut a chunk in at most `count` parts that may be copied side by side, in any order."""

    def copy_part(self, part: PartT) -> None:
        """Copy the data and keys of one of a chunk's `parts`; the cursor stands still.

        Safe in a thread, side by side with other parts of the same chunk; the GIL is free meanwhile.
        """
        for _ in self.pointed(part):
            pass

    @abstractmethod
    def pointed(self, part: PartT) -> Iterator[None]:
        """`copy_part`, step by step: yields at each storage point."""

    @abstractmethod
    def finish(self, chunk: ChunkT) -> None:
        """Advance the cursor over a chunk whose pages are all copied."""

    @abstractmethod
    def inverted(self) -> Self:
        """The transfer that takes back what is done, from the cursor to the start."""

    @abstractmethod
    def _chunk_at_cursor(self, pages: int) -> ChunkT:
        """The next steps, `pages` or fewer, but at least one."""

    @abstractmethod
    def _first_fault(self, chunk: ChunkT) -> tuple[int, int] | None:
        """The first faulty frame that the chunk meets, and how many steps come before."""
