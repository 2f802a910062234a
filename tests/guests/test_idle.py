import numpy as np
import pytest

from lparvm.arch.interception import TimeSliceEnded, WaitForInterruption
from lparvm.errors import UsageError

from .bench import PAGE, Bench


def test_it_waits_for_the_interval_and_looks_at_a_few_pages():
    machine = Bench("idle", options={"interval": "25ms", "pages": 3})
    (state,) = machine.states
    for _ in range(5):
        assert machine.guest.run(state, 100) == WaitForInterruption((), 25_000_000)
    assert machine.guest.steps == 4 * 3
    assert machine.guest.stores == 0


def test_a_waking_is_an_instruction_boundary_after_each_page():
    machine = Bench("idle", options={"pages": 3})
    (state,) = machine.states
    machine.guest.run(state, 1)
    assert machine.guest.run(state, 1) == TimeSliceEnded()


def test_filled_every_page_has_distinct_contents():
    machine = Bench("idle", pages=100, options={"fill": True})
    frames = machine.storage.frames[machine.zone.origin : machine.zone.end]
    assert len(np.unique(frames, axis=0)) == 100


def test_not_filled_a_large_zone_stays_mostly_uncommitted():
    machine = Bench("idle", pages=4000)
    used = list(machine.pages_in_use())
    assert len(used) == 64
    assert (used[0], used[-1]) == (0, 3999)


@pytest.mark.parametrize("address", [0, 1234, 20 * PAGE - 1])
@pytest.mark.parametrize("options", [{"fill": True}, {}])
def test_a_flipped_bit_is_found_at_the_end_and_while_it_runs(address, options):
    machine = Bench("idle", pages=20, options=options)
    machine.flip(address, 3)
    assert machine.until_damage(100_000).address == address & ~7
    (damage,) = machine.verify()
    assert damage.lip == "LIP1", "known already: not told twice"


def test_swapped_pages_are_found():
    machine = Bench("idle", pages=20, options={"fill": True})
    machine.swap_pages(3, 17)
    assert {damage.address // PAGE for damage in machine.verify()} == {3, 17}


@pytest.mark.parametrize("interval", ["0s", "soon", 5])
def test_bad_interval(interval):
    with pytest.raises(UsageError, match=r"option 'interval'.* expected a duration such as 250us"):
        Bench("idle", options={"interval": interval})


@pytest.mark.parametrize(("options", "pages"), [({"fill": True}, 70), ({}, 30)])
def test_it_forgets_what_it_gives_up_and_knows_it_again_if_it_is_not_taken(options, pages):
    machine = Bench("idle", pages=pages, options=options)
    machine.run(5)
    machine.takes = False
    machine.want(3)
    machine.until_answered()
    assert machine.guest._footprint.page_count == pages
    machine.takes = True
    machine.want(3)
    machine.until_answered()
    assert machine.guest._footprint.page_count == 3
    machine.run(100)
    assert machine.ended() == [None]
    assert machine.verify() == []
    machine.flip(3 * PAGE - 1)
    assert len(machine.verify()) == 1


def test_it_answers_at_once():
    machine = Bench("idle", pages=1000)
    for change in (lambda: machine.grow(2000), lambda: machine.want(10)):
        change()
        machine.run(2)
        assert machine.states[0].service_signal is None
    assert len(machine.answers) == 2


def test_without_a_stamped_page_it_only_waits():
    machine = Bench("idle", pages=30)
    machine.guest._footprint = machine.guest._footprint.below(0)
    machine.run(50)
    assert machine.ended() == [None]
    assert machine.verify() == []
