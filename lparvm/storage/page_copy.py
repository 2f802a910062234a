"""Copies of frames with their keys, as the mover needs them: `ctypes.memmove`, which leaves the GIL alone.

Nothing here looks at zones, cursors or faults. Whoever calls owns the frames. All eight bits of a key go with
the data; nothing sets a reference or change bit.
"""

import ctypes
import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lparvm.arch.address import PAGE_SHIFT
from lparvm.storage.main_storage import MainStorage


def copy_data(storage: MainStorage, origin: int, target: int, pages: int) -> None:
    """Copy `pages` frames of data from frame `origin` to frame `target`; they may overlap."""
    ctypes.memmove(storage.address(target), storage.address(origin), pages << PAGE_SHIFT)


def copy_keys(storage: MainStorage, origin: int, target: int, pages: int) -> None:
    """The same for their keys."""
    # Keys are few: taking the GIL again after a memmove would cost more than their copy.
    keys = storage.key_buffer
    keys[target : target + pages] = keys[origin : origin + pages]


def swap_data(storage: MainStorage, first: int, second: int, pages: int, buffer: "Buffer") -> None:
    """Exchange the data of two areas of `pages` frames that don't overlap, a buffer's size at a time."""
    memmove = ctypes.memmove
    low, high, middle = storage.address(first), storage.address(second), buffer.address
    size = buffer.size_bytes
    left = pages << PAGE_SHIFT
    while left:
        size = min(size, left)
        memmove(middle, low, size)
        memmove(low, high, size)
        memmove(high, middle, size)
        low += size
        high += size
        left -= size


def swap_keys(storage: MainStorage, first: int, second: int, pages: int, buffer: "Buffer") -> None:
    """The same for their keys."""
    keys, middle = storage.key_buffer, buffer.view
    for start in range(0, pages, buffer.size_bytes):
        size = min(buffer.size_bytes, pages - start)
        low, high = first + start, second + start
        middle[:size] = keys[low : low + size]
        keys[low : low + size] = keys[high : high + size]
        keys[high : high + size] = middle[:size]


class Buffer:
    """Memory, or a share of it, that pages go through when they change places.

    Attributes:
        size_bytes: its size.
        address: process address of its first byte.
        view: the bytes.
    """

    def __init__(self, memory: npt.NDArray[np.uint8]) -> None:
        """Use this memory, uint8 `(size_bytes,)`."""
        self._memory = memory
        self.size_bytes = len(memory)
        self.address: int = memory.ctypes.data
        self.view = memory.data

    def share(self, index: int, count: int) -> "Buffer":
        """One of `count` equal shares: the same memory, no copy."""
        if count == 1:
            return self
        size = self.size_bytes // count
        return Buffer(self._memory[index * size : (index + 1) * size])


def runs_of(flags: npt.NDArray[np.generic]) -> list[tuple[int, int]]:
    """Half-open runs of equal flags, `(start, end)`, ascending."""
    if not len(flags):
        return []
    bounds = [0, *(np.flatnonzero(flags[1:] != flags[:-1]) + 1).tolist(), len(flags)]
    return list(itertools.pairwise(bounds))


def lanes(pages: int, stride: int, count: int, *, descending: bool) -> list[list[tuple[int, int]]]:
    """Cut pages that move by `stride` so that each lane may be copied beside the others.

    Pages a stride apart go to the same lane, in the order given: a page's target is the source only of a
    page of the same lane.

    Returns:
        For each lane its pieces `(first page, pages)`, in the order in which they must be copied.
    """
    cuts = [stride * index // count for index in range(count + 1)]
    return [
        list(_lane(pages, stride, start, end, descending=descending))
        for start, end in itertools.pairwise(cuts)
    ]


def _lane(pages: int, stride: int, start: int, end: int, *, descending: bool) -> Iterator[tuple[int, int]]:
    """The pages whose remainder by `stride` is in `[start, end)`."""
    firsts = range(start, pages, stride)
    for first in reversed(firsts) if descending else firsts:
        yield first, min(end - start, pages - first)
