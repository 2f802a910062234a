"""The data of a command: guest storage as its CCWs describe it, for a device to take from and give to.

One count after the other by data chaining, block after block by indirect data addressing; the device notices
neither. Nothing is prefetched: a CCW or IDAW is fetched when the first byte it describes is needed, and the
next CCW in data chaining takes control at the command's end at the latest.

Data moves in pieces: what is in one CCW, or in one block of an IDAW. A piece that is refused is not moved at
all, those before it were moved. A `take` that meets a refused piece gives nothing to the device.

Program checks are, besides those of a CCW (`ccws`):

- data outside the zone, beyond 31-bit addresses (24-bit in format 0 without IDAWs), or outside the limit;
- an IDAW outside the zone; a second or further one that is not at the edge of a block, of 4 KiB for 8-byte
  IDAWs and 2 KiB for 4-byte ones; a 4-byte one of more than 31 bits.

READ BACKWARD gets the last byte first: data goes to descending addresses, from the data address on, which is
that of the last byte; further IDAWs then name the last byte of a block.

With the skip flag an input command's data is counted and not stored; no data address is looked at.

Source: Principles of Operation, chapter 15 ("Data Chaining", "Skipping", "Indirect Data Addressing").
"""

from lparvm.arch.channel import Direction, SubchannelStatus, direction_of
from lparvm.arch.subchannel import Orb
from lparvm.devices.ccws import CHAIN_DATA, IDAW_BYTES, INDIRECT, SKIP, Ccws
from lparvm.devices.channel_progress import Progress
from lparvm.storage.channel_view import ChannelCheck, ChannelView

_IDAW_BLOCK_BYTES = {True: 4096, False: 2048}
_DATA_END_31, _DATA_END_64 = 1 << 31, 1 << 64
_PROGRAM_CONTROLLED = 0x08
_READ_BACKWARD = 0x0C  # the low bits of its command code
_IS_INPUT = tuple(direction_of(command) is Direction.INPUT for command in range(256))


