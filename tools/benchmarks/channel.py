"""Channel programs: how fast one IOP moves data, how many programs it runs, how long 202 takes.

A machine with one LPAR, whose guest does nothing but I/O; devices are disks in memory without latency, unless
said otherwise. The trace goes into no file; the rules are fed.
"""

import ctypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from benchmarks.figures import Figure, Target
from benchmarks.messages import bare_channels
from benchmarks.quiet import Rounds
from lparvm.machine import Machine, Options, open_machine
from lparvm.scenario import parse_scenario
from lparvm.trace.rules.base import Event
from lparvm.units import NS_PER_S

RATE_4K, RATE_60K = Target(0.05, at_least=True), Target(0.30, at_least=True)
_TRANSFER_BYTES = 15 << 20
_SUBCHANNELS = 64
_PROGRAM_MS = 16
_READS = 8


def _scenario(guest: str, options: str, devices: int = 1, latency: str = "0ms") -> str:
    numbers = [f"{0x190 + number:04X}" for number in range(devices)]
    listed = ", ".join(f'"{number}"' for number in numbers)
    parts = ['[machine]\nmain_storage = "128M"\n[[iop]]\nname = "IOP1"']
    parts += [
        f'[[device]]\nnumber = "{number}"\nkind = "disk"\niop = "IOP1"\nlatency = "{latency}"\n'
        f'options = {{ size = "16M" }}'
        for number in numbers
    ]
    parts.append(
        f'[[lpar]]\nname = "LPAR1"\norigin = "0"\nsize = "48M"\nguest = "benchmarks.channel_guests:{guest}"\n'
        f"options = {{ {options} }}\ndevices = [{listed}]\n[run]\nduration = '1h'"
    )
    return "\n".join(parts)


class _Watch:
    """A listener: what channel programs moved, and how long they took."""

    def __init__(self) -> None:
        self.bytes = self.ns = self.programs = 0

    def clear(self) -> None:
        self.bytes = self.ns = self.programs = 0

    def __call__(self, event: Event) -> None:
        if event["event"] == "transfer.ended":
            self.programs += 1
            self.bytes += event["bytes"]
            self.ns += event["last_ns"] - event["first_ns"]


@asynccontextmanager
async def _running(text: str) -> AsyncIterator[tuple[Machine, _Watch]]:
    watch = _Watch()
    async with open_machine(
        parse_scenario(text, "channel"), Options(proof=False, listeners=(watch,))
    ) as machine:
        await machine.clock.sleep_ns(NS_PER_S // 5)
        yield machine, watch


def _memmove_ns(machine: Machine) -> int:
    """A plain copy of as many bytes, into the same storage."""
    storage = machine.storage
    source = storage.address((64 << 20) >> 12)
    target = storage.address((1 << 20) >> 12)
    storage.frames[(64 << 20) >> 12 : (80 << 20) >> 12] = 1
    best = 0
    for _ in range(5):
        began_ns = machine.clock.now_ns()
        ctypes.memmove(target, source, _TRANSFER_BYTES)
        took_ns = machine.clock.now_ns() - began_ns
        best = took_ns if not best else min(best, took_ns)
    return best


async def _rate(repeats: int, ccw_bytes: int, window_ns: int, target: Target) -> Figure:
    reads = _TRANSFER_BYTES // ccw_bytes
    ratios = []
    rounds = Rounds(repeats)
    async with _running(_scenario("Reader", f"ccw = {ccw_bytes}, reads = {reads}")) as (machine, watch):
        for _ in rounds:
            watch.clear()
            await machine.clock.sleep_ns(window_ns)
            if not watch.ns:
                raise SystemExit("no channel program ended in the window; expected a faster machine")
            rate = watch.bytes / watch.ns
            ratios.append(rate / (_TRANSFER_BYTES / _memmove_ns(machine)))
    what = (
        f"one IOP, {ccw_bytes >> 10} KiB a CCW: bytes a second, of a memmove of {_TRANSFER_BYTES >> 20} MiB"
    )
    return Figure("channel", what, rounds.kept(ratios), target)


async def _programs_a_second(window_ns: int) -> float:
    async with _running(_scenario("Reader", "ccw = 4096, reads = 1")) as (machine, watch):
        watch.clear()
        began_ns = machine.clock.now_ns()
        await machine.clock.sleep_ns(window_ns)
        return watch.programs * NS_PER_S / (machine.clock.now_ns() - began_ns)


def _programs(repeats: int, window_ns: int) -> list[Figure]:
    rates, costs = [], []
    rounds = Rounds(repeats)
    for _ in rounds:
        bare = trio.run(bare_channels, 5_000)
        rates.append(trio.run(_programs_a_second, window_ns))
        costs.append(bare / rates[-1])
    what = "start, wait and test of a channel program that reads one 4 KiB block"
    return [
        Figure("channel", f"{what}: programs a second", rounds.kept(rates)),
        Figure("channel", f"{what}: cost, in round trips over bare trio channels", rounds.kept(costs)),
    ]


async def _quiesce(repeats: int) -> list[Figure]:
    times, ratios = [], []
    program_ns = _PROGRAM_MS * 1_000_000
    rounds = Rounds(repeats)
    text = _scenario("ManyReaders", f"reads = {_READS}", _SUBCHANNELS, f"{_PROGRAM_MS}ms")
    async with _running(text) as (machine, _):
        for number in rounds:
            result = await machine.svp.execute(f"MVSTOR LPAR1 HSA={(64, 0)[number % 2]}M")
            took_ns = max(lip.phases_ns["QUIESCING"] for lip in result.lips)
            times.append(took_ns / 1e6)
            ratios.append(took_ns / program_ns)
            await machine.clock.sleep_ns(NS_PER_S // 5)
    what = f"MVSTOR with {_SUBCHANNELS} subchannels in transfer, programs of {program_ns // 1_000_000} ms"
    return [
        Figure("channel", f"{what}: phase QUIESCING", rounds.kept(times), unit="ms"),
        Figure("channel", f"{what}: QUIESCING, of the time of one program", rounds.kept(ratios)),
    ]


def measure_channel(repeats: int, *, window_ns: int = NS_PER_S) -> list[Figure]:
    """Transfer rate, programs a second, quiesce time."""
    return [
        trio.run(_rate, repeats, 4 << 10, window_ns, RATE_4K),
        trio.run(_rate, repeats, 60 << 10, window_ns, RATE_60K),
        *_programs(repeats, window_ns),
        *trio.run(_quiesce, repeats),
    ]
