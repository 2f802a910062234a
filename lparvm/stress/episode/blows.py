"""Lets a plan's faults strike, each at its time."""

from collections import Counter
from collections.abc import Callable, Mapping

import trio

from lparvm.arch.address import PAGE_BYTES
from lparvm.arch.channel import ENDED
from lparvm.machine import Machine
from lparvm.protocol import messages as m
from lparvm.scenario.model import FaultConfig, FaultKind
from lparvm.stress.swarm.plan import Blow, Plan, Role, StressFault
from lparvm.trace.writer import Event

_CLEAN = (Role.WITNESS, Role.SHARER, Role.SHARED)
"""Guests that come to no end where their I/O meets a faulty frame."""


_SOON = 12
_AT_ONCE = (StressFault.FRAME, StressFault.LIP_STUCK, StressFault.DUPLICATE_ENDING)
"""The others strike when somebody meets them."""
_OF_PHASES = (StressFault.CONTROL_DIES, StressFault.LIP_STUCK)


class Blows:
    """The faults of a run.

    Attributes:
        struck: how many have, by kind.
    """

    def __init__(self, machine: Machine, plan: Plan) -> None:
        """Nothing has struck yet."""
        self._machine, self._plan = machine, plan
        self.struck: Counter[str] = Counter()
        self._in_phase: list[Blow] = []

    async def strike(self) -> None:
        """All of them, at their times; cancel it and no more do."""
        async with trio.open_nursery() as nursery:
            for blow in self._plan.blows:
                nursery.start_soon(self._wait, blow, name=f"fault {blow.kind}")

    async def _wait(self, blow: Blow) -> None:
        await self._machine.clock.sleep_until_ns(blow.at_ns)
        if blow.kind in _OF_PHASES and blow.phase:
            self._in_phase.append(blow)
        elif _STRIKES[blow.kind](self._machine, self._plan, blow) and blow.kind in _AT_ONCE:
            self.struck[str(blow.kind)] += 1

    def watch(self, told: Event) -> None:
        """A listener: counts what strikes, and lets strike what waits for an operation to enter a phase.

        It tells nothing itself, for an event is being told.
        """
        if (kind := _struck_by(told)) is not None:
            self.struck[kind] += 1
        if not self._in_phase or told["event"] != "phase.entered":
            return
        for blow in self._in_phase:
            if blow.phase == told["phase"]:
                self._in_phase.remove(blow)
                if _IN_PHASE[blow.kind](self._machine, told["lpar"], blow) and blow.kind in _AT_ONCE:
                    self.struck[str(blow.kind)] += 1
                return

    def end(self) -> None:
        """What still waits for its moment never comes."""
        assembly = self._machine.assembly
        self._in_phase.clear()
        assembly.work.fail_at = None
        assembly.records.fuse = None
        for iop in assembly.iops.values():
            iop.forget_refusals()


def _frame(machine: Machine, plan: Plan, blow: Blow) -> bool:
    roles = plan.roles
    if any(lpar.devices for lpar in plan.scenario.lpars if roles[lpar.name] in _CLEAN):
        return False  # whether I/O meets it depends on where the zone is, and such a guest would see that
    frame = blow.number % plan.scenario.main_storage_frames
    address = frame * PAGE_BYTES
    machine.strike(FaultConfig(FaultKind.STORAGE, str(address), address=address))
    return True


def _mover(machine: Machine, _plan: Plan, blow: Blow) -> bool:
    machine.assembly.work.fail_at = blow.number % 8
    return True


def _control_dies(machine: Machine, _plan: Plan, blow: Blow) -> bool:
    machine.assembly.records.fuse = blow.number
    return True


def _lip_stuck(machine: Machine, _plan: Plan, blow: Blow) -> bool:
    lips = machine.assembly.lips
    lip = lips[blow.number % len(lips)]
    machine.strike(FaultConfig(FaultKind.LIP_STUCK, lip.name, duration_ns=blow.duration_ns))
    return True


def _sale_refused(machine: Machine, _plan: Plan, blow: Blow) -> bool:
    iops = list(machine.assembly.iops.values())
    if not iops:
        return False
    # Now and then again and again, until it costs the LPAR its guest.
    for _ in range(4 if blow.number == 63 else 1):
        iops[blow.number % len(iops)].refuse_next_sale()
    return True


def _duplicate_ending(machine: Machine, plan: Plan, blow: Blow) -> bool:
    devices = plan.scenario.devices
    if not devices:
        return False
    device = devices[blow.number % len(devices)]
    iop = machine.assembly.iops[device.iops[0]]
    iop.post(iop.name, m.DeviceSignalled(None, None, device.number, int(ENDED)), None)
    return True


_STRIKES: Mapping[StressFault, Callable[[Machine, Plan, Blow], bool]] = {
    StressFault.FRAME: _frame,
    StressFault.MOVER: _mover,
    StressFault.CONTROL_DIES: _control_dies,
    StressFault.LIP_STUCK: _lip_stuck,
    StressFault.SALE_REFUSED: _sale_refused,
    StressFault.DUPLICATE_ENDING: _duplicate_ending,
}


def _struck_by(told: Event) -> str | None:
    """The fault that has struck, of those that wait until somebody meets them."""
    match told["event"]:
        case "part.failed":
            return str(StressFault.CONTROL_DIES)
        case "AddressLimitRefused":
            return str(StressFault.SALE_REFUSED)
        case "move.ended" | "exchange.ended" if told["outcome"] == "failed":
            return str(StressFault.MOVER)
    return None


def _dies_soon(machine: Machine, _lpar: str, blow: Blow) -> bool:
    machine.assembly.records.fuse = blow.number % _SOON
    return True


def _hangs(machine: Machine, lpar: str, blow: Blow) -> bool:
    lips = [lip for lip in machine.assembly.lips if lpar in lip.processors]
    if lips:
        # The last one oftener than others: then the first has started its guest again and the last has not.
        lips[max(blow.number % 3 - 2, -len(lips))].hang(blow.duration_ns)
    return bool(lips)


_IN_PHASE: Mapping[StressFault, Callable[[Machine, str, Blow], bool]] = {
    StressFault.CONTROL_DIES: _dies_soon,
    StressFault.LIP_STUCK: _hangs,
}
