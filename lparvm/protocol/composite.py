"""Commands that are made of several operations: MVSTOR with EXPAND=, and PLAN. A pure machine.

An event comes in, orders go out: `advance(run, event, planner) -> (run, orders)`. The operations of a command
`op.3` are `op.3.1`, `op.3.2` and so on, one at a time; to LPAR control each is an operation like any other.
`Answer` is the last order of each command, and the only one of its kind.

Both outcomes: *the command is answered when all of it is done, or as soon as it is known that the rest will
not be; what was done stands.* The stopped times, pages and busy devices of the answer are those of all its
operations together.

CANCEL names the command, its operation under way, or an LPAR it works on. The operation under way is given
up, as far as it still can be, and nothing further begins. It is answered with the command: COMPLETED if that
ended CANCELLED, whether LPAR control gave the operation up or the rest of the command did not begin; else as LPAR
control answered it. One that comes while an earlier one is at work is denied at once.
"""

from collections.abc import Iterable

from attrs import evolve

from lparvm.protocol import commands as c
from lparvm.protocol import composite_move, composite_plan
from lparvm.protocol import messages as m
from lparvm.protocol.composite_move import MoveThenExpand
from lparvm.protocol.composite_parts import (
    Answer,
    AnswerCancel,
    Cancel,
    CancelAnswered,
    CancelAsked,
    Event,
    Give,
    Order,
    Planner,
)
from lparvm.protocol.composite_plan import PlanRun
from lparvm.protocol.displays import OperationView
from lparvm.protocol.results import Outcome, Result

Composite = MoveThenExpand | PlanRun


def begin(op: str, command: c.MoveStor | c.Plan) -> tuple[Composite, tuple[Order, ...]]:
    """Begin a command of several operations.

    Args:
        op: its id.
        command: with sizes that are multiples of 4096; a MVSTOR has EXPAND=.
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
    if isinstance(event, CancelAnswered):
        return _denied(run, event), ()
    orders: tuple[Order, ...]
    if isinstance(run, PlanRun):
        run, orders = composite_plan.advance(run, event, planner)
    else:
        run, orders = composite_move.advance(run, event)
    if orders and isinstance(orders[-1], Answer):
        orders = (*orders[:-1], *_answers(run, orders[-1].outcome), orders[-1])
    return run, orders


def _cancel(run: Composite, op: str) -> tuple[Composite, tuple[Order, ...]]:
    at_work = any(one.denied is None for one in run.cancels) or run.more
    if run.cancelled and (at_work or not run.running):
        values: dict[str, object] = {"target": run.op, "phase": view_of(run).phase}
        return run, (AnswerCancel(op, Outcome(Result.NOT_CANCELLABLE, values, code="LVM059W")),)
    if run.running:
        run = evolve(run, cancelled=True, cancels=(*run.cancels, Cancel(op)))
        return run, (Give(m.CancelOperation(op, run.running)),)
    # The frame is looked at: if that shows that all is done, the CANCEL comes too late.
    values = {"target": run.op, "phase": "nothing is left to do"}
    cancel = Cancel(op, Outcome(Result.NOT_CANCELLABLE, values))
    return evolve(run, cancelled=True, cancels=(*run.cancels, cancel)), ()


def _denied(run: Composite, event: CancelAnswered) -> Composite:
    """LPAR control's word is the CANCEL's answer only if the command does not end cancelled."""
    cancels = (evolve(one, denied=event.outcome) if one.op == event.op else one for one in run.cancels)
    return evolve(run, cancels=tuple(cancels))


def _answers(run: Composite, outcome: Outcome) -> tuple[AnswerCancel, ...]:
    """With the command's answer its CANCELs are answered, but for those to which LPAR control will still say no."""
    if outcome.result is not Result.CANCELLED:
        return tuple(AnswerCancel(one.op, one.denied) for one in run.cancels if one.denied is not None)
    done, steps = outcome.values.get("done"), outcome.values.get("steps")
    after = f" after {done} of {steps} steps" if done else ""
    granted = Outcome(Result.COMPLETED, {"text": f"{run.op} was cancelled{after}"})
    return tuple(AnswerCancel(one.op, granted) for one in run.cancels)


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
