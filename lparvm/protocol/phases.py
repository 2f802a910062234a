"""Phases and states of a relocation, and the patent's step of each."""

import enum

from lparvm.protocol.messages import Step


class Phase(enum.StrEnum):
    """What an operator sees."""

    ADMITTING = "ADMITTING"
    STOPPING = "STOPPING"
    QUIESCING = "QUIESCING"
    CHECKING = "CHECKING"
    MOVING = "MOVING"
    NOTIFYING = "NOTIFYING"
    RESTARTING = "RESTARTING"
    BACKING_OUT = "BACKING_OUT"
    REPORTED = "REPORTED"


class State(enum.StrEnum):
    """Where the machine stands; finer than the phases."""

    ASKED = "ASKED"  # the early check is with the resource manager; the guest runs
    PREPARING = "PREPARING"  # the target's frames are touched beforehand; the guest runs
    WITHDRAWING = "WITHDRAWING"  # cancelled before the stop; an answer is still to come
    STOPPING = "STOPPING"
    QUIESCING = "QUIESCING"  # the IOPs are told to go out of operation
    WAITING = "WAITING"  # all have answered, some are busy; QUIESCE= runs
    OVERDUE = "OVERDUE"  # QUIESCE= is over; the IOPs are asked what is still busy
    WAITING_ON = "WAITING_ON"  # BUSY=WAIT
    REMINDING = "REMINDING"  # BUSY=WAIT: asked once more, for the operator
    HALTING = "HALTING"  # BUSY=HALT: the busy devices are told to end
    CLEARING = "CLEARING"  # BUSY=HALT: what did not end is given up
    CLEARING_IN_VAIN = "CLEARING_IN_VAIN"  # cancelled while devices were cleared
    CHECKING = "CHECKING"
    CHECKING_IN_VAIN = "CHECKING_IN_VAIN"  # cancelled while the check that counts was under way
    MOVING = "MOVING"
    INTERRUPTING = "INTERRUPTING"  # cancelled; the mover stops after its chunk
    NOTIFYING = "NOTIFYING"
    RESTARTING = "RESTARTING"
    MOVING_BACK = "MOVING_BACK"
    RESTORING_LIMITS = "RESTORING_LIMITS"
    RETURNING = "RETURNING"
    RESUMING_IO = "RESUMING_IO"
    VACATING = "VACATING"
    RELEASING = "RELEASING"
    REPORTED = "REPORTED"


TAIL = (State.RESUMING_IO, State.VACATING, State.RELEASING)
PHASES = {
    State.ASKED: Phase.ADMITTING,
    State.PREPARING: Phase.ADMITTING,
    State.WITHDRAWING: Phase.ADMITTING,
    State.STOPPING: Phase.STOPPING,
    State.QUIESCING: Phase.QUIESCING,
    State.WAITING: Phase.QUIESCING,
    State.OVERDUE: Phase.QUIESCING,
    State.WAITING_ON: Phase.QUIESCING,
    State.REMINDING: Phase.QUIESCING,
    State.HALTING: Phase.QUIESCING,
    State.CLEARING: Phase.QUIESCING,
    State.CLEARING_IN_VAIN: Phase.QUIESCING,
    State.CHECKING: Phase.CHECKING,
    State.CHECKING_IN_VAIN: Phase.CHECKING,
    State.MOVING: Phase.MOVING,
    State.INTERRUPTING: Phase.MOVING,
    State.NOTIFYING: Phase.NOTIFYING,
    State.RESTARTING: Phase.RESTARTING,
    State.MOVING_BACK: Phase.BACKING_OUT,
    State.RESTORING_LIMITS: Phase.BACKING_OUT,
    State.RETURNING: Phase.BACKING_OUT,
    State.REPORTED: Phase.REPORTED,
}
STEPS: dict[Phase, Step | None] = {
    Phase.ADMITTING: None,
    Phase.STOPPING: Step.STOP,
    Phase.QUIESCING: Step.QUIESCE,
    Phase.CHECKING: Step.CHECK,
    Phase.MOVING: Step.START_ADDRESSES,
    Phase.NOTIFYING: None,
    Phase.RESTARTING: Step.RESTART,
    Phase.BACKING_OUT: None,
    Phase.REPORTED: Step.REPORT,
}
