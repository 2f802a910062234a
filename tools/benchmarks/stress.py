"""How fast stress campaigns are: seeds and relocations a second on one core, two cores beside one, storage points.

Seeds and relocations are counted in the time that this thread had a core; a seed is the whole of it, from drawing its
machine to the oracles. Two jobs are compared with one by the time on the wall.
"""

import time
from collections.abc import Callable

import numpy as np

from benchmarks.figures import Figure, Target
from benchmarks.quiet import Rounds, thread_rate
from lparvm import dst
from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.machine import Options, open_machine
from lparvm.scenario import parse_scenario
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.mover import Chunk, PageMove, Part
from lparvm.storage.page_copy import copy_data, copy_keys
from lparvm.stress.campaign.model import Campaign
from lparvm.stress.campaign.pool import PoolEngine
from lparvm.stress.campaign.running import run_campaign
from lparvm.stress.episode.run import run_job
from lparvm.stress.verdict import SeedJob

SCHEDULES_TARGET = Target(300, at_least=True)
RELOCATIONS_TARGET = Target(1000, at_least=True)
POINTS_TARGET = Target(1.01)
_PIECES = 20_000
_MOVED = """
[machine]
main_storage = "256K"
[[lpar]]
name = "A"
origin = "0"
size = "32K"
guest = "idle"
[run]
duration = "1ms"
"""


def _relocate(count: int) -> None:
    """One machine, moved to and fro."""
    scenario = parse_scenario(_MOVED)

    async def main(_tape: dst.Tape) -> None:
        async with open_machine(scenario, Options(seed=1)) as machine:
            for number in range(count):
                result = await machine.svp.execute(f"MVSTOR A HSA={0 if number % 2 else 128}K")
                assert result.result == "COMPLETED", result.message

    dst.run(main, "walk", 1).unwrap()


def measure_stress(
    repeats: int, *, seeds: int = 200, relocations: int = 300, campaign: int = 200, pages: int = 4096
) -> list[Figure]:
    """Seeds, relocations, storage points; and two jobs beside one, where a campaign has any seeds."""
    rounds = Rounds(repeats)
    small: list[float] = []
    mixed: list[float] = []
    moved: list[float] = []
    for _ in rounds:
        for size, rates in (("small", small), ("mixed", mixed)):
            jobs = [
                SeedJob(seed, "mix", "", size) for seed in range(seeds if size == "small" else seeds // 4)
            ]
            rates.append(thread_rate(len(jobs), lambda jobs=jobs: [run_job(job) for job in jobs]))
        moved.append(thread_rate(relocations, lambda: _relocate(relocations)))
    return [
        Figure("stress", "small swarm: seeds a second on one core", rounds.kept(small), SCHEDULES_TARGET),
        Figure("stress", "mixed swarm: seeds a second on one core", rounds.kept(mixed)),
        Figure("stress", "relocations a second on one core", rounds.kept(moved), RELOCATIONS_TARGET),
        _points(repeats, pages),
        *([_scaling(repeats, campaign)] if campaign else []),
    ]


def _scaling(repeats: int, seeds: int) -> Figure:
    def seconds(jobs: int) -> float:
        began_s = time.monotonic()
        with PoolEngine("lparvm.stress.episode.run:run_job", jobs) as engine:
            run_campaign(Campaign(0, seeds, size="small"), engine)
        return time.monotonic() - began_s

    rounds = Rounds(repeats)
    ratios = [seconds(1) / seconds(2) for _ in rounds]
    return Figure("stress", "a campaign with two jobs, in times of one job's rate", rounds.kept(ratios))


def _points(repeats: int, pages: int) -> Figure:
    """The mover past its storage points, beside the same copies without any.

    One point costs less than a copy of many pages varies by. So it is measured where it weighs most, with a piece of a
    single page, again and again, and told as a share of a chunk's copy.
    """
    source, target = Zone(0, pages), Zone(pages, pages)
    with MainStorage(2 * pages) as storage:
        storage.frames[: 2 * pages] = np.uint8(1)
        move = PageMove(storage, source, target)
        part = Part((Chunk(0, 1),))

        def bare() -> None:
            move._copy_data(part.pieces[0])  # noqa: SLF001 - what `pointed` calls
            copy_keys(storage, 0, pages, 1)

        def seconds(work: Callable[[], object], count: int) -> float:
            began_s = time.perf_counter()
            for _ in range(count):
                work()
            return (time.perf_counter() - began_s) / count

        rounds = Rounds(repeats)
        ratios = []
        for _ in rounds:
            point_s = seconds(lambda: move.copy_part(part), _PIECES) - seconds(bare, _PIECES)
            chunk_s = seconds(lambda: copy_data(storage, 0, pages, pages), 5)
            ratios.append(1 + max(0.0, point_s) / chunk_s)
        note = f"a chunk of {pages * PAGE_BYTES >> 20} MiB"
        return Figure(
            "stress",
            "storage points passed by, in copies alone",
            rounds.kept(ratios),
            POINTS_TARGET,
            note=note,
        )
