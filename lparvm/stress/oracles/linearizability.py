"""Whether calls on one word can be put in an order that explains all their results: linearizability.

Each call takes effect at one moment between its begin and its end; calls that overlap may take effect in any order.
The word is a register with fetch, store, and compare and swap. Words don't affect each other, so each is judged alone.

The search is Wing and Gong's in Lowe's form: the calls' begins and ends are gone through in order, with all
*configurations* that are possible then. A configuration is the word's value and which of the open calls have taken
effect; equal ones are one. A call takes effect as late as possible: when it ends, or before another that ends.

An *optional* call may have had its effect or not, such as a transfer that was halted; where it has no end yet it may
have it at any later time. What is not looked at: whether values that nobody ever stored were there between calls.

Source: Wing and Gong, "Testing and Verifying Concurrent Objects" (1993); Lowe, "Testing for Linearizability" (2017).
"""

import enum
from collections.abc import Iterable, Sequence

from attrs import frozen

from lparvm.config import STRESS_CONFIGURATIONS_MAX, STRESS_VALUES_TOLD_MAX


class Kind(enum.Enum):
    """What a call does."""

    FETCH = "fetch"
    STORE = "store"
    SWAP = "compare and swap"


@frozen
class Call:
    """One call on the word.

    Attributes:
        kind: what it does.
        begin: place in the order of all begins and ends.
        end: the same; None: it has not ended.
        value: what was fetched, or is stored.
        expected: of a compare and swap, what is compared with.
        swapped: of a compare and swap, whether it stored.
        optional: it may have had no effect.
        who: who made it, for people.
    """

    kind: Kind
    begin: int
    end: int | None
    value: int
    expected: int = 0
    swapped: bool = True
    optional: bool = False
    who: str = ""

    def apply(self, word: int) -> int | None:
        """The word after the call; None where it can't have had its result then."""
        match self.kind:
            case Kind.FETCH:
                return word if word == self.value else None
            case Kind.STORE:
                return self.value
            case Kind.SWAP if self.swapped:
                return self.value if word == self.expected else None
            case _:
                return word if word != self.expected else None

    def __str__(self) -> str:
        who = f"{self.who}: " if self.who else ""
        if self.kind is not Kind.SWAP:
            return f"{who}{self.kind.value} {self.value:#x}"
        done = "done" if self.swapped else "refused"
        return f"{who}{self.kind.value} {self.expected:#x} by {self.value:#x}, {done}"


class Outcome(enum.Enum):
    """What the search came to."""

    LINEARIZABLE = "linearizable"
    NOT_LINEARIZABLE = "not linearizable"
    UNDECIDED = "undecided"  # too many configurations


@frozen
class Judgement:
    """What was found.

    Attributes:
        outcome: it.
        why: the first call that no order explains, or where the search was given up; empty where all is well.
    """

    outcome: Outcome
    why: str = ""


class _TooManyError(Exception):
    """More configurations than the search may look at."""


_Configuration = tuple[int, int]
"""The word, and a bit for each call that has taken effect and has not ended."""


def check_register(
    calls: Iterable[Call], initial: int, configurations_max: int = STRESS_CONFIGURATIONS_MAX
) -> Judgement:
    """Judge the calls on one word.

    Args:
        calls: in any order. Of two calls the first is before the second where its end is less than the other's begin.
        initial: the word before all of them.
        configurations_max: how many configurations are looked at between two ends at most.
    """
    history = sorted(calls, key=lambda call: call.begin)
    begins = [(call.begin, False, number) for number, call in enumerate(history)]
    ends = [(call.end, True, number) for number, call in enumerate(history) if call.end is not None]
    configurations: list[_Configuration] = [(initial, 0)]
    pending: list[int] = []
    for _, ended, number in sorted(begins + ends):
        if not ended:
            pending.append(number)
            continue
        try:
            after = _end(history, configurations, pending, number, configurations_max)
        except _TooManyError:
            why = f"more than {configurations_max} configurations at {history[number]}"
            return Judgement(Outcome.UNDECIDED, why)
        if not after:
            return Judgement(Outcome.NOT_LINEARIZABLE, _why(history[number], configurations))
        configurations = after
        pending.remove(number)
    return Judgement(Outcome.LINEARIZABLE)


def _end(
    history: Sequence[Call],
    configurations: Sequence[_Configuration],
    pending: Sequence[int],
    ending: int,
    configurations_max: int,
) -> list[_Configuration]:
    """A call ends: the configurations in which it has taken effect, or, where it may, never will."""
    bit = 1 << ending
    seen = dict.fromkeys(configurations)
    todo = list(configurations)
    after: dict[_Configuration, None] = {}
    if history[ending].optional:
        after.update(dict.fromkeys(one for one in configurations if not one[1] & bit))
    # The list grows while it is gone through.
    for word, done in todo:
        if done & bit:
            after[word, done ^ bit] = None
            continue
        for number in pending:
            if done >> number & 1:
                continue
            next_word = history[number].apply(word)
            if next_word is None:
                continue
            one = next_word, done | 1 << number
            if one not in seen:
                seen[one] = None
                todo.append(one)
        if len(seen) > configurations_max:
            raise _TooManyError
    return list(after)


def _why(call: Call, configurations: Sequence[_Configuration]) -> str:
    words = list(dict.fromkeys(word for word, _ in configurations))
    told = ", ".join(f"{word:#x}" for word in words[:STRESS_VALUES_TOLD_MAX])
    if len(words) > STRESS_VALUES_TOLD_MAX:
        told += f" and {len(words) - STRESS_VALUES_TOLD_MAX} more"
    return f"{call}; no order explains it, as the word was {told} before the calls that were open then"
