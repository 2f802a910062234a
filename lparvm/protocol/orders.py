"""What the machines of operations order: imperative, frozen, carried out by LPAR control.

Counterpart of `protocol.messages`, where the events are that come back.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.protocol.lpar_entry import Definition
from lparvm.protocol.phases import Phase, State
from lparvm.protocol.results import Result


class Timer(enum.StrEnum):
    """Timers that LPAR control keeps for an operation."""

    STOP = "STOP"
    QUIESCE = "QUIESCE"
    REMINDER = "REMINDER"
    HALT = "HALT"
    ANSWER = "ANSWER"


# What LPAR control is told when a timer is over.
TIMER_EVENTS: dict[Timer, Callable[[str], object]] = {
    Timer.STOP: m.StopTimedOut,
    Timer.QUIESCE: m.QuiesceTimedOut,
    Timer.REMINDER: m.BusyReminderDue,
    Timer.HALT: m.HaltTimedOut,
    Timer.ANSWER: m.AnswerTimedOut,
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
class PrepareTargets:
    """Touch the targets' frames beforehand. TargetPrepared follows."""


@frozen
class Predict:
    """Tell how long the guests will stand still."""


@frozen
class BeginMove:
    """Move all pages, or exchange them: steps 204 to 209. MoveEnded follows."""


@frozen
class InterruptMove:
    """Stop the mover after its chunk; its MoveEnded is under way."""


@frozen
class MoveBack:
    """Inverse move of the pages that are across. MoveEnded follows."""


@frozen
class PoisonFrames:
    """Poison what the LPARs, named with their zones, hold beside them. FramesPoisoned follows."""

    zones: tuple[tuple[str, Zone], ...]


@frozen
class ClearFrames:
    """Make data and keys of an LPAR's frames zero. FramesCleared follows."""

    lpar: str
    zone: Zone


@frozen
class ClearZone:
    """Make data and keys of a zone zero that was just given. FramesCleared follows; nothing is told."""

    zone: Zone


@frozen
class CheckGuest:
    """Is there such a guest, and does it take its options? GuestChecked follows."""

    lpar: str
    definition: Definition


@frozen
class LoadGuest:
    """IPL: clear zone and expanded storage, make the guest and load it. GuestLoaded follows.

    Attributes:
        definition: with the guest to be loaded, and its options.
    """

    lpar: str
    zone: Zone
    definition: Definition


@frozen
class VerifyGuest:
    """The final check of a guest that was reset: its life ends. GuestVerified follows.

    Attributes:
        ended_by: the command, for the report.
        failed: the guest had failed.
    """

    lpar: str
    zone: Zone
    ended_by: str
    failed: bool


@frozen
class ProvideParts:
    """Make those LIPs, and that LPAR's LIP control, that are not there yet."""

    lpar: str
    lips: tuple[str, ...]


@frozen
class Tell:
    """Tell a fact about the operation's LPAR."""

    event: str
    fields: Mapping[str, Any]


@frozen
class ProveUnused:
    """Look whether an LPAR's frames, which nobody can touch now, were never used. FramesProven follows."""

    lpar: str
    zone: Zone


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
    EnterPhase | Post | StartTimer | StopTimer | PrepareTargets | BeginMove | InterruptMove | MoveBack
    | PoisonFrames | ClearFrames | ProveUnused | ClearZone | CheckGuest | LoadGuest | VerifyGuest | ProvideParts | Tell
    | Predict | Notify | Report | AnswerCancel
)  # fmt: skip
