"""A model of LPARs in main storage: frames are plain numbers, what an LPAR holds is a set.

Nothing of `lparvm` is used but the names of results. What a command makes of the model, `lpar_judge` knows.
"""

from copy import deepcopy
from typing import Any

from attrs import define, field, frozen

from lparvm.protocol.results import Result

GUESTS = ("hammer", "Giving", "Keeping", "Deaf", "Silent")
"""What an LPAR may be defined with; beside them there is `Reading`, which needs a device."""


@frozen
class Command:
    """A command; sizes and places in frames.

    Attributes:
        verb: of the language, or `PLAN`.
        lpar: whom it is about.
        target: of MVSTOR: `(HSA, frame)`, `(BEFORE, lpar)`, `(AFTER, lpar)` or `(END, None)`.
        other: of XCHSTOR the second LPAR, of MVSTOR that which is to be expanded.
        size: of the LPAR, or of the one to be expanded.
        origin: of DEFINE.
        guest: of DEFINE and IPL.
        iops: of DEFINE: those of its devices; None: those that it had.
    """

    verb: str
    lpar: str = ""
    target: tuple[str, Any] = ("END", None)
    other: str = ""
    size: int | None = None
    origin: int | None = None
    guest: str | None = None
    iops: tuple[str, ...] | None = None
    test: bool = False

    @property
    def lpars(self) -> tuple[str, ...]:
        """Those that it works on."""
        return tuple(name for name in (self.lpar, self.other) if name)


@define
class LparModel:
    """An LPAR.

    Attributes:
        size, origin, guest, iops: its definition.
        zone: its frames.
        held: frames beside them, after it was check-stopped.
        state: as the operator sees it.
        loaded: the guest in it.
        used: pages, from the first on, that surely hold something.
        perhaps: pages that may hold something.
    """

    size: int
    origin: int | None
    guest: str = "hammer"
    iops: tuple[str, ...] = ()
    zone: range = range(0)
    held: frozenset[int] = frozenset()
    state: str = "defined"
    loaded: str = ""
    used: int = 0
    perhaps: int = 0

    @property
    def active(self) -> bool:
        return self.state != "defined"

    @property
    def frames(self) -> set[int]:
        """All that it holds."""
        return {*self.zone, *self.held}

    def load(self, guest: str) -> None:
        self.state, self.loaded, self.held = "active", guest, frozenset()
        self.used = self.perhaps = len(self.zone)


@define
class Model:
    """The machine.

    Attributes:
        frame_count: frames of main storage.
        lpars: by name, also those that are only defined.
        retired: frames out of use.
        faulty: frames that are faulty, and nobody knows it.
        refusals: IOP -> so many SALEs it will refuse.
        mover_fails: the next transfer fails after so many steps.
        blocked: frames that operations under way hold beside all that.
        busy: LPARs that operations under way hold.
    """

    frame_count: int
    lpars: dict[str, LparModel]
    retired: set[int] = field(factory=set)
    faulty: set[int] = field(factory=set)
    refusals: dict[str, int] = field(factory=dict)
    mover_fails: int | None = None
    blocked: frozenset[int] = frozenset()
    busy: frozenset[str] = frozenset()

    def copy(self) -> "Model":
        return deepcopy(self)

    @property
    def calm(self) -> bool:
        """No fault is waiting to strike."""
        return not self.faulty and not any(self.refusals.values()) and self.mover_fails is None

    def taken(self, *without: str) -> set[int]:
        """Frames that LPARs hold, or operations under way."""
        held = [one.frames for name, one in self.lpars.items() if name not in without]
        return set(self.blocked).union(*held)

    def free(self) -> list[int]:
        """Frames that anybody can have, ascending."""
        return sorted(set(range(self.frame_count)) - self.taken() - self.retired)

    def gaps(self) -> list[range]:
        """The same, as areas as large as can be."""
        gaps: list[range] = []
        for frame in self.free():
            if gaps and gaps[-1].stop == frame:
                gaps[-1] = range(gaps[-1].start, frame + 1)
            else:
                gaps.append(range(frame, frame + 1))
        return gaps

    def adopt(self, zones: dict[str, range]) -> None:
        """LPARs were moved by a plan."""
        for name, zone in zones.items():
            one = self.lpars[name]
            assert len(zone) == len(one.zone), (
                f"{name} was {one.zone} and is {zone}: a plan moves, it does not resize"
            )
            one.zone = zone

    def summary(self) -> dict[str, Any]:
        """What can be compared with a machine."""
        lpars = {name: (one.zone, one.held, one.state) for name, one in self.lpars.items()}
        return {"lpars": lpars, "retired": self.retired, "refusals": self.refusals, "mover": self.mover_fails}


Outcomes = list[tuple[Result, Model]]
