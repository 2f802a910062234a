"""PLAN: ask for the frame, plan, and with GO carry the plan out, step by step.

    ASKING --an LPAR that can't be expanded-----> answered: why, or PLAN_STOPPED after the first step
    ASKING --plan, no GO------------------------> answered with the plan's lines
    ASKING --no plan----------------------------> answered: NO_PLAN, or PLAN_STOPPED after the first step
    ASKING --a step is left---------------------> STEPPING
    ASKING --the room is there (FREE)-----------> answered: COMPLETED
    STEPPING --completed (FREE), or more to do--> ASKING
    STEPPING --expanded-------------------------> answered: COMPLETED
    STEPPING --not completed--------------------> ASKING, to plan anew; or answered: PLAN_STOPPED

Others may work on the same storage. So the frame is asked for before each step: where it is not as the plan
expects it, a new plan is made from what is there. After the last step of FREE too: only what is free then is
told. What was done stands, whatever comes.

*It ends*: a step that does not complete is answered by a new plan `PLAN_REPLANS_MAX` times at most, and there
are `PLAN_STEPS_MAX` steps in all at most. Where a new plan can't help, or would only be refused by the same
operation at the same instant, it ends at once. So it does when a step lost an LPAR (CHECK_STOPPED): what a
machine does that has just lost storage is the operator's to decide.
"""

from attrs import Factory, evolve, frozen

from lparvm.arch.address import PAGE_BYTES
from lparvm.config import PLAN_REPLANS_MAX, PLAN_STEPS_MAX
from lparvm.protocol import commands as c
from lparvm.protocol import messages as m
from lparvm.protocol.composite_expansion import refusal_of
from lparvm.protocol.composite_parts import (
    Answer,
    AskFrame,
    Cancel,
    Event,
    Frame,
    FrameSeen,
    Give,
    Layout,
    Order,
    PlannedMove,
    PlannedStep,
    Planner,
    StepEnded,
    Tell,
    Unplanned,
    in_one_line,
)
from lparvm.protocol.results import Result, Totals
from lparvm.protocol.targets import Hsa
from lparvm.units import format_size

# A new plan does not change these: storage was lost, or nothing more may begin now.
_FOR_GOOD = frozenset({Result.CHECK_STOPPED, Result.TOO_MANY_OPERATIONS})
# Nor these of the LPAR that the plan is for.
_NOT_TO_BE_EXPANDED = frozenset(
    {Result.WRONG_SIZE, Result.UNKNOWN_LPAR, Result.WRONG_STATE, Result.LPAR_CHECK_STOPPED}
)


@frozen
class PlanRun:
    """The command under way.

    Attributes:
        op: its id; its operations are `op`.1, `op`.2, and so on.
        steps: what is left of the plan, beside the expansion at its end; None: plan anew.
        layout: where the plan expects each LPAR now.
        retired: frames that were out of use when it was made.
        room: what it leads to, in words.
        running: id of the operation under way; empty while the frame is asked for.
        tried: steps that were begun.
        done: steps that completed.
        of: steps in all, by the last plan.
        replans: how often a step did not complete.
        problem: why the last one did not.
        refused: it was refused at once, for an operation held an LPAR of it.
        totals: of the operations that have ended.
        cancelled: nothing further is to begin.
        cancels: the CANCELs that are to be answered.
    """

    op: str
    command: c.Plan
    steps: tuple[PlannedStep, ...] | None = None
    layout: Layout = ()
    retired: tuple[int, ...] = ()
    room: str = ""
    running: str = ""
    tried: int = 0
    done: int = 0
    of: int = 0
    replans: int = 0
    problem: str = ""
    refused: bool = False
    totals: Totals = Factory(Totals)
    cancelled: bool = False
    cancels: tuple[Cancel, ...] = ()

    @property
    def lpars(self) -> tuple[str, ...]:
        """The LPARs that it works on now: those of its step, and the one that is to be expanded."""
        step = self.steps[0].lpars if self.steps else ()
        goal = () if self.command.lpar is None or self.command.lpar in step else (self.command.lpar,)
        return (*step, *goal)

    @property
    def kind(self) -> str:
        """For a display."""
        return "PLAN"

    @property
    def goal(self) -> str:
        """For messages."""
        size = format_size(self.command.size_bytes)
        return (
            f"PLAN FREE {size}"
            if self.command.lpar is None
            else f"PLAN EXPAND {self.command.lpar} SIZE={size}"
        )

    @property
    def extent(self) -> int:
        """The room or the new extent, in frames."""
        return self.command.size_bytes // PAGE_BYTES

    @property
    def more(self) -> bool:
        """Whether something is to come after the operation under way."""
        return self.done + 1 < self.of

    @property
    def through(self) -> bool:
        """Whether all steps of FREE are done: is the room there?"""
        return self.command.lpar is None and 0 < self.of == self.done

    @property
    def place(self) -> tuple[int, int]:
        """Which step of how many is under way or next; (0, 0) before there is a plan."""
        return min(self.done + 1, self.of), self.of


Orders = tuple[Order, ...]


def begin(op: str, command: c.Plan) -> tuple[PlanRun, Orders]:
    """Begin with a look at the frame."""
    return PlanRun(op, command), (AskFrame(),)


