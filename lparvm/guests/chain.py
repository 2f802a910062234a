"""`chain`: follows pointers through a random cycle over the whole zone, with a rolling digest.

A node is two words: the address of the next node, and a check word made of its own address, the next one and
the guest's seed. IPL lays all nodes into one random cycle. Each LIP starts at another node, verifies the
check word before it follows a pointer, and rolls the pointers into a digest that is known for a full lap.

Storage is only read: what changes here was changed by somebody else.
"""

import numpy as np
from attrs import frozen

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.guests.base import GuestSetup
from lparvm.guests.processor import Processor, Words
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Option, integer
from lparvm.units import stream_seed

_MASK = (1 << 64) - 1
_NODE_BYTES = 16
# Odd numbers: multiplying by them modulo 2^64 loses nothing.
_OWN_FACTOR = 0x9E3779B97F4A7C15
_NEXT_FACTOR = 0xC2B2AE3D27D4EB4F
_ROLL_FACTOR = 0xD6E8FEB86659FD93


@frozen(eq=False)
class Cycle:
    """The nodes in the order in which they are followed.

    Attributes:
        addresses: guest absolute address of each node; after the last comes the first.
        salt: mixed into the check words.
    """

    addresses: Words
    salt: int

    @classmethod
    def over(cls, extent: int, nodes: int, seed: int) -> "Cycle":
        """A random cycle of `nodes` nodes, evenly spread over `extent` pages, at most one in a page."""
        random = np.random.Generator(np.random.PCG64(stream_seed(seed, "cycle")))
        pages = np.arange(nodes, dtype=np.uint64) * np.uint64(extent) // np.uint64(nodes)
        places = random.integers(0, PAGE_BYTES // _NODE_BYTES, nodes, dtype=np.uint64) * np.uint64(
            _NODE_BYTES
        )
        addresses = random.permutation((pages << np.uint64(PAGE_SHIFT)) + places)
        return cls(addresses, stream_seed(seed, "check words"))

    @property
    def pointers(self) -> Words:
        """What the first word of each node holds."""
        return np.roll(self.addresses, -1)

    @property
    def check_words(self) -> Words:
        """What the second word of each node holds."""
        own = self.addresses * np.uint64(_OWN_FACTOR)
        return own ^ (self.pointers * np.uint64(_NEXT_FACTOR)) ^ np.uint64(self.salt)

    def lap_digest(self, start: int) -> int:
        """The rolling digest of the pointers of one lap from the node of index `start`."""
        factors = np.full(len(self.addresses), _ROLL_FACTOR, dtype=np.uint64)
        factors[0] = 1
        powers = np.multiply.accumulate(factors)[::-1]  # the last pointer is multiplied least
        return int((np.roll(self.pointers, -start) * powers).sum(dtype=np.uint64))


class Chain(PythonGuest):
    """Chases pointers through a random cycle over the whole zone, with a rolling digest."""

    OPTIONS = (Option("nodes", integer(1, 1 << 22), 1 << 16, "Nodes at most, evenly spread, one a page."),)

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._cycle = Cycle(np.zeros(0, dtype=np.uint64), 0)

    def ipl(self, cpu: Processor) -> None:
        """Lay the cycle."""
        extent = cpu.extent_bytes >> PAGE_SHIFT
        self._cycle = cycle = Cycle.over(extent, min(extent, self.options["nodes"]), self.seed)
        if len(cycle.addresses) == extent:
            cpu.populate(0, extent)  # each page gets a node; all at once is cheaper
        cpu.store_scattered(cycle.addresses, cycle.pointers)
        cpu.store_scattered(cycle.addresses + np.uint64(8), cycle.check_words)

    def program(self, cpu: Processor) -> Program:
        """Lap after lap."""
        addresses, salt = self._cycle.addresses, self._cycle.salt
        count = len(addresses)
        start = count * cpu.cpu_address // cpu.lip_count
        lap_digest = self._cycle.lap_digest(start)
        while True:
            address = int(addresses[start])
            digest = 0
            for node in range(start, start + count):
                pointer = cpu.fetch(address)
                check = cpu.fetch(address + 8)
                if (address * _OWN_FACTOR & _MASK) ^ (pointer * _NEXT_FACTOR & _MASK) ^ salt != check:
                    # Told; then on to where the pointer should have led.
                    pointer = self._tell(cpu, node % count, pointer, check)
                digest = (digest * _ROLL_FACTOR + pointer) & _MASK
                address = pointer
                cpu.steps += 1
                yield
            if digest != lap_digest:
                cpu.damaged(int(addresses[start]), f"lap digest {lap_digest:#x}", f"lap digest {digest:#x}")

    def check(self, cpu: Processor) -> None:
        """Both words of every node."""
        cycle = self._cycle
        pointers = cpu.fetch_scattered(cycle.addresses)
        checks = cpu.fetch_scattered(cycle.addresses + np.uint64(8))
        wrong = (pointers != cycle.pointers) | (checks != cycle.check_words)
        for node in np.flatnonzero(wrong).tolist():
            self._tell(cpu, node, int(pointers[node]), int(checks[node]))

    def _tell(self, cpu: Processor, node: int, pointer: int, check: int) -> int:
        """Tell what is wrong with a node, and return the pointer that it should hold."""
        addresses, salt = self._cycle.addresses, self._cycle.salt
        address, expected = int(addresses[node]), int(addresses[(node + 1) % len(addresses)])
        if pointer != expected:
            cpu.damaged(address, expected, pointer)
        expected_check = (address * _OWN_FACTOR & _MASK) ^ (expected * _NEXT_FACTOR & _MASK) ^ salt
        if check != expected_check:
            cpu.damaged(address + 8, expected_check, check)
        return expected
