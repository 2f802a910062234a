"""LPAR control, the service processor and the resource manager: the map, and SALE."""

from typing import ClassVar

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.protocol.messages.steps import Step


@frozen
class CheckArea:
    """LPAR control -> RM: would the target be free now? Answered by AreaFree or AreaTaken."""

    op: str
    lpar: str
    target: Zone


@frozen
class ReserveArea:
    """LPAR control -> RM: the check that counts; holds the target. Answered by AreaReserved or AreaTaken."""

    STEP: ClassVar = Step.CHECK
    op: str
    lpar: str
    target: Zone


@frozen
class AreaFree:
    """RM -> LPAR control: the early check found nothing in the way."""

    op: str
    lpar: str


@frozen
class AreaTaken:
    """RM -> LPAR control: refused. `holder` is the LPAR in the way; empty past the end of storage."""

    op: str
    lpar: str
    holder: str


@frozen
class AreaReserved:
    """RM -> LPAR control: the target is held for the LPAR."""

    STEP: ClassVar = Step.CHECK
    op: str
    lpar: str


@frozen
class SetAddressLimits:
    """LPAR control -> RM: tell all IOPs of the LPAR its zone. Answered by AddressLimitsSet or -Refused."""

    op: str
    lpar: str
    zone: Zone
    iops: tuple[str, ...]


@frozen
class AddressLimitsSet:
    """RM -> LPAR control: every IOP acknowledged SALE; the map's entry is that zone. The commit."""

    op: str
    lpar: str


@frozen
class AddressLimitsRefused:
    """RM -> LPAR control: an IOP refused SALE."""

    op: str
    lpar: str
    iop: str


@frozen
class ReleaseArea:
    """LPAR control -> RM: what the LPAR holds beside its zone is free. Answered by AreaReleased."""

    op: str
    lpar: str


@frozen
class AreaReleased:
    """RM -> LPAR control: done."""

    op: str
    lpar: str


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
    """RM -> SVP: the map, by origin."""

    op: str
    rows: tuple[FrameRow, ...]
