"""Whether a command may begin, and whether an area may be used: pure policies with enumerated reasons.

Two questions, asked at different places. The `admit_...` of each command are LPAR control's: may this operation
begin now, and with which record? `check_areas` is the resource manager's (patent step 203): are the areas free for
these LPARs? It is asked twice, early (nothing is stopped yet) and when it counts.
"""

import itertools
from collections.abc import Collection, Mapping, Sequence

from attrs import Factory, frozen

from lparvm.arch.address import PAGE_BYTES, Holding, Zone
from lparvm.arch.exchange_geometry import exchange_targets
from lparvm.config import OPERATIONS_MAX
from lparvm.protocol import messages as m
from lparvm.protocol.lpar_entry import LparEntry, LparState
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.relocation_record import Denial, Relocation
from lparvm.protocol.results import Result
from lparvm.protocol.standstill_record import Party
from lparvm.protocol.targets import After, Before, Hsa, Target


@frozen
class Denied:
    """No, and why.

    Attributes:
        reason: the result code that the command is answered with.
        values: what fills its message.
    """

    reason: Result
    values: Mapping[str, object]


@frozen
class Circumstances:
    """What an admission depends on.

    Attributes:
        lpars: every LPAR by name.
        held: LPAR name -> id of the operation that holds it.
        operations: how many operations are under way.
        frame_count: size of main storage.
        devices: every device with the names of its IOPs, in the order of its paths.
        iops: the names of all IOPs.
        lips: the LIPs that there are.
        coming: LPARs that are being defined: as they will be.
        failed: LPARs whose guest can't go on.
    """

    lpars: Mapping[str, LparEntry]
    held: Mapping[str, str]
    operations: int
    frame_count: int
    devices: Mapping[int, tuple[str, ...]] = Factory(dict)
    iops: tuple[str, ...] = ()
    lips: tuple[str, ...] = ()
    coming: Mapping[str, LparEntry] = Factory(dict)
    failed: Collection[str] = ()


Decision = OperationRecord | Denied


def admit_move(message: m.MoveStorage, now: Circumstances) -> Decision:
    """MVSTOR."""
    denied = may_begin(now, (message.lpar,), "MVSTOR")
    if denied is not None:
        return denied
    entry = now.lpars[message.lpar]
    origin = _resolve(message, message.target, entry, now)
    if isinstance(origin, Denied):
        return origin
    if origin == entry.zone.origin:
        return Denied(Result.ALREADY_THERE, {"lpar": message.lpar, "target": origin * PAGE_BYTES})
    party = party_of(entry, Zone(origin, entry.zone.extent))
    return Relocation(
        op=message.op, parties=(party,), stop_ns=message.stop_ns, quiesce_ns=message.quiesce_ns,
        busy=message.busy, test=message.test,
    )  # fmt: skip


def admit_exchange(message: m.ExchangeStorage, now: Circumstances) -> Decision:
    """XCHSTOR."""
    if message.first == message.second:
        return Denied(Result.SAME_LPAR, {"lpar": message.first})
    denied = may_begin(now, (message.first, message.second), "XCHSTOR")
    if denied is not None:
        return denied
    entries = [now.lpars[name] for name in (message.first, message.second)]
    targets = exchange_targets(entries[0].zone, entries[1].zone)
    parties = tuple(party_of(entry, target) for entry, target in zip(entries, targets, strict=True))
    return Relocation(
        op=message.op, parties=parties, stop_ns=message.stop_ns, quiesce_ns=message.quiesce_ns,
        busy=message.busy, test=message.test,
    )  # fmt: skip


# --- what policies are made of ------------------------------------------------------------------------------


def may_begin(now: Circumstances, names: Sequence[str], verb: str) -> Denied | None:
    """Whether an operation on these LPARs, which must be active, may begin at all; None: it may."""
    for name in names:
        entry = now.lpars.get(name)
        if entry is None:
            return Denied(Result.UNKNOWN_LPAR, {"lpar": name})
        if name in now.held:
            return Denied(Result.LPAR_IN_OPERATION, {"lpar": name, "operation": now.held[name]})
        if entry.check_stopped:
            return Denied(Result.LPAR_CHECK_STOPPED, {"lpar": name})
        if not entry.active:
            return wrong_state(entry, now, verb, "activated")
    return _too_many(now)


