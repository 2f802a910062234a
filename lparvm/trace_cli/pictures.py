"""`lparvm trace timeline`, `spacetime`, `map`, `downtime`, `report`: pictures and the page that has them all."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lparvm.errors import UsageError
from lparvm.trace_cli.common import file_argument, reading, trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lparvm.trace.pictures.operations import Operations
    from lparvm.trace.reader import TraceReader

_PICTURES, _PAGES = (".svg", ".png"), (".html", ".htm")


def _output_option(kinds: tuple[str, ...]) -> Callable[..., Any]:
    return click.option("-o", "--output", required=True, help=f"The file to write: {' or '.join(kinds)}.")


def _window_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--to", "end", help="End of the window."),
        click.option("--from", "start", help="Begin of the window, such as 1.5s or 900ms."),
        click.option(
            "--op", help="Only this operation, such as op.2: its window, and the LPARs that it touches."
        ),
    ):
        command = option(command)
    return command


@trace.command()
@file_argument
@_output_option(_PICTURES)
@_window_options
def timeline(file: str, output: str, op: str | None, start: str | None, end: str | None) -> int:
    """Draw what every actor did when: operations and their phases, guests in SIE or stopped, I/O."""
    from lparvm.trace.pictures.collecting import feed  # noqa: PLC0415 - other commands start without it
    from lparvm.trace.pictures.operations import OperationCollector  # noqa: PLC0415
    from lparvm.trace.pictures.timeline import TimelineCollector  # noqa: PLC0415

    path, given = _path(output, _PICTURES), _window_of(start, end)
    lanes, operations = TimelineCollector(), OperationCollector()
    with reading(file) as one:
        feed(one.reader, lanes, operations)
        model, told = lanes.finish(), operations.finish()
        if op is not None:
            model = model.only(_operation_of(told, op).lpars)
        model = model.cut(*_window(told, op, given, (model.start_ns, model.end_ns)))
        title = _title(one.reader, "timeline", op)

    def draw() -> "Figure":
        from lparvm.trace.pictures.draw_timeline import draw_timeline  # noqa: PLC0415

        shown = [each for each in told.operations if op is None or each == told.find(op)]
        return draw_timeline(model, shown, title)

    _write_picture(path, draw, title)
    click.echo(f"{output}: {_count(told.operations, 'operation')}, {_count(model.lanes, 'lane')}")
    return one.exit_code


@trace.command()
@file_argument
@_output_option(_PICTURES)
@click.option("--op", help="The operation, such as op.2, or its part, such as op.6.2.")
def spacetime(file: str, output: str, op: str | None) -> int:
    """Draw the messages of one operation between the actors, in their order, with the patent's steps."""
    from lparvm.trace.pictures.chart import ChartCollector  # noqa: PLC0415
    from lparvm.trace.pictures.collecting import feed  # noqa: PLC0415
    from lparvm.trace.pictures.operations import OperationCollector  # noqa: PLC0415

    path = _path(output, _PICTURES)
    charts, operations = ChartCollector(op), OperationCollector()
    with reading(file) as one:
        feed(one.reader, charts, operations)
        told, found = operations.finish(), charts.finish()
        if op is None and len(found) != 1:
            raise UsageError(f"--op is missing; expected {_names(told)}")
        if not found:
            _operation_of(told, op or "")
            raise UsageError(f"{op}: the trace tells nothing of this part; expected a part that it tells of")
        chart = found[0]
        operation = told.find(chart.op)
        title = _title(one.reader, "messages", chart.op) + (f"  {operation.command}" if operation else "")

    def draw() -> "Figure":
        from lparvm.trace.pictures.draw_chart import draw_chart  # noqa: PLC0415

        return draw_chart(chart, title)

    _write_picture(path, draw, title)
    click.echo(f"{output}: {_count(chart.rows, 'row')}, {_count(chart.actors, 'actor')}")
    return one.exit_code


@trace.command("map")
@file_argument
@_output_option(_PICTURES)
@_window_options
def map_(file: str, output: str, op: str | None, start: str | None, end: str | None) -> int:
    """Draw the storage map over time: zones as bands that slide while their pages move."""
    from lparvm.trace.pictures.collecting import feed  # noqa: PLC0415
    from lparvm.trace.pictures.operations import OperationCollector  # noqa: PLC0415
    from lparvm.trace.pictures.storage_map import StorageMapCollector  # noqa: PLC0415

    path, given = _path(output, _PICTURES), _window_of(start, end)
    storage, operations = StorageMapCollector(), OperationCollector()
    with reading(file) as one:
        feed(one.reader, storage, operations)
        model, told = storage.finish(), operations.finish()
        model = model.cut(*_window(told, op, given, (model.start_ns, model.end_ns)))
        title = _title(one.reader, "storage map", op)

    def draw() -> "Figure":
        from lparvm.trace.pictures.draw_map import draw_map  # noqa: PLC0415

        return draw_map(model, title)

    _write_picture(path, draw, title)
    click.echo(f"{output}: {_count(model.lpars, 'LPAR')}, {_count(model.bands, 'band')}")
    return one.exit_code


