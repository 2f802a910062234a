"""Whether EXPAND and SHRINK may begin, and how far a zone can grow: pure policies."""

from collections.abc import Collection

from lparvm.arch.address import PAGE_BYTES, Holding, HoldingKind, Zone
from lparvm.protocol import messages as m
from lparvm.protocol.admission import Circumstances, Decision, Denied, may_begin, party_of
from lparvm.protocol.relocation_record import Denial
from lparvm.protocol.resizing_record import Expansion, Shrinkage
from lparvm.protocol.results import Result
from lparvm.units import format_size


def admit_expand(message: m.ExpandStorage, now: Circumstances) -> Decision:
    """EXPAND; whether there is room is the resource manager's to say."""
    denied = may_begin(now, (message.lpar,), "EXPAND")
    if denied is not None:
        return denied
    entry = now.lpars[message.lpar]
    zone = entry.zone
    if message.extent is not None and message.extent <= zone.extent:
        problem = f"not above the present {format_size(zone.extent_bytes)}"
        return _wrong_size(message.lpar, message.extent, problem)
    return Expansion(op=message.op, parties=(party_of(entry, zone),), wanted=message.extent)


def admit_shrink(message: m.ShrinkStorage, now: Circumstances) -> Decision:
    """SHRINK."""
    denied = may_begin(now, (message.lpar,), "SHRINK")
    if denied is not None:
        return denied
    entry = now.lpars[message.lpar]
    zone = entry.zone
    if message.extent >= zone.extent:
        problem = f"not below the present {format_size(zone.extent_bytes)}"
        return _wrong_size(message.lpar, message.extent, problem)
    if message.extent < 1:
        return _wrong_size(message.lpar, message.extent, "less than a page")
    return Shrinkage(op=message.op, parties=(party_of(entry, Zone(zone.origin, message.extent)),))


def _wrong_size(lpar: str, extent: int, problem: str) -> Denied:
    return Denied(Result.WRONG_SIZE, {"lpar": lpar, "size": extent * PAGE_BYTES, "problem": problem})


def reach(
    lpar: str,
    extent: int | None,
    holdings: Collection[Holding],
    retired: Collection[int],
    main_storage_frames: int,
) -> int | Denial:
    """How far a zone grows.

    Args:
        lpar: whose zone.
        extent: the extent asked for, in frames; None: as far as it goes.
        holdings: everything that is held, the zone itself among it.
        retired: frames that are out of use.
        main_storage_frames: size of main storage.

    Returns:
        The new extent; or what is in the way: the lowest holding or retired frame behind the zone, or (neither)
        the end of main storage.
    """
    (zone,) = (one.zone for one in holdings if one.lpar == lpar and one.kind is HoldingKind.ZONE)
    # What begins at the same frame: a holding is the better reason.
    obstacles = [(one.zone.origin, 0, one.lpar) for one in holdings if one.zone.origin >= zone.end]
    obstacles += [(frame, 1, "") for frame in retired if frame >= zone.end]
    frame, kind, holder = min([*obstacles, (main_storage_frames, 2, "")])
    wanted = frame - zone.origin if extent is None else extent
    if zone.extent < wanted <= frame - zone.origin:
        return wanted
    return Denial(lpar, Result.NO_ROOM, holder, frame if kind == 1 else None)
