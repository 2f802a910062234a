import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.errors import UsageError

from .bench import PAGE, Bench

PAGES = 5


@settings(max_examples=40, deadline=None)
@given(
    address=st.integers(0, PAGES * PAGE - 1),
    bit=st.integers(0, 7),
    slices=st.integers(0, 30),
    words=st.sampled_from([1, 2, 8, 64, 512]),
    lips=st.sampled_from([1, 3]),
)
def test_the_final_check_finds_any_flipped_bit(address, bit, slices, words, lips):
    machine = Bench("hammer", pages=PAGES, lips=lips, options={"words": words})
    machine.run(slices)
    machine.flip(address, bit)
    (damage,) = machine.verify()
    assert damage.address == address & ~7
    assert damage.lip is None
    assert damage.expected != damage.found


@pytest.mark.parametrize("address", [0, 8, 2 * PAGE + 1000, PAGES * PAGE - 1])
def test_a_flipped_bit_is_found_while_it_runs(address):
    machine = Bench("hammer", pages=PAGES, lips=3)
    machine.run(20)
    machine.flip(address, 5)
    damage = machine.until_damage()
    assert damage.address == address & ~7
    assert damage.lip == f"LIP{address // PAGE % 3 + 1}", "the page's owner found it"


@pytest.mark.parametrize("bits", [0x10, 0x80, 0x08, 0x04, 0x02])
def test_a_wrong_key_bit_is_found_at_the_end_and_while_it_runs(bits):
    machine = Bench("hammer", pages=PAGES, options={"words": 512})
    machine.run(10)
    # A page that no step touched has its reference and change bits at random: both ways of being wrong.
    machine.flip_key(3, bits)
    (damage,) = machine.verify()
    assert damage.address == 3 * PAGE
    assert "storage key" in damage.expected
    machine = Bench("hammer", pages=1)
    machine.run(10)
    machine.flip_key(0, bits)
    if bits & 0x06:
        return  # the next access sets them again
    assert "storage key" in machine.until_damage().found


def test_without_keys_it_leaves_them_alone():
    machine = Bench("hammer", pages=PAGES, options={"keys": False})
    machine.run(50)
    machine.flip_key(3, 0xF8)
    assert machine.verify() == []


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, PAGES - 1), (2, 3)])
@pytest.mark.parametrize("slices", [0, 40])
def test_swapped_pages_are_found(one, other, slices):
    machine = Bench("hammer", pages=PAGES, options={"keys": False})
    machine.run(slices)
    machine.swap_pages(one, other)
    assert {damage.address // PAGE for damage in machine.verify()} >= {one}


def test_a_page_of_an_earlier_generation_is_found():
    machine = Bench("hammer", pages=1)
    machine.run(5)
    frame = machine.storage.frames[machine.zone.origin]
    earlier = frame.copy()
    machine.run(5)
    frame[:] = earlier
    assert any("generation" in damage.found for damage in machine.verify())


def test_ipl_gives_every_page_distinct_contents():
    machine = Bench("hammer", pages=130)
    zone = machine.zone
    frames = machine.storage.frames[zone.origin : zone.end]
    assert len(np.unique(frames, axis=0)) == 130
    assert machine.storage.words.reshape(-1, 512)[zone.origin : zone.end].all(), "no word is zero"


def test_every_page_is_hammered_and_each_lip_keeps_to_its_own():
    machine = Bench("hammer", pages=6, lips=3)
    before = machine.contents()[0]
    for _ in range(200):
        machine.guest.run(machine.states[1], 100)
    after = machine.contents()[0]
    changed = {page for page in range(6) if before[page * PAGE :][:PAGE] != after[page * PAGE :][:PAGE]}
    assert changed == {1, 4}


def test_a_footprint_bounds_what_is_used_of_a_large_zone():
    machine = Bench("hammer", pages=1024, lips=2, options={"footprint": "1M"})
    machine.run(50)
    used = list(machine.pages_in_use())
    assert len(used) == 256
    assert used[0] == 0
    assert used[-1] == 1023
    assert machine.verify() == []
    machine.flip(used[100] * PAGE + 17)
    assert len(machine.verify()) == 1


def test_more_lips_than_pages():
    machine = Bench("hammer", pages=1, lips=3)
    machine.run(20)
    assert machine.verify() == []
    assert machine.guest.steps > 0


def test_mass_damage_is_counted_and_bounded():
    machine = Bench("hammer", pages=200)
    machine.storage.poison(machine.zone)
    damage = machine.verify()
    assert len(damage) == 64
    assert machine.guest.damage_count > 64


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"words": 3}, "option 'words': 3; expected a power of two from 1 to 512"),
        ({"words": 1024}, "option 'words'"),
        ({"keys": 1}, "option 'keys': 1; expected true or false"),
        ({"footprint": "1 page"}, "option 'footprint': '1 page'; expected a size"),
        ({"footprint": 100}, "4096 at least"),
        ({"seed": -1}, "option 'seed'"),
        ({"word": 8}, "unknown option 'word'; expected one of footprint, words, keys, seed"),
    ],
)
def test_bad_options_are_named(options, problem):
    with pytest.raises(UsageError) as caught:
        Bench("hammer", options=options)
    assert problem in str(caught.value)


