"""Phases and states of operations, and the patent's step of each."""

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
    EXTENDING = "EXTENDING"  # EXPAND: the zone grows; the guest runs
    ASKING = "ASKING"  # SHRINK: the guest is asked to give frames up
    SHRINKING = "SHRINKING"  # SHRINK: the frames are taken; the guest runs
    RESETTING = "RESETTING"  # DEACTIVATE, IPL: guest and I/O are stopped for good
    LOADING = "LOADING"  # ACTIVATE, IPL: the zone is given, the guest loaded
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
    # EXPAND.
    EXTENSION_ASKED = "EXTENSION_ASKED"  # the resource manager is to hold the frames behind the zone
    LETTING_GO = "LETTING_GO"  # cancelled before they were touched: they are free again
    CLEARING_FRAMES = "CLEARING_FRAMES"  # they are made zero
    CLEARING_FRAMES_IN_VAIN = "CLEARING_FRAMES_IN_VAIN"  # cancelled meanwhile
    RAISING_LIMITS = "RAISING_LIMITS"  # SALE with the larger zone
    EXTENT_RAISED = "EXTENT_RAISED"  # the LIPs are told the new extent
    SIGNALLING = "SIGNALLING"  # the guest is told
    # SHRINK.
    WANTING = "WANTING"  # the guest is asked
    UNASKING = "UNASKING"  # cancelled, or it did not answer: it is asked no more
    EXTENT_LOWERED = "EXTENT_LOWERED"  # the guest gave the frames up; the LIPs are told the new extent
    EXTENT_LOWERED_IN_VAIN = "EXTENT_LOWERED_IN_VAIN"  # cancelled meanwhile
    LOWERING_LIMITS = "LOWERING_LIMITS"  # SALE with the smaller zone
    CONFIRMING = "CONFIRMING"  # the guest's call is answered
    PROVING = "PROVING"  # the guest stands; do the frames hold anything?
    PROVING_IN_VAIN = "PROVING_IN_VAIN"  # cancelled meanwhile
    RESTORING_EXTENT = "RESTORING_EXTENT"  # back: the LIPs are told the old extent
    CONFIRMING_IN_VAIN = "CONFIRMING_IN_VAIN"  # back: the guest's call is answered
    CHECK_STOPPING = "CHECK_STOPPING"  # the IOPs don't agree on a zone: the guest is stopped for good
    # The coming and going of LPARs, see `lifecycle`.
    ADMITTED = "ADMITTED"  # what comes first depends on the LPAR
    CHECKING_GUEST = "CHECKING_GUEST"  # DEFINE, IPL: is there such a guest?
    HOLDING = "HOLDING"  # STOP: the guest is to stay where it is
    UNHOLDING = "UNHOLDING"  # START: SIE
    RESETTING_GUEST = "RESETTING_GUEST"  # the LIPs leave the guest, its I/O is cleared
    SURVEYING = "SURVEYING"  # what does the LPAR hold?
    RENEWING_LIMITS = "RENEWING_LIMITS"  # IPL after a check stop: the IOPs are told the zone again
    VERIFYING = "VERIFYING"  # the guest's final check
    DETACHING = "DETACHING"  # the IOPs forget the LPAR
    FREEING = "FREEING"  # everything the LPAR holds becomes free
    ASSIGNING = "ASSIGNING"  # the LPAR is to get a zone
    ASSIGNING_IN_VAIN = "ASSIGNING_IN_VAIN"  # cancelled meanwhile
    CLEARING_ZONE = "CLEARING_ZONE"
    CLEARING_ZONE_IN_VAIN = "CLEARING_ZONE_IN_VAIN"  # cancelled meanwhile
    ATTACHING = "ATTACHING"  # LIP control and the IOPs learn of the LPAR
    LOADING_GUEST = "LOADING_GUEST"
    STARTING_GUEST = "STARTING_GUEST"  # the first SIE
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
    State.RESUMING_IO: Phase.RESTARTING,
    State.VACATING: Phase.RESTARTING,
    State.RELEASING: Phase.RESTARTING,
    State.EXTENSION_ASKED: Phase.ADMITTING,
    State.LETTING_GO: Phase.ADMITTING,
    State.CLEARING_FRAMES: Phase.EXTENDING,
    State.CLEARING_FRAMES_IN_VAIN: Phase.EXTENDING,
    State.RAISING_LIMITS: Phase.EXTENDING,
    State.EXTENT_RAISED: Phase.EXTENDING,
    State.SIGNALLING: Phase.EXTENDING,
    State.WANTING: Phase.ASKING,
    State.UNASKING: Phase.ASKING,
    State.EXTENT_LOWERED: Phase.SHRINKING,
    State.EXTENT_LOWERED_IN_VAIN: Phase.SHRINKING,
    State.LOWERING_LIMITS: Phase.SHRINKING,
    State.CONFIRMING: Phase.SHRINKING,
    State.PROVING: Phase.CHECKING,
    State.PROVING_IN_VAIN: Phase.CHECKING,
    State.RESTORING_EXTENT: Phase.BACKING_OUT,
    State.CONFIRMING_IN_VAIN: Phase.BACKING_OUT,
    State.CHECK_STOPPING: Phase.BACKING_OUT,
    State.ADMITTED: Phase.ADMITTING,
    State.CHECKING_GUEST: Phase.ADMITTING,
    State.HOLDING: Phase.STOPPING,
    State.UNHOLDING: Phase.ADMITTING,
    State.RESETTING_GUEST: Phase.RESETTING,
    State.SURVEYING: Phase.RESETTING,
    State.RENEWING_LIMITS: Phase.RESETTING,
    State.VERIFYING: Phase.RESETTING,
    State.DETACHING: Phase.RESETTING,
    State.FREEING: Phase.RESETTING,
    State.ASSIGNING: Phase.ADMITTING,
    State.ASSIGNING_IN_VAIN: Phase.ADMITTING,
    State.CLEARING_ZONE: Phase.LOADING,
    State.CLEARING_ZONE_IN_VAIN: Phase.LOADING,
    State.ATTACHING: Phase.LOADING,
    State.LOADING_GUEST: Phase.LOADING,
    State.STARTING_GUEST: Phase.LOADING,
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
    Phase.EXTENDING: None,
    Phase.ASKING: None,
    Phase.SHRINKING: None,
    Phase.RESETTING: None,
    Phase.LOADING: None,
    Phase.REPORTED: Step.REPORT,
}
