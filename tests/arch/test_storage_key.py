from itertools import product

import pytest

from lparvm.arch.storage_key import (
    ACCESS_CONTROL,
    CHANGE,
    FETCH_PROTECTION,
    REFERENCE,
    fetch_permitted,
    storage_key,
    store_permitted,
)


def test_the_parts_of_a_key_don_t_share_bits():
    assert storage_key(15, fetch_protected=True, reference=True, change=True) == 0xFE
    assert ACCESS_CONTROL | FETCH_PROTECTION | REFERENCE | CHANGE == 0xFE
    assert ACCESS_CONTROL ^ FETCH_PROTECTION ^ REFERENCE ^ CHANGE == 0xFE


@pytest.mark.parametrize("access_control", range(16))
def test_a_key_is_put_together_of_its_parts(access_control: int):
    for fetch_protected, reference, change in product((False, True), repeat=3):
        key = storage_key(access_control, fetch_protected=fetch_protected, reference=reference, change=change)
        assert key >> 4 == access_control
        assert bool(key & FETCH_PROTECTION) == fetch_protected
        assert bool(key & REFERENCE) == reference
        assert bool(key & CHANGE) == change


# Principles of Operation, "Key-Controlled Protection": fetch protection, key relation -> fetch, store.
PERMITTED = [
    (False, "match", True, True),
    (False, "mismatch", True, False),
    (False, "master", True, True),
    (True, "match", True, True),
    (True, "mismatch", False, False),
    (True, "master", True, True),
]


@pytest.mark.parametrize(("fetch_protected", "relation", "fetch", "store"), PERMITTED)
def test_key_controlled_protection_permits_what_the_architecture_says(
    fetch_protected: bool, relation: str, fetch: bool, store: bool
):
    for access_control, access_key in product(range(16), repeat=2):
        is_master, is_match = access_key == 0, access_key == access_control
        now = "master" if is_master else "match" if is_match else "mismatch"
        if now != relation:
            continue
        for reference, change in product((False, True), repeat=2):
            key = storage_key(
                access_control, fetch_protected=fetch_protected, reference=reference, change=change
            )
            assert fetch_permitted(key, access_key) is fetch, f"fetch, key {key:02X}, access key {access_key}"
            assert store_permitted(key, access_key) is store, f"store, key {key:02X}, access key {access_key}"
