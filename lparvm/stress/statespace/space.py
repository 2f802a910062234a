"""The state space as numbers: every part's states, every message and every channel's contents have one.

The state of the whole is a row of numbers: one a part, for its state, and one a channel, for what is under way in
it. A part is asked once what may happen to a state of it by a message; from then on that is looked up. This is
sound because parts are functions: what happens depends on the part's own state and the message alone. It is what
makes an exhaustive search possible at all: the real machines run some thousand times, not some million times.

Not every order of independent steps needs to be looked at. A message is taken *silently* where one thing can happen,
nothing is sent, no fact changes, and all that the part may do by itself before it takes the message it may do after it
as well, to the same end (that is tried out, for all it may do one after another). Such a step changes nothing for
anybody else, and nobody else can change it: others only add to the end of the mailbox. So whatever can follow can
follow after it, and it alone is looked at (a persistent set of one step). What is found is the same: a state at rest
has an empty mailbox, so on every way to it the step was taken, and may be taken first; a state where an invariant
fails, or from which nothing comes to rest, has the like of it with the step taken, for the step changes no fact and
loses no way. It can't be put off for ever: each such step leaves less under way. With `reduced` false all orders are
looked at; only then is the depth of mailboxes measured in full.

A channel keeps the order of what is sent into it. By default there is one for each receiver, as a mailbox; with
`pairwise`, one for each pair of sender and receiver, which allows more.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from attrs import define, field, frozen

from lparvm.stress.statespace.freezing import freeze
from lparvm.stress.statespace.part import Part, Step

State = tuple[int, ...]
"""Of each part its state's number, then of each channel the number of its contents."""
_NOTHING = 0


@frozen
class Move:
    """A step in numbers.

    Attributes:
        local: the state after it.
        sent: channel and message of each that is sent; a sink's channel is -1 - its number.
        step: the step itself.
        raised: what was raised instead; empty: nothing.
    """

    local: int
    sent: tuple[tuple[int, int], ...]
    step: Step
    raised: str = ""


@define
class _Numbers:
    """What is known of one part: states by number, and what may happen to each."""

    part: Part
    number: dict[Hashable, int] = field(factory=dict)
    states: list[Any] = field(factory=list)
    facts: list[int] = field(factory=list)
    owing: list[str] = field(factory=list)
    deaf: list[bool] = field(factory=list)
    fact_number: dict[Hashable, int] = field(factory=dict)
    fact: list[Any] = field(factory=list)
    taken: dict[tuple[int, int], tuple[Move, ...]] = field(factory=dict)
    acted: dict[int, tuple[Move, ...]] = field(factory=dict)
    silent: dict[tuple[int, int], bool] = field(factory=dict)

    def of(self, state: Any) -> int:
        """The number of a state."""
        key = self.part.key(state)
        number = self.number.get(key)
        if number is None:
            number = self.number[key] = len(self.states)
            self.states.append(state)
            facts = self.part.facts(state)
            known = self.fact_number.setdefault(facts, len(self.fact))
            if known == len(self.fact):
                self.fact.append(facts)
            self.facts.append(known)
            self.owing.append(self.part.owing(state))
            self.deaf.append(self.part.deaf(state))
        return number


