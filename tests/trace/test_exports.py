"""The run for trace viewers: decoded again, everything is balanced, in order, and where it belongs."""

import io
from collections import Counter as Count
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent

from lparvm.trace.export_chrome import chrome_json
from lparvm.trace.export_perfetto import perfetto_trace
from lparvm.trace.reader import TraceReader
from lparvm.trace.source import Lines
from lparvm.trace.spans import EVENTS, LPARS, OPERATIONS, Model, Slice, nested
from lparvm.trace.spans_of import RUNNING, STOPPED, WAITING, spans_of
from lparvm.trace.vocabulary import Level
from real_traces import SHARING, damaged, parsed, trace_bytes


def model_of(data: bytes) -> Model:
    file = io.BytesIO(data)
    reader = TraceReader(Lines("a trace", file, file))
    model = spans_of(reader)
    assert not reader.problems
    return model


@pytest.fixture(scope="module", params=[Level.PROTOCOL, Level.IO, Level.STORAGE], ids=str)
def model(request) -> Model:
    return model_of(trace_bytes(level=request.param))


@pytest.fixture(scope="module")
def told() -> Model:
    return model_of(trace_bytes())


# --- the model ------------------------------------------------------------------------------------------------


def test_a_command_is_a_slice_with_its_phases_in_it(told):
    row = told.rows[OPERATIONS, "op.3"]
    command, *phases = [one for one, _, _ in nested(row.slices)]
    assert (command.name, command.begin_ns, command.end_ns) == ("MVSTOR B HSA=70M", 180_000_000, 232_540_000)
    names = ["ADMITTING", "STOPPING", "QUIESCING", "CHECKING", "MOVING", "BACKING_OUT", "REPORTED"]
    assert [one.name for one in phases] == names
    assert all(
        one.depth == 1 and command.begin_ns <= one.begin_ns <= one.end_ns <= command.end_ns for one in phases
    )
    assert phases[-2].end_ns == phases[-1].begin_ns


def test_a_part_of_a_command_is_a_row_of_its_own(told):
    _, (part, *phases) = told.rows[OPERATIONS, "op.1"].slices, told.rows[OPERATIONS, "op.1.2"].slices
    assert part.name == "op.1.2 A"
    assert [one.name for one in phases] == ["ADMITTING", "EXTENDING", "REPORTED"]


def test_the_second_lpar_of_an_exchange_has_a_row_for_its_phases(told):
    assert [one.name for one in told.rows[OPERATIONS, "op.5 B"].slices][-1] == "REPORTED"
    assert {one.depth for one in told.rows[OPERATIONS, "op.5 B"].slices} == {0}


def test_a_guest_runs_waits_and_stands_on_its_lip(told):
    states = [one for one in told.rows["LIP2", "B"].slices if one.depth == 0]
    assert {one.name for one in states} == {RUNNING, WAITING, STOPPED}
    for before, after in pairwise(states):
        assert before.end_ns == after.begin_ns
    stops = [one.end_ns - one.begin_ns for one in states if one.name == STOPPED]
    _, events, _ = parsed(trace_bytes())
    assert stops == [
        event["stopped_ns"] for event in events if event["event"] == "guest.stood" and event["lip"] == "LIP2"
    ]


def test_without_slices_a_guest_runs_from_sie_to_its_stop():
    told = model_of(trace_bytes(level=Level.PROTOCOL))
    assert {one.name for one in told.rows["LIP2", "B"].slices} == {RUNNING, STOPPED}


def test_time_slices_lie_in_what_the_guest_does(told):
    for one, begin_ns, end_ns in nested(told.rows["LIP3", "B"].slices):
        assert begin_ns <= end_ns
        if one.depth:
            assert one.name in {"TimeSliceEnded", "StartSubchannel", "WaitForInterruption", "TestSubchannel"}


