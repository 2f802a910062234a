"""What a machine is made of: devices, guests and actors, built from a scenario; nothing runs yet.

Order matters: storage -> zones -> devices -> guests loaded (IPL) -> actors, each with its mailbox.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import trio
from attrs import frozen

from lparvm.actors.iop import Iop
from lparvm.actors.lip import Lip
from lparvm.actors.lip_control import LipControl
from lparvm.actors.lpar_control import LparControl
from lparvm.actors.mailbox import Actor, Mailbox
from lparvm.actors.resource_manager import ResourceManager
from lparvm.actors.run_clock import RunClock
from lparvm.actors.service_processor import ServiceProcessor
from lparvm.actors.storage_work import StorageWork
from lparvm.arch.state_description import StateDescription
from lparvm.config import COMMANDS_UNDER_WAY_MAX
from lparvm.devices.base import Device
from lparvm.devices.console import Console
from lparvm.devices.registry import make_device
from lparvm.errors import ScenarioError, UsageError
from lparvm.guests.base import Guest, GuestSetup
from lparvm.guests.registry import load_guest
from lparvm.protocol import messages as m
from lparvm.protocol import relocation
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR, lip_control_of
from lparvm.protocol.admission import LparEntry
from lparvm.protocol.displays import with_failed
from lparvm.protocol.guest_control import GuestControl
from lparvm.scenario import LparConfig, Scenario
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.zones import ZoneTable
from lparvm.trace.writer import Trace


@frozen
class Parts:
    """What a machine is built from; replace a part to show that the rules catch a broken one."""

    advance: Callable[..., Any] = relocation.advance
    lip: type[Lip] = Lip
    lip_control: type[LipControl] = LipControl
    iop: type[Iop] = Iop
    lpar_control: type[LparControl] = LparControl
    resource_manager: type[ResourceManager] = ResourceManager


class Assembly:
    """Everything that a machine consists of.

    Attributes:
        storage: main storage.
        expanded: expanded storage, and the map of it.
        zones: the resource manager's map.
        devices: by number.
        guests: by LPAR.
        states: the state descriptions of an LPAR's processors, in their order.
        svp, control, resources: the control parts.
        lip_controls, iops: by LPAR and by name; `lips` in order.
        actors: all of them, in the order in which they start.
    """

    svp: ServiceProcessor
    control: LparControl
    resources: ResourceManager

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
        self.guests: dict[str, Guest] = {}
        self.states: dict[str, list[StateDescription]] = {}
        self.lips: list[Lip] = []
        self.iops: dict[str, Iop] = {}
        self.lip_controls: dict[str, LipControl] = {}
        self.actors: list[Actor] = []
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
        directory = {name: Mailbox(name, capacity) for name, capacity in self._capacities().items()}
        self._make_control(directory)
        self._make_iops(directory)
        self._make_processors(directory)
        # IOPs before LIP controls before LIPs: SALE stands before the first SIE.
        self.actors += [*self.iops.values(), *self.lip_controls.values(), *self.lips]

    def start(self, nursery: trio.Nursery) -> None:
        """Start every actor."""
        for actor in self.actors:
            nursery.start_soon(actor.run, name=actor.name)

    def close(self) -> None:
        """Close devices and storage. Idempotent."""
        self.guests.clear()
        self._open.close()

    def rows(self) -> tuple[m.FrameRow, ...]:
        """The LPAR frame now."""
        return with_failed(self.resources.rows(), self._failed())

    def _failed(self) -> tuple[str, ...]:
        """The LPARs whose guests cannot go on."""
        return tuple(name for name, control in self.lip_controls.items() if control.failed)

    def _load(self, lpar: LparConfig) -> None:
        self.zones.assign(lpar.name, lpar.zone)
        self.storage.clear(lpar.zone)
        area = self.expanded.assign(lpar.name, lpar.expanded_blocks)
        setup = GuestSetup(
            lpar=lpar.name, lips=lpar.lips, seed=self._seed, options=dict(lpar.options),
            devices=lpar.devices, storage=self.storage, expanded=self.expanded,
        )  # fmt: skip
        guest = self.guests[lpar.name] = load_guest(lpar.guest)(setup)
        states = self.states[lpar.name] = [
            StateDescription(
                lpar.name,
                lip,
                cpu_address,
                lpar.zone,
                expanded_origin=area.origin,
                expanded_blocks=area.blocks,
            )
            for cpu_address, lip in enumerate(lpar.lips)
        ]
        guest.load(states)
        self._trace.logger("MACHINE").emit(
            "lpar.activated", lpar=lpar.name, origin_frame=lpar.zone.origin, extent_frames=lpar.zone.extent,
            guest=lpar.guest, lips=lpar.lips, iops=self._iops_of(lpar),
            expanded_first_block=area.origin, expanded_blocks=area.blocks,
        )  # fmt: skip

    def _iops_of(self, lpar: LparConfig) -> tuple[str, ...]:
        """The IOPs that have a path to one of the LPAR's devices."""
        return tuple(sorted({iop for number in lpar.devices for iop in self._paths[number]}))

    def _capacities(self) -> dict[str, int]:
        """The most that can be in flight to each actor; see `actors.mailbox`."""
        scenario = self.scenario
        lpars, iops = len(scenario.lpars), len(scenario.iops)
        devices = len(scenario.devices)
        # An operation: an answer of each IOP to each of QUIESCE, REPORT, HALT, CLEAR and RELEASE, one of RM, of
        # LIP control, of a helper, three timers, a step of progress, a cancel.
        operation = 5 * iops + 10
        capacities = {
            # Answers, phases and progress of each operation; messages of LIP control; commands; a line of each
            # console.
            SERVICE_PROCESSOR: 2 * COMMANDS_UNDER_WAY_MAX + 64 * lpars + 2 * devices,
            LPAR_CONTROL: 2 * COMMANDS_UNDER_WAY_MAX + operation * lpars,
            RESOURCE_MANAGER: 2 * COMMANDS_UNDER_WAY_MAX + (2 + iops) * lpars,
        }
        for lpar in scenario.lpars:
            # A LIP: two answers, an interception, a failure, a timer. A device, on each of its paths: begin,
            # intermediate, end, no path, a path varied, unsolicited status.
            paths = sum(len(self._paths[number]) for number in lpar.devices)
            capacities[lip_control_of(lpar.name)] = 64 + 6 * len(lpar.lips) + 8 * paths
        for lip in scenario.lips:
            # Two orders, a third when the guest fails, and a reply, an LPAR.
            capacities[lip] = 4 * max(1, lpars)
        for iop in scenario.iops:
            # Of each LPAR and device: a start, a resume, a halt, a clear, an end, a device freed; of each LPAR
            # the orders of its operation; commands (VARY PATH, REPLY).
            capacities[iop] = COMMANDS_UNDER_WAY_MAX + 8 * devices * max(1, lpars) + 8 * lpars
        return capacities

    def _make_control(self, directory: Mapping[str, Mailbox]) -> None:
        scenario, parts, log = self.scenario, self._parts, self._trace.logger
        entries = {
            lpar.name: LparEntry(lpar.name, lpar.zone, self._iops_of(lpar), lpar.lips)
            for lpar in scenario.lpars
        }
        work = StorageWork(
            self.storage, self.clock, scenario.timing.transfer_rate, self._idle_cores, self._proof
        )
        self.control = parts.lpar_control(
            directory, log(LPAR_CONTROL), self.clock, entries, work, parts.advance
        )
        self.resources = parts.resource_manager(
            directory, log(RESOURCE_MANAGER), self.clock, self.zones, self.expanded
        )
        consoles = {
            lpar.name: number
            for lpar in scenario.lpars
            for number in reversed(lpar.devices)
            if isinstance(self.devices[number], Console)
        }
        shown = {device.number: (device.kind, ", ".join(device.iops)) for device in scenario.devices}
        self.svp = ServiceProcessor(
            directory, log(SERVICE_PROCESSOR), self.clock, scenario.main_storage_frames,
            self.control.operations, shown,
            paths=self._paths, consoles=consoles, lpars=tuple(entries), failed=self._failed,
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

    def _make_processors(self, directory: Mapping[str, Mailbox]) -> None:
        scenario, parts, log = self.scenario, self._parts, self._trace.logger
        for lpar in scenario.lpars:
            paths = {number: self._paths[number] for number in lpar.devices}
            state = GuestControl(lpar.name, lpar.lips, lpar.zone)
            name = lip_control_of(lpar.name)
            self.lip_controls[lpar.name] = parts.lip_control(directory, log(name), self.clock, state, paths)
        instruction_ns = 1_000 / scenario.timing.lip_mips
        for name in scenario.lips:
            guests = {
                lpar.name: (self.guests[lpar.name], self.states[lpar.name][lpar.lips.index(name)])
                for lpar in scenario.lpars
                if name in lpar.lips
            }
            lip = parts.lip(
                name, directory, log(name), self.clock, guests, instruction_ns, observe=self._observe
            )
            self.lips.append(lip)

    def _idle_cores(self) -> int:
        """How many threads may work on storage: a running guest keeps its core."""
        guests = any(lip.busy for lip in self.lips)
        return max(1, len(os.sched_getaffinity(0)) - guests)
