"""Moves against one `memmove` of the same bytes, between the same addresses, in the same run.

Each repetition copies the zone's bytes up with one `ctypes.memmove` and down again, then moves the LPAR up
with MVSTOR and down again. Only what goes up is timed. The memmoves run in trio's own thread, so nothing of
the machine runs meanwhile; and what they did is undone before anything does. The guests are `idle`, with
every page of the moved zone stamped; the run ends with their own check, and with the rules.
"""

import ctypes
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import Factory, define, frozen

from benchmarks.figures import Figure, Target
from benchmarks.quiet import Rounds
from lparvm.arch.address import PAGE_SHIFT, Zone
from lparvm.machine import Machine, Options, open_machine
from lparvm.scenario import parse_scenario
from lparvm.trace.writer import Event, Listener

MIB = 1 << 20
COPY_TARGET = Target(1.10)
STOPPED_TARGET = Target(1.25)
FLAT_TARGET = Target(0.15)
SIZES_MIB = (16, 64, 256, 1024, 4096)

_SCENARIO = """
title = "two LPARs, one of which moves"
[machine]
main_storage = "{total}M"
[[lpar]]
name = "LPAR1"
origin = "0"
size = "{other}M"
guest = "{guest}"
[[lpar]]
name = "LPAR2"
origin = "{other}M"
size = "{size}M"
guest = "idle"
options = {{ fill = true, interval = "10s" }}
[run]
duration = "1s"
"""


@frozen
class Plan:
    """A machine with one LPAR to move up and down.

    Attributes:
        size_mib: its zone.
        up_mib: how far it moves.
        proof: whether moves are proven by checksums.
        other_mib: the other LPAR's zone, from 0.
        other_guest: what runs there, on one LIP.
    """

    size_mib: int = 256
    up_mib: int = 64
    proof: bool = False
    other_mib: int = 16
    other_guest: str = "idle"

    @property
    def low(self) -> Zone:
        """Where LPAR2 begins."""
        return Zone(self.other_mib * MIB >> PAGE_SHIFT, self.size_mib * MIB >> PAGE_SHIFT)

    @property
    def high(self) -> Zone:
        """Where a move up takes it."""
        return Zone((self.other_mib + self.up_mib) * MIB >> PAGE_SHIFT, self.low.extent)


@frozen
class Sample:
    """One repetition, all in ns.

    Attributes:
        memmove_ns: the one memmove.
        copy_ns: from `move.started` to `move.ended`.
        stopped_ns: how long the LIP that stood longest stood.
        phases_ns: the parts of that.
    """

    memmove_ns: int
    copy_ns: int
    stopped_ns: int
    phases_ns: dict[str, int]


@define
class Watch:
    """Listens to a run: when copies began and ended, and what guests' slices did."""

    copies: list[tuple[int, int]] = Factory(list)
    slices: list[tuple[str, int, int]] = Factory(list)  # LPAR, end, instructions
    _began_ns: int = 0

    def __call__(self, event: Event) -> None:
        """Take one event."""
        match event["event"]:
            case "slice.ended":
                self.slices.append((event["lpar"], event["last_ns"], event["instructions"]))
            case "move.started":
                self._began_ns = event["t"]
            case "move.ended":
                self.copies.append((self._began_ns, event["t"]))


@asynccontextmanager
async def moving_machine(plan: Plan, *listeners: Listener) -> AsyncIterator[tuple[Machine, Watch]]:
    """A running machine that has moved once up and down, so that every frame was touched."""
    watch = Watch()
    text = _SCENARIO.format(
        total=plan.other_mib + plan.size_mib + plan.up_mib, other=plan.other_mib, size=plan.size_mib,
        guest=plan.other_guest,
    )  # fmt: skip
    async with open_machine(
        parse_scenario(text), Options(proof=plan.proof, listeners=(watch, *listeners))
    ) as machine:
        await move(machine, plan.high)
        await move(machine, plan.low)
        yield machine, watch
    assert machine.report is not None, "a closed machine has a report"
    if machine.report.verdict != "intact":
        raise SystemExit(f"the run was not intact: {machine.report.verdict}")


async def move(machine: Machine, zone: Zone) -> dict[str, int]:
    """MVSTOR; returns the parts of the longest stop, by phase, in ns."""
    result = await machine.svp.move_storage("LPAR2", zone.origin_bytes)
    if result.longest_stop is None or result.code != "LVM010I":
        raise SystemExit(f"the move did not complete: {result.code} {result.message}")
    return result.longest_stop.phases_ns