def test_a_flow_leads_from_a_message_to_what_its_receiver_did_first(model):
    ends = {
        point.ends: (row.track.process, point)
        for row in model.rows.values()
        for point in row.points
        if point.ends
    }
    starts = {point.seq: point for row in model.rows.values() for point in row.points if point.starts}
    assert ends.keys() == starts.keys()
    assert len(starts) > 50
    for number, (_, point) in ends.items():
        assert starts[number].t_ns <= point.t_ns
    actor, point = next((actor, point) for actor, point in ends.values() if point.name == "sale.set")
    assert (actor, starts[point.ends].name) == ("IOP2", "SetAddressLimit")


def test_pages_across_rise_and_fall_again_where_a_move_is_cancelled(told):
    samples = told.counters[LPARS, "B pages across"].samples
    assert [value for _, value in samples] == [0, 4096, 5120, 5120, 0, 4096, 5120, 5120, 1024, 0, 0]
    assert [t_ns for t_ns, _ in samples] == sorted(t_ns for t_ns, _ in samples)


def test_a_guests_rate_adds_up_to_its_instructions(told):
    samples = told.counters[LPARS, "B instructions"].samples
    _, events, _ = parsed(trace_bytes())
    told_in_all = sum(e["instructions"] for e in events if e["event"] == "slice.ended" and e["lpar"] == "B")
    assert sum(value for _, value in samples) // 100 == told_in_all, "a stretch is a hundredth of a second"
    assert samples[-1][1] == 0
    assert [t_ns for t_ns, _ in samples] == sorted({t_ns for t_ns, _ in samples})


def test_an_operation_that_never_ends_ends_with_the_trace():
    data = damaged(lambda events: events[:320])
    assert {one.end_ns for one in model_of(data).rows[OPERATIONS, "op.1"].slices} == {25_400_000}


SLICES = st.lists(
    st.builds(Slice, st.integers(0, 20), st.integers(0, 20), st.just("x"), st.integers(0, 1), seq=st.integers(0, 9)),
    max_size=12,
)  # fmt: skip


@given(SLICES)
def test_nested_slices_are_inside_one_another_or_apart_whatever_they_were(slices):
    last = 0
    open_slices: list[tuple[int, int]] = []
    for one, begin_ns, end_ns in nested(slices):
        assert last <= begin_ns <= end_ns
        last = begin_ns
        while open_slices and (open_slices[-1][0] >= one.depth or open_slices[-1][1] < begin_ns):
            assert open_slices.pop()[1] <= begin_ns
        assert all(end_ns <= end for _, end in open_slices)
        open_slices.append((one.depth, end_ns))


# --- Perfetto ---------------------------------------------------------------------------------------------------


def decoded(model: Model) -> Trace:
    trace = Trace()
    trace.ParseFromString(b"".join(perfetto_trace(model)))
    return trace


def test_perfettos_slices_are_balanced_and_in_order_on_every_track(model):
    tracks, depth, last = {}, Count(), Count()
    for packet in decoded(model).packet:
        if packet.HasField("track_descriptor"):
            descriptor = packet.track_descriptor
            assert descriptor.uuid not in tracks
            assert descriptor.process.pid or descriptor.parent_uuid in tracks
            tracks[descriptor.uuid] = descriptor
            continue
        event = packet.track_event
        assert event.track_uuid in tracks, "described before it is used"
        step = {TrackEvent.TYPE_SLICE_BEGIN: 1, TrackEvent.TYPE_SLICE_END: -1}.get(event.type, 0)
        # Points and slices of a row are two passes, each in order.
        key = event.track_uuid, event.type == TrackEvent.TYPE_INSTANT
        assert packet.timestamp >= last[key]
        last[key] = packet.timestamp
        depth[event.track_uuid] += step
        assert depth[event.track_uuid] in (0, 1, 2)
    assert not +depth


def test_perfettos_flows_have_a_start_and_an_end(model):
    starts, ends = Count(), Count()
    for packet in decoded(model).packet:
        starts.update(packet.track_event.flow_ids)
        ends.update(packet.track_event.terminating_flow_ids)
    assert starts == ends
    assert set(starts.values()) == {1}


