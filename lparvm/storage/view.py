"""A guest processor's sight of main storage: guest absolute addresses, its zone, its access key.

The hot path of all guests, so single words go through `struct` and plain bytes of the keys; numpy comes in
only for arrays. Data is big-endian in storage.

Invariants:

- Origin and limit are read from the state description at each access and kept nowhere: a relocation reaches
  a guest by one way only, SIE with a new zone in its state description.
- Each access is checked in whole before it begins: one that fails stores nothing and sets no key bits.
- Whatever is returned is a copy: no view of storage outlives the access.
"""

import struct
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.interruption import ProgramCode, ProgramInterruption
from lparvm.arch.state_description import StateDescription
from lparvm.arch.storage_key import CHANGE, FETCH_PROTECTION, REFERENCE
from lparvm.storage.access import Span, first_protected, mark_accessed, words_touched
from lparvm.storage.main_storage import MainStorage

Observer = Callable[[str, int, int, int], None]
"""Called with each access: `fetch`, `store` or `key`; guest and host absolute address; bytes."""

_WORD = struct.Struct(">Q")
_fetch_word = _WORD.unpack_from
_store_word = _WORD.pack_into
_WORD_MASK = (1 << 64) - 1
_PAGE_MASK = (1 << PAGE_SHIFT) - 1
_STORED = REFERENCE | CHANGE
_NOTHING_LOWEST = 1 << 64


