"""What `lparvm.dst` needs of trio's inside, in one place.

trio shuffles the tasks that can run in each pass, on purpose: nobody shall rely on their order. Where
`_ALLOW_DETERMINISTIC_SCHEDULING` is set, as pytest-trio does under Hypothesis, it sorts each batch first and shuffles
it by the generator `_r`. A generator with a seed makes a run repeatable; what stands in its place may as well be a
scheduler, see `scheduler`. All of these are private names of trio, so the range of versions is pinned in
`pyproject.toml`, and a test fails loudly on a trio that behaves differently.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import trio

# The module behind trio's run loop. Private (see above), and its names are declared final: hence Any.
inside: Any = trio._core._run  # noqa: SLF001

_FOR_SEEDS = ("_ALLOW_DETERMINISTIC_SCHEDULING", "_r")
_FOR_SINGLE_STEPS = (
    "GLOBAL_RUN_CONTEXT",
    "Runner.runq",
    "Runner.tasks",
    "Runner.deadlines",
    "Deadlines.next_deadline",
    "Task._counter",
    "Task._next_send_fn",
    "Task._abort_func",
    "Task._attempt_abort",
)


def missing() -> list[str]:
    """The private names that this trio lacks."""
    return [name for name in (*_FOR_SEEDS, *_FOR_SINGLE_STEPS) if not _has(name)]


def _has(name: str) -> bool:
    try:
        attrgetter(name)(inside)
    except AttributeError:
        return False
    return True


def supported() -> bool:
    """Whether this trio has what a seeded run needs."""
    return all(map(_has, _FOR_SEEDS))


def controllable() -> bool:
    """Whether this trio has what is needed to choose every single step."""
    return not missing()


@contextmanager
def generator_replaced(generator: Any) -> Iterator[None]:
    """Within it, trio runs that are started sort each batch of tasks, and let `generator` shuffle it."""
    before = inside._ALLOW_DETERMINISTIC_SCHEDULING, inside._r  # noqa: SLF001
    inside._ALLOW_DETERMINISTIC_SCHEDULING, inside._r = True, generator  # noqa: SLF001
    try:
        yield
    finally:
        inside._ALLOW_DETERMINISTIC_SCHEDULING, inside._r = before  # noqa: SLF001


@contextmanager
def deterministic_scheduling(seed: int) -> Iterator[None]:
    """Within it, a trio run started by this thread schedules its tasks by `seed` alone.

    Raises:
        RuntimeError: this trio lacks the private names; pin a tested version.
    """
    if not supported():
        raise RuntimeError(f"trio {trio.__version__} cannot be scheduled deterministically")
    with generator_replaced(random.Random(seed)):
        yield