class ChannelData:
    """The data area of the command that runs; one serves all commands of a start. A `DataArea`.

    Attributes:
        left: bytes of the count of the CCW in control that are not moved.
        used: whether the device gave or asked for any data since `begin`.
        overrun: whether it had, or asked for, more than the program's count.
        interruptions: addresses, plus 8, of CCWs that asked for a program-controlled interruption when they
            took control, and that nobody was told of.
    """

    __slots__ = (
        "_address", "_backward", "_block_bytes", "_block_left", "_ccws", "_direct", "_flags", "_high", "_high_direct",
        "_high_indirect", "_idaw_bytes", "_idaws", "_input", "_low", "_progress", "_skips", "_view",
        "interruptions", "left", "overrun", "used",
    )  # fmt: skip

    def __init__(
        self, ccws: Ccws, view: ChannelView, orb: Orb, progress: Progress, limit: tuple[int, int] | None
    ) -> None:
        """An area of no data.

        Args:
            ccws: the CCWs; data chaining goes on in them.
            view: guest storage as the IOP may use it.
            orb: the format of IDAWs.
            progress: kept up to date.
            limit: lowest data address allowed, and the lowest not allowed; None: no limit.
        """
        self._ccws, self._view, self._progress = ccws, view, progress
        self._idaw_bytes = IDAW_BYTES[orb.format_2_idaws]
        self._block_bytes = _IDAW_BLOCK_BYTES[orb.format_2_idaws]
        self._low, high = (0, _DATA_END_64) if limit is None else limit
        self._high_direct = min(high, ccws.address_max + 1)
        self._high_indirect = min(high, _DATA_END_64 if orb.format_2_idaws else _DATA_END_31)
        self._high = self._address = self._block_left = self._idaws = self._flags = self.left = 0
        self._backward = self._direct = self._input = self._skips = self.used = self.overrun = False
        self.interruptions: list[int] = []

    def begin(self) -> None:
        """The data is that of the CCW in control, and of its command."""
        command = self._ccws.command
        self._input = _IS_INPUT[command]
        self._backward = command & 0x0F == _READ_BACKWARD
        self.used = self.overrun = False
        self._load()

    def end(self) -> None:
        """The program has ended: there is no more data for a device that comes late."""
        self.left = self._flags = 0

    def wrong_length(self, *, any_length: bool) -> bool:
        """Whether the data was not just what the program's count says, at the command's end.

        Args:
            any_length: to ask for more than the count is no fault of this command.

        Raises:
            ChannelCheck: data chaining goes on to a CCW that is wrong.
        """
        if not self.left and self._flags & CHAIN_DATA:
            self._chain()
        return self.left > 0 or (self.overrun and not any_length)

    def give(self, data: bytes | bytearray | memoryview) -> int:
        """Bytes of an input command; returns how many the program's count took.

        Raises:
            ChannelCheck: the channel program is wrong, or the command is none of input.
            TransferRefused: the channel program was given up.
        """
        count = len(data)
        if not (self._direct and self._input and count and self.left):
            return self._give_pieces(data)
        if count > self.left:
            if self._flags & CHAIN_DATA:
                return self._give_pieces(data)
            self.overrun = True
            count = self.left
            data = memoryview(data)[:count]
        self.used = True
        address = self._address
        if address < self._low or address + count > self._high:
            raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
        self._view.store(address, data)
        self._address = address + count
        self.left -= count
        self._progress.bytes_left = self.left
        self._progress.bytes_moved += count
        return count

    def take(self, most: int) -> bytes | memoryview:
        """The next bytes of an output command: `most`, or fewer where the program's count is used up.

        Returns:
            Where they are in one piece, guest storage itself, read-only.

        Raises:
            ChannelCheck: the channel program is wrong, or the command is none of output.
            TransferRefused: the channel program was given up.
        """
        if not self._direct or self._input or most <= 0 or not self.left:
            return self._take_pieces(most)
        if most > self.left:
            if self._flags & CHAIN_DATA:
                return self._take_pieces(most)
            self.overrun = True
            most = self.left
        self.used = True
        address = self._address
        if address < self._low or address + most > self._high:
            raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
        data = self._view.window(address, most)
        self._advance(most)
        return data

    # Piece by piece.

    def _give_pieces(self, data: bytes | bytearray | memoryview) -> int:
        total, given = len(data), 0
        if total:
            self._use(is_input=True)
        rest = memoryview(data)
        while given < total:
            if not self.left and not (self._flags & CHAIN_DATA and self._chain()):
                self.overrun = True
                break
            address, count = self._piece(total - given)
            if not self._skips:
                part = rest[given : given + count]
                self._view.store(address, bytes(part)[::-1] if self._backward else part)
            self._advance(count)
            given += count
        return given

    def _take_pieces(self, most: int) -> bytes | memoryview:
        pieces: list[memoryview] = []
        if most > 0:
            self._use(is_input=False)
        while most > 0:
            if not self.left and not (self._flags & CHAIN_DATA and self._chain()):
                self.overrun = True
                break
            address, count = self._piece(most)
            pieces.append(self._view.window(address, count))
            self._advance(count)
            most -= count
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _use(self, *, is_input: bool) -> None:
        """The device moves data; one that does so the wrong way round does not keep to the interface."""
        self.used = True
        if is_input is not self._input:
            raise ChannelCheck(SubchannelStatus.INTERFACE_CONTROL_CHECK, self._ccws.address)

    def _piece(self, most: int) -> tuple[int, int]:
        """Lowest address and size of what can be moved in one piece, `most` bytes or fewer."""
        count = min(most, self.left)
        address = self._address
        if not self._direct:
            if self._skips:
                return 0, count
            if self._flags & INDIRECT:
                if not self._block_left:
                    self._next_block()
                count = min(count, self._block_left)
            address = self._address - count + 1 if self._backward else self._address
        if address < self._low or address + count > self._high:
            raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
        return address, count

    def _advance(self, count: int) -> None:
        self._address += -count if self._backward else count
        self._block_left -= count
        self.left -= count
        self._progress.bytes_left = self.left
        self._progress.bytes_moved += count

    def _next_block(self) -> None:
        ccws, size = self._ccws, self._idaw_bytes
        at = ccws.data_address + self._idaws * size
        if at > ccws.address_max:
            raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, at)
        address = int.from_bytes(self._view.fetch(at, size), "big")
        within = address & (self._block_bytes - 1)
        edge = self._block_bytes - 1 if self._backward else 0
        if (self._idaws and within != edge) or address >= (_DATA_END_64 if size == 8 else _DATA_END_31):
            raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
        self._idaws += 1
        self._address = address
        self._block_left = within + 1 if self._backward else self._block_bytes - within
        self._progress.areas += ((at, size), self._area(min(self.left, self._block_left)))

    def _area(self, count: int) -> tuple[int, int]:
        """Address and size of what of `count` bytes can be at all."""
        if not self._backward:
            return self._address, count
        lowest = max(0, self._address - count + 1)
        return lowest, self._address + 1 - lowest

    def _chain(self) -> bool:
        """The next CCW takes control by data chaining: true, so that it fits a condition."""
        self._ccws.fetch(data_chaining=True)
        self._load()
        return True

    def _load(self) -> None:
        ccws = self._ccws
        flags = self._flags = ccws.flags
        self.left = ccws.count
        self._address = ccws.data_address
        self._idaws = self._block_left = 0
        self._skips = self._input and bool(flags & SKIP)
        self._direct = not (flags & INDIRECT or self._skips or self._backward)
        if self._backward and not flags & (INDIRECT | SKIP):
            self._progress.areas = (self._progress.areas[0], self._area(ccws.count))
        self._high = self._high_indirect if flags & INDIRECT else self._high_direct
        if flags & _PROGRAM_CONTROLLED:
            self.interruptions.append(ccws.address + 8)
