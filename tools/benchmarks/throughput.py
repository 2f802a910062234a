"""What the other partitions get done while one moves.

LPAR1 hammers on one LIP. Windows in which LPAR2 moves up and down without a pause alternate with windows in
which it stands still. Work is counted in guest instructions, from `slice.ended`.
"""

import statistics

import trio

from benchmarks.figures import Figure, Target
from benchmarks.moves import Plan, Watch, move, moving_machine, time_memmove
from benchmarks.quiet import Rounds
from lparvm.machine import Machine
from lparvm.units import NS_PER_S

TARGET = Target(0.80, at_least=True)


def _rate(watch: Watch, begin_ns: int, end_ns: int) -> float:
    """Instructions a second of LPAR1 between two times of the run clock."""
    done = sum(count for lpar, end, count in watch.slices if lpar == "LPAR1" and begin_ns < end <= end_ns)
    return done * NS_PER_S / (end_ns - begin_ns)


def _rate_in_copies(watch: Watch, first: int) -> float:
    """The same, but only while pages were being copied, from the copy numbered `first` on."""
    copies = watch.copies[first:]
    done = sum(_rate(watch, begin, end) * (end - begin) for begin, end in copies)
    return done / sum(end - begin for begin, end in copies)


async def _still(machine: Machine, watch: Watch, window_ns: int) -> float:
    began_ns = machine.clock.now_ns()
    await machine.clock.sleep_ns(window_ns)
    return _rate(watch, began_ns, machine.clock.now_ns())


async def _busy(machine: Machine, watch: Watch, plan: Plan, window_ns: int) -> float:
    began_ns = machine.clock.now_ns()
    while machine.clock.now_ns() - began_ns < window_ns:
        await move(machine, plan.high)
        await move(machine, plan.low)
    return _rate(watch, began_ns, machine.clock.now_ns())


async def _measure(repeats: int, size_mib: int, window_ns: int) -> list[Figure]:
    plan = Plan(size_mib, size_mib // 4, other_mib=size_mib // 2, other_guest="hammer")
    kept, kept_in_copies, copies = [], [], []
    rounds = Rounds(repeats)
    async with moving_machine(plan) as (machine, watch):
        for _ in rounds:
            watch.slices.clear()
            before = await _still(machine, watch, window_ns)
            first = len(watch.copies)
            moving = await _busy(machine, watch, plan, window_ns)
            in_copies = _rate_in_copies(watch, first)
            # Upward moves only: the memmove goes up as well.
            took_ns = statistics.median(end - begin for begin, end in watch.copies[first::2])
            memmove_ns = time_memmove(machine, plan)
            still = (before + await _still(machine, watch, window_ns)) / 2
            kept.append(moving / still)
            kept_in_copies.append(in_copies / still)
            copies.append(took_ns / memmove_ns)
    what = f"other partition on `hammer` while {size_mib} MB move up and down"
    return [
        Figure(
            "throughput",
            f"{what} without a pause: its throughput, of that without moves",
            rounds.kept(kept),
            TARGET,
            note=rounds.note,
        ),
        Figure("throughput", f"{what}: the same, while pages are copied", rounds.kept(kept_in_copies)),
        Figure("throughput", f"{what}: copy phase upwards, in memmoves", rounds.kept(copies)),
    ]


def measure_throughput(repeats: int, *, size_mib: int = 256, window_ns: int = NS_PER_S) -> list[Figure]:
    """The hammer's throughput with moves against without."""
    return trio.run(_measure, repeats, size_mib, window_ns)
