"""What holds for every built-in guest."""

import pytest

from lparvm.arch.interception import WaitForInterruption
from lparvm.devices.registry import make_device
from lparvm.guests.registry import GUESTS

from .bench import Bench

ALL = sorted(GUESTS)
OPTIONS = {"idle": {"fill": True, "pages": 16}, "copier": {"record": 512}}
DEVICE_OPTIONS = {"console": {"script": [f"line {number}" for number in range(200)]}}
KINDS = {
    "journal": ["disk"], "pager": ["disk"], "sharer": ["disk"], "copier": ["disk", "tape"], "typist": ["console"],
}  # fmt: skip


def bench(name, *, lips=1, pages=48, **more):
    kinds = KINDS.get(name, []) * lips
    devices = {
        0x190 + place: make_device(kind, 0x190 + place, 1000, DEVICE_OPTIONS.get(kind, {}))
        for place, kind in enumerate(kinds)
    }
    return Bench(name, lips=lips, pages=pages, devices=devices, options=OPTIONS.get(name), **more)


@pytest.mark.parametrize("lips", [1, 3])
@pytest.mark.parametrize("name", ALL)
def test_it_runs_intact_and_makes_steps(name, lips):
    machine = bench(name, lips=lips)
    machine.run(800)
    assert machine.ended() == [None] * lips
    assert machine.verify() == []
    assert machine.guest.steps > 20 * (lips if name != "typist" else 1), "a typist has one console"
    assert machine.guest.fetches > 100


@pytest.mark.parametrize("lips", [1, 3])
@pytest.mark.parametrize("name", ALL)
def test_moving_the_zone_between_slices_does_not_disturb_it(name, lips):
    machine = bench(name, lips=lips)
    for origin in (14, 3, 40, 39, 0, 55, 13):
        machine.run(7, budget=37)
        machine.relocate(origin)
    machine.run(50)
    assert machine.ended() == [None] * lips
    assert machine.verify() == []


@pytest.mark.parametrize("name", ALL)
def test_a_move_that_leaves_one_page_behind_is_found(name):
    machine = bench(name)
    machine.run(10)
    page = next(machine.pages_in_use())
    machine.relocate(40)
    machine.storage.frames[machine.zone.origin + page] = 0
    assert machine.verify(), f"page {page} is zero and {name} did not notice"


@pytest.mark.parametrize("name", ALL)
def test_it_stays_in_its_zone(name):
    machine = bench(name, lips=2)
    machine.run(100)
    machine.verify()
    assert machine.outside() == []


@pytest.mark.parametrize("name", ALL)
def test_same_seed_same_storage(name):
    contents = []
    for _ in range(2):
        machine = bench(name, lips=3, seed=11)
        machine.run(60)
        contents.append((machine.contents(), [state.instructions for state in machine.states]))
    assert contents[0] == contents[1]


@pytest.mark.parametrize("other", [{"seed": 12}, {"lpar": "LPAR2"}], ids=["another seed", "another LPAR"])
@pytest.mark.parametrize("name", ALL)
def test_another_seed_or_lpar_has_other_storage(name, other):
    one, two = bench(name, seed=11), bench(name, **{"seed": 11} | other)
    assert one.contents() != two.contents()


@pytest.mark.parametrize("name", ALL)
def test_storage_of_another_lpar_with_the_same_guest_is_damage(name):
    one, two = bench(name, lpar="LPAR1"), bench(name, lpar="LPAR2")
    one.run(5)
    two.run(5)
    zone = one.zone
    one.storage.frames[zone.origin : zone.end] = two.storage.frames[zone.origin : zone.end]
    one.storage.keys[zone.origin : zone.end] = two.storage.keys[zone.origin : zone.end]
    assert one.verify()


@pytest.mark.parametrize("name", ALL)
def test_slices_keep_to_their_budget(name):
    machine = bench(name, lips=2)
    for _ in range(50):
        for state in machine.states:
            before = state.instructions
            machine.reply(state, machine.guest.run(state, 100))
            # The longest stretch without a yield is a page of the swapper: its key and all its words.
            assert state.instructions - before <= 100 + 2 + 512, "one slice ran far over its budget"


@pytest.mark.parametrize("name", ALL)
def test_a_slice_tells_what_it_touched_and_ipl_does_not_count(name):
    machine = bench(name)
    assert machine.guest.fetches == machine.guest.stores == 0, "IPL is no slice"
    fetches = stores = 0
    for _ in range(20):
        machine.run(1)
        span = machine.guest.take_span(machine.states[0])
        fetches, stores = fetches + span.fetches, stores + span.stores
        if span.lowest_host is not None:
            assert machine.zone.origin_bytes <= span.lowest_host <= span.highest_host
            assert span.highest_host < machine.zone.end << 12
    assert (fetches, stores) == (machine.guest.fetches, machine.guest.stores)


@pytest.mark.parametrize("name", ALL)
def test_observers_see_every_word(name):
    machine = bench(name)
    words = []
    machine.guest.observe(lambda access, address, host, count: words.append((address, host)))
    machine.run(20)
    assert len(words) > 10
    assert all(host == machine.host(address) for address, host in words)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_zone_too_small_is_the_guests_error(name):
    machine = bench(name, pages=2)
    machine.run(1)
    (ended,) = machine.ended()
    assert "ValueError: a zone of 2 pages; expected " in ended.text


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_guest_with_io_lets_others_have_the_processor_while_it_waits(name):
    machine = bench(name)
    waits = 0
    for _ in range(400):
        for state in machine.states:
            interception = machine._waiting.pop(0, None) or machine.guest.run(state, 100)
            waits += isinstance(interception, WaitForInterruption)
            machine.reply(state, interception)
    assert waits > 20