class Space:
    """The state space of some parts.

    Attributes:
        parts: they.
        deepest: of each channel, the most that was ever under way in it.
    """

    def __init__(self, parts: Sequence[Part], *, pairwise: bool = False, reduced: bool = True) -> None:
        """Nothing is known of any state yet."""
        # From several channels a part may take the messages in any order: none of them is silent.
        self._reduced = reduced and not pairwise
        self.parts = tuple(parts)
        self._known = [_Numbers(part) for part in parts]
        self._place = {part.name: place for place, part in enumerate(parts)}
        self._pairwise = pairwise
        self.receivers: list[int] = []
        self._channels: dict[tuple[str, str], int] = {}
        for sender in parts:
            for receiver in parts:
                self._open(sender.name, receiver)
        self._message: dict[Hashable, int] = {}
        self.messages: list[Any] = []
        self._contents: dict[tuple[int, ...], int] = {(): _NOTHING}
        self.contents: list[tuple[int, ...]] = [()]
        self._with: dict[tuple[int, int], int] = {}
        self._without_first: list[int] = [_NOTHING]
        self.deepest = [0] * len(self.receivers)

    def _open(self, sender: str, receiver: Part) -> None:
        if receiver.sink:
            return
        by = sender if self._pairwise else ""
        if (by, receiver.name) not in self._channels:
            self._channels[by, receiver.name] = len(self.receivers)
            self.receivers.append(self._place[receiver.name])

    # --- numbers ------------------------------------------------------------------------------------------

    def first(self) -> State:
        """The first state: nothing is under way."""
        return (*(one.of(one.part.first()) for one in self._known), *([_NOTHING] * len(self.receivers)))

    def local(self, state: State, place: int) -> Any:
        """A part's own state."""
        return self._known[place].states[state[place]]

    def facts(self, state: State) -> tuple[int, ...]:
        """Of each part the number of its facts: states that agree in them are alike to every invariant."""
        return tuple([one.facts[local] for one, local in zip(self._known, state, strict=False)])

    def facts_of(self, numbers: tuple[int, ...]) -> dict[str, Any]:
        """The facts themselves, by name of the part."""
        known = zip(self._known, numbers, strict=True)
        return {one.part.name: one.fact[number] for one, number in known}

    def finals_of(self, state: State) -> dict[str, Any]:
        """Of each part, by name, what matters at rest only."""
        known = zip(self._known, state, strict=False)
        return {one.part.name: one.part.final(one.states[local]) for one, local in known}

    def at_rest(self, state: State) -> bool:
        """Whether nothing is under way, and no part has anything left to do; what a deaf part is sent counts not."""
        for receiver, number in zip(self.receivers, state[len(self.parts) :], strict=True):
            if number and not self._known[receiver].deaf[state[receiver]]:
                return False
        return not any(one.owing[local] for one, local in zip(self._known, state, strict=False))

    def owing(self, state: State) -> tuple[str, ...]:
        """What parts still have to do, and what is under way, for people."""
        told = [one.owing[local] for one, local in zip(self._known, state, strict=False)]
        for receiver, number in zip(self.receivers, state[len(self.parts) :], strict=True):
            names = ", ".join(type(self.messages[one]).__name__ for one in self.contents[number])
            told.append(f"{self.parts[receiver].name} is to take {names}" if names else "")
        return tuple(one for one in told if one)

    # --- what may happen ------------------------------------------------------------------------------------

    def moves(self, state: State) -> Iterator[tuple[int, Move]]:
        """All that may happen: a channel's number and what its first message does; or -1 - a part's, and its act."""
        if self._reduced and (silent := self._silent(state)) is not None:
            yield silent
            return
        parts = len(self.parts)
        for channel, receiver in enumerate(self.receivers):
            number = state[parts + channel]
            if number:
                for move in self._takes(receiver, state[receiver], self.contents[number][0]):
                    yield channel, move
        for place, local in enumerate(state[:parts]):
            for move in self._acts(place, local):
                yield -1 - place, move

    def _silent(self, state: State) -> tuple[int, Move] | None:
        """A step that changes nothing for anybody else; None: there is none."""
        parts = len(self.parts)
        for channel, receiver in enumerate(self.receivers):
            number = state[parts + channel]
            if number:
                key = (state[receiver], self.contents[number][0])
                known = self._known[receiver]
                silent = known.silent.get(key)
                if silent is None:
                    silent = known.silent[key] = self._is_silent(receiver, *key)
                if silent:
                    return channel, known.taken[key][0]
        return None

    def _is_silent(self, place: int, local: int, message: int) -> bool:
        """See the module: for this state of a part, and all that it may come to by itself."""
        open_, seen = [local], {local}
        while open_:
            here = open_.pop()
            there = self._silently(place, here, message)
            if there is None:
                return False
            later = [(move.local, move.sent) for move in self._acts(place, there)]
            for move in self._acts(place, here):
                after = None if move.raised else self._silently(place, move.local, message)
                if after is None or (after, move.sent) not in later:
                    return False
                if move.local not in seen:
                    seen.add(move.local)
                    open_.append(move.local)
        return True

    def _silently(self, place: int, local: int, message: int) -> int | None:
        """The part's state after the message, where it is the only one, and nobody could tell; None: it is not."""
        known = self._known[place]
        moves = self._takes(place, local, message)
        if len(moves) != 1 or moves[0].raised or moves[0].sent:
            return None
        after = moves[0].local
        return after if known.facts[after] == known.facts[local] else None

    def after(self, state: State, by: int, move: Move) -> State:
        """The state after something happened."""
        row, parts = list(state), len(self.parts)
        if by >= 0:
            row[self.receivers[by]] = move.local
            row[parts + by] = self._without_first[row[parts + by]]
        else:
            row[-1 - by] = move.local
        for channel, message in move.sent:
            if channel < 0:
                self._sink(row, -1 - channel, message)
                continue
            key = (row[parts + channel], message)
            number = self._with.get(key)
            number = row[parts + channel] = self._append(key) if number is None else number
            self.deepest[channel] = max(self.deepest[channel], len(self.contents[number]))
        return tuple(row)

    def _sink(self, row: list[int], place: int, message: int) -> None:
        (move,) = self._takes(place, row[place], message)
        row[place] = move.local

    def _append(self, key: tuple[int, int]) -> int:
        number = self._with[key] = self._number_of((*self.contents[key[0]], key[1]))
        return number

    def _number_of(self, contents: tuple[int, ...]) -> int:
        number = self._contents.get(contents)
        if number is None:
            number = self._contents[contents] = len(self.contents)
            self.contents.append(contents)
            self._without_first.append(_NOTHING)
            self._without_first[number] = self._number_of(contents[1:])
        return number

    def overfull(self, state: State) -> str:
        """A part to which more is under way than may be; empty: none."""
        under_way = [0] * len(self.parts)
        for receiver, number in zip(self.receivers, state[len(self.parts) :], strict=True):
            under_way[receiver] += len(self.contents[number])
        for part, count in zip(self.parts, under_way, strict=True):
            if count > part.in_flight_max and not part.sink:
                return f"{count} messages are under way to {part.name}; at most {part.in_flight_max} may be"
        return ""

    def _takes(self, place: int, local: int, message: int) -> tuple[Move, ...]:
        one = self._known[place]
        moves = one.taken.get((local, message))
        if moves is None:
            state, told = one.states[local], self.messages[message]
            moves = self._moves(place, lambda: one.part.take(state, told), f"takes {told}")
            one.taken[local, message] = moves
        return moves

    def _acts(self, place: int, local: int) -> tuple[Move, ...]:
        one = self._known[place]
        moves = one.acted.get(local)
        if moves is None:
            state = one.states[local]
            moves = one.acted[local] = self._moves(place, lambda: one.part.act(state), "acts")
        return moves

    def _moves(self, place: int, ask: Callable[[], Sequence[Step]], what: str) -> tuple[Move, ...]:
        one = self._known[place]
        try:
            steps = ask()
        except Exception as error:  # noqa: BLE001 - whatever a part raises is what was looked for
            said = f"{type(error).__name__}: {error}".splitlines()[0]
            return (Move(0, (), Step(f"{what}, and fails", None), said),)
        return tuple([Move(one.of(step.state), self._sent(one.part.name, step), step) for step in steps])

    def _sent(self, sender: str, step: Step) -> tuple[tuple[int, int], ...]:
        sent = []
        for receiver, message in step.sent:
            key = freeze(message)
            number = self._message.get(key)
            if number is None:
                number = self._message[key] = len(self.messages)
                self.messages.append(message)
            place = self._place[receiver]
            by = sender if self._pairwise else ""
            sent.append((-1 - place if self.parts[place].sink else self._channels[by, receiver], number))
        return tuple(sent)
