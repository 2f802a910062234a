"""A device that misbehaves: what it does to a start, and which start it is done to."""

import itertools
from collections import Counter

import pytest

from lparvm.arch.channel import Command
from lparvm.arch.fixed_block import DiskCommand, Operation, define_extent, locate
from lparvm.devices.base import Deaf, DeviceCheck, Sense
from lparvm.devices.fault import DEFAULT_NS, Fault
from lparvm.devices.stuck import STUCK_WAIT_NS
from lparvm.errors import UsageError

from .data_areas import Area, Run, run
from .disks import LAST, open_chain, read, write

LATENCY_NS = 7
READ, WRITE = DiskCommand.READ, DiskCommand.WRITE
DATA = bytes(range(256)) * 16
MS = 1_000_000


def make(*script, seed=0, **options):
    return Fault(0x19F, LATENCY_NS, {"size": "8K", "script": list(script), **options}, seed)


def transfer(device, command=READ, blocks=8):
    """A READ or WRITE of block 0 and those behind it, not begun: its waits, and its data."""
    operation = Operation.READ if command == READ else Operation.WRITE
    start = open_chain(device, operation, 0, blocks)
    area = Area(DATA[: blocks * 512]) if command == WRITE else Area(count=blocks * 512)
    return start, start.begin(command, area), area


def moved_and_waited(device, command=READ, blocks=8, most=10):
    """What a transfer does, in order: waits, and bytes moved as text."""
    start, waits, area = transfer(device, command, blocks)
    events = []
    for _ in range(most):
        wait = next(waits, "end")
        events += [f"{count} bytes" for count in area.moves]
        area.moves.clear()
        events.append(wait)
        if wait == "end":
            break
    start.end()
    return events


def test_without_options_it_is_a_disk():
    device = Fault(0x19F, LATENCY_NS, {})
    write(device, 0, DATA)
    assert read(device, 0, 8) == DATA
    assert device.KIND == "fault"
    assert moved_and_waited(device) == [LATENCY_NS, "4096 bytes", "end"]
    assert device.operation(READ) == "READ"


@pytest.mark.parametrize("command", [READ, WRITE])
@pytest.mark.parametrize(
    ("entry", "events"),
    [
        pytest.param("ok", [LATENCY_NS, "4096 bytes", "end"], id="ok"),
        pytest.param(
            "no-end", [LATENCY_NS, "4096 bytes", *[Deaf(STUCK_WAIT_NS)] * 9], id="no end"
        ),
        pytest.param(
            "late-end 100ms", [LATENCY_NS, "4096 bytes", Deaf(100 * MS), "end"], id="late end"
        ),
        pytest.param(
            "late-transfer 200ms", [Deaf(200 * MS + LATENCY_NS), "4096 bytes", "end"], id="late transfer"
        ),
        pytest.param(
            "disconnect 5ms", [LATENCY_NS, "2048 bytes", 5 * MS, "2048 bytes", "end"], id="disconnect"
        ),
        pytest.param(
            "slow 1ms", [LATENCY_NS, MS, *["512 bytes", MS] * 7, "512 bytes", "end"], id="slow"
        ),
    ],
)  # fmt: skip
def test_how_a_transfer_goes(command, entry, events):
    assert moved_and_waited(make(entry), command)[:12] == events[:12]


@pytest.mark.parametrize("command", [READ, WRITE])
@pytest.mark.parametrize("entry", ["late-end 1ms", "late-transfer 1ms", "disconnect 1ms", "slow 1ms"])
@pytest.mark.parametrize("blocks", [1, 3, 8])
def test_data_arrives_whole_in_whatever_way(command, entry, blocks):
    device = make("ok", entry, "ok")
    if command == READ:
        write(device, 0, DATA)
        assert read(device, 0, blocks) == DATA[: blocks * 512]
    else:
        read(device, 0, 1)
        write(device, 0, DATA[: blocks * 512])
        assert read(device, 0, blocks) == DATA[: blocks * 512]


@pytest.mark.parametrize("entry", ["disconnect 1ms", "slow 1ms", "late-transfer 1ms"])
def test_a_short_count_ends_the_transfer(entry):
    device = make("ok", entry)
    write(device, 0, DATA)
    assert read(device, 0, 8, size=700) == DATA[:700]


def test_a_disconnected_write_has_moved_its_first_half_and_no_more():
    device = make("disconnect 1ms")
    start, waits, area = transfer(device, WRITE)
    assert [next(waits), next(waits)] == [LATENCY_NS, MS]
    waits.close()
    start.end()
    assert area.left == 2048
    assert read(device, 0, 8) == DATA[:2048] + bytes(2048)


def test_a_delay_comes_before_anything_and_can_be_halted():
    device = make("delay 50ms")
    with Run(device) as start:
        start.output(DiskCommand.DEFINE_EXTENT, define_extent(0, LAST))
        assert start.waits == [50 * MS]
        start.output(DiskCommand.LOCATE, locate(Operation.READ, 0, 1))
        start.input(READ, 512)
        assert start.waits == [50 * MS, LATENCY_NS], "once in a start"


