"""What the controlled scheduler costs: steps a second, beside trio's own seeded mode, and short runs a second.

Each task only takes steps, so that nearly all that is measured is the scheduler and trio's run loop. Counted is the
time that this thread had a core.
"""

import statistics
from collections.abc import Callable

import trio
import trio.testing

from benchmarks.figures import Figure, Target
from benchmarks.quiet import Rounds, thread_rate
from lparvm import dst

TASKS = 8
POLICIES = ("fifo", "walk", "pct:3", "delay:2")
STEPS_TARGET = Target(0.4, at_least=True)


def spinners(steps: int) -> Callable[[object], object]:
    """A program of tasks that take so many steps together."""

    async def spin() -> None:
        for _ in range(steps // TASKS):
            await trio.lowlevel.checkpoint()

    async def main(_tape: object) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(TASKS):
                nursery.start_soon(spin)

    return main


def _seeded(main: Callable[[object], object]) -> None:
    with dst.deterministic_scheduling(1):
        trio.run(main, None, clock=trio.testing.MockClock(autojump_threshold=0))


def _replay_rate(main: Callable[[object], object], steps: int) -> float:
    recorded = dst.run(main, "walk", 1).tape.again()
    return thread_rate(steps, lambda: dst.run(main, tape=recorded).unwrap())


def measure_dst(repeats: int, *, steps: int = 100_000, runs: int = 1_000) -> list[Figure]:
    """Steps a second by each policy, of trio's own; and runs a second of a program of 40 steps."""
    main, small = spinners(steps), spinners(40)
    rounds = Rounds(repeats)
    rates: dict[str, list[float]] = {name: [] for name in ("trio", *POLICIES, "replay", "runs")}
    for _ in rounds:
        rates["trio"].append(thread_rate(steps, lambda: _seeded(main)))
        for policy in POLICIES:
            rates[policy].append(thread_rate(steps, lambda policy=policy: dst.run(main, policy, 1).unwrap()))
        rates["replay"].append(_replay_rate(main, steps))
        rates["runs"].append(
            thread_rate(runs, lambda: [dst.run(small, "walk", seed) for seed in range(runs)])
        )
    figures = [_of_trio(name, rates, rounds) for name in (*POLICIES, "replay")]
    thousands = rounds.kept([rate / 1000 for rate in rates["runs"]])
    return [*figures, Figure("dst", "walk: runs of 40 steps, a second", thousands, unit="thousand")]


def _of_trio(name: str, rates: dict[str, list[float]], rounds: Rounds) -> Figure:
    ratios = [rate / own for rate, own in zip(rates[name], rates["trio"], strict=True)]
    each, own = (round(statistics.median(rounds.kept(rates[one])) / 1000) for one in (name, "trio"))
    note = f"{each},000 of {own},000 a second"
    return Figure(
        "dst", f"{name}: steps, of trio's own seeded mode", rounds.kept(ratios), STEPS_TARGET, note=note
    )
