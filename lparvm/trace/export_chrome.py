"""A run as Chrome trace events, JSON: what `chrome://tracing`, Perfetto's UI and Speedscope read.

Slices are complete events (`X`), flows `s` and `f` events that bind to the slice around them, so that an event which
a flow leads from or to has a slice of 1 ns; other events are instants. Times are microseconds, exact to the ns.
"""

from collections.abc import Iterator

import orjson

from lparvm.trace.spans import Counter, Model, Point, Row, nested

_POINT_NS = 1


def chrome_json(model: Model, about: dict[str, object]) -> Iterator[bytes]:
    """The file, in pieces.

    Args:
        model: what to show.
        about: what else is known of the run, for the viewer's metadata.
    """
    pids = {name: number for number, name in enumerate(model.processes, 1)}
    yield b'{"displayTimeUnit":"ns","otherData":' + orjson.dumps(about) + b',"traceEvents":[\n'
    yield b",\n".join(_names(model, pids))
    for row in model.rows.values():
        for line in _row(row, pids[row.track.process]):
            yield b",\n" + line
    for counter in model.counters.values():
        for line in _counter(counter, pids[counter.process]):
            yield b",\n" + line
    yield b"\n]}\n"


def _names(model: Model, pids: dict[str, int]) -> Iterator[bytes]:
    for name, pid in pids.items():
        yield orjson.dumps({"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": name}})
        order = {"sort_index": pid}
        yield orjson.dumps({"ph": "M", "name": "process_sort_index", "pid": pid, "tid": 0, "args": order})
    for row in model.rows.values():
        track, pid = row.track, pids[row.track.process]
        args = {"name": track.name}
        yield orjson.dumps({"ph": "M", "name": "thread_name", "pid": pid, "tid": track.number, "args": args})


def _row(row: Row, pid: int) -> Iterator[bytes]:
    where = b'"pid":%d,"tid":%d' % (pid, row.track.number)
    for one, begin_ns, end_ns in nested(row.slices):
        times = b'"ts":%s,"dur":%s' % (_us(begin_ns), _us(end_ns - begin_ns))
        yield b'{"ph":"X",%s,%s,%s}' % (where, times, _about(one.name, one.op, one.seq))
    for point in row.points:
        yield from _point(point, where)


def _point(point: Point, where: bytes) -> Iterator[bytes]:
    at, about = b'"ts":%s' % _us(point.t_ns), _about(point.name, point.op, point.seq)
    if not (point.starts or point.ends):
        yield b'{"ph":"i","s":"t",%s,%s,%s}' % (where, at, about)
        return
    yield b'{"ph":"X",%s,%s,"dur":%s,%s}' % (where, at, _us(_POINT_NS), about)
    flow = b'"name":"message","cat":"message","bp":"e",%s,%s' % (where, at)
    if point.ends:
        yield b'{"ph":"f","id":%d,%s}' % (point.ends, flow)
    if point.starts:
        yield b'{"ph":"s","id":%d,%s}' % (point.seq, flow)


def _about(name: str, op: str | None, seq: int) -> bytes:
    return b'"name":%s,"cat":"lparvm","args":%s' % (orjson.dumps(name), orjson.dumps({"seq": seq, "op": op}))


def _counter(counter: Counter, pid: int) -> Iterator[bytes]:
    name, unit = orjson.dumps(counter.name), orjson.dumps(counter.unit)
    for t_ns, value in counter.samples:
        yield b'{"ph":"C","pid":%d,"tid":0,"name":%s,"ts":%s,"args":{%s:%d}}' % (
            pid,
            name,
            _us(t_ns),
            unit,
            value,
        )


def _us(t_ns: int) -> bytes:
    """Microseconds, exact."""
    whole, rest = divmod(t_ns, 1000)
    return b"%d.%03d" % (whole, rest) if rest else b"%d" % whole
