"""Makes a failing tape simpler, by trying: fewer choices that aren't 0, then smaller ones, in fewer streams.

As delta debugging does (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002): large blocks
first, then smaller ones, each as long as something is gained. A tape that was changed may give choices to somebody else
than before; what counts is only that the run still fails in the same way, and made fewer or smaller choices. Each time
it does, what that run noted is the new tape.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import frozen

from lparvm.dst.tape import Tape
from lparvm.errors import UsageError

Choices = Mapping[str, tuple[int, ...]]
Fails = Callable[[Tape], Tape | None]
"""Runs a tape: the tape as it was used where the run fails in the same way, else None."""
Propose = Callable[[Choices], Iterable[Choices]]
"""Of choices that fail, others that may be simpler; who knows what the streams mean takes large steps at once."""

ATTEMPTS_MAX = 2_000
_SINGLY_MAX = 64
"""In a longer stream no choice is taken out alone: that many tries would be for little."""


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


def shrink(
    tape: Tape, fails: Fails, *, proposals: Sequence[Propose] = (), attempts_max: int = ATTEMPTS_MAX
) -> Shrunk:
    """Make a tape simpler as long as its run fails in the same way.

    Args:
        tape: of a run that fails.
        fails: runs another one.
        proposals: what is tried before single choices are, one kind after the other, each as long as it gains.
        attempts_max: runs at most; the first one is of the tape itself.

    Raises:
        UsageError: its run doesn't fail so.
    """
    used = fails(tape.again())
    if used is None:
        raise UsageError("this tape's run does not fail, or not in the same way: nothing to shrink")
    shrinker = _Shrinker(used, fails, proposals, attempts_max - 1)
    done = shrinker.shrink()
    return Shrunk(shrinker.tape, 1 + shrinker.attempts, done)


class _SpentError(Exception):
    """No attempts are left."""


class _Shrinker:
    def __init__(self, tape: Tape, fails: Fails, proposals: Sequence[Propose], attempts_max: int) -> None:
        self.tape, self._fails, self._proposals, self._left = tape, fails, proposals, attempts_max
        self.attempts = 0
        self._tried: set[bytes] = set()

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
        for propose in self._proposals:
            while any(self._try_all(choices) for choices in propose(self.tape.choices)):
                pass
        for name in _by_length(self.tape.choices):
            self._try(name, ())
        for means in (self._cut, self._clear, self._delete, self._lower):
            for name in _by_length(self.tape.choices):
                means(name)
        return self.tape.cost < before

    def _values(self, name: str) -> tuple[int, ...]:
        return self.tape.choices.get(name, ())

    def _cut(self, name: str) -> None:
        """End the stream earlier: by half of what is left, as often as it goes; then by less."""
        length = len(self._values(name)) // 2
        while length:
            values = self._values(name)
            if length >= len(values) or not self._try(name, values[: len(values) - length]):
                length //= 2

    def _clear(self, name: str) -> None:
        """Choices become 0, in blocks of those that aren't."""

        def without(values: Sequence[int], begin: int, end: int) -> tuple[int, ...]:
            places = set(_chosen(values)[begin:end])
            return tuple(0 if place in places else value for place, value in enumerate(values))

        self._blocks(name, lambda values: len(_chosen(values)), without, 1)

    def _delete(self, name: str) -> None:
        """Choices are taken out, and the rest moves up."""

        def without(values: Sequence[int], begin: int, end: int) -> tuple[int, ...]:
            return (*values[:begin], *values[end:])

        self._blocks(name, len, without, 1 if len(self._values(name)) <= _SINGLY_MAX else 2)

    def _blocks(
        self,
        name: str,
        count: Callable[[Sequence[int]], int],
        without: Callable[[Sequence[int], int, int], tuple[int, ...]],
        size_min: int,
    ) -> None:
        size = max(1, count(self._values(name)) // 2)
        while size >= size_min:
            begin = 0
            while begin < count(values := self._values(name)):
                if not self._try(name, without(values, begin, begin + size)):
                    begin += size
            size //= 2

    def _lower(self, name: str) -> None:
        """Choices become smaller ones."""
        place = 0
        while place < len(values := self._values(name)):
            value = values[place]
            lower = [one for one in sorted({1, value // 2, value - 1}) if 0 < one < value]
            if not any(self._try(name, (*values[:place], one, *values[place + 1 :])) for one in lower):
                place += 1

    def _try(self, name: str, values: tuple[int, ...]) -> bool:
        """Whether this still fails, and is simpler; then it is the new tape."""
        return self._try_all({**self.tape.choices, name: values})

    def _try_all(self, choices: Choices) -> bool:
        changed = Tape(given=choices, mode=self.tape.mode)
        key = hashlib.blake2b(repr(changed.choices).encode(), digest_size=16).digest()
        if key in self._tried:
            return False
        if self._left <= 0:
            raise _SpentError
        self._tried.add(key)
        self._left -= 1
        self.attempts += 1
        used = self._fails(changed)
        if used is None or used.cost >= self.tape.cost:
            return False
        self.tape = used
        return True


def _chosen(values: Sequence[int]) -> list[int]:
    """The places of what isn't 0."""
    return [place for place, value in enumerate(values) if value]


def _by_length(choices: Choices) -> list[str]:
    """The streams with most to gain first; equally long ones by name."""
    return sorted(choices, key=lambda name: (-len(_chosen(choices[name])), name))
