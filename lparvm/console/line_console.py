"""The service processor as a line console: commands from a terminal, with history and completion, or a pipe.

The machine runs in trio's thread; a line is read in a worker thread, so that guests, messages and moves go on
meanwhile. From a pipe the commands are given one after the other, each when the one before is answered.
The scenario's own commands are not given here.
"""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import nullcontext

import trio
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console

from lparvm.arch.address import PAGE_BYTES
from lparvm.console.live import Live
from lparvm.errors import CommandError
from lparvm.machine import Machine, Options, open_machine
from lparvm.protocol.command_parser import complete, usage
from lparvm.protocol.displays import operation_lines, storage_bar
from lparvm.report import RunReport
from lparvm.runner import ended_by_signals
from lparvm.scenario import load_scenario

_PROMPT = "SVP> "
_LEAVE = ("QUIT", "EXIT", "BYE")


def operate(name: str, options: Options) -> tuple[RunReport, Console]:
    """Run a scenario's machine under the operator's hands until QUIT or the end of the input.

    Raises:
        ScenarioError: the scenario is wrong; nothing was started.
        UsageError: the trace file cannot be written, or a device file not be used.
    """
    load_scenario(name)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    with patch_stdout(raw=True) if terminal else nullcontext():
        # Made inside: what is printed while a line is being typed goes above it.
        console = Console(highlight=False, force_terminal=True if terminal else None, file=sys.stdout)
        report = trio.run(_operate, name, options, console, terminal)
    return report, Console(highlight=False)


async def _operate(name: str, options: Options, console: Console, terminal: bool) -> RunReport:
    async with open_machine(name, options) as machine:
        live = Live(console)
        # A bar would fight with the line that is being typed; the toolbar shows progress there.
        with nullcontext() if terminal else live:
            live.attach(machine)
            console.print("HELP lists the commands, QUIT ends.")
            scope = trio.CancelScope()
            with ended_by_signals(machine, scope):
                lines = _typed(machine) if terminal else _piped()
                with scope:
                    await _follow(machine, console, lines, at_once=terminal)
                await machine.settle()
    assert machine.report is not None, "a closed machine has a report"
    return machine.report


async def _follow(machine: Machine, console: Console, lines: AsyncIterator[str], *, at_once: bool) -> None:
    """Give each line's command. At a terminal the next line can be typed before the answer has come."""
    async for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.upper() in _LEAVE:
            break
        if text.upper() == "HELP":
            console.print("\n".join((*usage(), "HELP", "QUIT")), markup=False, soft_wrap=True)
            continue
        try:
            op = machine.svp.submit(text)
        except CommandError as error:
            console.print(f"{error}", style="yellow", markup=False, soft_wrap=True)
            continue
        if not at_once:
            await machine.svp.answer(op)


async def _piped() -> AsyncIterator[str]:
    async for line in trio.wrap_file(sys.stdin):
        yield line


async def _typed(machine: Machine) -> AsyncIterator[str]:
    session: PromptSession[str] = PromptSession(
        history=InMemoryHistory(),
        completer=_Commands(lambda: tuple(row.name for row in machine.rows())),
        complete_while_typing=False,
        bottom_toolbar=lambda: _toolbar(machine),
        refresh_interval=0.5,
    )
    while True:
        try:
            yield await trio.to_thread.run_sync(_read_line, session, abandon_on_cancel=True)
        except KeyboardInterrupt:
            continue  # Ctrl-C drops the line
        except EOFError:
            return


def _read_line(session: PromptSession[str]) -> str:
    # prompt_toolkit may only set signal handlers in the main thread.
    return session.prompt(_PROMPT, handle_sigint=False)


def _toolbar(machine: Machine) -> str:
    """The bar of storage, and what is under way."""
    rows = machine.rows()
    bar = storage_bar(rows, machine.scenario.main_storage_frames * PAGE_BYTES, 48)
    return f" [{bar}] " + "; ".join(operation_lines(machine.svp.operations()))


class _Commands(Completer):
    """Completes by the grammar of the command language."""

    def __init__(self, lpars: Callable[[], tuple[str, ...]]) -> None:
        self._lpars = lpars

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What the last word may become."""
        del complete_event
        text = document.text_before_cursor
        last = "" if not text or text[-1].isspace() else text.split()[-1]
        choices = complete(text, self._lpars())
        if not text.split() or (len(text.split()) == 1 and last):
            choices += [word for word in ("HELP", "QUIT") if last and word.startswith(last.upper())]
        for choice in choices:
            yield Completion(choice, start_position=-len(last))
