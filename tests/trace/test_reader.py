import gzip
import io
import itertools
import json
import re
import sys

import pytest
import zstandard

from lparvm.config import TRACE_LINE_BYTES_MAX, TRACE_PROBLEMS_MAX
from lparvm.errors import UsageError
from lparvm.trace.reader import open_trace, read, read_trace
from lparvm.trace.vocabulary import Level
from lparvm.trace.writer import Trace


@pytest.fixture
def path(tmp_path):
    """A small trace: header, four events, trailer."""
    path = tmp_path / "run.jsonl"
    ticks = itertools.count(10, 10)
    with Trace(now_ns=lambda: next(ticks), level=Level.IO, path=path, header={"seed": 7}) as trace:
        log = trace.logger("SVP")
        seq = log.emit("command.received", op="op.1", text="DISPLAY FRAME")
        for held in (1, 2):
            seq = log.emit("starts.released", op="op.1", cause=seq, lpar="LPAR2", iop="IOP1", held=held)
        log.emit("machine.ended", interrupted=False)
        trace.close("intact")
    return path


def damaged(path, number, change):
    """Put something else in place of a line (from 1)."""
    lines = path.read_text().splitlines(keepends=True)
    lines[number - 1] = change(lines[number - 1])
    path.write_text("".join(lines))
    return path


def with_fields(**new):
    return lambda line: json.dumps({**json.loads(line), **new}, separators=(",", ":")) + "\n"


def without_field(name):
    return lambda line: (
        json.dumps({key: value for key, value in json.loads(line).items() if key != name}) + "\n"
    )


def test_what_was_written_is_read(path):
    trace = read_trace(path)
    assert (trace.header["seed"], trace.level, trace.cut_off) == (7, Level.IO, False)
    assert [event["event"] for event in trace.events] == [
        "command.received", "starts.released", "starts.released", "machine.ended",
    ]  # fmt: skip
    assert [(event["seq"], event["t"]) for event in trace.events] == [(1, 10), (2, 20), (3, 30), (4, 40)]
    assert trace.trailer["verdict"] == "intact"


def test_events_are_streamed_typed(path):
    events = list(read(path))
    assert [(event.seq, event.t_ns, event.cause) for event in events] == [
        (1, 10, None),
        (2, 20, 1),
        (3, 30, 2),
        (4, 40, None),
    ]
    assert events[1].fields == {"lpar": "LPAR2", "iop": "IOP1", "held": 1}
    assert events[1]["held"] == 1
    assert events[1].kind.meaning


@pytest.mark.parametrize("cut", [1, 30, 80])
def test_a_file_that_was_cut_off_is_read_up_to_there(path, cut):
    """Cut in the trailer, and in the last event: what is whole counts."""
    text = path.read_bytes()
    trailer = text.splitlines(keepends=True)[-1]
    path.write_bytes(text[: -len(trailer) - (cut if cut > 1 else 0)])
    trace = read_trace(path)
    assert trace.cut_off
    assert len(trace.events) == (4 if cut == 1 else 3)


def test_a_torn_trailer_is_a_cut_off_file(path):
    path.write_bytes(path.read_bytes()[:-10])
    assert read_trace(path).cut_off


FAULTS = {
    "an event is no JSON": (3, lambda _: "{what\n", r":3: not JSON"),
    "an event is no object": (3, lambda _: "[1]\n", r":3: not a JSON object"),
    "an event lacks a common field": (3, without_field("actor"), r":3: missing field actor"),
    "an event lacks its own field": (3, without_field("held"), r":3: starts.released: missing field held"),
    "an event has a wrong value": (3, with_fields(held="two"), r":3: starts.released: held is 'two'"),
    "an event has no name": (3, with_fields(event=None), r":3: .*event is None"),
    "an event has no time": (3, with_fields(t="now"), r":3: .*t is 'now'"),
    "a number is out of order": (3, with_fields(seq=4), r":3: seq is 4; expected 2"),
    "a line is too long": (3, lambda _: "x" * (TRACE_LINE_BYTES_MAX + 1) + "\n", r":3: the line is too long"),
    "the header is another's": (1, with_fields(trace="other"), r":1: not a trace of lparvm"),
    "the header is no JSON": (1, lambda _: "\x00\x01\n", r":1: not JSON"),
    "the version is a later one": (
        1,
        with_fields(version=2),
        r":1: version 2 is unknown; expected version 1",
    ),
    "a value was changed": (4, with_fields(held=3), r":6: the trailer's digest"),
    "the digest is forged": (6, with_fields(digest="0" * 64), r":6: the trailer's digest"),
    "the number of events is wrong": (6, with_fields(events=5), r":6: the trailer's events is 5"),
    "the counts are wrong": (6, with_fields(counts={}), r":6: the trailer's counts"),
    "a line follows the trailer": (6, lambda line: line + "{}\n", r":7: a line after the trailer"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_file_is_told_by_line(path, fault):
    number, change, expected = FAULTS[fault]
    with pytest.raises(UsageError, match=expected) as caught:
        read_trace(damaged(path, number, change))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_dropped_line_is_told_by_its_number(path):
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]))
    with pytest.raises(UsageError, match=r":3: seq is 3; expected 2"):
        read_trace(path)


