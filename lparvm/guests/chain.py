"""`chain`: follows pointers through a random cycle over the whole zone, with a rolling digest.

A node is two words: the address of the next node, and a check word made of its own address, the next one and
the guest's seed. IPL lays all nodes into one random cycle. Each LIP starts at another node, verifies the
check word before it follows a pointer, and rolls the pointers into a digest that is known for a full lap.

Storage is only read: what changes here was changed by somebody else.

A *ring* is a cycle over some pages. Storage that joins the zone gets a ring of its own, and the LIPs follow one ring
after the other. A ring in pages that are given up is left by all LIPs, and verified for the last time; what remains
of its pages gets a new one.
"""

from collections.abc import Iterator

import numpy as np
from attrs import define, frozen

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.arch.interception import ServiceCall, WaitForInterruption
from lparvm.arch.service_signal import ServiceSignal, StorageGivenUp, StorageGrown, StorageUsed
from lparvm.guests.base import GuestSetup
from lparvm.guests.processor import Processor, Words
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Option, integer
from lparvm.units import stream_seed

_MASK = (1 << 64) - 1
_NODE_BYTES = 16
_NODES_AT_ONCE = 16
NO_RING_WAIT_NS = 1_000_000
"""How often a LIP looks whether there is a ring again, while the only one is laid anew."""
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
    def over(cls, extent: int, nodes: int, seed: int, first: int = 0) -> "Cycle":
        """A random cycle of `nodes` nodes, evenly spread over `extent` pages from `first` on, at most one in a page."""
        random = np.random.Generator(np.random.PCG64(stream_seed(seed, "cycle")))
        pages = np.arange(nodes, dtype=np.uint64) * np.uint64(extent) // np.uint64(nodes)
        places = random.integers(0, PAGE_BYTES // _NODE_BYTES, nodes, dtype=np.uint64) * np.uint64(
            _NODE_BYTES
        )
        pages += np.uint64(first)
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


@define(eq=False)
class _Ring:
    """A cycle over the pages `first` to `end`, exclusive; `followed`: by whoever comes to it."""

    cycle: Cycle
    first: int
    end: int
    followed: bool = True


class Chain(PythonGuest):
    """Chases pointers through a random cycle over the whole zone, with a rolling digest."""

    OPTIONS = (
        Option("nodes", integer(1, 1 << 22), 1 << 16, "Nodes of a ring at most, evenly spread, one a page."),
    )

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._rings: list[_Ring] = []
        self._rings_laid = 0

    def ipl(self, cpu: Processor) -> None:
        """Lay the cycle."""
        extent = cpu.extent_bytes >> PAGE_SHIFT
        cycle = Cycle.over(extent, min(extent, self.options["nodes"]), self.seed)
        self._rings.append(_Ring(cycle, 0, extent))
        if len(cycle.addresses) == extent:
            cpu.populate(0, extent)  # each page gets a node; all at once is cheaper
        cpu.store_scattered(cycle.addresses, cycle.pointers)
        cpu.store_scattered(cycle.addresses + np.uint64(8), cycle.check_words)

    def program(self, cpu: Processor) -> Program:
        """Lap after lap, of one ring after the other."""
        laps, before = 0, None
        while True:
            followed = [ring for ring in self._rings if ring.followed]
            if not followed:
                yield WaitForInterruption(duration_ns=NO_RING_WAIT_NS)
                continue
            ring = followed[laps % len(followed)]
            if ring is not before:
                before, cycle = ring, ring.cycle
                addresses, salt, count = cycle.addresses, cycle.salt, len(cycle.addresses)
                start = count * cpu.cpu_address // cpu.lip_count
                lap_digest = cycle.lap_digest(start)
            laps += 1
            address = int(addresses[start])
            digest = 0
            for node in range(start, start + count):
                pointer = cpu.fetch(address)
                check = cpu.fetch(address + 8)
                if (address * _OWN_FACTOR & _MASK) ^ (pointer * _NEXT_FACTOR & _MASK) ^ salt != check:
                    # Told; then on to where the pointer should have led.
                    pointer = self._tell(cpu, cycle, node % count, pointer, check)
                digest = (digest * _ROLL_FACTOR + pointer) & _MASK
                address = pointer
                cpu.steps += 1
                yield
                if not ring.followed:
                    break
            else:
                if digest != lap_digest:
                    texts = (f"lap digest {value:#x}" for value in (lap_digest, digest))
                    cpu.damaged(int(addresses[start]), *texts)

    def service_signal(self, cpu: Processor, signal: ServiceSignal) -> Program:
        """Storage that is added gets a ring; any may be given up."""
        extent, used = signal.extent, cpu.extent_bytes >> PAGE_SHIFT
        if isinstance(signal, StorageGrown):
            yield from self._lay(cpu, used, extent)
            yield ServiceCall(StorageUsed(extent))
            return
        for ring in [ring for ring in self._rings if ring.end > extent]:
            ring.followed = False
            for _ in self._verify(cpu, ring.cycle, _NODES_AT_ONCE):
                yield
            self._rings.remove(ring)
            yield from self._lay(cpu, ring.first, extent)
        in_force: int = yield ServiceCall(StorageGivenUp(extent))
        yield from self._lay(cpu, extent, min(used, in_force))

    def check(self, cpu: Processor) -> None:
        """Both words of every node."""
        for ring in self._rings:
            for _ in self._verify(cpu, ring.cycle, len(ring.cycle.addresses)):
                pass

    def _lay(self, cpu: Processor, first: int, end: int) -> Program:
        """Lay a ring over the pages `first` to `end`, exclusive, if there are any; then it is followed."""
        if first >= end:
            return
        self._rings_laid += 1
        seed, nodes = stream_seed(self.seed, "ring", self._rings_laid), self.options["nodes"]
        cycle = Cycle.over(end - first, min(end - first, nodes), seed, first)
        pointers, check_words = cycle.pointers, cycle.check_words
        for node in range(0, len(pointers), _NODES_AT_ONCE):
            some = slice(node, node + _NODES_AT_ONCE)
            cpu.store_scattered(cycle.addresses[some], pointers[some])
            cpu.store_scattered(cycle.addresses[some] + np.uint64(8), check_words[some])
            yield
        self._rings.append(_Ring(cycle, first, end))

    def _verify(self, cpu: Processor, cycle: Cycle, nodes: int) -> Iterator[None]:
        """Both words of every node, so many nodes at once."""
        pointers, check_words = cycle.pointers, cycle.check_words
        for first in range(0, len(pointers), nodes):
            some = slice(first, first + nodes)
            found = cpu.fetch_scattered(cycle.addresses[some])
            checks = cpu.fetch_scattered(cycle.addresses[some] + np.uint64(8))
            wrong = (found != pointers[some]) | (checks != check_words[some])
            for place in np.flatnonzero(wrong).tolist():
                self._tell(cpu, cycle, first + place, int(found[place]), int(checks[place]))
            yield

    def _tell(self, cpu: Processor, cycle: Cycle, node: int, pointer: int, check: int) -> int:
        """Tell what is wrong with a node, and return the pointer that it should hold."""
        addresses, salt = cycle.addresses, cycle.salt
        address, expected = int(addresses[node]), int(addresses[(node + 1) % len(addresses)])
        if pointer != expected:
            cpu.damaged(address, expected, pointer)
        expected_check = (address * _OWN_FACTOR & _MASK) ^ (expected * _NEXT_FACTOR & _MASK) ^ salt
        if check != expected_check:
            cpu.damaged(address + 8, expected_check, check)
        return expected
