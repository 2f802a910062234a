"""What a machine is made of: devices, guests and actors, built from a scenario; nothing runs yet.

Order matters: storage -> zones -> devices -> guests loaded (IPL) -> actors, each with its mailbox.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import trio
from attrs import frozen

from lparvm.actors.control_records import ControlRecords
from lparvm.actors.guest_table import GuestTable
from lparvm.actors.installation import Installation, Look
from lparvm.actors.iop import Iop
from lparvm.actors.lip import Lip
from lparvm.actors.lip_control import LipControl
from lparvm.actors.lpar_control import LparControl
from lparvm.actors.mailbox import Actor, Mailbox
from lparvm.actors.resource_manager import ResourceManager
from lparvm.actors.run_clock import RunClock
from lparvm.actors.service_processor import ServiceProcessor
from lparvm.actors.storage_work import StorageWork
from lparvm.actors.supervisor import Supervisor
from lparvm.arch.address import Zone
from lparvm.arch.state_description import StateDescription
from lparvm.config import COMMANDS_UNDER_WAY_MAX, LIPS_MAX, LPARS_MAX
from lparvm.devices.base import Device
from lparvm.devices.console import Console
from lparvm.devices.registry import make_device
from lparvm.errors import ScenarioError, UsageError
from lparvm.guests.base import Guest
from lparvm.protocol import messages as m
from lparvm.protocol import operations
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR, lip_control_of
from lparvm.protocol.calibration import Prior
from lparvm.protocol.displays import OperationView, with_failed
from lparvm.protocol.guest_control import GuestControl
from lparvm.protocol.lpar_entry import NO_ZONE, Definition, LparEntry
from lparvm.protocol.operation_views import view_of_record
from lparvm.protocol.plan_adapter import planner_of
from lparvm.scenario import LparConfig, Scenario
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.zones import ZoneTable
from lparvm.trace.writer import Trace

# Of each LPAR two orders, a third when the guest fails, a reply, an extent and a signal; a guest taken up or left.
LIP_CAPACITY = 8 * LPARS_MAX


@frozen
class Parts:
    """What a machine is built from; replace a part to show that the rules catch a broken one."""

    advance: Callable[..., Any] = operations.advance
    lip: type[Lip] = Lip
    lip_control: type[LipControl] = LipControl
    iop: type[Iop] = Iop
    lpar_control: type[LparControl] = LparControl
    resource_manager: type[ResourceManager] = ResourceManager
    mailbox: type[Mailbox] = Mailbox
    work: type[StorageWork] = StorageWork


class Assembly:
    """Everything that a machine consists of.

    Attributes:
        storage: main storage.
        expanded: expanded storage, and the map of it.
        zones: the resource manager's map.
        devices: by number.
        guest_table: the guests that are loaded, and their earlier lives.
        svp, control, resources: the control parts; `control` is LPAR control's supervisor.
        records: what LPAR control knows.
        work: how storage is worked on.
        lip_controls, iops: by LPAR and by name; `lips` in order.
        actors: all of them, in the order in which they start.
    """

    svp: ServiceProcessor
    control: Supervisor
    records: ControlRecords
    work: StorageWork
    resources: ResourceManager
    _directory: dict[str, Mailbox]
    _nursery: trio.Nursery

    def __init__(
        self, scenario: Scenario, clock: RunClock, trace: Trace, parts: Parts, *, seed: int, proof: bool,
        observe: bool,
    ) -> None:  # fmt: skip
        """Make storage; `build` makes the rest.

        Args:
            scenario: what to build.
            clock: the run clock.
            trace: gives each actor its logger.
            parts: the classes of the actors.
            seed: of guests and devices.
            proof: moves are proven by checksums.
            observe: each access of a guest is told.
        """
        self.scenario, self.clock = scenario, clock
        self._trace, self._parts = trace, parts
        self._seed, self._proof, self._observe = seed, proof, observe
        # What must be closed in any case, the last opened first.
        self._open = ExitStack()
        self.storage = MainStorage(scenario.main_storage_frames)
        self._open.callback(self.storage.close)
        self.expanded = ExpandedStorage(scenario.expanded_blocks)
        self._open.callback(self.expanded.close)
        self.zones = ZoneTable(scenario.main_storage_frames)
        self.devices: dict[int, Device] = {}
        self.guest_table = GuestTable(self.storage, self.expanded, seed)
        self.lips: list[Lip] = []
        self.iops: dict[str, Iop] = {}
        self.lip_controls: dict[str, LipControl] = {}
        self.actors: list[Actor | Supervisor] = []
        self._paths = {device.number: device.iops for device in scenario.devices}

    def build(self) -> None:
        """Open the devices, load the guests (IPL) and make the actors.

        Raises:
            ScenarioError: a device's options or file cannot be used.
        """
        for position, device in enumerate(self.scenario.devices):
            try:
                made = make_device(
                    device.kind, device.number, device.latency_ns, dict(device.options), self._seed
                )
            except UsageError as error:
                raise ScenarioError(self.scenario.name, f"device[{position}].options", str(error)) from None
            self.devices[device.number] = made
            self._open.callback(made.close)
        for lpar in self.scenario.lpars:
            self._load(lpar)
        directory = {
            name: self._parts.mailbox(name, capacity) for name, capacity in self._capacities().items()
        }
        self._directory = directory
        self._make_control(directory)
        self._make_iops(directory)
        self._make_processors()
        # IOPs before LIP controls before LIPs: SALE stands before the first SIE.
        self.actors += [*self.iops.values(), *self.lip_controls.values(), *self.lips]

    def start(self, nursery: trio.Nursery) -> None:
        """Start every actor."""
        self._nursery = nursery
        for actor in self.actors:
            nursery.start_soon(actor.run, name=actor.name)

    def close(self) -> None:
        """Close devices and storage. Idempotent."""
        self.guest_table.loaded.clear()
        self._open.close()

    def rows(self) -> tuple[m.FrameRow, ...]:
        """The LPAR frame now."""
        return with_failed(self.resources.rows(), self._failed())

    @property
    def guests(self) -> dict[str, Guest]:
        """The guests that are loaded, by LPAR."""
        return {lpar: loaded.guest for lpar, loaded in self.guest_table.loaded.items()}

    @property
    def states(self) -> dict[str, list[StateDescription]]:
        """The state descriptions of their processors, by LPAR, in their order."""
        return {lpar: loaded.states for lpar, loaded in self.guest_table.loaded.items()}

    def defined(self) -> tuple[LparEntry, ...]:
        """The LPARs that are defined and not active: no rows of the frame."""
        return tuple(entry for entry in self.records.lpars.values() if not entry.active)

    def _operations(self) -> tuple[OperationView, ...]:
        """What is under way, oldest first."""
        under_way = self.records.operations.values()
        return tuple(view_of_record(one.record, one.gauge) for one in under_way)

    def _failed(self) -> tuple[str, ...]:
        """The LPARs whose guests cannot go on."""
        return tuple(name for name, control in self.lip_controls.items() if control.failed)

    def _load(self, lpar: LparConfig) -> None:
        """ACTIVATE and IPL, before time begins."""
        self.zones.assign(lpar.name, lpar.zone)
        self.storage.clear(lpar.zone)
        area = self.expanded.assign(lpar.name, lpar.expanded_blocks)
        log, frames = self._trace.logger("MACHINE"), frames_of(lpar.zone)
        log.emit(
            "lpar.activated", lpar=lpar.name, **frames, guest=lpar.guest, lips=lpar.lips,
            iops=self._iops_of(lpar), expanded_first_block=area.origin, expanded_blocks=area.blocks,
        )  # fmt: skip
        problem = self.guest_table.load(lpar.name, definition_of(lpar), lpar.zone)
        if problem:
            raise UsageError(problem)
        log.emit("guest.loaded", lpar=lpar.name, guest=lpar.guest, **frames)

    def _iops_of(self, lpar: LparConfig) -> tuple[str, ...]:
        """The IOPs that have a path to one of the LPAR's devices."""
        return tuple(sorted({iop for number in lpar.devices for iop in self._paths[number]}))

    def _capacities(self) -> dict[str, int]:
        """The most that can be in flight to each actor, see `actors.mailbox`, with as many LPARs as there can be."""
        scenario = self.scenario
        iops, devices = len(scenario.iops), len(scenario.devices)
        # An operation: an answer of each IOP to each of QUIESCE, REPORT, HALT, CLEAR and RELEASE (or ATTACH, or
        # DETACH), one of RM, of LIP control, of a helper, four timers, a step of progress, a cancel; the guest's
        # answer to a signal.
        operation = 5 * iops + 12
        capacities = {
            # Answers, phases and progress of each operation; messages of LIP control; commands; a line of each
            # console.
            SERVICE_PROCESSOR: 2 * COMMANDS_UNDER_WAY_MAX + 64 * LPARS_MAX + 2 * devices,
            LPAR_CONTROL: 2 * COMMANDS_UNDER_WAY_MAX + operation * LPARS_MAX,
            RESOURCE_MANAGER: 2 * COMMANDS_UNDER_WAY_MAX + (3 + iops) * LPARS_MAX,
        }
        capacities |= {lip_control_of(lpar.name): self._lip_control_capacity for lpar in scenario.lpars}
        capacities |= dict.fromkeys(scenario.lips, LIP_CAPACITY)
        for iop in scenario.iops:
            # Of each LPAR and device: a start, a resume, a halt, a clear, an end, a device freed; of each LPAR
            # the orders of its operation, a reset; commands (VARY PATH, REPLY).
            capacities[iop] = COMMANDS_UNDER_WAY_MAX + 8 * devices * LPARS_MAX + 8 * LPARS_MAX
        return capacities

    @property
    def _lip_control_capacity(self) -> int:
        """The most that can be in flight to a LIP control, with as many LIPs and devices as there can be."""
        # A LIP: two answers, an interception, a failure, a timer, an extent, a signal, taken up or left. A device,
        # on each of its paths: begin, intermediate, end, no path, a path varied, unsolicited status. An IOP: a reset.
        paths = sum(len(iops) for iops in self._paths.values())
        return 64 + 10 * LIPS_MAX + 8 * paths + len(self.scenario.iops)

    def _make_control(self, directory: Mapping[str, Mailbox]) -> None:
        scenario, parts, log = self.scenario, self._parts, self._trace.logger
        entries = {
            lpar.name: LparEntry(
                lpar.name, lpar.zone, self._iops_of(lpar), lpar.lips, definition=definition_of(lpar)
            )
            for lpar in scenario.lpars
        }
        rate = scenario.timing.transfer_rate
        prior = Prior.of_known_rate(rate) if self.clock.virtual else Prior()
        records = self.records = ControlRecords.of(entries, prior)
        work = self.work = parts.work(
            self.storage, self.clock, scenario.timing.transfer_rate, self._idle_cores, self._proof
        )
        self._open.callback(work.close)

        installation = Installation(
            self.guest_table, self.expanded, self._paths, scenario.iops,
            lambda: tuple(lip.name for lip in self.lips), self._failed, self.provide,
        )  # fmt: skip

        def make_control() -> LparControl:
            return parts.lpar_control(
                directory, log(LPAR_CONTROL), self.clock, records, work, parts.advance, installation
            )

        self.control = Supervisor(
            make_control, records, log(LPAR_CONTROL), self.clock, directory[SERVICE_PROCESSOR]
        )
        self.resources = parts.resource_manager(
            directory, log(RESOURCE_MANAGER), self.clock, self.zones, self.expanded
        )
        shown = {device.number: (device.kind, ", ".join(device.iops)) for device in scenario.devices}
        self.svp = ServiceProcessor(
            directory, log(SERVICE_PROCESSOR), self.clock, scenario.main_storage_frames,
            self._operations, shown,
            paths=self._paths, consoles=Look(self._consoles), lpars=Look(lambda: records.lpars), failed=self._failed,
            calibration=lambda: records.calibration,
            planner=planner_of(
                scenario.main_storage_frames, lambda name: records.lpars[name].lips, lambda: records.calibration
            ),
        )  # fmt: skip
        self.actors += [self.svp, self.control, self.resources]

    def _make_iops(self, directory: Mapping[str, Mailbox]) -> None:
        scenario, log = self.scenario, self._trace.logger
        for name in scenario.iops:
            users = {
                lpar.name: tuple(number for number in lpar.devices if name in self._paths[number])
                for lpar in scenario.lpars
                if name in self._iops_of(lpar)
            }
            zones = {lpar.name: lpar.zone for lpar in scenario.lpars if lpar.name in users}
            mine = {
                number: device
                for number, device in sorted(self.devices.items())
                if name in self._paths[number]
            }
            paths = {number: self._paths[number] for number in mine}
            self.iops[name] = self._parts.iop(
                name, directory, log(name), self.clock, self.storage, mine, users, zones, paths,
                scenario.iop_rates.get(name),
            )  # fmt: skip

    def _make_processors(self) -> None:
        for lpar in self.scenario.lpars:
            paths = {number: self._paths[number] for number in lpar.devices}
            self._make_lip_control(GuestControl(lpar.name, lpar.lips, lpar.zone), paths)
        for name in self.scenario.lips:
            guests = {
                lpar.name: self.guest_table.find(lpar.name, name)
                for lpar in self.scenario.lpars
                if name in lpar.lips
            }
            self._make_lip(name, guests)

    def _make_lip_control(self, state: GuestControl, paths: Mapping[int, tuple[str, ...]]) -> LipControl:
        name = lip_control_of(state.lpar)
        log = self._trace.logger(name)
        made = self._parts.lip_control(self._directory, log, self.clock, state, paths)
        self.lip_controls[state.lpar] = made
        return made

    def _make_lip(self, name: str, guests: Mapping[str, tuple[Guest, StateDescription]]) -> Lip:
        instruction_ns = 1_000 / self.scenario.timing.lip_mips
        made = self._parts.lip(
            name, self._directory, self._trace.logger(name), self.clock, guests, instruction_ns,
            observe=self._observe, find=self.guest_table.find,
        )  # fmt: skip
        self.lips.append(made)
        return made

    def provide(self, lpar: str, lips: tuple[str, ...]) -> None:
        """Make the LIPs of these names, and LIP control of an LPAR, that are not there yet, and start them."""
        made: list[Actor] = []
        if lpar not in self.lip_controls:
            name = lip_control_of(lpar)
            self._directory[name] = self._parts.mailbox(name, self._lip_control_capacity)
            made.append(self._make_lip_control(GuestControl(lpar, (), NO_ZONE), {}))
        there = [lip.name for lip in self.lips]
        for name in lips:
            if name not in there:
                self._directory[name] = self._parts.mailbox(name, LIP_CAPACITY)
                made.append(self._make_lip(name, {}))
        self.actors += made
        for actor in made:
            self._nursery.start_soon(actor.run, name=actor.name)

    def _consoles(self) -> dict[str, int]:
        """The console of each LPAR that is active and has one."""
        return {
            entry.name: number
            for entry in self.records.lpars.values()
            for number in reversed(entry.plan.devices)
            if entry.active and isinstance(self.devices[number], Console)
        }

    def _idle_cores(self) -> int:
        """How many threads may work on storage: a running guest keeps its core."""
        guests = any(lip.busy for lip in self.lips)
        return max(1, len(os.sched_getaffinity(0)) - guests)


def definition_of(lpar: LparConfig) -> Definition:
    """How a scenario defines an LPAR."""
    return Definition(
        lpar.zone.extent, lpar.zone.origin, lpar.lips, lpar.guest, lpar.options, lpar.devices,
        lpar.expanded_blocks,
    )  # fmt: skip


def frames_of(zone: Zone) -> dict[str, Any]:
    """A zone, as facts tell it."""
    return {"origin_frame": zone.origin, "extent_frames": zone.extent}