def advance(run: PlanRun, event: Event, planner: Planner) -> tuple[PlanRun, Orders]:
    """What comes after the frame was seen, or a step has ended."""
    match event:
        case FrameSeen(frame=frame):
            assert not run.running, f"{run.op} looked at the frame while {run.running} is under way"
            return _look(run, frame, planner)
        case StepEnded(op=op, outcome=outcome):
            assert op == run.running, f"{op} ended, but {run.running or 'nothing'} is under way"
            run = evolve(run, totals=run.totals.plus(outcome), running="")
            told = Tell(op, outcome)
            if outcome.result is Result.COMPLETED:
                run, orders = _completed(run, outcome.message)
            elif run.cancelled or outcome.result is Result.CANCELLED:
                orders = (_cancelled(run),)
            else:
                problem = in_one_line(f"{op}: {outcome.message}")
                run, orders = _failed(run, problem, outcome.result)
            return run, (told, *orders)
    raise AssertionError(f"{run.op} has no use for {event!r}")


def _look(run: PlanRun, frame: Frame, planner: Planner) -> tuple[PlanRun, Orders]:
    # What is done is done: a CANCEL in the last step of FREE prevents nothing, if the room is there.
    if run.cancelled and not run.through:
        return run, (_cancelled(run),)
    refused = None if run.command.lpar is None else refusal_of(frame, run.command.lpar, run.extent)
    if refused is not None:
        return run, (_stopped(run, in_one_line(refused.message)) if run.tried else Answer(refused),)
    if not _as_expected(run, frame):
        plan = planner(frame, run.command)
        if run.cancelled and (isinstance(plan, Unplanned) or plan.steps):
            return run, (_cancelled(run),)
        if isinstance(plan, Unplanned):
            return run, (_unplanned(run, plan.reason),)
        if not run.command.go:
            lines = plan.lines or (f"{run.goal}: {plan.room}",)
            outcome = run.totals.outcome(Result.COMPLETED, {"text": "\n".join(lines)})
            return run, (Answer(outcome, lines),)
        last = run.command.lpar is not None
        run = evolve(
            run, steps=plan.steps, layout=frame.layout, retired=frame.retired, room=plan.room,
            of=run.done + len(plan.steps) + last,
        )  # fmt: skip
    return _next(run, frame)


def _as_expected(run: PlanRun, frame: Frame) -> bool:
    """Whether what is left of the plan can go on from this frame."""
    if run.steps is None or (run.layout, run.retired) != (frame.layout, frame.retired):
        return False
    return all(frame.movable(lpar) for step in run.steps[:1] for lpar in step.lpars)


def _next(run: PlanRun, frame: Frame) -> tuple[PlanRun, Orders]:
    """Begin the next step; there is a plan."""
    assert run.steps is not None, "made by `_look`"
    if not run.steps and run.command.lpar is None:
        return run, (_done(run, run.room),)
    if run.refused and any(lpar in frame.held for lpar in run.lpars):
        return run, (_stopped(run, run.problem),)
    if run.tried == PLAN_STEPS_MAX:
        return run, (_stopped(run, f"{PLAN_STEPS_MAX} steps were tried"),)
    op = f"{run.op}.{run.tried + 1}"
    run = evolve(run, tried=run.tried + 1, running=op)
    if not run.steps:
        assert run.command.lpar is not None, "else nothing is left to do"
        return run, (Give(m.ExpandStorage(op, run.command.lpar, run.extent)),)
    step = run.steps[0]
    if isinstance(step, PlannedMove):
        return run, (Give(m.MoveStorage(op, step.lpar, Hsa(step.origin_frame * PAGE_BYTES))),)
    return run, (Give(m.ExchangeStorage(op, step.first, step.second)),)


def _completed(run: PlanRun, message: str) -> tuple[PlanRun, Orders]:
    assert run.steps is not None, "a step is begun by a plan"
    run = evolve(run, done=run.done + 1, refused=False)
    if not run.steps:
        return run, (_done(run, in_one_line(message)),)
    run = evolve(run, steps=run.steps[1:], layout=run.steps[0].after)
    if not run.steps and run.command.lpar is None:
        # Others may have taken it meanwhile: it is planned anew, and there is nothing left to plan if it is there.
        return evolve(run, steps=None), (AskFrame(),)
    return run, ((_cancelled(run) if run.cancelled else AskFrame()),)


def _failed(run: PlanRun, problem: str, result: Result) -> tuple[PlanRun, Orders]:
    final = _FOR_GOOD if run.steps else _FOR_GOOD | _NOT_TO_BE_EXPANDED
    run = evolve(run, problem=problem, refused=result is Result.LPAR_IN_OPERATION)
    if result in final or run.replans == PLAN_REPLANS_MAX:
        return run, (_stopped(run, problem),)
    return evolve(run, steps=None, replans=run.replans + 1), (AskFrame(),)


def _done(run: PlanRun, room: str) -> Answer:
    steps = f"{run.done} step{'' if run.done == 1 else 's'}" if run.done else "nothing had to be moved"
    return Answer(run.totals.outcome(Result.COMPLETED, {"text": f"{run.goal}: {steps}; {room}"}))


def _unplanned(run: PlanRun, reason: str) -> Answer:
    if run.tried:
        before = f"{run.problem}; then " if run.problem else ""
        return _stopped(run, f"{before}there is no plan: {reason}")
    return Answer(run.totals.outcome(Result.NO_PLAN, {"goal": run.goal, "reason": reason}))


def _stopped(run: PlanRun, problem: str) -> Answer:
    return Answer(run.totals.outcome(Result.PLAN_STOPPED, {**_told(run), "problem": problem}))


def _cancelled(run: PlanRun) -> Answer:
    return Answer(run.totals.outcome(Result.CANCELLED, _told(run), "LVM057I"))


def _told(run: PlanRun) -> dict[str, object]:
    stands = "what was done stands" if run.done else "nothing was moved"
    return {"goal": run.goal, "done": run.done, "steps": run.of, "stands": stands}
