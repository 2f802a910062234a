"""Tries schedules one after another: seeds until one fails, or all with a bounded number of delays."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeVar

from lparvm.dst.simulation import Run, run
from lparvm.dst.tape import Tape

_T = TypeVar("_T")
Main = Callable[[Tape], Awaitable[_T]]


def first_failure(
    main: Main[_T], policy: str, seeds: Iterable[int], **options: Any
) -> tuple[int, Run[_T]] | None:
    """The first of these seeds whose run fails, and that run; None: all pass."""
    for seed in seeds:
        one = run(main, policy, seed, **options)
        if one.error is not None:
            return seed, one
    return None


def delays(main: Main[_T], bound: int, **options: Any) -> Iterator[Run[_T]]:
    """All runs that differ from first come, first served by at most `bound` delays.

    A delay passes the task over whose turn it is; it goes to the end of the queue. With fewer delays first, so that the
    first run that fails is a simplest one. The number of runs grows with the length to the power of `bound`.

    Args:
        main: the program; it draws nothing else from the tape, or takes 0 of it.
        bound: how many delays at most.
        options: as for `run`.
    """
    level = [()]
    for count in range(bound + 1):
        following: list[Any] = []
        for schedule in level:
            one = run(main, tape=Tape(given={"schedule": schedule}), **options)
            yield one
            if count < bound:
                chosen = len(one.tape.stream("schedule").values)
                following += [
                    (*schedule, *bytes(place - len(schedule)), 1) for place in range(len(schedule), chosen)
                ]
        level = following
