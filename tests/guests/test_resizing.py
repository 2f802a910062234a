"""Every built-in guest uses storage that is added while it runs, proves it, and gives it up when it is asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.service_signal import StorageGivenUp, StorageKept, StorageUsed

from .bench import PAGE
from .test_guests import ALL, KINDS, bench

PAGES, MORE = 48, 70
WORKING = [name for name in ALL if name != "idle"]
ANNEXED = [*sorted(KINDS), "swapper"]


def grown(name, lips=2, slices=100, **more):
    machine = bench(name, lips=lips, pages=PAGES, **more)
    machine.run(slices)
    machine.grow(MORE)
    assert machine.until_answered() == StorageUsed(MORE)
    return machine


def held(machine, first=PAGES):
    """Guest absolute addresses, from a page on, of bytes that are not zero."""
    zone = machine.zone
    part = machine.storage.frames[zone.origin + first : zone.end].ravel()
    return (np.flatnonzero(part) + first * PAGE).tolist()


@pytest.mark.parametrize("lips", [1, 3])
@pytest.mark.parametrize("name", ALL)
def test_it_goes_on_with_more_storage(name, lips):
    machine = grown(name, lips)
    steps = machine.guest.steps
    machine.run(1000)
    assert machine.ended() == [None] * lips
    assert machine.verify() == []
    assert machine.guest.steps > steps
    for cpu in (thread.cpu for thread in machine.guest._threads):
        assert cpu.extent_bytes == MORE * PAGE


@pytest.mark.parametrize("name", WORKING)
def test_it_uses_what_is_added_from_its_first_page_to_its_last(name):
    machine = grown(name)
    used = {address // PAGE for address in held(machine)}
    assert used == set(range(PAGES, MORE))
    before = machine.contents()
    machine.run(1500)
    zone = machine.zone
    if name != "chain":  # it only reads
        now = machine.storage.frames[zone.origin + PAGES : zone.end].tobytes()
        assert now != before[0][PAGES * PAGE :], "no page that was added is worked with"


@pytest.mark.parametrize("name", WORKING)
def test_all_processors_work_with_what_is_added(name):
    machine = grown(name, lips=2)
    seen = [set(), set()]
    for thread in machine.guest._threads:
        watch = seen[thread.cpu.cpu_address]
        thread.cpu.observer = lambda _, address, *__, watch=watch: watch.add(address // PAGE)
    machine.run(1500)
    processors = 1 if name == "typist" else 2  # a typist has one console
    for watch in seen[:processors]:
        assert {page for page in watch if page >= PAGES}


@pytest.mark.parametrize("name", WORKING)
def test_damage_in_what_was_added_is_found_at_the_end(name):
    machine = grown(name)
    machine.run(100)
    address = held(machine)[0]
    machine.flip(address)
    assert address & ~7 in {damage.address for damage in machine.verify()}


@pytest.mark.parametrize("name", WORKING)
def test_damage_in_what_was_added_is_found_while_it_runs(name):
    machine = grown(name)
    address = held(machine)[0]
    machine.flip(address)
    assert machine.until_damage(20_000).address == address & ~7


@pytest.mark.parametrize("name", WORKING)
def test_damage_while_it_is_being_added_is_found(name):
    machine = bench(name, pages=PAGES)
    machine.run(50)
    machine.grow(MORE)
    while not held(machine):
        machine.run(1, budget=1)
    assert not machine.answers
    machine.flip(held(machine)[0])
    machine.until_answered()
    assert machine.verify()


@pytest.mark.parametrize("name", WORKING)
def test_a_grown_zone_that_moves_and_leaves_an_added_page_behind_is_found(name):
    machine = grown(name)
    machine.run(20)
    machine.relocate(60)
    assert machine.verify() == []
    machine.storage.frames[machine.zone.origin + MORE - 1] = 0
    assert MORE - 1 in {damage.address // PAGE for damage in machine.verify()}


@pytest.mark.parametrize("turns", [0, 40])
@pytest.mark.parametrize("lips", [1, 3])
@pytest.mark.parametrize("name", ALL)
def test_it_gives_up_what_was_added_and_touches_it_no_more(name, lips, turns):
    machine = grown(name, lips)
    machine.turns_until_taken = turns
    machine.run(100, budget=7)
    machine.want(PAGES)
    assert machine.until_answered(budget=7) == StorageGivenUp(PAGES)
    assert machine.zone.extent == PAGES
    machine.run(300, budget=7)
    assert machine.touched == []
    assert machine.ended() == [None] * lips
    assert machine.verify() == []


@pytest.mark.parametrize("name", WORKING)
def test_damage_in_what_is_given_up_is_found_before(name):
    machine = grown(name)
    for address in (held(machine)[0], held(machine, MORE - 1)[-8] & ~7):
        machine.flip(address)
    machine.want(PAGES)
    assert machine.until_answered() == StorageGivenUp(PAGES)
    assert len({damage.address // PAGE for damage in machine.guest.damage}) == 2


@pytest.mark.parametrize("name", WORKING)
def test_what_is_given_up_and_not_taken_is_in_use_again(name):
    machine = grown(name, lips=3)
    machine.takes = False
    machine.want(PAGES + 5)
    assert machine.until_answered(budget=7) == StorageGivenUp(PAGES + 5)
    machine.run(300, budget=7)
    assert machine.zone.extent == MORE
    assert machine.verify() == []
    address = held(machine, MORE - 1)[0]
    machine.flip(address)
    assert machine.verify()[0].address == address & ~7


@pytest.mark.parametrize("name", ANNEXED)
def test_a_guest_with_fixed_places_keeps_what_ipl_laid_out(name):
    machine = grown(name)
    machine.want(PAGES - 1)
    answer = machine.until_answered()
    assert answer == StorageKept(f"IPL laid out {PAGES} pages, and they are in use")
    assert machine.zone.extent == MORE
    machine.run(100)
    assert machine.verify() == []


@pytest.mark.parametrize("name", sorted(set(ALL) - set(ANNEXED)))
def test_the_others_give_up_also_what_they_had_at_ipl(name):
    machine = bench(name, lips=3, pages=PAGES)
    for extent in (PAGES - 3, 20, 4):
        machine.run(100, budget=7)
        machine.want(extent)
        assert machine.until_answered() == StorageGivenUp(extent)
    machine.run(200)
    assert machine.ended() == [None] * 3
    assert machine.verify() == []
    machine.grow(30)
    assert machine.until_answered() == StorageUsed(30)
    machine.run(200)
    assert machine.ended() == [None] * 3
    assert machine.verify() == []


@pytest.mark.parametrize("slices", range(20, 120, 4))
@pytest.mark.parametrize("name", ["hammer", "ledger", "chain"])
def test_a_processor_that_stood_still_meanwhile_does_not_go_on_with_what_is_gone(name, slices):
    machine = bench(name, lips=3, pages=PAGES)
    machine.run(slices, budget=1)  # each of them is within a step
    machine.stalled = (1, 2)
    machine.want(4)
    machine.until_answered()
    if slices % 8:
        machine.grow(PAGES)
        machine.until_answered()
    machine.stalled = ()
    machine.run(100, budget=1)
    assert machine.touched == []
    assert machine.ended() == [None] * 3
    assert machine.verify() == []


@pytest.mark.parametrize("name", ALL)
def test_answers_are_made_in_bounded_pieces(name):
    machine = bench(name, pages=PAGES)
    machine.run(20)
    for signal in (lambda: machine.grow(MORE), lambda: machine.want(PAGES)):
        signal()
        count, most = len(machine.answers), 0
        while len(machine.answers) == count:
            (state,) = machine.states
            before = machine.guest.fetches + machine.guest.stores
            machine.reply(state, machine.guest.run(state, 1))
            most = max(most, machine.guest.fetches + machine.guest.stores - before)
        assert most <= 4 * 512, "words between two instruction boundaries"
        machine.run(20)


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_storage(name):
    contents = []
    for _ in range(2):
        machine = grown(name, lips=3, seed=5)
        machine.want(60)
        machine.until_answered()
        machine.run(50)
        contents.append((machine.contents(), [state.instructions for state in machine.states]))
    assert contents[0] == contents[1]


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(ALL),
    lips=st.integers(1, 3),
    seed=st.integers(0, 99),
    doings=st.lists(
        st.tuples(
            st.integers(1, 100),  # extent wanted
            st.integers(0, 30),  # slices before
            st.sampled_from([1, 3, 7, 100]),  # instructions of a slice
            st.booleans(),  # whether it is taken
            st.integers(0, 9),  # turns until then
            st.integers(0, 40),  # where the zone is moved then
            st.sets(st.integers(1, 2)),  # processors that stand still meanwhile
        ),
        max_size=8,
    ),
)
def test_whatever_is_added_and_wanted_no_damage_is_told_and_nothing_is_touched_that_was_given_up(
    name, lips, seed, doings
):
    machine = bench(name, lips=lips, pages=PAGES, seed=seed)
    for extent, slices, budget, takes, turns, origin, stalled in doings:
        machine.stalled = ()
        machine.run(slices, budget)
        machine.stalled = stalled
        machine.takes, machine.turns_until_taken = takes, turns
        if extent > machine.zone.extent:
            machine.grow(extent)
            expected = StorageUsed(extent)
        else:
            machine.want(extent)
            expected = StorageGivenUp(extent)
        answer = machine.until_answered(budget=budget)
        assert answer == expected or isinstance(answer, StorageKept)
        machine.relocate(origin)
    machine.stalled = ()
    machine.run(30)
    assert machine.ended() == [None] * lips
    assert machine.touched == []
    assert machine.verify() == []
