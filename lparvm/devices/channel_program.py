"""Runs a channel program: CCWs in guest storage, data between guest storage and a device.

A synchronous generator: it yields the time to wait, in ns, and touches storage in between; whoever drives it
sleeps. CCWs are fetched one at a time, when they are needed (no prefetch: a guest may build the next one
while the first runs). Every CCW and data address is guest absolute and checked by the `ChannelView` at the
access; what a guest does wrong ends the start function with a status, whatever it wrote there.

Commands (format-1 CCWs):

- READ, WRITE: block by block from where the device stands; at the beginning that is block 0. A count that
  is no multiple of the block is an incorrect length: a READ stores the front of the last block, a WRITE
  fills it with zeros. A count of zero moves nothing, and is an incorrect length too.
- SEEK: stands before the block whose number is the 4 bytes at the data address. Fewer: unit check.
- SENSE: 32 bytes, of which byte 0 says why the last unit check was (`devices.base.Sense`).
- NO-OPERATION: nothing; its count is not looked at.
- TRANSFER IN CHANNEL: the next CCW is at the data address. Neither the first CCW nor the target of another.

How a start function ends, besides normally:

- incorrect length: the count was not the device's and the CCW doesn't suppress it. Chaining stops.
- program check: a CCW that is malformed, off its boundary or outside the zone; data outside the zone; more
  than `CCWS_PER_START_MAX` CCWs; and whatever is not supported (data chaining, skip, program-controlled
  interruption, indirect data addressing, suspend).
- protection check: the subchannel key does not match.
- unit check: the device doesn't know the command, or can't perform it. Incorrect length is not added.

The residual count is that of the last CCW performed. The CCW address is that of the last CCW used, plus 8; a
TRANSFER IN CHANNEL to where no CCW can be is itself the last one.

Source: Principles of Operation, chapters 15 and 16.
"""

from collections.abc import Generator

from attrs import define

from lparvm.arch.channel import (
    CCW_ADDRESS_MAX,
    CCW_BYTES,
    Ccw,
    CcwFlag,
    Command,
    DeviceStatus,
    SubchannelStatus,
)
from lparvm.arch.interruption import IoInterruption
from lparvm.config import CCWS_PER_START_MAX
from lparvm.devices.base import Device, DeviceCheck, Sense
from lparvm.storage.channel_view import ChannelCheck, ChannelView

BLOCK_NUMBER_BYTES = 4
SENSE_BYTES = 32

_SUPPORTED_FLAGS = CcwFlag.CHAIN_COMMAND | CcwFlag.SUPPRESS_LENGTH
_ENDED = DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END
_NORMAL = SubchannelStatus(0)

Waits = Generator[int, None, None]


@define
class Progress:
    """How far a channel program is, for the message that names a busy device.

    Attributes:
        operation: the command that runs.
        ccw_address: guest absolute address of its CCW.
        bytes_moved: bytes of data stored or fetched by the whole program; a SEEK's block number is none.
    """

    operation: str = "START"
    ccw_address: int = 0
    bytes_moved: int = 0


def execute(
    device: Device, view: ChannelView, program: int, progress: Progress
) -> Generator[int, None, IoInterruption]:
    """Run the channel program at a guest absolute address; yields waits in ns, returns the ending status.

    Only one at a time for a device. Left before its end, it has moved whole blocks, and touches nothing more.

    Args:
        device: the device.
        view: guest storage as the IOP may use it.
        program: guest absolute address of the first CCW.
        progress: kept up to date.
    """
    run = _Run(device, view, progress)
    device.block = 0
    device_status = _ENDED
    try:
        subchannel_status = yield from run.program(program)
    except ChannelCheck as check:
        subchannel_status = check.status
    except DeviceCheck as check:
        device.sense = check.sense
        subchannel_status, device_status = _NORMAL, _ENDED | DeviceStatus.UNIT_CHECK
    return IoInterruption(
        device.number, int(device_status), int(subchannel_status), run.residual,
        progress.ccw_address + CCW_BYTES,
    )  # fmt: skip


