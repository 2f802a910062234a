"""What a run looks like: pure functions from reports to things that rich can print."""

from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol.displays import RETIRED_MARK, has_expanded, mark_of, retired_lines, storage_bar
from lparvm.protocol.messages import FrameRow
from lparvm.protocol.news import CommandResult, OperatorMessage, Progress
from lparvm.report import INTACT, RunReport
from lparvm.units import format_duration, format_size, seconds

# Colours that colour-blind people can tell apart (Okabe and Ito); the marks say it without colour.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
_BAR_COLUMNS = 64
_BAR_STYLES = {".": "dim", RETIRED_MARK: "bold red"}

# A command that was answered later than this says when it was given.
_NOTABLE_NS = 100_000_000

# Messages that name busy devices, each in a line of its own.
_LISTING = ("LVM031W", "LVM032W", "LVM033W")

# Phases as column heads: what is done in them, in one word.
_PHASES = {
    "STOPPING": "stop",
    "QUIESCING": "quiesce",
    "CHECKING": "check",
    "MOVING": "move",
    "NOTIFYING": "SALE",
    "RESTARTING": "SIE",
    "BACKING_OUT": "back out",
}


@frozen
class _Trimmed:
    """A renderable without the blanks that rich fills lines up with: they disturb in files, and when copied."""

    inner: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in console.render_lines(self.inner, options, pad=False):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                line[-1] = Segment(line[-1].text.rstrip(), line[-1].style)
            yield from line
            yield Segment.line()


def summary(report: RunReport) -> tuple[RenderableType, ...]:
    """What is shown at the end of a run, in this order, with an empty line before each."""
    after = frame("after", report.frame_after, report.main_storage_frames, report.retired)
    stood = standings(report.commands)
    return (after, *(() if stood is None else (stood,)), guests(report), rules(report), verdict(report))


def printable(text: str) -> str:
    """Text of others, such as of a guest's exception, with nothing in it that disturbs a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _message(code: str, text: str) -> str:
    """A message; its own line ends are kept where the machine made them, and no others: see `printable`."""
    lines = text.split("\n") if code in _LISTING else [text]
    return f"{code} " + "\n".join(map(printable, lines))


def frame(
    title: str, rows: Sequence[FrameRow], main_storage_frames: int, retired: Sequence[int] = ()
) -> RenderableType:
    """The LPAR frame as a table (Figs. 3A, 4A), and storage as a bar (Figs. 3B, 4B).

    With frames that are `retired`, out of use, they are marked in the bar and named below.
    """
    table = _table(title)
    expanded = has_expanded(rows)
    table.add_column("")
    table.add_column("LPAR")
    for name in ("origin", "size", "gap", *(("expanded",) if expanded else ())):
        table.add_column(name, justify="right")
    table.add_column("state")
    total = main_storage_frames * PAGE_BYTES
    bar = storage_bar(rows, total, _BAR_COLUMNS, retired)
    marks = [mark_of(position) for position in range(len(rows))]
    for position, row in enumerate(rows):
        sizes = [row.origin, row.size, row.gap, *((row.expanded,) if expanded else ())]
        marked = Text(marks[position], style=_colour(position))
        table.add_row(marked, row.name, *map(_size, sizes), row.state)
    drawn = Text("0 ")
    for mark in bar:
        drawn.append(mark, style=_colour(marks.index(mark)) if mark in marks else _BAR_STYLES[mark])
    drawn.append(f" {format_size(total)}")
    for line in retired_lines(rows, retired):
        drawn.append(f"\n{line}", style="red")
    return Group(_Trimmed(table), drawn)


def _colour(position: int) -> str:
    return _COLOURS[position % len(_COLOURS)]


def command_line(result: CommandResult) -> Text:
    """A command and its answer, a line each."""
    style = "green" if result.result == "COMPLETED" else "yellow"
    text = Text(f"{_at(result.answered_ns)}  {result.operation}  {printable(result.text)}")
    if result.answered_ns - result.at_ns >= _NOTABLE_NS:
        text.append(f"  (given at {seconds(result.at_ns):.3f}s)", style="dim")
    text.append("\n")
    text.append(f"{'':>10}  {result.result}", style=style)
    if not result.lines:
        return text.append(f"  {_message(result.code, result.message)}")
    return text.append("".join("\n" + line for line in result.lines))


def progress_text(progress: Progress) -> str:
    """How far an operation is, and how long it will still take where that is known."""
    left = "" if progress.left_ns is None else f", about {format_duration(progress.left_ns)} left"
    return f"{min(progress.percent, 100)} %{left}"


def message_line(message: OperatorMessage) -> Text:
    """A message to the operator."""
    style = {"I": "", "W": "yellow", "E": "red"}[message.code[-1]]
    return Text(f"{_at(message.at_ns)}  ").append(_message(message.code, message.text), style=style)


def standings(results: Iterable[CommandResult]) -> RenderableType | None:
    """How long each LIP's guest stood still, by phase; None where none did."""
    stops = [(result.operation, stop) for result in results for stop in result.lips]
    if not stops:
        return None
    phases = [phase for phase in _PHASES if any(phase in stop.phases_ns for _, stop in stops)]
    table = _table("stopped time")
    for name in ("", "LPAR", "LIP"):
        table.add_column(name)
    for name in ("stopped", *(_PHASES[phase] for phase in phases)):
        table.add_column(name, justify="right", no_wrap=True)
    for operation, stop in stops:
        parts = [format_duration(stop.phases_ns.get(phase, 0)) for phase in phases]
        table.add_row(operation, stop.lpar, stop.lip, format_duration(stop.stopped_ns), *parts)
    return _Trimmed(table)


