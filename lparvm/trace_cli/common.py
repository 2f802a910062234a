"""What the commands that read traces share: the group, the file argument, progress, problems told at the end.

Exit: 0 all well; 1 the file has problems, a rule is broken, two traces differ; 2 the file is no trace or can't be read,
bad usage. What is wrong with a file is told on standard error, a line each; the rest of it is used all the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from lparvm.console.process import interruptible

if TYPE_CHECKING:
    from rich.console import Console

    from lparvm.trace.reader import TraceReader


@click.group()
def trace() -> None:
    """Read, query, check and picture traces. FILE is a trace, plain, .gz or .zst, or - for standard input."""


file_argument = click.argument("file")


def make_console(**options: Any) -> "Console":
    """Where the commands print."""
    from lparvm.console.terminal import make_console as make  # noqa: PLC0415 - other commands start without it

    return make(**options)


class Reading:
    """A pass over a trace by a command: progress on a terminal, problems told at the end.

    Attributes:
        reader: the trace.
        exit_code: 0, or 1 where the file has problems; known at the end.
        whole: false where the command has seen enough before the end; then nothing is said about the end.
    """

    def __init__(self, reader: "TraceReader") -> None:
        """Begin."""
        self.reader = reader
        self.exit_code = 0
        self.whole = True

    def tell_problems(self) -> None:
        """On standard error, a line each."""
        reader = self.reader
        for problem in reader.problems:
            click.echo(f"lparvm: {problem}", err=True)
        more = reader.problem_count - len(reader.problems)
        if more:
            click.echo(f"lparvm: {reader.lines.name}: {more} more problems", err=True)
        if reader.cut_off and self.whole:
            click.echo(f"lparvm: {reader.lines.name}: cut off after line {reader.lines.number}", err=True)
        self.exit_code = int(reader.problem_count > 0)


@contextmanager
def reading(file: str, *, progress: bool = True, follow: bool = False) -> Iterator[Reading]:
    """Open a trace for a command.

    Args:
        file: as on the command line.
        progress: show how far the file is read, on a terminal, when it takes long.
        follow: wait for what is still to be written.
    """
    from lparvm.trace.reader import open_trace  # noqa: PLC0415 - other commands start without it

    with interruptible(), open_trace(file, follow=follow) as reader:
        one = Reading(reader)
        with _progress(reader) if progress else nullcontext():
            yield one
        one.tell_problems()


@contextmanager
def _progress(reader: "TraceReader") -> Iterator[None]:
    """A bar on standard error while the block runs, if that is a terminal and the file's size is known."""
    from rich.console import RenderableType  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    class _Bar(Progress):
        """Looks how far the file is read when it is drawn: reading itself costs nothing more."""

        def get_renderables(self) -> Iterator[RenderableType]:
            for task in self.tasks:
                task.completed = reader.lines.position_bytes
            yield from super().get_renderables()

    console = make_console(stderr=True)
    if not console.is_terminal or not reader.lines.size_bytes:
        yield
        return
    with _Bar(console=console, transient=True, refresh_per_second=5) as bar:
        bar.add_task("reading", total=reader.lines.size_bytes)
        yield
