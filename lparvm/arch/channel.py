"""Channel command words and status (Principles of Operation, chapters 15 and 16).

A CCW is eight bytes, big-endian, on a doubleword boundary, in one of two formats: format 1 has a 31-bit data
address (command, flags, count, address), format 0 a 24-bit one (command, address, flags, unused byte, count).
"""

import enum

from attrs import frozen

CCW_BYTES = 8
CCW_ADDRESS_MAX = (1 << 31) - 1
"""Highest data or CCW address of a format-1 channel program."""
CCW_ADDRESS_MAX_0 = (1 << 24) - 1
"""Highest data or CCW address of a format-0 channel program."""
SENSE_BYTES = 32


class Command(enum.IntEnum):
    """Command codes that mean the same for every device; the devices have their own besides."""

    TRANSFER_IN_CHANNEL = 0x08
    NO_OPERATION = 0x03
    SENSE = 0x04
    RELEASE = 0x94
    RESERVE = 0xB4
    UNCONDITIONAL_RESERVE = 0x14
    SENSE_ID = 0xE4


class CcwFlag(enum.IntFlag):
    """CCW flags."""

    CHAIN_DATA = 0x80
    CHAIN_COMMAND = 0x40
    SUPPRESS_LENGTH = 0x20
    SKIP = 0x10
    PROGRAM_CONTROLLED = 0x08
    INDIRECT = 0x04
    SUSPEND = 0x02


class DeviceStatus(enum.IntFlag):
    """Device status of the SCSW."""

    ATTENTION = 0x80
    STATUS_MODIFIER = 0x40
    CONTROL_UNIT_END = 0x20
    BUSY = 0x10
    CHANNEL_END = 0x08
    DEVICE_END = 0x04
    UNIT_CHECK = 0x02
    UNIT_EXCEPTION = 0x01


ENDED = DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END
"""The normal end of a command."""


class SubchannelStatus(enum.IntFlag):
    """Subchannel status of the SCSW."""

    PROGRAM_CONTROLLED = 0x80
    INCORRECT_LENGTH = 0x40
    PROGRAM_CHECK = 0x20
    PROTECTION_CHECK = 0x10
    CHANNEL_DATA_CHECK = 0x08
    CHANNEL_CONTROL_CHECK = 0x04
    INTERFACE_CONTROL_CHECK = 0x02
    CHAINING_CHECK = 0x01


class Direction(enum.Enum):
    """What the modifier bits of a command code make of the data."""

    INPUT = "input"  # device to storage: read, read backward, sense
    OUTPUT = "output"  # storage to device: write, control
    INVALID = "invalid"


def direction_of(command: int) -> Direction:
    """Which way the data of a command goes; invalid: no command of any device has this code."""
    low = command & 0x0F
    if low & 3 in (1, 3):
        return Direction.OUTPUT
    if low & 3 == 2 or low in (0x04, 0x0C):
        return Direction.INPUT
    return Direction.INVALID


@frozen
class Ccw:
    """A CCW of either format.

    Attributes:
        command: command code (an int: any byte can stand in storage).
        flags: flag byte.
        count: data count in bytes.
        address: guest absolute data address, 31 or 24 bits.
    """

    command: int
    flags: int
    count: int
    address: int

    @property
    def chains(self) -> bool:
        """Whether another CCW follows by command chaining."""
        return bool(self.flags & CcwFlag.CHAIN_COMMAND)

    def encode(self, *, format_1: bool = True) -> bytes:
        """The eight bytes in storage."""
        count = self.count.to_bytes(2, "big")
        if format_1:
            return bytes((self.command, self.flags)) + count + self.address.to_bytes(4, "big")
        return bytes((self.command,)) + self.address.to_bytes(3, "big") + bytes((self.flags, 0)) + count

    @classmethod
    def decode(cls, data: bytes, *, format_1: bool = True) -> "Ccw":
        """The CCW of eight bytes of storage. A TRANSFER IN CHANNEL has neither flags nor count in format 0."""
        if format_1:
            return cls(data[0], data[1], int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big"))
        return cls(data[0], data[4], int.from_bytes(data[6:8], "big"), int.from_bytes(data[1:4], "big"))


@frozen
class Ending:
    """How a channel program ended, as its IOP saw it: what goes into the SCSW.

    Attributes:
        device_status: device status byte.
        subchannel_status: subchannel status byte.
        residual_count: bytes of the last CCW's count that were not moved.
        ccw_address: guest absolute address of the last CCW used, plus 8; 0 where none was.
    """

    device_status: int
    subchannel_status: int
    residual_count: int
    ccw_address: int

    @property
    def normal(self) -> bool:
        """Channel end and device end, and nothing else."""
        return self.device_status == ENDED and not self.subchannel_status


NO_ENDING = Ending(0, 0, 0, 0)
"""The ending of a start that never began, or was given up: no device told one."""
