"""Runs a channel program: CCWs in guest storage, data between guest storage and a device.

A synchronous generator: it yields what it waits for, and touches storage in between; whoever drives it
sleeps. Nothing is prefetched (a guest may build the next CCW while the first runs), and every address is
guest absolute and checked by the `ChannelView` at the access; what a guest does wrong ends the start function
with a status, whatever it wrote there.

How a start function ends, besides normally:

- incorrect length: the device had or asked for more than the count (unless that is how a command finds its
  end: `Device.ANY_LENGTH`), or left some of it, and the CCW doesn't suppress that; with the chain-data flag it
  is not suppressed. Of a command that moved no data the count is not looked at.
- program check: a CCW, IDAW or address that is wrong; see `ccws` and `data_area`.
- protection check: the subchannel key doesn't match the storage key of a CCW, an IDAW or the data.
- channel data check: a frame is faulty, or the device says so.
- interface control check: the device gave data to an output command, or the other way round.
- unit check: the device cannot do what it was told. Incorrect length is not added.
- other device status than channel end and device end, with or without status modifier.

Each of them ends chaining. The residual count is that of the last CCW performed, and the CCW address that of
the last CCW in control, plus 8. Device status is zero where the device was never told a command.

Source: Principles of Operation, chapters 15 and 16.
"""

from collections.abc import Generator

from attrs import frozen

from lparvm.arch.channel import (
    CCW_ADDRESS_MAX,
    CCW_BYTES,
    ENDED,
    CcwFlag,
    DeviceStatus,
    Ending,
    SubchannelStatus,
)
from lparvm.arch.subchannel import Orb
from lparvm.devices.base import Deaf, Device, DeviceCheck, Waits
from lparvm.devices.ccws import CHAIN_DATA, Ccws
from lparvm.devices.channel_progress import Progress
from lparvm.devices.data_area import ChannelData
from lparvm.storage.channel_view import ChannelCheck, ChannelView

__all__ = ["HaltSignal", "Intermediate", "Progress", "Steps", "Suspended", "execute"]

_CHAIN_COMMAND = int(CcwFlag.CHAIN_COMMAND)
_CHAIN = _CHAIN_COMMAND | CHAIN_DATA
_SUPPRESS_LENGTH = int(CcwFlag.SUPPRESS_LENGTH)
_SUSPEND = int(CcwFlag.SUSPEND)
_ENDED = int(ENDED)
_STATUS_MODIFIER = int(DeviceStatus.STATUS_MODIFIER)
_UNIT_CHECK = int(DeviceStatus.UNIT_CHECK)
_KEY_MAX = 15


class HaltSignal(Exception):  # noqa: N818 - a signal, no error
    """Thrown into a channel program at a wait that is not `Deaf`: the device is told to end, and does."""


@frozen
class Suspended:
    """A CCW with the suspend flag was reached; sent on, the program fetches that CCW again.

    Attributes:
        ccw_address: guest absolute address of that CCW, plus 8, as it stands in the SCSW.
    """

    ccw_address: int


@frozen
class Intermediate:
    """A program-controlled interruption; the program goes on at once.

    Attributes:
        ccw_address: guest absolute address of the CCW that asks for it, plus 8, as it stands in the SCSW.
    """

    ccw_address: int


Steps = Generator[int | Deaf | Suspended | Intermediate, None, Ending]
"""A channel program under way: yields times to wait in ns and what is to be told, returns its ending."""
_Wait = int | Deaf | Suspended | Intermediate


def execute(
    device: Device, view: ChannelView, orb: Orb, progress: Progress, limit: tuple[int, int] | None = None
) -> Steps:
    """Run a channel program.

    The caller has connected the device, and disconnects it after the end. At a wait the program may be told
    to end, by `HaltSignal` or by closing it: the command of the device is closed, and the start function ends
    with channel end and device end, and the residual count as it stands.

    Args:
        device: the device.
        view: guest storage as the IOP may use it, with the ORB's key.
        orb: what START SUBCHANNEL was given.
        progress: kept up to date.
        limit: lowest data address allowed, and the lowest not allowed; None: no limit.

    Raises:
        TransferRefused: the view was revoked.
    """
    run = _Run(device, view, orb, progress, limit)
    try:
        status = yield from run.program()
    except ChannelCheck as check:
        status = int(check.status)
        if run.data.interruptions:
            status |= SubchannelStatus.PROGRAM_CONTROLLED
    except (HaltSignal, GeneratorExit):
        status, run.device_status = 0, _ENDED
    finally:
        residual = run.data.left
        run.data.end()
    address = (progress.ccw_address + CCW_BYTES) & CCW_ADDRESS_MAX
    return Ending(run.device_status, status, residual, address)


