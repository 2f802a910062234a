"""`lparvm trace perfetto`, `chrome`: the run for trace viewers."""

from collections.abc import Iterable
from pathlib import Path

import click

from lparvm.trace_cli.common import file_argument, reading, trace

_output = click.option(
    "-o", "out", type=click.Path(path_type=Path), required=True, help="Write it to this file."
)  # fmt: skip


@trace.command()
@file_argument
@_output
def perfetto(file: str, out: Path) -> int:
    """Write a run as a Perfetto trace, for ui.perfetto.dev: operations, guests, messages, counters."""
    from lparvm.trace.export_perfetto import perfetto_trace  # noqa: PLC0415 - other commands start without it
    from lparvm.trace.spans_of import spans_of  # noqa: PLC0415
    from lparvm.trace_cli.writing import output_path  # noqa: PLC0415

    path = output_path(out, file)
    with reading(file) as one:
        model = spans_of(one.reader)
    _write(path, perfetto_trace(model))
    return one.exit_code


@trace.command()
@file_argument
@_output
def chrome(file: str, out: Path) -> int:
    """Write a run as Chrome trace events (JSON), for chrome://tracing and Perfetto's viewer."""
    from lparvm.trace.export_chrome import chrome_json  # noqa: PLC0415 - other commands start without it
    from lparvm.trace.spans_of import spans_of  # noqa: PLC0415
    from lparvm.trace_cli.writing import output_path  # noqa: PLC0415

    path = output_path(out, file)
    with reading(file) as one:
        model = spans_of(one.reader)
        header = one.reader.header
    about = {name: header.get(name) for name in ("lparvm", "scenario", "seed", "clock", "level", "started")}
    _write(path, chrome_json(model, about))
    return one.exit_code


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    from lparvm.trace_cli.writing import opened  # noqa: PLC0415

    with opened(path) as file:
        for piece in pieces:
            file.write(piece)
