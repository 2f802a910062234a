"""The machine: builds the actors from a scenario, opens the nursery, proves the run at its end.

Who owns what: the machine owns main storage, the trace and the rule book; the resource manager the zone table;
a LIP its state descriptions; an IOP its devices' channel programs. Order matters, both ways:

    open:  storage -> zones, guests loaded (IPL) -> actors -> SIE
    close: actors end -> guests' final check -> rules -> verdict -> trailer of the trace -> storage
"""

import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from attrs import Factory, evolve, frozen
from trio.lowlevel import enable_ki_protection

from lparvm.actors.guest_table import Life
from lparvm.actors.lpar_control import bring_back
from lparvm.actors.run_clock import RunClock
from lparvm.actors.service_processor import ServiceProcessor
from lparvm.arch.address import PAGE_BYTES
from lparvm.assembly import Assembly, Parts
from lparvm.config import RESULTS_KEPT_MAX, THREAD_SWITCH_INTERVAL_S, TRACE_FLUSH_INTERVAL_S
from lparvm.faults import STRIKES, Faults
from lparvm.moments import Moments
from lparvm.protocol import messages as m
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.news import CommandResult, News
from lparvm.protocol.results import Result, message_text
from lparvm.report import GuestReport, RunReport, verdict_of
from lparvm.scenario import FaultConfig, Scenario, load_scenario
from lparvm.scenario.model import FaultKind
from lparvm.storage.main_storage import MainStorage
from lparvm.trace.rules import RuleBook
from lparvm.trace.vocabulary import Level
from lparvm.trace.writer import Listener, Trace, standard_header

__all__ = ["Machine", "Options", "Parts", "open_machine"]


@frozen
class Options:
    """How a scenario is run.

    Attributes:
        seed: seeds guests, devices, and, under the virtual clock, the scheduler.
        trace: the trace file; None: none. `.gz` and `.zst` are compressed.
        level: how much it holds.
        proof: whether moves are proven by checksums.
        parts: what the machine is built from.
        listeners: called with each event of the trace, see `trace.writer`.
        ring: keep so many events in memory, and write the trace file only when the run is not intact.
    """

    seed: int = 0
    trace: Path | None = None
    level: Level = Level.PROTOCOL
    proof: bool = True
    parts: Parts = Factory(Parts)
    listeners: tuple[Listener, ...] = ()
    ring: int | None = None


