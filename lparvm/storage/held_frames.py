"""Which frames of an exchange hold memory, as a map that goes along with the pages.

An exchange must not give memory to pages that were never touched. Asking the system before each of many short
runs would take longer than the runs. So it is asked once, and every run keeps the map true.

Invariant: a frame that is told as not held is all zero. The reverse is allowed.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lparvm.arch.address import Zone
from lparvm.storage.main_storage import MainStorage


class HeldFrames:
    """Flags of the frames in a few areas, ascending and without overlap.

    Attributes:
        complete: whether all held memory from the start: then they always do, and no run needs to look.
    """

    def __init__(self, storage: MainStorage, areas: Sequence[Zone]) -> None:
        """Ask the storage."""
        self._flags: list[tuple[Zone, npt.NDArray[np.bool_]]] = []
        for area in areas:
            last = self._flags[-1][0] if self._flags else None
            flags = storage.committed(area)
            if last is not None and last.end == area.origin:
                # A run may go over the border of areas side by side.
                _, before = self._flags.pop()
                area = Zone(last.origin, last.extent + area.extent)  # noqa: PLW2901 - both in one
                flags = np.concatenate([before, flags])
            self._flags.append((area, flags))
        self.complete = all(flags.all() for _, flags in self._flags)

    def of(self, origin: int, pages: int) -> npt.NDArray[np.bool_]:
        """Flags of `[origin, origin + pages)`, to read and to set: bool `(pages,)`."""
        for area, flags in self._flags:
            if area.origin <= origin and origin + pages <= area.end:
                start = origin - area.origin
                return flags[start : start + pages]
        raise AssertionError(f"frames {origin} to {origin + pages} are no part of the exchange")