def test_perfettos_counters_are_described_with_their_unit(told):
    trace = decoded(told)
    counters = {
        packet.track_descriptor.uuid: packet.track_descriptor for packet in trace.packet
        if packet.track_descriptor.HasField("counter")
    }  # fmt: skip
    assert {one.counter.unit_name for one in counters.values()} == {"pages", "page steps", "instructions/s"}
    values = [p.track_event for p in trace.packet if p.track_event.type == TrackEvent.TYPE_COUNTER]
    assert {value.track_uuid for value in values} == counters.keys()


def test_perfettos_processes_are_groups_then_actors(told):
    names = [
        p.track_descriptor.process.process_name
        for p in decoded(told).packet
        if p.track_descriptor.process.pid
    ]
    assert names[:2] == [OPERATIONS, LPARS]
    assert {"LPARCTL", "RM", "SVP", "LIP1", "IOP1", "LIPCTL.B"} < set(names)


# --- Chrome -----------------------------------------------------------------------------------------------------


def chrome(model: Model) -> list[dict]:
    return orjson.loads(b"".join(chrome_json(model, {"seed": 0})))["traceEvents"]


def test_chromes_slices_lie_in_one_another_on_every_track(model):
    open_ends: dict[tuple, list[float]] = {}
    for event in chrome(model):
        if event["ph"] != "X" or event["dur"] == 0.001:
            continue
        ends = open_ends.setdefault((event["pid"], event["tid"]), [])
        while ends and ends[-1] <= event["ts"]:
            ends.pop()
        end = event["ts"] + event["dur"]
        assert not ends or end <= ends[-1] + 1e-6
        ends.append(end)


def test_chromes_events_are_in_order_on_every_track(model):
    last: dict[tuple, float] = {}
    for event in chrome(model):
        if event["ph"] == "M":
            continue
        kind = "points" if event["ph"] in "isf" or event.get("dur") == 0.001 else event["ph"]
        key = event["pid"], event["tid"], kind, event["name"] if event["ph"] == "C" else ""
        assert event["ts"] >= last.get(key, 0)
        last[key] = event["ts"]


def test_chromes_flows_have_a_start_and_an_end_on_a_slice(model):
    events = chrome(model)
    starts = {event["id"]: event for event in events if event["ph"] == "s"}
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    assert starts.keys() == ends.keys()
    around = {(event["pid"], event["tid"], event["ts"]) for event in events if event["ph"] == "X"}
    for event in (*starts.values(), *ends.values()):
        assert (event["pid"], event["tid"], event["ts"]) in around


def test_chrome_and_perfetto_show_the_same_slices_and_points(model):
    events = chrome(model)
    trace = decoded(model)
    names = Count(event["name"] for event in events if event["ph"] in "Xi")
    assert names == Count(packet.track_event.name for packet in trace.packet if packet.track_event.name)
    values = [event["args"] for event in events if event["ph"] == "C"]
    assert len(values) == sum(packet.track_event.type == TrackEvent.TYPE_COUNTER for packet in trace.packet)


def test_times_are_exact_to_the_nanosecond():
    model = Model()
    model.row("LIP1", EVENTS).slices.append(Slice(2**53 + 1, 2**53 + 2, 'a "name"\n'))
    (line,) = [line for line in b"".join(chrome_json(model, {})).splitlines() if b'"ph":"X"' in line]
    assert b'"ts":9007199254740.993,"dur":0.001' in line
    (begin, end) = [packet.timestamp for packet in decoded(model).packet if packet.HasField("track_event")]
    assert (begin, end) == (2**53 + 1, 2**53 + 2)


def test_the_same_trace_gives_the_same_bytes():
    one, other = (model_of(trace_bytes(SHARING)) for _ in range(2))
    assert b"".join(perfetto_trace(one)) == b"".join(perfetto_trace(other))
    assert b"".join(chrome_json(one, {})) == b"".join(chrome_json(other, {}))
