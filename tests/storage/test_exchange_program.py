"""The program of an exchange, as a permutation of labels: no storage needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.exchange_geometry import exchange_targets, frames_between_needed
from lparvm.storage.exchange_program import Run, RunKind, between_filled_from, exchange_program

extents = st.one_of(st.integers(1, 12), st.integers(1, 400))


def runs_of_program(zones):
    for phase in exchange_program(*zones):
        for index in range(phase.count):
            yield phase.run_at(index)


@given(extents, st.integers(0, 300), extents)
def test_the_runs_take_every_page_to_its_target_and_write_nowhere_else(lower, gap, upper):
    zones = Zone(0, lower), Zone(lower + gap, upper)
    frames: list[int | None] = list(range(lower + gap + upper))
    allowed = [*zones, *frames_between_needed(*zones)]
    for run in runs_of_program(zones):
        first, second = Zone(run.first_frame, run.pages), Zone(run.second_frame, run.pages)
        assert run.kind is RunKind.SHIFT or not first.overlaps(second), f"{run} swaps a page with itself"
        here, there = frames[first.origin : first.end], frames[second.origin : second.end]
        frames[second.origin : second.end] = here
        if run.kind is RunKind.SWAP:
            frames[first.origin : first.end] = there
        assert all(frames[frame] == frame for frame in range(lower + gap + upper) if outside(frame, allowed))
    for zone, target in zip(zones, exchange_targets(*zones), strict=True):
        assert frames[target.origin : target.end] == list(range(zone.origin, zone.end))


def outside(frame: int, areas: list[Zone]) -> bool:
    return not any(area.origin <= frame < area.end for area in areas)


@pytest.mark.parametrize(
    ("lower", "upper"), [(1, (1 << 28) - 1), ((1 << 28) - 1, 1), (165580141, 102334155), (1 << 27, 1 << 27)]
)
def test_the_program_stays_short_however_large_the_zones_are(lower, upper):
    phases = exchange_program(Zone(0, lower), Zone(lower, upper))
    assert len(phases) < 60
    assert sum(phase.steps for phase in phases) <= lower + upper


def test_equal_zones_are_one_swap():
    phases = exchange_program(Zone(3, 8), Zone(20, 8))
    assert [(phase.run, phase.count) for phase in phases] == [(Run(RunKind.SWAP, 3, 20, 8), 1)]


def test_a_gap_is_closed_in_the_direction_in_which_no_page_is_lost():
    down = [run for run in runs_of_program((Zone(0, 3), Zone(5, 10))) if run.kind is RunKind.SHIFT]
    assert down == [Run(RunKind.SHIFT, 5, 3, 7)]
    assert not down[0].descending
    assert down[0].steps(0, 2) == Run(RunKind.SHIFT, 5, 3, 2), "its first steps are its first pages"
    up = [run for run in runs_of_program((Zone(0, 10), Zone(12, 3))) if run.kind is RunKind.SHIFT]
    assert up == [Run(RunKind.SHIFT, 3, 5, 7)]
    assert up[0].descending
    assert up[0].steps(0, 2) == Run(RunKind.SHIFT, 8, 10, 2), "its first steps are its last pages"
    assert up[0].inverted() == down[0]._replace(first_frame=5, second_frame=3)


@pytest.mark.parametrize(
    ("zones", "filled"),
    [
        ((Zone(0, 5), Zone(9, 5)), None),
        ((Zone(0, 2), Zone(10, 5)), (Zone(10, 3), Zone(2, 3))),
        ((Zone(0, 2), Zone(3, 5)), (Zone(3, 1), Zone(2, 1))),
        ((Zone(0, 5), Zone(10, 2)), (Zone(2, 3), Zone(7, 3))),
        ((Zone(0, 5), Zone(6, 2)), (Zone(4, 1), Zone(5, 1))),
    ],
)
def test_what_comes_first_to_the_frames_between_is_known_ahead(zones, filled):
    assert between_filled_from(*zones) == filled
