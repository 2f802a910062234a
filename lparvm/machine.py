"""The machine: builds the actors from a scenario, opens the nursery, proves the run at its end.

Who owns what: the machine owns main storage, the trace and the rule book; the resource manager the zone table;
a LIP its state descriptions; an IOP its devices' channel programs. Order matters, both ways:

    open:  storage -> zones, guests loaded (IPL) -> actors -> SIE
    close: actors end -> guests' final check -> rules -> verdict -> trailer of the trace -> storage
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
from attrs import Factory, evolve, frozen
from trio.lowlevel import enable_ki_protection

from lparvm.actors.run_clock import RunClock
from lparvm.actors.service_processor import ServiceProcessor
from lparvm.arch.address import PAGE_BYTES
from lparvm.assembly import Assembly, Parts
from lparvm.config import THREAD_SWITCH_INTERVAL_S
from lparvm.protocol import messages as m
from lparvm.protocol.results import Result, message_text
from lparvm.report import GuestReport, RunReport, verdict_of
from lparvm.scenario import LparConfig, Scenario, load_scenario
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
        trace: the trace file; None: none.
        level: how much it holds.
        proof: whether moves are proven by checksums.
        parts: what the machine is built from.
        listeners: called with each event of the trace, see `trace.writer`.
    """

    seed: int = 0
    trace: Path | None = None
    level: Level = Level.PROTOCOL
    proof: bool = True
    parts: Parts = Factory(Parts)
    listeners: tuple[Listener, ...] = ()


class Machine:
    """A machine that runs. Made by `open_machine`.

    Attributes:
        scenario: what it was built from.
        clock: the run clock.
        assembly: its parts.
        report: the run's report; there after `open_machine` has closed.
        interrupted: the run was ended early, by Ctrl-C or its caller.
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
        self._rules = RuleBook(proof=options.proof, level=Level.STORAGE)
        header = standard_header(
            scenario=scenario.name, seed=options.seed, clock="virtual" if self.clock.virtual else "real",
            proof=options.proof,
        )  # fmt: skip
        listeners = (self._rules.feed, *options.listeners)
        self.trace = Trace(
            now_ns=self.clock.now_ns, level=options.level, path=options.trace, header=header,
            listeners=listeners,
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
        self.frame_before = self.rows()

    @property
    def svp(self) -> ServiceProcessor:
        """The service processor: commands, messages, progress."""
        return self.assembly.svp

    @property
    def storage(self) -> MainStorage:
        """Main storage."""
        return self.assembly.storage

    def start(self, nursery: trio.Nursery) -> None:
        """Start every actor."""
        self.assembly.start(nursery)

    def rows(self) -> tuple[m.FrameRow, ...]:
        """The LPAR frame now."""
        return self.assembly.rows()

    def fail_frame(self, address: int) -> None:
        """A fault: the frame of this host absolute address fails from now on."""
        frame = address // PAGE_BYTES
        self.storage.fail_frame(frame)
        cause = self._log.emit("storage.failed", frame=frame)
        self.svp.tell_operator(None, "LVM080W", message_text("LVM080W", frame=frame), cause)

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
            self.assembly.control.bring_back(self.assembly.zones.zone_of)
            guests = tuple(self._verify(lpar) for lpar in self.scenario.lpars)
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
                digest=self.trace.digest, trace=self.options.trace, duration_ns=ended_ns,
                main_storage_frames=self.scenario.main_storage_frames, frame_before=self.frame_before,
                frame_after=self.rows(), commands=results, guests=guests, rules=rules,
                interrupted=self.interrupted,
            )  # fmt: skip
        finally:
            self.release()

    def release(self) -> None:
        """Close devices, trace and storage; also after a failed start."""
        self.trace.close("failed")
        self.assembly.close()

    def _verify(self, lpar: LparConfig) -> GuestReport:
        guest = self.assembly.guests[lpar.name]
        # What the run itself touched is counted; the final check is not.
        steps, stores, fetches = guest.steps, guest.stores, guest.fetches
        states = self.assembly.states[lpar.name]
        for state in states:
            # The map says where the pages are, also where the run ended before each LIP was told.
            state.zone = self.assembly.zones.zone_of(lpar.name)
        failure = guest.verify(states)
        for damage in guest.take_damage():
            self._log.emit(
                "guest.damaged", lpar=lpar.name, lip=damage.lip, address=damage.address,
                expected=damage.expected, found=damage.found,
            )  # fmt: skip
        self._log.emit(
            "guest.verified", lpar=lpar.name, guest=lpar.guest, steps=steps, damage=guest.damage_count
        )
        failed = failure is not None or self.assembly.lip_controls[lpar.name].failed
        return GuestReport(
            lpar=lpar.name, guest=lpar.guest, lip_count=len(lpar.lips), steps=steps, stores=stores,
            fetches=fetches, damage=tuple(guest.damage), damage_count=guest.damage_count, failed=failed,
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
