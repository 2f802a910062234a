"""Mailboxes, and the loop that every actor is.

Why nothing deadlocks: *no actor ever blocks on a send.* Every mailbox is bounded, and the bound is the
protocol's maximum in flight: each order is answered before the next one of its kind goes to the same actor
(one operation an LPAR, one start a subchannel, at most two orders an LPAR to a LIP and a third when its guest
fails, one extent and one signal, progress in steps of five percent). So `post` never waits, and a full mailbox is
a broken protocol, told at once by its name and its limit. The only thing an actor waits for is its next message
(and a LIP, a slice of its guest). Handlers are synchronous: an actor is between two messages whenever another
one runs.

What takes time (a timer, a copy, a channel program) is a helper task of its actor, and tells the actor by a
message to its own mailbox. An actor's state is touched by its own handlers alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import trio
from attrs import frozen

from lparvm.actors.run_clock import RunClock
from lparvm.errors import ProtocolError
from lparvm.trace.writer import TraceLogger


@frozen(slots=True)
class Envelope:
    """A message on its way: who sent it, and the event that stands for it in the trace."""

    message: Any
    sender: str
    seq: int | None


class Mailbox:
    """A bounded queue of envelopes with one reader."""

    def __init__(self, name: str, capacity: int) -> None:
        """Name it by its actor; `capacity` is the most that can be in flight to it."""
        self.name, self.capacity = name, capacity
        self._send, self._receive = trio.open_memory_channel[Envelope](capacity)
        self.get = self._receive.receive
        self.get_nowait = self._receive.receive_nowait

    def put(self, envelope: Envelope) -> None:
        """Add an envelope; never waits.

        Raises:
            ProtocolError: more is in flight than the protocol allows.
        """
        try:
            self._send.send_nowait(envelope)
        except trio.WouldBlock:
            problem = f"mailbox {self.name} is full: {self.capacity} messages, then {envelope.message}"
            raise ProtocolError(problem) from None

    def __len__(self) -> int:
        return self._receive.statistics().current_buffer_used


class Actor(ABC):
    """A task with one mailbox and one loop."""

    # Helper tasks end with the machine; a subclass that has none leaves `nursery` alone.
    nursery: trio.Nursery

    def __init__(
        self, name: str, directory: Mapping[str, Mailbox], log: TraceLogger, clock: RunClock
    ) -> None:
        """Take the own mailbox from the directory of all."""
        self.name, self.log, self.clock = name, log, clock
        self.mailbox = directory[name]
        self._directory = directory

    async def run(self) -> None:
        """Handle messages until cancelled."""
        async with trio.open_nursery() as nursery:
            self.nursery = nursery
            self.begin()
            await self.loop()

    def begin(self) -> None:  # noqa: B027 - most actors have nothing to do there
        """What the actor does before its first message."""

    async def loop(self) -> None:
        """Receive and handle, for ever."""
        get, handle = self.mailbox.get, self.handle
        while True:
            handle(await get())

    @abstractmethod
    def handle(self, envelope: Envelope) -> None:
        """Handle one message; synchronous."""

    def post(self, to: str, message: Any, cause: int | None) -> int | None:
        """Send a message; returns the sequence number of its event."""
        seq = self.log.emit_message(to, message, cause=cause)
        self._directory[to].put(Envelope(message, self.name, seq))
        return seq
