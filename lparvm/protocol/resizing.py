"""EXPAND and SHRINK of a running LPAR, as pure machines.

Contract: *the zone has its new extent at the map, at every IOP and at every LIP, or its old one as if nothing had
happened.* The origin stays, and so does every page that is in both. There is no third outcome, save one: an IOP
that refuses the old address limits again and again leaves the LPAR check-stopped.

At no moment may a guest or an I/O reach a frame that the LPAR does not hold. So on growing, the frames are held
and cleared first, and the guest comes last; on shrinking it comes first, and the frames are freed last.

EXPAND: the guest runs all the time, and is told at the end. What it does with the storage is its own affair: the
operation does not wait for its answer, and a guest that takes no signals just has the storage.

SHRINK: the guest is asked. It gives the frames up, and runs on; or it refuses, and keeps them. Where it doesn't
answer in time, or can't be asked, it is stopped and its I/O quiesced, as for a move; then the frames go if they
were never used. Such a guest is not told: it finds out when it is told the extent in force in answer to whatever it
says later, or by an addressing exception.

How to read this file: as `relocation`.
"""

from lparvm.protocol import messages as m
from lparvm.protocol import reporting, standstill
from lparvm.protocol import resizing_rules as rules
from lparvm.protocol.engine import Action, Machine, Row
from lparvm.protocol.phases import State
from lparvm.protocol.resizing_record import Expansion, Shrinkage
from lparvm.protocol.results import Result

S, R = State, Result

EXPAND_ENTRY: dict[State, tuple[Action, ...]] = {
    S.EXTENSION_ASKED: (rules.reserve,),
    S.LETTING_GO: (rules.release,),
    S.CLEARING_FRAMES: (rules.clear,),
    S.RAISING_LIMITS: (rules.set_new_limits,),
    S.EXTENT_RAISED: (rules.set_new_extent,),
    S.SIGNALLING: (rules.tell_guest,),
    S.RESTORING_LIMITS: (rules.set_old_limits,),
    S.CHECK_STOPPING: (rules.stop_for_good,),
    S.VACATING: (rules.poison,),
    S.RELEASING: (rules.release,),
    S.REPORTED: (reporting.report,),
}

EXPAND_TABLE: tuple[Row, ...] = (
    Row(S.EXTENSION_ASKED, m.ExtensionReserved, S.CLEARING_FRAMES, learn=rules.learn_extension),
    Row(S.EXTENSION_ASKED, m.AreaTaken, S.REPORTED, result=R.NO_ROOM, learn=rules.learn_denial),
    Row(S.CLEARING_FRAMES, m.FramesCleared, S.RAISING_LIMITS),
    # SALE: the last IOP's acknowledgement is the commit.
    Row(S.RAISING_LIMITS, m.AddressLimitsSet, S.EXTENT_RAISED, learn=rules.learn_committed),
    Row(S.RAISING_LIMITS, m.AddressLimitsRefused, S.RESTORING_LIMITS, result=R.SALE_REFUSED,
        learn=rules.learn_refusal),
    Row(S.EXTENT_RAISED, m.ExtentChanged, S.SIGNALLING),
    Row(S.SIGNALLING, m.GuestSignalled, S.REPORTED, result=R.COMPLETED),
    Row(S.SIGNALLING, m.GuestUnreachable, S.REPORTED, result=R.COMPLETED),
    # CANCEL, at any time before SALE.
    Row(S.EXTENSION_ASKED, m.CancelOperation, S.WITHDRAWING, result=R.CANCELLED, learn=reporting.learn_cancel),
    Row(S.CLEARING_FRAMES, m.CancelOperation, S.CLEARING_FRAMES_IN_VAIN, result=R.CANCELLED,
        learn=reporting.learn_cancel),
    Row(S.WITHDRAWING, m.ExtensionReserved, S.LETTING_GO, learn=rules.learn_extension),
    Row(S.LETTING_GO, m.AreasReleased, S.REPORTED),
    Row(S.WITHDRAWING, m.AreaTaken, S.REPORTED),
    Row(S.CLEARING_FRAMES_IN_VAIN, m.FramesCleared, S.RELEASING),
    # The way back from SALE: an IOP that took it may have let I/O into the extension, so that is poisoned.
    Row(S.RESTORING_LIMITS, m.AddressLimitsSet, S.VACATING),
    Row(S.RESTORING_LIMITS, m.AddressLimitsRefused, S.RESTORING_LIMITS, when=reporting.sale_may_be_repeated,
        learn=rules.learn_refusal),
    Row(S.RESTORING_LIMITS, m.AddressLimitsRefused, S.CHECK_STOPPING, result=R.CHECK_STOPPED,
        learn=rules.learn_refusal, overrules=tuple(R)),
    Row(S.CHECK_STOPPING, m.GuestStopped, S.REPORTED),
    Row(S.VACATING, m.FramesPoisoned, S.RELEASING),
    Row(S.RELEASING, m.AreasReleased, S.REPORTED),
    *(Row(state, m.CancelOperation, None, do=(reporting.deny_cancel,)) for state in (
        S.WITHDRAWING, S.LETTING_GO, S.CLEARING_FRAMES_IN_VAIN, S.RAISING_LIMITS, S.EXTENT_RAISED, S.SIGNALLING,
        S.RESTORING_LIMITS, S.CHECK_STOPPING, S.VACATING, S.RELEASING,
    )),
)  # fmt: skip

