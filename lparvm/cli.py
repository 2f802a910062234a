"""The command line. Exit: 0 all well, 1 damage, a broken rule or an unexpected result, 2 bad usage, 130 interrupted."""

import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from attrs import evolve

from lparvm.config import TRACE_RING_EVENTS_MAX
from lparvm.console.process import INTERRUPTED, interruptible, lost_output
from lparvm.errors import UsageError
from lparvm.stress_cli import stress
from lparvm.trace_cli import trace
from lparvm.version import VERSION

_LOG_LEVELS = ("protocol", "io", "storage")
_LEVELS = click.Choice(["off", *_LOG_LEVELS])
_INTERNAL = (
    "lparvm: this is an error in lparvm or in a part of your own, not in your input; please report it with the text "
    "above, the scenario and the seed"
)


def cli() -> int:
    """Run the command line of this process; returns the exit code. Errors are told here, and only here."""
    try:
        code = group.main(prog_name="lparvm", standalone_mode=False)
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - the one place where they end
        code = _tell(error)
    if (lost := lost_output()) is not None:
        click.echo(f"lparvm: output was lost: {lost.strerror}", err=True)
        code = code or 1
    return code if isinstance(code, int) else 0


def _tell(error: BaseException) -> int:
    """Say what went wrong; returns the exit code."""
    leaves = tuple(_leaves(error))
    if any(isinstance(leaf, KeyboardInterrupt | click.exceptions.Abort) for leaf in leaves):
        return INTERRUPTED
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
    elif isinstance(error, click.ClickException):
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "lparvm"
        problem = " ".join(error.format_message().split()).rstrip(".")
        click.echo(f"lparvm: {problem}; `{path} --help` tells more", err=True)
    elif all(isinstance(leaf, UsageError) for leaf in leaves):
        # Such as a trace file on a full disk, told by whichever parts of the machine wrote next.
        click.echo(f"lparvm: {leaves[0]}", err=True)
    else:
        traceback.print_exception(error)
        click.echo(_INTERNAL, err=True)
        return 1
    return 2


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="lparvm")
def group() -> None:
    """Emulate a partitioned mainframe whose partitions move in main storage while their guests run."""


group.add_command(trace)
group.add_command(stress)


def _trace_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that `run` and `console` share."""
    for option in (
        click.option("--proof", type=click.Choice(["full", "off"]), default="full", show_default=True,
                     help="Prove each move by checksums of every page and key."),
        click.option("--trace-level", "level", type=_LEVELS, default="protocol", show_default=True,
                     help="How much the trace holds."),
        click.option("--log", type=click.Choice(_LOG_LEVELS), is_flag=False, flag_value="protocol",
                     help="Show events on standard error as they come, of this level [protocol]; messages only as far "
                          "as the trace's level goes."),
        click.option("--trace-ring", "ring", type=click.IntRange(1, TRACE_RING_EVENTS_MAX), metavar="EVENTS",
                     help="Keep only so many events, the last ones, in memory, and write the trace only when the run "
                          "is not intact."),
        click.option("--trace", type=click.Path(dir_okay=False, path_type=Path),
                     help="Write the trace here; .gz and .zst are compressed."),
        click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True,
                     help="Seeds guests, devices and, under the virtual clock, the scheduler."),
    ):  # fmt: skip
        command = option(command)
    return command


@group.command()
@click.argument("scenario")
@_trace_options
@click.option(
    "--clock", type=click.Choice(["real", "virtual"]), default="real", show_default=True,
    help="Virtual: the same scenario and seed give the same trace, byte for byte.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def run(scenario: str, clock: str, log: str | None, *, as_json: bool, **given: Any) -> int:
    """Run a scenario, a built-in one by name or a file, and prove it."""
    from lparvm.console.live import Live  # noqa: PLC0415 - other commands start without it
    from lparvm.console.terminal import make_console  # noqa: PLC0415
    from lparvm.runner import run as run_scenario  # noqa: PLC0415
    from lparvm.trace.vocabulary import Level  # noqa: PLC0415

    options = _options(scenario, **given)
    live = Live(make_console(stderr=as_json))
    if log is not None:
        options = evolve(options, listeners=(live.event_log(Level[log.upper()]),))
    with interruptible():
        with live:
            report = run_scenario(
                scenario, clock="virtual" if clock == "virtual" else "real", on_machine=live.attach, signals=True,
                options=options,
            )  # fmt: skip
        if as_json:
            import orjson  # noqa: PLC0415

            click.echo(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2))
        else:
            _show(report)
    return report.exit_code


@group.command()
@click.argument("scenario")
@_trace_options
def console(scenario: str, log: str | None, **given: Any) -> int:
    """Operate a scenario's machine by hand: the service processor as a line console.

    Commands are read from the terminal or a pipe; HELP lists them. Those that stand in the scenario are not given.
    """
    from lparvm.console.line_console import operate  # noqa: PLC0415
    from lparvm.trace.vocabulary import Level  # noqa: PLC0415

    options = _options(scenario, **given)
    with interruptible():
        report = operate(scenario, options, log=None if log is None else Level[log.upper()])
        _show(report)
    return report.exit_code


def _options(
    scenario: str, seed: int, trace: Path | None = None, level: str = "protocol", proof: str = "full",
    ring: int | None = None,
) -> Any:  # fmt: skip
    """What `run` and `console` are given, checked as far as it doesn't take the scenario."""
    from lparvm.machine import Options  # noqa: PLC0415
    from lparvm.trace.vocabulary import Level  # noqa: PLC0415

    for name in (scenario, str(trace)):
        # Control characters, and bytes that are no UTF-8: neither a trace nor JSON can hold these.
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
            raise UsageError(f"{name!r}: expected a file name without control characters, in UTF-8")
    if trace is not None and _same_file(trace, Path(scenario)):
        raise UsageError(f"trace file {trace}: is the scenario itself; expected another file")
    if ring is not None and trace is None:
        raise UsageError("--trace-ring: nowhere to write it; expected --trace FILE beside it")
    _find_guests_beside(scenario)
    return Options(seed=seed, trace=trace, level=Level[level.upper()], proof=proof == "full", ring=ring)


