"""What the operator sees while a machine runs: messages and answers as they come, a bar while pages move."""

import sys
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from lparvm.console import render
from lparvm.console.terminal import make_console
from lparvm.protocol.news import CommandResult, News, OperatorMessage
from lparvm.protocol.news import Progress as OperationProgress
from lparvm.trace.vocabulary import Level
from lparvm.trace.writer import Listener

if TYPE_CHECKING:
    from lparvm.machine import Machine


class Live:
    """Listens to a service processor.

    Lines go to `console`. So does the bar where that is a terminal, since both must know of each other there; else
    it goes to standard error, where that is one, and is left out where neither is.
    """

    def __init__(self, console: Console, *, bars: bool = True, log: TextIO | None = None) -> None:
        """Begin.

        Args:
            console: where lines go.
            bars: whether there is to be a bar while pages move.
            log: where the log goes; None: standard error as it is now, before a bar or a prompt takes it over.
        """
        self._console = console
        self._log = sys.stderr if log is None else log
        self._bars: dict[str, TaskID] = {}
        out = console if console.is_terminal else make_console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[shown]}"),
            TimeElapsedColumn(), console=out, transient=True,
            disable=not (bars and out.is_terminal),
        )  # fmt: skip

    def attach(self, machine: "Machine") -> None:
        """Listen to this machine; its frame is shown first."""
        scenario = machine.scenario
        self._console.print(scenario.title or scenario.name, style="bold")
        self._console.print(render.frame("before", machine.rows(), scenario.main_storage_frames))
        self._console.print()
        machine.svp.listen(self.tell)

    def tell(self, news: News) -> None:
        """One piece of news."""
        match news:
            case OperatorMessage():
                self._console.print(render.message_line(news), soft_wrap=True)
            case CommandResult():
                self._end_bar(news.operation)
                self._console.print(render.command_line(news), soft_wrap=True)
            case OperationProgress():
                self._advance(news)

    def event_log(self, level: Level) -> Listener:
        """A listener that logs the events of a run; above bar and prompt, where it goes to a terminal."""
        from lparvm.trace.log import EventLog  # noqa: PLC0415 - most runs have none

        out = self._progress.console
        if self._log is None or not self._log.isatty():
            return EventLog(partial(print, file=self._log), level=level)

        def above(line: str) -> None:
            out.print(Text.from_ansi(line), soft_wrap=True)

        return EventLog(above, level=level, colours=not out.no_color)

    def _advance(self, news: OperationProgress) -> None:
        if self._progress.disable:
            return
        if news.operation not in self._bars:
            self._bars[news.operation] = self._progress.add_task("", total=100, shown="")
        self._progress.update(
            self._bars[news.operation], completed=min(news.percent, 100), shown=render.progress_text(news),
            description=f"{news.operation} {news.lpar} {news.phase.lower()}",
        )  # fmt: skip
        if news.phase == "REPORTED":
            self._end_bar(news.operation)

    def _end_bar(self, operation: str) -> None:
        """Of an operation, or of a command's operations."""
        for one in [bar for bar in self._bars if bar == operation or bar.startswith(f"{operation}.")]:
            self._progress.remove_task(self._bars.pop(one))

    def __enter__(self) -> Self:
        """Show the bars."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()