def test_a_device_that_stops_is_deaf_for_good():
    with Run(make("stop")) as start:
        area = Area(define_extent(0, LAST))
        waits = list(itertools.islice(start.begin(DiskCommand.DEFINE_EXTENT, area), 100))
    assert waits == [Deaf(STUCK_WAIT_NS)] * 100
    assert area.moves == []


def test_a_unit_check_is_an_equipment_check():
    device = make("unit-check")
    with pytest.raises(DeviceCheck) as caught:
        read(device, 0, 1)
    assert caught.value.sense == Sense.EQUIPMENT_CHECK
    assert run(device, (Command.SENSE, 1)) == [bytes((Sense.EQUIPMENT_CHECK,))]
    assert read(device, 0, 1) == bytes(512), "the next start goes as it should"


def test_only_the_first_transfer_of_a_start_is_late():
    device = make("late-end 1ms")
    with open_chain(device, Operation.READ, 0, 2) as start:
        start.input(READ, 512)
        start.input(READ, 512)
        assert start.waits == [LATENCY_NS, Deaf(MS), LATENCY_NS]


def test_a_transfer_that_is_refused_leaves_the_device_in_order():
    class RefusedError(Exception):
        pass

    class Revoked(Area):
        def give(self, data):
            raise RefusedError

    device = make("late-transfer 1ms")
    with open_chain(device, Operation.READ, 0, 1) as start, pytest.raises(RefusedError):
        start.finish(start.begin(READ, Revoked(count=512)))
    assert start.waits == [Deaf(MS + LATENCY_NS)]
    assert read(device, 0, 1) == bytes(512)


# Which start


def test_a_script_has_an_entry_for_each_start_and_then_goes_on_as_told():
    device = make("delay 1ms", "ok", "delay 2ms", then="delay 3ms")

    def delay():
        with open_chain_waits(device) as start:
            return start.waits[0] if start.waits else 0

    assert [delay() for _ in range(5)] == [MS, 0, 2 * MS, 3 * MS, 3 * MS]


def open_chain_waits(device):
    start = Run(device)
    start.output(Command.NO_OPERATION)
    start.output(DiskCommand.DEFINE_EXTENT, define_extent(0, LAST))
    return start


def test_a_start_that_asks_for_sense_or_reserves_takes_no_entry():
    device = make("delay 1ms")
    run(device, (Command.SENSE, 32), (Command.SENSE_ID, 7), (Command.RESERVE, b""))
    with open_chain_waits(device) as start:
        assert start.waits == [MS]


def test_an_entry_without_a_duration_has_the_default():
    with open_chain_waits(make("delay")) as start:
        assert start.waits == [DEFAULT_NS]


def outcomes(seed, count=2000, **options):
    device = make("ok", seed=seed, **options)
    found = []
    for _ in range(count):
        with Run(device) as start:
            try:
                start.output(DiskCommand.DEFINE_EXTENT, define_extent(0, LAST))
                found.append("delay" if start.waits else "ok")
            except DeviceCheck:
                found.append("unit-check")
    return found


def test_chance_comes_from_the_seed_and_is_as_likely_as_told():
    chances = {"delay 1ms": 0.3, "unit-check": 0.1}
    found = outcomes(1, probability=chances)
    assert found[0] == "ok", "the script goes first"
    counts = Counter(found)
    assert abs(counts["delay"] - 600) < 100, counts
    assert abs(counts["unit-check"] - 200) < 60, counts
    assert outcomes(1, probability=chances) == found
    assert outcomes(2, probability=chances) != found


def test_what_chance_leaves_goes_as_then_says():
    found = outcomes(1, count=50, probability={"delay": 0.5}, then="unit-check")
    assert set(found[1:]) == {"delay", "unit-check"}
    assert set(outcomes(1, count=50, probability={"unit-check": 1})[1:]) == {"unit-check"}
    assert set(outcomes(1, count=50, probability={"unit-check": 0})) == {"ok"}


@pytest.mark.parametrize(
    "options",
    [
        {"script": "ok"}, {"script": ["explode"]}, {"script": ["delay soon"]}, {"script": ["ok 5ms"]},
        {"script": ["delay 0s"]}, {"script": [5]}, {"script": ["ok"] * 1001}, {"then": "late"},
        {"then": "slow 10001h"}, {"probability": 0.5}, {"probability": {"delay": 1.5}},
        {"probability": {"delay": -0.1}}, {"probability": {"delay": True}}, {"probability": {"delay": "1"}},
        {"probability": {"delay": 0.6, "stop": 0.6}}, {"probability": {"explode": 0.1}},
        {"probability": {"delay": float("nan")}}, {"path": "disk.img"},
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused(options):
    with pytest.raises(UsageError, match=r"device 019F \(fault\): .*; expected"):
        Fault(0x19F, 0, options)


def test_three_thirds_are_a_whole():
    make(probability={"delay": 0.333333333333333333, "slow": 1 / 3, "ok": 1 / 3})
