"""`lparvm trace frame` and `page`: what became of a frame of main storage, or of a page of an LPAR."""

from typing import TYPE_CHECKING

import click

from lparvm.errors import UsageError
from lparvm.trace_cli.common import Reading, file_argument, reading, trace
from lparvm.trace_cli.selecting import converted, parse_address

if TYPE_CHECKING:
    from lparvm.trace.access_tally import Entry
    from lparvm.trace.story import Story
    from lparvm.trace_cli.printing import Printer

_accesses_option = click.option(
    "--accesses",
    is_flag=True,
    help="Show each access of a guest; else they are counted. Level storage tells them.",
)


def _frame_number(text: str) -> int:
    """A frame, by its number or an address in it."""
    if text.isascii() and text.isdigit():
        return int(text)
    from lparvm.arch.address import PAGE_SHIFT  # noqa: PLC0415 - other commands start without it

    try:
        return parse_address(text) >> PAGE_SHIFT
    except ValueError as error:
        raise ValueError(f"{error}, or the number of a frame") from None


@trace.command()
@file_argument
@click.argument("frame", callback=converted(_frame_number))
@_accesses_option
def frame(file: str, frame: int, *, accesses: bool) -> int:
    """Tell the story of a frame of main storage: who had it, which pages came and left, when it was poisoned.

    FRAME is its number, or a host absolute address in it: 192M, 0xC000000. Which bits a key had is not in a trace:
    keys are counted as they move with their pages, and compared by checksums of whole zones.
    """
    from lparvm.trace.frame_story import FrameStory  # noqa: PLC0415 - other commands start without it

    story = FrameStory(frame, each_access=accesses)
    with reading(file) as one:
        _tell(one, story)
        _tell_end(one, story)
    return one.exit_code


@trace.command()
@file_argument
@click.argument("lpar")
@click.argument("address", callback=converted(parse_address))
@_accesses_option
def page(file: str, lpar: str, address: int, *, accesses: bool) -> int:
    """Tell the story of a page of an LPAR, in whatever frame it stood: moves, exchanges, damage, accesses.

    ADDRESS is guest absolute, in bytes: 64M, 0x4000000; the page is the one that it is in. Which bits a key had is not
    in a trace: keys are counted as they move with their pages, and compared by checksums of whole zones.
    """
    from lparvm.arch.address import PAGE_SHIFT  # noqa: PLC0415 - other commands start without it
    from lparvm.trace.page_story import PageStory  # noqa: PLC0415
    from lparvm.trace.whereabouts import Page  # noqa: PLC0415

    story = PageStory(Page(lpar, address >> PAGE_SHIFT), each_access=accesses)
    with reading(file) as one:
        _tell(one, story)
        if not story.seen:
            lpars = ", ".join(story.map.zones) or "none"
            raise UsageError(f"{one.reader.lines.name}: there is no LPAR {lpar!r}; expected one of {lpars}")
        _tell_end(one, story)
    return one.exit_code


def _tell(one: Reading, story: "Story") -> None:
    from lparvm.trace_cli.printing import Printer  # noqa: PLC0415

    printer = Printer()
    for event in one.reader:
        for entry in story.feed(event):
            _print(printer, entry)
        printer.passed()
        if printer.gone:
            one.whole = False
            return
    for entry in story.finish():
        _print(printer, entry)


def _tell_end(one: Reading, story: "Story") -> None:
    from lparvm.trace.vocabulary import Level  # noqa: PLC0415
    from lparvm.trace_cli.printing import Printer  # noqa: PLC0415

    printer = Printer()
    printer.line(f"at the end: {story.end()}")
    if one.reader.level < Level.STORAGE:
        printer.line(f"accesses of guests are not told at level {one.reader.level.name.lower()}")
    printer.flush()


def _print(printer: "Printer", entry: "Entry") -> None:
    from lparvm.trace.wording import printable, time_text  # noqa: PLC0415

    event = entry.event
    op, step = event["op"], event["step"]
    who = printer.paint(f"{printable(event['actor']):<14}", "cyan")
    style = "bold red" if "DAMAGED" in entry.text or "nowhere else" in entry.text else ""
    printer.line(
        f"{event['seq']:>8} {time_text(event['t']):>13} {'' if op is None else printable(op):<8} "
        f"{'' if step is None else step!s:<3} {who} {printer.paint(entry.text, style)}"
    )
