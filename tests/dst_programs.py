"""Small trio programs for the tests of `lparvm.dst`: each has a race, or a fault, that is known."""

from collections.abc import Awaitable, Callable

import trio

from lparvm import dst

Program = Callable[[dst.Tape], Awaitable[object]]


async def steps(count: int) -> None:
    for _ in range(count):
        await trio.lowlevel.checkpoint()


def spinners(tasks: int, rounds: int) -> Callable[[dst.Tape], Awaitable[list[int]]]:
    """Tasks that do nothing but take steps; returns who took them, in order."""

    async def main(_tape: dst.Tape) -> list[int]:
        order = []

        async def spin(number: int) -> None:
            for _ in range(rounds):
                order.append(number)
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            for number in range(tasks):
                nursery.start_soon(spin, number)
        return order

    return main


def lag(depth: int) -> Program:
    """Fails where one task takes a step, and then lags while another takes `depth` steps."""

    async def main(_tape: dst.Tape) -> None:
        done, seen = 0, 0

        async def slow() -> None:
            nonlocal seen
            await trio.lowlevel.checkpoint()
            seen = done

        async def fast() -> None:
            nonlocal done
            for _ in range(depth):
                done += 1
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(slow)
            nursery.start_soon(fast)
        assert seen < depth, f"the slow one lagged {seen} steps"

    return main


async def timeout_race(tape: dst.Tape) -> str:
    """Work that takes steps but no time, and a timeout: which comes first, or whether they tie."""
    del tape
    answered, answered_s = trio.Event(), 0.0

    async def work() -> None:
        nonlocal answered_s
        await steps(20)
        answered_s = trio.current_time()
        answered.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        with trio.move_on_after(0.001) as scope:
            await answered.wait()
        if scope.cancelled_caught:
            return "timed out"
    return "answered" if answered_s < scope.deadline else "tied"


async def mixture(tape: dst.Tape) -> list[object]:
    """Events, sleeps, timeouts, cancellation, draws: a bit of all that a run has."""
    told: list[object] = []
    come = trio.Event()

    async def worker(number: int) -> None:
        stream = tape.stream(f"worker.{number}")
        for turn in range(4):
            with trio.move_on_after(stream.draw(4) * 1e-5) as scope:
                await trio.sleep(stream.draw(4) * 1e-5)
                await steps(stream.draw(3))
            told.append((number, turn, scope.cancelled_caught, trio.current_time()))
        if number == 1:
            come.set()
        await come.wait()
        told.append((number, "came"))

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(worker, number)
    return told