@define
class _Run:
    """One start function under way.

    Attributes:
        residual: bytes of the current CCW's count that were not moved.
        right_length: whether the count of the current CCW is what the device had or took.
    """

    device: Device
    view: ChannelView
    progress: Progress
    residual: int = 0
    right_length: bool = True

    def program(self, first: int) -> Generator[int, None, SubchannelStatus]:
        """All CCWs, from guest absolute `first` on; returns the subchannel status.

        Raises:
            ChannelCheck: a CCW or its data area is wrong.
            DeviceCheck: the device cannot do it.
        """
        address, begun, transferred = first, False, False
        self.progress.ccw_address = first
        for _ in range(CCWS_PER_START_MAX):
            if not transferred:
                self.progress.ccw_address = address
            ccw = self._fetch(address)
            self.progress.ccw_address = address
            _check(ccw, address)
            if ccw.command == Command.TRANSFER_IN_CHANNEL:
                if transferred or not begun:
                    return SubchannelStatus.PROGRAM_CHECK
                address, transferred = ccw.address, True
                continue
            yield from self._perform(ccw, begun=begun)
            if not self.right_length and not ccw.flags & CcwFlag.SUPPRESS_LENGTH:
                return SubchannelStatus.INCORRECT_LENGTH
            if not ccw.chains:
                return _NORMAL
            address, begun, transferred = address + CCW_BYTES, True, False
            yield 0  # others get their turn also when a program only loops
        return SubchannelStatus.PROGRAM_CHECK

    def _fetch(self, address: int) -> Ccw:
        if address % CCW_BYTES or address > CCW_ADDRESS_MAX:
            raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
        return Ccw.decode(self.view.fetch(address, CCW_BYTES))

    def _perform(self, ccw: Ccw, *, begun: bool) -> Waits:
        try:
            command = Command(ccw.command)
        except ValueError:
            problem = f"command {ccw.command:02X}"
            raise DeviceCheck(Sense.COMMAND_REJECT, f"{problem}; expected one it knows") from None
        self.progress.operation = command.name
        self.residual, self.right_length = ccw.count, True
        if not begun:
            yield from self.device.begin()
        if command not in (Command.SENSE, Command.NO_OPERATION):
            self.device.sense = Sense(0)
        match command:
            case Command.READ | Command.WRITE:
                yield from self._transfer(ccw)
            case Command.SEEK:
                self._seek(ccw)
            case Command.SENSE:
                self._sense(ccw)
            case _:
                assert command == Command.NO_OPERATION, f"{command.name} is performed elsewhere"

    def _transfer(self, ccw: Ccw) -> Waits:
        """READ or WRITE, block by block, each after the device's latency."""
        device, block_bytes = self.device, self.device.block_bytes
        self.right_length = ccw.count > 0 and ccw.count % block_bytes == 0
        while self.residual:
            part = min(block_bytes, self.residual)
            address = ccw.address + ccw.count - self.residual
            yield device.latency_ns
            if ccw.command == Command.READ:
                self._store(address, device.read_block()[:part])
            else:
                device.write_block(self._fetch_data(address, part).ljust(block_bytes, b"\0"))
            self.residual -= part
            self.progress.bytes_moved += part

    def _seek(self, ccw: Ccw) -> None:
        taken = min(ccw.count, BLOCK_NUMBER_BYTES)
        data = self._fetch_data(ccw.address, taken)
        self.residual -= taken
        self.right_length = ccw.count == BLOCK_NUMBER_BYTES
        if taken < BLOCK_NUMBER_BYTES:
            problem = f"a block number of {taken} bytes; expected {BLOCK_NUMBER_BYTES}"
            raise DeviceCheck(Sense.COMMAND_REJECT, problem)
        self.device.seek(int.from_bytes(data, "big"))

    def _sense(self, ccw: Ccw) -> None:
        data = bytes((self.device.sense,)).ljust(SENSE_BYTES, b"\0")[: ccw.count]
        self._store(ccw.address, data)
        self.residual -= len(data)
        self.progress.bytes_moved += len(data)
        self.right_length = ccw.count == SENSE_BYTES

    def _fetch_data(self, address: int, count: int) -> bytes:
        _check_range(address, count)
        return self.view.fetch(address, count) if count else b""

    def _store(self, address: int, data: bytes) -> None:
        _check_range(address, len(data))
        if data:
            self.view.store(address, data)


def _check_range(address: int, count: int) -> None:
    """Data ends where 31-bit addresses do, also in a zone that goes on."""
    if address + count > CCW_ADDRESS_MAX + 1:
        raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, CCW_ADDRESS_MAX + 1)


def _check(ccw: Ccw, address: int) -> None:
    """Whether the channel can use a CCW; what the device makes of its command is another matter.

    Raises:
        ChannelCheck: program check.
    """
    low = ccw.command & 0x0F
    if ccw.command == Command.TRANSFER_IN_CHANNEL:
        # In format 1 all of the first word but the command must be zeros.
        valid = not ccw.flags and not ccw.count
    else:
        # Low bits 0 are no command of any device, and 8 is TRANSFER IN CHANNEL, whose high bits are zeros.
        valid = low not in (0, Command.TRANSFER_IN_CHANNEL) and not ccw.flags & ~_SUPPORTED_FLAGS
    if not valid or ccw.address > CCW_ADDRESS_MAX:
        raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
