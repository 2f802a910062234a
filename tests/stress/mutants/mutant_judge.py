"""Runs a scenario, as it should be or with a mutant planted, and says what is wrong with it, in a line each.

Verdict, damage, rules and results are the run's own report; what else is looked at: an exception; a command that is not
answered; an answer that is not true; a LIP whose guest does nothing any more; frames that stay reserved; frames that
were told to be cleared and are not; frames that failed and stay in use.
"""

from collections.abc import Callable
from typing import Any

import trio
import trio.testing
from attrs import evolve, frozen

from lparvm.dst.deterministic import deterministic_scheduling
from lparvm.errors import LparvmError
from lparvm.machine import Machine, Options, Parts
from lparvm.protocol import messages as m
from lparvm.protocol.results import Result
from lparvm.report import RunReport
from lparvm.runner import run_scenario
from lparvm.scenario import parse_scenario
from lparvm.stress.mutants import Mutant

MS = 1_000_000
LIVELY_NS = 25 * MS
HEALTHY = Mutant("none", "Nothing is broken.")


@frozen
class Trial:
    """A scenario in which a mutant shows.

    Attributes:
        text: the scenario.
        limit_ms: until when every command must be answered and the run be over, virtual time.
        lively: whether every guest processor has something to do all the time.
        seed: of the run.
        parts: what the scenario is run with beside the mutant, made from the mutant's parts.
    """

    text: str
    limit_ms: int = 200
    lively: bool = True
    seed: int = 0
    parts: Callable[[Parts], Parts] = lambda parts: parts


def findings(trial: Trial, mutant: Mutant = HEALTHY) -> list[str]:
    """What is wrong with the run; nothing where it is as it should be."""
    watch = _Watch()
    with mutant.planted() as parts, deterministic_scheduling(trial.seed):
        try:
            report = trio.run(
                _run, trial, trial.parts(parts), watch, clock=trio.testing.MockClock(autojump_threshold=0)
            )
        except BaseExceptionGroup as group:
            return [f"crash: {type(error).__name__}: {error}" for error in _leaves(group)]
        except LparvmError as error:
            return [f"crash: {type(error).__name__}: {error}"]
    return [*_of_report(report), *watch.findings(report, lively=trial.lively)]


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


async def _run(trial: Trial, parts: Parts, watch: "_Watch") -> RunReport:
    options = Options(parts=parts, seed=trial.seed, listeners=(watch.feed,))
    with trio.move_on_after(trial.limit_ms / 1000):
        return await run_scenario(parse_scenario(trial.text), options=options, on_machine=watch.look_at)
    report = watch.machine.report
    assert report is not None, "it was closed"
    watch.late = True
    return report


def _of_report(report: RunReport) -> list[str]:
    found = [f"rule:{one.rule}: {one.violation}" for one in report.rules if one.verdict == "broken"]
    found += [f"damage: {one.lpar} {one.damage[:1]}" for one in report.guests if one.ever_damaged]
    found += [f"guest failed: {one.lpar}" for one in report.guests if one.ever_failed]
    found += [
        f"result: {one.text}: {one.result}, not {one.expected}"
        for one in report.commands
        if not report.interrupted and not one.as_expected
    ]
    return found


