"""A soak, from start to verdict.

open the machine -> operators, the watch and the samples side by side -> the desk closes when time is over, at the
first problem, or by Ctrl-C -> what stands is started, every path is on again, every guest must go on -> proof
"""

import gc
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import trio
from attrs import define, field

from lparvm import config
from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.machine import Machine, Options, open_machine
from lparvm.runner import ended_by_signals
from lparvm.stress.soak.commands import CommandDraw
from lparvm.stress.soak.counts import Counts
from lparvm.stress.soak.memory import Measure, Usage, measure, tidy
from lparvm.stress.soak.operators import Desk, Operator
from lparvm.stress.soak.options import SoakOptions, SoakProgress
from lparvm.stress.soak.report import SoakReport, report_of
from lparvm.stress.soak.tenants import soak_scenario
from lparvm.stress.soak.watch import Watch
from lparvm.units import format_duration, seconds, stream_seed

OnProgress = Callable[[SoakProgress], None]
OnMachine = Callable[[Machine], None]


def soak(
    options: SoakOptions,
    *,
    on_progress: OnProgress | None = None,
    on_machine: OnMachine | None = None,
    signals: bool = False,
    measured: Measure = measure,
) -> SoakReport:
    """Run a soak to its end and prove it.

    Args:
        options: of it.
        on_progress: called with each sample of memory.
        on_machine: called with the machine when it has been opened.
        signals: end it in order on SIGINT and SIGTERM (main thread only).
        measured: how memory is measured.
    """
    with tempfile.TemporaryDirectory(prefix="lparvm-soak-") as directory, _settled_heap():
        main = partial(
            run_soak, options, Path(directory), on_progress=on_progress, on_machine=on_machine,
            signals=signals, measured=measured,
        )  # fmt: skip
        try:
            return trio.run(main)
        except BaseExceptionGroup as group:
            if group.subgroup(KeyboardInterrupt) is not None:
                raise KeyboardInterrupt from None
            raise


@contextmanager
def _settled_heap() -> Iterator[None]:
    """Within it, what there was before (mostly modules) is not looked through by each collection of garbage."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def run_soak(
    options: SoakOptions,
    directory: Path,
    *,
    on_progress: OnProgress | None = None,
    on_machine: OnMachine | None = None,
    signals: bool = False,
    measured: Measure = measure,
) -> SoakReport:
    """As `soak`, inside a trio run; the clock is that run's. `directory` is for the files of devices."""
    counts = Counts()
    run = Options(
        seed=options.seed, trace=options.trace, ring=config.SOAK_RING_EVENTS, parts=options.parts,
        listeners=(counts.feed,),
    )  # fmt: skip
    async with open_machine(soak_scenario(options, directory), run) as machine:
        scope = trio.CancelScope()
        under_way = _Soak(options, machine, counts, scope, on_progress, measured)
        if on_machine is not None:
            on_machine(machine)
        with ended_by_signals(machine, scope) if signals else nullcontext():
            with scope:
                await under_way.run()
            interrupted = machine.interrupted
            if interrupted or under_way.watch.found:
                with trio.move_on_after(seconds(options.answer_ns)):
                    await machine.settle()
        # What is not answered by now has been told: the rules need not wait for it.
        machine.interrupted = bool(machine.svp.pending) or interrupted
    assert machine.report is not None, "a closed machine has a report"
    return report_of(
        options,
        machine.report,
        counts,
        tuple(under_way.watch.problems),
        under_way.samples,
        interrupted=interrupted,
    )


@define(eq=False)
class _Soak:
    """One that is under way."""

    options: SoakOptions
    machine: Machine
    counts: Counts
    scope: trio.CancelScope
    on_progress: OnProgress | None
    measured: Measure
    samples: list[Usage] = field(factory=list)
    watch: Watch = field(init=False)
    desk: Desk = field(init=False)

    def __attrs_post_init__(self) -> None:
        options = self.options
        self.watch = Watch(self.machine, options.stall_ns, self.scope.cancel)
        self.desk = Desk(self.machine, self.counts, self.watch, options.answer_ns)
        self.machine.svp.listen(self.watch.hear)

    async def run(self) -> None:
        """All of it; cancelled from outside at the first problem."""
        async with trio.open_nursery() as watching:
            watching.start_soon(self._look)
            watching.start_soon(self._sample)
            async with trio.open_nursery() as operating:
                for number in range(self.options.operators):
                    seed = stream_seed(self.options.seed, "soak", "operator", number)
                    operator = Operator(self.desk, CommandDraw(random.Random(seed)))
                    operating.start_soon(operator.run, name=f"operator {number}")
                await self.machine.clock.sleep_until_ns(self.options.duration_ns)
                self.desk.closed = True
            await self._end()
            watching.cancel_scope.cancel()

    async def _look(self) -> None:
        while True:
            self._look_once()
            await self.machine.clock.sleep_ns(config.SOAK_LOOK_NS)

    def _look_once(self) -> bool:
        while self.counts.problems:
            self.watch.tell(self.counts.problems.pop(0))
        return self.watch.look()

    async def _sample(self) -> None:
        """Memory, now and then."""
        interval_ns = max(config.SOAK_SAMPLE_NS_MIN, self.options.duration_ns // config.SOAK_SAMPLES)
        while True:
            self._take_sample()
            await self.machine.clock.sleep_ns(interval_ns)

    def _take_sample(self) -> None:
        # What is garbage, or only kept ready, is no leak.
        tidy()
        machine = self.machine
        frames = int(machine.storage.committed(Zone(0, machine.storage.frame_count)).sum())
        held = frames + machine.assembly.expanded.committed()
        usage = self.measured(machine.clock.now_ns(), held * PAGE_BYTES)
        self.samples.append(usage)
        if self.on_progress is not None:
            counts = self.counts
            told = SoakProgress(
                usage.at_ns, self.options.duration_ns, counts.commands, counts.relocations, counts.moved_bytes,
                usage.own_bytes, self.watch.found,
            )  # fmt: skip
            self.on_progress(told)

    async def _end(self) -> None:
        """Nobody gives commands any more, and whoever stopped something has started it: every guest must go on."""
        self.watch.forget()
        with trio.move_on_after(seconds(self.options.stall_ns)) as waiting:
            while not self._look_once():
                await self.machine.clock.sleep_ns(config.SOAK_RETRY_NS)
        if waiting.cancelled_caught:
            stall, standing = format_duration(self.options.stall_ns), ", ".join(self.watch.standing)
            self.watch.tell(f"{stall} after the last command these have done nothing: {standing}")
