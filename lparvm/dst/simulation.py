"""`run`: a trio program whose every choice comes from one tape.

    run = dst.run(main, policy="pct:3", seed=17)
    run.error            what it raised, or None
    again = dst.run(main, tape=run.tape.again())    the very same run

Under trio's MockClock time passes only where nothing can run, or where the clock is made to jump.
"""

import gc
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Generic, TypeVar

import trio
import trio.testing
from attrs import define, evolve, field, frozen

from lparvm.dst.deterministic import (
    controllable,
    deterministic_scheduling,
    generator_replaced,
    missing,
    supported,
)
from lparvm.dst.ending import IDLE_PASSES_MAX, Deadlock, StepsExhausted
from lparvm.dst.policies import Policy, Replay, parse_policy
from lparvm.dst.probes import collected
from lparvm.dst.scheduler import Listener, Scheduler
from lparvm.dst.tape import Tape
from lparvm.dst.windows import Chaos

__all__ = ["Deadlock", "Run", "StepsExhausted", "calm", "run", "scheduled"]

_T = TypeVar("_T")
Main = Callable[[Tape], Awaitable[_T]]

STEPS_MAX = 1_000_000
REPLAY = "replay:"


@frozen
class Run(Generic[_T]):
    """What a run came to.

    Attributes:
        tape: all its choices.
        policy: the policy.
        steps: steps of tasks that it took.
        virtual_s: virtual time that passed, in seconds.
        probes: how often each rare situation was reached, see `probes.sometimes`.
        error: what it raised; None: nothing. `Deadlock` and `StepsExhausted` come before what the program raised while
            it was brought to its end, which is their cause.
        value: what it returned.
        controlled: every step was chosen; False: this trio can't be scheduled so, and the tape replays nothing.
    """

    tape: Tape
    policy: Policy
    steps: int
    virtual_s: float
    probes: Counter[str]
    error: BaseException | None
    value: _T | None
    controlled: bool = True

    def unwrap(self) -> _T:
        """What it returned.

        Raises:
            BaseException: what it raised.
        """
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # there is no error, so this is what main returned


_current: list[Scheduler] = []


def calm() -> None:
    """From here on the run is orderly: first come, first served; no jumps, nothing is frozen any more.

    For the end of a test: what must come about *after* all trouble is awaited in a calm run.
    """
    if _current:
        _current[-1].calm()


@contextmanager
def scheduled(scheduler: Scheduler) -> Iterator[None]:
    """Within it, the trio run that this thread starts is scheduled so."""
    with generator_replaced(scheduler):
        _current.append(scheduler)
        try:
            yield
        finally:
            _current.pop()


