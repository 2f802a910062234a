"""SQL over a trace: the tables are what their description says, and a query sees the trace alone."""

import io

import duckdb
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.config import SQL_BATCH_EVENTS
from lparvm.errors import UsageError
from lparvm.trace import sql
from lparvm.trace.reader import TraceReader
from lparvm.trace.source import Lines
from lparvm.trace.sql import Database
from lparvm.trace.sql_tables import TABLES
from lparvm.trace.vocabulary import Level
from real_traces import Event, damaged, parsed, sealed, trace_bytes


def reader_of(data: bytes) -> TraceReader:
    file = io.BytesIO(data)
    return TraceReader(Lines("a trace", file, file))


@pytest.fixture(scope="module")
def database():
    with Database() as database:
        database.load(reader_of(trace_bytes()))
        yield database


def rows(database: Database, query: str) -> list[tuple]:
    return [row for batch in database.run(query).rows for row in batch]


def events_of(name: str) -> list[Event]:
    return [event for event in parsed(trace_bytes())[1] if event["event"] == name]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_as_it_is_described(database, table):
    described = rows(database, f"describe {table.name}")
    assert [(row[0], row[1]) for row in described] == [(column.name, column.kind) for column in table.columns]
    assert rows(database, f"select count(*) > 0 from {table.name}") == [(table.name != "accesses",)]
    assert table.meaning
    assert all(column.meaning for column in table.columns)


def test_events_are_those_of_the_file_in_its_order(database):
    _, events, _ = parsed(trace_bytes())
    found = rows(database, "select * from events")
    assert len(found) == len(events)
    for row, event in zip(found, events, strict=True):
        assert {
            **dict(zip(("seq", "t", "actor", "event", "op", "cause", "step"), row, strict=False)),
            **orjson.loads(row[7]),
        } == event


def test_operations_are_the_operators_commands(database):
    found = rows(database, "select op, text, result, lpars, duration_ns, pages, stopped_ns from operations")
    assert [row[0] for row in found] == [f"op.{number}" for number in range(1, 8)]
    assert found[0] == (
        "op.1",
        "MVSTOR B HSA=28M EXPAND=A",
        "COMPLETED",
        ["A", "B"],
        32_740_000,
        5120,
        30_320_000,
    )
    assert found[2][2:] == ("CANCELLED", ["B"], 52_540_000, 5120, 52_540_000)
    assert found[3][2:] == ("COMPLETED", None, 27_540_000, None, None)
    assert found[4][2:6] == ("COMPLETED", ["A", "B"], 51_340_000, 10_240)


def test_phases_follow_one_another(database):
    found = rows(database, "select phase, step, entered_ns, left_ns from phases where op = 'op.3'")
    assert [row[:2] for row in found] == [
        ("ADMITTING", None), ("STOPPING", 201), ("QUIESCING", 202), ("CHECKING", 203), ("MOVING", 204),
        ("BACKING_OUT", None), ("REPORTED", 211),
    ]  # fmt: skip
    assert [row[3] for row in found[:-1]] == [row[2] for row in found[1:]]
    assert found[-1][3] is None


def test_stops_are_told_by_lip_and_add_up(database):
    assert rows(database, "select count(*) from stops") == [(len(events_of("guest.stood")),)]
    odd = "select * from stops where list_sum(json_extract(phases, '$.*')::bigint[]) <> stopped_ns"
    assert rows(database, odd) == []


def test_messages_have_a_sender_and_a_receiver(database):
    _, events, _ = parsed(trace_bytes())
    assert rows(database, "select count(*) from messages") == [(sum("to" in event for event in events),)]
    sent = rows(
        database, "select sender, receiver, lpar from messages where kind = 'SetAddressLimit' limit 1"
    )
    assert sent == [("RM", "IOP1", "B")]


def test_moves_are_told_forth_and_back(database):
    found = rows(
        database, "select op, inverse, source_frame, target_frame, pages, outcome, pages_across from moves"
    )
    assert found == [
        ("op.1.1", False, 5120, 7168, 5120, "moved", 5120),
        ("op.3", False, 7168, 17920, 5120, "moved", 5120),
        ("op.3", True, 17920, 7168, 5120, "moved", 0),
    ]


