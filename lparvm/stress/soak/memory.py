"""What the process uses, and whether it grows.

Main and expanded storage are left out of what is judged: how many of their frames hold memory depends on where zones
have been, up to all of them. What is left is *own* memory: Python's objects, and the C libraries'.
"""

import ctypes
import functools
import gc
import os
import statistics
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from lparvm import config
from lparvm.units import NS_PER_S, format_duration, format_size

_HOUR_NS = 3_600 * NS_PER_S
_STATM = Path("/proc/self/statm")
_DESCRIPTORS = Path("/proc/self/fd")


@frozen
class Usage:
    """What the process uses at a moment.

    Attributes:
        at_ns: when, run clock.
        rss_bytes: resident memory; where the system tells no more, the most there ever was.
        storage_bytes: of it, what main and expanded storage hold.
        threads: how many.
        files: open files; None where the system doesn't tell.
    """

    at_ns: int
    rss_bytes: int
    storage_bytes: int
    threads: int
    files: int | None

    @property
    def own_bytes(self) -> int:
        """Memory without the guests' storage."""
        return max(0, self.rss_bytes - self.storage_bytes)


def tidy() -> None:
    """Before memory is measured: collect garbage, and let the C library give back what it holds and nobody uses.

    What threads and large copies leave behind in its arenas was seen to be more than all that Python had in use.
    """
    gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    """The C library's `malloc_trim`; None: it has none."""
    try:
        found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):  # no C library that can be asked
        return None
    return found


Measure = Callable[[int, int], Usage]
"""The time and what storage holds -> what the process uses."""


def measure(at_ns: int, storage_bytes: int) -> Usage:
    """What this process uses now."""
    return Usage(at_ns, _resident_bytes(), storage_bytes, threading.active_count(), _open_files())


def _resident_bytes() -> int:
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        return _most_resident_bytes()
    return pages * os.sysconf("SC_PAGE_SIZE")


def _most_resident_bytes() -> int:
    import resource  # noqa: PLC0415 - there is none on every system

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def _open_files() -> int | None:
    try:
        return sum(1 for _ in _DESCRIPTORS.iterdir()) - 1  # without the one that lists them
    except OSError:
        return None


@frozen
class Growth:
    """What a run grew by: the median of the last third of the samples after the warm-up, less that of the first.

    Attributes:
        over_ns: how far apart the two thirds are.
        own_bytes: of memory.
        threads: of threads.
        files: of open files; 0 where the system doesn't tell.
        samples: how many were judged.
    """

    over_ns: int
    own_bytes: int
    threads: int
    files: int
    samples: int

    @property
    def hour_bytes(self) -> int:
        """Memory, in an hour at this rate."""
        return self.own_bytes * _HOUR_NS // max(1, self.over_ns)


def growth_of(samples: Sequence[Usage]) -> Growth | None:
    """What grew; None: there are too few samples to tell."""
    judged = samples[-(-len(samples) * config.SOAK_WARM_UP_PERCENT // 100) :]
    if len(judged) < config.SOAK_SAMPLES_JUDGED_MIN:
        return None
    third = len(judged) // 3
    first, last = judged[:third], judged[-third:]

    def grown(value: Callable[[Usage], int]) -> int:
        return int(statistics.median(map(value, last)) - statistics.median(map(value, first)))

    return Growth(
        grown(lambda one: one.at_ns), grown(lambda one: one.own_bytes), grown(lambda one: one.threads),
        grown(lambda one: one.files or 0), len(judged),
    )  # fmt: skip


def growth_problems(growth: Growth | None) -> tuple[str, ...]:
    """What grew more than it may, in words."""
    if growth is None:
        return ()
    problems = []
    over = format_duration(growth.over_ns)
    if growth.own_bytes > config.SOAK_GROWTH_BYTES_MAX or (
        growth.own_bytes > config.SOAK_GROWTH_NOISE_BYTES
        and growth.hour_bytes > config.SOAK_GROWTH_HOUR_BYTES_MAX
    ):
        grown, hourly = (_size(count) for count in (growth.own_bytes, growth.hour_bytes))
        most = format_size(config.SOAK_GROWTH_HOUR_BYTES_MAX)
        problems.append(f"memory grew by {grown} in {over}, {hourly} an hour; {most} an hour is the most")
    for name, count, most_count in (
        ("threads", growth.threads, config.SOAK_THREADS_GROWTH_MAX),
        ("open files", growth.files, config.SOAK_FILES_GROWTH_MAX),
    ):
        if count > most_count:
            problems.append(f"{count} more {name} after {over}; {most_count} are the most")
    return tuple(problems)


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f}M"
