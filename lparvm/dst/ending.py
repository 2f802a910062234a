"""Ends a run that doesn't end by itself: it took too many steps, or nothing in it can go on.

First its main task is cancelled. A program that goes on even so, since it swallows the cancellation or is shielded from
it, has `Abandoned` thrown into each of its tasks; and if it swallows that too, trio itself is stopped.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import trio

from lparvm.dst.deterministic import inside

CLEANUP_STEPS_MAX = 20_000
"""So many steps a run that was cancelled may take to its end, before the next means is used."""
IDLE_PASSES_MAX = 2
"""In so many passes in succession there may be nothing to run and no deadline: whoever waits for all to be blocked
(`wait_all_tasks_blocked`) runs in the next one."""
_NAMES_MAX = 8


class StepsExhausted(Exception):  # noqa: N818 - what happened, as a name
    """The program took more steps than it may."""


class Deadlock(Exception):  # noqa: N818 - what happened, as a name
    """Nothing can run, and nothing is waited for that time would bring."""


class Abandoned(BaseException):
    """Thrown into the tasks of a run that was cancelled and goes on."""


class Ending:
    """The end of one run, if it needs one.

    Attributes:
        reason: why it is ended; None: it isn't. A policy, or a listener, that failed is a reason as well.
        step_max: at the step after this one, `escalate` is to be called again.
        cancel: cancels the main task; set by who starts the run.
    """

    def __init__(self, steps_max: int) -> None:
        """After so many steps it is ended."""
        self.reason: BaseException | None = None
        self.step_max = self._steps_max = steps_max
        self.cancel: Callable[[], object] | None = None
        self._means, self._idle = 0, 0

    def went_on(self) -> None:
        """A task could run in this pass."""
        self._idle = 0

    def is_stuck(self) -> bool:
        """Nothing could run in this pass either: whether that is for good."""
        to_come = inside.GLOBAL_RUN_CONTEXT.runner.deadlines.next_deadline() != float("inf")
        if to_come or trio.to_thread.current_default_thread_limiter().borrowed_tokens:
            self._idle = 0
            return False
        self._idle += 1
        return self._idle > IDLE_PASSES_MAX

    def escalate(self, step: int, ready: Sequence[trio.lowlevel.Task]) -> None:
        """Use the next means, at this step; `ready` has all tasks that can run."""
        self.reason = self.reason or (Deadlock(_story()) if not ready else self._exhaustion())
        self.step_max, self._idle = step + CLEANUP_STEPS_MAX, 0
        self._means += 1
        if self._means == 1 and self.cancel is not None:
            self.cancel()
        elif self._means <= 2:
            _abandon(ready)
        else:
            raise RuntimeError("a simulated run can't be ended")  # trio makes a TrioInternalError of it

    def _exhaustion(self) -> StepsExhausted:
        return StepsExhausted(f"more than {self._steps_max} steps")


def _tasks() -> list[Any]:
    """All tasks but trio's own and the scheduler's, oldest first."""
    tasks = sorted(inside.GLOBAL_RUN_CONTEXT.runner.tasks, key=lambda task: task._counter)  # noqa: SLF001
    return [task for task in tasks if not task.name.startswith("<")]


def _story() -> str:
    """Who waits: the main task only where it is alone, as it waits for all the others."""
    waiting = Counter(task.name for task in _tasks()[1:]) or Counter(["the main task"])
    told = [name if count == 1 else f"{count} {name}" for name, count in waiting.items()]
    more = f" and {len(told) - _NAMES_MAX} other kinds" if len(told) > _NAMES_MAX else ""
    return f"no task can run, and no time is waited for: {', '.join(told[:_NAMES_MAX])}{more} would wait for ever"


def _abandon(ready: Sequence[trio.lowlevel.Task]) -> None:
    # As trio delivers Ctrl-C: cancel scopes, and shields, have no say in it.
    for task in _tasks():
        if task in ready:
            task._next_send_fn, task._next_send = task.coro.throw, Abandoned()  # noqa: SLF001
        elif task._abort_func is not None:  # noqa: SLF001
            task._attempt_abort(_raise)  # noqa: SLF001


def _raise() -> NoReturn:
    raise Abandoned