def test_io_is_a_row_a_start(database):
    ended = events_of("start.ended")
    total = "select count(*), count(ended_ns), sum(bytes), sum(transfers) from io"
    transfers = events_of("transfer.ended")
    assert rows(database, total) == [
        (len(events_of("start.accepted")), len(ended), sum(one["bytes"] for one in transfers), len(transfers))
    ]
    one = ended[0]
    query = (
        f"select iop, ended_ns, function, device_status from io where lpar = 'B' and start = {one['start']}"
    )
    assert rows(database, query) == [(one["iop"], one["t"], one["function"], one["device_status"])]


def test_guests_are_a_row_a_life(database):
    found = rows(
        database, "select lpar, life, guest, steps, damage, damaged, slices, instructions from guests"
    )
    slices = [event for event in events_of("slice.ended") if event["lpar"] == "A"]
    steps = next(event["steps"] for event in events_of("guest.verified") if event["lpar"] == "A")
    assert found[0] == (
        "A",
        1,
        "hammer",
        steps,
        0,
        0,
        len(slices),
        sum(one["instructions"] for one in slices),
    )


def test_the_run_is_one_row(database):
    assert rows(database, "select seed, clock, level, verdict, cut_off, header->>'trace' from trace") == [
        (0, "virtual", "io", "intact", False, "lparvm")
    ]


def test_accesses_are_typed_at_level_storage():
    with Database() as database:
        database.load(reader_of(trace_bytes(level=Level.STORAGE)))
        found = rows(
            database, "select count(*), sum(bytes) = 8 * count(*) from accesses where access <> 'key'"
        )
        assert found[0][0] > 10_000
        outside = "select count(*) from accesses where host <> address and lpar = 'A' and t < 300000000"
        assert rows(database, outside) == [(0,)]


def test_a_trace_that_was_cut_off_and_begins_late_is_loaded_all_the_same():
    with Database() as database:
        reader = reader_of(b"".join(trace_bytes().splitlines(keepends=True)[:100]))
        database.load(reader)
        assert rows(
            database, "select (select count(*) from events), verdict, cut_off, trailer from trace"
        ) == [(99, None, True, None)]


def test_many_batches_are_one_table(monkeypatch):
    monkeypatch.setattr(sql, "SQL_BATCH_EVENTS", 7)
    assert SQL_BATCH_EVENTS > 7
    with Database() as database:
        database.load(reader_of(b"".join(trace_bytes().splitlines(keepends=True)[:101])))
        assert rows(database, "select seq from events") == [(number,) for number in range(1, 101)]


REFUSED = {
    "a file of the system": "select * from read_text('/etc/hostname')",
    "a file by its name": "from '/etc/hostname'",
    "a directory": "select * from glob('/*')",
    "another database": "attach '/tmp/other.db'",
    "an extension": "install httpfs",
    "the network": "select * from read_csv('https://example.com/x.csv')",
    "a file to write": "copy (select 1) to '/tmp/written.csv'",
    "a setting": "set enable_external_access = true",
    "two queries": "select 1; select 2",
    "no query": " ",
    "a change": "delete from events",
    "a Python object": "select * from TABLES",
}  # fmt: skip


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED)
def test_what_is_no_query_of_the_trace_is_refused_in_one_line(database, query):
    with pytest.raises(UsageError, match=r"^sql: ") as caught:
        database.check(query)
    assert "\n" not in str(caught.value)


def test_doors_are_locked_also_for_those_who_do_not_ask_first(database):
    for query in ("select * from read_text('/etc/hostname')", "set enable_external_access = true"):
        with pytest.raises(UsageError, match="sql: "):
            database.run(query)


@pytest.mark.parametrize(
    "query", ["from operations", "describe io", "show tables", "with a as (select 1) from a", "values (1)", "explain select 1",
              "summarize phases", "select 1 -- a comment", "select 1;"],
)  # fmt: skip
def test_what_gives_rows_is_a_query(database, query):
    database.check(query)
    assert rows(database, query)


def test_a_wrong_query_says_what_duckdb_says_and_what_there_is(database):
    with pytest.raises(
        UsageError, match=r'^sql: Binder Error: Referenced column "tt" not found.*"t"'
    ) as caught:
        database.check("select tt from events")
    assert "LINE 1" not in str(caught.value)


