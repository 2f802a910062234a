"""Breadth-first search of a state space, and what is proven by it.

Safety: every state that can be reached is shown to the invariants. Since states are found in order of their
distance from the first one, the way to a violation is as short as one can be.

Progress: the model is *at rest* where nothing is under way and nobody has anything left to do. A state from which no
state at rest can be reached is a deadlock (nothing can happen any more) or a livelock (much can, and nothing comes of
it). It is found backwards from the states at rest, over all transitions.
"""

import enum
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field, frozen

from lparvm.stress.statespace.space import Move, Space, State

Facts = dict[str, Any]
"""The facts of each part, by its name."""
Check = Callable[[Facts], str]
"""An invariant, or several: what is wrong, for people; empty: nothing."""
Rest = Callable[[Facts, Facts], str]
"""The same of a state at rest, with what matters there only."""

_CHOICES = 64  # of one part in one state, what may happen; enough for any model here


class Kind(enum.StrEnum):
    """What sort of violation it is."""

    INVARIANT = "invariant"
    AT_REST = "at rest"
    RAISED = "raised"
    MAILBOX = "mailbox"
    DEADLOCK = "deadlock"
    LIVELOCK = "livelock"


@frozen
class Violation:
    """Something that must not be.

    Attributes:
        kind: of what sort.
        text: what is wrong, in one line.
        story: the shortest way there, one step a line.
    """

    kind: Kind
    text: str
    story: tuple[str, ...]


@frozen
class Exploration:
    """What came of it.

    Attributes:
        states: states reached.
        transitions: from each of them, all that may happen.
        depth: the most steps that it takes to reach one.
        at_rest: how many of them are at rest.
        deepest: of each mailbox, the most that was under way to it, by the receiver's name.
        complete: all states were looked at; else it ended at a violation, or at the limit of states.
        violations: what was found, the shortest way first.
    """

    states: int
    transitions: int
    depth: int
    at_rest: int
    deepest: dict[str, int]
    complete: bool
    violations: tuple[Violation, ...]

    @property
    def holds(self) -> bool:
        """Whether all states were looked at and nothing is wrong with any."""
        return self.complete and not self.violations


