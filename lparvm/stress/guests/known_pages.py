"""Pages that a guest knows by heart: every byte, and every bit of their storage keys.

One processor uses them, and channel programs that it started. Each access tells what is not as it should be, also a
reference or change bit, and returns what was *found*: that is what a witness has seen.
"""

from attrs import define, field

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.storage_key import CHANGE, REFERENCE
from lparvm.guests.processor import Processor

_STORED = REFERENCE | CHANGE


@define
class KnownPages:
    """Consecutive pages and what they must hold.

    Attributes:
        first: number of the first page.
        count: how many.
        holds: what they must hold.
        keys: what their storage keys must be.
    """

    first: int
    count: int
    holds: bytearray = field(init=False, repr=False)
    keys: bytearray = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.holds = bytearray(self.count << PAGE_SHIFT)
        self.keys = bytearray(self.count)

    @property
    def address(self) -> int:
        """Guest absolute address of the first byte."""
        return self.first << PAGE_SHIFT

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count << PAGE_SHIFT

    def load(self, cpu: Processor, data: bytes) -> None:
        """IPL: fill all pages."""
        for place in range(0, self.size, PAGE_BYTES):
            self.store(cpu, place, data[place : place + PAGE_BYTES])

    # Places are bytes from the first page on; an access lies in one page.

    def store(self, cpu: Processor, place: int, data: bytes) -> None:
        """Store bytes."""
        cpu.store_bytes(self.address + place, data)
        self.stored(place, data)

    def store_word(self, cpu: Processor, place: int, word: int) -> None:
        """Store a word."""
        cpu.store(self.address + place, word)
        self.stored(place, word.to_bytes(8, "big"))

    def stored(self, place: int, data: bytes) -> None:
        """Storage holds these bytes now, whoever stored them."""
        self.holds[place : place + len(data)] = data
        self.keys[place >> PAGE_SHIFT] |= _STORED

    def fetched(self, place: int) -> None:
        """Somebody fetched there."""
        self.keys[place >> PAGE_SHIFT] |= REFERENCE

    def fetch_word(self, cpu: Processor, place: int) -> int:
        """Fetch and verify a word; what was found."""
        found = cpu.fetch(self.address + place)
        self.fetched(place)
        expected = int.from_bytes(self.holds[place : place + 8], "big")
        if found != expected:
            cpu.damaged(self.address + place, expected, found)
        return found

    def fetch(self, cpu: Processor, place: int, count: int) -> bytes:
        """Fetch and verify whole words; what was found."""
        found = cpu.fetch_bytes(self.address + place, count)
        self.fetched(place)
        if found != self.holds[place : place + count]:
            self._tell(cpu, place, found)
        return found

    def get_key(self, cpu: Processor, page: int) -> int:
        """Fetch and verify the storage key of a page, counted from the first one; what was found."""
        address = self.address + (page << PAGE_SHIFT)
        found = cpu.get_key(address)
        if found != self.keys[page]:
            cpu.damaged(address, f"storage key {self.keys[page]:02X}", f"storage key {found:02X}")
        return found

    def set_key(self, cpu: Processor, page: int, key: int) -> None:
        """Set the storage key of a page."""
        cpu.set_key(self.address + (page << PAGE_SHIFT), key)
        self.keys[page] = key

    def check(self, cpu: Processor) -> None:
        """Verify everything; keys first, as fetching changes them."""
        for page in range(self.count):
            self.get_key(cpu, page)
            self.fetch(cpu, page << PAGE_SHIFT, PAGE_BYTES)

    def _tell(self, cpu: Processor, place: int, found: bytes) -> None:
        for at in range(0, len(found), 8):
            expected, got = self.holds[place + at : place + at + 8], found[at : at + 8]
            if expected != got:
                address = self.address + place + at
                cpu.damaged(address, int.from_bytes(expected, "big"), int.from_bytes(got, "big"))
