"""Whatever stands in a trace, checking it tells, and never raises."""

import io

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.trace.check import CheckReport, check_trace
from lparvm.trace.reader import TraceReader
from lparvm.trace.rules import RuleBook
from lparvm.trace.source import Lines
from lparvm.trace.vocabulary import COMMON_FIELDS, Level
from real_traces import Event, parsed, sealed, trace_bytes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=3)
    | st.sampled_from(["A", "B", "LIP2", "IOP1", "0190", "REPORTED", "op.1", "op.1.1", 0, 1, 5120, 2**63 - 1]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
KEEP = {"slice.ended": 4, "OperationAdvanced": 0}


def few(events: list[Event]) -> list[Event]:
    """Without most of what there is so much of: the rules may be broken, but all of them have work."""
    kept, seen = [], {}
    for event in events:
        seen[event["event"]] = seen.get(event["event"], 0) + 1
        if seen[event["event"]] <= KEEP.get(event["event"], 1 << 30):
            kept.append(event)
    return kept


def check(data: bytes) -> tuple[CheckReport, TraceReader]:
    file = io.BytesIO(data)
    reader = TraceReader(Lines("fuzzed", file, file))
    return check_trace(reader), reader


@st.composite
def mutations(draw, events: list[Event]) -> list[Event]:
    """The events, some with another value, without one, told again elsewhere, or left out."""
    events = list(events)
    kinds = sorted({event["event"] for event in events})
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(kinds))
        places = [index for index, event in enumerate(events) if event["event"] == kind]
        if not places:
            continue
        at = draw(st.sampled_from(places))
        event = events[at]
        own = [name for name in event if name not in ("seq", "event")]
        field = draw(st.sampled_from(own))
        what = draw(st.sampled_from(["value", "value", "value", "inside", "missing", "again", "out"]))
        if what == "value":
            events[at] = {**event, field: draw(JSON)}
        elif what == "inside" and isinstance(event[field], list) and event[field]:
            events[at] = {**event, field: [*event[field][1:], draw(JSON)]}
        elif what == "missing":
            events[at] = {name: value for name, value in event.items() if name != field}
        elif what == "again":
            events.insert(draw(st.integers(0, len(events))), event)
        else:
            del events[at]
    return events


@settings(max_examples=40)
@given(st.data())
def test_a_trace_with_any_values_is_checked_without_an_error(data):
    header, events, trailer = parsed(trace_bytes())
    mutated = data.draw(mutations(few(events)))
    lines = [{**event, "seq": number} for number, event in enumerate(mutated, 1)]
    report, reader = check(b"".join(orjson.dumps(line) + b"\n" for line in (header, *lines, trailer)))
    assert report.exit_code in (0, 1)
    orjson.dumps(report.as_json())
    for problem in reader.problems:
        assert "\n" not in str(problem)
    for rule in report.rules:
        assert "Traceback" not in (rule.verdict.violation or "")


@settings(max_examples=40)
@given(st.data())
def test_values_that_a_rule_cannot_use_break_it_or_change_nothing(data):
    """The rules by themselves, as a stranger's events reach them whose types are right."""
    _, events, _ = parsed(trace_bytes())
    book = RuleBook(level=Level.IO, trusted=False)
    events = few(events)
    for _ in range(3):
        at = data.draw(st.integers(0, len(events) - 1))
        field = data.draw(st.sampled_from([name for name in events[at] if name not in ("seq", "t", "event")]))
        value = events[at][field]
        other = {
            int: st.integers(0, 2**63 - 1), str: st.sampled_from(["A", "B", "C", "IOP1", "LIP1", "x.1", "op.1.2"]),
            bool: st.booleans(), list: st.just([]), dict: st.just({}),
        }.get(type(value), st.none())  # fmt: skip
        events[at] = {**events[at], field: data.draw(other)}
    for event in events:
        book.feed(event)
    assert len(book.finish()) == len(book.checkers)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 60_000), st.binary(max_size=3)), min_size=1, max_size=4))
def test_a_file_with_any_bytes_is_checked_without_an_error(places):
    header, events, trailer = parsed(trace_bytes())
    data = bytearray(sealed(header, few(events)[:300], trailer))
    first = data.index(b"\n") + 1
    for place, put in places:
        at = first + place % (len(data) - first)
        data[at : at + len(put)] = put
    report, _ = check(bytes(data))
    assert report.exit_code in (0, 1)


def test_common_fields_are_those_that_a_line_begins_with():
    assert list(parsed(trace_bytes())[1][0])[: len(COMMON_FIELDS)] == list(COMMON_FIELDS)
