"""What the explorer explores: parts that hold a state each, and tell one another by messages.

A part's state is a value: it never changes once it was handed out. All that may happen to it are *steps*, found by
`take` (a message comes to it) and `act` (what it does, or what befalls it, without one). That there are several
means that any one of them may happen.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol

from attrs import frozen

Sent = tuple[str, Any]
"""The name of the part that it is for, and the message."""


@frozen
class Step:
    """One thing that may happen to a part.

    Attributes:
        text: what it is, for people.
        state: the part's state after it.
        sent: what is sent, in order.
    """

    text: str
    state: Any
    sent: tuple[Sent, ...] = ()


class Part(Protocol):
    """An automaton of the model.

    Attributes:
        name: as other parts address it.
        sink: takes what comes at once, and sends and does nothing for it: so it needs no mailbox.
        in_flight_max: the most that may be under way to it.
    """

    name: str
    sink: bool
    in_flight_max: int

    def first(self) -> Any:
        """Its state at the beginning."""

    def key(self, state: Any) -> Hashable:
        """Equal for states that are the same."""

    def take(self, state: Any, message: Any) -> Sequence[Step]:
        """A message comes; none: it can't be taken now, and waits."""

    def act(self, state: Any) -> Sequence[Step]:
        """What may happen without a message."""

    def facts(self, state: Any) -> Hashable:
        """All of the state that invariants look at in every state."""

    def deaf(self, state: Any) -> bool:
        """Whether it takes nothing any more, whatever comes: what is under way to it stays so."""

    def final(self, state: Any) -> Any:
        """What only those invariants look at that are for the model at rest."""

    def owing(self, state: Any) -> str:
        """What it still has to do, for people; empty where the model may come to rest."""