def test_an_error_of_a_value_is_told_when_its_row_is_reached(database):
    with pytest.raises(UsageError, match="sql: Conversion Error"):
        rows(database, "select (fields->>'lpar')::int from events")


def test_names_of_columns_are_told_apart(database):
    assert database.run("select 1 as a, 2 as a, 3 as a").columns == ("a", "a_2", "a_3")


def test_rows_go_into_a_parquet_file_and_nowhere_else(tmp_path):
    out = tmp_path / "it's.parquet"
    with Database(out) as database:
        database.load(reader_of(trace_bytes()))
        database.write_parquet("select op, pages from operations; -- all of them")
        with pytest.raises(UsageError, match="Permission"):
            database.run(f"copy (select 1) to '{tmp_path}/other.parquet'")
    assert duckdb.sql(
        f"select count(*), sum(pages) from read_parquet('{tmp_path}/*.parquet')"
    ).fetchall() == [(7, 30_720)]
    assert [path.name for path in tmp_path.iterdir()] == ["it's.parquet"]


@pytest.mark.parametrize("query", ["select ';é' as a; -- x", "select ';é' as a -- x;", "select ';é' as a"])
def test_a_query_is_written_whatever_ends_it(tmp_path, query):
    with Database(tmp_path / "a.parquet") as database:
        database.write_parquet(query)
    assert duckdb.read_parquet(f"{tmp_path}/a.parquet").fetchall() == [(";é",)]


def test_the_temporary_file_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Database() as database:
        assert [path.name.startswith("lparvm-") for path in tmp_path.iterdir()] == [True]
        database.load(reader_of(trace_bytes()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("new", "expected"),
    [({"seq": 2**63}, "seq is 9223372036854775808"), ({"t": -1}, "t is -1"), ({"cause": -5}, "cause is -5"),
     ({"step": 40_000}, "step is 40000")],
)  # fmt: skip
def test_an_event_whose_numbers_no_database_holds_is_told_and_left_out(new, expected):
    header, events, trailer = parsed(trace_bytes())
    lines = [header, *events[:9], {**events[9], **new}, *events[10:20], trailer]
    reader = reader_of(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    with Database() as database:
        database.load(reader)
        assert rows(database, "select count(*) from events") == [(19,)]
    assert any(expected in problem.text and problem.line == 11 for problem in reader.problems)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
QUERIES = [f"select * from {table.name}" for table in TABLES]


@settings(max_examples=30)
@given(st.data())
def test_views_give_rows_whatever_stands_in_the_fields(data):
    header, events, trailer = parsed(trace_bytes())
    events = [event for event in events if event["event"] != "slice.ended"][:400]
    for _ in range(5):
        at = data.draw(st.integers(0, len(events) - 1))
        field = data.draw(st.sampled_from([name for name in events[at] if name not in ("seq", "t")]))
        events[at] = {**events[at], field: data.draw(VALUES)}
    body = b"".join(orjson.dumps({**event, "seq": number}) + b"\n" for number, event in enumerate(events, 1))
    with Database() as database:
        database.load(reader_of(orjson.dumps(header) + b"\n" + body + orjson.dumps(trailer) + b"\n"))
        for query in QUERIES:
            rows(database, query)


def test_nested_and_odd_text_comes_back_as_it_was():
    def edit(events: list[Event]) -> list[Event]:
        odd = {"text": 'it\'s "odd"\x00\x1b[31m\n\u2028\U0001f600', "nested": {"a": [1, None, {"b": 2.5}]}}
        return [{**events[0], **odd}, *events[1:]]

    with Database() as database:
        database.load(reader_of(damaged(edit)))
        ((text, nested),) = rows(database, "select fields->>'text', fields->'nested' from events limit 1")
    assert text == 'it\'s "odd"\x00\x1b[31m\n\u2028\U0001f600'
    assert orjson.loads(nested) == {"a": [1, None, {"b": 2.5}]}


def test_an_empty_run_has_empty_tables():
    header, _, trailer = parsed(trace_bytes())
    with Database() as database:
        database.load(reader_of(sealed(header, [], trailer)))
        for table in TABLES:
            assert rows(database, f"select count(*) from {table.name}") == [(int(table.name == "trace"),)]
