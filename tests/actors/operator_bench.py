"""The service processor alone, with stand-ins for LPAR control and the resource manager that do as the test says."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio
from attrs import define, field

from composite_steps import packing, rearranged
from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.actors.service_processor import ServiceProcessor
from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR
from lparvm.protocol.calibration import Calibration
from lparvm.protocol.composite_parts import Frame, Planner
from lparvm.protocol.displays import OperationView
from lparvm.protocol.news import News
from lparvm.protocol.results import LipStop, Outcome, Result
from lparvm.protocol.targets import Hsa
from lparvm.trace.writer import Trace

FRAMES = 64
MS = 1_000_000


class StandInControl(Actor):
    """Each operation takes 10 ms, and ends as the test says; a CANCEL ends one at once.

    Attributes:
        orders: what it was given.
        results: operation -> how it ends; COMPLETED where nothing stands here.
        committed: operations that cannot be cancelled.
        completed: called with an order that completes.
    """

    def __init__(self, directory, log, clock, completed: Callable[[object], None]):
        super().__init__(LPAR_CONTROL, directory, log, clock)
        self.orders: list[object] = []
        self.results: dict[str, Result] = {}
        self.committed: set[str] = set()
        self.completed = completed
        self.views: dict[str, OperationView] = {}

    def operations(self) -> tuple[OperationView, ...]:
        return tuple(self.views.values())

    def handle(self, envelope: Envelope) -> None:
        message = envelope.message
        self.orders.append(message)
        if isinstance(message, m.CancelOperation):
            self.cancel(message)
            return
        lpars = (message.first, message.second) if isinstance(message, m.ExchangeStorage) else (message.lpar,)
        kind = type(message).__name__
        self.views[message.op] = OperationView(message.op, kind, lpars, "MOVING", "somewhere", 40)
        told = m.OperationAdvanced(message.op, lpars[0], "MOVING", 1, 4, 40, 5 * MS)
        self.post(SERVICE_PROCESSOR, told, None)
        self.nursery.start_soon(self.work, message, lpars)

    async def work(self, message, lpars: tuple[str, ...]) -> None:
        await self.clock.sleep_ns(10 * MS)
        if message.op in self.views:
            result = self.results.get(message.op, Result.COMPLETED)
            if result is Result.COMPLETED:
                self.completed(message)
            self.end(message.op, lpars, result)

    def end(self, op: str, lpars: tuple[str, ...], result: Result) -> None:
        del self.views[op]
        stops = tuple(LipStop(lpar, "LIP1", 5, {"MOVING": 5}) for lpar in lpars)
        done = result is Result.COMPLETED
        outcome = Outcome(result, {"lpar": lpars[0], "holder": "B"}, stops if done else (), 4 * done)
        self.post(SERVICE_PROCESSOR, m.OperationEnded(op, outcome), None)

    def cancel(self, message: m.CancelOperation) -> None:
        named = [one for one in self.views.values() if message.target in (one.op, *one.lpars)]
        values: dict[str, object] = {
            "target": message.target,
            "phase": "NOTIFYING",
            "text": "it was cancelled",
        }
        if not named:
            result = Result.UNKNOWN_OPERATION
        elif named[0].op in self.committed:
            result = Result.NOT_CANCELLABLE
        else:
            result = Result.COMPLETED
            self.end(named[0].op, named[0].lpars, Result.CANCELLED)
        self.post(SERVICE_PROCESSOR, m.OperationEnded(message.op, Outcome(result, values)), None)


class StandInResources(Actor):
    """Tells the frame that the test says, after 1 ms."""

    def __init__(self, directory, log, clock, seen: Callable[[], Frame]):
        super().__init__(RESOURCE_MANAGER, directory, log, clock)
        self.seen = seen

    def handle(self, envelope: Envelope) -> None:
        self.nursery.start_soon(self.tell, envelope.message.op)

    async def tell(self, op: str) -> None:
        await self.clock.sleep_ns(MS)
        seen = self.seen()
        self.post(SERVICE_PROCESSOR, m.FrameReported(op, seen.rows, seen.retired), None)


@define
class OperatorBench:
    """What runs, what it told, and what the service processor looks at; all of it may be changed meanwhile."""

    seen: Frame
    svp: ServiceProcessor = field(init=False)
    control: StandInControl = field(init=False)
    clock: RunClock = field(factory=RunClock)
    news: list[News] = field(factory=list)
    events: list[dict] = field(factory=list)
    devices: dict[int, tuple[str, str]] = field(factory=dict)
    paths: dict[int, tuple[str, ...]] = field(factory=dict)
    consoles: dict[str, int] = field(factory=dict)
    lpars: dict[str, None] = field(factory=dict)
    failed: list[str] = field(factory=list)
    history: Calibration = field(factory=Calibration)

    def completed(self, message: object) -> None:
        if isinstance(message, m.MoveStorage) and isinstance(message.target, Hsa):
            self.seen = rearranged(self.seen, {message.lpar: message.target.origin_bytes // PAGE_BYTES})

    async def sleep_ms(self, duration_ms: float) -> None:
        await self.clock.sleep_ns(round(duration_ms * MS))


@asynccontextmanager
async def operator_bench(seen: Frame, planner: Planner = packing) -> AsyncIterator[OperatorBench]:
    """Each event is checked against the vocabulary."""
    bench = OperatorBench(seen)
    trace = Trace(
        now_ns=bench.clock.now_ns, listeners=(lambda event: bench.events.append(dict(event)),), validate=True
    )
    directory = {name: Mailbox(name, 100) for name in (SERVICE_PROCESSOR, LPAR_CONTROL, RESOURCE_MANAGER)}
    log = trace.logger
    bench.control = StandInControl(directory, log(LPAR_CONTROL), bench.clock, bench.completed)
    resources = StandInResources(directory, log(RESOURCE_MANAGER), bench.clock, lambda: bench.seen)
    bench.svp = ServiceProcessor(
        directory, log(SERVICE_PROCESSOR), bench.clock, FRAMES, bench.control.operations, bench.devices,
        paths=bench.paths, consoles=bench.consoles, lpars=bench.lpars, failed=lambda: bench.failed,
        calibration=lambda: bench.history, planner=planner,
    )  # fmt: skip
    bench.svp.listen(bench.news.append)
    async with trio.open_nursery() as nursery:
        for actor in (bench.svp, bench.control, resources):
            nursery.start_soon(actor.run)
        yield bench
        nursery.cancel_scope.cancel()
    trace.close("intact")


__all__ = ["MS", "OperatorBench", "operator_bench"]
