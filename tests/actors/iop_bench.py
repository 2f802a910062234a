"""IOPs as they are, on real mailboxes; stand-ins take what they send, and a test plays everybody else."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, field

from lparvm.actors.iop import Iop
from lparvm.actors.mailbox import Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import Zone
from lparvm.arch.channel import ENDED, Ccw, CcwFlag, DeviceStatus
from lparvm.arch.subchannel import Orb
from lparvm.devices.base import Device
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR, lip_control_of
from lparvm.storage.main_storage import MainStorage
from lparvm.trace.writer import Trace

ZONES = {"A": Zone(0, 16), "B": Zone(32, 16)}
FRAMES = 96
READ, WAIT = 0x02, 0x06
PROGRAM, DATA = 0x1000, 0x4000
MS = 1_000_000
BIG = 100_000


class Played(Device):
    """A device that does what a test says: `plays` maps a command code to a generator function of its data."""

    KIND = "played"
    ANY_LENGTH = frozenset(range(256))

    def __init__(self, number: int, plays: Mapping[int, Callable[[Any], Any]]) -> None:
        super().__init__(number, 0, {})
        self.plays = dict(plays)
        self.lines: list[tuple[str, str]] = []
        self.typed: list[tuple[str | None, str]] = []

    def execute(self, command, data, *, chained):
        yield from self.plays[command](data)
        return ENDED

    def take_output(self):
        lines, self.lines = tuple(self.lines), []
        return lines

    def enter(self, line, lpar=None):
        self.typed.append((lpar, line))


class Ticking(Played):
    """Asks for attention three times."""

    def alone(self):
        for _ in range(3):
            yield 5 * MS, DeviceStatus.ATTENTION


def waits(*steps):
    """A command that waits, and moves nothing."""

    def play(data):
        yield from steps

    return play


def gives(count: int, *steps, then=()):
    """A command that waits, gives bytes, and waits again."""

    def play(data):
        yield from steps
        data.give(b"\xaa" * count)
        yield from then

    return play


@define
class Bench:
    """What runs, and what was told and sent."""

    clock: RunClock
    storage: MainStorage
    directory: dict[str, Mailbox]
    iops: dict[str, Iop]
    events: list[dict] = field(factory=list)
    sent: list[tuple[str, Any]] = field(factory=list)
    starts: int = 0

    def post(self, message: Any, iop: str = "IOP1") -> None:
        self.directory[iop].put(Envelope(message, "TEST", None))

    def start(self, device: int = 1, lpar: str = "A", *, iop: str = "IOP1", **orb: Any) -> m.StartIo:
        self.starts += 1
        start = m.StartIo(None, lpar, device, self.starts, Orb(PROGRAM, **orb))
        self.post(start, iop)
        return start

    def order(self, kind: type, start: m.StartIo, iop: str = "IOP1") -> None:
        """ResumeIo, HaltIo or ClearIo."""
        self.post(kind(None, start.lpar, start.device, start.start), iop)

    def program(self, *ccws: Ccw, lpar: str = "A", at: int = PROGRAM) -> None:
        """CCWs in the storage of an LPAR."""
        host = (self.iops["IOP1"].zone_of(lpar).origin << 12) + at
        for ccw in ccws:
            self.storage.buffer[host : host + 8] = ccw.encode()
            host += 8

    def bytes_of(self, zone: Zone, at: int, count: int) -> bytes:
        return bytes(self.storage.buffer[(zone.origin << 12) + at : (zone.origin << 12) + at + count])

    def of(self, event: str, **fields: Any) -> list[dict]:
        return [
            one
            for one in self.events
            if one["event"] == event and all(one.get(name) == value for name, value in fields.items())
        ]

    def got(self, kind: type, to: str | None = None) -> list[Any]:
        return [one for name, one in self.sent if isinstance(one, kind) and to in (None, name)]

    def ended(self, start: m.StartIo) -> m.IoEnded:
        """How a start ended; it did, once."""
        (one,) = (one for one in self.got(m.IoEnded) if (one.lpar, one.start) == (start.lpar, start.start))
        assert len(self.of("start.ended", lpar=start.lpar, start=start.start)) == 1
        return one

    def kinds(self, *kinds: type) -> list[str]:
        return [type(one).__name__ for _, one in self.sent if isinstance(one, kinds)]

    async def sleep_ms(self, duration_ms: float) -> None:
        await self.clock.sleep_ns(round(duration_ms * MS))


@asynccontextmanager
async def iop_bench(
    *devices: Device, shared: tuple[int, ...] = (), rate: int | None = None, capacity: int = 64
) -> AsyncIterator[Bench]:
    """IOP1 with all devices, IOP2 with those that are `shared`; both LPARs use all. READ runs at `PROGRAM`.

    The mailboxes are small, and each event is checked against the vocabulary.
    """
    clock, events = RunClock(), []
    trace = Trace(now_ns=clock.now_ns, listeners=(lambda event: events.append(dict(event)),), validate=True)
    others = [SERVICE_PROCESSOR, LPAR_CONTROL, RESOURCE_MANAGER, *map(lip_control_of, ZONES)]
    directory = {name: Mailbox(name, capacity) for name in (*others, "IOP1", "IOP2")}
    storage = MainStorage(FRAMES)
    for zone in ZONES.values():
        storage.clear(zone)
    paths = {device.number: ("IOP1", "IOP2") if device.number in shared else ("IOP1",) for device in devices}
    iops = {}
    for name in ("IOP1", "IOP2"):
        mine = {device.number: device for device in devices if name in paths[device.number]}
        users = {lpar: tuple(mine) for lpar in ZONES}
        mine_paths = {number: paths[number] for number in mine}
        iops[name] = Iop(
            name, directory, trace.logger(name), clock, storage, mine, users, ZONES, mine_paths, rate
        )
    bench = Bench(clock, storage, directory, iops, events)
    for lpar in ZONES:
        bench.program(Ccw(READ, CcwFlag.SUPPRESS_LENGTH, 4096, DATA), lpar=lpar)

    async def take(name: str) -> None:
        while True:
            bench.sent.append((name, (await directory[name].get()).message))

    async with trio.open_nursery() as nursery:
        for iop in iops.values():
            nursery.start_soon(iop.run)
        for name in others:
            nursery.start_soon(take, name)
        yield bench
        nursery.cancel_scope.cancel()
    trace.close("intact")
    for device in devices:
        device.close()
    storage.close()