def test_fields_and_events_that_are_not_known_are_left_alone(path):
    damaged(path, 3, with_fields(colour="green"))
    damaged(path, 4, with_fields(event="guest.danced"))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    assert [event["event"] for event in read_trace(path).events][2] == "guest.danced"


@pytest.mark.parametrize("kind", ["missing", "directory", "empty"])
def test_what_is_no_trace_at_all_is_told(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "directory":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    expected = {"missing": "No such file", "directory": "Is a directory", "empty": ":1: the file is empty"}[
        kind
    ]
    with pytest.raises(UsageError, match=expected):
        read_trace(path)


def test_a_header_without_a_level_is_of_level_protocol(path):
    assert read_trace(damaged(path, 1, without_field("level"))).level is Level.PROTOCOL


# --- reading on behind what is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [fault for fault, (number, *_) in FAULTS.items() if number > 1])
def test_behind_what_is_wrong_reading_goes_on(path, fault):
    number, change, expected = FAULTS[fault]
    damaged(path, number, change)
    with open_trace(path) as trace:
        names = [event["event"] for event in trace]
    assert "command.received" in names
    assert names[-1] == "machine.ended"
    assert any(re.search(expected, str(problem)) for problem in trace.problems), trace.problems
    assert trace.trailer is not None


def test_a_later_version_is_told_and_read_all_the_same(path):
    damaged(path, 1, with_fields(version=2))
    with open_trace(path) as trace:
        assert len(list(trace)) == 4
    assert [problem.line for problem in trace.problems] == [1]


def test_problems_are_counted_and_only_the_first_are_told_in_words(path):
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0] + "nothing\n" * 1000 + "".join(lines[1:]))
    with open_trace(path) as trace:
        assert len(list(trace)) == 4
    assert len(trace.problems) == TRACE_PROBLEMS_MAX
    assert trace.problem_count == 1000


def test_a_line_of_ten_megabytes_is_told_and_left_out(path):
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + "x" * 10_000_000 + "\n" + "".join(lines[3:]))
    with open_trace(path) as trace:
        assert len(list(trace)) == 4
    assert [problem.line for problem in trace.problems] == [4]


@pytest.mark.parametrize("kind", ["gz", "zst", "zst of many frames"])
def test_a_compressed_trace_is_read_whatever_its_name(path, kind):
    plain = read_trace(path)
    path.write_bytes(compressed(path.read_bytes(), kind))
    assert read_trace(path).events == plain.events


@pytest.mark.parametrize("kind", ["gz", "zst of many frames"])
@pytest.mark.parametrize("cut", [4, 12, 20])
def test_a_truncated_compressed_trace_is_told(path, kind, cut):
    path.write_bytes(compressed(path.read_bytes(), kind)[:-cut])
    with open_trace(path) as trace:
        assert len(list(trace)) <= 4
    assert trace.problem_count == 1


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_compressed_trace_without_its_first_line_is_none(path, kind):
    path.write_bytes(compressed(path.read_bytes(), kind)[:16])
    with pytest.raises(UsageError, match=":1: "):
        read_trace(path)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_damaged_compressed_data_are_told(path, kind):
    data = bytearray(compressed(path.read_bytes(), kind))
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UsageError, match=str(path)):
        read_trace(path)


def compressed(data, kind):
    if kind == "gz":
        return gzip.compress(data)
    pack = zstandard.ZstdCompressor().compress
    return pack(data) if kind == "zst" else b"".join(pack(line) for line in data.splitlines(keepends=True))


def test_standard_input_is_read_as_a_file(path, monkeypatch):
    with path.open("rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
        assert [event.seq for event in read("-")] == [1, 2, 3, 4]
        sys.stdin.detach()