class _Watch:
    """Looks at a machine's events, and at the machine when it has ended."""

    machine: Machine

    def __init__(self) -> None:
        self.late = False
        self._ran: dict[tuple[str, str], int] = {}
        self._steps: dict[str, int] = {}
        self._worked: dict[str, int] = {}
        self._ended: set[tuple[str, str]] = set()  # asked for members only
        self._faults: list[int] = []
        self._found: list[str] = []

    def look_at(self, machine: Machine) -> None:
        self.machine = machine

    def feed(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "slice.ended":
                self._ran[event["lpar"], event["lip"]] = event["last_ns"]
                steps = self.machine.assembly.guests[event["lpar"]].steps
                if steps != self._steps.get(event["lpar"]):
                    self._steps[event["lpar"]], self._worked[event["lpar"]] = steps, event["last_ns"]
            case "guest.ended":
                self._ended.add((event["lpar"], event["lip"]))
            case "move.ended" | "exchange.ended" if event["fault_frame"] is not None:
                self._faults.append(event["fault_frame"])
            case "area.cleared":
                first, last = event["origin_frame"], event["origin_frame"] + event["extent_frames"]
                storage = self.machine.storage
                if storage.frames[first:last].any() or storage.keys[first:last].any():
                    self._found.append(f"not clear: frames {first} to {last} of {event['lpar']}")

    def findings(self, report: RunReport, *, lively: bool) -> list[str]:
        found = [*self._found]
        if self.late:
            open_ = [one.text for one in report.commands if one.result is Result.INTERRUPTED]
            found.append(f"hung: no answer to {open_}")
        found += [
            f"frame {frame} failed and is in use" for frame in self._faults if frame not in report.retired
        ]
        found += self._leaks()
        found += _untrue(report)
        return found + (self._idle(report) if lively and not self.late else [])

    def _leaks(self) -> list[str]:
        if self.late:
            return []
        held = [one for one in self.machine.assembly.zones.holdings() if one.kind != "zone"]
        return [f"leak: {one.lpar} holds {one.zone} ({one.kind})" for one in held]

    def _idle(self, report: RunReport) -> list[str]:
        active = [row.name for row in report.frame_after if row.state == "active"]
        since = report.duration_ns - LIVELY_NS
        lips = [
            (entry.name, lip)
            for entry in self.machine.assembly.records.lpars.values()
            for lip in entry.lips
            if entry.name in active
        ]
        found = [
            f"idle: {lpar} did no step in a while" for lpar in active if self._worked.get(lpar, 0) < since
        ]
        found += [
            f"idle: {lpar} on {lip} since {self._ran.get((lpar, lip), 0)} ns"
            for lpar, lip in lips
            if self._ran.get((lpar, lip), 0) < since and (lpar, lip) not in self._ended
        ]
        return found


def _untrue(report: RunReport) -> list[str]:
    """Answers of relocations and cancels that are not true: for scenarios with one move, and a CANCEL of it."""
    found = []
    before = {row.name: row.origin for row in report.frame_before}
    after = {row.name: row.origin for row in report.frame_after}
    moves = [one for one in report.commands if one.text.startswith("MVSTOR")]
    cancels = [one for one in report.commands if one.text.startswith("CANCEL")]
    if len(moves) == 1:
        move = moves[0]
        lpar = move.text.split()[1]
        moved = before[lpar] != after[lpar]
        if moved != (move.result is Result.COMPLETED) and move.result is not Result.INTERRUPTED:
            found.append(
                f"untrue: {move.text}: {move.result}, and {lpar} {'has' if moved else 'has not'} moved"
            )
        if move.result is Result.COMPLETED:
            granted = [one for one in cancels if one.result is Result.COMPLETED]
            found += [f"untrue: {one.text}: COMPLETED, and {move.text} was completed" for one in granted]
    return found


def slow_channel(parts: Parts) -> Parts:
    """What LIP control sends to an IOP is 4 ms on the way, so that starts can arrive while the IOP quiesces."""

    class Slow(parts.lip_control):
        def post(self, to, message, cause):
            if not isinstance(message, m.StartIo | m.ResumeIo):
                return super().post(to, message, cause)

            async def send():
                await self.clock.sleep_ns(4 * MS)
                super(Slow, self).post(to, message, cause)

            self.nursery.start_soon(send)
            return cause

    return evolve(parts, lip_control=Slow)


def slow_sale(parts: Parts) -> Parts:
    """SALE takes 1 ms at the IOP named IOP2."""

    class Slow(parts.iop):
        def handle(self, envelope):
            if self.name != "IOP2" or not isinstance(envelope.message, m.SetAddressLimit):
                super().handle(envelope)
                return

            async def handle():
                await self.clock.sleep_ns(MS)
                super(Slow, self).handle(envelope)

            self.nursery.start_soon(handle)

    return evolve(parts, iop=Slow)


def echoing(parts: Parts) -> Parts:
    """What an IOP tells LIP control of the end of a start, it tells once more 700 us later."""

    class Echoing(parts.iop):
        def post(self, to, message, cause):
            if isinstance(message, m.IoEnded):

                async def send():
                    await self.clock.sleep_ns(700_000)
                    super(Echoing, self).post(to, message, cause)

                self.nursery.start_soon(send)
            return super().post(to, message, cause)

    return evolve(parts, iop=Echoing)
