"""Service processor, LPAR control and resource manager as they are, with stand-ins for LIP control and the IOPs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from attrs import define, field

from composite_steps import packing
from lparvm.actors.control_records import ControlRecords
from lparvm.actors.installation import Look
from lparvm.actors.lpar_control import LparControl
from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.resource_manager import ResourceManager
from lparvm.actors.run_clock import RunClock
from lparvm.actors.service_processor import OperatorMessage, ServiceProcessor
from lparvm.actors.storage_work import StorageWork
from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import (
    LPAR_CONTROL,
    RESOURCE_MANAGER,
    SERVICE_PROCESSOR,
    lip_control_of,
)  # fmt: skip
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.operation_views import view_of_record
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.zones import ZoneTable
from lparvm.trace.writer import Trace

FRAMES = 64
ZONES = {"A": Zone(0, 8), "B": Zone(16, 8)}
PATHS = {0x190: ("IOP1",), 0x191: ("IOP1", "IOP2"), 0x9: ("IOP1", "IOP2")}
MS = 1_000_000


def busy_device(number: int, iop: str, lpar: str) -> m.BusyDevice:
    return m.BusyDevice(number, iop, 0, "READ", 0x06, 0x1000, 512, 5, ((1, 2),), lpar)


class StandInIop(Actor):
    """Devices are busy for as long as the test says; some hear HALT.

    Attributes:
        active: LPAR -> devices that run a channel program of it.
        deaf: devices that don't hear HALT.
        refuses: SALE is refused so often.
    """

    def __init__(self, name, directory, log, clock):
        super().__init__(name, directory, log, clock)
        self.active: dict[str, list[int]] = {}
        self.deaf: set[int] = set()
        self.quiescing: dict[str, str] = {}
        self.online = dict.fromkeys(PATHS, True)
        self.lines: list[tuple[str, int, str]] = []
        self.refuses = 0

    def end(self, lpar: str, *numbers: int) -> None:
        self.active[lpar] = [one for one in self.active[lpar] if one not in numbers]
        if lpar in self.quiescing and not self.active[lpar]:
            self.post(LPAR_CONTROL, m.IopQuiesced(self.quiescing[lpar], lpar, self.name), None)

    def handle(self, envelope: Envelope) -> None:
        match envelope.message:
            case m.QuiesceIop(op, lpar, attempt) | m.ReportBusyDevices(op, lpar, attempt):
                self.quiescing[lpar] = op
                devices = tuple(busy_device(one, self.name, lpar) for one in self.active.get(lpar, ()))
                answer = m.IopBusy(op, lpar, self.name, devices, attempt)
                self.post(LPAR_CONTROL, answer if devices else m.IopQuiesced(op, lpar, self.name), None)
            case m.HaltBusyDevices(lpar=lpar):
                self.end(lpar, *(one for one in self.active[lpar] if one not in self.deaf))
            case m.ClearBusyDevices(lpar=lpar):
                self.end(lpar, *self.active[lpar])
            case m.ReleaseHeldStarts(op, lpar):
                del self.quiescing[lpar]
                self.post(LPAR_CONTROL, m.HeldStartsReleased(op, lpar, self.name, 0), None)
            case m.SetAddressLimit(op, lpar):
                refused, self.refuses = self.refuses > 0, self.refuses - 1
                kind = m.AddressLimitRefused if refused else m.AddressLimitSet
                self.post(RESOURCE_MANAGER, kind(op, lpar, self.name), None)
            case m.VaryPath(op, device, online):
                changed, self.online[device] = self.online[device] is not online, online
                self.post(SERVICE_PROCESSOR, m.PathVaried(op, self.name, device, online, changed), None)
            case m.EnterLine(op, lpar, device, text):
                self.lines.append((lpar, device, text))
                self.post(SERVICE_PROCESSOR, m.LineEntered(op, lpar, device), None)


class StandInLipControl(Actor):
    """Stops and restarts at once."""

    def handle(self, envelope: Envelope) -> None:
        match envelope.message:
            case m.StopGuest(op, lpar):
                self.post(LPAR_CONTROL, m.GuestStopped(op, lpar), None)
            case m.RestartGuest(op, lpar):
                now = self.clock.now_ns()
                self.post(LPAR_CONTROL, m.GuestRestarted(op, lpar, (m.LipStanding("LIP1", now, now),)), None)


@define
class Bench:
    """What runs, and what it told."""

    svp: ServiceProcessor
    iops: dict[str, StandInIop]
    clock: RunClock
    resources: ResourceManager
    failed: list[str]
    events: list[dict] = field(factory=list)
    told: list[OperatorMessage] = field(factory=list)

    def codes(self) -> list[str]:
        return [one.code for one in self.told]

    def text(self, code: str) -> str:
        (one,) = (one for one in self.told if one.code == code)
        return one.text

    async def sleep_ms(self, duration_ms: float) -> None:
        await self.clock.sleep_ns(round(duration_ms * MS))


@asynccontextmanager
async def control_bench() -> AsyncIterator[Bench]:
    """A machine with the LPARs A and B and two IOPs. Each event is checked against the vocabulary."""
    clock, events, failed = RunClock(), [], []
    trace = Trace(now_ns=clock.now_ns, listeners=(lambda event: events.append(dict(event)),), validate=True)
    names = [SERVICE_PROCESSOR, LPAR_CONTROL, RESOURCE_MANAGER, "IOP1", "IOP2", *map(lip_control_of, ZONES)]
    directory = {name: Mailbox(name, 1000) for name in names}
    storage, zones = MainStorage(FRAMES), ZoneTable(FRAMES)
    for name, zone in ZONES.items():
        zones.assign(name, zone)
        storage.clear(zone)
    entries = {name: LparEntry(name, zone, ("IOP1", "IOP2"), ("LIP1",)) for name, zone in ZONES.items()}
    work = StorageWork(storage, clock, 1 << 30, lambda: 1, proof=True)
    records = ControlRecords.of(entries)
    control = LparControl(directory, trace.logger(LPAR_CONTROL), clock, records, work)

    def operations():
        return tuple(view_of_record(one.record) for one in records.operations.values())

    resources = ResourceManager(directory, trace.logger(RESOURCE_MANAGER), clock, zones, ExpandedStorage(0))
    devices = {0x190: ("disk", "IOP1"), 0x191: ("disk", "IOP1, IOP2"), 0x9: ("console", "IOP1, IOP2")}
    svp = ServiceProcessor(
        directory, trace.logger(SERVICE_PROCESSOR), clock, FRAMES, operations, devices,
        paths=PATHS, consoles={"A": 0x9}, lpars=Look(lambda: records.lpars), failed=lambda: failed,
        planner=packing,
    )  # fmt: skip
    iops = {name: StandInIop(name, directory, trace.logger(name), clock) for name in ("IOP1", "IOP2")}
    others = [
        StandInLipControl(name, directory, trace.logger(name), clock) for name in map(lip_control_of, ZONES)
    ]
    bench = Bench(svp, iops, clock, resources, failed, events)

    def note(news: object) -> None:
        # Predictions come with every move, and have tests of their own.
        if isinstance(news, OperatorMessage) and news.code != "LVM015I":
            bench.told.append(news)

    svp.listen(note)
    async with trio.open_nursery() as nursery:
        for actor in (svp, control, resources, *iops.values(), *others):
            nursery.start_soon(actor.run)
        yield bench
        nursery.cancel_scope.cancel()
    trace.close("intact")
    storage.close()


__all__ = ["MS", "PATHS", "Bench", "busy_device", "control_bench"]
