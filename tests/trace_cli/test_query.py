"""`lparvm trace sql` and `schema`: rows as a table, CSV, JSON and Parquet."""

import csv
import io
import subprocess
import sys

import duckdb
import orjson
import pytest

from lparvm.cli import group
from lparvm.errors import UsageError
from lparvm.trace.sql_tables import TABLES
from real_traces import trace_bytes

COMMANDS = "select op, text, stopped_ns, lpars from operations"


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(trace_bytes())
    return path


def lparvm(*arguments: object) -> int:
    return group.main([str(one) for one in arguments], standalone_mode=False)


def test_rows_are_an_aligned_table(trace, capsys):
    assert lparvm("trace", "sql", f"{COMMANDS} limit 2", trace) == 0
    assert capsys.readouterr().out.splitlines() == [
        "op    text                       stopped_ns  lpars",
        'op.1  MVSTOR B HSA=28M EXPAND=A    30320000  ["A","B"]',
        'op.2  SHRINK A SIZE=20M                null  ["A"]',
    ]


def test_rows_are_csv(trace, capsys):
    assert lparvm("trace", "sql", COMMANDS, trace, "--output", "csv") == 0
    names, first, second, *_ = csv.reader(io.StringIO(capsys.readouterr().out))
    assert names == ["op", "text", "stopped_ns", "lpars"]
    assert first == ["op.1", "MVSTOR B HSA=28M EXPAND=A", "30320000", '["A","B"]']
    assert second[2] == ""


def test_rows_are_json_with_what_is_json_inside(trace, capsys):
    query = "select op, lpars, 1.5 as d, 2::hugeint ** 100 as big, true as yes, fields, date '2000-01-01' as day from operations join events using (op) where event = 'command.received'"
    assert lparvm("trace", "sql", query, trace, "--output", "json") == 0
    rows = orjson.loads(capsys.readouterr().out)
    assert len(rows) == 7
    assert rows[0]["lpars"] == ["A", "B"]
    assert rows[0]["fields"] == {"text": "MVSTOR B HSA=28M EXPAND=A"}
    assert (rows[0]["d"], rows[0]["yes"], rows[0]["day"]) == (1.5, True, "2000-01-01")


@pytest.mark.parametrize(("form", "expected"), [("table", "op\n"), ("csv", "op\n"), ("json", "[]\n")])
def test_no_rows_are_still_a_whole_answer(trace, capsys, form, expected):
    assert lparvm("trace", "sql", "select op from operations where false", trace, "--output", form) == 0
    assert capsys.readouterr().out == expected


def test_an_integer_of_more_than_64_bits_is_json_all_the_same(trace, capsys):
    assert (
        lparvm(
            "trace", "sql", "select 170141183460469231731687303715884105727 as a", trace, "--output", "json"
        )
        == 0
    )
    assert "170141183460469231731687303715884105727" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_rows_go_into_a_file(trace, tmp_path, capsys, form):
    out = tmp_path / "rows"
    assert lparvm("trace", "sql", COMMANDS, trace, "--output", form, "-o", out) == 0
    assert capsys.readouterr().out == ""
    assert lparvm("trace", "sql", COMMANDS, trace, "--output", form) == 0
    assert capsys.readouterr().out == out.read_text()


def test_rows_go_into_a_parquet_file(trace, tmp_path):
    out = tmp_path / "rows.parquet"
    assert lparvm("trace", "sql", "select * from phases", trace, "--output", "parquet", "-o", out) == 0
    rows = duckdb.read_parquet(str(out))
    assert rows.columns == [
        column.name for column in next(one for one in TABLES if one.name == "phases").columns
    ]


def test_control_characters_reach_no_terminal(trace, capsys):
    assert lparvm("trace", "sql", "select 'a' || chr(27) || chr(10) as x", trace) == 0
    assert capsys.readouterr().out == "x\na\\x1b\\n\n"


def test_what_is_wrong_with_the_file_is_told_and_the_rest_is_there(trace, capsys):
    trace.write_bytes(trace_bytes().replace(b'"seq":5,', b'"seq":6,', 1))
    assert lparvm("trace", "sql", "select count(*) as events from events", trace) == 1
    out, err = capsys.readouterr()
    events = len(trace_bytes().splitlines()) - 2  # without header and trailer
    assert out == f"events\n  {events}\n"
    assert "seq is 6; expected 5" in err


WRONG = {
    "an unknown column": (["select nope from events"], 'sql: Binder Error: Referenced column "nope" not found'),
    "no SQL": (["hello"], "sql: Parser Error: syntax error"),
    "parquet without a file": (["select 1", "--output", "parquet"], "expected -o FILE"),
    "a file elsewhere": (["select 1", "-o", "/no/such/place/rows"], "is no directory"),
    "a directory": (["select 1", "-o", "."], "is a directory"),
}  # fmt: skip


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_question_is_told_in_one_line(trace, how):
    arguments, expected = WRONG[how]
    query, *rest = arguments
    with pytest.raises(UsageError) as caught:
        lparvm("trace", "sql", query, trace, *rest)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_trace_is_never_written_over(trace):
    link = trace.with_name("link")
    link.symlink_to(trace)
    for out in (trace, link):
        for arguments in (["sql", "select 1", trace], ["perfetto", trace], ["chrome", trace]):
            with pytest.raises(UsageError, match="is the trace itself"):
                lparvm("trace", *arguments, "-o", out)
    assert trace.read_bytes() == trace_bytes()


def test_a_reader_that_goes_away_is_no_error(trace):
    command = [
        sys.executable,
        "-m",
        "lparvm",
        "trace",
        "sql",
        "select range as seq, 't' as t, 'actor' as actor from range(100000000000)",  # far more than would ever end
        str(trace),
        "--output",
        "csv",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith(b"seq,t,actor")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_the_schema_names_every_table_and_column(capsys):
    assert lparvm("trace", "schema") is None
    out = capsys.readouterr().out
    for table in TABLES:
        assert f"{table.name}: {table.meaning}\n" in out
        for column in table.columns:
            assert f"    {column.name:<18} {column.kind:<10} {column.meaning}\n" in out
    assert lparvm("trace", "schema", "--json") is None
    assert [one["table"] for one in orjson.loads(capsys.readouterr().out)] == [table.name for table in TABLES]
