"""The service processor and LPAR control; and what LPAR control's own helpers tell it."""

from typing import ClassVar

from attrs import frozen

from lparvm.config import QUIESCE_TIMEOUT_NS, STOP_TIMEOUT_NS
from lparvm.protocol.busy_devices import Busy
from lparvm.protocol.messages.steps import Step
from lparvm.protocol.results import Outcome
from lparvm.protocol.targets import Target


@frozen
class CommandEntered:
    """The operator -> SVP: a command of the language; `op` was given to it. Answered to the operator."""

    op: str
    text: str


@frozen
class MoveStorage:
    """SVP -> LPAR control: MVSTOR: relocate an LPAR. Answered by OperationEnded.

    With `test` every check is made, and nothing done.
    """

    op: str
    lpar: str
    target: Target
    stop_ns: int = STOP_TIMEOUT_NS
    quiesce_ns: int = QUIESCE_TIMEOUT_NS
    busy: Busy = Busy.REFUSE
    test: bool = False


@frozen
class ExchangeStorage:
    """SVP -> LPAR control: XCHSTOR: exchange the areas of two LPARs. Answered by OperationEnded."""

    op: str
    first: str
    second: str
    stop_ns: int = STOP_TIMEOUT_NS
    quiesce_ns: int = QUIESCE_TIMEOUT_NS
    busy: Busy = Busy.REFUSE
    test: bool = False


@frozen
class ExpandStorage:
    """SVP -> LPAR control: EXPAND, to `extent` frames, or (None) as far as it goes. Answered by OperationEnded."""

    op: str
    lpar: str
    extent: int | None


@frozen
class ShrinkStorage:
    """SVP -> LPAR control: SHRINK to `extent` frames. Answered by OperationEnded."""

    op: str
    lpar: str
    extent: int


@frozen
class DefineLpar:
    """SVP -> LPAR control: DEFINE an LPAR, or one that isn't active anew. Answered by OperationEnded.

    Attributes:
        extent: size in frames.
        origin_frame: where it is to be activated; None: where it fits.
        lips: how many, or which; None: those that the LPAR had before, or one.
        guest: what IPL loads; None: what the LPAR had before, or `idle`.
        devices: device numbers; None: what the LPAR had before, or none.
    """

    op: str
    lpar: str
    extent: int
    origin_frame: int | None = None
    lips: int | tuple[str, ...] | None = None
    guest: str | None = None
    devices: tuple[int, ...] | None = None


@frozen
class ActivateLpar:
    """SVP -> LPAR control: ACTIVATE: give a defined LPAR its zone and its IOPs. Answered by OperationEnded."""

    op: str
    lpar: str


@frozen
class DeactivateLpar:
    """SVP -> LPAR control: DEACTIVATE: the LPAR gives up all it has. Answered by OperationEnded."""

    op: str
    lpar: str


@frozen
class LoadLpar:
    """SVP -> LPAR control: IPL: load a guest into an activated LPAR, and run it. Answered by OperationEnded."""

    op: str
    lpar: str
    guest: str | None = None
    device: int | None = None


@frozen
class HoldLpar:
    """SVP -> LPAR control: STOP: the guest stands until START. Answered by OperationEnded."""

    op: str
    lpar: str


@frozen
class UnholdLpar:
    """SVP -> LPAR control: START: the guest goes on. Answered by OperationEnded."""

    op: str
    lpar: str


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
    """LPAR control -> SVP: progress, for the operator.

    Attributes:
        percent: of the operation's work, 0 to 100; never falls.
        left_ns: estimate of the time until the report; None: unknown.
    """

    op: str
    lpar: str
    phase: str
    pages_across: int
    pages: int
    percent: int = 0
    left_ns: int | None = None


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


@frozen
class QuiesceTimedOut:
    """LPAR control's timer -> LPAR control: QUIESCE= is over."""

    STEP: ClassVar = Step.QUIESCE
    op: str


@frozen
class BusyReminderDue:
    """LPAR control's timer -> LPAR control: BUSY=WAIT: name what is waited for once more."""

    STEP: ClassVar = Step.QUIESCE
    op: str


@frozen
class HaltTimedOut:
    """LPAR control's timer -> LPAR control: BUSY=HALT: the grace for halted devices is over."""

    STEP: ClassVar = Step.QUIESCE
    op: str


@frozen
class LparStateChanged:
    """LPAR control -> RM: what the frame is to show of an LPAR that is active. Not answered.

    Attributes:
        state: an `LparState`; `check-stopped`: the LPAR's storage is lost, and what it holds is kept.
    """

    op: str
    lpar: str
    state: str


@frozen
class TargetPrepared:
    """LPAR control's helper -> LPAR control: the targets' frames are populated."""

    op: str


@frozen
class ChunkMoved:
    """The mover -> LPAR control: so many pages are across (of an exchange: page steps)."""

    STEP: ClassVar = Step.MOVE_DATA
    op: str
    pages_across: int


@frozen
class MoveEnded:
    """The mover -> LPAR control: all moved, stopped by order, failed at a frame (`fault_frame`), or by itself."""

    STEP: ClassVar = Step.MOVED
    op: str
    pages_across: int
    interrupted: bool
    fault_frame: int | None
    failed: bool = False


@frozen
class FramesPoisoned:
    """LPAR control's helper -> LPAR control: vacated frames hold the poison pattern."""

    op: str


@frozen
class FramesCleared:
    """LPAR control's helper -> LPAR control: data and keys of the frames are zero."""

    op: str


@frozen
class GuestChecked:
    """LPAR control's helper -> LPAR control: there is such a guest, and it takes the options; or the `problem`."""

    op: str
    problem: str = ""


@frozen
class GuestLoaded:
    """LPAR control's helper -> LPAR control: IPL: the zone holds the guest's initial contents; or the `problem`."""

    op: str
    problem: str = ""


@frozen
class GuestVerified:
    """LPAR control's helper -> LPAR control: a guest's life has ended with its final check."""

    op: str
