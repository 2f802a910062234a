"""What LPAR control knows of a DEFINE, ACTIVATE, IPL, STOP, START or DEACTIVATE."""

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.config import STOP_TIMEOUT_NS
from lparvm.protocol.lpar_entry import Definition, LparEntry
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.phases import PHASES, TAIL, Phase, State
from lparvm.protocol.relocation_record import Denial

Paths = tuple[tuple[int, tuple[str, ...]], ...]
"""Devices, each with the names of its IOPs in the order of the paths."""


@frozen(kw_only=True)
class Lifecycle(OperationRecord):
    """The part that all of them have.

    Attributes:
        before: the LPAR as it was when the operation began.
        now: the LPAR as it is by what is known.
        unanswered: actors that are waited for.
        failed: the guest that was stopped had failed.
        problem: why a guest cannot be made.
    """

    state: State = State.ADMITTED
    before: LparEntry
    now: LparEntry
    unanswered: tuple[str, ...] = ()
    failed: bool = False
    problem: str = ""
    stop_ns: int = STOP_TIMEOUT_NS

    @property
    def lpars(self) -> tuple[str, ...]:
        """The LPAR."""
        return (self.now.name,)

    @property
    def lpar(self) -> str:
        """Its name."""
        return self.now.name


@frozen(kw_only=True)
class DefineOperation(Lifecycle):
    """DEFINE: `now` has the new definition."""


@frozen(kw_only=True)
class ActivateOperation(Lifecycle):
    """ACTIVATE.

    Attributes:
        paths: of the LPAR's devices.
        denied: why there is no zone.
        expanded_origin: where its expanded storage begins.
    """

    paths: Paths = ()
    denied: Denial | None = None
    expanded_origin: int = 0

    @property
    def phase(self) -> Phase:
        """The phase of the present state: what is given up here is the zone that a CANCEL came too late for."""
        return Phase.BACKING_OUT if self.state is State.FREEING else PHASES[self.state]


@frozen(kw_only=True)
class ResetOperation(Lifecycle):
    """An operation that begins with a system reset.

    Attributes:
        zone: what the LPAR holds.
        beside: what it holds beside it: it was check-stopped.
    """

    zone: Zone = Zone(0, 0)  # noqa: RUF009 - frozen
    beside: tuple[Zone, ...] = ()

    @property
    def phase(self) -> Phase:
        """The phase of the present state: frames are given up as part of the reset."""
        return Phase.RESETTING if self.state in TAIL else PHASES[self.state]


@frozen(kw_only=True)
class DeactivateOperation(ResetOperation):
    """DEACTIVATE."""


@frozen(kw_only=True)
class LoadOperation(ResetOperation):
    """IPL.

    Attributes:
        definition: with the guest to be loaded, and its options.
        sale_attempts: how often SALE with the zone was refused, after a check stop.
    """

    definition: Definition
    sale_attempts: int = 0


@frozen(kw_only=True)
class HoldOperation(Lifecycle):
    """STOP."""


@frozen(kw_only=True)
class UnholdOperation(Lifecycle):
    """START."""
