import random

import pytest

from lparvm.arch.channel import DeviceStatus
from lparvm.arch.subchannel import Function
from lparvm.devices.registry import make_device
from lparvm.errors import UsageError

from .bench import Bench

CONSOLE = 0x009
LINES = ["query time", "", "x", "a somewhat longer line, with umlauts: äöü", "logoff"]


def bench(lips=1, devices=None, given=None, pages=16, **options):
    if devices is None:
        devices = {CONSOLE: make_device("console", CONSOLE, 1000, given or {})}
    return Bench("typist", lips=lips, pages=pages, devices=devices, options=options)


def enter(machine, *lines, slices=20):
    for line in lines:
        machine.devices[CONSOLE].enter(line, machine.lpar)
        machine.rig.offer(CONSOLE, DeviceStatus.ATTENTION)
        machine.run(slices)


def printed(machine):
    return [text for _, text in machine.devices[CONSOLE].take_output()]


def desk(machine):
    return machine.guest._desk


def lines_in_storage(machine):
    """The transcript's lines, as they lie in storage."""
    transcript, found = desk(machine).transcript, []
    for place, _ in transcript.entries:
        at = machine.host(transcript.area.address_of(place))
        length = int.from_bytes(machine.storage.buffer[at : at + 8], "big") & 0xFFFF
        found.append(bytes(machine.storage.buffer[at + 8 : at + 8 + length]).decode())
    return found


def test_lines_are_written_back_and_kept():
    machine = bench(expect=LINES)
    machine.run(20)
    enter(machine, *LINES)
    machine.run(20)
    assert printed(machine) == ["LPAR1 is ready", *LINES]
    assert lines_in_storage(machine) == LINES
    assert machine.verify() == []
    assert machine.ended() == [None]


def test_lines_typed_faster_than_it_reads_are_all_read():
    machine = bench()
    enter(machine, *LINES * 4, slices=0)
    machine.run(300)
    assert printed(machine)[1:] == LINES * 4


def test_a_console_in_ebcdic():
    lines = ["QUERY TIME", "äöü"]
    machine = bench(given={"code": "ebcdic"}, code="ebcdic", expect=lines)
    machine.run(20)
    enter(machine, *lines)
    assert printed(machine) == ["LPAR1 is ready", *lines]
    assert machine.verify() == []


def test_another_line_than_expected_is_damage():
    machine = bench(expect=["one", "two"])
    machine.run(20)
    enter(machine, "one", "owt")
    (damage,) = machine.guest.damage
    assert (damage.expected, damage.found) == ("the line 'two'", "the line 'owt'")
    assert damage.address == desk(machine).typed.record


def test_after_the_expected_lines_any_may_follow():
    machine = bench(expect=["one"])
    machine.run(20)
    enter(machine, "one", "whatever")
    assert machine.verify() == []


def test_a_line_that_is_stored_at_the_old_place_after_a_move_is_found():
    machine = bench()
    machine.run(20)
    machine.devices[CONSOLE].enter("a line of some bytes")
    machine.rig.offer(CONSOLE, DeviceStatus.ATTENTION)
    orb = desk(machine).read
    machine.until(lambda: any(one.start.orb == orb for one in machine.rig.running.values()))
    source = machine.zone
    keep = machine.storage.frames[source.origin : source.end].copy()
    machine.relocate(32)
    machine.storage.frames[source.origin : source.end] = keep
    machine.rig.running[CONSOLE].view._zone_in_force = lambda: source
    damage = machine.until_damage(50)
    assert damage.expected == "a line of 20 bytes"


def test_a_console_that_stores_more_than_it_says_is_found():
    machine = bench()
    machine.run(20)
    address = desk(machine).typed.address_of(600)
    machine.devices[CONSOLE].enter("short")
    machine.rig.offer(CONSOLE, DeviceStatus.ATTENTION)
    orb = desk(machine).read
    machine.until(lambda: any(one.start.orb == orb for one in machine.rig.running.values()))
    machine.flip(address)
    assert machine.until_damage(50).address == address & ~7


