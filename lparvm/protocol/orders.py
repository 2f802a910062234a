"""What the relocation machine orders: imperative, frozen, carried out by LPAR control.

Counterpart of `protocol.messages`, where the events are that come back.
"""

import enum
from collections.abc import Callable

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.protocol.phases import Phase, State
from lparvm.protocol.results import Result


class Timer(enum.StrEnum):
    """Timers that LPAR control keeps for an operation."""

    STOP = "STOP"
    QUIESCE = "QUIESCE"
    REMINDER = "REMINDER"
    HALT = "HALT"


# What LPAR control is told when a timer is over.
TIMER_EVENTS: dict[Timer, Callable[[str, str], object]] = {
    Timer.STOP: m.StopTimedOut,
    Timer.QUIESCE: m.QuiesceTimedOut,
    Timer.REMINDER: m.BusyReminderDue,
    Timer.HALT: m.HaltTimedOut,
}


@frozen
class EnterPhase:
    """Tell the trace and the operator."""

    phase: Phase
    step: m.Step | None
    state: State


@frozen
class Post:
    """Send a message to an actor."""

    to: str
    message: object


@frozen
class StartTimer:
    """Start a timer; its event in `TIMER_EVENTS` follows unless it is stopped."""

    timer: Timer
    duration_ns: int


@frozen
class StopTimer:
    """Stop a timer; its event may cross and is ignored then."""

    timer: Timer


@frozen
class PrepareTarget:
    """Touch the target's frames beforehand. TargetPrepared follows."""


@frozen
class BeginMove:
    """Move all pages, steps 204 to 209. MoveEnded follows."""


@frozen
class InterruptMove:
    """Stop the mover after its chunk; its MoveEnded is under way."""


@frozen
class MoveBack:
    """Inverse move of the pages that are across. MoveEnded follows."""


@frozen
class PoisonFrames:
    """Poison what the LPAR holds beside its zone. FramesPoisoned follows."""

    zones: tuple[Zone, ...]


@frozen
class Notify:
    """A message to the operator."""

    code: str
    text: str


@frozen
class Report:
    """The operation has ended."""


@frozen
class AnswerCancel:
    """Answer a CANCEL command."""

    op: str
    result: Result


Command = (
    EnterPhase | Post | StartTimer | StopTimer | PrepareTarget | BeginMove | InterruptMove | MoveBack
    | PoisonFrames | Notify | Report | AnswerCancel
)  # fmt: skip
