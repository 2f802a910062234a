"""What a device is to the channel-program interpreter.

A device knows blocks and where it stands; it knows nothing of guest storage, CCWs or time. The interpreter
(`channel_program`) waits `latency_ns` before each block, reads or writes it here, and moves the bytes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from lparvm.options import Option, parse_options


class DeviceCheck(Exception):  # noqa: N818 - the architecture's word; it becomes unit check
    """The device cannot do what it was told: unit check. The text is its sense."""


class Device(ABC):
    """A device with blocks of a fixed size.

    Attributes:
        number: device number.
        latency_ns: time before each block is transferred.
        block_bytes: bytes of a block.
        block: the next block to be read or written; SEEK sets it, a transfer advances it.
        sense: why the last unit check was, for SENSE.
    """

    OPTIONS: ClassVar[tuple[Option, ...]] = ()
    KIND: ClassVar[str] = ""
    block_bytes: int

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any]) -> None:
        """Check the options.

        Raises:
            UsageError: an option is unknown, or its value wrong.
        """
        self.number = number
        self.latency_ns = latency_ns
        self.options = parse_options(self.OPTIONS, options, f"device {number:04X} ({self.KIND})")
        self.block = 0
        self.sense = ""

    def begin(self) -> Iterator[int]:
        """A start function begins: times in ns that the device needs before its first block."""
        return iter(())

    @abstractmethod
    def seek(self, block: int) -> None:
        """Stand before a block.

        Raises:
            DeviceCheck: there is no such block.
        """

    @abstractmethod
    def read_block(self) -> bytes:
        """The block at which the device stands; it advances.

        Raises:
            DeviceCheck: there is none, or it cannot be read.
        """

    @abstractmethod
    def write_block(self, data: bytes) -> None:
        """Write the block at which the device stands; it advances.

        Raises:
            DeviceCheck: there is none, or it cannot be written.
        """

    def close(self) -> None:
        """Let go of files. Idempotent."""
