"""Commands that are made of several operations: MVSTOR with EXPAND=, and PLAN. A pure machine.

An event comes in, orders go out: `advance(run, event, planner) -> (run, orders)`. The operations of a command
`op.3` are `op.3.1`, `op.3.2` and so on, one at a time; to LPAR control each is an operation like any other.
`Answer` is the last order of each command, and the only one of its kind.

Both outcomes: *the command is answered when all of it is done, or as soon as it is known that the rest will
not be; what was done stands.* The stopped times, pages and busy devices of the answer are those of all its
operations together.

CANCEL names the command, its operation under way, or an LPAR it works on. The operation under way is given
up, as far as it still can be, and nothing further begins. Whether the CANCEL is granted is LPAR control's
answer; between two operations there is nothing to deny, and the CANCEL is answered at once.
"""

from collections.abc import Iterable

from attrs import evolve

from lparvm.protocol import commands as c
from lparvm.protocol import composite_move, composite_plan
from lparvm.protocol import messages as m
from lparvm.protocol.composite_move import MoveThenExpand
from lparvm.protocol.composite_parts import AnswerCancel, CancelAsked, Event, Give, Order, Planner
from lparvm.protocol.composite_plan import PlanRun
from lparvm.protocol.displays import OperationView

Composite = MoveThenExpand | PlanRun


def begin(op: str, command: c.MoveStor | c.Plan) -> tuple[Composite, tuple[Order, ...]]:
    """Begin a command of several operations.

    Args:
        op: its id.
        command: with sizes that are multiples of 4096; a MVSTOR has EXPAND= and no TEST.
    """
    if isinstance(command, c.Plan):
        return composite_plan.begin(op, command)
    return composite_move.begin(op, command)


def advance(run: Composite, event: Event, planner: Planner) -> tuple[Composite, tuple[Order, ...]]:
    """What comes next.

    Args:
        run: the command under way; not after its answer.
        event: what happened.
        planner: makes plans; pure.
    """
    if isinstance(event, CancelAsked):
        return _cancel(run, event.op)
    if isinstance(run, PlanRun):
        return composite_plan.advance(run, event, planner)
    return composite_move.advance(run, event)


def _cancel(run: Composite, op: str) -> tuple[Composite, tuple[Order, ...]]:
    run = evolve(run, cancelled=True)
    if run.running:
        return run, (Give(m.CancelOperation(op, run.running)),)
    return run, (AnswerCancel(op, run.op),)


def named(
    target: str, runs: Iterable[Composite], operations: Iterable[OperationView] = ()
) -> Composite | None:
    """The command that a CANCEL names; None: what it names, if anything, is LPAR control's.

    Args:
        target: the id of a command or of an operation, or an LPAR.
        runs: the commands of several operations under way.
        operations: LPAR control's operations. One that holds the LPAR is meant, before a command that will
            work on it.
    """
    runs = tuple(runs)
    for run in runs:
        if target in (run.op, run.running):
            return run
    holders = [one.op for one in operations if target in one.lpars]
    for run in runs:
        if target in run.lpars and all(op == run.running for op in holders):
            return run
    return None


def view_of(run: Composite) -> OperationView:
    """What DISPLAY OPERATIONS shows of it, beside its operation under way."""
    at, of = run.place
    phase = f"step {at} of {of}" if of else "planning"
    return OperationView(run.op, run.kind, run.lpars, phase, run.goal, percent=None)
