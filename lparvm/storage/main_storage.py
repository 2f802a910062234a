"""Main storage: all frames of the machine, each with its storage key.

Data and keys are two mappings of the process, both committed only where touched (`lazy_memory`). They are
seen by numpy, for whole frames, and as memoryviews, for single words. Addresses here are host absolute.

Invariants:

- Frame `n` is `frames[n]`, `buffer[n * 4096 : (n + 1) * 4096]` and process address `address(n)`; its key is
  `keys[n]` and `key_buffer[n]`. These are views of one memory, never copies.
- Nothing here checks keys or zones: that is the views' work (`view`, `channel_view`).
- A faulty frame keeps its contents; only the page mover looks at faults (`first_fault`).
"""

import bisect
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT, Zone
from lparvm.config import MAIN_STORAGE_FRAMES_MAX
from lparvm.storage.lazy_memory import LazyMemory

POISON_WORD = 0xFEE1_DEAD_FEE1_DEAD
"""What each word of a vacated frame holds, as a guest would fetch it (big-endian)."""
POISON_KEY = 0xF9
"""Key of a vacated frame: access control 15, fetch protected, and the unassigned bit that no guest sets."""


class MainStorage:
    """All frames of the machine and their keys.

    Attributes:
        frame_count: number of 4 KiB frames.
        frames: uint8 `(frame_count, 4096)`.
        keys: uint8 `(frame_count,)`.
        words: big-endian uint64 `(frame_count * 512,)`, the same bytes as `frames`.
        buffer: the data bytes, indexed by host absolute address.
        key_buffer: the key bytes, indexed by frame.
    """

    def __init__(self, frame_count: int) -> None:
        """Map storage for `frame_count` frames, all zero; it uses memory only where touched.

        Raises:
            ValueError: no frames, or more than `config.MAIN_STORAGE_FRAMES_MAX`.
            OSError: the process's address space does not hold it.
        """
        if not 1 <= frame_count <= MAIN_STORAGE_FRAMES_MAX:
            raise ValueError(f"{frame_count} frames; expected 1 to {MAIN_STORAGE_FRAMES_MAX}")
        self.frame_count = frame_count
        self._data = LazyMemory(frame_count * PAGE_BYTES)
        self._keys = LazyMemory(frame_count)
        self._faults: list[int] = []
        self.frames: npt.NDArray[np.uint8] = self._data.array.reshape(-1, PAGE_BYTES)
        self.words: npt.NDArray[np.uint64] = self._data.array.view(">u8")
        self.keys: npt.NDArray[np.uint8] = self._keys.array[: self.frame_count]
        self.buffer = self._data.buffer
        self.key_buffer = self._keys.buffer

    def address(self, frame: int) -> int:
        """Process address of a frame's first byte."""
        return self._data.base + (frame << PAGE_SHIFT)

    def key_address(self, frame: int) -> int:
        """Process address of a frame's key."""
        return self._keys.base + frame

    def committed(self, zone: Zone) -> npt.NDArray[np.bool_]:
        """Which frames of the zone hold memory, bool `(extent,)`.

        A frame told as not committed is all zero. Frames that were only fetched from may be told as
        committed, and where the system can't tell, all are.
        """
        return self._data.committed(zone.origin, zone.extent)

    def untouched(self, zone: Zone) -> bool:
        """Whether no frame of the zone holds memory, and all keys are zero. See `committed`."""
        return not self.committed(zone).any() and not self.keys[zone.origin : zone.end].any()

    def populate(self, zone: Zone, wanted: npt.NDArray[np.bool_] | None = None) -> None:
        """Commit frames before they are used: the first touch of a frame costs ten times its copy.

        Contents do not change. Where the system can't do it ahead, nothing happens.

        Args:
            zone: the frames.
            wanted: bool `(extent,)`, those to commit; None: all.
        """
        self._keys.populate(zone.origin, zone.extent)
        if wanted is None:
            wanted = np.ones(zone.extent, dtype=np.bool_)
        for start, end in _true_runs(wanted, zone.origin):
            self._data.populate(start << PAGE_SHIFT, (end - start) << PAGE_SHIFT)

    def clear(self, zone: Zone) -> None:
        """Set data and keys of the zone to zero and give its memory back."""
        self.discard(zone)
        self._keys.discard(zone.origin, zone.extent)

    def discard(self, zone: Zone) -> None:
        """Set the data of the zone to zero and give its memory back; the keys stay."""
        self._data.discard(zone.origin_bytes, zone.extent_bytes)

    def poison(self, zone: Zone) -> int:
        """Overwrite the committed frames of the zone with `POISON_WORD` and their keys with `POISON_KEY`.

        Returns:
            How many frames were poisoned. The others were never touched and stay so.
        """
        # In the host's byte order: numpy fills what it need not convert in one go, and leaves the GIL alone.
        words = self.frames.view(np.uint64)
        pattern = np.array([POISON_WORD], dtype=">u8").view(np.uint64)[0]
        poisoned = 0
        for start, end in _true_runs(self.committed(zone), zone.origin):
            words[start:end] = pattern
            self.keys[start:end] = POISON_KEY
            poisoned += end - start
        return poisoned

    def fail_frame(self, frame: int) -> None:
        """Make a frame faulty: moving a page from or to it ends in a storage fault."""
        if not 0 <= frame < self.frame_count:
            raise ValueError(f"frame {frame}; expected 0 to {self.frame_count - 1}")
        if frame not in self._faults:
            bisect.insort(self._faults, frame)

    def repair_frame(self, frame: int) -> None:
        """Make a faulty frame good again; no effect on a good one."""
        if frame in self._faults:
            self._faults.remove(frame)

    def first_fault(self, zone: Zone, *, from_end: bool = False) -> int | None:
        """The lowest faulty frame of the zone, or the highest one `from_end`; None where all are good."""
        faults = self._faults
        if not faults:
            return None
        index = bisect.bisect_left(faults, zone.end if from_end else zone.origin) - from_end
        if not 0 <= index < len(faults):
            return None
        frame = faults[index]
        return frame if zone.origin <= frame < zone.end else None

    def close(self) -> None:
        """Give all memory back; the storage can't be used any more. Idempotent."""
        self.frames = self.keys = np.empty(0, dtype=np.uint8)
        self.words = np.empty(0, dtype=np.uint64)
        self._data.close()
        self._keys.close()

    def __enter__(self) -> Self:
        """Use it, and close it at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _true_runs(flags: npt.NDArray[np.bool_], offset: int) -> Iterator[tuple[int, int]]:
    """Half-open runs of True, shifted by `offset`, ascending."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False)) + offset
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
