"""The coming and going of LPARs, as pure machines: DEFINE, ACTIVATE, IPL, STOP, START, DEACTIVATE.

An LPAR is *defined* (it owns nothing), *activated* (it owns its zone, cleared, and its IOPs know it), and *loaded*
(a guest is in it, and runs unless the operator stopped it, it failed, or the LPAR is check-stopped).

IPL and DEACTIVATE begin with a *system reset*: the LIPs leave the guest for good, its I/O is cleared at every IOP,
its pending interruptions are gone. After it nothing from before can reach the LPAR; then the guest's life is
verified. Contract: until the reset begins, all ends as if nothing had happened (IPL finds that there is no such guest,
a LIP does not stop in time, CANCEL); from then on the operation goes through, save that the new guest may fail while it
is loaded: the LPAR is left activated, without a guest. IPL also ends a check stop; where an IOP refuses the zone again
and again, it does not.

How to read this file: as `relocation`. There is one table a command; those of IPL and DEACTIVATE share `_RESET`.
"""

from lparvm.protocol import lifecycle_rules as rules
from lparvm.protocol import messages as m
from lparvm.protocol import reporting
from lparvm.protocol.engine import Action, Machine, Row
from lparvm.protocol.lifecycle_record import (
    ActivateOperation,
    DeactivateOperation,
    DefineOperation,
    HoldOperation,
    LoadOperation,
    UnholdOperation,
)
from lparvm.protocol.phases import State
from lparvm.protocol.results import Result

S, R = State, Result

_REPORT: dict[State, tuple[Action, ...]] = {S.REPORTED: (rules.report,)}
_STOP: dict[State, tuple[Action, ...]] = {
    S.STOPPING: (rules.stop,),
    S.RETURNING: (rules.go_on_running,),
}


def _too_late(*states: State) -> tuple[Row, ...]:
    """CANCEL finds nothing that it could undo."""
    return tuple(Row(state, m.CancelOperation, None, do=(reporting.deny_cancel,)) for state in states)


def _crossings(*after: State) -> frozenset[tuple[State, type]]:
    """The timer was over, or the last LIP stopped, when the machine had gone on already."""
    late = {(state, m.StopTimedOut) for state in (*after, S.RETURNING)}
    return frozenset(late | {(S.RETURNING, m.GuestStopped)})


# --- DEFINE -------------------------------------------------------------------------------------------------

DEFINE: Machine[DefineOperation] = Machine(
    (
        Row(S.ADMITTED, None, S.CHECKING_GUEST),
        Row(S.CHECKING_GUEST, m.GuestChecked, S.REPORTED, when=rules.has_problem, result=R.CANNOT_DEFINE,
            learn=rules.learn_problem),
        Row(S.CHECKING_GUEST, m.GuestChecked, S.REPORTED, result=R.COMPLETED, do=(rules.tell_defined,)),
        Row(S.CHECKING_GUEST, m.CancelOperation, S.WITHDRAWING, result=R.CANCELLED, learn=reporting.learn_cancel),
        Row(S.WITHDRAWING, m.GuestChecked, S.REPORTED),
        *_too_late(S.WITHDRAWING),
    ),
    entry={**_REPORT, S.CHECKING_GUEST: (rules.check_guest,)},
    prepare={},
    ignored=(),
)  # fmt: skip

# --- ACTIVATE -----------------------------------------------------------------------------------------------

_NO_ZONE = (R.NO_ROOM, R.TARGET_OCCUPIED, R.TARGET_FAULTY, R.OUTSIDE_STORAGE)

