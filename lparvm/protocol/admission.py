"""Whether a command may begin, and whether an area may be used: pure policies with enumerated reasons.

Two questions, asked at different places. `admit` is LPAR control's: may this operation begin now? `check_area`
is the resource manager's (patent step 203): is the area free for this LPAR? It is asked twice, early (nothing
is stopped yet) and when it counts.
"""

from collections.abc import Iterable, Mapping

from attrs import frozen

from lparvm.arch.address import Holding, Zone
from lparvm.config import OPERATIONS_MAX
from lparvm.protocol.results import Result


@frozen
class Denied:
    """No, and why.

    Attributes:
        reason: the result code that the command is answered with.
        holder: the LPAR or operation in the way, where there is one.
    """

    reason: Result
    holder: str = ""


@frozen
class LparEntry:
    """What LPAR control knows of an LPAR.

    Attributes:
        zone: the zone in force.
        iops: the IOPs that serve its devices, in order of their names.
        lips: the LIPs that run it.
        check_stopped: its storage is lost.
    """

    name: str
    zone: Zone
    iops: tuple[str, ...]
    lips: tuple[str, ...]
    check_stopped: bool = False


def admit(
    lpar: str, target_frame: int, lpars: Mapping[str, LparEntry], held: Mapping[str, str]
) -> Denied | None:
    """Whether a relocation of `lpar` may begin.

    Args:
        lpar: the LPAR to be moved.
        target_frame: the new origin, host absolute frame.
        lpars: every LPAR by name.
        held: LPAR name -> id of the operation that holds it.

    Returns:
        None when it may begin, else the reason against it.
    """
    entry = lpars.get(lpar)
    if entry is None:
        return Denied(Result.UNKNOWN_LPAR)
    if lpar in held:
        return Denied(Result.LPAR_IN_OPERATION, held[lpar])
    if len(held) >= OPERATIONS_MAX:
        return Denied(Result.TOO_MANY_OPERATIONS)
    if entry.check_stopped:
        return Denied(Result.LPAR_CHECK_STOPPED)
    if entry.zone.origin == target_frame:
        return Denied(Result.ALREADY_THERE)
    return None


def check_area(
    holdings: Iterable[Holding], lpar: str, target: Zone, main_storage_frames: int
) -> Denied | None:
    """Step 203: whether `target` is free for `lpar`. Overlap with what the LPAR itself holds is fine.

    Returns:
        None when it is free; else OUTSIDE_STORAGE, or TARGET_OCCUPIED with the lowest LPAR in the way.
    """
    if target.end > main_storage_frames:
        return Denied(Result.OUTSIDE_STORAGE)
    for holding in holdings:
        if holding.lpar != lpar and holding.zone.overlaps(target):
            return Denied(Result.TARGET_OCCUPIED, holding.lpar)
    return None
