"""What the operator sees while a machine runs: messages and answers as they come, a bar while pages move."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from lparvm.actors.service_processor import CommandResult, OperatorMessage
from lparvm.actors.service_processor import Progress as OperationProgress
from lparvm.console import render
from lparvm.machine import Machine


class Live:
    """Listens to a service processor. Lines go to `console`, the bar to it or to stderr, where that is a terminal."""

    def __init__(self, console: Console) -> None:
        """`console` gets the lines."""
        self._console = console
        # On one terminal, lines and bar must know of each other.
        bars = console if console.is_terminal else Console(stderr=True)
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("pages"),
            TimeElapsedColumn(), console=bars, transient=True, disable=not bars.is_terminal,
        )  # fmt: skip

    def attach(self, machine: Machine) -> None:
        """Listen to this machine; its frame is shown first."""
        scenario = machine.scenario
        self._console.print(scenario.title or scenario.name, style="bold")
        self._console.print(render.frame("before", machine.rows(), scenario.main_storage_frames))
        self._console.print()
        machine.svp.listen(self.tell)

    def tell(self, news: OperatorMessage | OperationProgress | CommandResult) -> None:
        """One piece of news."""
        match news:
            case OperatorMessage():
                self._console.print(render.message_line(news), soft_wrap=True)
            case CommandResult():
                self._console.print(render.command_line(news), soft_wrap=True)
            case OperationProgress():
                self._advance(news)

    def _advance(self, news: OperationProgress) -> None:
        if self._progress.disable:
            return
        if news.operation not in self._bars:
            self._bars[news.operation] = self._progress.add_task("", total=news.pages)
        bar = self._bars[news.operation]
        self._progress.update(
            bar, completed=news.pages_across, description=f"{news.operation} {news.lpar} {news.phase.lower()}"
        )
        if news.phase == "REPORTED":
            self._progress.remove_task(self._bars.pop(news.operation))

    def __enter__(self) -> Self:
        """Show the bars."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()
