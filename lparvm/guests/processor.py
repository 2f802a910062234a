"""A guest processor, as a guest program written in Python sees it.

Besides the accesses of `GuestView` there are some on many pages at once, for IPL and checks: blocks move as
big-endian words, as they lie in storage, at the speed of memory.
"""

import enum
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from lparvm import config
from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT, Zone
from lparvm.arch.interruption import ProgramCode, ProgramInterruption
from lparvm.arch.state_description import StateDescription
from lparvm.storage.access import first_protected, mark_accessed
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import POISON_WORD, MainStorage
from lparvm.storage.view import GuestView

Words = npt.NDArray[np.uint64]
"""64-bit words."""

BIG_ENDIAN_WORD = np.dtype(">u8")
"""The type of a word as it lies in storage."""

_PAGE_WORDS = PAGE_BYTES >> 3


class PagingCode(enum.IntEnum):
    """Condition codes of PAGE IN and PAGE OUT."""

    DONE = 0
    DATA_ERROR = 1
    NOT_AVAILABLE = 3


class Processor(GuestView):
    """One guest processor: storage, its number, its own random numbers, and where damage is told.

    Attributes:
        cpu_address: its number, from 0.
        lip_count: how many processors the guest has.
        lip: name of its LIP; None in the final check.
        rng: random numbers of this processor alone, seeded.
        devices: numbers of the LPAR's devices.
        options: the guest's options.
        steps: verified steps done.
        extent: pages of storage that the guest uses; None: the whole zone, whatever its extent.
    """

    __slots__ = (
        "_expanded", "_report", "cpu_address", "devices", "extent", "lip", "lip_count", "options", "rng", "steps",
    )  # fmt: skip

    def __init__(
        self,
        storage: MainStorage,
        state: StateDescription,
        *,
        lip: str | None,
        lip_count: int,
        seed: int,
        devices: tuple[int, ...],
        options: dict[str, Any],
        report: Callable[[int, str, str, str | None], None],
        expanded: ExpandedStorage | None = None,
        extent: int | None = None,
    ) -> None:
        """The processor of `state`; `report` takes address, expected, found and LIP of each damage."""
        super().__init__(storage, state)
        self.cpu_address = state.cpu_address
        self.lip = lip
        self.lip_count = lip_count
        self.rng = random.Random(seed)
        self.devices = devices
        self.options = options
        self.steps = 0
        self._report = report
        self._expanded = expanded
        self.extent = extent

    @property
    def extent_bytes(self) -> int:
        """Size of the guest's storage: guest absolute addresses are 0 to this, exclusive.

        Storage that joins the zone while the guest runs counts from when the guest says that it uses it.
        """
        extent = self.state.zone.extent if self.extent is None else self.extent
        return extent << PAGE_SHIFT

    def step(self) -> None:
        """Count a step of work that was done and verified."""
        self.steps += 1

    def damaged(self, address: int, expected: object, found: object) -> None:
        """Tell that storage at a guest absolute address does not hold what it should.

        Integers are told in hexadecimal, anything else as its text.
        """
        self._report(address, _text(expected), _text(found), self.lip)

    # Expanded storage.

    @property
    def expanded_blocks(self) -> int:
        """How many blocks of expanded storage the guest has: numbers 0 to this, exclusive."""
        return self.state.expanded_blocks

    def page_in(self, address: int, block: int) -> PagingCode:
        """Store a block of expanded storage into the page at a guest absolute address (PGIN).

        As in all instructions on whole pages, the address' rightmost 12 bits are ignored. It is an access like
        any store: key-controlled protection, reference and change bit, an instruction a word. With another
        condition code than 0 main storage is as it was.

        Returns:
            The condition code: 0 done, 1 the block's data are lost, 3 there is no such block.

        Raises:
            ProgramInterruption: addressing, protection; not for a block that there isn't.
        """
        return self._page(address, block, store=True)

    def page_out(self, address: int, block: int) -> PagingCode:
        """Fetch the page at a guest absolute address into a block of expanded storage (PGOUT).

        The storage key is not kept with the block. For the rest see `page_in`, but for fetches.

        Raises:
            ProgramInterruption: addressing, protection; not for a block that there isn't.
        """
        return self._page(address, block, store=False)

    def _page(self, address: int, block: int, *, store: bool) -> PagingCode:
        state, expanded = self.state, self._expanded
        # Before the address is looked at, as real ones do.
        if expanded is None or not 0 <= block < state.expanded_blocks:
            self.instructions += 1
            return PagingCode.NOT_AVAILABLE
        page = address & -PAGE_BYTES
        host_block = state.expanded_origin + block
        if expanded.is_faulty(host_block):
            self._check(page, PAGE_BYTES, store=store)
            self.instructions += 1
            return PagingCode.DATA_ERROR
        if store:
            host = self._store_host(page, PAGE_BYTES, _PAGE_WORDS)
            self.storage.frames[host >> PAGE_SHIFT] = expanded.blocks[host_block]
        else:
            host = self._fetch_host(page, PAGE_BYTES, _PAGE_WORDS)
            expanded.blocks[host_block] = self.storage.frames[host >> PAGE_SHIFT]
        return PagingCode.DONE

    # Many pages at once.

    def populate(self, first_page: int, pages: int) -> None:
        """Have the emulator commit pages that will be stored into; their contents stay.

        Raises:
            ProgramInterruption: addressing.
        """
        zone = self.state.zone
        if not 0 <= first_page <= first_page + pages <= zone.extent:
            raise ProgramInterruption(ProgramCode.ADDRESSING, max(0, first_page) << PAGE_SHIFT)
        self.storage.populate(Zone(zone.origin + first_page, pages))

    def store_block(self, address: int, words: Words) -> None:
        """Store big-endian words (dtype `BIG_ENDIAN_WORD`) from a guest absolute address on.

        Raises:
            ProgramInterruption: specification (no multiple of 8), addressing, protection.
        """
        if address & 7:
            raise ProgramInterruption(ProgramCode.SPECIFICATION, address)
        assert words.dtype == BIG_ENDIAN_WORD, words.dtype
        host = self._store_range(address, words.size << 3) >> 3
        self.storage.words[host : host + words.size] = words.ravel()

    def differences(self, address: int, expected: Words) -> list[tuple[int, int, int]]:
        """Compare storage with big-endian words: (address, expected, found) of words that differ.

        Where many differ, only the first one in each page is told.

        Raises:
            ProgramInterruption: specification (no multiple of 8), addressing, protection.
        """
        if address & 7:
            raise ProgramInterruption(ProgramCode.SPECIFICATION, address)
        assert expected.dtype == BIG_ENDIAN_WORD, expected.dtype
        expected = expected.ravel()
        host = self._fetch_range(address, expected.size << 3) >> 3
        found = self.storage.words[host : host + expected.size]
        # Compared as the host's words: equality does not depend on the byte order, its speed does.
        wrong = found.view(np.uint64) != expected.view(np.uint64)
        if not wrong.any():
            return []
        indices = np.flatnonzero(wrong)
        if len(indices) > config.DAMAGE_RECORDS_MAX:
            pages = (indices + (address >> 3)) >> (PAGE_SHIFT - 3)
            indices = indices[np.unique(pages, return_index=True)[1]]
        return [
            (address + (index << 3), int(expected[index]), int(found[index])) for index in indices.tolist()
        ]

    def move_long(self, address: int, words: Words) -> None:
        """`store_block` as MOVE LONG does it: it costs one instruction for each page, begun or whole.

        Raises:
            ProgramInterruption: as `store_block`.
        """
        before = self.instructions
        self.store_block(address, words)
        self.instructions = before + _pages_of(words)

    def compare_long(self, address: int, expected: Words) -> list[tuple[int, int, int]]:
        """`differences` as COMPARE LOGICAL LONG finds them: one instruction for each page, begun or whole.

        Raises:
            ProgramInterruption: as `differences`.
        """
        before = self.instructions
        found = self.differences(address, expected)
        self.instructions = before + _pages_of(expected)
        return found

    def fetch_scattered(self, addresses: Words) -> Words:
        """The words at many guest absolute addresses, in the host's byte order.

        Raises:
            ProgramInterruption: as `fetch`, for the first address that is refused.
        """
        return self.storage.words[self._scattered(addresses, store=False)].astype(np.uint64)

    def store_scattered(self, addresses: Words, values: Words) -> None:
        """Store words at many guest absolute addresses: all of them or, refused, none.

        Raises:
            ProgramInterruption: as `store`, for the first address that is refused.
        """
        self.storage.words[self._scattered(addresses, store=True)] = values

    def keys_of(self, first_page: int, pages: int) -> npt.NDArray[np.uint8]:
        """The storage keys of consecutive pages, as a copy (ISKE of each).

        Raises:
            ProgramInterruption: addressing.
        """
        return self._key_range(first_page, pages).copy()

    def set_keys(self, first_page: int, keys: bytes | bytearray) -> None:
        """Set the storage keys of consecutive pages, all eight bits (SSKE of each).

        Raises:
            ProgramInterruption: addressing.
        """
        self._key_range(first_page, len(keys))[:] = np.frombuffer(keys, dtype=np.uint8)

    def _key_range(self, first_page: int, pages: int) -> npt.NDArray[np.uint8]:
        self._key_host(first_page << PAGE_SHIFT)
        last = self._key_host((first_page + pages - 1) << PAGE_SHIFT) >> PAGE_SHIFT
        return self.storage.keys[last + 1 - pages : last + 1]

    def _scattered(self, addresses: Words, *, store: bool) -> Words:
        """Indices into `storage.words`, after all checks, with reference and change bits set."""
        if not len(addresses):
            return addresses
        odd = addresses & np.uint64(7) != 0
        if odd.any():
            raise ProgramInterruption(ProgramCode.SPECIFICATION, int(addresses[odd.argmax()]))
        outside = addresses >= np.uint64(self.state.zone.extent << PAGE_SHIFT)
        if outside.any():
            raise ProgramInterruption(ProgramCode.ADDRESSING, int(addresses[outside.argmax()]))
        hosts = addresses + np.uint64(self.state.zone.origin_bytes)
        frames = hosts >> np.uint64(PAGE_SHIFT)
        keys = self.storage.keys[frames]
        refused = first_protected(keys, self.state.psw.key, store=store)
        if refused is not None:
            raise ProgramInterruption(ProgramCode.PROTECTION, int(addresses[refused]))
        mark_accessed(keys, store=store)
        self.storage.keys[frames] = keys
        self._account_scattered(addresses, hosts, store=store)
        return hosts >> np.uint64(3)

    def _account_scattered(self, addresses: Words, hosts: Words, *, store: bool) -> None:
        if store:
            self._stores += len(hosts)
        else:
            self._fetches += len(hosts)
        self.instructions += len(hosts)
        self._lowest = min(self._lowest, int(hosts.min()))
        self._highest = max(self._highest, int(hosts.max()) + 7)
        if self.observer is not None:
            access = "store" if store else "fetch"
            for address, host in zip(addresses.tolist(), hosts.tolist(), strict=True):
                self.observer(access, address, host, 8)


def _pages_of(words: Words) -> int:
    return -(-words.size // _PAGE_WORDS)


def _text(value: object) -> str:
    if not isinstance(value, int):
        return str(value)
    return f"{value:#x} (poison)" if value == POISON_WORD else f"{value:#x}"
