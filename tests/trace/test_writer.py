import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
import trio
from event_samples import instance, own_fields

from lparvm.arch.address import Zone
from lparvm.arch.subchannel import Orb
from lparvm.errors import ProtocolError, UsageError
from lparvm.protocol import messages as m
from lparvm.trace.rules import RuleBook
from lparvm.trace.vocabulary import COMMON_FIELDS, FACTS, VOCABULARY, Level
from lparvm.trace.writer import FORMAT_VERSION, Trace, standard_header


class Ticks:
    """A clock that advances by 5 ns at each look."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        self.now += 5
        return self.now


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl"


def start(path=None, **options):
    return Trace(**{"now_ns": Ticks(), "path": path, "validate": True, **options})


def test_a_file_is_header_events_trailer(path):
    with start(path, header={"scenario": "figure-3", "seed": 4}) as trace:
        log = trace.logger("SVP")
        first = log.emit("command.received", op="op.1", text="DISPLAY FRAME")
        log.emit("operator.messaged", op="op.1", cause=first, code="LVM011I", message="text")
        trace.close("intact")
    header, one, two, trailer = lines_of(path)
    assert header == {
        "trace": "lparvm", "version": FORMAT_VERSION, "scenario": "figure-3", "seed": 4, "level": "protocol",
    }  # fmt: skip
    assert one == {
        "seq": 1, "t": 5, "actor": "SVP", "event": "command.received", "op": "op.1", "cause": None, "step": None,
        "text": "DISPLAY FRAME",
    }  # fmt: skip
    assert (two["seq"], two["cause"]) == (2, 1)
    assert (trailer["trailer"], trailer["verdict"], trailer["events"]) == (True, "intact", 2)
    assert trailer["counts"] == {"command.received": 1, "operator.messaged": 1}


def test_keys_come_in_the_common_order_and_then_as_given(path):
    with start(path) as trace:
        trace.logger("IOP1").emit("starts.released", held=0, op="op.1", iop="IOP1", lpar="LPAR2")
    assert list(lines_of(path)[1]) == [*COMMON_FIELDS, "held", "iop", "lpar"]


def test_the_digest_is_that_of_the_event_lines(path):
    with start(path) as trace:
        for number in range(1000):
            trace.logger("IOP1").emit("starts.released", lpar="LPAR2", iop="IOP1", held=number)
        digest = trace.digest
    body = b"".join(path.read_bytes().splitlines(keepends=True)[1:-1])
    assert digest == hashlib.sha256(body).hexdigest() == lines_of(path)[-1]["digest"]


def test_the_digest_needs_no_file_and_ignores_the_header(path):
    digests = []
    for options in ({"path": path, "header": {"seed": 1}}, {"header": {"seed": 2}}, {}):
        with start(**options) as trace:
            trace.logger("SVP").emit("command.received", op="op.1", text="DISPLAY FRAME")
            digests.append(trace.digest)
    assert len(set(digests)) == 1


def test_a_step_is_the_vocabularys_unless_it_is_given():
    seen = []
    log = start(listeners=[seen.append]).logger("LIP3")
    zone = {"origin_frame": 0, "extent_frames": 1}
    log.emit("sie.issued", lpar="LPAR2", lip="LIP3", **zone)
    log.emit("sie.issued", step=None, lpar="LPAR2", lip="LIP3", **zone)
    log.emit("sie.issued", step=m.Step.RESTART, lpar="LPAR2", lip="LIP3", **zone)
    assert [event["step"] for event in seen] == [210, None, 210]


def test_a_time_that_the_actor_took_itself_is_kept():
    seen = []
    log = start(listeners=[seen.append]).logger("IOP1")
    log.emit("starts.released", lpar="LPAR2", iop="IOP1", held=0, at_ns=3)
    assert seen[0]["t"] == 3


# --- levels, listeners, causes ----------------------------------------------------------------------------------


def some_events(log):
    """A fact of each level and a message; returns what emit gave."""
    first = log.emit("command.received", op="op.1", text="x")
    held = log.emit("start.held", cause=first, lpar="LPAR2", iop="IOP1", device="0190", start=1)
    access = log.emit(
        "storage.accessed", cause=held, lpar="LPAR2", lip="LIP3", access="fetch", address=0, host=0, bytes=8
    )
    quiet = log.emit_message("IOP1", m.StartIo(None, "LPAR2", 0x190, 1, Orb(0)), cause=access)
    last = log.emit_message("LPARCTL", m.AreasReleased("op.1"), cause=quiet)
    return first, held, access, quiet, last


@pytest.mark.parametrize(
    ("level", "numbers", "held"),
    [
        (Level.OFF, (None, None, None, None, None), []),
        (Level.PROTOCOL, (1, 1, 1, 1, 2), ["command.received", "AreasReleased"]),
        (Level.IO, (1, 2, 2, 3, 4), ["command.received", "start.held", "StartIo", "AreasReleased"]),
        (Level.STORAGE, (1, 2, 3, 4, 5),
         ["command.received", "start.held", "storage.accessed", "StartIo", "AreasReleased"]),
    ],
)  # fmt: skip
def test_a_cause_skips_what_the_file_does_not_hold(path, level, numbers, held):
    with start(path, level=level) as trace:
        assert some_events(trace.logger("LIP3")) == numbers
        assert trace.events == len(held)
    events = lines_of(path)[1:-1]
    assert [event["event"] for event in events] == held
    assert [event["seq"] for event in events] == list(range(1, len(held) + 1))
    assert all(event["cause"] is None or event["cause"] < event["seq"] for event in events)


@pytest.mark.parametrize("level", list(Level))
def test_listeners_get_every_fact_at_every_level_and_messages_only_where_the_file_holds_them(level):
    seen = []
    some_events(start(level=level, listeners=[seen.append]).logger("LIP3"))
    facts = [event for event in seen if not VOCABULARY[event["event"]].message]
    assert [event["event"] for event in facts] == ["command.received", "start.held", "storage.accessed"]
    for event in seen:
        assert (event["seq"] is not None) == (VOCABULARY[event["event"]].level <= level)
        assert list(event)[: len(COMMON_FIELDS)] == list(COMMON_FIELDS)
    assert ("AreasReleased" in {event["event"] for event in seen}) == (level >= Level.PROTOCOL)


@pytest.mark.parametrize("validate", [True, False])
def test_what_nobody_wants_passes_its_cause_on(validate):
    log = start(level=Level.OFF, validate=validate).logger("A")
    assert log.emit("machine.ended", cause=4, interrupted=False) == 4
    assert log.emit_message("RM", m.AreasReleased("op.1"), cause=5) == 5


def test_a_listener_may_be_a_rule_book():
    book = RuleBook()
    trace = start(level=Level.OFF, listeners=[book.feed])
    trace.logger("SVP").emit("command.received", op="op.1", text="x")
    trace.logger("machine").emit("machine.ended", interrupted=False)
    assert {verdict.rule for verdict in book.finish() if verdict.violation} == {"commands-answered"}


# --- the vocabulary ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.name)
def test_every_fact_can_be_emitted(kind, path):
    with start(path, level=Level.STORAGE) as trace:
        assert trace.logger("A").emit(kind.name, op="op.1", **own_fields(kind)) == 1
    event = lines_of(path)[1]
    assert (event["event"], event["step"], event["op"]) == (kind.name, kind.step, "op.1")
    assert {name: event[name] for name in kind.fields} == own_fields(kind)


@pytest.mark.parametrize("kind", m.MESSAGES, ids=lambda kind: kind.__name__)
def test_every_message_can_be_emitted(kind, path):
    with start(path, level=Level.STORAGE) as trace:
        assert trace.logger("A").emit_message("B", instance(kind), cause=None) == 1
    event = lines_of(path)[1]
    assert (event["event"], event["to"]) == (kind.__name__, "B")
    assert list(event) == [*COMMON_FIELDS, *VOCABULARY[kind.__name__].fields]


def test_an_unknown_event_is_refused_also_without_validation():
    with pytest.raises(ProtocolError, match=r"'guest\.danced' is not in the trace's vocabulary"):
        start(validate=False).logger("A").emit("guest.danced")


@pytest.mark.parametrize("level", [Level.OFF, Level.STORAGE])
def test_unknown_and_missing_fields_are_refused_when_validating(level):
    log = start(level=level).logger("A")
    with pytest.raises(ProtocolError, match=r"starts\.released: unknown field colour; missing field held"):
        log.emit("starts.released", lpar="LPAR2", iop="IOP1", colour=1)
    assert log.emit("starts.released", lpar="LPAR2", iop="IOP1", held=1) in (None, 1)


# --- values -----------------------------------------------------------------------------------------------------


def test_zones_enums_and_nested_classes_are_encoded_by_their_fields(path):
    device = m.BusyDevice(0x190, "IOP1", 0, "READ", 2, 4096, 512, 7, ((1, 2),))
    with start(path) as trace:
        log = trace.logger("RM")
        log.emit_message("IOP1", m.SetAddressLimit("op.1", "LPAR2", Zone(192, 256)))
        log.emit_message("LPARCTL", m.IopBusy("op.1", "LPAR2", "IOP1", (device,)))
    sale, busy = lines_of(path)[1:-1]
    assert sale["zone"] == {"origin": 192, "extent": 256}
    assert busy["devices"] == [
        {
            "device": 0x190,
            "iop": "IOP1",
            "path": 0,
            "operation": "READ",
            "command": 2,
            "ccw_address": 4096,
            "bytes_left": 512,
            "active_ns": 7,
            "pages": [[1, 2]],
            "lpar": "",
        }
    ]


def test_a_value_without_an_order_is_refused_and_leaves_no_gap(path):
    with start(path, validate=False) as trace:
        log = trace.logger("A")
        with pytest.raises(TypeError, match="set"):
            log.emit("machine.ended", interrupted={1, 2})
        assert log.emit("machine.ended", interrupted=True) == 1
    assert [line.get("seq") for line in lines_of(path)[1:-1]] == [1]


def test_phases_may_be_keyed_by_an_enum(path):
    phases = {m.Step.STOP.name: 1, "MOVING": 2}
    with start(path) as trace:
        trace.logger("A").emit(
            "guest.stood", lpar="L", lip="P", stopped_ns=3, phases_ns={Level.IO: 1, **phases}
        )
    assert lines_of(path)[1]["phases_ns"] == {"2": 1, "STOP": 1, "MOVING": 2}


def test_bound_fields_stand_in_every_event(path):
    with start(path, level=Level.PROTOCOL) as trace:
        log = trace.logger("IOP1")
        assert isinstance(log, structlog.BoundLoggerBase)
        log.bind(lpar="LPAR2", iop="IOP1").emit("starts.released", held=1)
    assert lines_of(path)[1]["lpar"] == "LPAR2"


# --- every way out ----------------------------------------------------------------------------------------------


def test_closing_twice_writes_one_trailer(path):
    trace = start(path)
    trace.close("intact", interrupted=False)
    trace.close("failed")
    assert [line.get("verdict") for line in lines_of(path)] == [None, "intact"]
    assert lines_of(path)[-1]["interrupted"] is False


def test_an_exception_that_passes_leaves_a_complete_trace(path):
    with pytest.raises(KeyboardInterrupt), start(path) as trace:
        trace.logger("SVP").emit("command.received", op="op.1", text="x")
        raise KeyboardInterrupt
    assert lines_of(path)[-1]["verdict"] == "failed"


def test_a_trace_that_nobody_closed_keeps_its_events_and_has_no_trailer(path):
    program = (
        "from lparvm.trace.writer import Trace; from pathlib import Path\n"
        f"trace = Trace(now_ns=lambda: 1, path=Path({str(path)!r}))\n"
        "trace.logger('SVP').emit('command.received', op='op.1', text='x')\n"
        "raise SystemExit(3)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 3
    assert [line.get("event") for line in lines_of(path)] == [None, "command.received"]


def test_flush_writes_what_waits(path):
    trace = start(path)
    trace.logger("SVP").emit("command.received", op="op.1", text="x")
    trace.flush()
    assert len(lines_of(path)) == 2
    trace.close("intact")


def test_an_event_is_never_cut_in_two_by_ctrl_c():
    inside = []
    trace = start(listeners=[lambda _event: inside.append(trio.lowlevel.currently_ki_protected())])

    async def main():
        trace.logger("SVP").emit("command.received", op="op.1", text="x")
        trace.logger("SVP").emit_message("LPARCTL", m.AreasReleased("op.1"))

    trio.run(main)
    assert inside == [True, True]


@pytest.mark.parametrize("name", ["", "missing/run.jsonl"])
def test_a_file_that_cannot_be_written_is_told_in_one_line(tmp_path, name):
    with pytest.raises(UsageError, match=r"^trace file .*: cannot be written: ") as caught:
        start(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_told_in_one_line():
    with pytest.raises(UsageError, match="No space left on device"):
        start(Path("/dev/full"))


# --- determinism ------------------------------------------------------------------------------------------------

PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1])
from event_samples import instance, own_fields
from lparvm.protocol.messages import MESSAGES
from lparvm.trace.vocabulary import FACTS, Level
from lparvm.trace.writer import Trace
trace = Trace(now_ns=lambda: 1, level=Level.STORAGE)
log = trace.logger("A")
for kind in FACTS:
    log.emit(kind.name, **own_fields(kind))
for kind in MESSAGES:
    log.emit_message("B", instance(kind))
print(trace.digest)
"""


def test_two_processes_with_different_hash_seeds_write_the_same_bytes(request, monkeypatch):
    digests = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        command = [sys.executable, "-c", PROGRAM, str(request.path.parent)]
        digests.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert digests[0] == digests[1]
    assert len(digests[0].strip()) == 64


def test_the_standard_header_tells_versions_run_and_start():
    header = standard_header(scenario="figure-3", seed=0, clock="virtual")
    assert list(header) == ["lparvm", "trio", "numpy", "python", "scenario", "seed", "clock", "started"]
    assert header["trio"] == trio.__version__
