"""The CCWs of one start, fetched from guest storage one at a time, when each is needed, and checked.

By command chaining and by data chaining the next CCW stands behind the last one, or where a TRANSFER IN
CHANNEL between them says. What is wrong with a CCW is a program check:

- its address is no multiple of 8, has more than 31 bits (24 in format 0), or lies outside the zone;
- its command code is none of any device: the low four bits are zeros (not looked at in data chaining), or in
  format 1 those of TRANSFER IN CHANNEL with other bits in front;
- a flag that isn't assigned; the suspend flag where the ORB doesn't allow it, or in data chaining;
- a count of zero: in format 0, in data chaining, or with the chain-data flag;
- in format 1, an address of more than 31 bits;
- the address of an IDAW that is no multiple of the IDAW's size;
- TRANSFER IN CHANNEL as the first CCW, or as the target of another; in format 1, anything but zeros in its
  other fields;
- more than `CCWS_PER_START_MAX` of them, since the start or the last resumption.

The CCW in control is then that CCW; of a TRANSFER IN CHANNEL to where no CCW can be it is the TRANSFER IN
CHANNEL itself.

Source: Principles of Operation, chapters 15 ("Channel-Command Word") and 16 ("Program Check").
"""

import struct

from lparvm.arch.channel import (
    CCW_ADDRESS_MAX,
    CCW_ADDRESS_MAX_0,
    CCW_BYTES,
    CcwFlag,
    Command,
    SubchannelStatus,
)
from lparvm.arch.subchannel import Orb
from lparvm.config import CCWS_PER_START_MAX
from lparvm.devices.channel_progress import Progress
from lparvm.storage.channel_view import ChannelCheck, ChannelView

# Plain ints: operations on flags of an enum take ten times as long.
CHAIN_DATA = int(CcwFlag.CHAIN_DATA)
SKIP = int(CcwFlag.SKIP)
INDIRECT = int(CcwFlag.INDIRECT)
_SUSPEND = int(CcwFlag.SUSPEND)
_NO_AREA = INDIRECT | SKIP  # the data address is none, or not looked at
_NO_FLAG = int(0xFF & ~sum(CcwFlag))
# Flags with something to check; the chain-data flag has nothing but that the count is not zero.
_UNUSUAL = int(0xFF & ~(CcwFlag.CHAIN_DATA | CcwFlag.CHAIN_COMMAND | CcwFlag.SUPPRESS_LENGTH))
_TRANSFER_IN_CHANNEL = int(Command.TRANSFER_IN_CHANNEL)

_FORMAT_1 = struct.Struct(">BBHI")
_FORMAT_0 = struct.Struct(">IBxH")

IDAW_BYTES = {True: 8, False: 4}
"""Size of an IDAW, by `Orb.format_2_idaws`."""


class Ccws:
    """The CCWs of one start; the attributes, but the first, are those of the CCW in control.

    Attributes:
        address_max: the highest address that a CCW can have or name.
        address: guest absolute address.
        command: command code; data chaining keeps that of the first CCW.
        flags: flag byte.
        count: data count in bytes.
        data_address: guest absolute address of its data, or of its first IDAW.
    """

    __slots__ = (
        "_fetched", "_flags_invalid", "_format_1", "_idaw_mask", "_next", "_progress", "_view", "address",
        "address_max", "command", "count", "data_address", "flags",
    )  # fmt: skip

    def __init__(self, view: ChannelView, orb: Orb, progress: Progress) -> None:
        """None is in control yet.

        Args:
            view: guest storage as the IOP may use it.
            orb: where the first one is, and what they may be.
            progress: kept up to date.
        """
        self._view = view
        self._progress = progress
        self._format_1 = orb.format_1
        self._flags_invalid = _NO_FLAG | (0 if orb.suspend_control else _SUSPEND)
        self._idaw_mask = IDAW_BYTES[orb.format_2_idaws] - 1
        self._fetched = 0
        self._next = orb.program
        self.address_max = CCW_ADDRESS_MAX if orb.format_1 else CCW_ADDRESS_MAX_0
        self.address = self.command = self.flags = self.count = self.data_address = 0

    def fetch(self, *, first: bool = False, data_chaining: bool = False) -> None:
        """The next CCW takes control.

        Args:
            first: it is the one that the ORB names.
            data_chaining: by data chaining, else by command chaining.

        Raises:
            ChannelCheck: it cannot be fetched, or is wrong.
        """
        address = self._next
        if self._fetched < CCWS_PER_START_MAX:
            self._progress.ccw_address = address
        command, flags, count, data_address = self._read(address)
        if command & 0x0F == _TRANSFER_IN_CHANNEL:
            if first or not self._can_transfer(command, flags, count, data_address):
                raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
            address = data_address
            command, flags, count, data_address = self._read(address)
            self._progress.ccw_address = address
            if command & 0x0F == _TRANSFER_IN_CHANNEL:
                raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
        if flags & _UNUSUAL or not (count and command & 0x0F) or data_address >> 31:
            self._check(command, flags, count, data_address, address, data_chaining=data_chaining)
        if not data_chaining:
            self.command = command
        self.address, self.flags, self.count, self.data_address = address, flags, count, data_address
        self._next = address + CCW_BYTES
        self._progress.bytes_left = count
        if flags & _NO_AREA:
            self._progress.areas = ((address, CCW_BYTES),)
        else:
            self._progress.areas = ((address, CCW_BYTES), (data_address, count))

    def skip(self) -> None:
        """Status modifier: the CCW behind the one in control is left out."""
        self._next += CCW_BYTES

    def resume(self) -> None:
        """The CCW at which the program was suspended is fetched again."""
        self._next = self.address
        self._fetched = 0

    def _read(self, address: int) -> tuple[int, int, int, int]:
        """Command code, flags, count and data address."""
        if address & 7 or not 0 <= address <= self.address_max or self._fetched >= CCWS_PER_START_MAX:
            raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
        self._fetched += 1
        if self._format_1:
            command, flags, count, data_address = self._view.fetch_fields(address, _FORMAT_1)
            return command, flags, count, data_address
        word, flags, count = self._view.fetch_fields(address, _FORMAT_0)
        return word >> 24, flags, count, word & CCW_ADDRESS_MAX_0

    def _check(
        self, command: int, flags: int, count: int, data_address: int, address: int, *, data_chaining: bool
    ) -> None:
        if (
            flags & self._flags_invalid
            or data_address > CCW_ADDRESS_MAX
            or (not count and (data_chaining or flags & CHAIN_DATA or not self._format_1))
            or (flags & INDIRECT and data_address & self._idaw_mask)
            or (flags & _SUSPEND if data_chaining else not command & 0x0F)
        ):
            raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)

    def _can_transfer(self, command: int, flags: int, count: int, data_address: int) -> bool:
        # In format 0 the other fields are not looked at, nor the high bits of the command code.
        return not self._format_1 or (
            command == _TRANSFER_IN_CHANNEL and not flags and not count and data_address <= CCW_ADDRESS_MAX
        )
