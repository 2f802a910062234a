"""MVSTOR with EXPAND=: move an LPAR, then expand the one that got room by it.

    MOVING --completed--> EXPANDING --> answered

A move that does not complete is the command's answer. An expansion that is refused leaves the move as it is.
A CANCEL gives up what is under way, and nothing further begins.
"""

from attrs import Factory, evolve, frozen

from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol import commands as c
from lparvm.protocol import messages as m
from lparvm.protocol.command_orders import move_of
from lparvm.protocol.composite_parts import Answer, Event, Give, Order, StepEnded, Tell, in_one_line
from lparvm.protocol.results import Outcome, Result, Totals

_STEPS = 2


@frozen
class MoveThenExpand:
    """The command under way.

    Attributes:
        op: its id; its operations are `op`.1 and `op`.2.
        running: id of its operation under way.
        totals: of the operations that have ended.
        moved: what was told of the move.
        cancelled: nothing further is to begin.
    """

    op: str
    command: c.MoveStor
    running: str
    totals: Totals = Factory(Totals)
    moved: str = ""
    cancelled: bool = False

    @property
    def lpars(self) -> tuple[str, ...]:
        """The LPARs that it works on."""
        assert self.command.expand is not None, "else it is a plain move"
        return (self.command.lpar, self.command.expand.lpar)

    @property
    def kind(self) -> str:
        """For a display."""
        return "MVSTOR"

    @property
    def goal(self) -> str:
        """For messages."""
        return "MVSTOR {} with EXPAND={}".format(*self.lpars)

    @property
    def place(self) -> tuple[int, int]:
        """Which step of how many is under way."""
        return (2 if self.moved else 1), _STEPS


def begin(op: str, command: c.MoveStor) -> tuple[MoveThenExpand, tuple[Order, ...]]:
    """Begin with the move."""
    run = MoveThenExpand(op, command, f"{op}.1")
    return run, (Give(move_of(run.running, command)),)


def advance(run: MoveThenExpand, event: Event) -> tuple[MoveThenExpand, tuple[Order, ...]]:
    """What comes after an operation has ended."""
    assert isinstance(event, StepEnded), f"{run.op} has no use for {event!r}"
    assert event.op == run.running, f"{event.op} ended, but {run.running} is under way"
    outcome = event.outcome
    run = evolve(run, totals=run.totals.plus(outcome), running="")
    if not run.moved:
        return _moved(run, event.op, outcome)
    if outcome.result is Result.COMPLETED:
        text = f"{run.moved}; {in_one_line(outcome.message)}"
        return run, (Answer(run.totals.outcome(Result.COMPLETED, {"text": text})),)
    if run.cancelled or outcome.result is Result.CANCELLED:
        return run, (_cancelled(run),)
    values: dict[str, object] = {"moved": run.moved, "problem": in_one_line(outcome.message)}
    return run, (Answer(run.totals.outcome(Result.MOVED_NOT_EXPANDED, values)),)


def _moved(run: MoveThenExpand, op: str, outcome: Outcome) -> tuple[MoveThenExpand, tuple[Order, ...]]:
    if outcome.result is not Result.COMPLETED:
        return run, (Answer(outcome),)
    run = evolve(run, moved=in_one_line(outcome.message))
    if run.cancelled:
        return run, (Tell(op, outcome), _cancelled(run))
    expansion = run.command.expand
    assert expansion is not None, "else it is a plain move"
    extent = None if expansion.size_bytes is None else expansion.size_bytes // PAGE_BYTES
    run = evolve(run, running=f"{run.op}.2")
    return run, (Tell(op, outcome), Give(m.ExpandStorage(run.running, expansion.lpar, extent)))


def _cancelled(run: MoveThenExpand) -> Answer:
    values: dict[str, object] = {"goal": run.goal, "done": 1, "steps": _STEPS}
    return Answer(run.totals.outcome(Result.CANCELLED, values, "LVM057I"))
