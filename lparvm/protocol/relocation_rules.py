"""The parts that the relocation's table is made of, beside those of `standstill`.

Every one is a pure function of the record and the event. The table itself stands in `relocation.py`.
"""

from collections.abc import Callable

from attrs import evolve

from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.actor_names import RESOURCE_MANAGER, lip_control_of
from lparvm.protocol.phases import State
from lparvm.protocol.relocation_record import Denial, Relocation
from lparvm.protocol.results import Result
from lparvm.protocol.standstill import QUIESCE_OVER, all_quiet

EARLY_REASONS = (Result.OUTSIDE_STORAGE, Result.TARGET_FAULTY, Result.ZONE_FAULTY)


# --- conditions -------------------------------------------------------------------------------------------


def because(reason: Result) -> Callable[[Relocation, m.AreaTaken], bool]:
    def refused_so(_relocation: Relocation, event: m.AreaTaken) -> bool:
        return event.reason is reason

    return refused_so


def exchanges(relocation: Relocation, _event: object) -> bool:
    return relocation.exchanges


def only_tests(relocation: Relocation, _event: object) -> bool:
    return relocation.test


def nothing_held(relocation: Relocation, _event: object) -> bool:
    """The resource manager holds nothing beside the zones."""
    return not relocation.reserved


def faulty(_relocation: Relocation, event: m.MoveEnded) -> bool:
    """The mover had a machine check."""
    return event.fault_frame is not None


def failed(_relocation: Relocation, event: m.MoveEnded) -> bool:
    """The mover itself failed."""
    return event.failed


def all_quiet_and_nothing_held(relocation: Relocation, event: object) -> bool:
    """Nothing is left to do."""
    return all_quiet(relocation, event) and nothing_held(relocation, event)


# --- what is learnt ---------------------------------------------------------------------------------------


def learn_denial(relocation: Relocation, event: m.AreaTaken) -> Relocation:
    return evolve(relocation, denied=Denial(event.lpar, event.reason, event.holder, event.frame))


def learn_reserved(relocation: Relocation, _event: object) -> Relocation:
    return evolve(relocation, reserved=True)


def learn_committed(relocation: Relocation, _event: object) -> Relocation:
    return evolve(relocation, committed=True)


def learn_cursor(relocation: Relocation, event: m.ChunkMoved | m.MoveEnded) -> Relocation:
    fault = event.fault_frame if isinstance(event, m.MoveEnded) else None
    return evolve(
        relocation,
        pages_across=event.pages_across,
        furthest=max(relocation.furthest, event.pages_across),
        fault_frame=relocation.fault_frame if fault is None else fault,
    )


def learn_refusal(relocation: Relocation, event: m.AddressLimitsRefused) -> Relocation:
    return evolve(relocation, refusing_iop=event.iop, sale_attempts=relocation.sale_attempts + 1)


# --- orders -----------------------------------------------------------------------------------------------


def _targets(relocation: Relocation) -> tuple[m.Placement, ...]:
    return tuple(m.Placement(party.lpar, party.target, party.iops) for party in relocation.parties)


def _sources(relocation: Relocation) -> tuple[m.Placement, ...]:
    return tuple(m.Placement(party.lpar, party.source, party.iops) for party in relocation.parties)


def check_areas(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.Post(RESOURCE_MANAGER, m.CheckAreas(relocation.op, _targets(relocation))),)


def predict(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.Predict(),)


def prepare_targets(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.PrepareTargets(),)


def reserve(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    order = m.ReserveAreas(relocation.op, _targets(relocation))
    return (*QUIESCE_OVER, o.Post(RESOURCE_MANAGER, order))


def begin_move(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.BeginMove(),)


def interrupt_move(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.InterruptMove(),)


def move_back(_relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.MoveBack(),)


def retire_frame(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    assert relocation.fault_frame is not None, "a machine check names its frame"
    return (o.Post(RESOURCE_MANAGER, m.RetireFrame(relocation.op, relocation.fault_frame)),)


def set_limits(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    forth = relocation.state is State.NOTIFYING
    placements = _targets(relocation) if forth else _sources(relocation)
    order = m.SetAddressLimits(relocation.op, placements)
    return (*QUIESCE_OVER, o.Post(RESOURCE_MANAGER, order))


def restart(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    placements = _targets(relocation) if relocation.committed else _sources(relocation)
    return (
        o.StopTimer(o.Timer.STOP),
        *(
            o.Post(lip_control_of(one.lpar), m.RestartGuest(relocation.op, one.lpar, one.zone))
            for one in placements
        ),
    )


def poison(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.PoisonFrames(relocation.vacated()),)


def release(relocation: Relocation, _event: object) -> tuple[o.Command, ...]:
    return (o.Post(RESOURCE_MANAGER, m.ReleaseAreas(relocation.op, relocation.lpars)),)
