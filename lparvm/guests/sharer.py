"""`sharer`: several LPARs count in one block of one disk, under RESERVE and RELEASE, and lose no count.

The block holds 64 words: the total, and a counter for each participant (option `slot`). A participant reserves
the disk, reads the block, checks that the total is the sum of the counters and that its own counter is what it
left there, adds one to both, writes the block back and releases the disk. Without the reservation two
participants that read before either writes would lose a count, and the next one would see it.
"""

import struct
from collections.abc import Generator
from typing import Any

from lparvm.arch.channel import Ccw, Command
from lparvm.arch.fixed_block import DiskCommand
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Orb
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.disk_io import disk_program, run_again
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Option, duration, integer

SLOTS = DISK_BLOCK_BYTES // 8
_RESERVE, _RELEASE, _READ, _WRITE, _BLOCK = 0x1000, 0x1040, 0x1080, 0x1100, 0x2000
_WORDS = struct.Struct(f">{SLOTS}Q")


class Sharer(PythonGuest):
    """Counts in a block of a shared disk under RESERVE and RELEASE, and checks that no count is lost."""

    OPTIONS = (
        Option("slot", integer(1, SLOTS - 1), 1, "Its counter's number: another one for each LPAR."),
        Option("block", integer(0, 1 << 30), 0, "The block that all share."),
        Option("pause", duration(0), 1_000_000, "How long it waits between two counts."),
    )

    def ipl(self, cpu: Processor) -> None:
        """Put the channel programs in."""
        block = self.options["block"]
        self._count: int | None = None  # not known before the block was read: a disk may outlive a run
        self._words = bytes(DISK_BLOCK_BYTES)
        data = [(_BLOCK, DISK_BLOCK_BYTES)]
        cpu.store_bytes(_RESERVE, Ccw(Command.RESERVE, 0, 0, _BLOCK).encode())
        cpu.store_bytes(_RELEASE, Ccw(Command.RELEASE, 0, 0, _BLOCK).encode())
        cpu.store_bytes(_READ, disk_program(_READ, DiskCommand.READ, block, data))
        cpu.store_bytes(_WRITE, disk_program(_WRITE, DiskCommand.WRITE, block, data))

    def program(self, cpu: Processor) -> Program:
        """The first processor counts, with the LPAR's first device; the others wait."""
        if cpu.cpu_address:
            yield WaitForInterruption()
        device = cpu.devices[0]
        while True:
            yield from self._count_one(cpu, device)
            cpu.step()
            yield WaitForInterruption(duration_ns=self.options["pause"])

    def check(self, cpu: Processor) -> None:
        """The block as it was last read or written; the disk itself was checked each time."""
        if self._count is not None:
            self._compare(cpu)

    def _count_one(self, cpu: Processor, device: int) -> Generator[Any, Any, None]:
        yield from run_again(device, Orb(_RESERVE))
        yield from run_again(device, Orb(_READ))
        self._words = cpu.fetch_bytes(_BLOCK, DISK_BLOCK_BYTES)
        total, *counters = _WORDS.unpack(self._words)
        slot = self.options["slot"]
        if total != sum(counters):
            cpu.damaged(_BLOCK, f"a total of {sum(counters)}", str(total))
        found = counters[slot - 1]
        if self._count not in (None, found):
            cpu.damaged(_BLOCK + 8 * slot, f"a count of {self._count}", str(found))
        yield
        counters[slot - 1] += 1
        self._count = counters[slot - 1]
        self._words = _WORDS.pack(sum(counters), *counters)
        cpu.store_bytes(_BLOCK, self._words)
        yield
        yield from run_again(device, Orb(_WRITE))
        self._compare(cpu)
        yield from run_again(device, Orb(_RELEASE))

    def _compare(self, cpu: Processor) -> None:
        found = cpu.fetch_bytes(_BLOCK, DISK_BLOCK_BYTES)
        if found != self._words:
            cpu.damaged(_BLOCK, self._words.hex(), found.hex())