class _Run:
    """One start function under way.

    Attributes:
        data: the data area of its commands.
        device_status: of the last command; as if it ended normally while it runs.
    """

    __slots__ = ("_ccws", "_device", "_orb", "_progress", "data", "device_status")

    def __init__(
        self,
        device: Device,
        view: ChannelView,
        orb: Orb,
        progress: Progress,
        limit: tuple[int, int] | None,
    ) -> None:
        self._device, self._orb, self._progress = device, orb, progress
        self._ccws = Ccws(view, orb, progress)
        self.data = ChannelData(self._ccws, view, orb, progress, limit)
        self.device_status = 0

    def program(self) -> Generator[_Wait, None, int]:  # noqa: C901, PLR0912 - in one piece for speed
        """All commands; returns the subchannel status.

        Raises:
            ChannelCheck: a CCW or its data is wrong.
        """
        ccws, device, data = self._ccws, self._device, self.data
        if not 0 <= self._orb.key <= _KEY_MAX:
            raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, self._orb.program)
        chained = False
        while True:
            ccws.fetch(first=not chained)
            if ccws.flags & _SUSPEND:
                yield from self._suspend()
            self._begin()
            waited = False
            try:
                waits = device.perform(ccws.command, data, chained=chained)
                if data.interruptions:
                    yield from self._tell_interruptions()
                while True:
                    wait = next(waits)
                    if data.interruptions:
                        yield from self._tell_interruptions()
                    yield wait
                    waited = True
            except StopIteration as end:
                self.device_status = int(end.value)
            except DeviceCheck as check:
                device.note_check(check)
                self.device_status = _ENDED | _UNIT_CHECK
            except (HaltSignal, GeneratorExit):
                _close(waits)
                raise
            incorrect_length = self._incorrect_length()
            if data.interruptions:
                yield from self._tell_interruptions()
            if incorrect_length:
                return int(SubchannelStatus.INCORRECT_LENGTH)
            if not self._chains():
                return 0
            chained = True
            if not waited:
                yield 0  # others get their turn also when a program only loops

    def _suspend(self) -> Generator[Suspended, None, None]:
        ccws = self._ccws
        while ccws.flags & _SUSPEND:
            yield Suspended((ccws.address + CCW_BYTES) & CCW_ADDRESS_MAX)
            ccws.resume()
            ccws.fetch()

    def _begin(self) -> None:
        """The device is told the command of the CCW in control."""
        command, progress = self._ccws.command, self._progress
        if command != progress.command:
            progress.command, progress.operation = command, self._device.operation(command)
        self.device_status = _ENDED
        self.data.begin()

    def _incorrect_length(self) -> bool:
        data = self.data
        if not data.used or not (data.left or data.overrun or self._ccws.flags & CHAIN_DATA):
            return False
        any_length = self._ccws.command in self._device.ANY_LENGTH
        if self.device_status & _UNIT_CHECK or not data.wrong_length(any_length=any_length):
            return False
        # The last CCW in control: data chaining may have gone on.
        flags = self._ccws.flags
        return bool(flags & CHAIN_DATA) or not flags & _SUPPRESS_LENGTH

    def _chains(self) -> bool:
        """Whether another command follows by command chaining."""
        if self.device_status != _ENDED:
            if self.device_status != _ENDED | _STATUS_MODIFIER:
                return False
            self._ccws.skip()
        return self._ccws.flags & _CHAIN == _CHAIN_COMMAND

    def _tell_interruptions(self) -> Generator[Intermediate, None, None]:
        told, self.data.interruptions = self.data.interruptions, []
        for address in told:
            yield Intermediate(address & CCW_ADDRESS_MAX)


def _close(waits: Waits) -> None:
    """End a command in the middle: what its device then finds wrong is told to nobody."""
    try:
        waits.close()
    except (DeviceCheck, ChannelCheck):
        return
