"""Policies: which of the tasks that can run takes the next step.

    fifo       the one that has waited longest
    walk       any, each as likely
    pct:D      by random priorities that change at D - 1 random steps (Burckhardt et al., "A randomized scheduler
               with probabilistic guarantees of finding bugs", ASPLOS 2010); here anew in each window of steps
    delay:D    the one that has waited longest, but for D delays in each window of steps, at random (Emmi, Qadeer,
               Rakamaric, "Delay-bounded scheduling", POPL 2011); `search.delays` tries all of them instead
    seeded     trio's own way: in each pass all that can run take one step each, in a random order

`Replay` takes the one that a tape names. A policy chooses by position among the tasks that can run, those that have
waited longest first. The scheduler notes what was chosen, whatever the policy, so that a tape replays without it.
"""

import re
from collections.abc import Callable, Sequence
from typing import Protocol

import trio
from attrs import frozen

from lparvm.dst.tape import Stream, Tape
from lparvm.errors import UsageError

WINDOWS_STEPS = (8, 16, 32, 64, 128, 256, 512, 1024)
"""How many steps a policy plans ahead: one of these, drawn for each window, as nobody knows how long a program is."""
DEPTH_MAX = 64
FAIR_STEPS = 250
"""By pct, so often it is looked who could run last time and has had no turn since: it is theirs now. A task that waits
for others by looking again and again would otherwise never let them go on."""

Pick = Callable[[Sequence[trio.lowlevel.Task]], int]


class Policy(Protocol):
    """How to schedule."""

    @property
    def batches(self) -> bool:
        """Whether all that can run take a step in each pass."""

    def picker(self, tape: Tape) -> Pick:
        """What chooses, in one run."""


@frozen
class Fifo:
    """The task that has waited longest."""

    batches: bool = False

    def picker(self, tape: Tape) -> Pick:
        """Always the first."""
        del tape
        return lambda _ready: 0

    def __str__(self) -> str:
        return "fifo"


@frozen
class Walk:
    """Any task."""

    batches: bool = False

    def picker(self, tape: Tape) -> Pick:
        """Roll."""
        roll = tape.stream("_walk").roll
        return lambda ready: roll(len(ready))

    def __str__(self) -> str:
        return "walk"


@frozen
class Seeded:
    """All tasks, in a random order: what a trio with a seeded generator does."""

    batches: bool = True

    def picker(self, tape: Tape) -> Pick:
        """Roll, for one place in the order after another."""
        roll = tape.stream("_walk").roll
        return lambda ready: roll(len(ready))

    def __str__(self) -> str:
        return "seeded"


@frozen
class Replay:
    """The tasks that a tape names; where it has ended, those that have waited longest."""

    batches: bool = False

    def picker(self, tape: Tape) -> Pick:
        """What the tape gives; noted by who asks."""
        peek = tape.stream("schedule").peek
        return lambda ready: peek(len(ready))

    def __str__(self) -> str:
        return "replay"


@frozen
class Delay:
    """First come, first served, with some delays in each window."""

    depth: int
    batches: bool = False

    def picker(self, tape: Tape) -> Pick:
        """Pass the first over at the steps that were drawn."""
        stream = tape.stream("_delays")
        left: list[int] = []
        step = window = 0

        def pick(ready: Sequence[trio.lowlevel.Task]) -> int:
            nonlocal step, window
            if step == window:
                step, window = 0, stream.choice(WINDOWS_STEPS)
                left[:] = sorted((stream.draw(window) for _ in range(self.depth)), reverse=True)
            step += 1
            index = 0
            while left and left[-1] < step:
                left.pop()
                index += 1
            return index % len(ready)

        return pick

    def __str__(self) -> str:
        return f"delay:{self.depth}"


@frozen
class Pct:
    """By priorities that change now and then."""

    depth: int
    batches: bool = False

    def picker(self, tape: Tape) -> Pick:
        """The task of the highest priority; at a step that was drawn, that task's becomes the lowest."""
        return _Priorities(tape.stream("_priorities"), self.depth).pick

    def __str__(self) -> str:
        return f"pct:{self.depth}"


class _Priorities(dict[trio.lowlevel.Task, float]):
    """Of each task that was seen in this window; drawn where one is seen for the first time."""

    def __init__(self, stream: Stream, depth: int) -> None:
        super().__init__()
        self._stream, self._depth = stream, depth
        self._changes: list[int] = []
        self._step = self._window = 0
        self._lowest = 0.0
        # Who could run at the last look and has had no turn since; and whose turn it is for that reason.
        self._passed: set[trio.lowlevel.Task] = set()
        self._owed: list[trio.lowlevel.Task] = []
        self._look = 0

    def __missing__(self, task: trio.lowlevel.Task) -> float:
        priority = self[task] = 1.0 + self._stream.draw(1 << 20)
        return priority

    def pick(self, ready: Sequence[trio.lowlevel.Task]) -> int:
        if self._step == self._window:
            self._begin_window()
        self._step += 1
        best = max(ready, key=self.__getitem__)
        while self._changes and self._changes[-1] < self._step:
            self._changes.pop()
            self._lowest -= 1.0
            self[best] = self._lowest
            best = max(ready, key=self.__getitem__)
        self._look -= 1
        if self._look < 0:
            self._look_for_passed(ready)
        if self._owed:
            best = self._next_owed(ready, best)
        self._passed.discard(best)
        return ready.index(best)

    def _begin_window(self) -> None:
        """New priorities, and new steps at which they change; who has ended is forgotten."""
        self._step, self._lowest, self._window = 0, 0.0, self._stream.choice(WINDOWS_STEPS)
        self.clear()
        changes = (self._stream.draw(self._window) for _ in range(self._depth - 1))
        self._changes = sorted(changes, reverse=True)

    def _look_for_passed(self, ready: Sequence[trio.lowlevel.Task]) -> None:
        self._look = FAIR_STEPS
        self._owed = [task for task in reversed(ready) if task in self._passed]
        self._passed = set(ready)

    def _next_owed(self, ready: Sequence[trio.lowlevel.Task], best: trio.lowlevel.Task) -> trio.lowlevel.Task:
        """Whose turn it is; `best` where nobody of them can run: they had one where nothing was to be chosen."""
        while self._owed:
            task = self._owed.pop()
            if task in ready:
                return task
        return best


_SIMPLE: dict[str, Callable[[], Policy]] = {"walk": Walk, "fifo": Fifo, "seeded": Seeded}
_DEEP: dict[str, Callable[[int], Policy]] = {"pct": Pct, "delay": Delay}
EXPECTED = f"walk, fifo, seeded, pct:D or delay:D with a whole number D from 1 to {DEPTH_MAX}"


def parse_policy(text: str) -> Policy:
    """The policy of this name.

    Raises:
        UsageError: there is none.
    """
    if text in _SIMPLE:
        return _SIMPLE[text]()
    name, _, depth = text.partition(":")
    if name in _DEEP and re.fullmatch("[1-9][0-9]?", depth) and int(depth) <= DEPTH_MAX:
        return _DEEP[name](int(depth))
    raise UsageError(f"policy {text!r}; expected {EXPECTED}")
