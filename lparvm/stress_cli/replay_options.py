"""The options of `lparvm stress --replay`, and what they go together with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from attrs import fields, frozen

from lparvm.errors import UsageError

_FILE = click.Path(dir_okay=False, path_type=Path)
_LEVELS = click.Choice(["protocol", "io", "storage"])


@frozen
class ReplayOptions:
    """As on the command line; see there."""

    replay: Path
    shrink: bool = False
    attempts: int | None = None
    output: Path | None = None
    trace: Path | None = None
    trace_level: str | None = None
    story: Path | None = None
    regression: bool = False
    as_json: bool = False


def replay_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command."""
    for option in (
        click.option("--regression", is_flag=True, help="With --replay: print a pytest test of it, ready to paste."),
        click.option("--story", type=_FILE, metavar="FILE.html",
                     help="With --replay: write what happened with pictures, one HTML page that loads nothing."),
        click.option("--trace-level", type=_LEVELS, help="With --trace: how much it holds.  [default: protocol]"),
        click.option("--trace", type=_FILE, metavar="FILE",
                     help="With --replay: write the run's trace; .gz and .zst are compressed."),
        click.option("--output", type=_FILE, metavar="FILE",
                     help="With --shrink: where the tape goes.  [default: beside the other, NAME-shrunk.json]"),
        click.option("--attempts", type=click.IntRange(1), help="With --shrink: runs at most.  [default: 1000]"),
        click.option("--shrink", is_flag=True,
                     help="With --replay: look for fewer choices, LPARs, commands and faults that show the same."),
        click.option("--replay", type=_FILE, metavar="FILE",
                     help="Run the tape of a failure, as --keep writes it, and tell what happened."),
    ):  # fmt: skip
        command = option(command)
    return command


def take_replay(given: dict[str, Any]) -> ReplayOptions | None:
    """Take these options out of those that were given; None where no tape is to be replayed.

    Raises:
        UsageError: options that don't go together.
    """
    names = [one.name for one in fields(ReplayOptions) if one.name != "as_json"]
    own = {name: given.pop(name) for name in names}
    for name, other in (("attempts", "shrink"), ("output", "shrink"), ("trace_level", "trace")):
        if own[name] is not None and not own[other]:
            raise UsageError(f"{_option(name)}: expected {_option(other)} beside it")
    if own["replay"] is None:
        for name in names:
            if own[name]:
                raise UsageError(f"{_option(name)}: there is no tape; expected --replay FILE beside it")
        return None
    source = click.get_current_context().get_parameter_source
    for name in given:
        if name != "as_json" and source(name) is click.core.ParameterSource.COMMANDLINE:
            raise UsageError(f"{_option(name)}: the tape says what is run; expected --replay without it")
    if own["regression"] and given["as_json"]:
        raise UsageError("--json: the test stands alone; expected --regression without it")
    return ReplayOptions(**own, as_json=given["as_json"])


def _option(name: str) -> str:
    return {"time_limit": "--time"}.get(name, f"--{name.replace('_', '-')}")
