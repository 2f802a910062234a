"""`stuck`: a device that takes a start and does not end it, ever or for a given time.

It is what step 202 is there for: it keeps its IOP in operation after the guest was stopped. It transfers
nothing while it is stuck; when its time is over it goes on as a disk without data would, without end: reads
give zeros, and what is written goes nowhere.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from lparvm.config import DISK_BLOCK_BYTES, RUN_NS_MAX
from lparvm.devices.base import Device
from lparvm.options import Option, duration
from lparvm.units import NS_PER_S

# Long, so that a virtual clock does not spin when nothing else is left to wait for; finite, as clocks need.
STUCK_WAIT_NS = 3_600 * NS_PER_S


class Stuck(Device):
    """A device that takes a start and never ends it, or ends it after a given time."""

    KIND = "stuck"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("ends_after", duration(1), None, "When a start ends after all; without it: never."),
    )
    block_bytes = DISK_BLOCK_BYTES

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any]) -> None:
        """Check the option.

        Raises:
            UsageError: it is no duration, or longer than any run.
        """
        super().__init__(number, latency_ns, options)
        self.ends_after_ns: int | None = self.options["ends_after"]
        if self.ends_after_ns is not None and self.ends_after_ns > RUN_NS_MAX:
            problem = f"{options['ends_after']!r} is longer than any run"
            raise self.option_error("ends_after", problem, f"{RUN_NS_MAX // STUCK_WAIT_NS}h at most")

    def begin(self) -> Iterator[int]:
        """Be stuck."""
        if self.ends_after_ns is not None:
            yield self.ends_after_ns
            return
        while True:
            yield STUCK_WAIT_NS

    def seek(self, block: int) -> None:
        """Any block will do."""
        self.block = block

    def read_block(self) -> bytes:
        """Zeros."""
        self.block += 1
        return bytes(DISK_BLOCK_BYTES)

    def write_block(self, data: bytes) -> None:
        """To nowhere."""
        assert len(data) == DISK_BLOCK_BYTES, f"{len(data)} bytes for a block"
        self.block += 1
