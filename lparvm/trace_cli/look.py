"""`lparvm trace show` and `format`: the events one after another, to be read by eye."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from lparvm.trace_cli.common import file_argument, reading, trace
from lparvm.trace_cli.selecting import make_selection, selection_options

if TYPE_CHECKING:
    from lparvm.trace_cli.printing import Printer

Event = dict[str, Any]

_ALARMS = frozenset({
    "guest.damaged", "storage.failed", "fault.injected", "frame.retired", "part.failed", "transfer.refused",
})  # fmt: skip
_TITLES = f"{'SEQ':>8} {'TIME':>13} {'+':>9} {'OP':<8} STEP {'WHO':<24} WHAT"


@trace.command()
@file_argument
@selection_options
@click.option(
    "--since", type=click.Choice(["previous", "operation"]), default="previous", show_default=True,
    help="What the second time column counts from: the line shown before, or the operation's first event.",
)  # fmt: skip
@click.option("--follow", is_flag=True, help="Wait for what is still being written, until interrupted.")
def show(file: str, since: str, *, follow: bool, **given: Any) -> int:
    """Show events, a line each: number, time, time since, operation, step, who, what with its fields.

    Options may be repeated: any of the values given will do. Frames are shown as number(address), zones as
    origin+extent in frames and in bytes, messages as sender -> receiver.
    """
    from lparvm.trace_cli.printing import Printer, warn  # noqa: PLC0415 - other commands start without it

    wanted = make_selection(given).predicate()
    printer = Printer(live=follow)
    lines = _EventLines(printer, since)
    shown = 0
    with reading(file, progress=not printer.live, follow=follow) as one:
        if printer.terminal:
            printer.line(printer.paint(_TITLES, "bold"))
        for event in one.reader:
            lines.pass_by(event)
            if wanted(event):
                printer.line(lines.of(event))
                shown += 1
            printer.passed()
            if printer.gone:
                one.whole = False
                break
        printer.flush()
        if not shown and one.whole:
            warn(f"{one.reader.lines.name}: of {one.reader.events} events, none is meant")
    return one.exit_code


class _EventLines:
    """Words events, with the time since something."""

    def __init__(self, printer: "Printer", since: str) -> None:
        self._paint = printer.paint
        self._of_operation = since == "operation"
        self._previous: int | None = None
        self._began: dict[str, int] = {}

    def pass_by(self, event: Event) -> None:
        """Every event, also those that are not shown: when did its operation begin?"""
        op = event["op"]
        if op is not None and op not in self._began:
            self._began[op] = event["t"]

    def of(self, event: Event) -> str:
        """The line."""
        from lparvm.trace.wording import event_text, printable, time_text, who_text  # noqa: PLC0415

        op, step, paint = event["op"], event["step"], self._paint
        before = self._before(event)
        since = "" if before is None else _since(event["t"] - before)
        self._previous = event["t"]
        who = f"{who_text(event)}:"
        return (
            f"{event['seq']:>8} {time_text(event['t']):>13} {paint(f'{since:>9}', 'dim')} "
            f"{'' if op is None else printable(op):<8} {'' if step is None else step!s:<4} "
            f"{paint(f'{who:<24}', 'cyan' if 'to' in event else '')} {paint(event_text(event), _style(event))}"
        )

    def _before(self, event: Event) -> int | None:
        if not self._of_operation:
            return self._previous
        return None if event["op"] is None else self._began[event["op"]]


def _since(duration_ns: int) -> str:
    from lparvm.units import format_duration  # noqa: PLC0415

    return "" if duration_ns == 0 else f"{'+' if duration_ns > 0 else ''}{format_duration(duration_ns)}"


def _style(event: Event) -> str:
    name = event["event"]
    if name in _ALARMS or event.get("damage"):
        return "bold red"
    if name == "phase.entered" or name.startswith("command."):
        return "bold"
    return "dim" if name in ("storage.accessed", "slice.ended") else ""


@trace.command("format")
@file_argument
@selection_options
@click.option(
    "--lines", type=click.IntRange(0), default=60, show_default=True, help="Of a page; 0: one page."
)
def format_(file: str, lines: int, **given: Any) -> int:
    """Print events as a listing in the style of IPCS' GTFTRACE and SYSTRACE: 132 columns, pages with titles.

    \b
    SEQ------   number of the event
    TIME-STAMP  hours:minutes:seconds of the run clock, with nanoseconds
    IDENT       the actor that told it
    EVENT-ID    short name that follows from the event's: AREA.RESE is the
                fact area.reserved, RESEAREA the message ReserveAreas
    STP         step of the patent, in decimal, 201 to 211
    OPERATION   the operation that it belongs to
    CAUSE---    number of the event that caused it
    UNIQUE      its own fields, KEYWORD. value, with continuation lines

    Numbers are hexadecimal but STP; times in fields are nanoseconds. Texts with blanks stand in apostrophes, a value
    that isn't there is a row of points, Y and N are yes and no. At the end stands which event each EVENT-ID means.
    """  # noqa: D301 - \b is click's
    from lparvm.trace import listing  # noqa: PLC0415
    from lparvm.trace_cli.printing import Printer  # noqa: PLC0415

    selection = make_selection(given)
    wanted, printer = selection.predicate(), Printer()
    shown: Counter[str] = Counter()
    with reading(file, progress=not printer.live) as one:
        header = one.reader.header
        for line in listing.heading(header, selection.options(), name=one.reader.lines.name):
            printer.line(line)
        pages = listing.Pages(str(header.get("scenario", "")), lines=lines)
        for event in one.reader:
            if wanted(event):
                shown[event["event"]] += 1
                for line in pages.put(listing.entry(event)):
                    printer.line(line)
            printer.passed()
            if printer.gone:
                one.whole = False
                break
        for line in listing.ending(one.reader.trailer, shown, one.reader.events):
            printer.line(line)
        printer.flush()
    return one.exit_code
