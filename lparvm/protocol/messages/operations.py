"""The service processor and LPAR control; and what LPAR control's own helpers tell it."""

from typing import ClassVar

from attrs import frozen

from lparvm.protocol.busy_devices import Busy
from lparvm.protocol.messages.steps import Step
from lparvm.protocol.results import Outcome


@frozen
class CommandEntered:
    """The operator -> SVP: a command of the language; `op` was given to it. Answered to the operator."""

    op: str
    text: str


@frozen
class MoveStorage:
    """SVP -> LPAR control: relocate an LPAR. Answered by OperationEnded."""

    op: str
    lpar: str
    target_frame: int
    stop_ns: int
    quiesce_ns: int
    busy: Busy = Busy.REFUSE


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


@frozen
class StopTimedOut:
    """LPAR control's timer -> LPAR control: STOP= is over."""

    STEP: ClassVar = Step.STOP
    op: str
    lpar: str


@frozen
class QuiesceTimedOut:
    """LPAR control's timer -> LPAR control: QUIESCE= is over."""

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str


@frozen
class BusyReminderDue:
    """LPAR control's timer -> LPAR control: BUSY=WAIT: name what is waited for once more."""

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str


@frozen
class HaltTimedOut:
    """LPAR control's timer -> LPAR control: BUSY=HALT: the grace for halted devices is over."""

    STEP: ClassVar = Step.QUIESCE
    op: str
    lpar: str


@frozen
class LparCheckStopped:
    """LPAR control -> RM: the LPAR's storage is lost; what it holds is kept, and shown so. Not answered."""

    op: str
    lpar: str


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
