"""What an IOP is to do: the orders that its decisions (`protocol.io_processor`) give."""

import enum

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.arch.channel import Ending
from lparvm.arch.subchannel import Function
from lparvm.protocol import messages as m


class Deferral(enum.StrEnum):
    """Why a device cannot run a start now."""

    BUSY = "busy"
    RESERVED = "reserved"


@frozen
class Begin:
    """Run this start's channel program now, or answer StartDeferred at once. ChannelProgramEnded follows."""

    start: m.StartIo


@frozen
class Resume:
    """The suspended channel program goes on."""

    start: m.StartIo


@frozen
class Halt:
    """Tell the device to end. ChannelProgramEnded follows when it does."""

    start: m.StartIo


@frozen
class GiveUp:
    """The channel program may touch nothing more. ChannelProgramEnded follows when the device ends."""

    start: m.StartIo


@frozen
class FreeDevice:
    """The device is free again: tell the other IOPs that have a path to it."""

    lpar: str
    device: int


@frozen
class EndStart:
    """A start ended: tell LIP control."""

    start: m.StartIo
    function: Function
    ending: Ending


@frozen
class ReturnStart:
    """The path of a start is varied off, and it has not begun: give it back to LIP control."""

    start: m.StartIo


@frozen
class TellIntermediate:
    """Tell LIP control that a channel program is suspended."""

    message: m.IoIntermediate


@frozen
class TellHeld:
    """A start came while its LPAR is quiescing: it waits."""

    start: m.StartIo


@frozen
class TellDeferred:
    """The device is not free for this start: it waits."""

    start: m.StartIo
    reason: Deferral


@frozen
class TellEndedLate:
    """A device that an operation waited for in vain has ended."""

    start: m.StartIo
    op: str


@frozen
class OfferStatus:
    """A device has unsolicited status for an LPAR."""

    lpar: str
    device: int
    device_status: int


@frozen
class ReportQuiesced:
    """No I/O of the LPAR is active here."""

    op: str
    lpar: str


@frozen
class ReportBusy:
    """These devices still run channel programs of the LPAR; `attempt` is the number of the question."""

    op: str
    lpar: str
    devices: tuple[int, ...]
    attempt: int


@frozen
class ConfirmLimit:
    """SALE is in force."""

    op: str
    lpar: str
    zone: Zone


@frozen
class ConfirmRelease:
    """So many held starts may begin."""

    op: str
    lpar: str
    held: int


@frozen
class ConfirmVary:
    """The path is varied; where it was not so before, these LPARs are to be told."""

    order: m.VaryPath
    changed: bool
    lpars: tuple[str, ...]


Order = (
    Begin | Resume | Halt | GiveUp | FreeDevice | EndStart | ReturnStart | TellIntermediate | TellHeld
    | TellDeferred | TellEndedLate | OfferStatus | ReportQuiesced | ReportBusy | ConfirmLimit | ConfirmRelease
    | ConfirmVary
)  # fmt: skip
