import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.errors import UsageError
from lparvm.guests.chain import Cycle

from .bench import PAGE, Bench


@settings(max_examples=30, deadline=None)
@given(extent=st.integers(1, 200), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_a_cycle_visits_each_node_once_and_comes_back(extent, share, seed):
    nodes = max(1, int(extent * share))
    cycle = Cycle.over(extent, nodes, seed)
    follow = dict(zip(cycle.addresses.tolist(), cycle.pointers.tolist(), strict=True))
    address, visited = int(cycle.addresses[0]), []
    for _ in range(nodes):
        visited.append(address)
        address = follow[address]
    assert address == visited[0]
    assert len({place // PAGE for place in visited}) == nodes, "at most one node a page"
    assert all(place % 16 == 0 and place < extent * PAGE for place in visited)


@settings(max_examples=20, deadline=None)
@given(nodes=st.integers(1, 50), start=st.integers(0, 49))
def test_the_known_lap_digest_is_what_following_the_pointers_gives(nodes, start):
    from lparvm.guests.chain import _MASK, _ROLL_FACTOR

    cycle = Cycle.over(50, nodes, 1)
    digest = 0
    for pointer in np.roll(cycle.pointers, -(start % nodes)).tolist():
        digest = (digest * _ROLL_FACTOR + pointer) & _MASK
    assert cycle.lap_digest(start % nodes) == digest


def test_several_lips_start_at_different_nodes():
    machine = Bench("chain", lips=3, pages=30)
    seen = [[], [], []]
    for number, state in enumerate(machine.states):
        machine.guest.observe(lambda _, address, *__, number=number: seen[number].append(address))
        machine.guest.run(state, 1)
    assert len({places[0] for places in seen}) == 3


def test_laps_come_around_with_the_known_digest():
    machine = Bench("chain", lips=3, pages=30)
    machine.run(20)
    assert machine.guest.steps > 5 * 30 * 3
    assert machine.verify() == []


@pytest.mark.parametrize("byte", range(16))
def test_any_flipped_byte_of_a_node_is_found_at_the_end_and_while_it_runs(byte):
    for found in (Bench.verify, lambda machine: [machine.until_damage()]):
        machine = Bench("chain", pages=30)
        machine.run(1)
        node = int(machine.guest._rings[0].cycle.addresses[7])
        machine.flip(node + byte, byte % 8)
        (damage,) = found(machine)
        assert damage.address == node + (byte & 8)


def test_after_damage_it_goes_on_where_the_pointer_should_have_led():
    machine = Bench("chain", pages=30)
    machine.flip(int(machine.guest._rings[0].cycle.addresses[7]), 7)  # leads far out of the zone
    machine.run(20)
    assert machine.ended() == [None]
    assert machine.guest.damage_count == 1, "told once, and no lap digest is wrong"


def test_a_forged_node_is_found_by_the_lap_digest():
    machine = Bench("chain", pages=30)
    forged = Cycle(
        machine.guest._rings[0].cycle.addresses[::-1], machine.guest._rings[0].cycle.salt
    )  # the other way around
    cpu = machine.guest._threads[0].cpu
    cpu.store_scattered(forged.addresses, forged.pointers)
    cpu.store_scattered(forged.addresses + np.uint64(8), forged.check_words)
    assert "lap digest" in machine.until_damage().expected
    assert machine.verify()


def test_swapped_pages_are_found():
    machine = Bench("chain", pages=30)
    machine.swap_pages(3, 17)
    assert {damage.address // PAGE for damage in machine.verify()} == {3, 17}


def test_nodes_bound_what_is_used_and_are_spread():
    machine = Bench("chain", pages=1000, options={"nodes": 10})
    used = list(machine.pages_in_use())
    assert len(used) == 10
    assert used[-1] >= 900


def test_bad_nodes():
    with pytest.raises(UsageError, match="option 'nodes': 0; expected a whole number from 1"):
        Bench("chain", options={"nodes": 0})


def test_what_is_added_gets_a_ring_and_what_remains_of_one_a_new_one():
    machine = Bench("chain", lips=2, pages=30)
    first = machine.guest._rings[0]
    machine.grow(50)
    machine.until_answered()
    assert [(ring.first, ring.end) for ring in machine.guest._rings] == [(0, 30), (30, 50)]
    machine.want(40)
    machine.until_answered()
    assert [(ring.first, ring.end) for ring in machine.guest._rings] == [(0, 30), (30, 40)]
    assert machine.guest._rings[0] is first
    machine.want(30)
    machine.until_answered()
    assert machine.guest._rings == [first]
    machine.want(1)
    machine.until_answered()
    assert [(ring.first, ring.end) for ring in machine.guest._rings] == [(0, 1)]
    machine.run(50)
    assert machine.verify() == []


def test_laps_of_all_rings_have_the_known_digest():
    machine = Bench("chain", lips=2, pages=30)
    machine.grow(37)
    machine.until_answered()
    steps = machine.guest.steps
    machine.run(50)
    assert machine.guest.steps > steps + 10 * 37 * 2
    assert machine.guest.damage == []
    forged = machine.guest._rings[1].cycle
    forged = Cycle(forged.addresses[::-1], forged.salt)
    cpu = machine.guest._threads[0].cpu
    cpu.store_scattered(forged.addresses, forged.pointers)
    cpu.store_scattered(forged.addresses + np.uint64(8), forged.check_words)
    assert "lap digest" in machine.until_damage().expected
