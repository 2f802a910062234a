"""The command line. Exit: 0 all well, 1 damage, a broken rule or an unexpected result, 2 bad usage, 130 interrupted."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lparvm.errors import UsageError
from lparvm.version import VERSION

_LEVELS = click.Choice(["off", "protocol", "io", "storage"])


def cli() -> int:
    """Run the command line of this process; returns the exit code."""
    try:
        code = group.main(standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except UsageError as error:
        click.echo(f"lparvm: {error}", err=True)
        return 2
    return code if isinstance(code, int) else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="lparvm")
def group() -> None:
    """Emulate a partitioned mainframe whose partitions move in main storage while their guests run."""


def _trace_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that `run` and `console` share."""
    for option in (
        click.option("--proof", type=click.Choice(["full", "off"]), default="full", show_default=True,
                     help="Prove each move by checksums of every page and key."),
        click.option("--trace-level", "level", type=_LEVELS, default="protocol", show_default=True,
                     help="How much the trace holds."),
        click.option("--trace", type=click.Path(dir_okay=False, path_type=Path), help="Write the trace here."),
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
def run(
    scenario: str, seed: int, trace: Path | None, level: str, proof: str, clock: str, *, as_json: bool
) -> int:
    """Run a scenario, a built-in one by name or a file, and prove it."""
    from rich.console import Console  # noqa: PLC0415 - other commands start without it

    from lparvm.console.live import Live  # noqa: PLC0415
    from lparvm.runner import run as run_scenario  # noqa: PLC0415

    _find_guests_beside(scenario)
    console = Console(stderr=as_json, highlight=False)
    with Live(console) as live:
        report = run_scenario(
            scenario, clock="virtual" if clock == "virtual" else "real", on_machine=live.attach, signals=True,
            options=_options(seed, trace, level, proof),
        )  # fmt: skip
    if as_json:
        import orjson  # noqa: PLC0415

        click.echo(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2))
    else:
        _show(report, console)
    return report.exit_code


def _options(seed: int, trace: Path | None, level: str, proof: str) -> Any:
    from lparvm.machine import Options  # noqa: PLC0415
    from lparvm.trace.vocabulary import Level  # noqa: PLC0415

    return Options(seed=seed, trace=trace, level=Level[level.upper()], proof=proof == "full")


def _find_guests_beside(scenario: str) -> None:
    """A guest of one's own is looked for where Python looks, in this directory, and beside the scenario."""
    path = Path(scenario)
    for place in (str(path.parent.resolve()) if path.is_file() else None, str(Path.cwd())):
        if place is not None and place not in sys.path:
            sys.path.append(place)


def _show(report: Any, console: Any) -> None:
    from lparvm.console import render  # noqa: PLC0415

    console.print()
    console.print(render.frame("after", report.frame_after, report.main_storage_frames))
    for part in (render.standings(report.commands), render.guests(report), render.rules(report)):
        if part is not None:
            console.print()
            console.print(part)
    console.print()
    console.print(render.verdict(report), soft_wrap=True)


@group.command()
@click.argument("scenario")
@_trace_options
def console(scenario: str, seed: int, trace: Path | None, level: str, proof: str) -> int:
    """Operate a scenario's machine by hand: the service processor as a line console (HELP tells more)."""
    from lparvm.console.line_console import operate  # noqa: PLC0415

    _find_guests_beside(scenario)
    report, terminal = operate(scenario, _options(seed, trace, level, proof))
    _show(report, terminal)
    return int(report.exit_code)


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
    """List the messages: id, text, cause, and what to do."""
    from lparvm.protocol.catalogue import CATALOGUE  # noqa: PLC0415

    known = [entry for entry in CATALOGUE if code is None or entry.code == code.upper()]
    if not known:
        raise UsageError(f"there is no message {code}; expected one that `lparvm messages` lists")
    for entry in known:
        result = f"  ({entry.result})" if entry.result else ""
        click.echo(
            f"{entry.code}{result}  {entry.text}\n    cause:  {entry.cause}\n    action: {entry.action}"
        )
