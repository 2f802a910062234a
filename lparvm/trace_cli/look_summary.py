"""`lparvm trace summary`: what a trace comes to."""

from typing import TYPE_CHECKING, Any

import click

from lparvm.trace_cli.common import file_argument, make_console, reading, trace

if TYPE_CHECKING:
    from rich.console import Console

    from lparvm.trace.reader import TraceReader
    from lparvm.trace.summary import Summary

_COMMANDS_SHOWN = 60
_ACTORS_SHOWN = 10
_KINDS_SHOWN = 15


@trace.command()
@file_argument
@click.option(
    "--json", "as_json", is_flag=True, help="Print one object: all of it, times in ns, sizes as named."
)
def summary(file: str, *, as_json: bool) -> int:
    """Tell what a trace comes to: run, verdict, commands, stopped times, I/O, guests, messages, actors.

    Exit: 1 where the run told a verdict other than `intact`, or the file has problems; one that is cut off tells none.
    """
    from lparvm.trace.summary import Summary, summary_as_json  # noqa: PLC0415 - other commands start without it

    with reading(file) as one:
        reader, found = one.reader, Summary()
        feed = found.feed
        for event in reader:
            feed(event)
    if as_json:
        import json  # noqa: PLC0415 - not orjson: sums of what a file tells may be of any size

        told = summary_as_json(found, reader.header, reader.trailer, reader.level)
        click.echo(json.dumps(told, indent=2))
    else:
        _show(make_console(), found, reader)
    verdict = "intact" if reader.trailer is None else reader.trailer.get("verdict")
    return max(one.exit_code, int(verdict != "intact"))


def _show(console: "Console", found: "Summary", reader: "TraceReader") -> None:
    for text in (*_run(found, reader), ""):
        console.print(text, soft_wrap=True)
    for part in (_commands(found), _stood(found), _devices(found), _guests(found), _exchanges(found)):
        if part is not None:
            console.print(part)
    for title, kinds in (("messages", found.of_kind(message=True)), ("facts", found.of_kind(message=False))):
        console.print(_counted(title, kinds, _KINDS_SHOWN), soft_wrap=True)
    console.print(
        _counted("actors by events told", found.busiest(len(found.actors)), _ACTORS_SHOWN), soft_wrap=True
    )
    for text in found.untold(reader.level):
        console.print(f"not known: {text}", soft_wrap=True)


def _run(found: "Summary", reader: "TraceReader") -> list[str]:
    from lparvm.trace.wording import bytes_text, printable  # noqa: PLC0415
    from lparvm.units import format_duration  # noqa: PLC0415

    def head(name: str) -> str:
        return printable(str(reader.header.get(name, "unknown")))

    versions = ", ".join(f"{name} {head(name)}" for name in ("lparvm", "trio", "numpy", "python"))
    machine, trailer = found.machine, reader.trailer
    verdict = "none: the trace was cut off" if trailer is None else str(trailer.get("verdict", "unknown"))
    interrupted = ", interrupted" if found.interrupted else ""
    lines = [
        f"{printable(reader.lines.name)}: {found.events.total()} events in {format_duration(found.duration_ns)}",
        f"verdict   {printable(verdict)}{interrupted}",
        f"run       {head('scenario')}, seed {head('seed')}, {head('clock')} clock, level {head('level')}",
        f"started   {head('started')}",
        f"versions  format {head('version')}, {versions}",
    ]
    if machine:
        names = (f"{len(machine[kind])} {kind.upper()[:-1]}s" for kind in ("lpars", "lips", "iops"))
        storage = bytes_text(machine["main_storage_frames"])
        lines.append(f"machine   {storage} of main storage, {', '.join(names)} at the start")
    return lines


