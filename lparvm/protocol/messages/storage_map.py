"""LPAR control, the service processor and the resource manager: the map, and SALE."""

from typing import ClassVar

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.protocol.messages.steps import Step
from lparvm.protocol.result_codes import Result


@frozen
class Placement:
    """An LPAR and the frames that it is to have, or has.

    Attributes:
        lpar: its name.
        zone: host absolute frames.
        iops: the IOPs that must know, by SALE.
    """

    lpar: str
    zone: Zone
    iops: tuple[str, ...] = ()


@frozen
class CheckAreas:
    """LPAR control -> RM: would these areas be free now? Answered by AreasFree or AreaTaken.

    The LPARs named may overlap what the others of them hold.
    """

    op: str
    placements: tuple[Placement, ...]


@frozen
class ReserveAreas:
    """LPAR control -> RM: the check that counts; holds all areas, or none. Answered by AreasReserved or AreaTaken."""

    STEP: ClassVar = Step.CHECK
    op: str
    placements: tuple[Placement, ...]


@frozen
class AreasFree:
    """RM -> LPAR control: the early check found nothing in the way."""

    op: str


@frozen
class AreaTaken:
    """RM -> LPAR control: refused.

    Attributes:
        reason: OUTSIDE_STORAGE, TARGET_OCCUPIED, TARGET_FAULTY or ZONE_FAULTY.
        lpar: whose area it is.
        holder: the LPAR in the way, where there is one.
        frame: the faulty frame, where there is one.
    """

    op: str
    lpar: str
    reason: Result
    holder: str = ""
    frame: int | None = None


@frozen
class AreasReserved:
    """RM -> LPAR control: the areas are held for their LPARs."""

    STEP: ClassVar = Step.CHECK
    op: str


@frozen
class ReserveExtension:
    """LPAR control -> RM: hold the frames from the zone's end to `extent` frames. Answered as ReserveAreas.

    With `extent` None: as far as it goes; AreaTaken, with NO_ROOM, where that is nowhere.
    """

    op: str
    lpar: str
    extent: int | None


@frozen
class ExtensionReserved:
    """RM -> LPAR control: the zone may grow to `extent` frames."""

    op: str
    lpar: str
    extent: int


@frozen
class SetAddressLimits:
    """LPAR control -> RM: tell all IOPs of each LPAR its zone. Answered by AddressLimitsSet or -Refused.

    When every IOP has acknowledged, the map's entries become these zones, all in one step: the commit.
    """

    op: str
    placements: tuple[Placement, ...]


@frozen
class AddressLimitsSet:
    """RM -> LPAR control: every IOP acknowledged SALE; the map's entries are those zones."""

    op: str


@frozen
class AddressLimitsRefused:
    """RM -> LPAR control: an IOP refused SALE."""

    op: str
    iop: str


@frozen
class ReleaseAreas:
    """LPAR control -> RM: what these LPARs hold beside their zones is free. Answered by AreasReleased."""

    op: str
    lpars: tuple[str, ...]


@frozen
class AreasReleased:
    """RM -> LPAR control: done."""

    op: str


@frozen
class AssignZone:
    """LPAR control -> RM: ACTIVATE: give an LPAR a zone. Answered by ZoneAssigned or AreaTaken.

    With `origin_frame` None: the lowest place where it fits; AreaTaken, with NO_ROOM, where that is nowhere.
    """

    op: str
    lpar: str
    extent: int
    origin_frame: int | None
    expanded_blocks: int = 0


@frozen
class ZoneAssigned:
    """RM -> LPAR control: the LPAR owns the zone, and its expanded storage, which begins at that block."""

    op: str
    lpar: str
    zone: Zone
    expanded_origin: int = 0


@frozen
class FreeZone:
    """LPAR control -> RM: everything the LPAR holds is free. Answered by ZoneFreed.

    With `activated` false the LPAR gives back a zone that it was given and never had: ACTIVATE was cancelled.
    """

    op: str
    lpar: str
    activated: bool = True


@frozen
class ZoneFreed:
    """RM -> LPAR control: done."""

    op: str
    lpar: str


@frozen
class QueryHoldings:
    """LPAR control -> RM: what does the LPAR hold? Answered by HoldingsReported."""

    op: str
    lpar: str


@frozen
class HoldingsReported:
    """RM -> LPAR control: the LPAR's zone, and what it holds beside it: of one that was check-stopped."""

    op: str
    lpar: str
    zone: Zone
    beside: tuple[Zone, ...] = ()


@frozen
class RetireFrame:
    """LPAR control -> RM: a frame had a machine check; it is out of use from now on. Not answered."""

    op: str
    frame: int


@frozen
class QueryFrame:
    """SVP -> RM: the storage map. Answered by FrameReported."""

    op: str


@frozen
class FrameRow:
    """One line of the LPAR frame (Figs. 3A, 4A); sizes in frames, of expanded storage in blocks as large."""

    name: str
    origin: int
    size: int
    gap: int
    state: str
    expanded: int = 0


@frozen
class FrameReported:
    """RM -> SVP: the map, by origin, and the frames that are out of use, ascending.

    Attributes:
        beside: areas that LPARs hold beside their zones: targets, what was vacated, what a check stop left.
    """

    op: str
    rows: tuple[FrameRow, ...]
    retired: tuple[int, ...] = ()
    beside: tuple[Zone, ...] = ()
