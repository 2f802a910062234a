"""What commands of `lparvm trace` take to say which events are meant."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from lparvm.units import parse_duration, parse_size

if TYPE_CHECKING:
    from lparvm.trace.selection import Selection


def converted(
    parse: Callable[[str], int],
) -> Callable[[click.Context, click.Parameter, str | None], int | None]:
    """A callback for click that reads an option or an argument; what is wrong with it is told by `parse`."""

    def convert(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return convert


def parse_address(text: str) -> int:
    """Bytes of an address: a size such as 192M, or hexadecimal, 0xC000000.

    Raises:
        ValueError: neither; the text says what was expected.
    """
    if text.lower().startswith("0x"):
        try:
            return int(text, 16)
        except ValueError:
            raise ValueError(f"{text!r} is not a hexadecimal address") from None
    return parse_size(text)


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The filters of `show` and `format`."""
    time = converted(parse_duration)
    for option in (
        click.option("--to", "to_ns", metavar="TIME", callback=time, help="Not after: 2500ms."),
        click.option(
            "--from", "from_ns", metavar="TIME", callback=time, help="Not before, by the run clock: 1.2s."
        ),
        click.option("--step", "steps", type=int, multiple=True, help="Step of the patent, 201 to 211."),
        click.option("--event", "events", multiple=True, help="Name of the event; a glob: 'chunk.*'."),
        click.option(
            "--op", "operations", multiple=True, help="Operation; op.1 means its parts, op.1.1, too."
        ),
        click.option(
            "--lpar", "lpars", multiple=True, help="Events that concern the LPAR, in any field; a glob."
        ),
        click.option("--actor", "actors", multiple=True, help="Who told it; a glob: 'LIP*'."),
    ):
        command = option(command)
    return command


def make_selection(given: dict[str, Any]) -> "Selection":
    """What `selection_options` were given."""
    from lparvm.trace.selection import Selection  # noqa: PLC0415 - other commands start without it

    return Selection(**given)
