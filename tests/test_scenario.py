"""Scenario files: what they say is what the machine gets, and everything wrong is told in one line."""

import math
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lparvm import config
from lparvm.arch.address import Zone
from lparvm.devices.registry import DEVICES
from lparvm.errors import ScenarioError
from lparvm.protocol.results import Result
from lparvm.scenario import (
    CommandConfig,
    FaultConfig,
    Timing,
    builtin_names,
    builtin_text,
    load_scenario,
    parse_scenario,
)
from lparvm.scenario.model import FaultKind, Moment

M = 1 << 8  # frames of a MB
S = 1_000_000_000

GOOD = """\
title = "Everything that a file can say"
[machine]
main_storage = "509M"
[timing]
lip_mips = 0.5
transfer_rate = "100M"
[[iop]]
name = "iop1"
[[iop]]
name = "IOP2"
rate = "40M"
[[device]]
number = "0190"
kind = "disk"
iop = "IOP1"
latency = "2ms"
options = { size = "1M" }
[[device]]
number = "1a0"
kind = "stuck"
iop = ["iop2", "IOP1"]
[[lpar]]
name = "lpar1"
origin = "0M"
size = "128M"
lips = 2
guest = "hammer"
options = { seed = 7 }
[[lpar]]
name = "LPAR2"
origin = "128MiB"
size = 268435456
lips = ["lip2", "LIPX"]
guest = "journal"
devices = ["0190", "01A0"]
[[lpar]]
name = "LPAR3"
origin = "400M"
size = "4K"
expanded_storage = "16M"
[[lpar]]
name = "LPAR4"
origin = "500M"
size = "1M"
lips = ["LIPX"]
[[command]]
at = "1s"
text = "MVSTOR LPAR2 HSA=192M"
[[command]]
at = "100h"
text = "DISPLAY FRAME"
expect = "no_plan"
[[fault]]
at = "0s"
kind = "storage"
target = "192M"
[[fault]]
at = "250us"
kind = "sale-refused"
target = "iop2"
[run]
duration = "0.5s"
"""

LEAST = """\
[machine]
main_storage = "1M"
[[lpar]]
name = "A"
origin = 0
size = "1M"
[run]
duration = "1s"
"""


def with_paths(*names: str) -> str:
    """A scenario with nine IOPs, and a device that is attached to these."""
    iops = "".join(f'[[iop]]\nname = "P{number}"\n' for number in range(9))
    return f'{LEAST}{iops}[[device]]\nnumber = "0190"\nkind = "disk"\niop = {list(names)}\n'


def changed(old: str, new: str, text: str = GOOD) -> str:
    assert old in text, f"the test replaces {old!r}, which is not in the scenario"
    return text.replace(old, new, 1)


def error_of(text: str) -> ScenarioError:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "file.toml")
    assert len(str(caught.value).splitlines()) == 1, "an error is one line"
    assert str(caught.value).startswith("file.toml: "), "an error begins with the file"
    return caught.value


# --- what is right -------------------------------------------------------------------------------------------


def test_storage_is_in_frames_and_names_are_in_upper_case() -> None:
    scenario = parse_scenario(GOOD, "file.toml")
    assert (scenario.name, scenario.title) == ("file.toml", "Everything that a file can say")
    assert scenario.main_storage_frames == 509 * M
    assert scenario.iops == ("IOP1", "IOP2")
    assert [lpar.name for lpar in scenario.lpars] == ["LPAR1", "LPAR2", "LPAR3", "LPAR4"]
    assert [lpar.zone for lpar in scenario.lpars[:3]] == [
        Zone(0, 128 * M), Zone(128 * M, 256 * M), Zone(400 * M, 1),
    ]  # fmt: skip


def test_timing_and_duration_are_in_the_units_their_names_tell() -> None:
    scenario = parse_scenario(GOOD)
    assert scenario.timing == Timing(lip_mips=0.5, transfer_rate=100 << 20)
    assert scenario.run.duration_ns == S // 2


def test_devices_have_numbers_paths_and_a_latency() -> None:
    disk, stuck = parse_scenario(GOOD).devices
    assert (disk.number, disk.kind, disk.iops, disk.latency_ns) == (0x190, "disk", ("IOP1",), 2_000_000)
    assert (stuck.number, stuck.iops) == (0x1A0, ("IOP2", "IOP1")), "a list of IOPs keeps its order"
    assert stuck.latency_ns == config.DEVICE_LATENCY_NS_DEFAULT
    assert disk.options == {"size": "1M"}
    assert stuck.options == {}


