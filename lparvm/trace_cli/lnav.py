"""`lparvm trace lnav`: a trace for lnav, the log file viewer."""

import click

from lparvm.errors import UsageError
from lparvm.trace_cli.common import reading, trace


@trace.command()
@click.argument("file", required=False)
@click.option(
    "--format", "show_format", is_flag=True, help="Print the description of the lines, for `lnav -i`."
)
@click.option("--follow", is_flag=True, help="Wait for what is still being written, until interrupted.")
def lnav(file: str | None, *, show_format: bool, follow: bool) -> int:
    """Print a trace's events as lnav reads them: with the time of day, and worded; docs/lnav.md tells how.

    \b
        lparvm trace lnav --format > lparvm.json && lnav -i lparvm.json    once
        lparvm trace lnav FILE | lnav
    """  # noqa: D301 - \b is click's
    from lparvm.trace.lnav import began, format_text, line  # noqa: PLC0415 - other commands start without it
    from lparvm.trace_cli.printing import Printer  # noqa: PLC0415

    if show_format:
        click.echo(format_text(), nl=False)
        return 0
    if file is None:
        raise UsageError("trace lnav: no FILE; expected a trace, or --format")
    printer = Printer(live=follow)
    with reading(file, progress=not printer.live, follow=follow) as one:
        began_at = began(one.reader.header)
        for event in one.reader:
            printer.line(line(event, began_at).decode().rstrip("\n"))
            printer.passed()
            if printer.gone:
                one.whole = False
                break
        printer.flush()
    return one.exit_code
