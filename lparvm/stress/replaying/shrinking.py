"""A failing tape, made simpler: fewer choices, LPARs, commands and faults, and the same oracle finds the problem."""

from collections.abc import Callable

from attrs import frozen

from lparvm import dst
from lparvm.config import STRESS_SHRINK_ATTEMPTS_MAX, STRESS_SHRINK_STEPS_MAX
from lparvm.errors import UsageError
from lparvm.stress.episode.run import STEPS_MAX, Episode, run_episode
from lparvm.stress.oracles.problem import Problem
from lparvm.stress.replaying.simpler import PROPOSALS
from lparvm.stress.replaying.tape_file import Shown, TapeFile

_LONGER, _LONGER_STEPS = 2, 5_000
"""A run that takes so many times the steps, and so many more, is no simpler one: it is given up."""


@frozen
class Measures:
    """How large a run is.

    Attributes:
        choices: how many are not the simplest.
        lpars: LPARs of the machine.
        commands: what the operators do, without their CANCELs.
        faults: faults that are to strike, and devices that misbehave.
        steps: steps of the scheduler.
    """

    choices: int
    lpars: int
    commands: int
    faults: int
    steps: int

    @classmethod
    def of(cls, episode: Episode) -> "Measures":
        """Of a run."""
        plan, scenario = episode.plan, episode.plan.scenario
        return cls(
            choices=episode.run.tape.cost[0],
            lpars=len(scenario.lpars),
            commands=sum(len(orders) for orders in plan.operators),
            faults=len(plan.blows) + sum(device.kind == "fault" for device in scenario.devices),
            steps=episode.run.steps,
        )


@frozen
class ShrunkFile:
    """What shrinking came to.

    Attributes:
        file: the simplest that was found.
        before: how large the run was.
        after: how large it is.
        attempts: runs that it took.
        done: nothing simpler was found near it; else attempts or steps were used up.
    """

    file: TapeFile
    before: Measures
    after: Measures
    attempts: int
    done: bool


OnAttempt = Callable[[int, Measures], None]
"""Told of each attempt: its number, and how large the simplest run is that was found so far."""


def shrink_file(
    file: TapeFile,
    *,
    attempts_max: int = STRESS_SHRINK_ATTEMPTS_MAX,
    steps_max: int = STRESS_SHRINK_STEPS_MAX,
    on_attempt: OnAttempt = lambda _attempt, _measures: None,
) -> ShrunkFile:
    """Look for a simpler tape for which the same oracle is the first to find something.

    Args:
        file: of a run that fails.
        attempts_max: runs at most.
        steps_max: no run is begun when all of them have taken so many steps of the scheduler.
        on_attempt: told of each attempt.

    Raises:
        UsageError: the run passes, or another oracle finds something.
    """
    if not file.shown.oracle:
        raise UsageError("this tape's run passes: nothing to shrink")
    trial = _Trial(file, steps_max, on_attempt)
    shrunk = dst.shrink(file.tape, trial.fails, proposals=PROPOSALS, attempts_max=attempts_max)
    first, last = trial.measures[0], trial.measures[-1]
    # Once more, for what it shows.
    episode = run_episode(file.job, shrunk.tape.again())
    kept = TapeFile(file.job, Shown.of(episode.verdict()), episode.run.tape.again(), file.python)
    return ShrunkFile(kept, first, last, shrunk.attempts, shrunk.done and not trial.spent)


class _Trial:
    """Runs tapes, and keeps what came of those that fail.

    Attributes:
        measures: of the first run and the simplest one so far.
        spent: a run was not begun, since there were too many steps.
    """

    def __init__(self, file: TapeFile, steps_max: int, on_attempt: OnAttempt) -> None:
        self._file, self._left, self._on_attempt = file, steps_max, on_attempt
        self._kind = _kind(Problem(file.shown.oracle, file.shown.detail))
        self.measures: list[Measures] = []
        self.spent = False
        self._attempts = 0
        self._best: tuple[int, int] | None = None

    def fails(self, tape: dst.Tape) -> dst.Tape | None:
        """The tape as it was used, where the same oracle finds something."""
        if self._left <= 0:
            self.spent = True
            return None
        limit = min(STEPS_MAX, _LONGER * self._file.shown.steps + _LONGER_STEPS)
        episode = run_episode(self._file.job, tape, steps_max=limit)
        self._left -= episode.run.steps
        self._attempts += 1
        if not episode.problems or _kind(episode.problems[0]) != self._kind:
            return self._told(None)
        used = episode.run.tape
        if self._best is None or used.cost < self._best:
            self._best = used.cost
            self.measures[1:] = [Measures.of(episode)] if self.measures else []
            self.measures = self.measures or [Measures.of(episode)]
        return self._told(used)

    def _told(self, used: dst.Tape | None) -> dst.Tape | None:
        if self.measures:
            self._on_attempt(self._attempts, self.measures[-1])
        return used


def _kind(problem: Problem) -> str:
    """What must be the same: the oracle; and of a crash, the exception's class."""
    return (
        f"{problem.oracle} {problem.detail.partition(':')[0]}"
        if problem.oracle == "crash"
        else problem.oracle
    )
