"""Runs a scenario from start to verdict: its commands at their times, its faults, Ctrl-C.

`run_scenario` is for callers that have a trio run of their own; `run` starts one, with the clock asked for.
"""

import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Literal

import trio
import trio.testing
from attrs import evolve

from lparvm.dst.deterministic import deterministic_scheduling
from lparvm.errors import UsageError
from lparvm.machine import Machine, Options, open_machine
from lparvm.protocol.results import Result
from lparvm.report import RunReport
from lparvm.scenario import CommandConfig, Scenario, load_scenario

Clock = Literal["real", "virtual"]
OnMachine = Callable[[Machine], None]
Given = dict[tuple[int, int], str]
"""(position in the file, 0 or the number in `then` from 1) -> operation."""


def run(
    scenario: Scenario | str | Path,
    *,
    clock: Clock = "real",
    options: Options | None = None,
    on_machine: OnMachine | None = None,
    signals: bool = False,
) -> RunReport:
    """Run a scenario to its end and prove it.

    Args:
        scenario: a built-in name, a file, or a scenario.
        clock: `real`, or `virtual`: then the same scenario and seed give the same trace, byte for byte.
        options: seed, trace, proof.
        on_machine: called with the machine when it has been opened, to listen to its service processor.
        signals: end the run in order on SIGINT and SIGTERM (main thread only).

    Raises:
        ScenarioError: the scenario is wrong; nothing was started.
        UsageError: the trace file cannot be written, or a device file not be used.
    """
    options = options or Options()
    virtual = clock == "virtual"
    scheduling = deterministic_scheduling(options.seed) if virtual else nullcontext()

    async def main() -> RunReport:
        return await run_scenario(scenario, options=options, on_machine=on_machine, signals=signals)

    with scheduling:
        try:
            return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0) if virtual else None)
        except BaseExceptionGroup as group:
            if group.subgroup(KeyboardInterrupt) is not None:
                raise KeyboardInterrupt from None
            usage, others = group.split(UsageError)
            if usage is None or others is not None:
                raise
            # Such as a trace file on a full disk: told by whichever actor wrote next.
            raise _first_leaf(usage) from None


def _first_leaf(group: BaseExceptionGroup[UsageError]) -> UsageError:
    first = group.exceptions[0]
    return _first_leaf(first) if isinstance(first, BaseExceptionGroup) else first


async def run_scenario(
    scenario: Scenario | str | Path,
    *,
    options: Options | None = None,
    on_machine: OnMachine | None = None,
    signals: bool = False,
) -> RunReport:
    """As `run`, inside a trio run; the clock is that run's."""
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(str(scenario))
    given: Given = {}
    async with open_machine(scenario, options) as machine:
        if on_machine is not None:
            on_machine(machine)
        scope = trio.CancelScope()
        with ended_by_signals(machine, scope) if signals else nullcontext():
            with scope:
                await _follow(machine, scenario, given)
            if machine.interrupted:
                await machine.settle()
    assert machine.report is not None, "a closed machine has a report"
    return _in_file_order(machine.report, given)


def _in_file_order(report: RunReport, given: Given) -> RunReport:
    """The scenario's commands first, as they stand in the file; then those that others gave."""
    by_op = {result.operation: result for result in report.commands}
    ordered = [by_op.pop(given[place]) for place in sorted(given)]
    return evolve(report, commands=(*ordered, *by_op.values()))


async def _follow(machine: Machine, scenario: Scenario, given: Given) -> None:
    """The timeline: until the duration is over and every command was answered."""
    async with trio.open_nursery() as waiting:
        machine.start_faults(waiting)
        async with trio.open_nursery() as nursery:
            for position, command in enumerate(scenario.commands):
                give = partial(_give, machine, command, position, given)
                if command.at_ns is None:
                    waiting.start_soon(_at_moment, machine, command, nursery, give)
                else:
                    nursery.start_soon(_at_time, machine, command.at_ns, give)
            await machine.clock.sleep_until_ns(scenario.run.duration_ns)
        # Commands and faults whose moment never came.
        waiting.cancel_scope.cancel()


async def _at_time(machine: Machine, at_ns: int, give: Callable[[], Awaitable[None]]) -> None:
    await machine.clock.sleep_until_ns(at_ns)
    await give()


async def _at_moment(
    machine: Machine, command: CommandConfig, nursery: trio.Nursery, give: Callable[[], Awaitable[None]]
) -> None:
    assert command.when is not None, "it has a time or a moment"
    come = trio.Event()
    machine.moments.at(command.when, come.set)
    await come.wait()
    nursery.start_soon(give)


async def _give(machine: Machine, command: CommandConfig, position: int, given: Given) -> None:
    for number, text in enumerate((command.text, *command.then)):
        op = machine.svp.submit(text)
        given[position, number] = op
        machine.expected[op] = command.expect if number == 0 else Result.COMPLETED
        await machine.svp.answer(op)


@contextmanager
def ended_by_signals(machine: Machine, scope: trio.CancelScope) -> Iterator[None]:
    """Within it, the first SIGINT or SIGTERM ends the run in order, and a second one at once.

    In order: `scope` is cancelled, for the caller to settle the machine. At once: KeyboardInterrupt is raised
    wherever Python is, which also gets out of a guest that never yields; the trace is completed all the same.
    Main thread only.
    """
    token = trio.lowlevel.current_trio_token()
    count = 0

    def end() -> None:
        machine.interrupted = True
        scope.cancel()

    def handler(_signal: int, _frame: object) -> None:
        nonlocal count
        count += 1
        if count > 1:
            machine.interrupted = True
            raise KeyboardInterrupt
        token.run_sync_soon(end)

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
