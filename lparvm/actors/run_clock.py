"""The run clock: integer nanoseconds since the run began, real or virtual.

Virtual is trio's MockClock: time passes only where somebody sleeps, and everything happens in trio's thread.
Which of the two it is, is decided once, by the clock that trio runs with.
"""

import trio
import trio.testing

from lparvm.units import nanoseconds, seconds


class RunClock:
    """Time for actors. Make it inside the trio run; its time starts at 0 then."""

    def __init__(self) -> None:
        self._origin_s = trio.current_time()
        self.virtual = isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock)

    def now_ns(self) -> int:
        """Nanoseconds since the run began."""
        return nanoseconds(trio.current_time() - self._origin_s)

    async def sleep_ns(self, duration_ns: int) -> None:
        """Let time pass; 0 is a checkpoint."""
        await trio.sleep(seconds(duration_ns))

    async def sleep_until_ns(self, at_ns: int) -> None:
        """Sleep until a time of the run clock."""
        await trio.sleep_until(self._origin_s + seconds(at_ns))
