"""SQL over a trace: DuckDB, in a temporary file, with the tables of `sql_tables`.

    with Database() as database:
        database.check("select count(*) from events")     # before the trace is read: a wrong query costs nothing
        database.load(reader)
        result = database.run("select count(*) from events")

What a query may do: read the trace. Other files, the network and extensions are out of its reach, whatever it says; the
one file that may be written is the one that `Database` was given. One thread only: the same query gives the same rows
in the same order.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
import orjson
from attrs import frozen

from lparvm.config import SQL_BATCH_EVENTS, SQL_BATCH_ROWS, SQL_MEMORY_BYTES_MAX
from lparvm.errors import UsageError
from lparvm.trace.reader import TraceReader
from lparvm.trace.shapes import number_problem
from lparvm.trace.sql_tables import MACROS, TABLES

_STEP_MAX = (1 << 15) - 1
_QUERIES = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


@frozen
class Result:
    """The rows of a query.

    Attributes:
        columns: their names.
        kinds: their types in DuckDB, as text.
        rows: in batches, as they are asked for.
    """

    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: Iterator[list[tuple[Any, ...]]]


class Database:
    """A trace as a database. A context manager: the temporary file is gone at its end."""

    def __init__(self, output: Path | None = None) -> None:
        """Open an empty one.

        Args:
            output: a file that `write_parquet` may write.
        """
        self._output = output

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="lparvm-")
        config: dict[str, Any] = {
            "threads": 1, "memory_limit": f"{SQL_MEMORY_BYTES_MAX}B", "autoinstall_known_extensions": False,
            "autoload_known_extensions": False, "temp_directory": str(Path(self._directory.name, "spilled")),
        }  # fmt: skip
        self._connection = duckdb.connect(str(Path(self._directory.name, "trace.duckdb")), config=config)
        for macro in MACROS:
            self._connection.execute(macro)
        for table in TABLES:
            columns = ", ".join(f"{one.name} {one.kind}" for one in table.columns)
            made = f"view {table.name} as {table.query}" if table.query else f"table {table.name} ({columns})"
            self._connection.execute(f"create {made}")
        self._lock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it and remove its file."""
        self._connection.close()
        self._directory.cleanup()

    def check(self, query: str) -> None:
        """Look whether a query can run at all, before the trace is loaded.

        Raises:
            UsageError: it can't, or it is no query.
        """
        try:
            statements = self._connection.extract_statements(query)
            if len(statements) != 1 or statements[0].type not in _QUERIES:
                raise UsageError('sql: expected one query, such as "select count(*) from events"')
            if statements[0].type is duckdb.StatementType.SELECT:
                self._connection.execute(f"explain {statements[0].query}")
        except duckdb.Error as error:
            raise _usage(error) from None

    def load(self, reader: TraceReader) -> None:
        """Read a trace to its end.

        Events whose numbers no database can hold are noted at the reader and left out.

        Raises:
            UsageError: there is no room for the temporary file.
        """
        try:
            batch = _Batch()
            for event in reader:
                if number_problem(event) is not None or not _is_step(event["step"]):
                    reader.note(
                        number_problem(event) or f"step is {event['step']}; expected the patent's step"
                    )
                elif batch.take(event) >= SQL_BATCH_EVENTS:
                    self._insert(batch)
                    batch = _Batch()
            self._insert(batch)
            self._insert_run(reader)
        except duckdb.Error as error:
            raise UsageError(f"trace file {reader.lines.name}: cannot be loaded: {_text(error)}") from error

    def _insert(self, batch: "_Batch") -> None:
        if batch.fields:
            self._connection.register("batch", batch.columns())
            self._connection.execute("insert into events select * from batch")
            self._connection.unregister("batch")

    def _insert_run(self, reader: TraceReader) -> None:
        header, trailer = reader.header, reader.trailer
        told = [_scalar(header.get(name)) for name in ("scenario", "seed", "clock")]
        verdict = None if trailer is None else _scalar(trailer.get("verdict"))
        lines = [None if line is None else orjson.dumps(line).decode() for line in (header, trailer)]
        self._connection.execute(
            "insert into trace select ?, try_cast(? as bigint), ?, ?, ?, ?, ?, ?",
            [*told, reader.level.name.lower(), verdict, trailer is None, *lines],
        )

    def _lock(self) -> None:
        allowed = [] if self._output is None else [str(self._output)]
        for setting in (
            f"allowed_paths = {_literal(allowed)}",
            "python_enable_replacements = false",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self._connection.execute(f"set {setting}")

    def run(self, query: str) -> Result:
        """Run a query.

        Raises:
            UsageError: DuckDB says that it can't; also while its rows are fetched.
        """
        try:
            cursor = self._connection.execute(query)
            told = cursor.description or []
        except duckdb.Error as error:
            raise _usage(error) from None
        return Result(_unique(str(one[0]) for one in told), tuple(str(one[1]) for one in told), self._rows())

    def _rows(self) -> Iterator[list[tuple[Any, ...]]]:
        while True:
            try:
                rows = self._connection.fetchmany(SQL_BATCH_ROWS)
            except duckdb.Error as error:
                raise _usage(error) from None
            if not rows:
                return
            yield rows

    def write_parquet(self, query: str) -> None:
        """Run a query into the file that was given.

        Raises:
            UsageError: the query can't run, or the file can't be written.
        """
        try:
            target = f"{_literal(str(self._output))} (format parquet, use_tmp_file false)"
            self._connection.execute(f"copy (\n{_without_end(query)}\n) to {target}")
        except duckdb.Error as error:
            raise _usage(error) from None


class _Batch:
    """Events on their way into the database, as columns. What is taken is taken to pieces."""

    def __init__(self) -> None:
        self.fields: list[str] = []
        self._numbers: tuple[list[int], ...] = ([], [])
        self._names: tuple[list[str | None], ...] = ([], [], [])
        self._optional: tuple[list[int | None], ...] = ([], [])

    def take(self, event: dict[str, Any]) -> int:
        """Take an event; returns how many there are now."""
        (seq, t), (actor, name, op), (cause, step) = self._numbers, self._names, self._optional
        take = event.pop
        seq.append(take("seq"))
        t.append(take("t"))
        actor.append(take("actor"))
        name.append(take("event"))
        op.append(take("op"))
        cause.append(take("cause"))
        step.append(take("step"))
        self.fields.append(orjson.dumps(event).decode())
        return len(seq)

    def columns(self) -> dict[str, Any]:
        """The columns as numpy has them, in the order of the table."""
        (seq, t), names, optional = self._numbers, self._names, self._optional
        actor, name, op = (np.array(values, dtype=object) for values in names)
        cause, step = map(_with_nulls, optional)
        return {
            "seq": np.array(seq, dtype=np.int64), "t": np.array(t, dtype=np.int64), "actor": actor, "event": name,
            "op": op, "cause": cause, "step": step, "fields": np.array(self.fields, dtype=object),
        }  # fmt: skip


def _with_nulls(values: list[int | None]) -> Any:
    numbers = np.array([value or 0 for value in values], dtype=np.int64)
    return np.ma.masked_array(numbers, mask=[value is None for value in values])


def _is_step(step: int | None) -> bool:
    return step is None or -_STEP_MAX <= step <= _STEP_MAX


def _scalar(value: object) -> str | None:
    return None if value is None else str(value)


def _unique(names: Iterator[str]) -> tuple[str, ...]:
    """Names of columns, each once: JSON objects have one value a name."""
    found: list[str] = []
    for name in names:
        number = 1
        other = name
        while other in found:
            number += 1
            other = f"{name}_{number}"
        found.append(other)
    return tuple(found)


def _without_end(query: str) -> str:
    """One query without its semicolon and what may stand behind it."""
    text = query.encode()  # places are in bytes
    ends = [place for place, _ in duckdb.tokenize(query) if text[place : place + 1] == b";"]
    return text[: ends[0]].decode() if ends else query


def _literal(value: str | list[str]) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return "'" + value.replace("'", "''") + "'"


def _usage(error: duckdb.Error) -> UsageError:
    return UsageError(f"sql: {_text(error)}")


def _text(error: duckdb.Error) -> str:
    """DuckDB's message on one line, without its drawing of the place."""
    return " ".join(str(error).split("\n\nLINE", 1)[0].split())
