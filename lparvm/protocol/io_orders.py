"""What an IOP's decisions order: imperative, frozen, carried out by the IOP.

Counterpart of `protocol.io_processor`, where they are decided.
"""

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.arch.channel import Ending
from lparvm.arch.subchannel import Function
from lparvm.protocol import messages as m


@frozen
class Begin:
    """Run this start's channel program now, if the device is available. ChannelProgramEnded follows."""

    start: m.StartIo
    arrival: int


@frozen
class HoldStart:
    """A start waits because its LPAR is quiescing (told for the trace)."""

    start: m.StartIo


@frozen
class HoldResume:
    """A suspended program is to be resumed while its LPAR is quiescing: that waits (told for the trace)."""

    start: m.StartIo


@frozen
class RefuseStart:
    """The path is varied off: the start goes back to LIP control."""

    start: m.StartIo


@frozen
class EndStart:
    """A start has ended: tell LIP control."""

    start: m.StartIo
    function: Function
    ending: Ending


@frozen
class Halt:
    """Tell the device to end its channel program."""

    device: int


@frozen
class GiveUp:
    """Refuse each further access of the device's channel program, and tell the device to end."""

    device: int


@frozen
class Resume:
    """The device's suspended channel program goes on."""

    device: int


@frozen
class FreeDevice:
    """The device's channel program is over: disconnect it, and tell the other IOPs with a path to it.

    With `reset`, what the program has reserved for its LPAR is freed first.
    """

    start: m.StartIo
    reset: bool = False


@frozen
class ResetDevices:
    """System reset of an LPAR: its reservations are over, and whoever waits for these devices may try again."""

    lpar: str
    devices: tuple[int, ...]


@frozen
class TellLate:
    """A device that an operation waited for in vain has ended."""

    start: m.StartIo
    operation: str


@frozen
class Forward:
    """Tell LIP control what a channel program told."""

    message: m.IoIntermediate


@frozen
class OfferStatus:
    """Tell LIP control of unsolicited status."""

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
    """These devices still run channel programs of the LPAR."""

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
    """The path is varied; `lpars` use it and must know, where it was not so before."""

    op: str
    device: int
    online: bool
    changed: bool
    lpars: tuple[str, ...]


@frozen
class ConfirmAttached:
    """The LPAR's first SALE is in force; the paths to its devices `offline` are varied off."""

    op: str
    lpar: str
    zone: Zone
    offline: tuple[int, ...]


@frozen
class ConfirmDetached:
    """The LPAR has no devices here."""

    op: str
    lpar: str


@frozen
class ConfirmReset:
    """So many starts were cleared by a system reset."""

    op: str
    lpar: str
    cleared: int


Order = (
    Begin | HoldStart | HoldResume | RefuseStart | EndStart | Halt | GiveUp | Resume | FreeDevice | ResetDevices
    | TellLate | Forward | OfferStatus | ReportQuiesced | ReportBusy | ConfirmLimit | ConfirmRelease | ConfirmVary
    | ConfirmAttached | ConfirmDetached | ConfirmReset
)  # fmt: skip
