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
    """LIP control -> LPAR control: every LIP acknowledged."""

    STEP: ClassVar = Step.STOP
    op: str
    lpar: str


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

    With `run` false only the state description is set: a guest that failed is moved, but not run.
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
