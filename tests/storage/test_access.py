"""Protection and accounts, as every access has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.storage_key import CHANGE, REFERENCE, fetch_permitted, store_permitted
from lparvm.storage.access import (
    first_protected,
    first_protected_frame,
    mark_accessed,
    mark_frames,
    words_touched,
)


@given(st.lists(st.integers(0, 255), max_size=20), st.integers(0, 15), st.booleans())
def test_the_first_protected_frame_is_the_first_that_the_architecture_refuses(keys, access_key, store):
    permitted = store_permitted if store else fetch_permitted
    expected = next((index for index, key in enumerate(keys) if not permitted(key, access_key)), None)
    assert first_protected(np.array(keys, dtype=np.uint8), access_key, store=store) == expected


@given(st.lists(st.integers(0, 255), max_size=20), st.booleans())
def test_marking_sets_reference_and_for_a_store_change_and_nothing_else(keys, store):
    marked = np.array(keys, dtype=np.uint8)
    mark_accessed(marked, store=store)
    bits = REFERENCE | CHANGE if store else REFERENCE
    assert marked.tolist() == [key | bits for key in keys]


@given(st.binary(min_size=1, max_size=20), st.integers(0, 15), st.booleans(), st.data())
def test_on_the_keys_of_all_frames_the_same_is_found_and_marked(keys, access_key, store, data):
    first = data.draw(st.integers(0, len(keys) - 1))
    last = data.draw(st.integers(first, len(keys) - 1))
    part = np.frombuffer(keys[first : last + 1], dtype=np.uint8).copy()
    expected = first_protected(part, access_key, store=store)
    found = first_protected_frame(memoryview(keys), first, last, access_key, store=store)
    assert found == (None if expected is None else expected + first)
    marked = bytearray(keys)
    mark_frames(memoryview(marked), first, last, REFERENCE | CHANGE if store else REFERENCE)
    mark_accessed(part, store=store)
    assert bytes(marked) == keys[:first] + part.tobytes() + keys[last + 1 :]


@pytest.mark.parametrize(
    ("address", "count", "words"),
    [(0, 8, 1), (0, 0, 1), (7, 2, 2), (4, 8, 2), (8, 4096, 512), (1, 7, 1), (4095, 1, 1)],
)
def test_words_touched(address, count, words):
    assert words_touched(address, count) == words