def may_take(now: Circumstances, name: str) -> Denied | None:
    """Whether an operation may hold an LPAR, whatever its state, also one that is not known yet; None: it may."""
    if name in now.held:
        return Denied(Result.LPAR_IN_OPERATION, {"lpar": name, "operation": now.held[name]})
    return _too_many(now)


def _too_many(now: Circumstances) -> Denied | None:
    if now.operations >= OPERATIONS_MAX:
        return Denied(Result.TOO_MANY_OPERATIONS, {"limit": OPERATIONS_MAX})
    return None


def state_of(entry: LparEntry, now: Circumstances) -> LparState:
    """An LPAR's state as the operator sees it: as in the LPAR frame."""
    runs = entry.state in (LparState.ACTIVE, LparState.STOPPED)
    return LparState.FAILED if runs and entry.name in now.failed else entry.state


def wrong_state(entry: LparEntry, now: Circumstances, verb: str, needed: str) -> Denied:
    """The command doesn't fit the LPAR's state.

    Args:
        entry: the LPAR.
        now: what else is known of it.
        verb: the command.
        needed: the state that it needs, in the words of `LparState`; or `activated`: any but `defined`.
    """
    values = {"lpar": entry.name, "state": state_of(entry, now), "verb": verb, "needed": needed}
    return Denied(Result.WRONG_STATE, values)


def party_of(entry: LparEntry, target: Zone) -> Party:
    """An LPAR as a party of an operation."""
    return Party(entry.name, entry.zone, target, entry.iops, entry.lips)


def _resolve(message: m.MoveStorage, target: Target, entry: LparEntry, now: Circumstances) -> int | Denied:
    """The frame where the zone is to begin."""
    extent = entry.zone.extent
    match target:
        case Hsa(origin_bytes=origin_bytes):
            return origin_bytes // PAGE_BYTES
        case Before(lpar=name) | After(lpar=name):
            if name == message.lpar:
                return Denied(Result.SAME_LPAR, {"lpar": name})
            other = now.lpars.get(name)
            if other is None:
                return Denied(Result.UNKNOWN_LPAR, {"lpar": name})
            if not other.active:
                return wrong_state(other, now, "MVSTOR", "activated")
            origin = other.zone.end if isinstance(target, After) else other.zone.origin - extent
        case _:
            origin = now.frame_count - extent
    if origin < 0:
        values = {"lpar": message.lpar, "target": "below 0", "size": entry.zone.extent_bytes}
        return Denied(Result.OUTSIDE_STORAGE, values)
    return origin


# --- the resource manager's -------------------------------------------------------------------------------


def check_areas(
    placements: Sequence[m.Placement],
    holdings: Collection[Holding],
    retired: Collection[int],
    main_storage_frames: int,
) -> Denial | None:
    """Step 203: whether the areas are free for their LPARs, which may overlap what any of them holds.

    Args:
        placements: the LPARs and their areas.
        holdings: everything that is held, by origin.
        retired: frames that are out of use, ascending.
        main_storage_frames: size of main storage.

    Returns:
        None when they are free; else why not, with the lowest LPAR or frame in the way.
    """
    names = [placement.lpar for placement in placements]
    outside = (
        Denial(one.lpar, Result.OUTSIDE_STORAGE) for one in placements if one.zone.end > main_storage_frames
    )
    occupied = (
        Denial(one.lpar, Result.TARGET_OCCUPIED, holding.lpar)
        for one in placements
        for holding in holdings
        if holding.lpar not in names and holding.zone.overlaps(one.zone)
    )
    own_faulty = (
        Denial(holding.lpar, Result.ZONE_FAULTY, frame=frame)
        for holding in holdings
        for frame in retired
        if holding.lpar in names and frame in holding.zone
    )
    faulty = (
        Denial(one.lpar, Result.TARGET_FAULTY, frame=frame)
        for one in placements
        for frame in retired
        if frame in one.zone
    )
    return next(itertools.chain(outside, occupied, own_faulty, faulty), None)