@trace.command()
@file_argument
@_output_option(_PICTURES)
def downtime(file: str, output: str) -> int:
    """Draw how long each guest stood still for each operation, by phase, with what was predicted."""
    from lparvm.trace.pictures.collecting import feed  # noqa: PLC0415
    from lparvm.trace.pictures.operations import OperationCollector  # noqa: PLC0415

    path = _path(output, _PICTURES)
    operations = OperationCollector()
    with reading(file) as one:
        feed(one.reader, operations)
        told, title = operations.finish(), _title(one.reader, "stopped time", None)

    def draw() -> "Figure":
        from lparvm.trace.pictures.draw_downtime import draw_downtime  # noqa: PLC0415

        return draw_downtime(told, title)

    _write_picture(path, draw, title)
    click.echo(f"{output}: {_count(told.standings, 'bar')}")
    return one.exit_code


@trace.command()
@file_argument
@_output_option(_PAGES)
def report(file: str, output: str) -> int:
    """Write one HTML page that loads nothing: summary, all pictures, operations, the rules' verdicts.

    Exit 1 also where a rule is broken.
    """
    from lparvm.trace.pictures.report import gather  # noqa: PLC0415

    path = _path(output, _PAGES)
    with reading(file) as one:
        told = gather(one.reader)
    from lparvm.trace.pictures.page import page  # noqa: PLC0415 - matplotlib, only for what can be drawn

    data = page(told).encode()
    _write(path, data)
    click.echo(f"{output}: {_count(told.operations.operations, 'operation')}, {len(data) / 1000:.0f} kB")
    return int(one.exit_code or told.broken)


# --- what they share ----------------------------------------------------------------------------------------


def _count(things: Any, name: str) -> str:
    return f"{len(things)} {name}" + ("" if len(things) == 1 else "s")


def _title(reader: "TraceReader", what: str, op: str | None) -> str:
    from lparvm.trace.pictures.collecting import label  # noqa: PLC0415

    run = label(str(reader.header.get("scenario", "trace")))
    return f"{run}: {what}" + (f" of {label(op)}" if op else "")


def _names(told: "Operations") -> str:
    names = [one.op for one in told.operations]
    if not names:
        return "a trace with operations; this one has none"
    return f"one of {', '.join(names[:20])}" + (", ..." if len(names) > 20 else "")


def _operation_of(told: "Operations", op: str) -> Any:
    operation = told.find(op)
    if operation is None:
        raise UsageError(f"{op!r} is no operation of the trace; expected {_names(told)}")
    return operation


def _window_of(start: str | None, end: str | None) -> tuple[int | None, int | None]:
    """The times that were given, in ns.

    Raises:
        UsageError: one is no time, or they leave nothing between them.
    """
    from lparvm.units import parse_duration  # noqa: PLC0415

    try:
        start_ns, end_ns = (None if text is None else parse_duration(text) for text in (start, end))
    except ValueError as error:
        raise UsageError(str(error)) from None
    if start_ns is not None and end_ns is not None and end_ns <= start_ns:
        raise UsageError(f"--from {start} --to {end}: expected an end after the begin")
    return start_ns, end_ns


def _window(
    told: "Operations", op: str | None, given: tuple[int | None, int | None], whole: tuple[int, int]
) -> tuple[int, int]:
    """The window to draw: what was given, else the operation with a margin, else all."""
    start_ns, end_ns = whole
    if op is not None:
        operation = _operation_of(told, op)
        answered_ns = end_ns if operation.ended_ns is None else operation.ended_ns
        margin_ns = max((answered_ns - operation.begun_ns) // 20, 1000)
        start_ns, end_ns = operation.begun_ns - margin_ns, answered_ns + margin_ns
    start_ns = start_ns if given[0] is None else given[0]
    end_ns = end_ns if given[1] is None else given[1]
    if end_ns <= start_ns:
        raise UsageError(f"the window is empty; the trace is from {whole[0]} ns to {whole[1]} ns")
    return start_ns, end_ns


def _path(output: str, kinds: tuple[str, ...]) -> Path:
    """The file to write.

    Raises:
        UsageError: its name says another kind of file.
    """
    path = Path(output)
    if path.suffix.lower() not in kinds:
        raise UsageError(f"{output}: expected a name that ends in {' or '.join(kinds)}")
    return path


def _write_picture(path: Path, draw: Callable[[], "Figure"], title: str) -> None:
    from lparvm.trace.pictures.canvas import rendered  # noqa: PLC0415

    _write(path, rendered(draw, path.suffix.lower()[1:], title=title))


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path}: can't be written: {reason}") from None
