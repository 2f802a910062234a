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
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import trio
import trio.testing
from attrs import define, field, frozen

from lparvm.dst.deterministic import deterministic_scheduling, supported
from lparvm.dst.policies import Policy, Walk, parse_policy
from lparvm.dst.probes import collected
from lparvm.dst.scheduler import Chaos, Listener, Scheduler, _run
from lparvm.dst.tape import Tape

_T = TypeVar("_T")

STEPS_MAX = 1_000_000


class StepsExhausted(Exception):  # noqa: N818 - what happened, as a name
    """The program took more steps than it may."""


class Deadlock(Exception):  # noqa: N818 - what happened, as a name
    """Nothing can run, and nothing is waited for that time would bring."""


@frozen
class Run(Generic[_T]):
    """What a run came to.

    Attributes:
        tape: all its choices.
        policy: the policy.
        steps: steps of tasks that it took.
        virtual_s: virtual time that passed, in seconds.
        probes: how often each rare situation was reached, see `probes.sometimes`.
        error: what it raised; None: nothing.
        value: what it returned.
    """

    tape: Tape
    policy: Policy
    steps: int
    virtual_s: float
    probes: Counter[str]
    error: BaseException | None
    value: _T | None

    def unwrap(self) -> _T:
        """What it returned.

        Raises:
            BaseException: what it raised.
        """
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # there is no error, so this is what main returned


@define(eq=False)
class _Watch(trio.abc.Instrument):
    """Sees that nothing can go on any more."""

    scope: trio.CancelScope
    deadlocked: bool = False
    _idle: int = field(default=0, init=False)

    def before_io_wait(self, timeout: float) -> None:
        del timeout
        runner = _run.GLOBAL_RUN_CONTEXT.runner
        if runner.runq or runner.deadlines.next_deadline() != float("inf") or runner.waiting_for_idle:
            self._idle = 0
            return
        self._idle += 1
        if self._idle > 2 and not self.deadlocked:
            self.deadlocked = True
            self.scope.cancel()


_current: list[Scheduler] = []


def calm() -> None:
    """From here on the run is orderly: first come, first served; no jumps, nothing is frozen any more.

    For the end of a test: what must come about *after* all trouble is awaited in a calm run.
    """
    if _current:
        _current[-1].calm()


@contextmanager
def scheduled(scheduler: Scheduler) -> Iterator[None]:
    """Within it, a trio run that this thread starts is scheduled so."""
    allowed, generator = _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r  # noqa: SLF001
    _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r = True, scheduler  # noqa: SLF001
    _current.append(scheduler)
    try:
        yield
    finally:
        _current.pop()
        _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r = allowed, generator  # noqa: SLF001


def run(
    main: Callable[[Tape], Awaitable[_T]],
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
        policy: how tasks are scheduled, see `policies`; not used where `tape` gives choices.
        seed: what choices are drawn from.
        tape: give these choices instead; `seed` is not used then.
        chaos: jumps of the clock, and freezes; where a tape gives choices, it gives these too.
        steps_max: the run is cancelled after so many steps, with `StepsExhausted`.
        listener: told of each step.

    Returns:
        What came of it, also where `main` raised.

    Raises:
        UsageError: there is no such policy.
    """
    chosen = parse_policy(policy) if isinstance(policy, str) else policy
    if tape is None:
        tape = Tape(seed, mode="batch" if chosen.batches else "step")
    elif tape.replays:
        chosen = Walk(batches=tape.mode == "batch")
    if not supported():
        return _run_seeded(main, chosen, seed, tape)
    scheduler = Scheduler(chosen, tape, chaos or Chaos(), steps_max, listener)
    with collected() as probes, _without_collector(), scheduled(scheduler):
        value, error, virtual_s = _carried_out(main, tape, scheduler)
    return Run(tape, chosen, scheduler.steps, virtual_s, probes, error, value)


def _carried_out(
    main: Callable[[Tape], Awaitable[_T]], tape: Tape, scheduler: Scheduler | None
) -> tuple[_T | None, BaseException | None, float]:
    clock = trio.testing.MockClock(autojump_threshold=0)
    watch = _Watch(trio.CancelScope())

    async def guarded() -> _T | None:
        if scheduler is not None:
            scheduler.give_up = watch.scope.cancel
        with watch.scope:
            return await main(tape)
        return None  # it was given up

    value, error = None, None
    try:
        value = trio.run(guarded, clock=clock, instruments=[watch])
    except BaseException as raised:
        error = raised
        if isinstance(raised, KeyboardInterrupt):
            raise
    if scheduler is not None and scheduler.exhausted:
        error = error or StepsExhausted(f"more than {scheduler.steps_max} steps")
    elif watch.deadlocked:
        error = error or Deadlock("no task can run, and no time is waited for")
    return value, error, clock.current_time()


def _run_seeded(main: Callable[[Tape], Awaitable[_T]], policy: Policy, seed: int, tape: Tape) -> Run[_T]:
    """On a trio whose inside is another: seeded, or not even that."""
    warnings.warn(
        f"trio {trio.__version__} can't be scheduled step by step: its tasks run in an order of its own",
        RuntimeWarning,
        stacklevel=3,
    )
    with collected() as probes, _seeded_if_possible(seed):
        value, error, virtual_s = _carried_out(main, tape, None)
    return Run(tape, policy, 0, virtual_s, probes, error, value)


@contextmanager
def _seeded_if_possible(seed: int) -> Iterator[None]:
    try:
        scheduling: Any = deterministic_scheduling(seed)
    except RuntimeError:
        yield
        return
    with scheduling:
        yield


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
