import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.state_description import StateDescription
from lparvm.guests import Processor
from lparvm.guests.stamped_pages import StampedPages
from lparvm.guests.stamps import Footprint, make_salt
from lparvm.storage.main_storage import MainStorage

PAGE = 4096
PAGES = 400


class Machine:
    """Stamped pages, and a processor with all of storage but the first frames."""

    def __init__(self, pages=0, **more):
        self.damage = []
        self.storage = MainStorage(PAGES + 3)
        state = StateDescription("LPAR1", "LIP1", 0, Zone(3, PAGES))
        self.cpu = Processor(self.storage, state, lip="LIP1", lip_count=1, seed=0, devices=(), options={},
                             report=lambda *damage: self.damage.append(damage))  # fmt: skip
        self.pages = StampedPages(make_salt(7), **more)
        if pages:
            self.pages.load(self.cpu, Footprint.over(pages, pages), bytearray(range(0, 2 * pages, 2)))

    def join(self, first, end, pages_max=PAGES):
        return list(self.pages.join(self.cpu, first, end, pages_max))

    def leave(self, extent):
        for _ in self.pages.leave(self.cpu, extent):
            pass
        return self.pages.depart()

    def check(self):
        self.pages.check(self.cpu)
        return self.damage


@settings(max_examples=60, deadline=None)
@given(
    words=st.sampled_from([1, 8, 512]),
    owners=st.integers(1, 3),
    keyed=st.booleans(),
    changes=st.lists(st.tuples(st.integers(1, PAGES), st.integers(0, 30), st.booleans()), max_size=6),
    pages_max=st.sampled_from([1, 3, 64, 100, PAGES]),
    damaged=st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, PAGE - 1), st.integers(0, 7)),
)
def test_every_bit_of_every_page_is_known_whatever_joined_and_left(
    words, owners, keyed, changes, pages_max, damaged
):
    machine = Machine(5, words=words, owners=owners, keyed=keyed)
    extent, pages = 5, machine.pages
    for wanted, turns, taken in changes:
        if wanted > extent:
            machine.join(extent, wanted, pages_max)
            extent = wanted
        else:
            departed = machine.leave(wanted)
            pages.come_back(departed, wanted if taken else extent)
            extent = wanted if taken else extent
        for _ in range(turns):
            pages.turn(machine.cpu)
        assert pages.count == len(pages.pages) == len(pages.generations) == len(pages.keys)
        assert list(pages.pages) == sorted(set(pages.pages))
        assert not pages.pages or pages.pages[-1] < extent
    assert machine.check() == []
    if pages.count:
        share, byte, bit = damaged
        address = pages.pages[int(share * pages.count)] * PAGE + byte
        machine.storage.buffer[3 * PAGE + address] ^= 1 << bit
        assert [damage[0] for damage in machine.check()] == [address & ~7]


def test_a_page_that_joins_is_in_use_at_once():
    machine = Machine(5)
    counts = [machine.pages.count for _ in machine.pages.join(machine.cpu, 5, 16, PAGES)]
    assert counts == [6, 8, 12, 16], "pieces of four pages, aligned"


def test_pages_that_leave_are_chosen_no_more_and_still_checked_until_they_have_left():
    machine = Machine(8)
    for _ in machine.pages.leave(machine.cpu, 4):
        for _ in range(50):
            machine.pages.turn(machine.cpu)
    assert not any(machine.pages.generations[4:])
    machine.storage.buffer[(3 + 7) * PAGE] ^= 1
    assert [damage[0] for damage in machine.check()] == [7 * PAGE]
    machine.pages.depart()
    machine.damage.clear()
    machine.storage.buffer[(3 + 6) * PAGE] ^= 1
    assert machine.check() == []


def test_what_is_wrong_with_a_key_is_told_once():
    machine = Machine(8)
    machine.storage.keys[3 + 5] ^= 0x10
    assert [damage[0] for damage in machine.check()] == [5 * PAGE]
    assert len(machine.check()) == 1


def test_pages_join_behind_all_others():
    machine = Machine(8)
    with pytest.raises(AssertionError, match="pages join at the end"):
        machine.join(7, 9)


def test_without_pages_a_turn_does_nothing():
    machine = Machine()
    machine.pages.turn(machine.cpu)
    assert machine.cpu.instructions == 0
    assert machine.check() == []
