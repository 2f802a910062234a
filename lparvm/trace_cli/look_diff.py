"""`lparvm trace diff`: where two traces part."""

from typing import TYPE_CHECKING, Any

import click

from lparvm.errors import UsageError
from lparvm.trace_cli.common import Reading, reading, trace

if TYPE_CHECKING:
    from lparvm.trace.difference import Parting
    from lparvm.trace_cli.printing import Printer

_STANDARD_INPUT = "-"
_VALUE_CHARACTERS = 120
_OPERATIONS_SHOWN = 20
_DIFFERENCES_SHOWN = 20
_HEADS = ("scenario", "seed", "clock", "level", "proof", "lparvm", "trio", "numpy", "python")


@trace.command()
@click.argument("first")
@click.argument("second")
@click.option(
    "--ignore", multiple=True, metavar="FIELD,...",
    help="Fields that don't count, at any depth; `times`: t, all *_ns, durations in texts; `ids`: seq, cause, "
    "operations.",
)  # fmt: skip
@click.option(
    "--context", type=click.IntRange(0), default=3, show_default=True, help="Events before and behind."
)
def diff(first: str, second: str, ignore: tuple[str, ...], context: int) -> int:
    """Show the first event at which two traces part, what is before and behind it, and how things stood then.

    Headers, and so the wall clock, are not compared; verdicts are. Exit: 0 where the traces are equal, 1 where not.
    """
    from lparvm.trace.difference import Ignoring, compare  # noqa: PLC0415 - other commands start without it
    from lparvm.trace_cli.printing import Printer  # noqa: PLC0415

    if first == second == _STANDARD_INPUT:
        raise UsageError("both traces are standard input; expected one file at least")
    ignoring = Ignoring.parse(ignore)
    with reading(first) as one, reading(second, progress=False) as other:
        found = compare(one.reader, other.reader, ignoring, context=context)
        one.whole = not found.first
        other.whole = not found.second
    printer = Printer()
    if found.parted:
        _tell_parting(printer, found, one, other)
        return 1
    differ = _tell_ends(printer, found.equal, one, other)
    return max(one.exit_code, other.exit_code, int(differ))


def _tell_ends(printer: "Printer", equal: int, one: Reading, other: Reading) -> bool:
    """All events are equal: are the ends, too?"""
    from lparvm.trace.wording import printable  # noqa: PLC0415

    ends = [
        "cut off"
        if side.reader.trailer is None
        else f"verdict {printable(str(side.reader.trailer.get('verdict')))}"
        for side in (one, other)
    ]
    differ = ends[0] != ends[1]
    more = f", but the ends differ: A {ends[0]}, B {ends[1]}" if differ else f", {ends[0]}"
    printer.line(f"{equal} events are equal{more}")
    return differ


def _tell_parting(printer: "Printer", found: "Parting", one: Reading, other: Reading) -> None:
    from lparvm.trace.wording import line_text, printable  # noqa: PLC0415

    names = [printable(side.reader.lines.name) for side in (one, other)]
    printer.line(f"A is {names[0]}, B is {names[1]}; {found.equal} events are equal")
    for name in _HEADS:
        heads = [printable(str(side.reader.header.get(name)))[:_VALUE_CHARACTERS] for side in (one, other)]
        if heads[0] != heads[1]:
            printer.line(f"  the headers differ in {name}: A {heads[0]}, B {heads[1]}")
    for event in found.before:
        printer.line(f"  {line_text(event)}")
    for side, style, events in (("A", "red", found.first), ("B", "green", found.second)):
        if not events:
            which, longer = (side, "B" if side == "A" else "A")
            printer.line(
                printer.paint(f"{which} ends here: all of it stands at the beginning of {longer}", style)
            )
        for event in events:
            printer.line(printer.paint(f"{side} {line_text(event)}", style))
    _tell_differences(printer, found)
    _tell_state(printer, found)


def _tell_differences(printer: "Printer", found: "Parting") -> None:
    if not (found.first and found.second):
        return
    printer.line("the events differ in")
    for path, left, right in found.differences[:_DIFFERENCES_SHOWN]:
        printer.line(f"  {_value(path)}: A {_value(left)}, B {_value(right)}")
    more = len(found.differences) - _DIFFERENCES_SHOWN
    if more > 0:
        printer.line(f"  and {more} more fields")


def _tell_state(printer: "Printer", found: "Parting") -> None:
    from lparvm.trace.wording import line_text, printable  # noqa: PLC0415

    printer.line("what the actors concerned told last")
    for actor in found.actors():
        last = found.last.get(actor)
        printer.line(f"  {printable(actor)}: {'nothing' if last is None else line_text(last)}")
    printer.line("operations under way")
    phases = list(found.phases.items())
    for op, by_lpar in phases[:_OPERATIONS_SHOWN]:
        told = ", ".join(f"{printable(lpar)} {printable(phase)}" for lpar, phase in by_lpar.items())
        printer.line(f"  {printable(op)}: {told}")
    if len(phases) > _OPERATIONS_SHOWN:
        printer.line(f"  and {len(phases) - _OPERATIONS_SHOWN} more")
    if not phases:
        printer.line("  none")


def _value(value: Any) -> str:
    from lparvm.trace.difference import ABSENT  # noqa: PLC0415
    from lparvm.trace.wording import printable  # noqa: PLC0415

    text = "is not there" if value is ABSENT else printable(str(value))
    return text if len(text) <= _VALUE_CHARACTERS else f"{text[:_VALUE_CHARACTERS]}..."