@define
class Explorer:
    """A search under way.

    Attributes:
        space: what is searched.
        invariant: must hold in every state.
        rest: must hold in every state at rest.
        states_max: after so many states the search gives up.
    """

    space: Space
    invariant: Check
    rest: Rest
    states_max: int
    _number: dict[State, int] = field(factory=dict, init=False)
    _parents: "array[int]" = field(factory=lambda: array("q"), init=False)
    _choices: "array[int]" = field(factory=lambda: array("q"), init=False)
    _first_edge: "array[int]" = field(factory=lambda: array("q"), init=False)
    _targets: "array[int]" = field(factory=lambda: array("q"), init=False)
    _levels: list[int] = field(factory=list, init=False)
    _resting: list[int] = field(factory=list, init=False)
    _judged: dict[tuple[int, ...], str] = field(factory=dict, init=False)
    _violations: list[Violation] = field(factory=list, init=False)

    def run(self) -> Exploration:
        """Look at all states, until one is wrong."""
        first = self.space.first()
        self._number[first] = 0
        self._parents.append(-1)
        self._choices.append(0)
        self._judge(first, 0)
        complete = self._search([first])
        if complete and not self._violations:
            self._prove_progress()
        deepest: dict[str, int] = {}
        for receiver, most in zip(self.space.receivers, self.space.deepest, strict=True):
            name = self.space.parts[receiver].name
            deepest[name] = max(most, deepest.get(name, 0))
        return Exploration(
            len(self._number), len(self._targets), len(self._levels) - 1, len(self._resting), deepest,
            complete, tuple(self._violations),
        )  # fmt: skip

    def _search(self, level: list[State]) -> bool:
        """Level by level; whether all states were looked at."""
        while level:
            self._levels.append(len(self._number) - len(level))
            following: list[State] = []
            for state in level:
                self._first_edge.append(len(self._targets))
                self._expand(state, following)
                if self._violations or len(self._number) > self.states_max:
                    return False
            level = following
        return True

    def _expand(self, state: State, following: list[State]) -> None:
        number, space = self._number, self.space
        here = number[state]
        last, choice = None, 0
        for by, move in space.moves(state):
            choice = choice + 1 if by == last else 0
            last = by
            code = (by + len(space.parts)) * _CHOICES + choice
            if move.raised:
                self._tell(Kind.RAISED, move.raised, here, self._told(by, move))
                return
            after = space.after(state, by, move)
            there = number.get(after)
            if there is None:
                there = number[after] = len(number)
                self._parents.append(here)
                self._choices.append(code)
                following.append(after)
                self._judge(after, there)
                if self._violations:
                    return
            self._targets.append(there)

    def _judge(self, state: State, number: int) -> None:
        space = self.space
        overfull = space.overfull(state)
        if overfull:
            self._tell(Kind.MAILBOX, overfull, number)
            return
        facts = space.facts(state)
        wrong = self._judged.get(facts)
        if wrong is None:
            wrong = self._judged[facts] = self.invariant(space.facts_of(facts))
        if wrong:
            self._tell(Kind.INVARIANT, wrong, number)
        elif space.at_rest(state):
            self._resting.append(number)
            wrong = self.rest(space.facts_of(facts), space.finals_of(state))
            if wrong:
                self._tell(Kind.AT_REST, wrong, number)

    # --- progress -------------------------------------------------------------------------------------------

    def _prove_progress(self) -> None:
        """From every state a state at rest can be reached."""
        reaches = np.zeros(len(self._number), np.bool_)
        reaches[self._resting] = True
        edges = np.frombuffer(self._targets, np.int64) if self._targets else np.zeros(0, np.int64)
        first = np.frombuffer(self._first_edge, np.int64)
        known = -1
        while known != (known := int(reaches.sum())):
            # Most transitions lead on by one level: from the last to the first, a round does nearly all.
            for begin, end in self._bands():
                self._look_back(reaches, first, edges, begin, end)
        if known == len(self._number):
            return
        ends = np.append(first[1:], len(edges))
        dead = np.flatnonzero(~reaches & (first == ends))
        # Where it ends in a deadlock, that tells more than where it became inevitable.
        stuck = int(dead[0]) if dead.size else int(np.argmin(reaches))
        owing = "; ".join(self.space.owing(self._state_of(stuck)))
        if dead.size:
            self._tell(Kind.DEADLOCK, f"nothing can happen any more: {owing}", stuck)
        else:
            self._tell(Kind.LIVELOCK, f"from here on it never comes to rest: {owing}", stuck)

    def _bands(self) -> list[tuple[int, int]]:
        ends = [*self._levels[1:], len(self._number)]
        return list(zip(self._levels, ends, strict=True))[::-1]

    @staticmethod
    def _look_back(
        reaches: npt.NDArray[np.bool_], first: npt.NDArray[np.int64], edges: npt.NDArray[np.int64], begin: int,
        end: int,
    ) -> None:  # fmt: skip
        """Of the states `[begin, end)`: those that lead to one that reaches rest reach it too."""
        edge_begin = int(first[begin])
        edge_end = int(first[end]) if end < len(first) else len(edges)
        if edge_begin == edge_end:
            return
        leads = reaches[edges[edge_begin:edge_end]]
        # A running sum, so that states without any transition are counted right.
        sums = np.concatenate(([0], np.cumsum(leads)))
        bounds = np.append(first[begin:end], edge_end) - edge_begin
        reaches[begin:end] |= sums[bounds[1:]] > sums[bounds[:-1]]

    def _state_of(self, number: int) -> State:
        return next(state for state, known in self._number.items() if known == number)

    # --- telling --------------------------------------------------------------------------------------------

    def _tell(self, kind: Kind, text: str, number: int, last: Sequence[str] = ()) -> None:
        self._violations.append(Violation(kind, text, (*self._story(number), *last)))

    def _story(self, number: int) -> tuple[str, ...]:
        """The way from the first state, in words."""
        codes = []
        while self._parents[number] >= 0:
            codes.append(self._choices[number])
            number = self._parents[number]
        state, told = self.space.first(), []
        for code in reversed(codes):
            wanted, choice = divmod(code, _CHOICES)
            moves = [
                (by, move) for by, move in self.space.moves(state) if by + len(self.space.parts) == wanted
            ]
            by, move = moves[choice]
            told += self._told(by, move)
            state = self.space.after(state, by, move)
        return tuple(told)

    def _told(self, by: int, move: Move) -> list[str]:
        place = self.space.receivers[by] if by >= 0 else -1 - by
        return [f"{self.space.parts[place].name:<8} {move.step.text}"]
