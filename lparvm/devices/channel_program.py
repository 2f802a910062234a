"""Runs a channel program: CCWs in guest storage, data between guest storage and a device.

A synchronous generator: it yields the time to wait, in ns, and touches storage in between; whoever drives it
sleeps. CCWs are fetched one at a time, when they are needed (no prefetch: a guest may build the next one
while the first runs). Every CCW and data address is checked by the `ChannelView` at the access; what a guest
does wrong ends the start function with a status, whatever it wrote there.

Supported (format-1 CCWs): READ, WRITE, SEEK with a 4-byte block number, SENSE, NO-OPERATION, TRANSFER IN
CHANNEL, command chaining, suppress length indication. Data chaining, skip, indirect addressing, program-
controlled interruption and suspend are not: they end in program check.

Source: Principles of Operation, chapter 15.
"""

from collections.abc import Generator

from attrs import define

from lparvm.arch.channel import CCW_ADDRESS_MAX, CCW_BYTES, Ccw, CcwFlag, Command, DeviceStatus, SubchannelStatus
from lparvm.arch.interruption import IoInterruption
from lparvm.config import CCWS_PER_START_MAX
from lparvm.devices.base import Device, DeviceCheck
from lparvm.storage.channel_view import ChannelCheck, ChannelView

_UNSUPPORTED = CcwFlag.CHAIN_DATA | CcwFlag.SKIP | CcwFlag.PROGRAM_CONTROLLED | CcwFlag.INDIRECT | CcwFlag.SUSPEND
_ENDED = DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END
_BLOCK_NUMBER_BYTES = 4
_SENSE_BYTES = 32

Waits = Generator[int, None, IoInterruption]


@define
class Progress:
    """How far a channel program is, for the message that names a busy device.

    Attributes:
        operation: the command that runs.
        ccw_address: guest absolute address of its CCW.
        bytes_moved: bytes transferred by the whole program.
    """

    operation: str = "START"
    ccw_address: int = 0
    bytes_moved: int = 0


def execute(device: Device, view: ChannelView, program: int, progress: Progress) -> Waits:
    """Run the channel program at a guest absolute address; yields waits in ns, returns the ending status.

    Args:
        device: the device.
        view: guest storage as the IOP may use it.
        program: guest absolute address of the first CCW.
        progress: kept up to date.
    """
    address, residual, after_transfer = program, 0, False
    progress.ccw_address = program
    yield from device.begin()
    for _ in range(CCWS_PER_START_MAX):
        progress.ccw_address = address
        try:
            ccw = _fetch(view, address)
            if ccw.command & 0x0F == Command.TRANSFER_IN_CHANNEL:
                if after_transfer or address == program:
                    raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
                address, after_transfer = ccw.address, True
                continue
            after_transfer = False
            residual = yield from _perform(device, view, ccw, progress)
        except ChannelCheck as check:
            return _ending(device, _ENDED, check.status, residual, address)
        except DeviceCheck as check:
            device.sense = str(check)
            return _ending(device, _ENDED | DeviceStatus.UNIT_CHECK, 0, residual, address)
        if residual and not ccw.flags & CcwFlag.SUPPRESS_LENGTH:
            return _ending(device, _ENDED, SubchannelStatus.INCORRECT_LENGTH, residual, address)
        if not ccw.chains:
            return _ending(device, _ENDED, 0, residual, address)
        address += CCW_BYTES
    return _ending(device, _ENDED, SubchannelStatus.PROGRAM_CHECK, residual, address)


def _fetch(view: ChannelView, address: int) -> Ccw:
    if address % CCW_BYTES or not 0 <= address <= CCW_ADDRESS_MAX:
        raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
    ccw = Ccw.decode(view.fetch(address, CCW_BYTES))
    if ccw.address > CCW_ADDRESS_MAX:
        raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
    transfers = ccw.command & 0x0F != Command.TRANSFER_IN_CHANNEL
    if transfers and (ccw.flags & _UNSUPPORTED or not ccw.count):
        raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, address)
    return ccw


def _perform(
    device: Device, view: ChannelView, ccw: Ccw, progress: Progress
) -> Generator[int, None, int]:
    """One command; returns the residual count."""
    match ccw.command:
        case Command.READ | Command.WRITE:
            progress.operation = Command(ccw.command).name
            return (yield from _transfer(device, view, ccw, progress))
        case Command.SEEK:
            progress.operation = "SEEK"
            taken = min(ccw.count, _BLOCK_NUMBER_BYTES)
            data = view.fetch(ccw.address, taken)
            if taken < _BLOCK_NUMBER_BYTES:
                raise DeviceCheck("the block number is too short")
            device.seek(int.from_bytes(data, "big"))
            return ccw.count - taken
        case Command.SENSE:
            progress.operation = "SENSE"
            sense = device.sense.encode("ascii", "replace")[:_SENSE_BYTES].ljust(_SENSE_BYTES, b"\0")
            taken = min(ccw.count, _SENSE_BYTES)
            view.store(ccw.address, sense[:taken])
            progress.bytes_moved += taken
            return ccw.count - taken
        case Command.NO_OPERATION:
            progress.operation = "NO_OPERATION"
            return 0
        case _:
            raise DeviceCheck(f"command {ccw.command:02X} is unknown")


def _transfer(
    device: Device, view: ChannelView, ccw: Ccw, progress: Progress
) -> Generator[int, None, int]:
    """READ or WRITE, block by block, each after the device's latency.

    The last block may be cut: a READ stores what was asked for, a WRITE is filled with zeros.
    """
    moved = 0
    while moved < ccw.count:
        part = min(device.block_bytes, ccw.count - moved)
        yield device.latency_ns
        if ccw.command == Command.READ:
            view.store(ccw.address + moved, device.read_block()[:part])
        else:
            device.write_block(view.fetch(ccw.address + moved, part).ljust(device.block_bytes, b"\0"))
        moved += part
        progress.bytes_moved += part
    return 0


def _ending(
    device: Device, device_status: int, subchannel_status: int, residual: int, address: int
) -> IoInterruption:
    """The status; the CCW address is that of the last CCW used, plus 8."""
    return IoInterruption(
        device.number, int(device_status), int(subchannel_status), residual, address + CCW_BYTES
    )
