"""What a guest processor sees, and what it is kept from."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.interruption import ProgramCode, ProgramInterruption
from lparvm.arch.psw import Psw
from lparvm.arch.state_description import StateDescription
from lparvm.arch.storage_key import CHANGE, FETCH_PROTECTION, REFERENCE
from lparvm.storage.access import Span
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.view import GuestView

ORIGIN, EXTENT = 16, 24
END = EXTENT * PAGE_BYTES
BOTH = REFERENCE | CHANGE


def make(access_key=0):
    storage = MainStorage(64)
    state = StateDescription("LPAR1", "LIP1", 0, Zone(ORIGIN, EXTENT), Psw().with_key(access_key))
    return storage, state, GuestView(storage, state)


@pytest.fixture
def storage(view):
    return view.storage


@pytest.fixture
def state(view):
    return view.state


@pytest.fixture
def view():
    storage, _, view = make()
    with storage:
        yield view


def outcome(view):
    """Storage and keys, to show that a refused access changed nothing."""
    return bytes(view.storage.buffer), bytes(view.storage.key_buffer), view.span, view.instructions


def refused(view, access, *arguments):
    before = outcome(view)
    with pytest.raises(ProgramInterruption) as caught:
        getattr(view, access)(*arguments)
    assert outcome(view) == before, f"a refused {access} left a mark"
    return caught.value.code, caught.value.address


FETCHES = {
    "fetch": lambda address: (address,),
    "fetch_words": lambda address: (address, 1),
    "fetch_bytes": lambda address: (address, 8),
}
STORES = {
    "store": lambda address: (address, 1),
    "store_words": lambda address: (address, [1]),
    "store_bytes": lambda address: (address, b"12345678"),
    "compare_and_swap": lambda address: (address, 0, 1),
}
KEYS = {"get_key": lambda address: (address,), "set_key": lambda address: (address, 0)}
DATA = FETCHES | STORES
ALL = DATA | KEYS


# Translation and limit.


def test_words_are_big_endian_at_origin_plus_address(view, storage):
    view.store(8, 0x0102030405060708)
    assert storage.frames[ORIGIN, 8:16].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert view.fetch(8) == 0x0102030405060708
    assert view.fetch_words(0, 2).tolist() == [0, 0x0102030405060708]
    assert view.fetch_bytes(9, 2) == b"\x02\x03"


def test_the_zone_of_the_state_description_holds_at_each_access(view, storage, state):
    view.store(0, 1)
    state.zone = Zone(0, 2)
    view.store(0, 2)
    assert (storage.words[ORIGIN * 512], storage.words[0]) == (1, 2)
    assert view.extent_bytes == 2 * PAGE_BYTES
    assert refused(view, "fetch", 2 * PAGE_BYTES)[0] is ProgramCode.ADDRESSING


def test_the_last_word_of_the_zone_is_the_limit(view):
    view.store(END - 8, 5)
    assert view.fetch(END - 8) == 5
    view.store_bytes(END - 3, b"abc")
    assert view.fetch_bytes(END - 3, 3) == b"abc"


@pytest.mark.parametrize("address", [-8, END, END + 8, 1 << 62])
@pytest.mark.parametrize("access", ALL)
def test_an_address_outside_the_zone_is_an_addressing_exception(view, access, address):
    assert refused(view, access, *ALL[access](address)) == (ProgramCode.ADDRESSING, address)


def test_an_array_that_ends_outside_the_zone_names_the_first_byte_outside(view):
    assert refused(view, "store_bytes", END - 4, b"12345") == (ProgramCode.ADDRESSING, END)
    assert refused(view, "fetch_words", END - 8, 600) == (ProgramCode.ADDRESSING, END)


@pytest.mark.parametrize("access", ["fetch", "store", "compare_and_swap", "fetch_words", "store_words"])
@pytest.mark.parametrize("address", [1, 4, 4095])
def test_a_word_off_its_boundary_is_a_specification_exception(view, access, address):
    assert refused(view, access, *DATA[access](address)) == (ProgramCode.SPECIFICATION, address)


def test_values_wrap_at_64_bits(view):
    view.store(0, -1)
    assert view.fetch(0) == (1 << 64) - 1
    assert view.compare_and_swap(0, -1, 1 << 64)
    assert view.fetch(0) == 0


def test_a_list_with_a_number_that_is_no_word_stores_nothing(view):
    before = outcome(view)
    with pytest.raises(OverflowError):
        view.store_words(0, [1, 1 << 64])
    assert outcome(view) == before


def test_compare_and_swap_stores_only_where_equal(view):
    view.store(0, 5)
    assert not view.compare_and_swap(0, 4, 9)
    assert view.fetch(0) == 5
    assert view.compare_and_swap(0, 5, 9)
    assert view.fetch(0) == 9


# Key-controlled protection.


@pytest.mark.parametrize("access", DATA)
@pytest.mark.parametrize("storage_key", [0x00, 0x30, 0x38, 0x50, 0x58])
@pytest.mark.parametrize("access_key", [0, 3, 5])
def test_protection_follows_access_control_fetch_protection_and_access_key(access, storage_key, access_key):
    storage, _, view = make(access_key)
    with storage:
        storage.keys[ORIGIN] = storage_key
        matches = access_key in (0, storage_key >> 4)
        if matches or (access in FETCHES and not storage_key & FETCH_PROTECTION):
            getattr(view, access)(*DATA[access](64))
        else:
            assert refused(view, access, *DATA[access](64)) == (ProgramCode.PROTECTION, 64)


def test_the_access_key_of_a_new_psw_holds_at_once(view, storage, state):
    storage.keys[ORIGIN] = 0x30
    view.store(0, 1)
    state.psw = state.psw.with_key(4)
    for access in STORES:
        assert refused(view, access, *STORES[access](0))[0] is ProgramCode.PROTECTION
        state.psw = state.psw.with_key(4)  # a new object again
    state.psw = state.psw.with_key(3)
    view.store(0, 2)
    storage.keys[ORIGIN] = 0x38
    for access in FETCHES:
        state.psw = state.psw.with_key(4)
        assert refused(view, access, *FETCHES[access](0))[0] is ProgramCode.PROTECTION


def test_an_access_across_pages_is_checked_in_each_frame_and_stores_nothing_when_one_refuses():
    storage, _, view = make(access_key=3)
    with storage:
        storage.keys[ORIGIN : ORIGIN + 4] = [0x30, 0x30, 0x58, 0x30]
        data = bytes(2 * PAGE_BYTES)
        assert refused(view, "store_bytes", 100, b"x" * 2 * PAGE_BYTES) == (
            ProgramCode.PROTECTION,
            2 * PAGE_BYTES,
        )
        assert refused(view, "fetch_words", 96, 1024) == (ProgramCode.PROTECTION, 2 * PAGE_BYTES)
        assert refused(view, "fetch_bytes", 2 * PAGE_BYTES + 5, PAGE_BYTES) == (
            ProgramCode.PROTECTION,
            2 * PAGE_BYTES + 5,
        )
        storage.keys[ORIGIN + 2] = 0x50
        assert view.fetch_bytes(100, 2 * PAGE_BYTES) == data, "not fetch-protected"


def test_keys_are_not_key_protected(view, state):
    state.psw = state.psw.with_key(7)
    view.set_key(100, 0x5A)
    assert view.get_key(PAGE_BYTES - 1) == 0x5A
    view.set_key(0, 0x1FF)
    assert view.get_key(0) == 0xFF, "a key has eight bits"


# Reference and change.


@pytest.mark.parametrize("access", DATA)
def test_fetches_set_reference_and_stores_reference_and_change(view, storage, access):
    storage.keys[ORIGIN + 1] = 0x30
    getattr(view, access)(*DATA[access](PAGE_BYTES + 16))
    expected = [0, 0x30 | (REFERENCE if access in FETCHES else BOTH), 0]
    assert storage.keys[ORIGIN : ORIGIN + 3].tolist() == expected
    assert not storage.keys[:ORIGIN].any()
    assert not storage.keys[ORIGIN + EXTENT :].any()


def test_a_comparison_without_a_swap_sets_reference_only(view, storage):
    assert not view.compare_and_swap(0, 1, 2)
    assert storage.keys[ORIGIN] == REFERENCE


@pytest.mark.parametrize("pages", [2, 20])
def test_each_frame_of_an_array_is_marked(view, storage, pages):
    count = (pages - 2) * PAGE_BYTES + 2
    view.fetch_bytes(PAGE_BYTES - 1, count)
    expected = [REFERENCE] * pages + [0] * (EXTENT - pages)
    assert storage.keys[ORIGIN : ORIGIN + EXTENT].tolist() == expected
    view.store_bytes(PAGE_BYTES - 1, bytes(count))
    expected = [BOTH] * pages + [0] * (EXTENT - pages)
    assert storage.keys[ORIGIN : ORIGIN + EXTENT].tolist() == expected


def test_an_array_of_nothing_touches_nothing_but_must_lie_in_the_zone(view):
    before = outcome(view)
    assert view.fetch_bytes(0, 0) == b""
    assert view.fetch_words(END, 0).tolist() == []
    view.store_bytes(5, b"")
    view.store_words(0, [])
    assert outcome(view) == before
    assert refused(view, "fetch_bytes", END + 1, 0)[0] is ProgramCode.ADDRESSING


def test_a_negative_count_is_the_caller_s_mistake(view):
    with pytest.raises(ValueError, match="expected 0 or more"):
        view.fetch_bytes(0, -1)


# Accounts.


def test_a_span_tells_what_was_touched_since_the_last_one(view):
    base = ORIGIN * PAGE_BYTES
    assert view.take_span() == Span(0, 0, None, None)
    view.store(800, 1)
    view.fetch(160)
    view.fetch_words(400, 10)
    assert view.span == Span(fetches=11, stores=1, lowest_host=base + 160, highest_host=base + 807)
    view.take_span()
    assert view.span == Span()
    view.get_key(4096)
    assert view.take_span() == Span(0, 0, base + 4096, base + 4096), "a key operation touches its frame"
    view.store_bytes(4090, bytes(20))
    assert view.take_span() == Span(0, 3, base + 4090, base + 4109)
    assert (view.fetches_total, view.stores_total) == (11, 4)


@pytest.mark.parametrize(
    ("access", "arguments", "cost"),
    [
        ("fetch", (0,), 1), ("store", (0, 1), 1), ("compare_and_swap", (0, 0, 1), 1),
        ("compare_and_swap", (0, 1, 1), 1), ("fetch_words", (0, 100), 100), ("store_words", (4088, [1, 2]), 2),
        ("fetch_bytes", (7, 2), 2), ("store_bytes", (0, b"1"), 1), ("fetch_bytes", (4095, 2), 2),
        ("get_key", (0,), 1), ("set_key", (0, 1), 1),
    ],
)  # fmt: skip
def test_an_access_costs_one_instruction_for_each_word_it_touches(view, access, arguments, cost):
    getattr(view, access)(*arguments)
    assert view.instructions == cost


def test_an_observer_sees_each_access(view):
    seen = []
    view.observer = lambda *access: seen.append(access)
    base = ORIGIN * PAGE_BYTES
    view.store(8, 1)
    view.fetch_words(4088, 2)
    view.compare_and_swap(8, 1, 2)
    view.set_key(4096, 0x10)
    assert seen == [
        ("store", 8, base + 8, 8),
        ("fetch", 4088, base + 4088, 16),
        ("fetch", 8, base + 8, 8),
        ("store", 8, base + 8, 8),
        ("key", 4096, base + 4096, 1),
    ]


def test_arrays_are_copies(view):
    words = view.fetch_words(0, 4)
    words[:] = 7
    assert view.fetch(0) == 0
    assert words.dtype == np.uint64
    assert words.dtype.isnative


@given(st.integers(0, 3 * PAGE_BYTES), st.binary(min_size=1, max_size=2 * PAGE_BYTES))
def test_bytes_and_words_agree_at_any_alignment(address, data):
    storage, _, view = make()
    with storage:
        view.store_bytes(address, data)
        assert view.fetch_bytes(address, len(data)) == data
        first = address & ~7
        count = (address + len(data) + 7) // 8 - first // 8
        expected = struct.unpack(
            f">{count}Q", bytes(address - first) + data + bytes(-(address + len(data)) % 8)
        )
        assert tuple(view.fetch_words(first, count).tolist()) == expected
        assert view.fetch(first) == expected[0]
        view.store_words(first, view.fetch_words(first, count)[::-1])
        assert tuple(view.fetch_words(first, count).tolist()) == expected[::-1]
