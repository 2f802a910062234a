"""The run clock: integer nanoseconds since the run began, real or virtual.

Virtual is trio's MockClock: time passes only where somebody sleeps, and everything happens in trio's thread.
Which of the two it is, is decided once, by the clock that trio runs with.
"""

import time

import trio
import trio.testing

from lparvm.units import nanoseconds, seconds


class RunClock:
    """Time for actors. Make it inside the trio run; its time starts at 0 then."""

    def __init__(self) -> None:
        clock = trio.lowlevel.current_clock()
        self.virtual = isinstance(clock, trio.testing.MockClock)
        self._origin_s = clock.current_time()
        self._origin_ns = time.perf_counter_ns()
        # Every event asks for the time. trio's own clock is this counter and an offset, in seconds.
        self.now_ns = self._counter_ns if type(clock).__name__ == "SystemClock" else self._trios_ns
        """Nanoseconds since the run began."""

    def _counter_ns(self) -> int:
        return time.perf_counter_ns() - self._origin_ns

    def _trios_ns(self) -> int:
        return nanoseconds(trio.current_time() - self._origin_s)

    async def sleep_ns(self, duration_ns: int) -> None:
        """Let time pass; 0 is a checkpoint."""
        await trio.sleep(seconds(duration_ns))

    async def sleep_until_ns(self, at_ns: int) -> None:
        """Sleep until a time of the run clock."""
        await trio.sleep_until(self._origin_s + seconds(at_ns))
