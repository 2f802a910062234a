"""Tries schedules one after another: seeds until one fails, or all with a bounded number of delays."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import trio
from attrs import Factory, frozen

from lparvm.dst.policies import Pick, Replay
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

    A delay passes the task over whose turn it is; it goes to the end of the queue. Two at one step pass two tasks over.
    With fewer delays first, so that the first run that fails is a simplest one. The number of runs grows with the
    length to the power of `bound`; each schedule is run once, and a few numbers are kept of each but the last level.

    Args:
        main: the program; it draws nothing else from the tape, or takes 0 of it.
        bound: how many delays at most.
        options: as for `run`, but for policy, seed and tape.
    """
    level: Iterable[_Delays] = ((),)
    for count in range(bound + 1):
        seen: list[_Seen] = []
        for schedule in level:
            policy = _Counting()
            yield run(main, policy, tape=Tape(given={"schedule": _choices(schedule)}), **options)
            if count < bound:
                seen.append(_Seen.of(schedule, policy.counts))
        level = (longer for one in seen for longer in one.longer())


_Delays = tuple[tuple[int, int], ...]
"""(place among the choices, how many are passed over there), by place."""


@frozen
class _Counting(Replay):
    """Keeps how many tasks there were to choose from."""

    counts: list[int] = Factory(list)

    def picker(self, tape: Tape) -> Pick:
        replay, counted = Replay.picker(self, tape), self.counts.append

        def pick(ready: Sequence[trio.lowlevel.Task]) -> int:
            counted(len(ready))
            return replay(ready)

        return pick


@frozen
class _Seen:
    """A schedule that was run: what is needed to go on from it.

    Attributes:
        schedule: its delays.
        choices: how often there was something to choose.
        more_there: whether at the place of its last delay one task more could have been passed over.
    """

    schedule: _Delays
    choices: int
    more_there: bool

    @classmethod
    def of(cls, schedule: _Delays, counts: Sequence[int]) -> "_Seen":
        place, passed = schedule[-1] if schedule else (0, 0)
        return cls(schedule, len(counts), bool(schedule) and passed + 1 < counts[place])

    def longer(self) -> Iterator[_Delays]:
        """With one delay more, at the last delay or after it: so each schedule comes from one other alone."""
        if self.more_there:
            place, passed = self.schedule[-1]
            yield (*self.schedule[:-1], (place, passed + 1))
        first = self.schedule[-1][0] + 1 if self.schedule else 0
        for place in range(first, self.choices):
            yield (*self.schedule, (place, 1))


def _choices(schedule: _Delays) -> list[int]:
    choices = [0] * (schedule[-1][0] + 1 if schedule else 0)
    for place, passed in schedule:
        choices[place] = passed
    return choices
