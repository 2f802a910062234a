"""The machine: builds the actors from a scenario, opens the nursery, proves the run at its end.

Who owns what: the machine owns main storage, the trace and the rule book; the resource manager the zone table;
a LIP its state descriptions; an IOP its devices' channel programs. Order matters, both ways:

    open:  storage -> zones, guests loaded (IPL) -> actors -> SIE
    close: actors end -> guests' final check -> rules -> verdict -> trailer of the trace -> storage
"""

import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from attrs import evolve, frozen
from trio.lowlevel import enable_ki_protection

from lparvm.actors.iop import Iop
from lparvm.actors.lip import Lip
from lparvm.actors.lip_control import LipControl
from lparvm.actors.lpar_control import LparControl
from lparvm.actors.mailbox import Actor, Mailbox
from lparvm.actors.resource_manager import ResourceManager
from lparvm.actors.run_clock import RunClock
from lparvm.actors.service_processor import ServiceProcessor
from lparvm.actors.storage_work import StorageWork
from lparvm.arch.address import PAGE_BYTES
from lparvm.arch.state_description import StateDescription
from lparvm.config import THREAD_SWITCH_INTERVAL_S
from lparvm.devices.base import Device
from lparvm.devices.registry import make_device
from lparvm.errors import ScenarioError, UsageError
from lparvm.guests.base import Guest, GuestSetup
from lparvm.guests.registry import load_guest
from lparvm.protocol import messages as m
from lparvm.protocol import relocation
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR, lip_control_of
from lparvm.protocol.admission import LparEntry
from lparvm.protocol.guest_control import GuestControl
from lparvm.protocol.results import Result, message_text
from lparvm.report import GuestReport, RunReport, verdict_of
from lparvm.scenario import LparConfig, Scenario, load_scenario
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.zones import ZoneTable
from lparvm.trace.rules import RuleBook
from lparvm.trace.vocabulary import Level
from lparvm.trace.writer import Listener, Trace, standard_header


@frozen
class Parts:
    """What a machine is built from; replace a part to show that the rules catch a broken one."""

    advance: Callable[..., Any] = relocation.advance
    lip: type[Lip] = Lip
    lip_control: type[LipControl] = LipControl
    iop: type[Iop] = Iop
    lpar_control: type[LparControl] = LparControl
    resource_manager: type[ResourceManager] = ResourceManager


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
    parts: Parts = Parts()
    listeners: tuple[Listener, ...] = ()


