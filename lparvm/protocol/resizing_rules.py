"""The parts that the tables of EXPAND and SHRINK are made of, beside those of `standstill` and `reporting`.

Every one is a pure function of the record and the event. The tables themselves stand in `resizing.py`.
"""

from typing import TypeVar

from attrs import evolve

from lparvm.arch.address import Zone
from lparvm.arch.service_signal import StorageGivenUp, StorageGrown, StorageKept, StorageWanted
from lparvm.config import SHRINK_ANSWER_NS
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.actor_names import RESOURCE_MANAGER, lip_control_of
from lparvm.protocol.relocation_record import Denial
from lparvm.protocol.resizing_record import Expansion, Resizing, Shrinkage
from lparvm.protocol.results import Result
from lparvm.protocol.standstill import QUIESCE_OVER, all_quiet

T = TypeVar("T", bound=Resizing)


# --- conditions -------------------------------------------------------------------------------------------


def gives_up(_record: Shrinkage, event: m.GuestAnswered) -> bool:
    """The guest does what it is asked."""
    return isinstance(event.answer, StorageGivenUp)


def given_up(record: Shrinkage, _event: object) -> bool:
    """The guest gave the frames up, and runs."""
    return record.given_up


def cancelled(record: Shrinkage, _event: object) -> bool:
    """CANCEL came."""
    return record.result is Result.CANCELLED


def unused(_record: Shrinkage, event: m.FramesProven) -> bool:
    """The frames hold nothing."""
    return event.unused


def all_quiet_and_committed(record: Shrinkage, event: object) -> bool:
    """Frames are left to be freed."""
    return all_quiet(record, event) and record.committed


# --- what is learnt ---------------------------------------------------------------------------------------


def learn_extension(record: Expansion, event: m.ExtensionReserved) -> Expansion:
    target = Zone(record.party.source.origin, event.extent)
    return evolve(record, parties=(evolve(record.party, target=target),))


def learn_denial(record: Expansion, event: m.AreaTaken) -> Expansion:
    return evolve(record, denied=Denial(event.lpar, event.reason, event.holder, event.frame))


def learn_committed(record: T, _event: object) -> T:
    return evolve(record, committed=True)


def learn_refusal(record: T, event: m.AddressLimitsRefused) -> T:
    return evolve(record, refusing_iop=event.iop, sale_attempts=record.sale_attempts + 1)


def learn_given_up(record: Shrinkage, _event: object) -> Shrinkage:
    return evolve(record, given_up=True)


def learn_reason(record: Shrinkage, event: m.GuestAnswered) -> Shrinkage:
    return evolve(record, reason=event.answer.reason if isinstance(event.answer, StorageKept) else "")


# --- orders -----------------------------------------------------------------------------------------------


def _to_lip_control(record: Resizing, message: object) -> o.Post:
    return o.Post(lip_control_of(record.party.lpar), message)


def reserve(record: Expansion, _event: object) -> tuple[o.Command, ...]:
    order = m.ReserveExtension(record.op, record.party.lpar, record.wanted)
    return (o.Post(RESOURCE_MANAGER, order),)


def clear(record: Expansion, _event: object) -> tuple[o.Command, ...]:
    return (o.ClearFrames(record.party.lpar, record.frames),)


def set_new_limits(record: Resizing, _event: object) -> tuple[o.Command, ...]:
    return _set_limits(record, record.party.target)


def set_old_limits(record: Resizing, _event: object) -> tuple[o.Command, ...]:
    return (*QUIESCE_OVER, *_set_limits(record, record.party.source))


def _set_limits(record: Resizing, zone: Zone) -> tuple[o.Command, ...]:
    placement = m.Placement(record.party.lpar, zone, record.party.iops)
    return (o.Post(RESOURCE_MANAGER, m.SetAddressLimits(record.op, (placement,))),)


def set_new_extent(record: Resizing, _event: object) -> tuple[o.Command, ...]:
    change = m.ChangeExtent(record.op, record.party.lpar, record.party.target)
    return (_to_lip_control(record, change),)


def set_old_extent(record: Resizing, _event: object) -> tuple[o.Command, ...]:
    change = m.ChangeExtent(record.op, record.party.lpar, record.party.source)
    return (_to_lip_control(record, change),)


def tell_guest(record: Expansion, _event: object) -> tuple[o.Command, ...]:
    signal = StorageGrown(record.party.target.extent)
    return (_to_lip_control(record, m.SignalGuest(record.op, record.party.lpar, signal)),)


def ask_guest(record: Shrinkage, _event: object) -> tuple[o.Command, ...]:
    signal = StorageWanted(record.party.target.extent)
    ask = _to_lip_control(record, m.SignalGuest(record.op, record.party.lpar, signal))
    return (ask, o.StartTimer(o.Timer.ANSWER, SHRINK_ANSWER_NS))


def answer_in_time(_record: Shrinkage, _event: object) -> tuple[o.Command, ...]:
    """The guest is waited for no more."""
    return (o.StopTimer(o.Timer.ANSWER),)


def settle(record: Shrinkage, _event: object) -> tuple[o.Command, ...]:
    return (_to_lip_control(record, m.SettleSignal(record.op, record.party.lpar)),)


def prove_unused(record: Shrinkage, _event: object) -> tuple[o.Command, ...]:
    return (*QUIESCE_OVER, o.ProveUnused(record.party.lpar, record.frames))


def restart(record: Shrinkage, _event: object) -> tuple[o.Command, ...]:
    zone = record.party.target if record.committed else record.party.source
    again = m.RestartGuest(record.op, record.party.lpar, zone)
    return (o.StopTimer(o.Timer.STOP), _to_lip_control(record, again))


def stop_for_good(record: Resizing, _event: object) -> tuple[o.Command, ...]:
    return (_to_lip_control(record, m.StopGuest(record.op, record.party.lpar)),)


def poison(record: Resizing, _event: object) -> tuple[o.Command, ...]:
    return (o.PoisonFrames(((record.party.lpar, record.frames),)),)


def release(record: Resizing, _event: object) -> tuple[o.Command, ...]:
    return (o.Post(RESOURCE_MANAGER, m.ReleaseAreas(record.op, record.lpars)),)
