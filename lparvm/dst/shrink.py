"""Makes a failing tape simpler, by trying: fewer choices that aren't 0, then smaller ones, in fewer streams.

A tape that was changed may give choices to somebody else than before; what counts is only that the run still fails in
the same way. Each time it does, what that run noted is the new tape.
"""

from collections.abc import Callable, Iterator, Mapping

from attrs import frozen

from lparvm.dst.tape import Tape

Choices = Mapping[str, tuple[int, ...]]
Fails = Callable[[Tape], Tape | None]
"""Runs a tape: the tape as it was used where the run fails in the same way, else None."""

ATTEMPTS_MAX = 2_000


@frozen
class Shrunk:
    """The simplest tape that was found.

    Attributes:
        tape: it.
        attempts: how many runs that took.
        done: nothing simpler was found among its neighbours; else the attempts were used up.
    """

    tape: Tape
    attempts: int
    done: bool


class _SpentError(Exception):
    """No attempts are left."""


class _Shrinker:
    def __init__(self, tape: Tape, fails: Fails, attempts_max: int) -> None:
        self.tape, self._fails, self._left = tape, fails, attempts_max
        self.attempts = 0
        self._tried: set[tuple[tuple[str, tuple[int, ...]], ...]] = set()

    def shrink(self) -> bool:
        """Whether it came to an end by itself."""
        try:
            while self._pass():
                pass
        except _SpentError:
            return False
        return True

    def _pass(self) -> bool:
        """Try everything once; whether something was gained."""
        before = self.tape.cost
        for candidates in (_without_streams, _cut, _cleared_blocks, _deleted, _lowered):
            self._improve(candidates)
        return self.tape.cost < before

    def _improve(self, candidates: Callable[[Choices], Iterator[Choices]]) -> None:
        found = True
        while found:
            found = any(self._try(one) for one in candidates(self.tape.choices))

    def _try(self, choices: Choices) -> bool:
        """Whether this still fails, and is simpler."""
        key = tuple(sorted(choices.items()))
        if key in self._tried:
            return False
        if not self._left:
            raise _SpentError
        self._tried.add(key)
        self._left -= 1
        self.attempts += 1
        used = self._fails(Tape(given=choices, mode=self.tape.mode))
        if used is None or used.cost >= self.tape.cost:
            return False
        self.tape = used
        return True


def shrink(tape: Tape, fails: Fails, *, attempts_max: int = ATTEMPTS_MAX) -> Shrunk:
    """Make a tape simpler as long as its run fails in the same way.

    Args:
        tape: of a run that fails.
        fails: runs another one.
        attempts_max: runs at most.
    """
    shrinker = _Shrinker(tape, fails, attempts_max)
    done = shrinker.shrink()
    return Shrunk(shrinker.tape, shrinker.attempts, done)


def _with(choices: Choices, name: str, values: tuple[int, ...]) -> Choices:
    return {**choices, name: values}


def _by_length(choices: Choices) -> list[str]:
    """The streams with most to gain first; equally long ones by name."""
    return sorted(choices, key=lambda name: (-sum(map(bool, choices[name])), name))


def _without_streams(choices: Choices) -> Iterator[Choices]:
    """A whole stream less."""
    for name in _by_length(choices):
        yield {other: values for other, values in choices.items() if other != name}


def _cut(choices: Choices) -> Iterator[Choices]:
    """A stream ends earlier."""
    for name in _by_length(choices):
        values = choices[name]
        length = len(values) // 2
        while length:
            yield _with(choices, name, values[:length])
            length += (len(values) - length) // 2 or len(values)
            if length >= len(values):
                break


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    """Blocks of a list, large ones first: begin and end."""
    size = count // 2
    while size:
        for begin in range(0, count, size):
            yield begin, min(count, begin + size)
        size //= 2


def _cleared_blocks(choices: Choices) -> Iterator[Choices]:
    """Some choices of a stream become 0: as a block of those that aren't."""
    for name in _by_length(choices):
        values = choices[name]
        places = [place for place, value in enumerate(values) if value]
        for begin, end in _blocks(len(places)):
            cleared = list(values)
            for place in places[begin:end]:
                cleared[place] = 0
            yield _with(choices, name, tuple(cleared))


def _deleted(choices: Choices) -> Iterator[Choices]:
    """Some choices of a stream are taken out, and the rest moves up; single ones only where there are few."""
    for name in _by_length(choices):
        values = choices[name]
        for begin, end in _blocks(len(values)):
            if end - begin > 1 or len(values) <= _SINGLY_MAX:
                yield _with(choices, name, values[:begin] + values[end:])


_SINGLY_MAX = 64


def _lowered(choices: Choices) -> Iterator[Choices]:
    """A choice that isn't 0 becomes a smaller one."""
    for name in _by_length(choices):
        values = choices[name]
        for place, value in enumerate(values):
            for lower in sorted({1, value // 2, value - 1} - {0, value}):
                if lower < value:
                    yield _with(choices, name, (*values[:place], lower, *values[place + 1 :]))