ACTIVATE: Machine[ActivateOperation] = Machine(
    (
        Row(S.ADMITTED, None, S.ASSIGNING),
        Row(S.ASSIGNING, m.ZoneAssigned, S.CLEARING_ZONE, learn=rules.learn_zone),
        *(Row(S.ASSIGNING, m.AreaTaken, S.REPORTED, when=rules.refused_for(reason), result=reason,
              learn=rules.learn_denial) for reason in _NO_ZONE),
        Row(S.CLEARING_ZONE, m.FramesCleared, S.ATTACHING),
        Row(S.ATTACHING, m.GuestPrepared, None, learn=rules.learn_prepared),
        Row(S.ATTACHING, m.LparAttached, None, learn=rules.learn_attached),
        Row(S.ATTACHING, None, S.REPORTED, when=rules.all_answered, result=R.COMPLETED,
            learn=rules.learn_activated, do=(rules.tell_activated,)),
        # CANCEL, before anybody knows of the LPAR.
        Row(S.ASSIGNING, m.CancelOperation, S.ASSIGNING_IN_VAIN, result=R.CANCELLED, learn=reporting.learn_cancel),
        Row(S.ASSIGNING_IN_VAIN, m.ZoneAssigned, S.FREEING),
        Row(S.ASSIGNING_IN_VAIN, m.AreaTaken, S.REPORTED),
        Row(S.CLEARING_ZONE, m.CancelOperation, S.CLEARING_ZONE_IN_VAIN, result=R.CANCELLED,
            learn=reporting.learn_cancel),
        Row(S.CLEARING_ZONE_IN_VAIN, m.FramesCleared, S.FREEING),
        Row(S.FREEING, m.ZoneFreed, S.REPORTED, learn=rules.learn_freed),
        *_too_late(S.ASSIGNING_IN_VAIN, S.CLEARING_ZONE_IN_VAIN, S.ATTACHING, S.FREEING),
    ),
    entry={
        **_REPORT,
        S.ASSIGNING: (rules.assign,),
        S.CLEARING_ZONE: (rules.clear,),
        S.ATTACHING: (rules.attach,),
        S.FREEING: (rules.free,),
    },
    prepare={S.ATTACHING: rules.await_attaching},
    ignored=(),
)  # fmt: skip

# --- STOP and START -----------------------------------------------------------------------------------------

HOLD: Machine[HoldOperation] = Machine(
    (
        Row(S.ADMITTED, None, S.STOPPING),
        Row(S.STOPPING, m.GuestStopped, S.RETURNING, when=rules.has_failed, result=R.WRONG_STATE,
            learn=rules.learn_failed),
        Row(S.STOPPING, m.GuestStopped, S.HOLDING),
        Row(S.STOPPING, m.StopTimedOut, S.RETURNING, result=R.STOP_TIMED_OUT),
        Row(S.STOPPING, m.CancelOperation, S.RETURNING, result=R.CANCELLED, learn=reporting.learn_cancel),
        Row(S.RETURNING, m.GuestRestarted, S.REPORTED),
        Row(S.HOLDING, m.GuestHeld, S.REPORTED, result=R.COMPLETED, learn=rules.learn_held),
        *_too_late(S.RETURNING, S.HOLDING),
    ),
    entry={**_REPORT, **_STOP, S.HOLDING: (rules.hold,)},
    prepare={},
    ignored=_crossings(S.HOLDING),
)  # fmt: skip

UNHOLD: Machine[UnholdOperation] = Machine(
    (
        Row(S.ADMITTED, None, S.UNHOLDING),
        Row(S.UNHOLDING, m.GuestStarted, S.REPORTED, result=R.COMPLETED, learn=rules.learn_started),
        *_too_late(S.UNHOLDING),
    ),
    entry={**_REPORT, S.UNHOLDING: (rules.unhold,)},
    prepare={},
    ignored=(),
)

# --- IPL and DEACTIVATE -------------------------------------------------------------------------------------

_RESET: tuple[Row, ...] = (
    Row(S.STOPPING, m.GuestStopped, S.RESETTING_GUEST),
    Row(S.STOPPING, m.StopTimedOut, S.RETURNING, result=R.STOP_TIMED_OUT),
    Row(S.STOPPING, m.CancelOperation, S.RETURNING, result=R.CANCELLED, learn=reporting.learn_cancel),
    Row(S.RETURNING, m.GuestRestarted, S.REPORTED),
    # From here on there is no way back.
    Row(S.RESETTING_GUEST, m.GuestReset, S.SURVEYING, learn=rules.learn_reset),
    Row(S.SURVEYING, m.HoldingsReported, S.VERIFYING, when=rules.loaded, learn=rules.learn_holdings),
    *_too_late(S.RETURNING, S.RESETTING_GUEST, S.SURVEYING, S.VERIFYING, S.VACATING),
)
_RESET_ENTRY: dict[State, tuple[Action, ...]] = {
    **_REPORT,
    **_STOP,
    S.RESETTING_GUEST: (rules.reset,),
    S.SURVEYING: (rules.survey,),
    S.VERIFYING: (rules.verify,),
    S.VACATING: (rules.poison,),
}
_RESET_STATES = (S.RESETTING_GUEST, S.SURVEYING, S.VERIFYING, S.VACATING)

