"""LPAR control, LIP control and the LIPs: stop, SIE, interceptions."""

from typing import Any, ClassVar

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.arch.interception import Request
from lparvm.protocol.messages.steps import Step


@frozen
class LipStanding:
    """When one LIP left SIE for a guest, and when it entered it again: ns of the run clock."""

    lip: str
    left_ns: int
    sie_ns: int


@frozen
class StopGuest:
    """LPAR control -> LIP control: stop all LIPs of the LPAR. Answered by GuestStopped, unless rescinded."""

    STEP: ClassVar = Step.STOP
    op: str
    lpar: str


@frozen
class GuestStopped:
    """LIP control -> LPAR control: every LIP acknowledged; `failed`: the guest could not have gone on."""

    STEP: ClassVar = Step.STOP
    op: str
    lpar: str
    failed: bool = False


@frozen
class RestartGuest:
    """LPAR control -> LIP control: SIE on all LIPs, at this zone. Rescinds a stop under way."""

    STEP: ClassVar = Step.RESTART
    op: str
    lpar: str
    zone: Zone


@frozen
class GuestRestarted:
    """LIP control -> LPAR control: every LIP that had stopped is in SIE again."""

    STEP: ClassVar = Step.RESTART
    op: str
    lpar: str
    lips: tuple[LipStanding, ...]


@frozen
class HoldGuest:
    """LPAR control -> LIP control: STOP: a guest that is stopped stays so. Answered by GuestHeld."""

    op: str
    lpar: str


@frozen
class GuestHeld:
    """LIP control -> LPAR control: no operation starts the guest but START, or IPL."""

    op: str
    lpar: str


@frozen
class PrepareGuest:
    """LPAR control -> LIP control: ACTIVATE: the LPAR has these devices. Answered by GuestPrepared.

    Attributes:
        paths: each device with the names of its IOPs, in the order of the paths.
    """

    op: str
    lpar: str
    paths: tuple[tuple[int, tuple[str, ...]], ...]


@frozen
class GuestPrepared:
    """LIP control -> LPAR control: the subchannels are there."""

    op: str
    lpar: str


@frozen
class StartGuest:
    """LPAR control -> LIP control: IPL or START: SIE on all LIPs at this zone. Answered by GuestStarted.

    Attributes:
        lips: of a new guest, the LIPs that take it up; none: the LIPs have the guest.
    """

    STEP: ClassVar = Step.RESTART
    op: str
    lpar: str
    zone: Zone
    lips: tuple[str, ...] = ()


@frozen
class GuestStarted:
    """LIP control -> LPAR control: every LIP is in SIE."""

    STEP: ClassVar = Step.RESTART
    op: str
    lpar: str


@frozen
class ResetGuest:
    """LPAR control -> LIP control: system reset of a guest that is stopped. Answered by GuestReset.

    The LIPs leave it for good, its I/O is cleared at every IOP, and its pending interruptions are gone.
    """

    op: str
    lpar: str


@frozen
class GuestReset:
    """LIP control -> LPAR control: nothing from before can reach the LPAR; `failed`: the guest had failed."""

    op: str
    lpar: str
    failed: bool = False


@frozen
class AttachProcessor:
    """LIP control -> LIP: IPL: take up an LPAR's guest. Answered by ProcessorAttached."""

    op: str
    lpar: str


@frozen
class ProcessorAttached:
    """LIP -> LIP control: the LIP has the guest and its state description."""

    op: str
    lpar: str
    lip: str


@frozen
class DetachProcessor:
    """LIP control -> LIP: system reset: leave an LPAR's guest for good. Answered by ProcessorDetached."""

    op: str
    lpar: str


@frozen
class ProcessorDetached:
    """LIP -> LIP control: the LIP has forgotten the guest."""

    op: str
    lpar: str
    lip: str


@frozen
class StopLip:
    """LIP control -> LIP: leave this guest at the next instruction boundary."""

    STEP: ClassVar = Step.STOP
    op: str | None
    lpar: str
    ordered_ns: int


@frozen
class LipStopped:
    """LIP -> LIP control: left, at this time."""

    STEP: ClassVar = Step.STOP
    op: str | None
    lpar: str
    lip: str
    left_sie_ns: int


@frozen
class StartInterpretiveExecution:
    """LIP control -> LIP: SIE, with the zone's origin and extent as its operand.

    With `run` false only the state description is set: a guest that failed, or that the operator stopped, is
    moved, but not run.
    """

    STEP: ClassVar = Step.RESTART
    op: str | None
    lpar: str
    zone: Zone
    run: bool = True


@frozen
class InterpretiveExecutionStarted:
    """LIP -> LIP control: the guest runs."""

    STEP: ClassVar = Step.RESTART
    op: str | None
    lpar: str
    lip: str
    sie_ns: int


@frozen
class GuestIntercepted:
    """LIP -> LIP control: SIE ended with a request that needs simulation."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    lip: str
    request: Request


@frozen
class InterceptionSimulated:
    """LIP control -> LIP: the request's reply; the guest can go on."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    reply: Any


@frozen
class GuestFailed:
    """LIP -> LIP control: the guest cannot go on (an uncaught program interruption or its own exception)."""

    op: None
    lpar: str
    lip: str
    code: str
    text: str


@frozen
class WaitTimedOut:
    """LIP control's timer -> LIP control: the clock comparator of a waiting guest processor."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    lip: str
    wait: int