def _table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Any:
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def _commands(found: "Summary") -> Any:
    from lparvm.trace.wording import printable, time_text  # noqa: PLC0415
    from lparvm.units import format_duration  # noqa: PLC0415

    if not found.commands:
        return None
    table = _table("Commands", "op", "at", "took", "command", "result", "code", right=("at", "took"))
    commands = list(found.commands.values())
    for one in commands[:_COMMANDS_SHOWN]:
        at = "" if one.received_ns is None else time_text(one.received_ns)
        took = "" if one.took_ns is None else format_duration(one.took_ns)
        cells = (one.op, at, took, one.text, one.result or "not answered", one.code or "")
        table.add_row(*map(printable, cells))
        for part, result in list(one.parts.items())[:_COMMANDS_SHOWN]:
            table.add_row(f" {printable(part)}", "", "", "", f" {printable(result)}", "")
    more = len(commands) - _COMMANDS_SHOWN + found.more_results.total()
    if more > 0:
        table.add_row(f"and {more} more", "", "", "", "", "")
    return table


def _stood(found: "Summary") -> Any:
    from lparvm.trace.wording import printable  # noqa: PLC0415
    from lparvm.units import format_duration  # noqa: PLC0415

    if not found.stood:
        return None
    phases = list(dict.fromkeys(phase for one in found.stood.values() for phase in one.phases_ns))[:12]
    numbers = ("times", "stood", "longest", *map(printable, phases))
    table = _table("Stopped time, by phase", "lpar", "lip", *numbers, right=numbers)
    for one in found.stood.values():
        durations = (one.stopped_ns, one.longest_ns, *(one.phases_ns[phase] for phase in phases))
        table.add_row(
            printable(one.lpar), printable(one.lip), str(one.times), *map(format_duration, durations)
        )
    return table


def _devices(found: "Summary") -> Any:
    from lparvm.trace.wording import printable  # noqa: PLC0415

    if not found.devices:
        return None
    numbers = (
        "accepted", "begun", "held", "deferred", "ended", "unusual", "transfers", "bytes", "refused",
    )  # fmt: skip
    table = _table("Starts and transfers, by device", "device", "iop", *numbers, right=numbers)
    for one in found.devices.values():
        counts = (str(getattr(one, name)) for name in numbers)
        table.add_row(printable(one.device), printable(", ".join(one.iops)), *counts)
    return table


def _guests(found: "Summary") -> Any:
    from lparvm.trace.wording import printable  # noqa: PLC0415

    if not found.guests:
        return None
    numbers = (
        "lives", "verified", "steps", "damage", "told damaged", "failures", "moved", "moved back",
    )  # fmt: skip
    kinds = list(dict.fromkeys(kind for one in found.guests.values() for kind in one.accesses))[:6]
    accesses = tuple(printable(kind) for kind in kinds)
    table = _table(
        "Guests, and pages moved", "lpar", "guest", *numbers, *accesses, right=(*numbers, *accesses)
    )
    for one in found.guests.values():
        counts = (
            one.lives, one.verified, one.steps, one.damage, one.damaged, one.failures, one.pages_moved,
            one.pages_moved_back, *(one.accesses[kind] for kind in kinds),
        )  # fmt: skip
        style = "bold red" if one.damage or one.damaged or one.failures else ""
        table.add_row(printable(one.lpar), printable(one.guest), *map(str, counts), style=style)
    return table


def _exchanges(found: "Summary") -> Any:
    from lparvm.trace.wording import printable  # noqa: PLC0415

    if not found.exchanges:
        return None
    table = _table("Pages exchanged", "lpars", "pages", "back", right=("pages", "back"))
    for one in found.exchanges.values():
        table.add_row(printable(" and ".join(one.lpars)), str(one.pages), str(one.pages_back))
    return table


def _counted(title: str, counts: dict[str, int], shown: int) -> str:
    from lparvm.trace.wording import printable  # noqa: PLC0415

    listed = ", ".join(f"{printable(name)} {count}" for name, count in list(counts.items())[:shown])
    more = f", and {len(counts) - shown} more kinds" if len(counts) > shown else ""
    return f"{title} ({sum(counts.values())}): {listed or 'none'}{more}"
