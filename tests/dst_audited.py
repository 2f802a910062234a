"""Programs for the audit of `lparvm.dst`: one that is deterministic, and others that break it, each in its own way."""

import random

import trio

from dst_programs import mixture, steps
from lparvm import dst

clean = mixture


class _Thing:
    """An object like any other: its hash, and its place in memory, are another in each process."""


async def over_a_set(_tape: dst.Tape) -> None:
    async with trio.open_nursery() as nursery:
        for name in set("abcdef"):
            nursery.start_soon(steps, 3, name=name)


async def by_address(_tape: dst.Tape) -> None:
    things = [_Thing() for _ in range(40)]
    order = sorted(range(40), key=lambda number: id(things[number]))
    dst.note(f"order {order}")
    await steps(1)


async def without_a_seed(_tape: dst.Tape) -> None:
    await steps(random.Random().randrange(2, 1 << 10))


not_callable = 7
