"""A run as a Perfetto trace: protobuf, what https://ui.perfetto.dev and trace_processor read.

Slices are begin and end events of a track, points are instants; a message's flow has the number of its event. Times are
ns. Nothing of the `perfetto` package is used but its generated messages, and these need no network.
"""

from collections.abc import Iterator

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import (  # type: ignore[import-untyped]
    Trace,
    TracePacket,
    TrackEvent,
)

from lparvm.config import EXPORT_BATCH_PACKETS
from lparvm.trace.spans import Counter, Model, Row, nested

_SEQUENCE = 1
_CATEGORY = "lparvm"


def perfetto_trace(model: Model) -> Iterator[bytes]:
    """The file, in pieces: a trace is the concatenation of its packets."""
    batch = Trace()
    for packet in _packets(model):
        packet.trusted_packet_sequence_id = _SEQUENCE
        batch.packet.append(packet)
        if len(batch.packet) >= EXPORT_BATCH_PACKETS:
            yield batch.SerializeToString(deterministic=True)
            batch = Trace()
    yield batch.SerializeToString(deterministic=True)


def _packets(model: Model) -> Iterator[TracePacket]:
    # Numbers of processes come behind those of tracks.
    first = len(model.rows) + len(model.counters) + 1
    uuids = {name: number for number, name in enumerate(model.processes, first)}
    for pid, (name, uuid) in enumerate(uuids.items(), 1):
        packet = TracePacket()
        packet.track_descriptor.uuid = uuid
        packet.track_descriptor.process.pid = pid
        packet.track_descriptor.process.process_name = name
        packet.track_descriptor.sibling_order_rank = pid
        if pid == 1:
            packet.sequence_flags = TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        yield packet
    for row in model.rows.values():
        yield _descriptor(row.track.number, uuids[row.track.process], row.track.name)
        yield from _row(row)
    for counter in model.counters.values():
        packet = _descriptor(counter.number, uuids[counter.process], counter.name)
        packet.track_descriptor.counter.unit_name = counter.unit
        yield packet
        yield from _counter(counter)


def _descriptor(uuid: int, parent: int, name: str) -> TracePacket:
    packet = TracePacket()
    descriptor = packet.track_descriptor
    descriptor.uuid, descriptor.parent_uuid, descriptor.name = uuid, parent, name
    return packet


def _row(row: Row) -> Iterator[TracePacket]:
    track = row.track.number
    open_slices: list[tuple[int, int]] = []  # depth and end
    for one, begin_ns, end_ns in nested(row.slices):
        while open_slices and (open_slices[-1][0] >= one.depth or open_slices[-1][1] < begin_ns):
            yield _event(track, TrackEvent.TYPE_SLICE_END, open_slices.pop()[1])
        packet = _event(track, TrackEvent.TYPE_SLICE_BEGIN, begin_ns)
        _describe(packet.track_event, one.name, one.op, one.seq)
        open_slices.append((one.depth, end_ns))
        yield packet
    while open_slices:
        yield _event(track, TrackEvent.TYPE_SLICE_END, open_slices.pop()[1])
    for point in row.points:
        packet = _event(track, TrackEvent.TYPE_INSTANT, point.t_ns)
        _describe(packet.track_event, point.name, point.op, point.seq)
        if point.starts:
            packet.track_event.flow_ids.append(point.seq)
        if point.ends:
            packet.track_event.terminating_flow_ids.append(point.ends)
        yield packet


def _counter(counter: Counter) -> Iterator[TracePacket]:
    for t_ns, value in counter.samples:
        packet = _event(counter.number, TrackEvent.TYPE_COUNTER, t_ns)
        packet.track_event.counter_value = value
        yield packet


def _event(track: int, kind: int, t_ns: int) -> TracePacket:
    packet = TracePacket()
    packet.timestamp = t_ns
    packet.track_event.track_uuid, packet.track_event.type = track, kind
    return packet


def _describe(event: TrackEvent, name: str, op: str | None, seq: int) -> None:
    event.name = name
    event.categories.append(_CATEGORY)
    annotation = event.debug_annotations.add()
    annotation.name, annotation.int_value = "seq", seq
    if op is not None:
        annotation = event.debug_annotations.add()
        annotation.name, annotation.string_value = "op", op
