"""A scheduler for trio, in the place of its random generator.

In each pass trio makes a batch of all tasks that can run, lets its generator shuffle it, and runs it to the end. The
`shuffle` here leaves *one* task in the batch and puts the others back on the queue: so every single step is chosen, and
a task may lag behind others for as long as a policy likes.

Between two steps it may also

- *jump* the clock to the next deadline, or half of the way: else, under a clock that jumps only when nothing can run,
  no timeout would ever race with work;
- *freeze* the task that was about to run, for a while of virtual time, in which everybody else goes on.

Position 0 is the task that has waited longest. Whoever is passed over goes to the end of the queue, so that one choice
that isn't 0 makes a difference for long.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import trio
import trio.testing
from attrs import frozen

from lparvm.dst.policies import Policy
from lparvm.dst.tape import Tape

# The module behind trio's run loop. Private, and its names are declared final: hence Any. See `deterministic`.
_run: Any = trio._core._run  # noqa: SLF001

JUMP_WINDOW_STEPS = 64
FREEZE_WINDOW_STEPS = 256
_JUMP_KINDS = 2
FREEZE_NS = (10_000, 100_000, 1_000_000, 10_000_000)
"""How long a frozen task stays so, in ns of virtual time."""

Listener = Callable[[int, str, float], None]
"""Told of each step: its number, the name of the task, the virtual time in seconds."""


@frozen
class Chaos:
    """What happens beside the order of the tasks.

    Attributes:
        jumps: in so many of 100 windows of `JUMP_WINDOW_STEPS` steps the clock jumps.
        freezes: in so many of 100 windows of `FREEZE_WINDOW_STEPS` steps a task is frozen.
        freezable: which tasks may be, by name.
    """

    jumps: int = 0
    freezes: int = 0
    freezable: Callable[[str], bool] = lambda _name: True


class Window:
    """Something that happens at most once in a window of steps; the choice is where in it, and how; 0: not at all."""

    def __init__(self, tape: Tape, name: str, steps: int, kinds: int, percent: int) -> None:
        """In `percent` of 100 windows, at any step, in one of so many kinds."""
        self._stream, self._steps, self._kinds, self._percent = tape.stream(name), steps, kinds, percent
        self._step = steps
        self._at, self._kind = -1, 0

    def strikes(self) -> int | None:
        """Go on by a step: the kind, where it happens now."""
        if self._step == self._steps:
            self._step = 0
            self._open()
        self._step += 1
        return self._kind if self._step == self._at else None

    def _open(self) -> None:
        places = self._steps * self._kinds
        if not self._percent and not self._stream.values:
            return  # never in this run: nothing is noted
        # As many numbers more as make it happen in that share; all of them are noted as 0.
        value = self._stream.draw(1 + max(places, places * 100 // max(1, self._percent)))
        if value > places:
            value = self._stream.values[-1] = 0
        self._at, self._kind = (value + self._kinds - 1) // self._kinds, (value - 1) % self._kinds


class Scheduler:
    """Stands where trio's generator is, for one run.

    Attributes:
        steps: steps of tasks so far.
        exhausted: there were too many.
    """

    def __init__(
        self, policy: Policy, tape: Tape, chaos: Chaos, steps_max: int, listener: Listener | None = None
    ) -> None:
        """Schedule by a policy, or by what the tape gives."""
        self.steps, self.steps_max, self.exhausted = 0, steps_max, False
        self.give_up: Callable[[], object] = lambda: None
        """Called when there were too many steps."""
        self.batches = tape.mode == "batch"
        self._schedule = tape.stream("schedule")
        self._pick = self._replay if tape.replays else policy.picker(tape)
        self._waiting: list[trio.lowlevel.Task] = []
        self._listener = listener
        self._freezable = chaos.freezable
        # What a tape gives is all there is to say of when it happens.
        given = 100 if tape.replays else 0
        self._jumps: Window | None = Window(
            tape, "clock", JUMP_WINDOW_STEPS, _JUMP_KINDS, given or chaos.jumps
        )
        self._freezes: Window | None = Window(
            tape, "freeze", FREEZE_WINDOW_STEPS, len(FREEZE_NS), given or chaos.freezes
        )

    def calm(self) -> None:
        """From now on first come, first served, and no jumps nor freezes."""
        self._pick = lambda _ready: 0
        self._jumps = self._freezes = None

    def random(self) -> float:
        """For trio; used only where it doesn't shuffle."""
        return 0.0

    def uniform(self, low: float, high: float) -> float:
        """For trio's system clock, which starts anywhere."""
        del high
        return low

    def shuffle(self, batch: list[trio.lowlevel.Task]) -> None:
        """Leave the one that takes the next step; see above. trio has sorted `batch` by the tasks' creation."""
        if not batch:
            return
        self.steps += 1
        if self.steps > self.steps_max:
            self._exhaust(batch)
            return
        ready = self._by_arrival(batch)
        if self.batches:
            self._shuffle_all(ready, batch)
            return
        while True:
            count = len(ready)
            index = self._pick(ready) if count > 1 else 0
            self._schedule.note(count, index)
            task = ready[index]
            rest = ready[index + 1 :] + ready[:index]
            if not rest or self._freezes is None or (kind := self._freezes.strikes()) is None:
                break
            if not self._freeze(task, kind):
                break
            ready = rest
        self._waiting = rest
        self._runner().runq.extend(rest)
        batch[:] = (task,)
        if self._jumps is not None and (jump := self._jumps.strikes()) is not None:
            self._jump(jump)
        if self._listener is not None:
            self._listener(self.steps, task.name, trio.current_time())

    def _replay(self, ready: Sequence[trio.lowlevel.Task]) -> int:
        index = self._schedule.draw(len(ready))
        self._schedule.values.pop()  # noted by who asked
        return index

    def _by_arrival(self, batch: list[trio.lowlevel.Task]) -> list[trio.lowlevel.Task]:
        """Those that were passed over, then those that have come, in the order of their creation."""
        waiting = self._waiting
        if not waiting:
            return batch[:]
        if len(waiting) == len(batch):
            return waiting
        known = frozenset(waiting)
        return waiting + [task for task in batch if task not in known]

    def _shuffle_all(self, ready: list[trio.lowlevel.Task], batch: list[trio.lowlevel.Task]) -> None:
        self.steps += len(batch) - 1
        batch.clear()
        while ready:
            count = len(ready)
            index = self._pick(ready) if count > 1 else 0
            self._schedule.note(count, index)
            batch.append(ready.pop(index))
        batch.reverse()  # trio takes the last one first
        if self._jumps is not None and (jump := self._jumps.strikes()) is not None:
            self._jump(jump)
        if self._listener is not None:
            for task in reversed(batch):
                self._listener(self.steps, task.name, trio.current_time())

    def _exhaust(self, batch: list[trio.lowlevel.Task]) -> None:
        """End the run; all take their steps from now on, so that it does end."""
        if not self.exhausted:
            self.exhausted = True
            self.calm()
            self.give_up()
        batch[:] = self._by_arrival(batch)
        self._waiting = []

    @staticmethod
    def _runner() -> Any:
        return _run.GLOBAL_RUN_CONTEXT.runner

    def _jump(self, kind: int) -> None:
        runner = self._runner()
        clock = runner.clock
        ahead = runner.deadlines.next_deadline() - clock.current_time()
        if isinstance(clock, trio.testing.MockClock) and 0 < ahead < math.inf:
            clock.jump(ahead / 2 if kind else ahead)

    def _freeze(self, task: trio.lowlevel.Task, kind: int) -> bool:
        """Hold a task that can run back; a task of trio's own wakes it up."""
        if task.name.startswith("<") or task.name == _THAW or not self._freezable(task.name):
            return False
        trio.lowlevel.spawn_system_task(self._thaw, task, FREEZE_NS[kind] / 1e9, name=_THAW)
        return True

    async def _thaw(self, task: trio.lowlevel.Task, duration_s: float) -> None:
        await trio.sleep(duration_s)
        self._runner().runq.append(task)


_THAW = "thaw"