def run(
    main: Main[_T],
    policy: str | Policy = "walk",
    seed: int = 0,
    *,
    tape: Tape | None = None,
    chaos: Chaos | None = None,
    steps_max: int = STEPS_MAX,
    listener: Listener | None = None,
) -> Run[_T]:
    """Run `main(tape)` with trio under a virtual clock, every choice from one tape.

    Args:
        main: the program. What it draws, it draws from the tape.
        policy: how tasks are scheduled, see `policies`, or `replay:FILE`, a tape that was saved; not used where `tape`
            gives choices.
        seed: what choices are drawn from.
        tape: give these choices instead; `seed` is not used then.
        chaos: jumps of the clock, and freezes; where a tape gives choices, it gives these too.
        steps_max: the run is cancelled after so many steps, with `StepsExhausted`.
        listener: told of each step.

    Returns:
        What came of it, also where `main` raised.

    Raises:
        UsageError: there is no such policy, or no such tape.
    """
    if isinstance(policy, str) and policy.startswith(REPLAY):
        tape, policy = Tape.load(policy.removeprefix(REPLAY)), "walk"
    chosen = parse_policy(policy) if isinstance(policy, str) else policy
    tape = tape or Tape(seed)
    if not tape.replays:
        tape.mode = "batch" if chosen.batches else "step"
    elif not isinstance(chosen, Replay):
        chosen = Replay(batches=tape.mode == "batch")
    if not controllable():
        _warn(f"has no {', '.join(missing())}")
        return _run_in_another_order(main, chosen, seed, tape, steps_max)
    scheduler = Scheduler(chosen, tape, chaos or Chaos(), steps_max, listener)

    async def guarded() -> _T | None:
        with trio.CancelScope() as scope:
            scheduler.ending.cancel = scope.cancel
            return await main(tape)
        return None  # it was given up

    with scheduled(scheduler):
        came = _carried_out(guarded, Run(tape, chosen, 0, 0.0, Counter(), None, None))
    reason = scheduler.ending.reason
    if reason is not None:
        reason.__cause__ = came.error
        came = evolve(came, error=reason, value=None)
    if isinstance(came.error, KeyboardInterrupt) or (
        isinstance(came.error, BaseExceptionGroup) and came.error.subgroup(KeyboardInterrupt) is not None
    ):
        raise came.error  # nothing that the program did
    controlled = scheduler.steps > 0 or scheduler.ending.cancel is None  # in which case nothing ran at all
    if not controlled:
        _warn("never asked its generator")
    return evolve(came, steps=scheduler.steps, controlled=controlled)


def _warn(why: str) -> None:
    text = f"trio {trio.__version__} {why}: its tasks run in an order of its own, and no tape replays it"
    warnings.warn(text, RuntimeWarning, stacklevel=3)


def _carried_out(
    guarded: Callable[[], Awaitable[_T | None]], empty: Run[_T], *instruments: trio.abc.Instrument
) -> Run[_T]:
    clock = trio.testing.MockClock(autojump_threshold=0)
    value, error = None, None
    with collected() as probes, _without_collector():
        try:
            value = trio.run(guarded, clock=clock, instruments=instruments)
        except BaseException as raised:  # noqa: BLE001 - whatever it is, this is what came of it
            error = raised
    return evolve(empty, virtual_s=clock.current_time(), probes=probes, error=error, value=value)


@define(eq=False)
class _Watch(trio.abc.Instrument):
    """Ends a run that doesn't end by itself, by trio's public names alone; who swallows the cancellation goes on."""

    steps_max: int
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    reason: Exception | None = None
    steps: int = 0
    _idle: int = field(default=0, init=False)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        del task
        self.steps += 1
        if self.steps > self.steps_max:
            self._end(StepsExhausted(f"more than {self.steps_max} steps"))

    def before_io_wait(self, timeout: float) -> None:
        del timeout
        seen = trio.lowlevel.current_statistics()
        stands = not seen.tasks_runnable and seen.seconds_to_next_deadline == float("inf")
        self._idle = self._idle + 1 if stands else 0
        if self._idle > IDLE_PASSES_MAX + 1:
            self._end(Deadlock("no task can run, and no time is waited for"))

    def _end(self, reason: Exception) -> None:
        if self.reason is None:
            self.reason = reason
            self.scope.cancel()


def _run_in_another_order(main: Main[_T], policy: Policy, seed: int, tape: Tape, steps_max: int) -> Run[_T]:
    """On a trio whose inside is another: seeded, or not even that."""
    watch = _Watch(steps_max)

    async def guarded() -> _T | None:
        with watch.scope:
            return await main(tape)
        return None  # it was given up

    seeded: AbstractContextManager[None] = deterministic_scheduling(seed) if supported() else nullcontext()
    with seeded:
        came = _carried_out(guarded, Run(tape, policy, 0, 0.0, Counter(), None, None), watch)
    return evolve(came, steps=watch.steps, error=watch.reason or came.error, controlled=False)


@contextmanager
def _without_collector() -> Iterator[None]:
    """No garbage is collected meanwhile: it would be at a step that depends on what ran before, and takes time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
