"""Channel command words and status (Principles of Operation, chapters 15 and 16).

Format-1 CCWs only: command, flags, 16-bit count, 31-bit data address; eight bytes, big-endian, on a
doubleword boundary.
"""

import enum

from attrs import frozen

CCW_BYTES = 8
CCW_ADDRESS_MAX = (1 << 31) - 1


class Command(enum.IntEnum):
    """Command codes the devices know."""

    WRITE = 0x01
    READ = 0x02
    NO_OPERATION = 0x03
    SENSE = 0x04
    SEEK = 0x07
    TRANSFER_IN_CHANNEL = 0x08


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

    CHANNEL_END = 0x08
    DEVICE_END = 0x04
    UNIT_CHECK = 0x02
    UNIT_EXCEPTION = 0x01


class SubchannelStatus(enum.IntFlag):
    """Subchannel status of the SCSW."""

    INCORRECT_LENGTH = 0x40
    PROGRAM_CHECK = 0x20
    PROTECTION_CHECK = 0x10
    CHANNEL_DATA_CHECK = 0x08


@frozen
class Ccw:
    """A format-1 CCW.

    Attributes:
        command: command code (an int: any byte can stand in storage).
        flags: flag byte.
        count: data count in bytes.
        address: guest absolute data address, 31 bits.
    """

    command: int
    flags: int
    count: int
    address: int

    @property
    def chains(self) -> bool:
        """Whether another CCW follows by command chaining."""
        return bool(self.flags & CcwFlag.CHAIN_COMMAND)

    def encode(self) -> bytes:
        """The eight bytes in storage."""
        return (
            bytes((self.command, self.flags))
            + self.count.to_bytes(2, "big")
            + self.address.to_bytes(4, "big")
        )

    @classmethod
    def decode(cls, data: bytes) -> "Ccw":
        """The CCW of eight bytes of storage."""
        return cls(data[0], data[1], int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big"))
