"""Every message between actors. Commands are imperative, events are past tense; all are frozen.

Each carries `op`, the operation it belongs to (None for a guest's own business). What caused it travels
beside it, as the sequence number of the causing event (`actors.mailbox.Envelope`), so that an event line of
the trace names its cause. No arrays, no mutable state in messages.

`STEP` is the patent's step the message serves; `PROTOCOL_LEVEL = False` keeps the guests' own traffic
(I/O starts, waits) out of a trace at level `protocol`.
"""

import enum
from typing import Any, ClassVar

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.arch.interception import Request
from lparvm.arch.interruption import IoInterruption
from lparvm.protocol.results import Outcome


class Step(enum.IntEnum):
    """The patent's steps (Fig. 2)."""

    STOP = 201
    QUIESCE = 202
    CHECK = 203
    START_ADDRESSES = 204
    READ_KEY = 205
    MOVE_DATA = 206
    SET_KEY = 207
    STEP_ADDRESSES = 208
    MOVED = 209
    RESTART = 210
    REPORT = 211


@frozen
class BusyDevice:
    """A device that keeps an IOP from going out of operation for an LPAR."""

    device: int
    iop: str
    operation: str
    ccw_address: int
    active_ns: int


@frozen
class LipTime:
    """When a LIP left or entered SIE for a guest, in ns of the run clock."""

    lip: str
    at_ns: int


# --- the service processor and LPAR control -------------------------------------------------------------


@frozen
class MoveStorage:
    """SVP -> LPAR control: relocate an LPAR. Answered by OperationEnded."""

    op: str
    lpar: str
    target_frame: int
    stop_ns: int
    quiesce_ns: int


@frozen
class CancelOperation:
    """SVP -> LPAR control: give up the operation `target` (an operation id or an LPAR's name)."""

    op: str
    target: str


@frozen
class OperationEnded:
    """LPAR control -> SVP: the operation's result."""

    STEP: ClassVar = Step.REPORT
    op: str
    outcome: Outcome


@frozen
class OperationAdvanced:
    """LPAR control -> SVP: progress, for the operator."""

    op: str
    lpar: str
    phase: str
    pages_across: int
    pages: int


@frozen
class OperatorMessaged:
    """Any actor -> SVP: a message to the operator, by its id in the catalogue."""

    op: str | None
    code: str
    message: str


# --- LPAR control and the resource manager --------------------------------------------------------------


@frozen
class CheckArea:
    """LPAR control -> RM: would the target be free now? Answered by AreaFree or AreaTaken."""

    op: str
    lpar: str
    target: Zone


@frozen
class ReserveArea:
    """LPAR control -> RM: the check that counts; holds the target. Answered by AreaReserved or AreaTaken."""

    STEP: ClassVar = Step.CHECK
    op: str
    lpar: str
    target: Zone


@frozen
class AreaFree:
    """RM -> LPAR control: the early check found nothing in the way."""

    op: str
    lpar: str


@frozen
class AreaTaken:
    """RM -> LPAR control: refused. `holder` is the LPAR in the way; empty past the end of storage."""

    op: str
    lpar: str
    holder: str


@frozen
class AreaReserved:
    """RM -> LPAR control: the target is held for the LPAR."""

    STEP: ClassVar = Step.CHECK
    op: str
    lpar: str


@frozen
class SetAddressLimits:
    """LPAR control -> RM: tell all IOPs of the LPAR its zone. Answered by AddressLimitsSet or -Refused."""

    op: str
    lpar: str
    zone: Zone
    iops: tuple[str, ...]


@frozen
class AddressLimitsSet:
    """RM -> LPAR control: every IOP acknowledged SALE; the map's entry is that zone. The commit."""

    op: str
    lpar: str


@frozen
class AddressLimitsRefused:
    """RM -> LPAR control: an IOP refused SALE."""

    op: str
    lpar: str
    iop: str


@frozen
class ReleaseArea:
    """LPAR control -> RM: what the LPAR holds beside its zone is free. Answered by AreaReleased."""

    op: str
    lpar: str


@frozen
class AreaReleased:
    """RM -> LPAR control: done."""

    op: str
    lpar: str


@frozen
class QueryFrame:
    """SVP -> RM: the storage map. Answered by FrameReported."""

    op: str


@frozen
class FrameRow:
    """One line of the LPAR frame (Figs. 3A, 4A); sizes in frames."""

    name: str
    origin: int
    size: int
    gap: int
    state: str


@frozen
class FrameReported:
    """RM -> SVP: the map, by origin."""

    op: str
    rows: tuple[FrameRow, ...]


# --- LPAR control, LIP control and the LIPs -------------------------------------------------------------


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
    lips: tuple[LipTime, ...]


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
    lips: tuple[LipTime, ...]


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
    """LIP control -> LIP: SIE, with the zone's origin and extent as its operand."""

    STEP: ClassVar = Step.RESTART
    op: str | None
    lpar: str
    zone: Zone


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


# --- IOPs -----------------------------------------------------------------------------------------------


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


# --- an actor to itself ---------------------------------------------------------------------------------


@frozen
class TimerExpired:
    """An actor's own timer is over."""

    op: str | None
    lpar: str
    timer: str


@frozen
class TargetPrepared:
    """LPAR control's helper -> LPAR control: the target's frames are populated."""

    op: str
    lpar: str


@frozen
class ChunkMoved:
    """The mover -> LPAR control: so many pages are across."""

    STEP: ClassVar = Step.MOVE_DATA
    op: str
    lpar: str
    pages_across: int


@frozen
class MoveEnded:
    """The mover -> LPAR control: all moved, stopped by order, or failed at a frame (`fault_frame`)."""

    STEP: ClassVar = Step.MOVED
    op: str
    lpar: str
    pages_across: int
    interrupted: bool
    fault_frame: int | None


@frozen
class FramesPoisoned:
    """LPAR control's helper -> LPAR control: vacated frames hold the poison pattern."""

    op: str
    lpar: str


MESSAGES: tuple[type, ...] = (
    MoveStorage, CancelOperation, OperationEnded, OperationAdvanced, OperatorMessaged,
    CheckArea, ReserveArea, AreaFree, AreaTaken, AreaReserved, SetAddressLimits, AddressLimitsSet,
    AddressLimitsRefused, ReleaseArea, AreaReleased, QueryFrame, FrameReported,
    StopGuest, GuestStopped, RestartGuest, GuestRestarted, StopLip, LipStopped,
    StartInterpretiveExecution, InterpretiveExecutionStarted, GuestIntercepted, InterceptionSimulated,
    GuestFailed, QuiesceIop, ReportBusyDevices, IopQuiesced, IopBusy, SetAddressLimit, AddressLimitSet,
    AddressLimitRefused, ReleaseHeldStarts, HeldStartsReleased, StartIo, IoStarted, IoEnded,
    TimerExpired, TargetPrepared, ChunkMoved, MoveEnded, FramesPoisoned,
)  # fmt: skip
