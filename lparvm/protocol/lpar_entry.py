"""What LPAR control knows of an LPAR: how it is defined, and what it is now."""

import enum
from collections.abc import Mapping
from typing import Any

from attrs import Factory, frozen

from lparvm.arch.address import Zone

NO_ZONE = Zone(0, 0)
"""What an LPAR that is not active owns."""


@frozen
class Definition:
    """What DEFINE fixes, or the scenario: it stands until the next DEFINE, whatever moves or resizes the LPAR.

    Attributes:
        extent: size in frames.
        origin: host absolute frame where it is to be activated; None: where it fits.
        lips: the LIPs that run it, in the order of the guest's processors.
        guest: what IPL loads.
        options: of that guest.
        devices: numbers of its devices, in the order in which the guest counts them.
        expanded_blocks: its expanded storage, in blocks of 4 KiB.
    """

    extent: int
    origin: int | None = None
    lips: tuple[str, ...] = ()
    guest: str = "idle"
    options: Mapping[str, Any] = Factory(dict)
    devices: tuple[int, ...] = ()
    expanded_blocks: int = 0


class Stage(enum.IntEnum):
    """How far an LPAR has come; each needs the one before."""

    DEFINED = 0  # it owns nothing
    ACTIVATED = 1  # it owns its zone; no guest is loaded
    LOADED = 2  # a guest is loaded


class LparState(enum.StrEnum):
    """The state of an LPAR, in the words that the operator sees.

    LPAR control alone does not know that a guest failed: LIP control tells, see `admission.state_of`.
    """

    DEFINED = "defined"
    NOT_LOADED = "not loaded"
    ACTIVE = "active"
    STOPPED = "stopped"
    FAILED = "failed"
    CHECK_STOPPED = "check-stopped"


@frozen
class LparEntry:
    """An LPAR.

    Attributes:
        zone: the zone in force; `NO_ZONE` of one that is not active.
        iops: the IOPs that serve its devices, in order of their names.
        lips: the LIPs that run it.
        check_stopped: its storage is lost.
        stage: how far it has come.
        held: the operator stopped its guest.
        definition: how it is defined.
    """

    name: str
    zone: Zone
    iops: tuple[str, ...]
    lips: tuple[str, ...]
    check_stopped: bool = False
    stage: Stage = Stage.LOADED
    held: bool = False
    definition: Definition | None = None

    @property
    def active(self) -> bool:
        """Whether it owns a zone."""
        return self.stage >= Stage.ACTIVATED

    @property
    def loaded(self) -> bool:
        """Whether it has a guest."""
        return self.stage is Stage.LOADED

    @property
    def state(self) -> LparState:
        """Its state, for people."""
        if self.check_stopped:
            return LparState.CHECK_STOPPED
        if self.stage is Stage.DEFINED:
            return LparState.DEFINED
        if self.stage is Stage.ACTIVATED:
            return LparState.NOT_LOADED
        return LparState.STOPPED if self.held else LparState.ACTIVE

    @property
    def plan(self) -> Definition:
        """Its definition; of an LPAR that nobody defined, what it is now."""
        return self.definition or Definition(self.zone.extent, self.zone.origin, self.lips)
