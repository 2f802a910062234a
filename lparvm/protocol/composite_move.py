"""MVSTOR with EXPAND=: move an LPAR, then expand the one that got room by it.

    LOOKING --no such expansion--> answered, and nobody was stopped
    LOOKING --it may be----------> MOVING
    MOVING --completed-----------> EXPANDING --> answered

First the frame is looked at: that the LPAR to be expanded is unknown, not fit or as large already is known before
a guest is stopped for it. Whether there is room shows after the move. A move that does not complete is the
command's answer. An expansion that is refused leaves the move as it is. A CANCEL gives up what is under way, and
nothing further begins.

With TEST the move is tested only, and whether there is room is told for the layout that it would lead to.
"""

from attrs import Factory, evolve, frozen

from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol import commands as c
from lparvm.protocol import messages as m
from lparvm.protocol.command_orders import move_of
from lparvm.protocol.composite_expansion import refusal_of, room_after
from lparvm.protocol.composite_parts import (
    Answer,
    AskFrame,
    Cancel,
    Event,
    Frame,
    FrameSeen,
    Give,
    Order,
    StepEnded,
    Tell,
    in_one_line,
)
from lparvm.protocol.results import Outcome, Result, Totals
from lparvm.units import format_size

_STEPS = 2


@frozen
class MoveThenExpand:
    """The command under way.

    Attributes:
        op: its id; its operations are `op`.1 and `op`.2.
        running: id of its operation under way; empty while the frame is asked for.
        seen: the frame before the move.
        totals: of the operations that have ended.
        moved: what was told of the move.
        cancelled: nothing further is to begin.
        cancels: the CANCELs that are to be answered.
    """

    op: str
    command: c.MoveStor
    running: str = ""
    seen: Frame | None = None
    totals: Totals = Factory(Totals)
    moved: str = ""
    cancelled: bool = False
    cancels: tuple[Cancel, ...] = ()

    @property
    def expansion(self) -> c.Expansion:
        """What comes after the move."""
        assert self.command.expand is not None, "else it is a plain move"
        return self.command.expand

    @property
    def extent(self) -> int | None:
        """Of the expansion, in frames; None: as far as it goes."""
        size_bytes = self.expansion.size_bytes
        return None if size_bytes is None else size_bytes // PAGE_BYTES

    @property
    def lpars(self) -> tuple[str, ...]:
        """The LPARs that it works on."""
        return (self.command.lpar, self.expansion.lpar)

    @property
    def kind(self) -> str:
        """For a display."""
        return "MVSTOR"

    @property
    def goal(self) -> str:
        """For messages."""
        return "MVSTOR {} with EXPAND={}".format(*self.lpars)

    @property
    def more(self) -> bool:
        """Whether something is to come after the operation under way."""
        return not self.moved and not self.command.test

    @property
    def place(self) -> tuple[int, int]:
        """Which step of how many is under way."""
        return (2 if self.moved else 1), _STEPS


Orders = tuple[Order, ...]


def begin(op: str, command: c.MoveStor) -> tuple[MoveThenExpand, Orders]:
    """Begin with a look at the frame."""
    return MoveThenExpand(op, command), (AskFrame(),)


def advance(run: MoveThenExpand, event: Event) -> tuple[MoveThenExpand, Orders]:
    """What comes after the frame was seen, or an operation has ended."""
    match event:
        case FrameSeen(frame=frame):
            assert not run.running, f"{run.op} looked at the frame while {run.running} is under way"
            return _look(run, frame)
        case StepEnded(op=op, outcome=outcome):
            assert op == run.running, f"{op} ended, but {run.running or 'nothing'} is under way"
            run = evolve(run, totals=run.totals.plus(outcome), running="")
            if run.moved:
                return run, (_expanded(run, outcome),)
            return _tested(run, outcome) if run.command.test else _moved(run, op, outcome)
    raise AssertionError(f"{run.op} has no use for {event!r}")


def _look(run: MoveThenExpand, frame: Frame) -> tuple[MoveThenExpand, Orders]:
    if run.cancelled:
        return run, (_cancelled(run),)
    lpar, test = run.expansion.lpar, run.command.test
    # What an operation makes of the LPAR meanwhile is not known; a TEST is about now.
    if test or lpar not in frame.held:
        refused = refusal_of(frame, lpar, run.extent, frame.held if test else None)
        if refused is not None:
            return run, (Answer(refused),)
    run = evolve(run, running=f"{run.op}.1", seen=frame)
    return run, (Give(move_of(run.running, run.command)),)


def _moved(run: MoveThenExpand, op: str, outcome: Outcome) -> tuple[MoveThenExpand, Orders]:
    if outcome.result is not Result.COMPLETED:
        return run, (Answer(outcome),)
    run = evolve(run, moved=in_one_line(outcome.message))
    if run.cancelled:
        return run, (Tell(op, outcome), _cancelled(run))
    run = evolve(run, running=f"{run.op}.2")
    return run, (Tell(op, outcome), Give(m.ExpandStorage(run.running, run.expansion.lpar, run.extent)))


def _expanded(run: MoveThenExpand, outcome: Outcome) -> Answer:
    if outcome.result is Result.COMPLETED:
        text = f"{run.moved}; {in_one_line(outcome.message)}"
        return Answer(run.totals.outcome(Result.COMPLETED, {"text": text}))
    if outcome.result is Result.CANCELLED:
        return _cancelled(run)
    values: dict[str, object] = {"moved": run.moved, "problem": in_one_line(outcome.message)}
    return Answer(run.totals.outcome(Result.MOVED_NOT_EXPANDED, values))


def _tested(run: MoveThenExpand, outcome: Outcome) -> tuple[MoveThenExpand, Orders]:
    assert run.seen is not None, "the frame is looked at first"
    if outcome.result is not Result.COMPLETED:
        return run, (Answer(outcome),)
    lpar = run.expansion.lpar
    room = room_after(run.seen, run.command, lpar, run.extent)
    if isinstance(room, Outcome):
        return run, (Answer(room),)
    text = (
        f"every check was made: it can be moved to {outcome.values.get('target', '?')}, "
        f"{lpar} can then be expanded to {format_size(room * PAGE_BYTES)}; nothing was done"
    )
    values: dict[str, object] = {**outcome.values, "lpar": run.command.lpar, "text": text}
    return run, (Answer(run.totals.outcome(Result.COMPLETED, values, "LVM014I")),)


def _cancelled(run: MoveThenExpand) -> Answer:
    """A move that was done stands: the message says where the LPAR is."""
    values: dict[str, object] = {
        "goal": run.goal, "done": 1 if run.moved else 0, "steps": _STEPS, "stands": run.moved or "nothing was moved",
    }  # fmt: skip
    return Answer(run.totals.outcome(Result.CANCELLED, values, "LVM057I"))
