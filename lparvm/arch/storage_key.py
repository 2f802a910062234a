"""The storage key of a frame (Principles of Operation, "Storage Key" and "Key-Controlled Protection").

One byte: access-control bits 0-3, fetch protection (bit 4), reference (5), change (6). Bit 7 is unassigned;
it is kept and moved like the others.
"""

ACCESS_CONTROL = 0xF0
FETCH_PROTECTION = 0x08
REFERENCE = 0x04
CHANGE = 0x02
MASTER_KEY = 0


def storage_key(
    access_control: int, *, fetch_protected: bool = False, reference: bool = False, change: bool = False
) -> int:
    """Put a key byte together; `access_control` is 0 to 15."""
    return (
        (access_control << 4)
        | (FETCH_PROTECTION if fetch_protected else 0)
        | (REFERENCE if reference else 0)
        | (CHANGE if change else 0)
    )


def store_permitted(key: int, access_key: int) -> bool:
    """Whether a store with this access key (0 to 15) into a frame with this storage key is permitted."""
    return access_key == MASTER_KEY or key >> 4 == access_key


def fetch_permitted(key: int, access_key: int) -> bool:
    """Whether a fetch is permitted: as a store, and everywhere without fetch protection."""
    return access_key == MASTER_KEY or not key & FETCH_PROTECTION or key >> 4 == access_key
