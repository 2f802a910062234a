"""Anonymous memory that costs nothing until it is touched, and can tell what was.

The one file that talks to the operating system about memory. A `LazyMemory` is one private anonymous mapping
without reserved swap: 64 GiB are mapped at once, and each 4 KiB page gets memory at its first store.

Invariants:

- A page that holds anything but zeros is always told as committed. The reverse is allowed: where the
  system cannot tell (no Linux, a sandbox without `/proc`), every page is told as committed.
- Transparent huge pages are off: one store would commit 2 MiB of a zone that is sparsely used.

The calls go through ctypes and not through `mmap.madvise`, because ctypes releases the GIL meanwhile.
"""

import contextlib
import ctypes
import functools
import mmap
import os
import sys

import numpy as np
import numpy.typing as npt

PAGE_BYTES = 4096

# Values of the Linux ABI; Python's mmap has some of them from 3.12 or 3.13 on only.
_LINUX = sys.platform == "linux"
_MAP_NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000 if _LINUX else 0)
_MADV_DONTNEED = 4
_MADV_NOHUGEPAGE = 15
_MADV_POPULATE_WRITE = 23

_PAGEMAP_ENTRY_BYTES = 8
_PAGEMAP_PRESENT_OR_SWAPPED = np.uint64(0b11 << 62)
_PAGEMAP_BLOCK_PAGES = 1 << 20  # bounds the buffer to 8 MiB

# Where the host's own pages are larger than a frame, frames cannot be given back or asked about one by one.
_FRAME_GRANULAR = _LINUX and mmap.PAGESIZE == PAGE_BYTES


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    return libc


class LazyMemory:
    """One anonymous private mapping, committed page by page at the first store.

    Attributes:
        size_bytes: size, rounded up to whole pages of 4096 bytes.
        base: process address of the first byte.
        buffer: the bytes, for `struct`.
        array: the same bytes as uint8.
    """

    def __init__(self, size_bytes: int) -> None:
        """Map `size_bytes`; no memory is used yet.

        Raises:
            OSError: the address space does not hold it.
        """
        self.size_bytes = -(-size_bytes // PAGE_BYTES) * PAGE_BYTES
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
        self._map = mmap.mmap(-1, self.size_bytes, flags=flags)
        self.array: npt.NDArray[np.uint8] = np.frombuffer(self._map, dtype=np.uint8)
        self.buffer = memoryview(self._map)
        self.base: int = self.array.ctypes.data
        if _LINUX:
            self._advise(0, self.size_bytes, _MADV_NOHUGEPAGE)

    def discard(self, start: int, count: int) -> None:
        """Make `[start, start + count)` (bytes) zero; whole pages in it give their memory back."""
        end = start + count
        first = -(-start // PAGE_BYTES) * PAGE_BYTES
        last = end // PAGE_BYTES * PAGE_BYTES
        # Assigning zeros would commit pages that were never touched: only the ends are assigned.
        if not _FRAME_GRANULAR or first >= last or not self._advise(first, last - first, _MADV_DONTNEED):
            self.array[start:end] = 0
            return
        self.array[start:first] = 0
        self.array[last:end] = 0

    def populate(self, start: int, count: int) -> None:
        """Commit the pages of `[start, start + count)` (bytes), contents unchanged; only a hint."""
        if _LINUX and count:
            first = start // mmap.PAGESIZE * mmap.PAGESIZE
            self._advise(first, start + count - first, _MADV_POPULATE_WRITE)

    def committed(self, first_page: int, pages: int) -> npt.NDArray[np.bool_]:
        """Which of the pages hold memory (or swap), bool `(pages,)`; all True where the system can't tell."""
        if not pages or not _commitment_is_told():
            return np.ones(pages, dtype=np.bool_)
        return self._committed(first_page, pages)

    def close(self) -> None:
        """Give all memory back. Views that others still hold read zeros from then on; idempotent."""
        if self._map.closed or not self.array.size:
            return
        self.discard(0, self.size_bytes)
        self.array = np.empty(0, dtype=np.uint8)
        # A view held elsewhere forbids unmapping. The memory is back all the same, and the address
        # range goes with the last view.
        with contextlib.suppress(BufferError):
            self.buffer.release()
            self._map.close()

    def _advise(self, start: int, count: int, advice: int) -> bool:
        return bool(_libc().madvise(self.base + start, count, advice) == 0)

    def _committed(self, first_page: int, pages: int) -> npt.NDArray[np.bool_]:
        # mincore answers eight times faster than the page map, but calls a page that was swapped out absent.
        vector = np.zeros(pages, dtype=np.uint8)
        address = self.base + first_page * PAGE_BYTES
        if _libc().mincore(address, pages * PAGE_BYTES, vector.ctypes.data) == 0 and (vector & 1).all():
            return np.ones(pages, dtype=np.bool_)
        answer = np.ones(pages, dtype=np.bool_)
        try:
            _read_pagemap(address // PAGE_BYTES, answer)
        except OSError:
            answer[:] = True
        return answer


def _read_pagemap(first_page: int, answer: npt.NDArray[np.bool_]) -> None:
    descriptor = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    try:
        for start in range(0, len(answer), _PAGEMAP_BLOCK_PAGES):
            count = min(_PAGEMAP_BLOCK_PAGES, len(answer) - start)
            data = os.pread(
                descriptor, count * _PAGEMAP_ENTRY_BYTES, (first_page + start) * _PAGEMAP_ENTRY_BYTES
            )
            entries = np.frombuffer(data, dtype=np.uint64)
            # A short read leaves True behind: not known is told as committed.
            answer[start : start + len(entries)] = entries & _PAGEMAP_PRESENT_OR_SWAPPED != 0
    finally:
        os.close(descriptor)


@functools.cache
def _commitment_is_told() -> bool:
    """Whether this system tells committed pages truly, tried once on two pages of which one is touched."""
    if not _FRAME_GRANULAR:
        return False
    memory = LazyMemory(2 * PAGE_BYTES)
    memory.array[0] = 1
    told = memory._committed(0, 2)  # noqa: SLF001 - the trial must pass by its own cached answer
    memory.close()
    return bool(told[0])
