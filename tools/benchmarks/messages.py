"""A message to another actor and its answer, against the same over bare trio memory channels."""

import time

import trio

from benchmarks.figures import Figure, Target
from benchmarks.quiet import Rounds
from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.protocol import messages as m
from lparvm.trace.writer import Trace

TARGET = Target(0.50, at_least=True)
_PING, _PONG = "PING", "PONG"
_CAPACITY = 16


class _Ping(Actor):
    """Asks, and counts the answers down."""

    left = 0
    done: trio.Event

    def ask(self, count: int) -> None:
        """Begin; `done` is set at the last answer."""
        self.left, self.done = count, trio.Event()
        self.post(_PONG, m.AreasReserved("op.1"), None)

    def handle(self, envelope: Envelope) -> None:
        self.left -= 1
        if self.left:
            self.post(_PONG, m.AreasReserved("op.1"), envelope.seq)
        else:
            self.done.set()


class _Pong(Actor):
    """Answers."""

    def handle(self, envelope: Envelope) -> None:
        self.post(_PING, m.AreasReleased("op.1"), envelope.seq)


async def _actors(count: int) -> float:
    clock = RunClock()
    directory = {name: Mailbox(name, _CAPACITY) for name in (_PING, _PONG)}
    with Trace(now_ns=clock.now_ns) as trace:
        ping = _Ping(_PING, directory, trace.logger(_PING), clock)
        pong = _Pong(_PONG, directory, trace.logger(_PONG), clock)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ping.run)
            nursery.start_soon(pong.run)
            began_s = time.perf_counter()
            ping.ask(count)
            await ping.done.wait()
            rate = count / (time.perf_counter() - began_s)
            nursery.cancel_scope.cancel()
    return rate


async def bare_channels(count: int) -> float:
    """Round trips a second over two bare memory channels."""
    ask_send, ask_receive = trio.open_memory_channel[int](_CAPACITY)
    answer_send, answer_receive = trio.open_memory_channel[int](_CAPACITY)

    async def pong() -> None:
        async for value in ask_receive:
            await answer_send.send(value)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pong)
        began_s = time.perf_counter()
        for value in range(count):
            await ask_send.send(value)
            await answer_receive.receive()
        rate = count / (time.perf_counter() - began_s)
        nursery.cancel_scope.cancel()
    return rate


def measure_messages(repeats: int, *, count: int = 20_000) -> list[Figure]:
    """Round trips a second, actors against channels, taken in turn."""
    trio.run(bare_channels, count // 10)
    trio.run(_actors, count // 10)
    bare, traced = [], []
    rounds = Rounds(repeats)
    for _ in rounds:
        bare.append(trio.run(bare_channels, count))
        traced.append(trio.run(_actors, count))
    ratios = [one / other for one, other in zip(traced, bare, strict=True)]
    return [
        Figure(
            "messages",
            "round trip between two actors, traced: rate, of that of bare trio channels",
            rounds.kept(ratios),
            TARGET,
        ),
        Figure("messages", "round trips a second between two actors", rounds.kept(traced)),
        Figure("messages", "round trips a second over bare trio channels", rounds.kept(bare)),
    ]
