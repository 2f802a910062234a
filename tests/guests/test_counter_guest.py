"""The guest that the README shows."""

import pathlib

from .bench import PAGE, Bench
from .counter_guest import Counter


def test_it_has_20_lines():
    assert len((pathlib.Path(__file__).parent / "counter_guest.py").read_text().splitlines()) <= 20


def test_it_runs_on_several_lips_and_is_moved():
    machine = Bench(Counter, lips=3, pages=9)
    for origin in (3, 12, 13):
        machine.run(10)
        machine.relocate(origin)
    machine.run(10)
    assert machine.ended() == [None] * 3
    assert machine.guest.steps > 100
    assert machine.verify() == []


def test_it_finds_a_flipped_bit():
    machine = Bench(Counter, pages=9)
    machine.run(3)
    machine.flip(5 * PAGE + 7, 6)
    assert machine.until_damage().address == 5 * PAGE