DEACTIVATE: Machine[DeactivateOperation] = Machine(
    (
        Row(S.ADMITTED, None, S.STOPPING, when=rules.runs),
        Row(S.ADMITTED, None, S.RESETTING_GUEST, when=rules.to_reset),
        Row(S.ADMITTED, None, S.SURVEYING),
        *_RESET,
        Row(S.SURVEYING, m.HoldingsReported, S.DETACHING, learn=rules.learn_holdings),
        Row(S.VERIFYING, m.GuestVerified, S.DETACHING),
        Row(S.DETACHING, m.LparDetached, None, learn=rules.learn_attached),
        Row(S.DETACHING, None, S.VACATING, when=rules.all_answered),
        Row(S.VACATING, m.FramesPoisoned, S.FREEING),
        Row(S.FREEING, m.ZoneFreed, S.REPORTED, result=R.COMPLETED, learn=rules.learn_freed),
        *_too_late(S.DETACHING, S.FREEING),
    ),
    entry={**_RESET_ENTRY, S.DETACHING: (rules.detach,), S.FREEING: (rules.free,)},
    prepare={S.DETACHING: rules.await_iops},
    ignored=_crossings(*_RESET_STATES, S.DETACHING, S.FREEING),
)

LOAD: Machine[LoadOperation] = Machine(
    (
        # Nothing is touched for a guest that there is not.
        Row(S.ADMITTED, None, S.CHECKING_GUEST),
        Row(S.CHECKING_GUEST, m.GuestChecked, S.REPORTED, when=rules.has_problem, result=R.IPL_FAILED,
            learn=rules.learn_problem),
        Row(S.CHECKING_GUEST, m.GuestChecked, S.STOPPING, when=rules.runs),
        Row(S.CHECKING_GUEST, m.GuestChecked, S.RESETTING_GUEST, when=rules.to_reset),
        Row(S.CHECKING_GUEST, m.GuestChecked, S.LOADING_GUEST),
        Row(S.CHECKING_GUEST, m.CancelOperation, S.WITHDRAWING, result=R.CANCELLED, learn=reporting.learn_cancel),
        Row(S.WITHDRAWING, m.GuestChecked, S.REPORTED),
        *_RESET,
        Row(S.SURVEYING, m.HoldingsReported, S.RENEWING_LIMITS, when=rules.was_check_stopped,
            learn=rules.learn_holdings),
        Row(S.SURVEYING, m.HoldingsReported, S.LOADING_GUEST, learn=rules.learn_holdings),
        Row(S.VERIFYING, m.GuestVerified, S.RENEWING_LIMITS, when=rules.was_check_stopped),
        Row(S.VERIFYING, m.GuestVerified, S.LOADING_GUEST),
        # After a check stop the IOPs may not agree on the zone: all are told it again, before anything becomes free.
        Row(S.RENEWING_LIMITS, m.AddressLimitsSet, S.VACATING, when=rules.holds_more),
        Row(S.RENEWING_LIMITS, m.AddressLimitsSet, S.LOADING_GUEST),
        Row(S.RENEWING_LIMITS, m.AddressLimitsRefused, S.RENEWING_LIMITS, when=reporting.sale_may_be_repeated,
            learn=rules.learn_sale_refused),
        Row(S.RENEWING_LIMITS, m.AddressLimitsRefused, S.REPORTED, result=R.IPL_FAILED,
            learn=rules.learn_check_stopped),
        Row(S.VACATING, m.FramesPoisoned, S.RELEASING),
        Row(S.RELEASING, m.AreasReleased, S.LOADING_GUEST),
        Row(S.LOADING_GUEST, m.GuestLoaded, S.REPORTED, when=rules.has_problem, result=R.IPL_FAILED,
            learn=rules.learn_problem),
        Row(S.LOADING_GUEST, m.GuestLoaded, S.STARTING_GUEST),
        Row(S.STARTING_GUEST, m.GuestStarted, S.REPORTED, result=R.COMPLETED, learn=rules.learn_started),
        *_too_late(S.WITHDRAWING, S.RENEWING_LIMITS, S.RELEASING, S.LOADING_GUEST, S.STARTING_GUEST),
    ),
    entry={
        **_RESET_ENTRY,
        S.CHECKING_GUEST: (rules.check_guest,),
        S.RENEWING_LIMITS: (rules.renew_limits,),
        S.RELEASING: (rules.release,),
        S.LOADING_GUEST: (rules.load,),
        S.STARTING_GUEST: (rules.start,),
    },
    prepare={},
    ignored=_crossings(*_RESET_STATES, S.RELEASING, S.LOADING_GUEST, S.STARTING_GUEST),
)  # fmt: skip
