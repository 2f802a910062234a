"""Records in storage that channel programs move, with guards around them: what guests that do I/O are made of.

An *area* is some pages that hold one record. A record in one piece has guards in front of it and behind; a
scattered one begins at the end of the area's last page and goes on in the pages before, so that a channel
program needs IDAWs or data chaining for it. The rest of the pages are guards: lines of stamped words that a
processor overwrites while the I/O beside them runs. A move of the zone that lost one or the other is found.

A record's words are stamps too: of the LIP, the record's generation, and the index of the word on the device.
"""

import hashlib
import struct

import numpy as np
from attrs import define, field

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.processor import BIG_ENDIAN_WORD, Processor
from lparvm.guests.stamps import WORD_SHIFT, describe, make_head

DIGEST_BYTES = 16
_LINE_WORDS = 8
_LINE_BYTES = _LINE_WORDS << WORD_SHIFT
_GUARD_BYTES = DISK_BLOCK_BYTES
_pack_line = struct.Struct(f">{_LINE_WORDS}Q").pack


def record_bytes(salt: int, lip: int, generation: int, block: int, size: int) -> bytes:
    """The contents of a record of `size` bytes that begins at a block of the device."""
    head = np.uint64(make_head(salt, generation, lip))
    first = block * DISK_BLOCK_BYTES >> WORD_SHIFT
    indices = np.arange(first, first + (size >> WORD_SHIFT), dtype=np.uint64)
    return (indices ^ head).astype(BIG_ENDIAN_WORD).tobytes()


def unread(salt: int, lip: int, size: int) -> bytes:
    """What a record's storage holds before it is read into; never what a device holds."""
    return bytes(byte ^ 0xFF for byte in record_bytes(salt, lip, 0, 0, size))


