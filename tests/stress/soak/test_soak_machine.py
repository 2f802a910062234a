"""The machine of a soak and the commands that are drawn for it."""

import random
from collections import Counter
from pathlib import Path

import pytest

from lparvm.errors import UsageError
from lparvm.guests.registry import GUESTS
from lparvm.protocol import commands as c
from lparvm.protocol.command_parser import parse
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.messages import FrameRow
from lparvm.stress.soak.commands import CommandDraw, Situation
from lparvm.stress.soak.counts import verb_of
from lparvm.stress.soak.options import SoakOptions
from lparvm.stress.soak.tenants import TENANTS, soak_scenario
from lparvm.stress.soak.watch import EXPECTED, map_problem

M = 1 << 20
NOWHERE = Path("nowhere")


def rows_of(scenario):
    """The LPAR frame before anything has moved."""
    placed = sorted(scenario.lpars, key=lambda lpar: lpar.zone.origin)
    ends = [lpar.zone.origin for lpar in placed[1:]] + [scenario.main_storage_frames]
    return tuple(
        FrameRow(lpar.name, lpar.zone.origin, lpar.zone.extent, end - lpar.zone.end, "active")
        for lpar, end in zip(placed, ends, strict=True)
    )


def situation(seed=0, storage_bytes=64 * M):
    scenario = soak_scenario(SoakOptions(seed=seed, storage_bytes=storage_bytes), NOWHERE)
    entries = {lpar.name: LparEntry(lpar.name, lpar.zone, (), lpar.lips) for lpar in scenario.lpars}
    return Situation(rows_of(scenario), scenario.main_storage_frames, entries)


def test_every_built_in_guest_has_an_lpar():
    assert {tenant.guest for tenant in TENANTS} == set(GUESTS), "each of them, and no other"


@pytest.mark.parametrize("storage_bytes", [16 * M, 100 * M, 512 * M, 4096 * M])
def test_the_lpars_fit_and_leave_room_to_move(storage_bytes):
    for seed in range(40):
        scenario = soak_scenario(SoakOptions(seed=seed, storage_bytes=storage_bytes), NOWHERE)
        rows = rows_of(scenario)
        assert map_problem(rows, scenario.main_storage_frames) is None, f"seed {seed}"
        free = sum(row.gap for row in rows) / scenario.main_storage_frames
        assert free > 0.2, f"seed {seed}: {free:.0%} of storage is free"


def test_each_device_has_a_second_path_and_its_files_lie_in_the_directory(tmp_path):
    scenario = soak_scenario(SoakOptions(), tmp_path)
    assert all(len(device.iops) == 2 for device in scenario.devices)
    files = [Path(device.options["path"]) for device in scenario.devices if "path" in device.options]
    assert len(files) == 2
    assert {file.parent for file in files} == {tmp_path}
    used = {number for lpar in scenario.lpars for number in lpar.devices}
    assert used == {device.number for device in scenario.devices}


def test_the_seed_draws_the_machine():
    one, other, again = (soak_scenario(SoakOptions(seed=seed), NOWHERE) for seed in (1, 2, 1))
    assert one == again
    assert one.lpars != other.lpars


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"duration_ns": 5}, "soak: a duration of 5 ns; expected 1 s to "),
        ({"storage_bytes": 1 << 20}, "soak: a main storage of 1M; expected 16M to 1T"),
        ({"operators": 0}, "soak: a number of operators of 0; expected 1 to 32"),
    ],
)
def test_options_out_of_range_are_refused_in_one_line(wrong, told):
    with pytest.raises(UsageError) as caught:
        SoakOptions(**wrong)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_every_command_is_one_and_has_results_that_are_expected():
    draw, now = CommandDraw(random.Random(1)), situation()
    verbs = Counter()
    for _ in range(2_000):
        text = draw.command(now)
        parse(text)
        verbs[verb_of(text)] += 1
    assert verbs.keys() <= EXPECTED.keys()
    wanted = {"MVSTOR", "XCHSTOR", "EXPAND", "SHRINK", "PLAN", "PLAN GO", "REPLY", "DISPLAY", "CANCEL"}
    assert verbs.keys() == wanted
    assert verbs["MVSTOR"] > 800, "moves are what it is about"


def test_most_moves_are_to_where_there_is_room():
    draw, now = CommandDraw(random.Random(2)), situation()
    fit = 0
    for _ in range(500):
        command = parse(draw.move(now))
        assert isinstance(command, c.MoveStor)
        origin = command.target.origin_bytes >> 12
        size = next(row.size for row in now.rows if row.name == command.lpar)
        fit += any(gap.origin <= origin and origin + size <= gap.end for gap in now.gaps(command.lpar))
    assert fit > 450, f"{fit} of 500 fit"


def test_commands_are_drawn_by_the_seed_alone():
    now = situation()
    texts = [[CommandDraw(random.Random(seed)).command(now) for _ in range(5)] for seed in (7, 7, 8)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
