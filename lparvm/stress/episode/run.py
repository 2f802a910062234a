"""`run_job`: from a seed to a verdict.

seed -> tape -> plan -> machine, scheduled by the policy -> oracles
-> the same without relocations     -> what witnesses saw
"""

from collections.abc import Iterator
from contextlib import nullcontext

from attrs import evolve, frozen

from lparvm import dst
from lparvm.machine import Options
from lparvm.stress.episode.knobs import turned
from lparvm.stress.episode.machine import Course, Findings, run_course
from lparvm.stress.mutants import find_mutant
from lparvm.stress.oracles.problem import Problem
from lparvm.stress.oracles.witness import compare_witnesses
from lparvm.stress.probes import PROBES
from lparvm.stress.swarm.draw import draw_plan
from lparvm.stress.swarm.plan import Pace, Plan, Role
from lparvm.stress.verdict import FAILED, PASSED, SIZES, SeedJob, SeedVerdict
from lparvm.trace.writer import Listener

__all__ = ["PROBES", "Episode", "policy_of", "run_episode", "run_job"]

MIX = ("walk", "pct:3", "walk", "delay:3", "pct:8", "walk", "fifo", "pct:2")
"""What `mix` stands for: by the seed, one after the other."""
STEPS_MAX = 150_000
JUMP_MAX_S = 0.03
"""The clock jumps no farther: over a timeout of a device or of a quiesce, and not over an operator's patience."""
_OF_SCHEDULE = ("schedule", "clock", "freeze", "slices", "points", "mail", "echoes")
"""Streams that say when things happen, and not what."""


@frozen
class Episode:
    """All that a seed came to.

    Attributes:
        job: what was asked for.
        policy: the policy that was used.
        plan: what was drawn.
        run: of the machine.
        findings: what came of it.
        problems: all that the oracles found.
    """

    job: SeedJob
    policy: str
    plan: Plan
    run: "dst.Run[None]"
    findings: Findings
    problems: tuple[Problem, ...]

    def verdict(self) -> SeedVerdict:
        """As a campaign keeps it."""
        findings, problem = self.findings, next(iter(self.problems), None)
        report = findings.report
        return SeedVerdict(
            seed=self.job.seed,
            policy=self.policy,
            verdict=PASSED if problem is None else FAILED,
            oracle="" if problem is None else problem.oracle,
            detail="" if problem is None else problem.detail,
            digest="" if report is None else report.digest,
            steps=self.run.steps,
            virtual_ns=round(self.run.virtual_s * 1e9),
            relocations=findings.counts["zone.moved"],
            operations=findings.counts["command.answered"],
            faults=dict(sorted(findings.struck.items())),
            probes=dict(sorted(self.run.probes.items())),
            tape=None if problem is None else self.run.tape.as_json(),
        )


def policy_of(policy: str, seed: int) -> str:
    """The policy that a seed is run by."""
    return MIX[seed % len(MIX)] if policy == "mix" else policy


def run_job(job: SeedJob) -> SeedVerdict:
    """Run a seed, and judge it. Deterministic; what the seed finds is in the verdict.

    Raises:
        UsageError: there is no such policy, mutant or size.
    """
    return run_episode(job).verdict()


def run_episode(
    job: SeedJob,
    tape: dst.Tape | None = None,
    *,
    options: Options | None = None,
    listeners: tuple[Listener, ...] = (),
    steps_max: int = STEPS_MAX,
) -> Episode:
    """Run a seed, or what a tape gives, and judge it.

    Args:
        job: with the seed, and the mutant that is planted.
        tape: choices; None: from the seed.
        options: a trace file and its level.
        listeners: told of each event of the machine.
        steps_max: the run is given up after so many steps.

    Raises:
        UsageError: there is no such policy, mutant or size.
    """
    policy = policy_of(job.policy, job.seed)
    if tape is None:
        tape = dst.Tape(job.seed, mode="batch" if dst.parse_policy(policy).batches else "step")
    assert job.size in SIZES, f"{job.size} is none of {SIZES}"
    plan = draw_plan(tape, job.size)
    mutant = find_mutant(job.mutant) if job.mutant else None
    course = Course(plan, options=options or Options(), listeners=listeners)
    if mutant is not None:
        course = evolve(course, parts=mutant.parts)
    with turned(), nullcontext() if mutant is None else mutant.planted():
        run, findings = _simulated(course, policy, tape, steps_max)
    problems = tuple(_judged(run, findings))
    if not problems and findings.witnesses and findings.counts["zone.moved"]:
        with turned():
            problems = tuple(_unseen(plan, run.tape, findings))
    return Episode(job, policy, plan, run, findings, problems)


def _simulated(
    course: Course, policy: str, tape: dst.Tape, steps_max: int = STEPS_MAX
) -> "tuple[dst.Run[None], Findings]":
    findings = Findings()

    async def main(tape: dst.Tape) -> None:
        await run_course(course, tape, findings)

    chaos = dst.Chaos(course.plan.jumps, course.plan.freezes, JUMP_MAX_S)
    return dst.run(main, policy, tape=tape, chaos=chaos, steps_max=steps_max), findings


def _judged(run: "dst.Run[None]", findings: Findings) -> Iterator[Problem]:
    yield from findings.problems
    if run.error is not None:
        leaf = first_leaf(run.error)
        text = " ".join(str(leaf).split())
        yield Problem("crash", f"{type(leaf).__name__}: {text}"[:500])


def _unseen(plan: Plan, tape: dst.Tape, findings: Findings) -> Iterator[Problem]:
    """The same seed with every relocation left out, and with all else left out that is done or that fails."""
    given = {name: values for name, values in tape.choices.items() if name not in _OF_SCHEDULE}
    run, without = _simulated(Course(in_peace(plan)), "fifo", dst.Tape(given=given))
    for problem in _judged(run, without):
        yield Problem(f"without-relocations:{problem.oracle}", problem.detail)
        return
    # One that was check-stopped has none to be compared.
    expected = {lpar: one for lpar, one in without.witnesses.items() if lpar in findings.witnesses}
    for told in compare_witnesses(findings.witnesses, expected):
        yield Problem("invisibility", told)


def in_peace(plan: Plan) -> Plan:
    """The same machine, where nobody gives commands, nothing fails, and guests that aren't compared do nothing."""
    roles = plan.roles
    lpars = tuple(
        lpar if roles[lpar.name] is Role.WITNESS else evolve(lpar, guest="idle", options={})
        for lpar in plan.scenario.lpars
    )
    scenario = evolve(plan.scenario, lpars=lpars)
    return evolve(plan, scenario=scenario, operators=(), pace=Pace(), blows=(), jumps=0, freezes=0)


def first_leaf(error: BaseException) -> BaseException:
    """Of a group of exceptions the first one that is none."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
