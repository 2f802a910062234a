"""`lparvm trace why` and `effects`: along the chain of causes, backwards and forwards."""

from typing import TYPE_CHECKING, Any

import click

from lparvm.config import TRACE_CAUSES_SHOWN
from lparvm.errors import UsageError
from lparvm.trace_cli.common import file_argument, reading, trace
from lparvm.trace_cli.selecting import converted

if TYPE_CHECKING:
    from lparvm.trace_cli.printing import Printer

_INDENT_MAX = 40


def _number(text: str) -> int:
    """Of an event; with 0x as in a listing."""
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is not the number of an event") from None


_seq_argument = click.argument("seq", callback=converted(_number))
_limit_option = click.option(
    "--limit", type=click.IntRange(2), default=TRACE_CAUSES_SHOWN, show_default=True,
    help="Events shown; the others are counted.",
)  # fmt: skip


@trace.command()
@file_argument
@_seq_argument
@_limit_option
def why(file: str, seq: int, limit: int) -> int:
    """Show what led to event SEQ: the chain of causes, from the first one, such as a command, to the event."""
    from lparvm.trace.causes import CauseIndex, shorten  # noqa: PLC0415 - other commands start without it
    from lparvm.trace_cli.printing import Printer, warn  # noqa: PLC0415
    from lparvm.trace_cli.rereading import rereadable  # noqa: PLC0415

    index = CauseIndex()
    with rereadable(file) as source:
        with source.reading() as one:
            for event in one.reader:
                index.add(event)
        chain = index.chain(seq)
        if chain is None:
            raise _no_such_event(source.name, seq, one.reader.events)
        beginning, left_out, end = shorten(chain.seqs, limit)
        events: dict[int, Any] = {}
        wanted, last = frozenset(beginning + end), chain.seqs[-1]
        with source.again() as reader:
            for event in reader:
                if event["seq"] in wanted:
                    events.setdefault(event["seq"], event)
                if event["seq"] == last:
                    break
    printer, previous = Printer(), None
    for depth, number in enumerate(beginning + end):
        if left_out and depth == len(beginning):
            printer.line(f"{'':>41}... {left_out} events left out (--limit)")
        _print(printer, events[number], previous, depth)
        previous = events[number]["t"]
    if chain.broken:
        warn(f"{source.name}: {chain.broken}")
    return max(one.exit_code, int(bool(chain.broken)))


@trace.command()
@file_argument
@_seq_argument
@click.option(
    "--depth", type=click.IntRange(1), default=100, show_default=True, help="How far from the event."
)
@_limit_option
def effects(file: str, seq: int, depth: int, limit: int) -> int:
    """Show what came of event SEQ: the tree of the events that it caused, and those that they caused."""
    from lparvm.trace.causes import EffectTree  # noqa: PLC0415 - other commands start without it
    from lparvm.trace_cli.printing import Printer  # noqa: PLC0415

    tree = EffectTree(seq, depth=depth, limit=limit)
    with reading(file) as one:
        for event in one.reader:
            tree.feed(event)
    if tree.root is None:
        raise _no_such_event(one.reader.lines.name, seq, one.reader.events)
    printer, began = Printer(), tree.root.event["t"]
    for effect in tree:
        _print(printer, effect.event, began, effect.depth)
        if effect.left_out:
            indent = " " * min(effect.depth + 1, _INDENT_MAX)
            printer.line(f"{'':>41}{indent}... {effect.left_out} more below event {effect.event['seq']}")
    counted = f", {tree.left_out} left out (--depth, --limit)" if tree.left_out else ""
    printer.line(f"{tree.shown + tree.left_out} effects: {tree.shown} shown{counted}")
    return one.exit_code


def _no_such_event(name: str, seq: int, events: int) -> UsageError:
    return UsageError(f"{name}: there is no event {seq}; expected a number from 1 to {events}")


def _print(printer: "Printer", event: Any, since_ns: int | None, depth: int) -> None:
    """Number, time, time since, operation, and indented who and what."""
    from lparvm.trace.wording import event_text, printable, time_text, who_text  # noqa: PLC0415
    from lparvm.units import format_duration  # noqa: PLC0415

    since = "" if since_ns in (None, event["t"]) else f"+{format_duration(event['t'] - (since_ns or 0))}"
    op = "" if event["op"] is None else printable(event["op"])
    indent = " " * min(depth, _INDENT_MAX)
    who = printer.paint(f"{who_text(event)}:", "cyan" if "to" in event else "bold")
    printer.line(
        f"{event['seq']:>8} {time_text(event['t']):>13} {since:>9} {op:<8} {indent}{who} {event_text(event)}"
    )
