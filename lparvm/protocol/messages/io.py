"""LPAR control, LIP control, the resource manager and the IOPs: quiesce, SALE, start."""

from typing import ClassVar

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.arch.interruption import IoInterruption
from lparvm.protocol.messages.steps import Step


@frozen
class BusyDevice:
    """A device that keeps an IOP from going out of operation for an LPAR."""

    device: int
    iop: str
    operation: str
    ccw_address: int
    active_ns: int


@frozen
class QuiesceIop:
    """LPAR control -> IOP: hold new starts of the LPAR, let active ones end.

    Answered by IopQuiesced at once, or by IopBusy now and IopQuiesced later.
    """

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str


@frozen
class ReportBusyDevices:
    """LPAR control -> IOP: which devices are still busy? Answered by IopBusy or IopQuiesced."""

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str


@frozen
class IopQuiesced:
    """IOP -> LPAR control: no I/O of the LPAR is active here."""

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str
    iop: str


@frozen
class IopBusy:
    """IOP -> LPAR control: these devices are still operating."""

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str
    iop: str
    devices: tuple[BusyDevice, ...]


@frozen
class SetAddressLimit:
    """RM -> IOP: SALE. Answered by AddressLimitSet or AddressLimitRefused."""

    op: str
    lpar: str
    zone: Zone


@frozen
class AddressLimitSet:
    """IOP -> RM: SALE is in force."""

    op: str
    lpar: str
    iop: str


@frozen
class AddressLimitRefused:
    """IOP -> RM: SALE was not taken."""

    op: str
    lpar: str
    iop: str


@frozen
class ReleaseHeldStarts:
    """LPAR control -> IOP: quiescing is over, held starts may begin. Answered by HeldStartsReleased."""

    op: str
    lpar: str


@frozen
class HeldStartsReleased:
    """IOP -> LPAR control: so many held starts began."""

    op: str
    lpar: str
    iop: str
    held: int


@frozen
class StartIo:
    """LIP control -> IOP: start function for a subchannel. Answered by IoStarted."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    lip: str
    device: int
    program: int
    key: int


@frozen
class IoStarted:
    """IOP -> LIP control: the condition code of the start function."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    lip: str
    condition_code: int


@frozen
class IoEnded:
    """IOP -> LIP control: an I/O interruption for the LPAR."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    interruption: IoInterruption


@frozen
class ChannelProgramEnded:
    """An IOP's channel program -> the IOP: the start function ended, with this status."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    interruption: IoInterruption
