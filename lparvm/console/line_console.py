"""The service processor as a line console: commands from a terminal, with history and completion, or a pipe.

The machine runs in trio's thread and goes on while a line is typed; messages and answers are shown as they come.
From a pipe the commands are given one after the other, each when the one before is answered. The scenario's own
commands are not given here.
"""

import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import trio
from attrs import evolve
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console

from lparvm.arch.address import PAGE_BYTES
from lparvm.console.history import open_history
from lparvm.console.live import Live
from lparvm.console.reading import OperatorLeft, PipeReader, PromptReader, Reader, Screen
from lparvm.console.terminal import make_console
from lparvm.errors import CommandError, UsageError
from lparvm.machine import Machine, Options, open_machine
from lparvm.protocol.command_parser import usage
from lparvm.protocol.displays import mark_of, operation_lines, storage_bar
from lparvm.protocol.messages import FrameRow
from lparvm.report import RunReport
from lparvm.runner import ended_by_signals
from lparvm.scenario import Scenario, load_scenario
from lparvm.trace.vocabulary import Level
from lparvm.units import format_size

_LEAVE = ("QUIT", "EXIT", "BYE")
_OWN_USAGE = (
    "HELP [verb]                what the commands look like",
    "QUIT                       end the session; what is still under way is cancelled",
)
_NOTE = "The commands that stand in the scenario are not given here; `lparvm run` gives them."
_TOOLBAR_INTERVAL_S = 0.2
_TOOLBAR_COLUMNS = 48


def operate(name: str, options: Options, *, log: Level | None = None) -> RunReport:
    """Run a scenario's machine under the operator's hands until QUIT or the end of the input.

    Args:
        name: a built-in scenario, or a file.
        options: seed, trace, proof.
        log: events of this level are logged on standard error; None: none are.

    Raises:
        ScenarioError: the scenario is wrong; nothing was started.
        UsageError: there is no input, the trace file cannot be written, or a device file not be used.
    """
    scenario = load_scenario(name)
    if sys.stdin is None:
        raise UsageError("console: standard input is closed; expected a terminal, or commands from a pipe")
    if not (sys.stdin.isatty() and sys.stdout is not None and sys.stdout.isatty()):
        console = make_console()
        live = Live(console)
        return trio.run(
            _operate,
            scenario,
            _logged(options, live, log),
            live,
            console,
            PipeReader(sys.stdin.fileno()),
            None,
        )
    screen, stderr = Screen(), sys.stderr
    with _terminal_restored(), patch_stdout(raw=True):
        # Made inside: what is printed while a line is being typed goes above it.
        console = make_console(file=sys.stdout, force_terminal=True)
        reader = PromptReader(screen, open_history())
        # A bar would fight with the line that is being typed; the toolbar shows progress there.
        live = Live(console, bars=False, log=stderr)
        return trio.run(_operate, scenario, _logged(options, live, log), live, console, reader, screen)


def _logged(options: Options, live: Live, log: Level | None) -> Options:
    return options if log is None else evolve(options, listeners=(*options.listeners, live.event_log(log)))


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """However the session ends, the terminal is as it was."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        yield
    finally:
        with suppress(termios.error):  # it has gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


async def _operate(
    scenario: Scenario, options: Options, live: Live, console: Console, reader: Reader, screen: Screen | None
) -> RunReport:
    """`screen` is what the prompt shows, where there is one."""
    async with open_machine(scenario, options) as machine:
        with live:
            live.attach(machine)
            console.print("HELP lists the commands, QUIT ends.")
            scope = trio.CancelScope()
            with ended_by_signals(machine, scope):
                with scope:
                    await _follow_with_toolbar(machine, console, reader, screen)
                await machine.settle()
    assert machine.report is not None, "a closed machine has a report"
    return machine.report


async def _follow_with_toolbar(
    machine: Machine, console: Console, reader: Reader, screen: Screen | None
) -> None:
    async with trio.open_nursery() as nursery:
        if screen is not None:
            nursery.start_soon(_keep, screen, machine)
        machine.interrupted |= not await _follow(machine, console, reader, at_once=screen is not None)
        nursery.cancel_scope.cancel()


async def _keep(screen: Screen, machine: Machine) -> None:
    """Keep the screen up to date."""
    total_bytes = machine.scenario.main_storage_frames * PAGE_BYTES
    while True:
        rows = machine.rows()
        # LPARs come and go; one that is defined and not active has no row, and can be named all the same.
        screen.lpars = tuple(dict.fromkeys((*(row.name for row in rows), *machine.svp.lpars)))
        screen.toolbar = toolbar(rows, total_bytes, operation_lines(machine.svp.operations()))
        await trio.sleep(_TOOLBAR_INTERVAL_S)


def toolbar(rows: Sequence[FrameRow], main_storage_bytes: int, operations: Sequence[str]) -> str:
    """The frame and the bar of storage in a line, and a line for each operation under way."""
    bar = storage_bar(rows, main_storage_bytes, _TOOLBAR_COLUMNS)
    frame = "  ".join(
        f"{mark_of(position)} {row.name} {format_size(row.origin * PAGE_BYTES)}"
        for position, row in enumerate(rows)
    )
    return "\n".join((f"[{bar}] {frame}", *operations))


async def _follow(machine: Machine, console: Console, reader: Reader, *, at_once: bool) -> bool:
    """Give each line's command; with `at_once`, without waiting for the answer. False: the operator broke off."""
    while True:
        try:
            line = await reader.read()
        except OperatorLeft:
            return False
        if line is None:
            return True
        first, *others = line.upper().split() or ["#"]
        if first in _LEAVE:
            return True
        if first == "HELP":
            console.print("\n".join(help_lines(" ".join(others))), soft_wrap=True)
        elif not first.startswith("#"):
            await _give(machine, console, line.strip(), at_once=at_once)


async def _give(machine: Machine, console: Console, text: str, *, at_once: bool) -> None:
    try:
        operation = machine.svp.submit(text)
    except CommandError as error:
        console.print(f"{error}", style="yellow", soft_wrap=True)
        return
    if not at_once:
        await machine.svp.answer(operation)


def help_lines(verb: str = "") -> tuple[str, ...]:
    """How the commands are written: all, or those that begin with `verb`."""
    found = tuple(line for line in usage() if line.upper().startswith(verb.upper()))
    if verb and found:
        return found
    return (*usage(), *_OWN_USAGE, _NOTE)