def _find_guests_beside(scenario: str) -> None:
    """A guest of one's own is looked for where Python looks, in this directory, and beside the scenario."""
    with suppress(OSError):  # no such file, or no current directory: loading the scenario says so
        path = Path(scenario)
        for place in (path.parent.resolve() if path.is_file() else Path.cwd(), Path.cwd()):
            if str(place) not in sys.path:
                sys.path.append(str(place))


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _show(report: Any) -> None:
    from lparvm.console import render  # noqa: PLC0415
    from lparvm.console.terminal import make_console  # noqa: PLC0415

    console = make_console()
    for part in render.summary(report):
        console.print()
        console.print(part)


@group.command()
@click.argument("scenario")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="As for `run`.")
@click.option(
    "--clock", type=click.Choice(["real", "virtual"]), default="virtual", show_default=True,
    help="Virtual: loading takes as long as moving so many bytes.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as one JSON object.")
def compare(scenario: str, seed: int, clock: str, *, as_json: bool) -> int:
    """Run a scenario twice: moved by MVSTOR, and by deactivate, define and IPL; show outage and work lost."""
    from lparvm.compare import compare as run_both  # noqa: PLC0415 - other commands start without it
    from lparvm.console.compare_view import comparison_table  # noqa: PLC0415
    from lparvm.console.terminal import make_console  # noqa: PLC0415

    options = _options(scenario, seed)
    with interruptible():
        comparison = run_both(scenario, clock="virtual" if clock == "virtual" else "real", options=options)
        if as_json:
            import orjson  # noqa: PLC0415

            click.echo(orjson.dumps(comparison.as_json(), option=orjson.OPT_INDENT_2))
        else:
            console = make_console()
            for part in comparison_table(comparison):
                console.print()
                console.print(part)
    return comparison.exit_code


@group.command()
@click.argument("scenario")
@click.argument("goal")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as one JSON object.")
def plan(scenario: str, goal: str, *, as_json: bool) -> int:
    """Plan moves and exchanges that make room, without running anything: "FREE 200M", "EXPAND LPAR1 SIZE=300M"."""
    from lparvm.console.plan_view import planning_parts  # noqa: PLC0415 - other commands start without it
    from lparvm.console.terminal import make_console  # noqa: PLC0415
    from lparvm.planning import plan_scenario  # noqa: PLC0415

    planning = plan_scenario(scenario, goal)
    if as_json:
        import orjson  # noqa: PLC0415

        click.echo(orjson.dumps(planning.as_json(), option=orjson.OPT_INDENT_2))
        return planning.exit_code
    console = make_console()
    for part in planning_parts(planning):
        console.print(part)
        console.print()
    return planning.exit_code


@group.command()
@click.argument("name", required=False)
def scenarios(name: str | None) -> None:
    """List the built-in scenarios, or print the TOML of one to start your own."""
    from lparvm.scenario import builtin_names, builtin_text, load_scenario  # noqa: PLC0415

    if name is not None:
        click.echo(builtin_text(name), nl=False)
        return
    for each in builtin_names():
        click.echo(f"{each:<14} {load_scenario(each).title}")


@group.command()
def guests() -> None:
    """List the built-in guests and their options."""
    from lparvm.guests.registry import GUESTS  # noqa: PLC0415

    for name, entry in GUESTS.items():
        click.echo(f"{name}: {entry.summary}")
        _list_options(entry.options)
    click.echo('One of your own: guest = "module:Class", found beside the scenario or where Python looks.')


@group.command()
def devices() -> None:
    """List the kinds of device and their options."""
    from lparvm.devices.registry import DEVICES  # noqa: PLC0415

    for kind, device in DEVICES.items():
        click.echo(f"{kind}: {device.summary()}")
        _list_options(device.OPTIONS)


def _list_options(options: Any) -> None:
    for option in options:
        click.echo(
            f"    {option.name:<12} {option.doc} Default {option.default_text}; {option.kind.expected}."
        )


@group.command()
@click.argument("code", required=False)
def messages(code: str | None) -> None:
    """List the messages: id, text, cause, and what to do; or only that of an id or a result."""
    from lparvm.protocol.catalogue import CATALOGUE  # noqa: PLC0415

    known = [entry for entry in CATALOGUE if code is None or code.upper() in (entry.code, entry.result)]
    if not known:
        raise UsageError(f"there is no message {code}; expected an id or a result `lparvm messages` lists")
    for entry in known:
        result = f"  ({entry.result})" if entry.result else ""
        click.echo(
            f"{entry.code}{result}  {entry.text}\n    cause:  {entry.cause}\n    action: {entry.action}"
        )