def guests(report: RunReport) -> RenderableType:
    """What the guests did and found."""
    table = _table("guests")
    for name in ("LPAR", "guest"):
        table.add_column(name)
    for name in ("LIPs", "steps", "words stored", "words fetched", "damage"):
        table.add_column(name, justify="right")
    for guest in report.guests:
        damage = Text(str(guest.damage_count), style="red" if guest.damage_count else "")
        table.add_row(
            guest.lpar, guest.guest, str(guest.lip_count), f"{guest.steps:,}", f"{guest.stores:,}",
            f"{guest.fetches:,}", damage,
        )  # fmt: skip
    return _Trimmed(table)


def rules(report: RunReport) -> RenderableType:
    """The rules' verdicts."""
    table = _table("rules")
    table.add_column("rule")
    table.add_column("verdict")
    table.add_column("checked", justify="right")
    table.add_column("", overflow="fold")
    for rule in report.rules:
        style = {"held": "green", "broken": "red"}.get(str(rule.verdict), "yellow")
        why = printable(rule.violation or rule.reason or "")
        table.add_row(rule.rule, Text(str(rule.verdict), style=style), f"{rule.checked:,}", why)
    return _Trimmed(table)


def verdict(report: RunReport) -> Text:
    """The last lines."""
    text = Text()
    for result in report.commands:
        if not result.as_expected and not report.interrupted:
            text.append(f"{result.text}: {result.result}, expected {result.expected}\n", style="red")
    for guest in report.guests:
        for one in guest.damage[:3]:
            text.append(
                f"{guest.lpar}: damage at guest absolute {one.address:#x}: expected {one.expected}, found "
                f"{one.found}\n",
                style="red",
            )
    style = "bold green" if report.verdict == INTACT else "bold red"
    text.append(f"verdict: {report.verdict}", style=style)
    text.append(f"  ({report.clock} clock, seed {report.seed}, {seconds(report.duration_ns):.3f} s)")
    if report.interrupted:
        text.append("  interrupted", style="yellow")
    text.append(f"\ndigest:  {report.digest}")
    if report.trace is not None:
        text.append(f"\ntrace:   {report.trace}")
    return text


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )


def _size(frames: int) -> str:
    return format_size(frames * PAGE_BYTES)


def _at(at_ns: int) -> str:
    return f"{seconds(at_ns):9.3f}s"