class Machine:
    """A machine that runs. Made by `open_machine`.

    Attributes:
        scenario: what it was built from.
        clock: the run clock.
        assembly: its parts.
        report: the run's report; there after `open_machine` has closed.
        interrupted: the run was ended early, by Ctrl-C or its caller.
        moments: waits for moments of operations; only where the scenario has any.
        expected: operation id -> the result that is expected of it; what isn't here may end in any way.
    """

    @enable_ki_protection
    def __init__(self, scenario: Scenario, options: Options) -> None:
        """Build storage, zones, guests and actors; nothing runs yet."""
        self.scenario, self.options = scenario, options
        self.clock = RunClock()
        self.report: RunReport | None = None
        self.interrupted = False
        self.expected: dict[str, Result] = {}
        self._remembered: deque[str] = (
            deque()
        )  # commands that were answered, and nobody expected a certain result of
        self._forgotten = 0
        self._rules = RuleBook(proof=options.proof, level=Level.STORAGE)
        header = standard_header(
            scenario=scenario.name, seed=options.seed, clock="virtual" if self.clock.virtual else "real",
            proof=options.proof,
        )  # fmt: skip
        listeners = (self._rules.feed, *options.listeners)
        self.moments = Moments()
        self._faults = Faults(self)
        times = [one.at_ns for one in scenario.commands] + [one.at_ns for one in scenario.faults]
        if None in times:
            listeners += (self.moments.watch,)
        self.trace = Trace(
            now_ns=self.clock.now_ns, level=options.level, path=options.trace, header=header,
            listeners=listeners, ring=options.ring,
            digest=self.clock.virtual,  # of a ring: no two real runs have the same
        )  # fmt: skip
        self._log = self.trace.logger("MACHINE")
        self.assembly = Assembly(
            scenario, self.clock, self.trace, options.parts, seed=options.seed, proof=options.proof,
            observe=options.level >= Level.STORAGE,
        )  # fmt: skip

    @enable_ki_protection
    def build(self) -> None:
        """Open the devices, load the guests (IPL) and make the actors."""
        scenario = self.scenario
        self._log.emit(
            "machine.started", seed=self.options.seed, main_storage_frames=scenario.main_storage_frames,
            lpars=[lpar.name for lpar in scenario.lpars], lips=scenario.lips, iops=scenario.iops,
        )  # fmt: skip
        self.assembly.build()
        self.svp.listen(self._remember)
        self.frame_before = self.rows()

    def _remember(self, news: News) -> None:
        """A machine may run for days: what nobody waits for is forgotten some time."""
        if not isinstance(news, CommandResult) or news.operation in self.expected:
            return
        self._remembered.append(news.operation)
        if len(self._remembered) > RESULTS_KEPT_MAX:
            self.svp.forget(self._remembered.popleft())
            self._forgotten += 1

    @property
    def svp(self) -> ServiceProcessor:
        """The service processor: commands, messages, progress."""
        return self.assembly.svp

    @property
    def broken_rules(self) -> tuple[str, ...]:
        """What broke a rule until now, a line for each rule that is broken."""
        return self._rules.broken()

    @property
    def storage(self) -> MainStorage:
        """Main storage."""
        return self.assembly.storage

    def start(self, nursery: trio.Nursery) -> None:
        """Start every actor."""
        self.assembly.start(nursery)
        if not self.clock.virtual and self.trace.path is not None:
            nursery.start_soon(self._keep_trace_flushed)

    async def _keep_trace_flushed(self) -> None:
        """Whoever follows the file sees what happens, also while little does."""
        while True:
            await trio.sleep(TRACE_FLUSH_INTERVAL_S)
            self.trace.flush()

    def start_faults(self, nursery: trio.Nursery) -> None:
        """Let the scenario's faults strike when they come due."""
        self._faults.start(nursery)

    def rows(self) -> tuple[m.FrameRow, ...]:
        """The LPAR frame now."""
        return self.assembly.rows()

    def strike(self, fault: FaultConfig) -> None:
        """Let a fault of the scenario's kinds strike now."""
        self.tell_fault(fault, STRIKES[fault.kind](self, fault))

    def tell_fault(self, fault: FaultConfig, text: str) -> None:
        """A fault has struck: tell trace and operator."""
        if fault.kind is FaultKind.STORAGE:
            cause = self._log.emit("storage.failed", frame=fault.address // PAGE_BYTES)
        else:
            cause = self._log.emit("fault.injected", kind=fault.kind, target=fault.target)
        self.svp.tell_operator(None, "LVM080W", message_text("LVM080W", fault=text), cause)

    def fail_frame(self, address: int) -> None:
        """A fault: the frame of this host absolute address fails from now on."""
        self.strike(FaultConfig(FaultKind.STORAGE, str(address), address=address))

    def refuse_sale(self, iop: str) -> None:
        """A fault: the next SALE is refused by this IOP."""
        self.assembly.iops[iop].refuse_next_sale()

    async def settle(self) -> None:
        """Cancel what is under way and wait until every guest operates again."""
        for operation in self.svp.pending:
            await self.svp.cancel(operation)
        while self.svp.pending:
            await self.clock.sleep_ns(1_000_000)

    @enable_ki_protection
    def close(self, *, crashed: bool) -> None:
        """The proof: guests' final check, rules, verdict; then the trailer."""
        try:
            self.svp.abandon()
            self._log.emit("machine.ended", interrupted=self.interrupted)
            ended_ns = self.clock.now_ns()
            bring_back(self.assembly.records, self.assembly.zones.zone_of)
            guests = tuple(self._verify(entry) for entry in self.assembly.records.lpars.values())
            rules = self._rules.finish()
            results = tuple(
                evolve(result, expected=self.expected.get(op)) for op, result in self.svp.results.items()
            )
            # An interrupted run cancelled what was under way: that is expected.
            judged = () if self.interrupted else results
            verdict = "failed" if crashed else verdict_of(guests, rules, judged)
            self.trace.close(verdict, interrupted=self.interrupted)
            self.report = RunReport(
                scenario=self.scenario.name, seed=self.options.seed,
                clock="virtual" if self.clock.virtual else "real", verdict=verdict,
                digest=self.trace.digest, trace=self.trace.path, duration_ns=ended_ns,
                main_storage_frames=self.scenario.main_storage_frames, frame_before=self.frame_before,
                frame_after=self.rows(), commands=results, guests=guests, rules=rules,
                interrupted=self.interrupted, retired=self.assembly.zones.retired, forgotten=self._forgotten,
            )  # fmt: skip
        finally:
            self.release()

    def release(self) -> None:
        """Close devices, trace and storage; also after a failed start."""
        self.trace.close("failed")
        self.assembly.close()

    def _verify(self, entry: LparEntry) -> GuestReport:
        """The last life of an LPAR's guest, and those before it."""
        lpar, table = entry.name, self.assembly.guest_table
        if lpar in table.loaded:
            life = table.verify(lpar, self.assembly.zones.zone_of(lpar))
            table.end(lpar, life, self._log, failed=self.assembly.lip_controls[lpar].failed)
        nothing = Life(entry.plan.guest, len(entry.plan.lips), 0, 0, 0)
        *earlier, last = table.lives.get(lpar, [nothing])
        return GuestReport(
            lpar=lpar, guest=last.guest, lip_count=last.lip_count, steps=last.steps, stores=last.stores,
            fetches=last.fetches, damage=last.damage, damage_count=last.damage_count, failed=last.failed,
            lives=tuple(earlier),
        )  # fmt: skip


@asynccontextmanager
async def open_machine(
    scenario: Scenario | str | Path, options: Options | None = None
) -> AsyncIterator[Machine]:
    """Run a machine as long as the context is open.

        async with lparvm.open_machine("figure-3") as machine:
            result = await machine.svp.execute("MVSTOR LPAR2 HSA=192M")

    The clock is that of the trio run: under a MockClock it is virtual. The scenario's own commands and its
    duration are not used here; `run_scenario` does that. Afterwards `machine.report` holds the verdict.

    Args:
        scenario: a built-in name, a file, or a scenario.
        options: seed, trace, proof.

    Raises:
        ScenarioError: the scenario is wrong; nothing was started.
        UsageError: the trace file cannot be written, or a device file not be used.
    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(str(scenario))
    machine = Machine(scenario, options or Options())
    try:
        machine.build()
    except BaseException:
        machine.release()
        raise
    crashed = True
    switch_interval_s = sys.getswitchinterval()
    if not machine.clock.virtual:
        sys.setswitchinterval(THREAD_SWITCH_INTERVAL_S)
    try:
        async with trio.open_nursery() as nursery:
            machine.start(nursery)
            yield machine
            nursery.cancel_scope.cancel()
        crashed = False
    except BaseException as error:
        stopped, others = BaseExceptionGroup("", [error]).split((KeyboardInterrupt, trio.Cancelled))
        machine.interrupted = machine.interrupted or stopped is not None
        crashed = others is not None
        raise
    finally:
        sys.setswitchinterval(switch_interval_s)
        machine.close(crashed=crashed)
