import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.psw import Psw
from lparvm.arch.state_description import StateDescription
from lparvm.arch.storage_key import CHANGE, FETCH_PROTECTION, REFERENCE
from lparvm.guests import Processor, ProgramCode, ProgramInterruption
from lparvm.guests.processor import BIG_ENDIAN_WORD
from lparvm.storage.access import Span
from lparvm.storage.main_storage import MainStorage

PAGE = 4096
PAGES = 4


def processor(key=0):
    state = StateDescription("LPAR1", "LIP1", 0, Zone(3, PAGES), psw=Psw().with_key(key))
    return Processor(MainStorage(16), state, lip="LIP1", lip_count=1, seed=0, devices=(), options={},
                     report=lambda *_: None)  # fmt: skip


def words(*values):
    return np.array(values, dtype=np.uint64)


def block(*values):
    return np.array(values, dtype=BIG_ENDIAN_WORD)


addresses = st.lists(st.integers(0, PAGES * 512 - 1).map(lambda n: n * 8), unique=True, max_size=40)


@settings(max_examples=50, deadline=None)
@given(places=addresses, seed=st.integers(0, 99))
def test_scattered_accesses_are_single_accesses_in_one_call(places, seed):
    values = np.random.default_rng(seed).integers(0, 1 << 64, len(places), dtype=np.uint64)
    many, single = processor(), processor()
    many.store_scattered(words(*places), values)
    for address, value in zip(places, values.tolist(), strict=True):
        single.store(address, value)
    assert many.fetch_scattered(words(*places)).tolist() == [single.fetch(address) for address in places]
    assert many.storage.frames.tobytes() == single.storage.frames.tobytes()
    assert many.storage.keys.tobytes() == single.storage.keys.tobytes()
    assert many.take_span() == single.take_span()
    assert many.instructions == single.instructions


def test_blocks_lie_in_storage_as_words_do():
    cpu = processor()
    cpu.store_block(PAGE - 8, block(1, 1 << 63))
    assert (cpu.fetch(PAGE - 8), cpu.fetch(PAGE)) == (1, 1 << 63)
    assert cpu.take_span() == Span(2, 2, 4 * PAGE - 8, 4 * PAGE + 7)


def test_differences_name_address_expected_and_found():
    cpu = processor()
    cpu.store_words(8, [1, 2, 3])
    assert cpu.differences(8, block(1, 2, 3)) == []
    assert cpu.differences(8, block(9, 2, 1)) == [(8, 9, 1), (24, 1, 3)]


def test_of_many_differences_the_first_in_each_page_is_told():
    cpu = processor()
    found = cpu.differences(PAGE - 16, block(*[1] * 1000))
    assert found == [(address, 1, 0) for address in (PAGE - 16, PAGE, 2 * PAGE)]


def test_keys_of_many_pages():
    cpu = processor()
    cpu.set_keys(1, bytes([0x10, 0x28]))
    assert [cpu.get_key(page * PAGE) for page in range(4)] == [0, 0x10, 0x28, 0]
    copy = cpu.keys_of(0, 4)
    assert copy.tolist() == [0, 0x10, 0x28, 0]
    copy[0] = 9
    assert cpu.get_key(0) == 0


def test_reference_and_change_bits_of_scattered_accesses():
    cpu = processor()
    cpu.fetch_scattered(words(0))
    cpu.store_scattered(words(PAGE, PAGE + 8), words(1, 2))
    assert cpu.keys_of(0, 3).tolist() == [REFERENCE, REFERENCE | CHANGE, 0]


def refusal(call, *arguments):
    with pytest.raises(ProgramInterruption) as caught:
        call(*arguments)
    return caught.value.code, caught.value.address


