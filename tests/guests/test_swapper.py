import numpy as np
import pytest

from lparvm.errors import UsageError
from lparvm.guests import GuestSetup
from lparvm.guests.swapper import Swapper
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import MainStorage

from .bench import PAGE, Bench


def bench(**more):
    return Bench("swapper", **{"pages": 12, "lips": 2} | more)


def out(machine):
    """Blocks of the guest whose latest contents are in expanded storage only."""
    return [block for share in machine.guest._shares for block in share.blocks if block not in share.held]


def host_block(machine, block):
    return machine.area.origin + block


def test_pages_come_and_go_and_every_block_is_overwritten():
    machine = bench(blocks=20)
    before = machine.expanded.blocks.copy()
    machine.run(3000)
    changed = np.flatnonzero((machine.expanded.blocks != before).any(axis=1)).tolist()
    assert changed == list(range(machine.area.origin, machine.area.end)), "all of its own, and no other's"
    assert machine.verify() == []


def test_blocks_outlive_moves():
    machine = bench()
    for origin in (14, 3, 20, 19, 0, 27, 7):
        machine.run(9, budget=37)
        before = machine.expanded.blocks.copy()
        machine.relocate(origin)
        assert (machine.expanded.blocks == before).all()
    machine.run(50)
    assert machine.ended() == [None, None]
    assert machine.verify() == []


@pytest.mark.parametrize("byte", [0, 7, 2049, 4095])
def test_a_flipped_bit_in_a_block_is_found_when_it_comes_in_and_at_the_end(byte):
    for found in (Bench.verify, lambda machine: [machine.until_damage()]):
        machine = bench()
        machine.run(20)
        block = out(machine)[7]
        machine.expanded.blocks[host_block(machine, block), byte] ^= 0x10
        (damage,) = found(machine)
        assert damage.address % PAGE == byte & ~7
        assert damage.found.endswith(f"in block {block}")


def test_it_is_told_once_and_the_guest_goes_on():
    machine = bench()
    machine.run(20)
    machine.expanded.blocks[host_block(machine, out(machine)[3])] ^= 1
    machine.until_damage()
    first = machine.guest.damage_count
    machine.run(3000)
    assert machine.guest.damage_count == first
    assert machine.ended() == [None, None]
    assert machine.verify() == machine.guest.damage[:first]


def test_exchanged_blocks_are_found():
    machine = bench()
    machine.run(20)
    one, other = (host_block(machine, block) for block in out(machine)[:2])
    machine.expanded.blocks[[one, other]] = machine.expanded.blocks[[other, one]]
    assert len({damage.found.split()[-1] for damage in machine.verify()}) == 2


def test_a_block_of_an_earlier_generation_is_found():
    machine = bench(blocks=14)
    machine.run(3)
    earlier = machine.expanded.blocks.copy()
    machine.run(1000)
    block = out(machine)[0]
    machine.expanded.blocks[host_block(machine, block)] = earlier[host_block(machine, block)]
    assert any("generation" in damage.found for damage in machine.verify())


def test_an_area_that_moves_with_the_zone_is_found():
    machine = bench()
    machine.run(20)
    for state in machine.states:
        state.expanded_origin += 1
    assert machine.until_damage()


def test_a_slot_that_is_left_behind_by_a_move_is_found():
    machine = bench()
    machine.run(20)
    slot = machine.guest._shares[1].slots[2]
    machine.relocate(20)
    machine.storage.frames[machine.zone.origin + slot.page] = 0
    assert {damage.address // PAGE for damage in machine.verify()} == {slot.page}


@pytest.mark.parametrize("slices", [20, 21, 23, 24])
@pytest.mark.parametrize("bits", [0x10, 0x80, 0x08, 0x04, 0x02])
def test_a_wrong_key_bit_is_found_at_the_end_and_while_it_runs(bits, slices):
    if slices == 24 and bits & 0x06:
        return  # the next access sets them again
    for found in (Bench.verify, lambda machine: [machine.until_damage()]):
        machine = bench(lips=1, pages=1)
        machine.run(slices)
        machine.flip_key(0, bits)
        (damage, *_) = found(machine)
        assert "storage key" in damage.expected


def test_a_data_error_is_told_with_its_condition_code_and_the_guest_goes_on():
    machine = bench()
    machine.run(20)
    block = out(machine)[0]
    machine.expanded.fail_block(host_block(machine, block))
    damage = machine.until_damage()
    assert damage.expected == f"condition code 0 of block {block}"
    assert damage.found == f"condition code 1 of block {block}"
    machine.run(500)
    assert machine.ended() == [None, None]
    assert all("condition code" in damage.found for damage in machine.guest.damage)


def test_more_lips_than_pages_or_blocks():
    for sizes in ({"pages": 1, "blocks": 9}, {"pages": 9, "blocks": 1}):
        machine = bench(lips=3, **sizes)
        machine.run(50)
        assert machine.verify() == []
        assert machine.guest.steps > 0


def test_options_bound_what_is_used():
    machine = bench(pages=1000, blocks=100, lips=1, options={"blocks": 30, "pages": 8})
    machine.run(500)
    used = np.flatnonzero(machine.expanded.blocks.any(axis=1)).tolist()
    assert used == list(range(machine.area.origin, machine.area.origin + 30))
    pages = list(machine.pages_in_use())
    assert len(pages) == 8
    assert pages[0] == 0
    assert pages[-1] >= 900, "spread over the zone"


@pytest.mark.parametrize("expanded", [None, ExpandedStorage(4)])
def test_without_expanded_storage_it_says_what_it_needs(expanded):
    with MainStorage(1) as storage, pytest.raises(UsageError) as caught:
        Swapper(GuestSetup("LPAR1", ("LIP1",), 0, storage=storage, expanded=expanded))
    assert str(caught.value) == (
        "guest Swapper: LPAR1 has no expanded storage; expected expanded_storage, a size, in its [[lpar]]"
    )


@pytest.mark.parametrize("options", [{"blocks": 0}, {"pages": 0}, {"block": 1}])
def test_bad_options_are_named(options):
    with pytest.raises(UsageError, match=f"option '{next(iter(options))}'"):
        bench(options=options)