EXPAND: Machine[Expansion] = Machine(EXPAND_TABLE, entry=EXPAND_ENTRY, prepare={}, ignored=())


SHRINK_ENTRY: dict[State, tuple[Action, ...]] = {
    **standstill.ENTRY,
    S.WANTING: (rules.ask_guest,),
    S.UNASKING: (rules.settle,),
    S.EXTENT_LOWERED: (rules.set_new_extent,),
    S.LOWERING_LIMITS: (rules.set_new_limits,),
    S.CONFIRMING: (rules.settle,),
    S.PROVING: (rules.prove_unused,),
    S.NOTIFYING: (rules.set_new_limits,),
    S.RESTARTING: (rules.restart,),
    S.RESTORING_LIMITS: (rules.set_old_limits,),
    S.RESTORING_EXTENT: (rules.set_old_extent,),
    S.CONFIRMING_IN_VAIN: (rules.settle,),
    S.RETURNING: (rules.restart,),
    S.CHECK_STOPPING: (rules.stop_for_good,),
    S.VACATING: (rules.poison,),
    S.RELEASING: (rules.release,),
    S.REPORTED: (reporting.report,),
}

SHRINK_TABLE: tuple[Row, ...] = (
    Row(S.ADMITTED, None, S.WANTING),
    # The guest answers, or it does not.
    Row(S.WANTING, m.GuestAnswered, S.EXTENT_LOWERED, when=rules.gives_up, learn=rules.learn_given_up,
        do=(rules.answer_in_time,)),
    Row(S.WANTING, m.GuestAnswered, S.REPORTED, result=R.GUEST_REFUSED, learn=rules.learn_reason,
        do=(rules.answer_in_time,)),
    Row(S.WANTING, m.GuestUnreachable, S.STOPPING, do=(rules.answer_in_time,)),
    Row(S.WANTING, m.AnswerTimedOut, S.UNASKING),
    Row(S.UNASKING, m.SignalSettled, S.REPORTED, when=rules.cancelled),
    Row(S.UNASKING, m.SignalSettled, S.STOPPING),
    # It gave the frames up: LIPs, then IOPs; the last IOP's acknowledgement is the commit.
    Row(S.EXTENT_LOWERED, m.ExtentChanged, S.LOWERING_LIMITS),
    Row(S.LOWERING_LIMITS, m.AddressLimitsSet, S.CONFIRMING, result=R.COMPLETED, learn=rules.learn_committed),
    Row(S.LOWERING_LIMITS, m.AddressLimitsRefused, S.RESTORING_LIMITS, result=R.SALE_REFUSED,
        learn=rules.learn_refusal),
    Row(S.CONFIRMING, m.SignalSettled, S.VACATING),
    # It did not: 201, 202, and the proof.
    *standstill.rows(S.PROVING),
    Row(S.PROVING, m.FramesProven, S.NOTIFYING, when=rules.unused),
    Row(S.PROVING, m.FramesProven, S.RESTORING_LIMITS, result=R.STORAGE_IN_USE),
    Row(S.NOTIFYING, m.AddressLimitsSet, S.RESTARTING, learn=rules.learn_committed),
    Row(S.NOTIFYING, m.AddressLimitsRefused, S.RESTORING_LIMITS, result=R.SALE_REFUSED,
        learn=rules.learn_refusal),
    Row(S.RESTARTING, m.GuestRestarted, None, learn=standstill.learn_standings),
    Row(S.RESTARTING, None, S.RESUMING_IO, when=standstill.all_restarted, result=R.COMPLETED),
    # CANCEL, at any time before SALE.
    Row(S.WANTING, m.CancelOperation, S.UNASKING, result=R.CANCELLED, learn=reporting.learn_cancel,
        do=(rules.answer_in_time,)),
    Row(S.UNASKING, m.CancelOperation, None, result=R.CANCELLED, learn=reporting.learn_cancel),
    Row(S.EXTENT_LOWERED, m.CancelOperation, S.EXTENT_LOWERED_IN_VAIN, result=R.CANCELLED,
        learn=reporting.learn_cancel),
    Row(S.EXTENT_LOWERED_IN_VAIN, m.ExtentChanged, S.RESTORING_EXTENT),
    Row(S.PROVING, m.CancelOperation, S.PROVING_IN_VAIN, result=R.CANCELLED, learn=reporting.learn_cancel),
    Row(S.PROVING_IN_VAIN, m.FramesProven, S.RESTORING_LIMITS),
    # The way back: IOPs, then LIPs; a guest that stood is started by SIE, one that ran is told.
    Row(S.RESTORING_LIMITS, m.AddressLimitsSet, S.RESTORING_EXTENT, when=rules.given_up),
    Row(S.RESTORING_LIMITS, m.AddressLimitsSet, S.RETURNING),
    Row(S.RESTORING_LIMITS, m.AddressLimitsRefused, S.RESTORING_LIMITS, when=reporting.sale_may_be_repeated,
        learn=rules.learn_refusal),
    Row(S.RESTORING_LIMITS, m.AddressLimitsRefused, S.CHECK_STOPPING, when=rules.given_up,
        result=R.CHECK_STOPPED, learn=rules.learn_refusal, overrules=tuple(R)),
    Row(S.RESTORING_LIMITS, m.AddressLimitsRefused, S.REPORTED, result=R.CHECK_STOPPED,
        learn=rules.learn_refusal, overrules=tuple(R)),
    Row(S.RESTORING_EXTENT, m.ExtentChanged, S.CONFIRMING_IN_VAIN),
    Row(S.CONFIRMING_IN_VAIN, m.SignalSettled, S.REPORTED),
    Row(S.CHECK_STOPPING, m.GuestStopped, S.REPORTED),
    Row(S.RETURNING, m.GuestRestarted, None, learn=standstill.learn_standings),
    Row(S.RETURNING, None, S.RESUMING_IO, when=standstill.all_restarted),
    # The tail.
    Row(S.RESUMING_IO, m.HeldStartsReleased, None, learn=standstill.learn_iop_resumed),
    Row(S.RESUMING_IO, None, S.VACATING, when=rules.all_quiet_and_committed),
    Row(S.RESUMING_IO, None, S.REPORTED, when=standstill.all_quiet),
    Row(S.VACATING, m.FramesPoisoned, S.RELEASING),
    Row(S.RELEASING, m.AreasReleased, S.REPORTED),
    *(Row(state, m.CancelOperation, None, do=(reporting.deny_cancel,)) for state in (
        S.EXTENT_LOWERED_IN_VAIN, S.LOWERING_LIMITS, S.CONFIRMING, S.CLEARING_IN_VAIN, S.PROVING_IN_VAIN,
        S.NOTIFYING, S.RESTARTING, S.RESTORING_LIMITS, S.RESTORING_EXTENT, S.CONFIRMING_IN_VAIN,
        S.CHECK_STOPPING, S.RETURNING, S.RESUMING_IO, S.VACATING, S.RELEASING,
    )),
)  # fmt: skip

_AFTER_202 = (
    S.PROVING, S.PROVING_IN_VAIN, S.NOTIFYING, S.RESTARTING, S.RESTORING_LIMITS, S.RETURNING, S.RESUMING_IO,
)  # fmt: skip
_BEFORE_THE_ANSWER = (S.ADMITTED, S.WANTING, S.REPORTED)
SHRINK_IGNORED = standstill.crossings(after=_AFTER_202, tail=(S.VACATING, S.RELEASING)) | {
    # The time was over when the answer was already in the mailbox.
    *((row.state, m.AnswerTimedOut) for row in SHRINK_TABLE if row.state not in _BEFORE_THE_ANSWER),
    # The answer was on its way when the guest was asked no more.
    (S.UNASKING, m.GuestAnswered),
    (S.UNASKING, m.GuestUnreachable),
}

SHRINK: Machine[Shrinkage] = Machine(
    SHRINK_TABLE, entry=SHRINK_ENTRY, prepare=standstill.PREPARE, ignored=SHRINK_IGNORED
)
