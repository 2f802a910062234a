"""Leaves out repetitions in which other processes took the cores.

A copy thread and a guest need a core each. Where a test run or a compiler has one of them, what is measured is
the system's scheduler. So each repetition is looked at: what all processes used, less what this one and its
children did, from the kernel's own counts. What a repetition measured has no say in it. And none is begun
while others are busy, as long as there is patience.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from attrs import Factory, define

T = TypeVar("T")

OTHERS_MAX = 0.15
"""Cores that other processes, and a hypervisor, may use in a repetition that counts."""
PATIENCE_S = 60.0
"""How long all repetitions of a measure together may wait for others to finish."""
_LOOK_S = 0.25
_TAKES_MAX = 4  # repetitions begun, for each one wanted
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_STAT = Path("/proc/stat")


def _foreign_s() -> float:
    """CPU seconds that others used, or a hypervisor took, up to now: everybody's, less our own."""
    if not _STAT.exists():
        return 0.0  # no Linux: nobody else is seen
    own_s = sum(os.times()[:4])
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, _STAT.read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / _TICKS_PER_S - own_s


@define
class Rounds:
    """Gives the numbers of repetitions, until enough of them were undisturbed.

    for _ in rounds:
        values.append(...)
    values = rounds.kept(values)

    Attributes:
        wanted: undisturbed repetitions.
        others: cores that others used, one a repetition.
        patience_s: how long they may still wait.
    """

    wanted: int
    others: list[float] = Factory(list)
    patience_s: float = Factory(lambda: PATIENCE_S)

    def __iter__(self) -> Iterator[int]:
        """Begin a repetition; the one before has ended."""
        for number in range(self.wanted * _TAKES_MAX):
            if sum(cores <= OTHERS_MAX for cores in self.others) >= self.wanted:
                return
            self._wait()
            used_s, began_s = _foreign_s(), time.perf_counter()
            yield number
            self.others.append((_foreign_s() - used_s) / (time.perf_counter() - began_s))

    def _wait(self) -> None:
        """Until others have been quiet for a moment, or there is no patience left."""
        while self.patience_s > 0:
            used_s = _foreign_s()
            time.sleep(_LOOK_S)
            if (_foreign_s() - used_s) / _LOOK_S <= OTHERS_MAX:
                return
            self.patience_s -= _LOOK_S

    def kept(self, values: list[T]) -> tuple[T, ...]:
        """The values of the repetitions that count: the least disturbed ones."""
        order = sorted(range(len(values)), key=lambda number: self.others[number])
        return tuple(values[number] for number in sorted(order[: self.wanted]))

    @property
    def note(self) -> str:
        """What was left out, for the table; empty where nothing was."""
        left_out = len(self.others) - self.wanted
        disturbed = sum(cores > OTHERS_MAX for cores in sorted(self.others)[: self.wanted])
        parts = [f"{left_out} disturbed repetitions left out"] if left_out else []
        parts += [f"{disturbed} of those counted were disturbed too"] if disturbed else []
        return "; ".join(parts)


def thread_rate(count: int, work: Callable[[], object]) -> float:
    """How many a second, in the time that this thread had a core."""
    began_s = time.thread_time()
    work()
    return count / (time.thread_time() - began_s)
