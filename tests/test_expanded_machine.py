"""Expanded storage in a running machine: relocations leave it where it is, and the frame shows it."""

import pytest

from lparvm.arch.address import PAGE_BYTES
from lparvm.runner import run
from lparvm.scenario import parse_scenario
from trials import M, command, lpar, scenario, trial_of

SWAPPING = scenario(
    lpar("A", "0", size="512K", guest="swapper", expanded_storage="256K"),
    lpar("B", "1M", lips=2, guest="swapper", expanded_storage="128K", options={"pages": 12}),
    lpar("C", "2M"),
    command("20ms", "MVSTOR B HSA=3M"),
    command("60ms", "MVSTOR A HSA=128K"),
    command("120ms", "MVSTOR A HSA=0"),
    command("120ms", "MVSTOR B HSA=3200K"),
    duration="400ms",
)


@pytest.mark.parametrize("clock", ["virtual", "real"])
def test_what_is_paged_out_outlives_moves(clock: str):
    report = run(parse_scenario(SWAPPING), clock=clock)
    # A busy machine may be late with a move, under the real clock: then the next one of that LPAR is refused.
    assert report.verdict in ("intact", "unexpected")[: 1 + (clock == "real")]
    assert not any(guest.damage_count for guest in report.guests)
    assert all(guest.steps > 10 for guest in report.guests)


async def test_a_move_touches_no_block(autojump_clock):
    text = scenario(
        lpar("A", "0", guest="idle", expanded_storage="64K"), lpar("B", "1M", expanded_storage="8K")
    )
    async with trial_of(text) as trial:
        expanded = trial.machine.assembly.expanded
        expanded.blocks[:] = 0xA5
        activated = {one["lpar"]: one for one in trial.of("lpar.activated")}
        areas = {
            name: (one["expanded_first_block"], one["expanded_blocks"]) for name, one in activated.items()
        }
        assert areas == {"A": (0, 16), "B": (16, 2)}
        assert (await trial.give("MVSTOR A HSA=2M")).result == "COMPLETED"
        assert (expanded.blocks == 0xA5).all()
        assert [state.expanded_origin for state in trial.machine.assembly.states["B"]] == [16]
        frame = (await trial.give("DISPLAY FRAME")).lines
    assert [line.split()[-2:] for line in frame[1:]] == [
        ["expanded", "state"], ["8K", "active"], ["64K", "active"],
    ]  # fmt: skip
    rows = trial.machine.report.as_json()["frame_after"]
    assert [row["expanded"] for row in rows] == [2 * PAGE_BYTES, 16 * PAGE_BYTES]
    assert rows[1]["origin"] == 2 * M


async def test_an_lpar_that_needs_expanded_storage_is_defined_anew_while_it_has_none(autojump_clock):
    async with trial_of(SWAPPING) as trial:
        for text in ("DEACTIVATE A", "DEFINE A SIZE=256K", "ACTIVATE A", "IPL A"):
            assert (await trial.give(text)).result == "COMPLETED", text
        await trial.works("A")