def digest_of(data: bytes | bytearray) -> bytes:
    """The digest by which a record is known."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def compare(cpu: Processor, salt: int, address: int, expected: bytes, found: bytes) -> bool:
    """Tell each word at a guest absolute address that differs; whether none does."""
    if expected == found:
        return True
    words = (np.frombuffer(data, dtype=BIG_ENDIAN_WORD) for data in (expected, found))
    for place, (wanted, got) in enumerate(zip(*words, strict=True)):
        if wanted != got:
            cpu.damaged(
                address + (place << WORD_SHIFT), describe(salt, int(wanted)), describe(salt, int(got))
            )
    return False


@define
class Area:
    """A record in storage, with guards around it.

    Attributes:
        address: guest absolute address of the area, a page boundary.
        size: bytes of the record, a multiple of 512.
        lip: number of the LIP whose area it is.
        salt: the guest's.
        scattered: the record lies in pieces that do not follow each other.
        holds: what the record's storage must hold; None: not known, as I/O may be storing there.
        pieces: guest absolute address and bytes of each piece of the record, in the record's order.
        guards: guest absolute address of each guard line.
        generations: of each guard line.
    """

    address: int
    size: int
    lip: int
    salt: int
    scattered: bool = False
    holds: bytes | bytearray | None = None
    pieces: tuple[tuple[int, int], ...] = field(init=False)
    guards: tuple[int, ...] = field(init=False)
    generations: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Lay out the record, and guards wherever it is not."""
        self.pieces = self._scatter() if self.scattered else ((self.address + _GUARD_BYTES, self.size),)
        lines = range(self.address, self.end, _LINE_BYTES)
        self.guards = tuple(
            line for line in lines if not any(at <= line < at + count for at, count in self.pieces)
        )
        self.generations = [0] * len(self.guards)

    def _scatter(self) -> tuple[tuple[int, int], ...]:
        page = self.end - PAGE_BYTES
        first = _first_piece(self.size)
        pieces, left = [(page + PAGE_BYTES - first, first)], self.size - first
        while left:
            page -= PAGE_BYTES
            pieces.append((page, min(left, PAGE_BYTES)))
            left -= pieces[-1][1]
        return tuple(pieces)

    @staticmethod
    def pages(size: int, *, scattered: bool = False) -> int:
        """Pages of an area for a record of `size` bytes."""
        if scattered:
            return 1 - (_first_piece(size) - size) // PAGE_BYTES
        return -(-(_GUARD_BYTES + size) // PAGE_BYTES)

    @property
    def end(self) -> int:
        """Guest absolute address behind the area."""
        return self.address + (self.pages(self.size, scattered=self.scattered) << PAGE_SHIFT)

    @property
    def record(self) -> int:
        """Guest absolute address of the record's first byte."""
        return self.pieces[0][0]

    def address_of(self, place: int) -> int:
        """Guest absolute address of the record's byte `place`."""
        for address, count in self.pieces:
            if place < count:
                return address + place
            place -= count
        raise IndexError(place)

    # The record.

    def load(self, cpu: Processor, data: bytes) -> None:
        """IPL: all guards, and the record."""
        for number in range(len(self.guards)):
            self._put_guard(cpu, number)
        self.fill(cpu, data)

    def fill(self, cpu: Processor, data: bytes) -> None:
        """Store the record."""
        place = 0
        for address, count in self.pieces:
            cpu.store_bytes(address, data[place : place + count])
            place += count
        self.holds = data

    def word(self, cpu: Processor, place: int) -> int:
        """Verify the word at the record's byte `place`; what it must be."""
        assert self.holds is not None, "no I/O stores there"
        address = self.address_of(place)
        found, expected = cpu.fetch(address), int.from_bytes(self.holds[place : place + 8], "big")
        if found != expected:
            cpu.damaged(address, describe(self.salt, expected), describe(self.salt, found))
        return expected

    def put(self, cpu: Processor, place: int, word: int) -> None:
        """Store a word of the record, at its byte `place`."""
        assert self.holds is not None, "no I/O stores there"
        cpu.store(self.address_of(place), word)
        if not isinstance(self.holds, bytearray):
            self.holds = bytearray(self.holds)
        self.holds[place : place + 8] = word.to_bytes(8, "big")

    def fetch(self, cpu: Processor) -> bytes:
        """The record as it is found."""
        return b"".join(cpu.fetch_bytes(address, count) for address, count in self.pieces)

    def expect(self, cpu: Processor, expected: bytes | bytearray) -> bool:
        """Verify that the record is this; whether it is. What was found is then what it must hold."""
        found = self.holds = self.fetch(cpu)
        if found == expected:
            return True
        place = 0
        for address, count in self.pieces:
            part = slice(place, place + count)
            compare(cpu, self.salt, address, bytes(expected[part]), found[part])
            place += count
        return False

    def check_record(self, cpu: Processor) -> bool:
        """Verify the record, where it is known what it must be."""
        return self.holds is None or self.expect(cpu, self.holds)

    # The guards.

    def overwrite_guard(self, cpu: Processor, number: int) -> None:
        """Verify a guard line and put the next generation in."""
        self.check_guard(cpu, number)
        self.generations[number] += 1
        self._put_guard(cpu, number)

    def check_guard(self, cpu: Processor, number: int) -> None:
        """Verify a guard line."""
        address = self.guards[number]
        compare(cpu, self.salt, address, self._line_bytes(number), cpu.fetch_bytes(address, _LINE_BYTES))

    def check(self, cpu: Processor) -> None:
        """Verify everything."""
        for number in range(len(self.guards)):
            self.check_guard(cpu, number)
        self.check_record(cpu)

    def _put_guard(self, cpu: Processor, number: int) -> None:
        cpu.store_bytes(self.guards[number], self._line_bytes(number))

    def _line_bytes(self, number: int) -> bytes:
        head = make_head(self.salt, self.generations[number], self.lip)
        first = head ^ self.guards[number] >> WORD_SHIFT
        return _pack_line(*range(first, first + _LINE_WORDS))


def _first_piece(size: int) -> int:
    """Bytes of a scattered record's first piece: half of it, or half a page."""
    return min(size, PAGE_BYTES) // 2
