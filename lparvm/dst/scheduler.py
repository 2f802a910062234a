"""A scheduler for trio, in the place of its random generator.

In each pass trio makes a batch of all tasks that can run, lets its generator shuffle it, and runs it to the end. The
`shuffle` here leaves *one* task in the batch and puts the others back on the queue: so every single step is chosen, and
a task may lag behind others for as long as a policy likes. After the step, an instrument puts the next task into the
batch, so that trio needs no pass for each step: a pass asks the system for I/O, and looks at the clock. There is one
where nothing can run, where a deadline has come, and after `PASS_STEPS_MAX` steps.

Between two steps the scheduler may also

- *jump* the clock to the next deadline, or half of the way: else, under a clock that jumps only when nothing can run,
  no timeout would ever race with work;
- *freeze* the task that was about to run, for a while of virtual time, in which everybody else goes on.

Invariants:

- Trio's queue `runq` has the tasks that can run, those that have waited longest first: position 0 is the simplest
  choice. Whoever is passed over goes to the end, so that one choice that isn't 0 makes a difference for long.
- Tasks that come in one step, or pass, stand in the order of their creation: that in which trio wakes them up is the
  order of a set of objects now and then.
- Where nothing is chosen, nothing is noted: a tape has a number for each step at which two tasks could run.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import trio
import trio.testing

from lparvm.dst.deterministic import inside
from lparvm.dst.ending import Ending
from lparvm.dst.policies import Policy, Replay
from lparvm.dst.tape import Tape
from lparvm.dst.windows import (
    FREEZE_NS,
    FREEZE_WINDOW_STEPS,
    JUMP_KINDS,
    JUMP_WINDOW_STEPS,
    NEVER,
    Chaos,
    Window,
)

__all__ = ["Chaos", "Listener", "Scheduler"]

PASS_STEPS_MAX = 64
"""So many steps in one pass: signals, and whatever comes from outside, wait for the next one."""
_THAW = "<dst thaw>"

Listener = Callable[[int, str, float], None]
"""Told of each step: its number, the name of the task, the virtual time in seconds."""


class Scheduler(trio.abc.Instrument):
    """Stands where trio's generator is, for one run.

    Attributes:
        steps: steps of tasks so far.
        ending: what ends the run where it doesn't end by itself.
    """

    def __init__(
        self, policy: Policy, tape: Tape, chaos: Chaos, steps_max: int, listener: Listener | None = None
    ) -> None:
        """Schedule by a policy, or by what the tape gives."""
        self.steps, self.steps_max, self.ending = 0, steps_max, Ending(steps_max)
        self.batches = tape.mode == "batch"
        if tape.replays and not isinstance(policy, Replay):
            policy = Replay(self.batches)
        self._pick = policy.picker(tape)
        self._noted = tape.stream("schedule").values
        self._listener, self._freezable = listener, chaos.freezable
        self._jump_max_s = chaos.jump_max_s
        self._jumps = Window(tape, "clock", JUMP_WINDOW_STEPS, JUMP_KINDS, chaos.jumps)
        self._freezes = Window(tape, "freeze", FREEZE_WINDOW_STEPS, len(FREEZE_NS), chaos.freezes)
        self._due = min(self._jumps.due, self._freezes.due)
        self._frozen: dict[trio.lowlevel.Task, trio.CancelScope] = {}
        self._runner: Any = None
        self._runq: deque[trio.lowlevel.Task] = deque()
        self._batch: list[trio.lowlevel.Task] = []
        self._waiting: list[trio.lowlevel.Task] = []  # when the last pass began
        self._known = 0  # how many of the queue's tasks stand in order
        self._pass_at, self._now_s = 0, 0.0

    @property
    def exhausted(self) -> bool:
        """Whether there were too many steps, or nothing could go on."""
        return self.ending.reason is not None

    def calm(self) -> None:
        """From now on first come, first served, no jumps, and nothing is frozen any more."""
        self._pick = lambda _ready: 0
        self._due = self._jumps.due = self._freezes.due = NEVER
        for scope in self._frozen.values():
            scope.cancel()

    def random(self) -> float:
        """For trio; used only where it doesn't shuffle."""
        return 0.0

    def uniform(self, low: float, high: float) -> float:
        """For trio's system clock, which starts anywhere."""
        del high
        return low

    def shuffle(self, batch: list[trio.lowlevel.Task]) -> None:
        """A pass: leave the one that takes the next step. trio has sorted `batch` by the tasks' creation."""
        runner = inside.GLOBAL_RUN_CONTEXT.runner
        if runner is not self._runner:
            if self._runner is not None:
                return  # a run in another thread: none of ours
            self._begin(runner)
        if self._ends(batch) or not batch:
            return
        ready = self._by_arrival(batch)
        if self.batches:
            try:
                self._shuffle_all(ready, batch)
            except BaseException as raised:  # noqa: BLE001 - as below
                self._failed(raised)
            return
        self._now_s = runner.clock.current_time()
        self._pass_at = min(self.steps + PASS_STEPS_MAX, self.ending.step_max)
        self._runq.extend(ready)
        batch.clear()
        self._batch = batch
        self._try_step(len(ready))

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """The batch is done: put the next task into it, unless it is time for a pass."""
        del task
        if self.batches:
            return
        runq = self._runq
        count = len(runq)
        if count - self._known > 1:
            self._sort_tail(count - self._known)
        if not count or self.steps >= self._pass_at or self._next_deadline_s() <= self._now_s:
            self._waiting = list(runq)
            return
        self._try_step(count)

    def _begin(self, runner: Any) -> None:
        self._runner, self._runq = runner, runner.runq
        self._next_deadline_s: Callable[[], float] = runner.deadlines.next_deadline
        if not self.batches:
            trio.lowlevel.add_instrument(self)

    def _try_step(self, count: int) -> None:
        try:
            self._step(count)
        except BaseException as raised:  # noqa: BLE001 - trio would log it, or stop without cleaning up
            self._failed(raised)

    def _failed(self, raised: BaseException) -> None:
        """A policy or a listener failed: in the pass that comes now, the run is brought to its end."""
        self.ending.reason = self.ending.reason or raised
        self.ending.step_max = self._pass_at = 0

    def _step(self, count: int) -> None:
        """Put one of the queue's `count` tasks into the batch."""
        self.steps += 1
        task = self._take(count)
        if self.steps >= self._due:
            task = self._strike(task)
        self._batch.append(task)
        self._known = len(self._runq)
        if self._listener is not None:
            self._listener(self.steps, task.name, self._runner.clock.current_time())

    def _take(self, count: int) -> trio.lowlevel.Task:
        runq = self._runq
        if count > 1:
            index = self._pick(runq)
            self._noted.append(index)
            if index:
                runq.rotate(-index)
        return runq.popleft()

    def _sort_tail(self, count: int) -> None:
        runq = self._runq
        tail = [runq.pop() for _ in range(count)]
        tail.sort(key=lambda task: task._counter)  # noqa: SLF001 - as trio sorts them
        runq.extend(tail)

    def _by_arrival(self, batch: list[trio.lowlevel.Task]) -> list[trio.lowlevel.Task]:
        """Those that were passed over, then those that have come, in the order of their creation."""
        waiting, self._waiting = self._waiting, []
        if len(waiting) == len(batch):
            return waiting
        known = frozenset(waiting)
        return waiting + [task for task in batch if task not in known]

    def _shuffle_all(self, ready: list[trio.lowlevel.Task], batch: list[trio.lowlevel.Task]) -> None:
        order = []
        while ready:
            index = 0
            if len(ready) > 1:
                index = self._pick(ready)
                self._noted.append(index)
            order.append(ready.pop(index))
        batch[:] = reversed(order)  # trio takes the last one first
        self.steps += len(batch)
        if self.steps >= self._jumps.due:
            self._jump()
        if self._listener is not None:
            first, now_s = self.steps - len(batch) + 1, self._runner.clock.current_time()
            for number, task in enumerate(order, first):
                self._listener(number, task.name, now_s)

    def _ends(self, batch: list[trio.lowlevel.Task]) -> bool:
        """Whether the run is brought to its end; then all take their steps from now on, so that it does end."""
        ending = self.ending
        if batch:
            ending.went_on()
        if self.steps >= ending.step_max if batch else ending.is_stuck():
            ready = self._by_arrival(batch)
            self.calm()
            ending.escalate(self.steps, ready)
            batch[:] = ready
        if ending.reason is None:
            return False
        batch.reverse()  # trio takes the last one first
        self.steps += len(batch)
        self.batches = True
        return True

    def _strike(self, task: trio.lowlevel.Task) -> trio.lowlevel.Task:
        """Freeze the task, or let the clock jump, where that is chosen: the task that takes the step."""
        if self.steps >= self._freezes.due and (kind := self._freezes.strikes(self.steps)) is not None:
            if self._runq and self._freeze(task, kind):
                task = self._take(len(self._runq))
            else:
                self._freezes.spared()
        if self.steps >= self._jumps.due:
            self._jump()
        self._due = min(self._freezes.due, self._jumps.due)
        return task

    def _jump(self) -> None:
        kind = self._jumps.strikes(self.steps)
        if kind is None:
            return
        clock = self._runner.clock
        ahead_s = self._next_deadline_s() - clock.current_time()
        if (
            not isinstance(clock, trio.testing.MockClock)
            or not 0 < ahead_s < math.inf
            or ahead_s > self._jump_max_s
        ):
            self._jumps.spared()
            return
        clock.jump(ahead_s / 2 if kind else ahead_s)
        self._pass_at = self.steps

    def _freeze(self, task: trio.lowlevel.Task, kind: int) -> bool:
        """Hold a task that can run back; a task of the scheduler's own wakes it up."""
        if task.name.startswith("<") or not self._freezable(task.name):
            return False
        scope = self._frozen[task] = trio.CancelScope()
        trio.lowlevel.spawn_system_task(self._thaw, task, scope, FREEZE_NS[kind] / 1e9, name=_THAW)
        return True

    async def _thaw(self, task: trio.lowlevel.Task, scope: trio.CancelScope, duration_s: float) -> None:
        try:
            with scope:
                await trio.sleep(duration_s)
        finally:
            # Also where the run ends: nobody may wait for a task that never goes on.
            del self._frozen[task]
            self._runq.append(task)
