"""`stuck`: a device that takes a start and does not end it, ever or for a given time.

It is what step 202 is there for: it keeps its IOP in operation after the guest was stopped. It transfers
nothing while it is stuck; when its time is over it ends as a disk without data would: reads give zeros, and
what is written goes nowhere.
"""

from collections.abc import Iterator
from typing import ClassVar

from lparvm.config import DISK_BLOCK_BYTES
from lparvm.devices.base import Device
from lparvm.options import Option, duration

_LONG_NS = 3_600_000_000_000


class Stuck(Device):
    """A device that stays busy."""

    KIND = "stuck"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("ends_after", duration(1), None, "When a start ends after all; without it: never."),
    )
    block_bytes = DISK_BLOCK_BYTES

    def begin(self) -> Iterator[int]:
        """Be stuck."""
        ends_after_ns = self.options["ends_after"]
        if ends_after_ns is not None:
            yield ends_after_ns
            return
        while True:
            yield _LONG_NS

    def seek(self, block: int) -> None:
        """Any block will do."""
        self.block = block

    def read_block(self) -> bytes:
        """Zeros."""
        return bytes(DISK_BLOCK_BYTES)

    def write_block(self, data: bytes) -> None:
        """To nowhere."""