class GuestView:
    """Main storage as the guest processor of one state description sees it.

    Every access costs one instruction for each 8-byte word it touches, and one at least.

    Attributes:
        storage: main storage.
        state: the state description; its zone and access key hold at each access.
        instructions: instructions that accesses have cost since the view was made.
        observer: called with each access, for the trace level `storage`; None: nobody.
    """

    __slots__ = (
        "_access_key", "_fetches", "_fetches_before", "_highest", "_key_psw", "_lowest", "_stores",
        "_stores_before", "instructions", "observer", "state", "storage",
    )  # fmt: skip

    def __init__(self, storage: MainStorage, state: StateDescription) -> None:
        """A view of `storage` for the guest processor of `state`."""
        self.storage = storage
        self.state = state
        self.instructions = 0
        self.observer: Observer | None = None
        self._fetches_before = self._stores_before = 0
        self._fetches = self._stores = 0
        self._lowest, self._highest = _NOTHING_LOWEST, -1
        self._key_psw = state.psw
        self._access_key = state.psw.key

    # Single words.

    def fetch(self, address: int) -> int:
        """The 64-bit word at a guest absolute address (LG).

        Raises:
            ProgramInterruption: specification (no multiple of 8), addressing, protection.
        """
        if address & 7:
            raise ProgramInterruption(ProgramCode.SPECIFICATION, address)
        host = self._fetch_host(address, 8)
        word: int = _fetch_word(self.storage.buffer, host)[0]
        return word

    def store(self, address: int, value: int) -> None:
        """Store a 64-bit word, `value` modulo 2^64, at a guest absolute address (STG).

        Raises:
            ProgramInterruption: specification (no multiple of 8), addressing, protection.
        """
        if address & 7:
            raise ProgramInterruption(ProgramCode.SPECIFICATION, address)
        value &= _WORD_MASK
        _store_word(self.storage.buffer, self._store_host(address, 8), value)

    def compare_and_swap(self, address: int, expected: int, new: int) -> bool:
        """Store `new` where the word equals `expected`, and tell whether it did (CSG).

        Storing must be permitted either way. The change bit is set only by a swap.

        Raises:
            ProgramInterruption: specification (no multiple of 8), addressing, protection.
        """
        if address & 7:
            raise ProgramInterruption(ProgramCode.SPECIFICATION, address)
        new &= _WORD_MASK
        if self._access_key or self.state.psw is not self._key_psw:
            self._check(address, 8, store=True)  # a fetch may be permitted where a store is not
        host = self._fetch_host(address, 8)
        buffer = self.storage.buffer
        if _fetch_word(buffer, host)[0] != expected & _WORD_MASK:
            return False
        _store_word(buffer, self._store_host(address, 8), new)
        self.instructions -= 1  # one word, counted by both halves
        return True

    # Arrays of words and bytes; these may cross pages.

    def fetch_words(self, address: int, count: int) -> npt.NDArray[np.uint64]:
        """`count` 64-bit words from a guest absolute address on, as a copy in the host's byte order.

        Raises:
            ProgramInterruption: specification (no multiple of 8), addressing, protection.
        """
        if address & 7:
            raise ProgramInterruption(ProgramCode.SPECIFICATION, address)
        host = self._fetch_range(address, count << 3) >> 3
        return self.storage.words[host : host + count].astype(np.uint64)

    def store_words(self, address: int, values: npt.NDArray[np.uint64] | Sequence[int]) -> None:
        """Store 64-bit words from a guest absolute address on: all of them or, refused, none.

        Raises:
            ProgramInterruption: specification (no multiple of 8), addressing, protection.
            OverflowError: a value of a list is no unsigned 64-bit number.
        """
        if address & 7:
            raise ProgramInterruption(ProgramCode.SPECIFICATION, address)
        words = np.asarray(values, dtype=np.uint64)
        host = self._store_range(address, len(words) << 3) >> 3
        self.storage.words[host : host + len(words)] = words

    def fetch_bytes(self, address: int, count: int) -> bytes:
        """`count` bytes from a guest absolute address on.

        Raises:
            ProgramInterruption: addressing, protection.
        """
        host = self._fetch_range(address, count)
        return bytes(self.storage.buffer[host : host + count])

    def store_bytes(self, address: int, data: bytes) -> None:
        """Store bytes from a guest absolute address on: all of them or, refused, none.

        Raises:
            ProgramInterruption: addressing, protection.
        """
        host = self._store_range(address, len(data))
        self.storage.buffer[host : host + len(data)] = data

    # Storage keys.

    def get_key(self, address: int) -> int:
        """The storage key of the frame of a guest absolute address, all eight bits (ISKE).

        Raises:
            ProgramInterruption: addressing.
        """
        return self.storage.key_buffer[self._key_host(address) >> PAGE_SHIFT]

    def set_key(self, address: int, key: int) -> None:
        """Set the storage key, all eight bits, of the frame of a guest absolute address (SSKE).

        Raises:
            ProgramInterruption: addressing.
        """
        self.storage.key_buffer[self._key_host(address) >> PAGE_SHIFT] = key & 0xFF

    # What was touched.

    @property
    def extent_bytes(self) -> int:
        """Size of the zone: guest absolute addresses are 0 to this, exclusive."""
        return self.state.zone.extent << PAGE_SHIFT

    @property
    def fetches_total(self) -> int:
        """Words fetched since the view was made."""
        return self._fetches_before + self._fetches

    @property
    def stores_total(self) -> int:
        """Words stored since the view was made."""
        return self._stores_before + self._stores

    @property
    def span(self) -> Span:
        """What was touched since the last `take_span`."""
        if self._highest < 0:
            return Span(self._fetches, self._stores)
        return Span(self._fetches, self._stores, self._lowest, self._highest)

    def take_span(self) -> Span:
        """What was touched since the last call; the next span begins here."""
        span = self.span
        self._fetches_before += self._fetches
        self._stores_before += self._stores
        self._fetches = self._stores = 0
        self._lowest, self._highest = _NOTHING_LOWEST, -1
        return span

    # Translation and checks. The first two are for accesses inside one frame, and written out for speed.

    def _fetch_host(self, address: int, count: int, words: int = 1) -> int:
        state = self.state
        zone = state.zone
        if not 0 <= address <= (zone.extent << PAGE_SHIFT) - count:
            raise ProgramInterruption(ProgramCode.ADDRESSING, address)
        host = (zone.origin << PAGE_SHIFT) + address
        keys = self.storage.key_buffer
        key = keys[host >> PAGE_SHIFT]
        if state.psw is not self._key_psw:
            self._learn_access_key()
        if self._access_key and key & FETCH_PROTECTION and key >> 4 != self._access_key:
            raise ProgramInterruption(ProgramCode.PROTECTION, address)
        if not key & REFERENCE:
            keys[host >> PAGE_SHIFT] = key | REFERENCE
        self._fetches += words
        self.instructions += words
        if host < self._lowest:  # noqa: PLR1730 - min() takes five times as long
            self._lowest = host
        if host + count > self._highest:
            self._highest = host + count - 1
        if self.observer is not None:
            self.observer("fetch", address, host, count)
        return host

    def _store_host(self, address: int, count: int, words: int = 1) -> int:
        state = self.state
        zone = state.zone
        if not 0 <= address <= (zone.extent << PAGE_SHIFT) - count:
            raise ProgramInterruption(ProgramCode.ADDRESSING, address)
        host = (zone.origin << PAGE_SHIFT) + address
        keys = self.storage.key_buffer
        key = keys[host >> PAGE_SHIFT]
        if state.psw is not self._key_psw:
            self._learn_access_key()
        if self._access_key and key >> 4 != self._access_key:
            raise ProgramInterruption(ProgramCode.PROTECTION, address)
        if key & _STORED != _STORED:
            keys[host >> PAGE_SHIFT] = key | _STORED
        self._stores += words
        self.instructions += words
        if host < self._lowest:  # noqa: PLR1730 - min() takes five times as long
            self._lowest = host
        if host + count > self._highest:
            self._highest = host + count - 1
        if self.observer is not None:
            self.observer("store", address, host, count)
        return host

    def _fetch_range(self, address: int, count: int) -> int:
        if 0 < count <= PAGE_BYTES - (address & _PAGE_MASK):
            return self._fetch_host(address, count, words_touched(address, count))
        host, frames = self._check(address, count, store=False)
        if count:
            mark_accessed(frames, store=False)
            words = words_touched(address, count)
            self._fetches += words
            self._account("fetch", address, host, count, words)
        return host

    def _store_range(self, address: int, count: int) -> int:
        if 0 < count <= PAGE_BYTES - (address & _PAGE_MASK):
            return self._store_host(address, count, words_touched(address, count))
        host, frames = self._check(address, count, store=True)
        if count:
            mark_accessed(frames, store=True)
            words = words_touched(address, count)
            self._stores += words
            self._account("store", address, host, count, words)
        return host

    def _key_host(self, address: int) -> int:
        zone = self.state.zone
        if not 0 <= address < zone.extent << PAGE_SHIFT:
            raise ProgramInterruption(ProgramCode.ADDRESSING, address)
        host = (zone.origin << PAGE_SHIFT) + address
        self._account("key", address, host, 1, 1)
        return host

    def _check(self, address: int, count: int, *, store: bool) -> tuple[int, npt.NDArray[np.uint8]]:
        """Limit and protection of any access: its host absolute address, and the keys of its frames."""
        if count < 0:
            raise ValueError(f"{count} bytes; expected 0 or more")
        state = self.state
        zone = state.zone
        extent_bytes = zone.extent << PAGE_SHIFT
        if address < 0 or address + count > extent_bytes:
            # The interruption names the first byte that lies outside.
            outside = extent_bytes if 0 <= address < extent_bytes else address
            raise ProgramInterruption(ProgramCode.ADDRESSING, outside)
        host = (zone.origin << PAGE_SHIFT) + address
        first = host >> PAGE_SHIFT
        frames = self.storage.keys[first : (host + count + _PAGE_MASK) >> PAGE_SHIFT]
        if state.psw is not self._key_psw:
            self._learn_access_key()
        refused = first_protected(frames, self._access_key, store=store)
        if refused is not None:
            page = max(address, (refused + first - zone.origin) << PAGE_SHIFT)
            raise ProgramInterruption(ProgramCode.PROTECTION, page)
        return host, frames

    def _account(self, access: str, address: int, host: int, count: int, words: int) -> None:
        self.instructions += words
        self._lowest = min(self._lowest, host)
        self._highest = max(self._highest, host + count - 1)
        if self.observer is not None:
            self.observer(access, address, host, count)

    def _learn_access_key(self) -> None:
        # PSWs are frozen: the same object has the same key, and taking it apart costs as much as an access.
        self._key_psw = self.state.psw
        self._access_key = self._key_psw.key