def test_lips_that_are_counted_get_names_that_nobody_else_has() -> None:
    scenario = parse_scenario(GOOD)
    assert [lpar.lips for lpar in scenario.lpars] == [
        ("LIP1", "LIP3"),
        ("LIP2", "LIPX"),
        ("LIP4",),
        ("LIPX",),
    ]
    assert scenario.lips == ("LIP1", "LIP2", "LIP3", "LIP4", "LIPX")


def test_a_counted_lip_is_not_named_like_an_iop() -> None:
    text = LEAST + '[[iop]]\nname = "lip1"\n'
    assert parse_scenario(text).lpars[0].lips == ("LIP2",)


def test_lips_are_in_natural_order() -> None:
    text = changed('size = "1M"', 'size = "1M"\nlips = 12', LEAST)
    assert parse_scenario(text).lips == tuple(f"LIP{number}" for number in range(1, 13))


def test_guests_have_options_and_devices() -> None:
    hammer, journal, *_ = parse_scenario(GOOD).lpars
    assert (hammer.guest, hammer.options, hammer.devices) == ("hammer", {"seed": 7}, ())
    assert journal.devices == (0x190, 0x1A0)


def test_commands_keep_the_order_of_the_file_and_expect_completion() -> None:
    assert parse_scenario(GOOD).commands == (
        CommandConfig(S, "MVSTOR LPAR2 HSA=192M", Result.COMPLETED),
        CommandConfig(360_000 * S, "DISPLAY FRAME", Result.NO_PLAN),
    ), "a command may come after the run's duration"


def test_faults_are_a_frame_or_an_iop() -> None:
    assert parse_scenario(GOOD).faults == (
        FaultConfig(FaultKind.STORAGE, "192M", 0, address=192 << 20),
        FaultConfig(FaultKind.SALE_REFUSED, "IOP2", 250_000),
    )  # fmt: skip


WHEN = 'when = { phase = "moving", page = 5, lpar = "lpar2" }'


def _with_fault(*lines: str) -> str:
    """The good file, whose second fault is this one."""
    old = 'at = "250us"\nkind = "sale-refused"\ntarget = "iop2"'
    return changed(old, "\n".join(lines))


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (('kind = "mover"', WHEN), FaultConfig(FaultKind.MOVER, when=Moment("LPAR2", "MOVING", 5))),
        (
            ('kind = "control-dies"', 'when = { phase = "BACKING_OUT" }'),
            FaultConfig(FaultKind.CONTROL_DIES, when=Moment(phase="BACKING_OUT")),
        ),
        (
            ('kind = "lip-stuck"', 'target = "lip4"', 'at = "1s"', 'duration = "2s"'),
            FaultConfig(FaultKind.LIP_STUCK, "LIP4", S, duration_ns=2 * S),
        ),
        (
            ('kind = "storage"', 'target = "4096"', "when = { page = 0 }"),
            FaultConfig(FaultKind.STORAGE, "4096", when=Moment(page=0), address=4096),
        ),
    ],
)
def test_a_fault_comes_at_a_time_or_when_an_operation_is_so_far(lines: tuple[str, ...], fault: FaultConfig):
    assert parse_scenario(_with_fault(*lines)).faults[1] == fault


