"""What a device is to the channel-program interpreter.

A device knows blocks and where it stands; it knows nothing of guest storage, CCWs or time. The interpreter
(`channel_program`) waits `latency_ns` before each block, reads or writes it here, and moves the bytes.
"""

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from lparvm.errors import UsageError
from lparvm.options import Option, parse_options


class Sense(enum.IntFlag):
    """Why a command ended in unit check: byte 0 of the sense data."""

    COMMAND_REJECT = 0x80
    EQUIPMENT_CHECK = 0x10


class DeviceCheck(Exception):  # noqa: N818 - the architecture's word; it becomes unit check
    """The device cannot do what it was told: unit check.

    Attributes:
        sense: what SENSE tells of it.
    """

    def __init__(self, sense: Sense, problem: str) -> None:
        """Keep the sense; the text is for people."""
        self.sense = sense
        super().__init__(problem)


class Device(ABC):
    """A device with blocks of a fixed size. A start function begins at block 0.

    Attributes:
        number: device number.
        latency_ns: time before each block is transferred.
        block_bytes: bytes of a block.
        block: the next block to be read or written; SEEK sets it, a transfer advances it.
        sense: of the last unit check, until another command than SENSE or NO-OPERATION is accepted.
    """

    OPTIONS: ClassVar[tuple[Option, ...]] = ()
    KIND: ClassVar[str] = ""
    block_bytes: int

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any]) -> None:
        """Check the options.

        Args:
            number: device number.
            latency_ns: time before each block, 0 or more.
            options: as the scenario gives them.

        Raises:
            UsageError: an option is unknown, or its value wrong.
        """
        self.number = number
        self.latency_ns = latency_ns
        self.name = f"device {number:04X} ({self.KIND})"
        self.options = parse_options(self.OPTIONS, options, self.name)
        self.block = 0
        self.sense = Sense(0)

    @classmethod
    def summary(cls) -> str:
        """One sentence."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    def option_error(self, option: str, problem: str, expected: str) -> UsageError:
        """The error of an option whose value cannot be used."""
        return UsageError(f"{self.name}: option '{option}': {problem}; expected {expected}")

    def begin(self) -> Iterator[int]:
        """The first command of a start was accepted: times in ns that pass before it is performed."""
        return iter(())

    @abstractmethod
    def seek(self, block: int) -> None:
        """Stand before a block.

        Raises:
            DeviceCheck: there is no such block; it stands where it stood.
        """

    @abstractmethod
    def read_block(self) -> bytes:
        """The block at which the device stands; it advances.

        Raises:
            DeviceCheck: there is none, or it cannot be read; it stands where it stood.
        """

    @abstractmethod
    def write_block(self, data: bytes) -> None:
        """Write the block at which the device stands; it advances.

        Args:
            data: `block_bytes` bytes.

        Raises:
            DeviceCheck: there is none, or it cannot be written; it stands where it stood.
        """

    def close(self) -> None:  # noqa: B027 - most devices hold nothing
        """Write out what is held back and let go of files. Idempotent."""
