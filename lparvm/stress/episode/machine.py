"""One run of a plan's machine: trouble, then calm, then what the oracles look at."""

from collections import Counter
from collections.abc import Mapping

import trio
from attrs import Factory, define, frozen

from lparvm import dst
from lparvm.assembly import Parts
from lparvm.machine import Machine, Options, open_machine
from lparvm.protocol.results import Result
from lparvm.report import RunReport
from lparvm.stress.episode.blows import Blows
from lparvm.stress.episode.operators import Operators
from lparvm.stress.episode.parts import cut_parts
from lparvm.stress.guests.witness import Witness, WitnessRecord, record
from lparvm.stress.oracles import ending, liveness
from lparvm.stress.oracles.problem import Problem
from lparvm.stress.oracles.report import reported
from lparvm.stress.oracles.timeouts import TimeoutWatch
from lparvm.stress.probes import ProbeWatch
from lparvm.stress.swarm.plan import Plan
from lparvm.trace.vocabulary import Level
from lparvm.trace.writer import Event, Listener

SETTLES_S = 3.0
"""In so much virtual time, after all CANCELs, everything is answered."""


@frozen
class Course:
    """How a plan's machine is to be run.

    Attributes:
        plan: what was drawn.
        parts: what the machine is built from.
        options: trace file and level.
        listeners: told of each event.
    """

    plan: Plan
    parts: Parts = Factory(Parts)
    options: Options = Factory(Options)
    listeners: tuple[Listener, ...] = ()


@define
class Findings:
    """What came of it; filled as the run goes on.

    Attributes:
        problems: what the oracles found, in the order in which they looked.
        report: the machine's.
        counts: events by name, of those that are counted.
        moved: operations that have moved a zone.
        faulty: frames at which the mover had a machine check.
        struck: faults by kind.
        witnesses: their records.
    """

    problems: list[Problem] = Factory(list)
    report: RunReport | None = None
    counts: Counter[str] = Factory(Counter)
    faulty: list[int] = Factory(list)
    moved: set[str] = Factory(set)
    struck: Counter[str] = Factory(Counter)
    witnesses: Mapping[str, WitnessRecord] = Factory(dict)

    def feed(self, told: Event) -> None:
        """Count an event."""
        if told["event"] in _COUNTED:
            self.counts[told["event"]] += 1
            if told["event"] == "zone.moved":
                self.moved.add(told["op"])
            else:
                self._judge(told)
        elif told["event"] in ("move.ended", "exchange.ended") and told["fault_frame"] is not None:
            self.faulty.append(told["fault_frame"])

    def _judge(self, told: Event) -> None:
        """Who says that nothing was moved has moved nothing; who says that all went well has."""
        op, text, result = told["op"], told["text"], told["result"]
        simple = text.startswith(("MVSTOR", "XCHSTOR")) and "EXPAND" not in text and "TEST" not in text
        # A check stop may come before the commit or after it.
        if (
            simple
            and result != Result.CHECK_STOPPED
            and (op in self.moved) is not (result == Result.COMPLETED)
        ):
            what = "moved its zone" if op in self.moved else "moved nothing"
            self.problems.append(Problem("outcome", f"{text} came to {result}, and {what}"))


_COUNTED = ("zone.moved", "command.answered")


async def run_course(course: Course, tape: dst.Tape, findings: Findings) -> None:
    """Run the machine to its end; what is found stands in `findings`.

    Raises:
        BaseException: what the machine raised.
    """
    plan = course.plan
    timeouts = TimeoutWatch(exact=not plan.jumps and not plan.freezes)
    follow: list[Listener] = []

    def followed(told: Event) -> None:
        for listener in follow:
            listener(told)

    options = Options(
        seed=tape.stream("guests").draw(1 << 30),
        trace=course.options.trace,
        level=max(course.options.level, Level.PROTOCOL),
        parts=cut_parts(course.parts, plan.pace, tape),
        listeners=(findings.feed, ProbeWatch().feed, timeouts.feed, followed, *course.listeners),
    )
    async with open_machine(plan.scenario, options) as machine:
        for device in machine.assembly.devices.values():
            if hasattr(device, "blocks_at_once"):
                device.blocks_at_once = plan.pace.blocks_at_once
        operators, blows = Operators(machine, plan), Blows(machine, plan)
        follow += [operators.watch, blows.watch]
        await _trouble(operators, blows)
        findings.struck = blows.struck
        dst.calm()
        await _come_to_rest(machine, operators, findings)
        findings.problems += timeouts.problems
        findings.witnesses = _records(machine, plan)
    findings.report = machine.report
    assert machine.report is not None, "a closed machine has a report"
    for frame in findings.faulty:
        if frame not in machine.report.retired:
            findings.problems.append(Problem("leak", f"frame {frame} failed in a move, and is still in use"))
    # Damage says most of what is wrong: it comes first.
    findings.problems[:0] = reported(machine.report)


async def _trouble(operators: Operators, blows: Blows) -> None:
    """Operators work, and faults strike."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(blows.strike)
        await operators.work()
        nursery.cancel_scope.cancel()
    blows.end()


async def _come_to_rest(machine: Machine, operators: Operators, findings: Findings) -> None:
    problems = findings.problems
    operators.asked |= set(machine.svp.pending)  # by what follows
    with trio.move_on_after(SETTLES_S):
        await machine.settle()
    problems += ending.unanswered(machine)
    problems += ending.late(operators)
    problems += ending.cancels(machine, operators)
    if problems:
        return  # what is under way holds what it holds
    for lpar, entry in tuple(machine.assembly.records.lpars.items()):
        if entry.held and entry.loaded and not entry.check_stopped:
            await machine.svp.execute(f"START {lpar}")
    problems += await liveness.runs_again(machine)
    problems += await liveness.obeys(machine)
    problems += ending.agreement(machine)
    problems += ending.leaks(machine)
    problems += await liveness.finishes(machine)


def _records(machine: Machine, plan: Plan) -> dict[str, WitnessRecord]:
    assembly, found = machine.assembly, {}
    for lpar in plan.witnesses:
        entry, guest = assembly.records.lpars[lpar], assembly.guests.get(lpar)
        # The contract's one exception: what a check stop has lost, nobody can compare.
        if isinstance(guest, Witness) and not entry.check_stopped:
            found[lpar] = record(guest, assembly.states[lpar], assembly.storage)
    return found
