"""Rows of a query, as people and programs want them: an aligned table, CSV, JSON."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import orjson

from lparvm.trace.wording import printable

if TYPE_CHECKING:
    from lparvm.trace.sql import Result

_NUMBERS = ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "DOUBLE", "FLOAT", "DECIMAL", "HUGEINT", "UBIGINT")


def table(result: "Result") -> Iterator[str]:
    """Aligned columns, numbers to the right. Widths are those of the first batch of rows: all is never in memory."""
    right = [kind.startswith(_NUMBERS) for kind in result.kinds]
    widths: list[int] = []
    for rows in result.rows:
        cells = [tuple(_cell(value) for value in row) for row in rows]
        if not widths:
            heads = tuple(printable(name) for name in result.columns)
            widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
            yield _aligned(heads, widths, right)
        yield from (_aligned(row, widths, right) for row in cells)
    if not widths:
        yield _aligned(result.columns, [len(name) for name in result.columns], right)


def _aligned(cells: tuple[str, ...], widths: list[int], right: list[bool]) -> str:
    parts = (
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(parts).rstrip() + "\n"


def _cell(value: object) -> str:
    return printable(_text(value, null="null"))


def _text(value: object, *, null: str) -> str:
    if value is None:
        return null
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict | tuple):
        return _json(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def comma_separated(result: "Result") -> Iterator[str]:
    """CSV with a line of names; null is empty."""
    yield _csv_line(result.columns)
    for rows in result.rows:
        yield "".join(_csv_line(tuple(_text(value, null="") for value in row)) for row in rows)


def _csv_line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def json_array(result: "Result") -> Iterator[str]:
    """One JSON array, an object a row; columns of type JSON stand in it as what they are."""
    nested = [kind == "JSON" for kind in result.kinds]
    separator = "["
    for rows in result.rows:
        for row in rows:
            values = (
                orjson.loads(value) if inside and isinstance(value, str) else value
                for value, inside in zip(row, nested, strict=True)
            )
            yield f"{separator}\n{_json(dict(zip(result.columns, values, strict=True)))}"
            separator = ","
    yield "[]\n" if separator == "[" else "\n]\n"


def _json(value: object) -> str:
    try:
        return orjson.dumps(value, default=_simple, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # such as an integer of more than 64 bits
        return json.dumps(value, default=_simple)


def _simple(value: object) -> object:
    """What JSON has no form for."""
    if isinstance(value, Decimal):
        return float(value)
    return value.hex() if isinstance(value, bytes) else str(value)


FORMS: dict[str, Callable[["Result"], Iterator[str]]] = {
    "table": table,
    "csv": comma_separated,
    "json": json_array,
}