def time_memmove(machine: Machine, plan: Plan) -> int:
    """One memmove of the zone's bytes, and an untimed one back; ns."""
    low, high = machine.storage.address(plan.low.origin), machine.storage.address(plan.high.origin)
    began_ns = time.perf_counter_ns()
    ctypes.memmove(high, low, plan.low.extent_bytes)
    took_ns = time.perf_counter_ns() - began_ns
    ctypes.memmove(low, high, plan.low.extent_bytes)
    return took_ns


async def _sample(plan: Plan, rounds: Rounds) -> tuple[Sample, ...]:
    samples = []
    async with moving_machine(plan) as (machine, watch):
        for _ in rounds:
            memmove_ns = time_memmove(machine, plan)
            phases_ns = await move(machine, plan.high)
            began_ns, ended_ns = watch.copies[-1]
            await move(machine, plan.low)
            copy_ns, stopped_ns = ended_ns - began_ns, sum(phases_ns.values())
            samples.append(Sample(memmove_ns, copy_ns, stopped_ns, phases_ns))
    return rounds.kept(samples)


def sample(plan: Plan, rounds: Rounds) -> tuple[Sample, ...]:
    """Repetitions in one machine run, under the real clock."""
    return trio.run(_sample, plan, rounds)


def _copy_ratios(samples: tuple[Sample, ...]) -> tuple[float, ...]:
    return tuple(one.copy_ns / one.memmove_ns for one in samples)


def _stopped_ratios(samples: tuple[Sample, ...]) -> tuple[float, ...]:
    return tuple(one.stopped_ns / one.memmove_ns for one in samples)


def _parts(samples: tuple[Sample, ...]) -> str:
    """Where the stopped time went: medians of its phases."""
    names = dict.fromkeys(name for one in samples for name in one.phases_ns)
    parts = {name: statistics.median(one.phases_ns.get(name, 0) for one in samples) / 1e6 for name in names}
    return ", ".join(f"{name} {ms:.2f} ms" for name, ms in parts.items())


def _pair(name: str, what: str, plan: Plan, repeats: int, *, limits: bool) -> list[Figure]:
    rounds = Rounds(repeats)
    samples = sample(plan, rounds)
    memmove_ms = statistics.median(one.memmove_ns for one in samples) / 1e6
    copied, stopped = _copy_ratios(samples), _stopped_ratios(samples)
    return [
        Figure(name, f"{what}: copy phase, in memmoves", copied, COPY_TARGET if limits else None,
               note="; ".join(filter(None, (f"a memmove: {memmove_ms:.1f} ms", rounds.note)))),
        Figure(name, f"{what}: stopped time, in memmoves", stopped, STOPPED_TARGET if limits else None,
               note=_parts(samples)),
    ]  # fmt: skip


def measure_move(repeats: int, *, size_mib: int = 256) -> list[Figure]:
    """The move over its own old area, and a disjoint one, without proof."""
    overlapping = Plan(size_mib, size_mib // 4)
    disjoint = Plan(size_mib, size_mib)
    return [
        *_pair("move", f"{size_mib} MB up by {size_mib // 4} MB", overlapping, repeats, limits=True),
        *_pair("move", f"{size_mib} MB, disjoint", disjoint, repeats, limits=True),
    ]


def measure_proof(repeats: int, *, size_mib: int = 256) -> list[Figure]:
    """The same with checksums before and after: told, without limits."""
    plan = Plan(size_mib, size_mib // 4, proof=True)
    return _pair("proof", f"{size_mib} MB up by {size_mib // 4} MB, proof full", plan, repeats, limits=False)


def measure_sizes(repeats: int, *, sizes_mib: tuple[int, ...] = SIZES_MIB) -> list[Figure]:
    """The copy phase in memmoves for small and large moves, and how far the sizes lie apart."""
    figures = []
    for size_mib in sizes_mib:
        samples = sample(Plan(size_mib, size_mib // 4), Rounds(repeats))
        memmove_ms = statistics.median(one.memmove_ns for one in samples) / 1e6
        what = f"{size_mib} MB up by {size_mib // 4} MB: copy phase, in memmoves"
        figures.append(Figure("sizes", what, _copy_ratios(samples), note=f"a memmove: {memmove_ms:.1f} ms"))
    medians = [figure.median for figure in figures]
    spread = max(medians) / min(medians) - 1
    what = f"{sizes_mib[0]} to {sizes_mib[-1]} MB: largest median over smallest, less 1"
    return [*figures, Figure("sizes", what, (spread,), FLAT_TARGET)]
