"""Policies: which of the tasks that can run takes the next step.

    fifo       the one that has waited longest
    walk       any, each as likely
    pct:D      by random priorities that change at D - 1 random steps (Burckhardt et al., "A randomized scheduler
               with probabilistic guarantees of finding bugs", ASPLOS 2010); here anew in each window of steps
    delay:D    the one that has waited longest, but for D delays in each window of steps, at random (Emmi, Qadeer,
               Rakamaric, "Delay-bounded scheduling", POPL 2011); `search.delays` tries all of them instead
    seeded     trio's own way: in each pass all that can run take one step each, in a random order

A policy chooses by position among the tasks that can run, those that have waited longest first. The scheduler notes
what was chosen, whatever the policy, so that a tape replays without it.
"""

import re
from collections.abc import Callable, Sequence
from typing import Protocol

import trio
from attrs import frozen

from lparvm.dst.tape import Stream, Tape
from lparvm.errors import UsageError

WINDOWS_STEPS = (32, 64, 128, 256, 512, 1024)
"""How many steps a policy plans ahead: one of these, drawn for each window, as nobody knows how long a program is."""
DEPTH_MAX = 64
FAIR_STEPS_MAX = 500
"""By pct, a task that can run is passed over so often at most: who waits for others by looking again and again would
otherwise never see them."""

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
        """Draw."""
        draw = tape.stream("_walk").draw
        return lambda ready: draw(len(ready))

    def __str__(self) -> str:
        return "walk"


@frozen
class Seeded:
    """All tasks, in a random order: what a trio with a seeded generator does."""

    batches: bool = True

    def picker(self, tape: Tape) -> Pick:
        """Draw, for one place in the order after another."""
        draw = tape.stream("_walk").draw
        return lambda ready: draw(len(ready))

    def __str__(self) -> str:
        return "seeded"


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


class _Priorities:
    def __init__(self, stream: Stream, depth: int) -> None:
        self._stream, self._depth = stream, depth
        self._of: dict[trio.lowlevel.Task, float] = {}
        self._passed: dict[trio.lowlevel.Task, int] = {}
        self._changes: list[int] = []
        self._step = self._window = 0
        self._lowest = 0.0

    def pick(self, ready: Sequence[trio.lowlevel.Task]) -> int:
        if self._step == self._window:
            self._begin_window(ready)
        self._step += 1
        priorities = self._of
        for task in ready:
            if task not in priorities:
                priorities[task] = 1.0 + self._stream.draw(1 << 20)
        index = max(range(len(ready)), key=lambda one: priorities[ready[one]])
        while self._changes and self._changes[-1] < self._step:
            self._changes.pop()
            self._lowest -= 1.0
            priorities[ready[index]] = self._lowest
            index = max(range(len(ready)), key=lambda one: priorities[ready[one]])
        return self._fair(ready, index)

    def _begin_window(self, ready: Sequence[trio.lowlevel.Task]) -> None:
        """New priorities, and new steps at which they change; who has ended is forgotten."""
        self._step, self._lowest, self._window = 0, 0.0, self._stream.choice(WINDOWS_STEPS)
        self._of.clear()
        self._passed = {task: self._passed[task] for task in ready if task in self._passed}
        changes = (self._stream.draw(self._window) for _ in range(self._depth - 1))
        self._changes = sorted(changes, reverse=True)

    def _fair(self, ready: Sequence[trio.lowlevel.Task], index: int) -> int:
        passed = self._passed
        for one, task in enumerate(ready):
            if one != index:
                passed[task] = passed.get(task, 0) + 1
                if passed[task] > FAIR_STEPS_MAX:
                    index = one
                    break
        passed.pop(ready[index], None)
        return index


_SIMPLE: dict[str, Callable[[], Policy]] = {"walk": Walk, "fifo": Fifo, "seeded": Seeded}
_DEEP: dict[str, Callable[[int], Policy]] = {"pct": Pct, "delay": Delay}
EXPECTED = "walk, fifo, seeded, pct:D or delay:D with a whole number D"


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
    raise UsageError(f"policy {text!r}; expected {EXPECTED} from 1 to {DEPTH_MAX}")
