"""LPAR control, LIP control, the resource manager, the service processor and the IOPs: quiesce, SALE, I/O."""

from typing import ClassVar

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.protocol.busy_devices import BusyDevice
from lparvm.protocol.messages.steps import Step


@frozen
class QuiesceIop:
    """LPAR control -> IOP: hold new starts of the LPAR, let active ones end.

    Answered by IopQuiesced at once, or by IopBusy now and IopQuiesced later. `attempt` is the number of the
    question, 0; IopBusy repeats it.
    """

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str
    attempt: int = 0


@frozen
class ReportBusyDevices:
    """LPAR control -> IOP: which devices are still busy? Answered by IopBusy or IopQuiesced.

    `attempt` is the number of the question, from 1 in the operation; IopBusy repeats it.
    """

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str
    attempt: int = 0


@frozen
class HaltBusyDevices:
    """LPAR control -> IOP: BUSY=HALT: tell the LPAR's busy devices to end. IopQuiesced follows if they do."""

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str


@frozen
class ClearBusyDevices:
    """LPAR control -> IOP: give up on devices that did not end when halted. IopQuiesced follows at once."""

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
    """IOP -> LPAR control: these devices are still operating. `attempt` is that of the question."""

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str
    iop: str
    devices: tuple[BusyDevice, ...]
    attempt: int = 0


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
    """IOP -> LPAR control: so many held starts may begin."""

    op: str
    lpar: str
    iop: str
    held: int


@frozen
class ReleaseReservations:
    """LIP control -> IOP: a guest failed and is stopped for good; its reservations are over. Not answered."""

    op: None
    lpar: str


@frozen
class AbandonLpar:
    """LPAR control -> IOP: an LPAR is check-stopped by an operation. Not answered.

    Its reservations are over. The operation waits for nothing any more: what is held stays so.
    """

    op: str
    lpar: str


@frozen
class AttachLpar:
    """LPAR control -> IOP: ACTIVATE: an LPAR has these devices here, and this zone: its first SALE.

    Answered by LparAttached.
    """

    op: str
    lpar: str
    devices: tuple[int, ...]
    zone: Zone


@frozen
class LparAttached:
    """IOP -> LPAR control: SALE is in force."""

    op: str
    lpar: str
    iop: str


@frozen
class DetachLpar:
    """LPAR control -> IOP: DEACTIVATE: an LPAR that was reset has no devices here. Answered by LparDetached."""

    op: str
    lpar: str


@frozen
class LparDetached:
    """IOP -> LPAR control: done."""

    op: str
    lpar: str
    iop: str


@frozen
class ResetLpar:
    """LIP control -> IOP: system reset of an LPAR. Answered by LparReset.

    Every start of the LPAR, whether it runs, waits, is held or suspended, is cleared; its reservations are over.
    """

    op: str
    lpar: str


@frozen
class LparReset:
    """IOP -> LIP control: no start of the LPAR is left here, and none may come from before."""

    op: str
    lpar: str
    iop: str


@frozen
class VaryPath:
    """SVP -> IOP: use the path from this IOP to a device no more, or again. Answered by PathVaried."""

    op: str
    device: int
    online: bool


@frozen
class PathVaried:
    """IOP -> SVP: the path is varied; `changed` tells whether it was not so before."""

    op: str
    iop: str
    device: int
    online: bool
    changed: bool


@frozen
class EnterLine:
    """SVP -> IOP: the operator typed a line at a console of an LPAR. Answered by LineEntered."""

    op: str
    lpar: str
    device: int
    text: str


@frozen
class LineEntered:
    """IOP -> SVP: the console has the line; or it has not, because of a `problem`."""

    op: str
    lpar: str
    device: int
    problem: str = ""
