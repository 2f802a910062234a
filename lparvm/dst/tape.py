"""The choice tape: the only source of randomness of a simulated run.

Whatever could go one way or another asks the tape for a number below `n`. A tape that was made from a seed draws, and
notes what it drew; one that was noted earlier gives the same choices again. **0 is always the simplest choice** (the
task that has waited longest, no fault, the shortest list), and where a tape has ended it gives 0. So fewer choices that
aren't 0 make a simpler run, which is all that `shrink` needs to know.

The choices stand in named streams, each with a generator of its own: what one part of a run draws never shifts what
another one gets. `schedule`, `clock`, `freeze` and names that begin with `_` are the scheduler's.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lparvm.errors import UsageError

_T = TypeVar("_T")

FORMAT = "lparvm.dst tape"
VERSION = 1
PRIVATE = "_"
"""Streams whose names begin so are not kept: what they gave shows in other choices."""
CHOICES_MAX = 20_000_000
"""Choices of a stream that is read."""


class Stream:
    """Choices of one kind, in the order in which they are made.

    Attributes:
        name: of the stream.
        values: what was chosen so far.
    """

    __slots__ = ("_given", "_random", "name", "values")

    def __init__(self, name: str, generator: random.Random | None, given: Sequence[int]) -> None:
        """Choices from a generator, or those given and then 0."""
        self.name, self.values = name, list[int]()
        self._random = None if generator is None else generator.random
        self._given = given

    def draw(self, n: int) -> int:
        """A number from 0 to `n`, exclusive; where there is no choice, nothing is noted."""
        if n <= 1:
            return 0
        value = self.peek(n) if self._random is None else int(self._random() * n)
        self.values.append(value)
        return value

    def roll(self, n: int) -> int:
        """As `draw`, but nothing is noted: for streams that are private, in a tape that draws."""
        return 0 if self._random is None else int(self._random() * n)

    def peek(self, n: int) -> int:
        """What is given next, as a number from 0 to `n`, exclusive; nothing is noted."""
        position = len(self.values)
        return self._given[position] % n if position < len(self._given) else 0

    @property
    def gives(self) -> bool:
        """Whether there are choices that were given."""
        return bool(self._given)

    def note(self, n: int, value: int) -> None:
        """Somebody else has chosen `value` of `n`: note it as if it had been drawn."""
        if n > 1:
            self.values.append(value)

    def chance(self, numerator: int, denominator: int) -> bool:
        """True in so many of so many cases, but never in all; False is the simplest."""
        return 0 < self.draw(denominator) <= numerator

    def between(self, low: int, high: int) -> int:
        """A number from `low`, the simplest, to `high`, inclusive."""
        return low + self.draw(high - low + 1)

    def choice(self, options: Sequence[_T]) -> _T:
        """One of these; the first is the simplest."""
        return options[self.draw(len(options))]

    def weighted(self, options: Iterable[tuple[_T, int]]) -> _T:
        """One of these, each as likely as its weight says; the first is the simplest."""
        options = tuple(options)
        number = self.draw(sum(weight for _, weight in options))
        for option, weight in options:
            number -= weight
            if number < 0:
                return option
        raise AssertionError("the number is below the sum of the weights")


class Tape:
    """Named streams of choices.

    Attributes:
        seed: what choices are drawn from; None: they are given.
        mode: how the scheduler used its stream, see `scheduler`: a tape is replayed in the same mode.
    """

    def __init__(
        self, seed: int | None = None, given: Mapping[str, Sequence[int]] | None = None, mode: str = "step"
    ) -> None:
        """A tape that draws from `seed`, or that gives what was `given` by stream."""
        assert (seed is None) is not (given is None), "choices are drawn or given"
        self.seed, self.mode = seed, mode
        self._given = given or {}
        self._streams: dict[str, Stream] = {}

    @property
    def replays(self) -> bool:
        """Whether choices are given."""
        return self.seed is None

    def stream(self, name: str) -> Stream:
        """The stream of this name; the same at each call."""
        stream = self._streams.get(name)
        if stream is None:
            generator = None if self.seed is None else random.Random(stream_seed(self.seed, name))
            stream = self._streams[name] = Stream(name, generator, self._given.get(name, ()))
        return stream

    @property
    def choices(self) -> dict[str, tuple[int, ...]]:
        """What was chosen, by stream, without zeros at the end; by name, and only streams with something left.

        Of a tape that was not used yet: what is given.
        """
        chosen = {name: stream.values for name, stream in self._streams.items()} or self._given
        noted = {}
        for name in sorted(chosen):
            values = _trimmed(chosen[name])
            if values and not name.startswith(PRIVATE):
                noted[name] = values
        return noted

    @property
    def cost(self) -> tuple[int, int]:
        """How far from simple: how many choices are not 0, and their sum."""
        values = [value for stream in self.choices.values() for value in stream if value]
        return len(values), sum(values)

    def again(self) -> "Tape":
        """A tape that gives the choices that were made on this one."""
        return Tape(given=self.choices, mode=self.mode)

    def as_json(self) -> dict[str, Any]:
        """For a file: each stream as a list, where -k stands for k zeros."""
        streams = {name: _packed(values) for name, values in self.choices.items()}
        return {"format": FORMAT, "version": VERSION, "mode": self.mode, "streams": streams}

    def save(self, path: Path | str) -> None:
        """Write it to a file."""
        Path(path).write_text(json.dumps(self.as_json()) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path | str) -> "Tape":
        """A tape that gives what was saved.

        Raises:
            UsageError: the file can't be read, or has no tape.
        """
        try:
            read = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise UsageError(f"{path}: this is no choice tape; expected JSON") from None
        try:
            return cls.from_json(read)
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None

    @classmethod
    def from_json(cls, read: object) -> "Tape":
        """A tape that gives what `as_json` noted.

        Raises:
            UsageError: it is no tape, one of another version, or damaged.
        """
        if not isinstance(read, Mapping) or read.get("format") != FORMAT:
            raise UsageError(f"this is no choice tape; expected a JSON object with format {FORMAT!r}")
        if read.get("version") != VERSION:
            version = read.get("version")
            raise UsageError(f"a tape of version {version!r}; expected {VERSION}, which this lparvm writes")
        mode, streams = read.get("mode"), read.get("streams")
        if mode not in ("step", "batch"):
            raise UsageError(f"damaged tape: mode {mode!r}; expected step or batch")
        if not isinstance(streams, Mapping):
            raise UsageError("damaged tape: expected an object of streams")
        return cls(
            given={str(name): _unpacked(str(name), packed) for name, packed in streams.items()}, mode=mode
        )


def stream_seed(seed: int, name: str) -> int:
    """The seed of a stream: of another name, or of a seed that is near, nothing can be told from it."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest())


def _trimmed(values: Sequence[int]) -> tuple[int, ...]:
    end = len(values)
    while end and not values[end - 1]:
        end -= 1
    return tuple(values[:end])


def _packed(values: Sequence[int]) -> list[int]:
    packed: list[int] = []
    for value in values:
        if value:
            packed.append(value)
        elif packed and packed[-1] < 0:
            packed[-1] -= 1
        else:
            packed.append(-1)
    return packed


def _unpacked(name: str, packed: object) -> tuple[int, ...]:
    if not isinstance(packed, list) or not all(type(one) is int for one in packed):
        raise UsageError(f"damaged tape: stream {name!r}; expected a list of whole numbers")
    if sum(max(1, -one) for one in packed) > CHOICES_MAX:
        raise UsageError(f"damaged tape: stream {name!r}; expected {CHOICES_MAX} choices at most")
    values: list[int] = []
    for one in packed:
        values.extend([one] if one >= 0 else bytes(-one))
    return tuple(values)