WRONG_FAULTS = {
    "two moments": (('kind = "control-dies"', 'at = "1s"', WHEN), "when", "there is a time already"),
    "no moment": (('kind = "control-dies"',), "at", "is missing"),
    "an empty moment": (('kind = "control-dies"', 'when = { lpar = "LPAR2" }'), "when", "says nothing"),
    "an unknown phase": (
        ('kind = "control-dies"', 'when = { phase = "MOVIN" }'), "when.phase", "no phase 'MOVIN'; expected MOVING",
    ),
    "an unknown LPAR": (
        ('kind = "control-dies"', 'when = { page = 1, lpar = "LPAR7" }'), "when.lpar", "no LPAR 'LPAR7'",
    ),
    "a page that is none": (('kind = "mover"', "when = { page = -1 }"), "when.page", "is no number of pages"),
    "a mover without a page": (('kind = "mover"', 'when = { phase = "MOVING" }'), "when.page", "is missing"),
    "a target too much": (
        ('kind = "control-dies"', 'target = "IOP1"', 'at = "1s"'), "target", "does not belong to a fault of kind",
    ),
    "a target missing": (('kind = "lip-stuck"', 'at = "1s"', 'duration = "1s"'), "target", "is missing"),
    "a duration missing": (('kind = "lip-stuck"', 'target = "LIP4"', 'at = "1s"'), "duration", "is missing"),
    "a duration too much": (
        ('kind = "control-dies"', 'at = "1s"', 'duration = "1s"'), "duration", "does not belong",
    ),
    "an unknown key of a moment": (('kind = "control-dies"', "when = { pages = 1 }"), "when", "pages"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_FAULTS)
def test_a_wrong_fault_is_told_with_its_key(name: str):
    lines, key, told = WRONG_FAULTS[name]
    with pytest.raises(ScenarioError) as raised:
        parse_scenario(_with_fault(*lines))
    assert raised.value.key.startswith(f"fault[1].{key}"), str(raised.value)
    assert told in str(raised.value)


FOLLOWED = '[[command]]\nat = "1s"\ntext = "STOP LPAR1"\n'


def test_commands_may_follow_when_the_one_before_them_is_answered():
    text = GOOD + FOLLOWED + 'then = ["START LPAR1", "DISPLAY FRAME"]\n'
    assert parse_scenario(text).commands[-1].then == ("START LPAR1", "DISPLAY FRAME")
    assert parse_scenario(GOOD + FOLLOWED).commands[-1].then == ()


@pytest.mark.parametrize(
    ("then", "key", "told"),
    [
        ('["START LPAR1", "MOVE LPAR1"]', ".then[1]", "MOVE"), ('"START LPAR1"', ".then", "an array"),
        ("[1]", ".then[0]", "1"),
    ],
)  # fmt: skip
def test_a_wrong_command_that_follows_is_told_with_its_key(then: str, key: str, told: str):
    with pytest.raises(ScenarioError) as raised:
        parse_scenario(f"{GOOD}{FOLLOWED}then = {then}\n")
    assert raised.value.key.endswith(key), str(raised.value)
    assert told in str(raised.value)


def test_iops_have_a_rate_or_none() -> None:
    assert parse_scenario(GOOD).iop_rates == {"IOP1": None, "IOP2": 40 << 20}


def test_a_device_has_up_to_eight_paths_in_the_order_given() -> None:
    names = ("P0", "P8", "P1", "P2", "P4", "P5", "P6", "P3")
    assert parse_scenario(with_paths(*names)).devices[0].iops == names


def test_expanded_storage_is_in_blocks() -> None:
    scenario = parse_scenario(GOOD)
    assert [lpar.expanded_blocks for lpar in scenario.lpars] == [0, 0, 16 * M, 0]
    assert scenario.expanded_blocks == 16 * M
    assert parse_scenario(changed('"16M"', "0")).expanded_blocks == 0, "none is a size as well"


def test_lpars_may_have_all_expanded_storage_there_can_be() -> None:
    text = changed("lips = 2", 'expanded_storage = "65520M"')
    assert parse_scenario(text).expanded_blocks == config.EXPANDED_STORAGE_BLOCKS_MAX


@pytest.mark.parametrize("kind", sorted(DEVICES))
def test_every_kind_of_device_is_checked_without_its_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "there" / "is" / "none"
    files = any(option.name == "path" for option in DEVICES[kind].OPTIONS)
    options = f'{{ path = "{path}" }}' if files else "{}"
    text = changed('kind = "disk"', f'kind = "{kind}"', changed('{ size = "1M" }', options))
    device = parse_scenario(text).devices[0]
    assert (device.kind, "path" in device.options) == (kind, files)
    assert list(tmp_path.iterdir()) == [], "files are opened at the start"
    bad = text.replace(options, "{ path = 7 }" if files else '{ path = "x" }')
    error = error_of(bad)
    assert error.key == "device[0].options"
    assert "option 'path'" in str(error)


def test_what_is_left_out_has_a_default() -> None:
    scenario = parse_scenario(LEAST, "least")
    assert (scenario.name, scenario.title, scenario.timing) == ("least", "", Timing())
    assert (scenario.iops, scenario.devices, scenario.commands, scenario.faults) == ((), (), (), ())
    (lpar,) = scenario.lpars
    assert (lpar.guest, lpar.lips, lpar.options, lpar.devices) == ("idle", ("LIP1",), {}, ())
    assert lpar.expanded_blocks == 0


def test_a_machine_may_have_no_lpars() -> None:
    assert parse_scenario('machine.main_storage = "1M"\nrun.duration = "1s"').lpars == ()


def test_a_byte_order_mark_is_no_error() -> None:
    assert parse_scenario("\ufeff" + LEAST).main_storage_frames == M


def test_zones_may_touch_each_other_and_the_end_of_storage() -> None:
    text = changed(
        'size = "1M"', 'size = "512K"\n[[lpar]]\nname = "B"\norigin = "512K"\nsize = "512K"', LEAST
    )
    assert [lpar.zone.end for lpar in parse_scenario(text).lpars] == [M // 2, M]


# --- what is wrong: the key, and what the error must say -----------------------------------------------------

WRONG = {
    # keys
    "unknown table": (changed("[machine]", "[machin]"), "machin", "unknown key; expected machine, or another"),
    "unknown key": (changed("lips = 2", "lip = 2"), "lpar[0].lip", "unknown key; expected lips, or another of name"),
    "unknown key at the top": ("colour = 1\n" + GOOD, "colour", "unknown key; expected one of machine, run, title"),
    "key with a line end": (changed("lips = 2", '"a\\nb" = 2'), "lpar[0].a\\nb", "unknown key"),
    "no machine": (changed('[machine]\nmain_storage = "509M"\n', ""), "machine", "is missing; expected a table with main_storage"),
    "no main storage": (changed('main_storage = "509M"\n', ""), "machine.main_storage", "is missing"),
    "no run": (changed('[run]\nduration = "0.5s"\n', ""), "run", "is missing"),
    "no duration": (changed('duration = "0.5s"\n', ""), "run.duration", "is missing; expected a duration such as"),
    "no LPAR name": (changed('name = "LPAR2"\n', ""), "lpar[1].name", "is missing; expected a name: a letter"),
    "no origin": (changed('origin = "400M"\n', ""), "lpar[2].origin", "is missing"),
    "no size": (changed('size = "4K"\n', ""), "lpar[2].size", "is missing"),
    "no command text": (changed('text = "DISPLAY FRAME"\n', ""), "command[1].text", "is missing"),
    "no IOP": (changed('iop = "IOP1"\n', ""), "device[0].iop", "is missing; expected the name of an IOP"),
    "no fault target": (changed('target = "192M"\n', ""), "fault[0].target", "is missing; expected an address"),
    # types
    "table that is none": ("machine = 5\n" + GOOD.replace("[machine]", "[timing.x]"), "machine", "5 is no table; expected a table with main_storage"),
    "array that is none": (changed('[[iop]]\nname = "iop1"\n[[iop]]', "[iop]"), "iop", "a table is no array; expected an array of tables: [[ ]]"),
    "array of no tables": ("iop = [1]\n" + LEAST, "iop[0]", "1 is no table"),
    "options that are none": (changed("options = { seed = 7 }", "options = 7"), "lpar[0].options", "7 is no table"),
    "name that is a number": (changed('name = "lpar1"', "name = 1"), "lpar[0].name", "1 is no text"),
    "title that is a number": (changed('title = "Everything that a file can say"', "title = 2024-01-01"), "title", "2024-01-01 is no text"),
    "title of two lines": (changed("that a file", "that\\na file"), "title", "is not one line of text"),
    "devices that are a text": (changed('devices = ["0190", "01A0"]', 'devices = "0190"'), "lpar[1].devices", "'0190' is no array"),
    "device that is a number": (changed('["0190", "01A0"]', '["0190", 190]'), "lpar[1].devices[1]", "190 is no device number; expected one to four hex"),
    # sizes
    "size that is none": (changed('"128M"', '"big"'), "lpar[0].size", "'big' is not a size; expected a size such as 192M"),
    "size that is negative": (changed('"128M"', "-4096"), "lpar[0].size", "-4096 is not a size"),
    "size that is a float": (changed('"128M"', "4096.0"), "lpar[0].size", "4096.0 is not a size"),
    "size that is true": (changed('"128M"', "true"), "lpar[0].size", "true is not a size"),
    "size that is an array": (changed('"128M"', "[]"), "lpar[0].size", "an array is not a size"),
    "size with part of a page": (changed('"128M"', "4097"), "lpar[0].size", "4097 is not a multiple of 4096"),
    "origin in a page": (changed('"400M"', "100"), "lpar[2].origin", "100 is not a multiple of 4096"),
    "size of nothing": (changed('"128M"', '"0M"'), "lpar[0].size", "the size is 0; expected at least one page"),
    "size beyond bounds": (changed('"128M"', '"99999999999T"'), "lpar[0].size", "'99999999999T' is too large"),
    "size of absurd length": (changed('"128M"', '"' + "9" * 5000 + '"'), "lpar[0].size", "is not a size"),
    "no main storage at all": (changed('"509M"', '"0"'), "machine.main_storage", "the size is 0"),
    "main storage too large": (changed('"509M"', '"2T"'), "machine.main_storage", "2T is too large; expected 1T at most"),
    "transfer rate 0": (changed('"100M"', '"0"'), "timing.transfer_rate", "nothing would ever be moved"),
    "LIPs too slow": (changed("lip_mips = 0.5", "lip_mips = 0"), "timing.lip_mips", "0 is no speed of a LIP; expected a number from 1e-06 to 1e+06"),
    "LIP speed that is no number": (changed("lip_mips = 0.5", "lip_mips = nan"), "timing.lip_mips", "nan is no speed"),
    "LIP speed without end": (changed("lip_mips = 0.5", "lip_mips = inf"), "timing.lip_mips", "inf is no speed"),
    "LIP speed in words": (changed("lip_mips = 0.5", 'lip_mips = "fast"'), "timing.lip_mips", "'fast' is no speed"),
    # times
    "time that is none": (changed('at = "1s"', 'at = "soon"'), "command[0].at", "'soon' is not a time; expected a duration such as"),
    "time that is negative": (changed('at = "1s"', 'at = "-1s"'), "command[0].at", "'-1s' is not a time"),
    "time without a unit": (changed('at = "1s"', "at = 1"), "command[0].at", "1 is not a time"),
    "time beyond bounds": (changed('at = "1s"', 'at = "10001h"'), "command[0].at", "is too long; expected at most 10000h"),
    "duration 0": (changed('"0.5s"', '"0s"'), "run.duration", "'0s' is no time at all"),
    "latency negative": (changed('"2ms"', '"-2ms"'), "device[0].latency", "'-2ms' is not a time"),
    # storage
    "zone past the end": (changed('"500M"\nsize = "1M"', '"500M"\nsize = "10M"'), "lpar[3].size", "the zone ends at 510M, past the end of main storage; expected 9M at most"),
    "origin past the end": (changed('"500M"', '"509M"'), "lpar[3].origin", "509M is past the end of main storage; expected an origin below 509M"),
    "overlap": (changed('"400M"', '"300M"'), "lpar[2].origin", "the zones of LPAR2 and LPAR3 overlap from 300M to 307204K (4K)"),
    "overlap of three": (changed('"128MiB"', '"64M"'), "lpar[1].origin", "the zones of LPAR1 and LPAR2 overlap from 64M to 128M (64M)"),
    # names
    "name with a blank": (changed('"lpar1"', '"lpar 1"'), "lpar[0].name", "'lpar 1' is no name; expected a letter, then"),
    "name too long": (changed('"lpar1"', '"ABCDEFGHIJKLMNOPQ"'), "lpar[0].name", "16 characters at most"),
    "name of nothing": (changed('"lpar1"', '""'), "lpar[0].name", "'' is no name"),
    "LPAR twice": (changed('"LPAR2"', '"Lpar1"'), "lpar[1].name", "'LPAR1' stands twice, in lpar[0].name too"),
    "LPAR that is a word": (changed('"lpar1"', '"end"'), "lpar[0].name", "'END' is a word of the command language"),
    "IOP twice": (changed('"IOP2"', '"IOP1"'), "iop[1].name", "'IOP1' stands twice"),
    "IOP that is the SVP": (changed('"IOP2"', '"svp"'), "iop[1].name", "'SVP' is the name of a part of the machine"),
    "device twice": (changed('"1a0"', '"190"'), "device[1].number", "'0190' stands twice, in device[0].number too"),
    "device number too long": (changed('"1a0"', '"10190"'), "device[1].number", "'10190' is no device number"),
    "unknown IOP": (changed('iop = "IOP1"', 'iop = "IOP3"'), "device[0].iop", "there is no IOP 'IOP3'; expected IOP2, or another of IOP1"),
    "IOP of no device": (changed('["iop2", "IOP1"]', "[]"), "device[1].iop", "the array is empty"),
    "one IOP as two paths": (changed('["iop2", "IOP1"]', '["iop2", "IOP2"]'), "device[1].iop", "'IOP2' stands twice; expected"),
    "unknown device": (changed('["0190", "01A0"]', '["0191"]'), "lpar[1].devices", "there is no device '0191'; expected 0190, or another of 01A0"),
    "device twice in an LPAR": (changed('["0190", "01A0"]', '["0190", "190"]'), "lpar[1].devices", "'0190' stands twice"),
    "unknown device kind": (changed('"disk"', '"disc"'), "device[0].kind", "unknown kind of device 'disc'; expected one of disk, tape, console, clock, null, fault, stuck"),
    "unknown device option": (changed('{ size = "1M" }', '{ sice = "1M" }'), "device[0].options", "unknown option 'sice'; expected one of size"),
    "bad device option": (changed('{ size = "1M" }', '{ size = "huge" }'), "device[0].options", "option 'size': 'huge'; expected a size"),
    "device options that don't go together": (changed('{ size = "1M" }', "{ size = 1000 }"), "device[0].options", "expected a multiple of 512"),
    "unknown guest": (changed('"hammer"', '"hamer"'), "lpar[0].guest", "guest 'hamer': unknown; expected one of hammer"),
    "guest not importable": (changed('"hammer"', '"no_such_module:Guest"'), "lpar[0].guest", "no_such_module"),
    "guest without options": (changed("seed = 7", "sead = 7"), "lpar[0].options", "unknown option 'sead'"),
    "bad guest option": (changed("seed = 7", 'words = "x"'), "lpar[0].options", "option 'words': 'x'; expected a power of two"),
    "guest options that don't go together": (changed('devices = ["0190", "01A0"]', "options = { blocks = 1 }"), "lpar[1].options", "option 'blocks': 1; expected 8 at least"),
    # LIPs
    "no LIPs": (changed("lips = 2", "lips = 0"), "lpar[0].lips", "0 is no number of LIPs; expected a number from 1 to 64"),
    "LIPs that are a text": (changed("lips = 2", 'lips = "LIP1"'), "lpar[0].lips", "'LIP1' is no number of LIPs"),
    "LIPs that are true": (changed("lips = 2", "lips = true"), "lpar[0].lips", "true is no number of LIPs"),
    "LIPs of an empty array": (changed("lips = 2", "lips = []"), "lpar[0].lips", "the array is empty"),
    "LIP twice": (changed('["lip2", "LIPX"]', '["lipx", "LIPX"]'), "lpar[1].lips", "'LIPX' stands twice"),
    "LIP named like an IOP": (changed('["lip2", "LIPX"]', '["IOP2", "LIPX"]'), "lpar[1].lips", "'IOP2' is an IOP"),
    "LIP named like LPAR control": (changed('["lip2", "LIPX"]', '["lparctl"]'), "lpar[1].lips", "'LPARCTL' is the name of a part"),
    "LIP name that is a number": (changed('["lip2", "LIPX"]', "[2]"), "lpar[1].lips[0]", "2 is no text"),
    "too many LIPs": (changed("lips = 2", "lips = 63"), "lpar", "there are 66 LIPs; expected 64 at most"),
    # commands and faults
    "no command": (changed("MVSTOR LPAR2 HSA=192M", "MVSTR LPAR2"), "command[0].text", "'MVSTR': no such command; expected MVSTOR"),
    "command without a target": (changed("LPAR2 HSA=192M", "LPAR2"), "command[0].text", "HSA= or BEFORE= or AFTER= or END is missing"),
    "unknown result": (changed('"no_plan"', '"COMPLETE"'), "command[1].expect", "'COMPLETE' is no result; expected COMPLETED, or another"),
    "unknown fault": (changed('"sale-refused"', '"sale_refused"'), "fault[1].kind", "there is no kind of fault 'sale_refused'; expected sale-refused"),
    "fault at no address": (changed('target = "192M"', 'target = "IOP1"'), "fault[0].target", "'IOP1' is not a size; expected the host absolute address"),
    "fault past the end": (changed('target = "192M"', 'target = "509M"'), "fault[0].target", "509M is past the end of main storage"),
    "fault of an unknown IOP": (changed('target = "iop2"', 'target = "iop7"'), "fault[1].target", "there is no IOP 'iop7'"),
    "fault of a number": (changed('target = "iop2"', "target = 7"), "fault[1].target", "there is no IOP 7; expected one of IOP1, IOP2"),
    "fault without a time": (changed('at = "0s"\n', ""), "fault[0].at", "is missing; expected a time from the start"),
    # expanded storage, rates, paths
    "expanded storage that is no size": (changed('"16M"', '"much"'), "lpar[2].expanded_storage", "'much' is not a size; expected a size such as 192M"),
    "expanded storage that is negative": (changed('"16M"', "-4096"), "lpar[2].expanded_storage", "-4096 is not a size"),
    "expanded storage that is true": (changed('"16M"', "true"), "lpar[2].expanded_storage", "true is not a size"),
    "expanded storage with part of a block": (changed('"16M"', "100"), "lpar[2].expanded_storage", "100 is not a multiple of 4096; expected a multiple of 4096"),
    "expanded storage too large": (changed('"16M"', '"65G"'), "lpar[2].expanded_storage", "65G is too large; expected 64G at most"),
    "expanded storage too large together": (changed("lips = 2", 'expanded_storage = "64G"'), "lpar[2].expanded_storage", "16M is too large: the LPARs before it have 64G; expected 0 at most"),
    "guest without the expanded storage it needs": (changed('size = "1M"\nlips = ["LIPX"]', 'size = "1M"\nguest = "swapper"'), "lpar[3].options", "guest Swapper: LPAR4 has no expanded storage; expected expanded_storage"),
    "IOP rate 0": (changed('"40M"', '"0"'), "iop[1].rate", "nothing would ever be moved; expected bytes a second"),
    "IOP rate that is no size": (changed('"40M"', '"fast"'), "iop[1].rate", "'fast' is not a size"),
    "IOP rate that is a float": (changed('"40M"', "4.5"), "iop[1].rate", "4.5 is not a size"),
    "IOP rate beyond bounds": (changed('"40M"', '"99999999999T"'), "iop[1].rate", "is too large; expected at most 4194304T"),
    "unknown key of an IOP": (changed('rate = "40M"', 'rates = "40M"'), "iop[1].rates", "unknown key; expected rate, or another of name"),
    "too many paths": (with_paths(*(f"P{number}" for number in range(9))), "device[0].iop", "there are 9 paths; expected 8 at most"),
    # the text as a whole
    "not TOML": (changed("lips = 2", "lips = = 2"), "", "is not TOML: Invalid value (at line 26, column 8)"),
    "nothing": ("", "machine", "is missing"),
    "a number of absurd length": ("title = " + "9" * 5000, "", "is not TOML"),
    "a number that Python does not write": ("title = 0x" + "f" * 5000 + "\n" + LEAST, "title", "a huge number is no text"),
    "nested without end": ("x = " + "[" * 100_000, "", "nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_an_error_names_the_key_what_is_wrong_and_what_was_expected(name: str) -> None:
    text, key, said = WRONG[name]
    error = error_of(text)
    assert (error.source, error.key) == ("file.toml", key), str(error)
    assert said in str(error)


@pytest.mark.parametrize(
    ("key", "table", "limit"),
    [
        ("lpar", '[[lpar]]\nname = "L{0}"\norigin = {1}\nsize = 4096\nlips = ["X"]\n', config.LPARS_MAX),
        ("iop", '[[iop]]\nname = "I{0}"\n', config.IOPS_MAX),
        ("device", '[[device]]\nnumber = "{0:04X}"\nkind = "disk"\niop = "IOP1"\n', config.DEVICES_MAX),
        ("command", '[[command]]\nat = "1s"\ntext = "DISPLAY FRAME"\n', config.COMMANDS_MAX),
    ],
)
def test_the_number_of_everything_is_limited(key: str, table: str, limit: int) -> None:
    def text(count: int) -> str:
        first = '[machine]\nmain_storage = "1M"\n[run]\nduration = "1s"\n'
        first += '[[iop]]\nname = "IOP1"\n' if key == "device" else ""
        return first + "".join(table.format(number, number * 4096) for number in range(count))

    parse_scenario(text(limit))
    error = error_of(text(limit + 1))
    assert error.key == key
    assert str(error).endswith(f"there are {limit + 1} of them; expected {limit} at most")


def test_a_huge_value_is_not_repeated_in_the_error() -> None:
    assert len(str(error_of(changed('"128M"', '"' + "x" * 10_000 + '"')))) < 300


# --- files ---------------------------------------------------------------------------------------------------


def load_error(path: object) -> str:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(str(path))
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_file_is_read_and_named_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert load_scenario(str(path)).name == str(path)


def test_a_missing_file_tells_the_names_there_are() -> None:
    text = load_error("figure-4")
    assert (
        "figure-4: no such file or built-in scenario; expected the path of a scenario file, or figure-"
        in text
    )
    assert "crowd" in text


def test_a_directory_is_no_scenario(tmp_path: Path) -> None:
    assert load_error(tmp_path) == f"{tmp_path}: is a directory; expected a scenario file"
    assert load_error("").endswith("is a directory; expected a scenario file")


def test_a_path_that_cannot_be_one_is_told() -> None:
    assert "cannot be read" in load_error("a\0b")
    assert "cannot be read" in load_error("x" * 5000)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x7fELF\x02\x01\x01\0\0\0", "is a binary file; expected a scenario file: TOML, in UTF-8"),
        ('title = "x"\n# L\u00e4nge'.encode("latin-1"), "is not UTF-8 (line 2); expected"),
        (b"#" * (config.SCENARIO_BYTES_MAX + 1), "is larger than 1M"),
        (b"", "machine: is missing"),
    ],
)
def test_a_file_that_is_no_scenario_is_told(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_bytes(data)
    assert said in load_error(path)


def test_a_builtin_text_is_there_for_every_name() -> None:
    assert all("[machine]" in builtin_text(name) for name in builtin_names())
    with pytest.raises(ScenarioError, match="no such built-in scenario"):
        builtin_text("../scenario/model")


# --- laws ----------------------------------------------------------------------------------------------------

LINES = GOOD.splitlines()
VALUES = st.sampled_from(
    ["", "-1", "0", "1.5", "true", "[]", "{}", '""', '"0M"', '"1s"', '"LPAR1"', '"IOP1"', '["LIP1"]', "[[1]]",
     "nan", "1979-05-27", '"\\u0000"', '"MVSTOR"', "{ x = 1 }", "[{}]", '"hammer"', "99999999999999999999"]
)  # fmt: skip


def parses_or_is_refused(text: str) -> None:
    """Anything else than a scenario or a ScenarioError fails the test that calls this."""
    try:
        scenario = parse_scenario(text)
    except ScenarioError as error:
        said = str(error)
    else:
        said = "a scenario"
        assert all(lpar.zone.end <= scenario.main_storage_frames for lpar in scenario.lpars)
        assert math.isfinite(scenario.timing.lip_mips)
    assert said.isprintable(), "an error is one line, with nothing that disturbs a terminal"


@given(st.integers(0, len(LINES) - 1), VALUES)
def test_any_value_is_accepted_or_refused_in_one_line(place: int, value: str) -> None:
    key = LINES[place].partition("=")[0]
    parses_or_is_refused("\n".join([*LINES[:place], f"{key}= {value}", *LINES[place + 1 :]]))


@given(
    st.lists(st.integers(0, len(LINES) - 1), max_size=4), st.lists(st.integers(0, len(LINES) - 1), max_size=2)
)
def test_lines_left_out_or_repeated_are_accepted_or_refused_in_one_line(
    out: list[int], again: list[int]
) -> None:
    kept = [line for place, line in enumerate(LINES) if place not in out]
    parses_or_is_refused("\n".join([*kept, *(LINES[place] for place in again)]))


@given(st.integers(0, len(GOOD)), st.integers(0, 5), st.text(max_size=5))
@example(0, 0, "\ud800")
@settings(max_examples=200)
def test_any_text_is_accepted_or_refused_in_one_line(place: int, cut: int, inserted: str) -> None:
    parses_or_is_refused(GOOD[:place] + inserted + GOOD[place + cut :])