def test_it_works_on_a_few_pages_at_least():
    machine = Bench("hammer", pages=20)
    machine.want(3)
    assert machine.until_answered().reason == "the guest works on 4 pages at least"
    machine.want(4)
    assert machine.until_answered().extent == 4


def test_a_lip_without_a_page_gets_one_that_is_added():
    machine = Bench("hammer", pages=4, lips=6)
    machine.run(50)
    steps = [thread.cpu.steps for thread in machine.guest._threads]
    assert [count > 0 for count in steps] == [True] * 4 + [False] * 2
    machine.grow(6)
    machine.until_answered()
    machine.run(50)
    assert all(thread.cpu.steps for thread in machine.guest._threads)
    machine.want(4)
    machine.until_answered()
    steps = [thread.cpu.steps for thread in machine.guest._threads]
    machine.run(50)
    assert [
        thread.cpu.steps > before for thread, before in zip(machine.guest._threads, steps, strict=True)
    ] == ([True] * 4 + [False] * 2)
    assert machine.verify() == []


def test_a_footprint_bounds_also_what_is_used_of_what_is_added():
    machine = Bench("hammer", pages=600, lips=2, options={"footprint": "1M"})
    machine.grow(1500)
    machine.until_answered()
    added = [page for page in machine.pages_in_use() if page >= 600]
    assert len(added) == 256
    assert (added[0], added[-1] > 1400) == (600, True)
    machine.run(300)
    assert machine.verify() == []
    machine.want(700)
    machine.until_answered()
    assert machine.verify() == []
    machine.flip(added[0] * PAGE)
    assert len(machine.verify()) == 1


@pytest.mark.parametrize("bits", [0x10, 0x80, 0x08, 0x04, 0x02])
def test_a_wrong_key_in_what_is_given_up_is_found(bits):
    machine = Bench("hammer", pages=20)
    machine.grow(30)
    machine.until_answered()
    machine.flip_key(25, bits)
    machine.want(20)
    machine.until_answered()
    assert [(one.address, one.expected[:11]) for one in machine.guest.damage] == [(25 * PAGE, "storage key")]


def test_without_keys_it_leaves_also_those_of_what_is_added_alone():
    machine = Bench("hammer", pages=20, options={"keys": False})
    machine.grow(30)
    machine.until_answered()
    machine.run(50)
    assert set(machine.storage.keys[machine.zone.origin :][20:30].tolist()) <= {0x06}
    machine.want(20)
    machine.until_answered()
    assert machine.verify() == []