def test_accesses_outside_the_zone_or_off_a_word_are_refused_and_change_nothing():
    cpu = processor()
    end = PAGES * PAGE
    for call, arguments, expected in (
        (cpu.store_scattered, (words(0, end), words(1, 1)), (ProgramCode.ADDRESSING, end)),
        (cpu.store_scattered, (words(0, 12), words(1, 1)), (ProgramCode.SPECIFICATION, 12)),
        (cpu.fetch_scattered, (words((1 << 64) - 8),), (ProgramCode.ADDRESSING, (1 << 64) - 8)),
        (cpu.store_block, (end - 8, block(1, 1)), (ProgramCode.ADDRESSING, end)),
        (cpu.store_block, (4, block(1)), (ProgramCode.SPECIFICATION, 4)),
        (cpu.differences, (4, block(1)), (ProgramCode.SPECIFICATION, 4)),
        (cpu.differences, (end, block(1)), (ProgramCode.ADDRESSING, end)),
        (cpu.keys_of, (3, 2), (ProgramCode.ADDRESSING, end)),
        (cpu.set_keys, (4, b"\1"), (ProgramCode.ADDRESSING, end)),
        (cpu.populate, (3, 2), (ProgramCode.ADDRESSING, 3 * PAGE)),
    ):
        assert refusal(call, *arguments) == expected, call
    assert not cpu.storage.frames.any()
    assert not cpu.storage.keys.any()


def test_protection_holds_for_scattered_accesses():
    cpu = processor(key=3)
    cpu.set_keys(0, bytes([0x30, 0x40, 0x40 | FETCH_PROTECTION, 0x30]))
    assert refusal(cpu.store_scattered, words(0, PAGE), words(1, 1)) == (ProgramCode.PROTECTION, PAGE)
    assert refusal(cpu.fetch_scattered, words(PAGE, 2 * PAGE)) == (ProgramCode.PROTECTION, 2 * PAGE)
    assert cpu.fetch_scattered(words(PAGE)).tolist() == [0]
    cpu.store_scattered(words(0, 3 * PAGE), words(5, 6))
    assert (cpu.fetch(0), cpu.fetch(3 * PAGE)) == (5, 6)


def test_no_address_is_no_access():
    cpu = processor()
    assert cpu.fetch_scattered(words()).tolist() == []
    cpu.store_scattered(words(), words())
    assert cpu.take_span() == Span()


def test_populating_changes_nothing():
    cpu = processor()
    cpu.store(8, 7)
    cpu.populate(0, PAGES)
    assert cpu.fetch(8) == 7
    assert cpu.keys_of(1, 1).tolist() == [0]


def test_observers_see_every_scattered_word():
    cpu = processor()
    seen = []
    cpu.observer = lambda *access: seen.append(access)
    cpu.store_scattered(words(8, PAGE), words(1, 2))
    assert seen == [("store", 8, 3 * PAGE + 8, 8), ("store", PAGE, 4 * PAGE, 8)]


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (512, 1), (513, 2), (1024, 2)])
def test_long_instructions_cost_one_for_each_page_and_are_accesses_like_others(count, pages):
    cpu, stamped = processor(), block(*range(1, count + 1))
    cpu.move_long(PAGE, stamped)
    assert cpu.instructions == pages
    assert cpu.take_span() == Span(0, count, 4 * PAGE, 4 * PAGE + 8 * count - 1)
    assert cpu.get_key(PAGE) == REFERENCE | CHANGE
    before = cpu.instructions
    assert cpu.compare_long(PAGE, stamped) == []
    assert cpu.instructions == before + pages
    cpu.store(PAGE, 77)
    assert cpu.compare_long(PAGE, stamped) == [(PAGE, 1, 77)]
    with pytest.raises(ProgramInterruption):
        cpu.move_long((PAGES - 1) * PAGE + 8, block(*range(512)))


def test_the_guests_extent_is_the_zones_or_what_it_was_told():
    cpu = processor()
    assert cpu.extent_bytes == PAGES * PAGE
    cpu.extent = 2
    assert cpu.extent_bytes == 2 * PAGE
    cpu.store(3 * PAGE, 1)
    cpu.store_scattered(words(3 * PAGE), words(2))
    assert cpu.fetch(3 * PAGE) == 2, "the zone is the limit of accesses"
