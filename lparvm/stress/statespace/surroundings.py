"""What real actors are put into here: no trace, a clock that stands, mailboxes that keep what is sent.

Actors change as they handle a message; a state of the model never does. So an actor is copied before each message:
its own containers and the resource manager's map are, and all else that it has is a value, or part of what it is put
into here.
"""

import copy
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any, TypeVar, cast

import trio

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import SERVICE_PROCESSOR
from lparvm.storage.zones import ZoneTable
from lparvm.stress.statespace.freezing import freeze
from lparvm.stress.statespace.part import Sent
from lparvm.trace.writer import TraceLogger

A = TypeVar("A", bound=Actor)
_AROUND = frozenset(("name", "log", "clock", "mailbox", "_directory", "nursery"))
_CHANGING = (dict, list, set, ZoneTable)


class _NoTrace:
    """Everything is told to nobody."""

    def emit(self, *_arguments: object, **_fields: object) -> None:
        """A fact."""

    def emit_message(self, *_arguments: object, **_fields: object) -> None:
        """A message."""


class _StandingClock:
    """Time does not pass: what takes time is a step of its own, that may come at any time."""

    virtual = True

    @staticmethod
    def now_ns() -> int:
        """Always the same."""
        return 0


class _NoTasks:
    """Helper tasks are steps of the model; none is started."""

    def start_soon(self, *_arguments: object, **_options: object) -> None:
        """Not."""


class _Slot:
    """A mailbox that only keeps who a message is for."""

    def __init__(self, name: str, sent: list[Sent]) -> None:
        self._name, self._sent = name, sent

    def put(self, envelope: Envelope) -> None:
        """Keep it. Progress and messages to the operator change nothing, and are left out."""
        if self._name != SERVICE_PROCESSOR or isinstance(envelope.message, m.OperationEnded):
            self._sent.append((self._name, envelope.message))


class Directory(Mapping[str, Mailbox]):
    """A mailbox for every name there could be."""

    def __init__(self) -> None:
        self._sent: list[Sent] = []

    def __getitem__(self, name: str) -> Mailbox:
        return cast("Mailbox", _Slot(name, self._sent))

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def taken(self) -> tuple[Sent, ...]:
        """What was sent since this was asked last."""
        sent = tuple(self._sent)
        self._sent.clear()
        return sent


NO_TRACE = cast("TraceLogger", _NoTrace())
STANDING_CLOCK = cast("RunClock", _StandingClock())
NO_TASKS = cast("trio.Nursery", _NoTasks())


def envelope(message: Any) -> Envelope:
    """A message, as an actor gets it."""
    return Envelope(message, "", None)


def copied(actor: A) -> A:
    """An actor that may be changed."""
    one = copy.copy(actor)
    for name, value in vars(actor).items():
        if isinstance(value, _CHANGING):
            setattr(one, name, copy.deepcopy(value))
    return one


def key_of(actor: Actor, leaving_out: Collection[str] = ()) -> Hashable:
    """Equal for actors of a class that are alike in all but these attributes."""
    values = {
        name: vars(value) if isinstance(value, ZoneTable) else value
        for name, value in vars(actor).items()
        if name not in _AROUND and name not in leaving_out
    }
    return freeze(values)
