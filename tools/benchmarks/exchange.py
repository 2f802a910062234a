"""An exchange against the naive way with a full buffer, and a cancel against the copy that it takes back.

The naive way is three memmoves of one zone's bytes: one zone into a buffer, the other into its place, the buffer
into the other's. It is done in the same run, in trio's own thread, and undone before anything else happens. The
guests are `idle`, with every page stamped; the run ends with their own check, and with the rules.
"""

import ctypes
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import Factory, define

from benchmarks.figures import Figure, Target
from benchmarks.moves import MIB, Plan, moving_machine
from benchmarks.quiet import Rounds
from lparvm.arch.address import PAGE_SHIFT
from lparvm.machine import Machine, Options, open_machine
from lparvm.scenario import parse_scenario
from lparvm.trace.writer import Event

EXCHANGE_TARGET = Target(1.20)

_SCENARIO = """
title = "two LPARs that exchange their areas; all of storage is in use"
[machine]
main_storage = "{total}M"
[[lpar]]
name = "LPAR1"
origin = "0"
size = "{size}M"
guest = "idle"
options = {{ fill = true, interval = "10s" }}
[[lpar]]
name = "LPAR2"
origin = "{size}M"
size = "{size}M"
guest = "idle"
options = {{ fill = true, interval = "10s" }}
[run]
duration = "1s"
"""


@define
class _Watch:
    """When exchanges began and ended, and when guests were started after a CANCEL."""

    exchanges: list[int] = Factory(list)
    began_ns: int = 0
    cancelled_ns: int = 0
    started_ns: int = 0

    def __call__(self, event: Event) -> None:
        """Take one event."""
        match event["event"]:
            case "exchange.started" | "move.started" if not event["inverse"]:
                self.began_ns = event["t"]
            case "exchange.ended":
                self.exchanges.append(event["t"] - self.began_ns)
            case "command.received" if event["text"].startswith("CANCEL"):
                self.cancelled_ns = event["t"]
            case "sie.issued":
                self.started_ns = event["t"]


@asynccontextmanager
async def _running(size_mib: int) -> AsyncIterator[tuple[Machine, _Watch]]:
    watch = _Watch()
    text = _SCENARIO.format(total=2 * size_mib, size=size_mib)
    async with open_machine(parse_scenario(text), Options(proof=False, listeners=(watch,))) as machine:
        yield machine, watch
    _check(machine)


def _check(machine: Machine) -> None:
    assert machine.report is not None, "a closed machine has a report"
    if machine.report.verdict != "intact":
        raise SystemExit(f"the run was not intact: {machine.report.verdict}")


def _naive_ns(machine: Machine, size_bytes: int, buffer: int) -> int:
    """Three memmoves, and untimed ones back."""
    low, high = machine.storage.address(0), machine.storage.address(size_bytes >> PAGE_SHIFT)

    def exchange() -> None:
        ctypes.memmove(buffer, low, size_bytes)
        ctypes.memmove(low, high, size_bytes)
        ctypes.memmove(high, buffer, size_bytes)

    began_ns = time.perf_counter_ns()
    exchange()
    took_ns = time.perf_counter_ns() - began_ns
    exchange()
    return took_ns


async def _exchanges(size_mib: int, rounds: Rounds) -> tuple[tuple[float, float, int], ...]:
    """(copy phase in naive ways, stopped time in naive ways, a naive way in ns) of each repetition."""
    found = []
    full = ctypes.create_string_buffer(size_mib * MIB)
    async with _running(size_mib) as (machine, watch):
        await machine.svp.execute("XCHSTOR LPAR1 LPAR2")
        await machine.svp.execute("XCHSTOR LPAR1 LPAR2")
        for _ in rounds:
            naive_ns = _naive_ns(machine, size_mib * MIB, ctypes.addressof(full))
            result = await machine.svp.execute("XCHSTOR LPAR1 LPAR2")
            if result.longest_stop is None or result.code != "LVM012I":
                raise SystemExit(f"the exchange did not complete: {result.code} {result.message}")
            stopped_ns = result.longest_stop.stopped_ns
            found.append((watch.exchanges[-1] / naive_ns, stopped_ns / naive_ns, naive_ns))
    return rounds.kept(found)


async def _cancels(plan: Plan, rounds: Rounds) -> tuple[tuple[float, float], ...]:
    """(from CANCEL to the guest's SIE in times of the copy until then, that copy in ns) of each repetition."""
    found = []
    watch = _Watch()
    async with moving_machine(plan, watch) as (machine, _):
        for _ in rounds:
            svp = machine.svp
            op = svp.submit(f"MVSTOR LPAR2 HSA={plan.high.origin_bytes}")
            while not any(one.op == op and one.percent >= 40 for one in svp.operations()):  # noqa: ASYNC110
                await trio.sleep(0.001)
            result = await svp.cancel(op)
            moved = await svp.answer(op)
            if moved.code != "LVM050I":
                raise SystemExit(f"the move was not cancelled: {moved.code}, {result.code}")
            copied_ns = watch.cancelled_ns - watch.began_ns
            found.append(((watch.started_ns - watch.cancelled_ns) / copied_ns, copied_ns))
    return rounds.kept(found)


def measure_exchange(repeats: int, *, size_mib: int = 128) -> list[Figure]:
    """The exchange of two zones in three memmoves of one."""
    rounds = Rounds(repeats)
    found = trio.run(_exchanges, size_mib, rounds)
    naive_ms = statistics.median(naive_ns for _, _, naive_ns in found) / 1e6
    what = f"two zones of {size_mib} MB exchanged"
    note = "; ".join(filter(None, (f"three memmoves: {naive_ms:.1f} ms", rounds.note)))
    return [
        Figure("exchange", f"{what}: copy phase, in three memmoves", tuple(one[0] for one in found),
               EXCHANGE_TARGET, note=note),
        Figure("exchange", f"{what}: stopped time, in three memmoves", tuple(one[1] for one in found)),
    ]  # fmt: skip


def measure_cancel(repeats: int, *, size_mib: int = 1024) -> list[Figure]:
    """From CANCEL to the guest running again, in times of the copy that was done until then."""
    rounds = Rounds(repeats)
    found = trio.run(_cancels, Plan(size_mib, size_mib // 4), rounds)
    copied_ms = statistics.median(copied_ns for _, copied_ns in found) / 1e6
    what = f"{size_mib} MB up by {size_mib // 4} MB, cancelled half way: from CANCEL to SIE, in the copy until then"
    return [
        Figure(
            "cancel", what, tuple(one[0] for one in found), note=f"the copy until then: {copied_ms:.1f} ms"
        )
    ]
