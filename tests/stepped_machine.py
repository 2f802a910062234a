"""A machine that runs step by step out of plain functions, as Hypothesis' state machines need it.

trio runs as the guest of a loop that turns only while a step is under way. Between two steps virtual time stands.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import outcome
import trio
import trio.testing

from lparvm.dst.deterministic import deterministic_scheduling
from lparvm.machine import Parts
from trials import Trial, trial_of

Step = Callable[[Trial], Awaitable[Any]]


class SteppedMachine:
    """A machine under the virtual clock.

    Attributes:
        trial: it, as an async test would have it.
    """

    def __init__(
        self, text: str, *, seed: int = 0, parts: Parts | None = None, verdict: str = "intact"
    ) -> None:
        self._options = {"seed": seed, "parts": parts or Parts()}
        self._text, self._verdict = text, verdict
        self._callbacks: deque[Callable[[], object]] = deque()
        self._steps: deque[Step | None] = deque()
        self._result: outcome.Outcome[Any] | None = None
        self._ended: outcome.Outcome[Any] | None = None
        self._around = ExitStack()
        self._around.enter_context(deterministic_scheduling(seed))
        trio.lowlevel.start_guest_run(
            self._main,
            run_sync_soon_threadsafe=self._callbacks.append,
            done_callback=self._note_end,
            clock=trio.testing.MockClock(autojump_threshold=0),
        )
        self.step(_nothing)

    def step(self, step: Step) -> Any:
        """Let the machine run until this is done; what it returned."""
        self._steps.append(step)
        while self._result is None and self._ended is None:
            self._callbacks.popleft()()
        if self._result is None:
            assert self._ended is not None, "the loop above has ended for one of them"
            self._ended.unwrap()
            raise AssertionError("the machine has ended")
        result, self._result = self._result, None
        return result.unwrap()

    def close(self) -> None:
        """End the machine: its proof is made, and its verdict must be the one expected."""
        try:
            self._steps.append(None)
            while self._ended is None:
                self._callbacks.popleft()()
        finally:
            self._around.close()
        self._ended.unwrap()

    def _note_end(self, ended: outcome.Outcome[Any]) -> None:
        self._ended = ended

    async def _main(self) -> None:
        async with trial_of(self._text, verdict=self._verdict, **self._options) as trial:
            self.trial = trial
            while True:
                # A step is there each time that the loop turns again.
                await trio.lowlevel.checkpoint()
                if not self._steps:
                    continue
                step = self._steps.popleft()
                if step is None:
                    return
                try:
                    self._result = outcome.Value(await step(trial))
                except Exception as error:  # noqa: BLE001 - it is raised where the step was asked for
                    self._result = outcome.Error(error)


async def _nothing(_trial: Trial) -> None:
    await trio.lowlevel.checkpoint()
