"""`lparvm stress --real`: the soak under the real clock, on the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import orjson
from rich.console import Console

from lparvm.config import RUN_NS_MAX, SOAK_NS_DEFAULT, SOAK_NS_MIN, SOAK_TELL_NS
from lparvm.console.process import interruptible
from lparvm.console.terminal import make_console
from lparvm.errors import UsageError
from lparvm.stress.soak import SoakOptions, SoakProgress, soak
from lparvm.stress.soak.render import parts_of, progress_text
from lparvm.stress.soak.run import OnProgress
from lparvm.units import format_duration, parse_duration


def run_real(time_text: str | None, seed: int, as_json: bool, *, trace: Path | None = None) -> int:
    """Run a soak and print what it came to.

    Args:
        time_text: how long, such as `10m`; None: as long as `SOAK_NS_DEFAULT` says.
        seed: draws machine and commands.
        as_json: print one JSON object; progress goes to standard error in any case.
        trace: where the last events are written when it fails.

    Returns:
        The exit code: 0 intact, 1 not, 130 interrupted.

    Raises:
        UsageError: the time is none, or too short or too long.
    """
    options = SoakOptions(seed=seed, duration_ns=duration_of(time_text), trace=trace)
    with interruptible():
        with _progress(make_console(stderr=True)) as tell:
            report = soak(options, on_progress=tell, signals=True)
        if as_json:
            click.echo(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2))
        else:
            console = make_console()
            for part in parts_of(report):
                with console.capture() as captured:
                    console.print(part)
                # Without the blanks that fill lines up: they disturb in files, and when copied.
                click.echo("".join(f"\n{line.rstrip()}" for line in captured.get().splitlines()))
    return report.exit_code


def duration_of(time_text: str | None) -> int:
    """The duration of a soak, in ns.

    Raises:
        UsageError: it is none, or out of range.
    """
    if time_text is None:
        return SOAK_NS_DEFAULT
    try:
        duration_ns = parse_duration(time_text)
    except ValueError as error:
        raise UsageError(f"--time: {error}") from None
    if not SOAK_NS_MIN <= duration_ns <= RUN_NS_MAX:
        least, most = (format_duration(limit) for limit in (SOAK_NS_MIN, RUN_NS_MAX))
        raise UsageError(f"--time: {time_text!r} is out of range; expected {least} to {most}")
    return duration_ns


@contextmanager
def _progress(console: Console) -> Iterator[OnProgress]:
    """Tells how far it is: on a terminal in one line that changes, else a line now and then."""
    if console.is_terminal:
        with console.status("the machine is being loaded") as status:
            yield lambda progress: status.update(progress_text(progress))
        return
    told_ns = 0

    def tell(progress: SoakProgress) -> None:
        nonlocal told_ns
        if progress.elapsed_ns - told_ns >= SOAK_TELL_NS:
            told_ns = progress.elapsed_ns
            console.print(progress_text(progress))

    yield tell
