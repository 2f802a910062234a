"""`lparvm trace sql`, `schema`: questions to a trace in SQL."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lparvm.errors import UsageError
from lparvm.trace_cli.common import file_argument, reading, trace

if TYPE_CHECKING:
    from lparvm.trace.sql import Database

_FORMS = click.Choice(["table", "csv", "json", "parquet"])


@trace.command()
@click.argument("query")
@file_argument
@click.option(
    "--output", "form", type=_FORMS, default="table", show_default=True, help="The form of the rows."
)
@click.option("-o", "out", type=click.Path(path_type=Path), help="Write them to this file.")
def sql(query: str, file: str, form: str, out: Path | None) -> int:
    """Ask a trace in SQL (DuckDB's): lparvm trace sql "select * from operations" FILE.

    `lparvm trace schema` lists the tables. A query sees the trace, and nothing else: no other file, no network.
    """
    from lparvm.trace.sql import Database  # noqa: PLC0415 - other commands start without it
    from lparvm.trace_cli.writing import output_path  # noqa: PLC0415

    if out is not None:
        out = output_path(out, file)
    elif form == "parquet":
        raise UsageError("sql: parquet is no text; expected -o FILE")
    with Database(out) as database:
        database.check(query)
        with reading(file) as one:
            database.load(one.reader)
        _answer(database, query, form, out)
    return one.exit_code


def _answer(database: "Database", query: str, form: str, out: Path | None) -> None:
    from lparvm.console.process import reader_has_gone  # noqa: PLC0415
    from lparvm.trace_cli.rows import FORMS  # noqa: PLC0415
    from lparvm.trace_cli.writing import opened  # noqa: PLC0415

    if form == "parquet":
        database.write_parquet(query)
        return
    result = database.run(query)
    with nullcontext() if out is None else opened(out) as file:
        for text in FORMS[form](result):
            if file is None:
                click.echo(text, nl=False)
                if reader_has_gone():
                    break
            else:
                file.write(text.encode())


@trace.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def schema(*, as_json: bool) -> None:
    """List the tables that `sql` can use: columns with types and units."""
    from lparvm.trace.sql_tables import TABLES  # noqa: PLC0415

    if as_json:
        import orjson  # noqa: PLC0415
        from attrs import asdict  # noqa: PLC0415

        tables = [
            {"table": one.name, "row": one.meaning, "columns": [asdict(column) for column in one.columns]}
            for one in TABLES
        ]
        click.echo(orjson.dumps(tables, option=orjson.OPT_INDENT_2))
        return
    for one in TABLES:
        click.echo(f"{one.name}: {one.meaning}")
        for column in one.columns:
            click.echo(f"    {column.name:<18} {column.kind:<10} {column.meaning}")