@pytest.mark.parametrize("place", [0, 9, 30])
@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_bit_flipped_in_the_transcript_is_found(place, at_the_end):
    machine = bench()
    machine.run(20)
    enter(machine, *LINES)
    transcript = desk(machine).transcript
    address = transcript.area.address_of(transcript.entries[3][0] + place)
    machine.flip(address)
    if at_the_end:
        machine.verify()
    else:
        machine.until_damage(200)
    assert machine.guest.damage[0].address == address & ~7
    machine.run(100)
    assert any("of the chain" in damage.expected for damage in machine.guest.damage)


def test_a_flipped_bit_elsewhere_is_found_at_the_end():
    for pick in (
        lambda one: one.write.program + 2, lambda one: one.typed.guards[0], lambda one: one.printed.record + 900,
        lambda one: one.transcript.area.record + 7000,
    ):  # fmt: skip
        machine = bench()
        machine.run(50)
        machine.until(lambda m=machine: not m.rig.running)
        address = pick(desk(machine))
        machine.flip(address)
        assert [damage.address for damage in machine.verify()] == [address & ~7]


def test_the_transcript_begins_anew_when_it_is_full():
    machine = bench()
    machine.run(20)
    for _ in range(40):
        enter(machine, "a" * 250, "bc")
    transcript = desk(machine).transcript
    assert transcript.lines == 80
    assert 0 < len(transcript.entries) < 60
    assert transcript.before != bytes(16), "the chain goes on"
    machine.run(100)
    assert machine.verify() == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cleared", [False, True])
def test_halted_starts_and_moves_lose_no_line_and_cleared_ones_are_allowed_for(seed, cleared):
    lines = [f"line {number}" for number in range(60)]
    machine = bench(expect=lines)
    machine.run(20)
    rng = random.Random(seed)
    functions = (Function.HALT, Function.CLEAR) if cleared else (Function.HALT,)
    for line in lines:
        machine.devices[CONSOLE].enter(line)
        machine.rig.offer(CONSOLE, DeviceStatus.ATTENTION)
        machine.disturb(rng, 5, origins=30, functions=functions)
        machine.run(15)
    assert machine.ended() == [None]
    found = lines_in_storage(machine)
    assert set(found) <= set(lines)
    assert found == lines if not cleared else len(found) > 40
    assert machine.verify() == []


def test_it_works_also_while_nobody_types():
    machine = bench()
    fetched = machine.guest.fetches
    machine.run(300)
    assert machine.guest.fetches > fetched + 300
    assert machine.guest.steps == 0, "a line is a step"
    assert machine.rig.begun[CONSOLE] == 2, "a greeting, and a look for lines that waited"


def test_the_console_may_be_any_device_and_other_lips_wait():
    devices = {0x190: make_device("disk", 0x190, 0, {}), CONSOLE: make_device("console", CONSOLE, 0, {})}
    machine = bench(lips=2, devices=devices)
    machine.run(50)
    machine = Bench("typist", lips=2, pages=16, devices=devices, options={"console": 1})
    machine.run(50)
    assert printed(machine)[-1:] == ["LPAR1 is ready"]
    assert machine.guest._threads[1].cpu.steps == 0
    machine = Bench("typist", pages=16, devices=devices, options={"console": 5})
    machine.run(50)
    assert machine.ended() == [None]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"console": -1}, "option 'console': -1"),
        ({"code": "baudot"}, "option 'code': 'baudot'; expected one of ascii, ebcdic"),
        ({"expect": "line"}, "option 'expect': 'line'; expected a list of"),
        ({"expect": [1]}, "option 'expect': [1]"),
    ],
)
def test_bad_options_are_named(options, problem):
    with pytest.raises(UsageError) as caught:
        bench(**options)
    assert problem in str(caught.value)