class Machine:
    """A machine that runs. Made by `open_machine`.

    Attributes:
        scenario: what it was built from.
        svp: the service processor: commands, messages, progress.
        storage: main storage.
        clock: the run clock.
        report: the run's report; there after `open_machine` has closed.
        interrupted: the run was ended early, by Ctrl-C or its caller.
        expected: operation id -> the result that is expected of it; what isn't here may end in any way.
    """

    svp: ServiceProcessor

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
        self.storage = MainStorage(scenario.main_storage_frames)
        # What must be closed in any case, the last opened first.
        self._open = ExitStack()
        self._open.callback(self.storage.close)
        self._zones = ZoneTable(scenario.main_storage_frames)
        self._devices: dict[int, Device] = {}
        self._guests: dict[str, Guest] = {}
        self._states: dict[str, list[StateDescription]] = {}
        self._actors: dict[str, Actor] = {}
        self._lips: list[Lip] = []
        self._iops: dict[str, Iop] = {}
        self._lip_controls: dict[str, LipControl] = {}

    @enable_ki_protection
    def build(self) -> None:
        """Open the devices, load the guests (IPL) and make the actors."""
        scenario = self.scenario
        self._log.emit(
            "machine.started", seed=self.options.seed, main_storage_frames=scenario.main_storage_frames,
            lpars=[lpar.name for lpar in scenario.lpars], lips=scenario.lips, iops=scenario.iops,
        )  # fmt: skip
        for position, device in enumerate(self.scenario.devices):
            try:
                made = make_device(device.kind, device.number, device.latency_ns, dict(device.options))
            except UsageError as error:
                raise ScenarioError(self.scenario.name, f"device[{position}].options", str(error)) from None
            self._devices[device.number] = made
            self._open.callback(made.close)
        for lpar in self.scenario.lpars:
            self._load(lpar)
        directory = {name: Mailbox(name, capacity) for name, capacity in self._capacities().items()}
        self._make_control(directory)
        self._make_processors(directory)
        self.frame_before = self.rows()

    def _load(self, lpar: LparConfig) -> None:
        self._zones.assign(lpar.name, lpar.zone)
        self.storage.clear(lpar.zone)
        setup = GuestSetup(
            lpar=lpar.name, lips=lpar.lips, seed=self.options.seed, options=dict(lpar.options),
            devices=lpar.devices, storage=self.storage,
        )  # fmt: skip
        guest = self._guests[lpar.name] = load_guest(lpar.guest)(setup)
        states = self._states[lpar.name] = [
            StateDescription(lpar.name, lip, cpu_address, lpar.zone)
            for cpu_address, lip in enumerate(lpar.lips)
        ]
        guest.load(states)
        self._log.emit(
            "lpar.activated", lpar=lpar.name, origin_frame=lpar.zone.origin, extent_frames=lpar.zone.extent,
            guest=lpar.guest, lips=lpar.lips, iops=self._iops_of(lpar),
        )  # fmt: skip

    def _iops_of(self, lpar: LparConfig) -> tuple[str, ...]:
        used = {device.iops[0] for device in self.scenario.devices if device.number in lpar.devices}
        return tuple(sorted(used))

    def _capacities(self) -> dict[str, int]:
        """The most that can be in flight to each actor; see `actors.mailbox`."""
        scenario = self.scenario
        lpars, lips, iops = len(scenario.lpars), len(scenario.lips), len(scenario.iops)
        devices = len(scenario.devices)
        # An operation: an answer of each IOP to each of QUIESCE, REPORT and RELEASE, one of RM, of LIP control,
        # of a helper, two timers, a step of progress, a cancel.
        operation = 3 * iops + 8
        capacities = {
            # Answers, phases and progress of each operation; messages of LIP control; commands.
            SERVICE_PROCESSOR: 1024 + 64 * lpars,
            LPAR_CONTROL: 1024 + operation * lpars,
            RESOURCE_MANAGER: 1024 + (2 + iops) * lpars,
        }
        for lpar in scenario.lpars:
            # A LIP: two answers, an interception, a failure, a timer. A device: an answer, two endings.
            capacities[lip_control_of(lpar.name)] = 4 + 6 * len(lpar.lips) + 4 * devices
        for lip in scenario.lips:
            capacities[lip] = 4 * max(
                1, lpars
            )  # two orders, a third when the guest fails, and a reply, an LPAR
        for iop in scenario.iops:
            # A start for each guest processor, an end for each device, four orders for each LPAR.
            capacities[iop] = 4 + lpars * max(1, lips) + devices + 4 * lpars
        return capacities

    def _make_control(self, directory: Mapping[str, Mailbox]) -> None:
        scenario, parts, log = self.scenario, self.options.parts, self.trace.logger
        entries = {
            lpar.name: LparEntry(lpar.name, lpar.zone, self._iops_of(lpar), lpar.lips)
            for lpar in scenario.lpars
        }
        work = StorageWork(
            self.storage, self.clock, scenario.timing.transfer_rate, self._idle_cores, self.options.proof
        )
        self._control = parts.lpar_control(
            directory, log(LPAR_CONTROL), self.clock, entries, work, parts.advance
        )
        self._resources = parts.resource_manager(directory, log(RESOURCE_MANAGER), self.clock, self._zones)
        shown = {device.number: (device.kind, ", ".join(device.iops)) for device in scenario.devices}
        self.svp = ServiceProcessor(
            directory, log(SERVICE_PROCESSOR), self.clock, scenario.main_storage_frames,
            self._control.operations, shown,
        )  # fmt: skip
        for actor in (self.svp, self._control, self._resources):
            self._actors[actor.name] = actor

    def _make_processors(self, directory: Mapping[str, Mailbox]) -> None:
        scenario, parts, log = self.scenario, self.options.parts, self.trace.logger
        iop_of = {device.number: device.iops[0] for device in scenario.devices}
        for name in scenario.iops:
            users = {
                lpar.name: tuple(number for number in lpar.devices if iop_of[number] == name)
                for lpar in scenario.lpars
                if name in self._iops_of(lpar)
            }
            zones = {lpar.name: lpar.zone for lpar in scenario.lpars if lpar.name in users}
            mine = {number: self._devices[number] for number in sorted(iop_of) if iop_of[number] == name}
            self._iops[name] = parts.iop(
                name, directory, log(name), self.clock, self.storage, mine, users, zones
            )
        for lpar in scenario.lpars:
            own = {number: iop_of[number] for number in lpar.devices}
            state = GuestControl(lpar.name, lpar.lips, lpar.zone)
            name = lip_control_of(lpar.name)
            self._lip_controls[lpar.name] = parts.lip_control(directory, log(name), self.clock, state, own)
        instruction_ns = 1_000 / scenario.timing.lip_mips
        for name in scenario.lips:
            guests = {
                lpar.name: (self._guests[lpar.name], self._states[lpar.name][lpar.lips.index(name)])
                for lpar in scenario.lpars
                if name in lpar.lips
            }
            observe = self.options.level >= Level.STORAGE
            lip = parts.lip(name, directory, log(name), self.clock, guests, instruction_ns, observe=observe)
            self._lips.append(lip)
        # IOPs before LIP controls before LIPs: SALE stands before the first SIE.
        for actor in (*self._iops.values(), *self._lip_controls.values(), *self._lips):
            self._actors[actor.name] = actor

    def _idle_cores(self) -> int:
        """How many threads may work on storage: a running guest keeps its core."""
        guests = any(lip.busy for lip in self._lips)
        return max(1, len(os.sched_getaffinity(0)) - guests)

    def start(self, nursery: trio.Nursery) -> None:
        """Start every actor."""
        for actor in self._actors.values():
            nursery.start_soon(actor.run, name=actor.name)

    def rows(self) -> tuple[m.FrameRow, ...]:
        """The LPAR frame now."""
        rows = self._resources.rows()
        failed = {name for name, control in self._lip_controls.items() if control.failed}
        return tuple(
            m.FrameRow(row.name, row.origin, row.size, row.gap, "failed" if row.name in failed else row.state)
            for row in rows
        )

    def fail_frame(self, address: int) -> None:
        """A fault: the frame of this host absolute address fails from now on."""
        frame = address // PAGE_BYTES
        self.storage.fail_frame(frame)
        cause = self._log.emit("storage.failed", frame=frame)
        self.svp.tell_operator(None, "LVM080W", message_text("LVM080W", frame=frame), cause)

    def refuse_sale(self, iop: str) -> None:
        """A fault: the next SALE is refused by this IOP."""
        self._iops[iop].refuse_next_sale()

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
            self._control.bring_back(self._zones.zone_of)
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
        self._guests.clear()
        self._open.close()

    def _verify(self, lpar: LparConfig) -> GuestReport:
        guest = self._guests[lpar.name]
        # What the run itself touched is counted; the final check is not.
        steps, stores, fetches = guest.steps, guest.stores, guest.fetches
        for state in self._states[lpar.name]:
            # The map says where the pages are, also where the run ended before each LIP was told.
            state.zone = self._zones.zone_of(lpar.name)
        failure = guest.verify(self._states[lpar.name])
        for damage in guest.take_damage():
            self._log.emit(
                "guest.damaged", lpar=lpar.name, lip=damage.lip, address=damage.address,
                expected=damage.expected, found=damage.found,
            )  # fmt: skip
        self._log.emit(
            "guest.verified", lpar=lpar.name, guest=lpar.guest, steps=steps, damage=guest.damage_count
        )
        failed = failure is not None or self._lip_controls[lpar.name].failed
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
