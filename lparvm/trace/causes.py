"""What led to an event, and what came of it: the chain of its causes, and the tree of its effects.

Each event names at most one event as its cause, and that one comes before it. So one pass finds either: the chain by
remembering each event's cause (16 bytes an event), the tree by remembering which events belong to it.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from attrs import Factory, define, frozen

Event = dict[str, Any]

_SEQ_MAX = (1 << 63) - 1


class SeqMap:
    """Numbers of events to numbers from 1, in 16 bytes each; quick as long as the events come in order."""

    def __init__(self) -> None:
        """Nothing is there."""
        self._seqs, self._values = array("q"), array("q")
        self._ordered = True

    def __len__(self) -> int:
        return len(self._seqs)

    def add(self, seq: int, value: int) -> None:
        """Note a number; one that no trace of ours can have is left out."""
        if not (0 < seq <= _SEQ_MAX and 0 <= value <= _SEQ_MAX):
            return
        if self._seqs and seq <= self._seqs[-1]:
            self._ordered = False
        self._seqs.append(seq)
        self._values.append(value)

    def get(self, seq: int) -> int | None:
        """What was noted; None: nothing."""
        index = self._index(seq)
        return None if index is None else self._values[index]

    def _index(self, seq: int) -> int | None:
        seqs = self._seqs
        if not seqs or not 0 < seq <= _SEQ_MAX:
            return None
        # Where no number is missing, it is so far from the first.
        index = seq - seqs[0]
        if 0 <= index < len(seqs) and seqs[index] == seq:
            return index
        if self._ordered:
            index = bisect_left(seqs, seq)
            return index if index < len(seqs) and seqs[index] == seq else None
        return seqs.index(seq) if seq in seqs else None


@frozen
class Chain:
    """The causes of an event.

    Attributes:
        seqs: the chain, from the first cause to the event itself.
        broken: why it doesn't begin with an event that has no cause; empty: it does.
    """

    seqs: tuple[int, ...]
    broken: str = ""


class CauseIndex:
    """The cause of every event of a trace."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._causes = SeqMap()

    def __len__(self) -> int:
        return len(self._causes)

    def add(self, event: Event) -> None:
        """Note an event's cause."""
        self._causes.add(event["seq"], event["cause"] or 0)

    def chain(self, seq: int) -> Chain | None:
        """What led to an event; None: there is no such event."""
        if self._causes.get(seq) is None:
            return None
        found = [seq]
        while cause := self._causes.get(seq):
            if cause >= seq:
                return Chain(
                    tuple(reversed(found)), f"event {seq} names {cause} as its cause, which comes later"
                )
            if self._causes.get(cause) is None:
                return Chain(
                    tuple(reversed(found)), f"event {seq} names {cause} as its cause, which is not there"
                )
            found.append(cause)
            seq = cause
        return Chain(tuple(reversed(found)))


def shorten(seqs: tuple[int, ...], limit: int) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    """The beginning of a chain, how many are left out, and its end; the end is the longer part."""
    if len(seqs) <= limit:
        return seqs, 0, ()
    end = limit - limit // 2
    return seqs[: limit // 2], len(seqs) - limit, seqs[-end:]


@define
class Effect:
    """An event of the tree.

    Attributes:
        event: what it is.
        depth: how far from the root, which has 0.
        caused: what it caused and is shown, in order.
        left_out: events below it that are not shown.
    """

    event: Event
    depth: int
    caused: list["Effect"] = Factory(list)
    left_out: int = 0


class EffectTree:
    """What came of an event. Feed it each event of the trace, in order.

    Attributes:
        root: the event; None: not seen yet.
        shown: events of the tree that are kept, without the root.
        left_out: events of the tree beyond depth or limit: counted only.
    """

    def __init__(self, seq: int, *, depth: int, limit: int) -> None:
        """Begin.

        Args:
            seq: of the root.
            depth: events further from the root are only counted.
            limit: when so many are kept, the others are only counted.
        """
        self.root: Effect | None = None
        self.shown = self.left_out = 0
        self._seq, self._depth, self._limit = seq, depth, limit
        self._kept: dict[int, Effect] = {}
        self._hidden = SeqMap()  # event -> the kept one that it comes from

    def feed(self, event: Event) -> None:
        """Look at an event."""
        seq, cause = event["seq"], event["cause"]
        if self.root is None:
            if seq == self._seq:
                self.root = self._kept[seq] = Effect(event, 0)
        elif cause is not None and cause < seq:
            parent = self._kept.get(cause)
            if parent is not None and parent.depth < self._depth and self.shown < self._limit:
                effect = self._kept[seq] = Effect(event, parent.depth + 1)
                parent.caused.append(effect)
                self.shown += 1
            else:
                self._count(seq, cause, parent)

    def _count(self, seq: int, cause: int, parent: Effect | None) -> None:
        owner = cause if parent is not None else self._hidden.get(cause)
        if owner is not None:
            self._hidden.add(seq, owner)
            self._kept[owner].left_out += 1
            self.left_out += 1

    def __iter__(self) -> Iterator[Effect]:
        """The kept events, each before what it caused."""
        waiting = [self.root] if self.root is not None else []
        while waiting:
            effect = waiting.pop()
            yield effect
            waiting.extend(reversed(effect.caused))
