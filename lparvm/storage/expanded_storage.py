"""Expanded storage: 4 KiB blocks beside main storage, to which guests page synchronously (Fig. 1A, "VS").

A block has neither a byte address nor a storage key: the instructions PAGE IN and PAGE OUT move it as a whole
to and from a page of main storage (`guests.processor`), and nothing else touches it. A relocation moves main
storage only; what a guest paged out stays where it is.

Each LPAR that asks for some owns one *area* of adjacent blocks, assigned in the order in which LPARs are first
activated. An LPAR that is deactivated gives its area up, with all that is in it; the place stays its own: it gets
the same area when it is activated again. A guest counts its blocks from 0; its state description has origin and
size of the area.

Invariants:

- One owner a block. An area that does not fit is refused, raises `ProtocolError` and changes nothing.
- Nothing here knows guests: that a block number lies in the area is checked by the one who translates it.
- The memory is one mapping of the process, committed block by block at the first store (`lazy_memory`).
"""

from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
from attrs import field, frozen, validators

from lparvm.arch.address import PAGE_BYTES
from lparvm.config import EXPANDED_STORAGE_BLOCKS_MAX
from lparvm.errors import ProtocolError
from lparvm.storage.lazy_memory import LazyMemory


@frozen
class ExpandedArea:
    """Adjacent blocks of expanded storage, `[origin, origin + blocks)`; an LPAR without any has 0 of them."""

    origin: int = field(default=0, validator=validators.ge(0))
    blocks: int = field(default=0, validator=validators.ge(0))

    @property
    def end(self) -> int:
        """The first block above the area."""
        return self.origin + self.blocks


class ExpandedStorage:
    """All expanded storage of the machine, and the map of who owns it.

    Attributes:
        block_count: number of 4 KiB blocks; may be 0.
        blocks: uint8 `(block_count, 4096)`.
    """

    def __init__(self, block_count: int) -> None:
        """Map `block_count` blocks, all zero; they use memory only where touched.

        Raises:
            ValueError: a negative number, or more than `config.EXPANDED_STORAGE_BLOCKS_MAX`.
            OSError: the process's address space does not hold it.
        """
        if not 0 <= block_count <= EXPANDED_STORAGE_BLOCKS_MAX:
            raise ValueError(f"{block_count} blocks; expected 0 to {EXPANDED_STORAGE_BLOCKS_MAX}")
        self.block_count = block_count
        self._data = LazyMemory(max(1, block_count) * PAGE_BYTES)  # a mapping of nothing is no mapping
        self.blocks: npt.NDArray[np.uint8] = self._data.array.reshape(-1, PAGE_BYTES)[:block_count]
        self._areas: dict[str, ExpandedArea] = {}
        self._places: dict[str, ExpandedArea] = {}  # of LPARs that had an area, and may get it again
        self._assigned = 0
        self._faults: set[int] = set()

    def assign(self, lpar: str, blocks: int) -> ExpandedArea:
        """Give an LPAR the next `blocks` blocks, or those that it had before, all zero; none is an area as well.

        Raises:
            ProtocolError: it has an area, or so many blocks are not left.
        """
        if lpar in self._areas:
            raise self._broken(f"{lpar} already has expanded storage")
        place = self._places.get(lpar)
        if place is not None and place.blocks == blocks:
            self._areas[lpar] = place
            return place
        if not 0 <= blocks <= self.block_count - self._assigned:
            left = self.block_count - self._assigned
            raise self._broken(f"{blocks} blocks of expanded storage for {lpar}, {left} are left")
        area = ExpandedArea(self._assigned if blocks else 0, blocks)
        self._areas[lpar] = self._places[lpar] = area
        self._assigned += blocks
        return area

    def clear(self, lpar: str) -> None:
        """Make an LPAR's blocks zero, and give their memory back."""
        area = self.area_of(lpar)
        self._data.discard(area.origin * PAGE_BYTES, area.blocks * PAGE_BYTES)

    def release(self, lpar: str) -> None:
        """An LPAR gives its area up; the blocks are zero from then on. No effect where it has none."""
        self.clear(lpar)
        self._areas.pop(lpar, None)

    def area_of(self, lpar: str) -> ExpandedArea:
        """The area of an LPAR; of one that never asked for any, an empty one."""
        return self._areas.get(lpar, ExpandedArea())

    def areas(self) -> tuple[tuple[str, ExpandedArea], ...]:
        """The map: LPARs that own blocks, each with its area, by origin."""
        areas = ((lpar, area) for lpar, area in self._areas.items() if area.blocks)
        return tuple(sorted(areas, key=lambda one: one[1].origin))

    def committed(self) -> int:
        """How many blocks hold memory; all, where the system can't tell."""
        return int(self._data.committed(0, self.block_count).sum())

    def fail_block(self, block: int) -> None:
        """Make a block faulty: paging it in or out ends in a data error."""
        if not 0 <= block < self.block_count:
            raise ValueError(f"block {block}; expected 0 to {self.block_count - 1}")
        self._faults.add(block)

    def is_faulty(self, block: int) -> bool:
        """Whether paging this block ends in a data error."""
        return block in self._faults

    def close(self) -> None:
        """Give all memory back; the storage can't be used any more. Idempotent."""
        self.blocks = np.empty((0, PAGE_BYTES), dtype=np.uint8)
        self._data.close()

    def __enter__(self) -> Self:
        """Use it, and close it at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _broken(self, problem: str) -> ProtocolError:
        story = tuple(f"{lpar} owns blocks {area.origin} to {area.end - 1}" for lpar, area in self.areas())
        return ProtocolError(problem, story)
