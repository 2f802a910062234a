"""What every access to main storage has in common, by a guest or by an I/O processor.

Key-controlled protection and the reference and change bits of the frames that an access touches
(Principles of Operation, "Key-Controlled Protection"), and the account of what was touched.
"""

import numpy as np
import numpy.typing as npt
from attrs import frozen

from lparvm.arch.storage_key import CHANGE, FETCH_PROTECTION, MASTER_KEY, REFERENCE

# Up to this many frames a loop over bytes is faster than numpy's calls.
_LOOP_FRAMES_MAX = 8


@frozen
class Span:
    """What was touched from one point in time to another.

    Attributes:
        fetches: 8-byte words fetched; an access counts each word that it touches, and one at least.
        stores: 8-byte words stored.
        lowest_host: host absolute address of the lowest byte touched; None: nothing was.
        highest_host: host absolute address of the highest byte touched, inclusive.
    """

    fetches: int = 0
    stores: int = 0
    lowest_host: int | None = None
    highest_host: int | None = None


def words_touched(address: int, count: int) -> int:
    """How many 8-byte words `count` bytes at `address` touch, and one at least."""
    return ((address & 7) + count + 7) >> 3 or 1


def first_protected(keys: npt.NDArray[np.uint8], access_key: int, *, store: bool) -> int | None:
    """The first frame whose storage key refuses an access, as an index into `keys`; None: permitted."""
    if access_key == MASTER_KEY:
        return None
    refused = keys >> 4 != access_key
    if not store:
        refused &= keys & FETCH_PROTECTION != 0
    return int(refused.argmax()) if refused.any() else None


def first_protected_frame(
    keys: memoryview, first: int, last: int, access_key: int, *, store: bool
) -> int | None:
    """The first of the frames `first` to `last`, inclusive, that refuses an access; None: permitted.

    As `first_protected`, on the keys of all frames: for few of them it takes a tenth of the time.
    """
    if access_key == MASTER_KEY:
        return None
    for frame in range(first, last + 1):
        key = keys[frame]
        if key >> 4 != access_key and (store or key & FETCH_PROTECTION):
            return frame
    return None


def mark_frames(keys: memoryview, first: int, last: int, bits: int) -> None:
    """Set reference and change bits, as `bits` has them, of the frames `first` to `last`, inclusive."""
    for frame in range(first, last + 1):
        key = keys[frame]
        if key & bits != bits:
            keys[frame] = key | bits


def mark_accessed(keys: npt.NDArray[np.uint8], *, store: bool) -> None:
    """Set the reference bits of the frames, and for a store the change bits."""
    bits = REFERENCE | CHANGE if store else REFERENCE
    if len(keys) > _LOOP_FRAMES_MAX:
        keys |= bits
        return
    for frame in range(len(keys)):
        keys[frame] |= bits
