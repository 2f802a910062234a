"""Plays LPAR control, the resource manager and the planner for the machines of several operations."""

from collections.abc import Callable

from attrs import define, field

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.protocol import commands as c
from lparvm.protocol import composite
from lparvm.protocol import composite_parts as p
from lparvm.protocol import messages as m
from lparvm.protocol.composite_parts import Frame, Layout, Planned, PlannedExchange, PlannedMove, Unplanned
from lparvm.protocol.results import LipStop, Outcome, Result
from lparvm.protocol.targets import Hsa

K = 1 << 10


def frame(
    *, retired: tuple[int, ...] = (), held: tuple[str, ...] = (), lost: str = "", **origins: int
) -> Frame:
    """LPARs of 4 frames each at these origins (frames)."""
    rows = tuple(
        m.FrameRow(name, origin, 4, 0, "check-stopped" if name == lost else "active")
        for name, origin in sorted(origins.items(), key=lambda pair: pair[1])
    )
    return Frame(rows, retired, dict.fromkeys(held, "op.9"), frame_count=64)


def outcome(result: Result = Result.COMPLETED, lpar: str = "A", stopped_ns: int = 10) -> Outcome:
    if result is not Result.COMPLETED:
        return Outcome(
            result, {"lpar": lpar, "operation": "op.9", "target": "x", "holder": "B", "size": "8K"}
        )
    stop = LipStop(lpar, "LIP1", stopped_ns, {"MOVING": stopped_ns})
    return Outcome(result, {"lpar": lpar, "target": "64K", "pages": 4, "stopped": "10 ns"}, (stop,), 4)


def packing(seen: Frame, goal: c.Plan) -> Planned | Unplanned:
    """A planner: everything movable to the bottom, LPAR by LPAR; an LPAR that cannot be moved is in its way."""
    steps, end, layout = [], 0, dict(seen.layout)
    for row in seen.rows:
        if row.origin != end:
            if not seen.movable(row.name):
                return Unplanned(f"{row.name} cannot be moved")
            layout[row.name] = Zone(end, row.size)
            steps.append(PlannedMove(row.name, end, tuple(sorted(layout.items()))))
        end += row.size
    return Planned(
        tuple(steps), tuple(f"{one.lpar} to {one.origin_frame}" for one in steps), "the top is free"
    )


@define
class Player:
    """Runs one command and notes all that happens.

    Attributes:
        seen: the frame as it is.
        results: what comes of the steps, in their order; then all complete.
        story: orders, in short.
        denies: LPAR control denies each CANCEL at once.
        before_look: called before each look at the frame, with its number from 1.
    """

    command: c.MoveStor | c.Plan
    seen: Frame = field(factory=lambda: frame(A=2, B=8, C=20))
    results: list[Result] = field(factory=list)
    planner: p.Planner = packing
    before_look: Callable[["Player", int], None] = lambda _player, _number: None
    before_end: Callable[["Player", int], None] = lambda _player, _number: None
    run: composite.Composite | None = None
    story: list[str] = field(factory=list)
    told: list[Outcome] = field(factory=list)
    answer: p.Answer | None = None
    cancels: list[str] = field(factory=list)
    cancels_answered: dict[str, Outcome] = field(factory=dict)
    denies: bool = False
    looks: int = 0
    ends: int = 0
    orders: list[p.Order] = field(factory=list)

    def play(self) -> Outcome:
        """Until the answer."""
        self.run, self.orders = self._listed(composite.begin("op.3", self.command))
        while self.orders:
            self._carry_out(self.orders.pop(0))
        assert self.answer is not None, f"never answered: {self.story}"
        return self.answer.outcome

    def feed(self, event: p.Event) -> None:
        assert self.answer is None, f"{event} after the answer"
        self.run, orders = self._listed(composite.advance(self.run, event, self.planner))
        self.orders += orders

    def cancel(self, op: str = "op.8") -> None:
        """The operator's CANCEL."""
        self.feed(p.CancelAsked(op))
        given = [one for one in self.orders if isinstance(one, p.Give)]
        if self.denies and given:
            denied = Outcome(Result.NOT_CANCELLABLE, {"target": "it", "phase": "NOTIFYING"})
            self.feed(p.CancelAnswered(op, denied))

    @staticmethod
    def _listed(result):
        return result[0], list(result[1])

    def _carry_out(self, order: p.Order) -> None:
        match order:
            case p.AskFrame():
                self.looks += 1
                self.story.append("look")
                self.before_look(self, self.looks)
                self.feed(p.FrameSeen(self.seen))
            case p.Give(message=m.CancelOperation(op=op, target=target)):
                self.cancels.append(f"{op} {target}")
            case p.Give(message=message):
                self._do(message)
            case p.Tell(outcome=told):
                self.told.append(told)
            case p.AnswerCancel(op=op, outcome=answer):
                assert op not in self.cancels_answered, f"{op} was answered already"
                self.cancels_answered[op] = answer
            case p.Answer():
                assert not self.orders, f"orders after the answer: {self.orders}"
                self.answer = order

    def _do(self, message) -> None:
        match message:
            case m.MoveStorage(op=op, lpar=lpar, target=Hsa(origin_bytes=origin_bytes)):
                self.story.append(f"{op} {lpar} to {origin_bytes // PAGE_BYTES}")
                moved = {lpar: origin_bytes // PAGE_BYTES}
            case m.MoveStorage(op=op, lpar=lpar, target=target):
                self.story.append(f"{op} {lpar} {target}")
                moved = {}
            case m.ExchangeStorage(op=op, first=first, second=second):
                self.story.append(f"{op} {first} with {second}")
                at = {row.name: row.origin for row in self.seen.rows}
                moved = {first: at[second], second: at[first]}
                lpar = first
            case m.ExpandStorage(op=op, lpar=lpar, extent=extent):
                self.story.append(f"{op} {lpar} expands to {extent}")
                moved = {}
        self.ends += 1
        self.before_end(self, self.ends)
        result = self.results.pop(0) if self.results else Result.COMPLETED
        if result is Result.COMPLETED:
            self.seen = rearranged(self.seen, moved)
        self.feed(p.StepEnded(op, outcome(result, lpar)))


def rearranged(seen: Frame, moved: dict[str, int]) -> Frame:
    lost = "".join(row.name for row in seen.rows if row.state == "check-stopped")
    origins = {row.name: row.origin for row in seen.rows} | moved
    return frame(retired=seen.retired, held=tuple(seen.held), lost=lost, **origins)


__all__ = [
    "K",
    "Layout",
    "Planned",
    "PlannedExchange",
    "PlannedMove",
    "Player",
    "Unplanned",
    "frame",
    "outcome",
    "packing",
    "rearranged",
]
