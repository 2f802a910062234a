"""What LPAR control knows of one EXPAND or SHRINK: the records that the machines of `resizing` turn."""

from attrs import frozen

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.protocol.phases import PHASES, TAIL, Phase, State
from lparvm.protocol.relocation_record import Denial
from lparvm.protocol.standstill_record import Party, Standstill


@frozen(kw_only=True)
class Resizing(Standstill):
    """What both have: one party, whose `target` is its zone with the new extent.

    Attributes:
        committed: every IOP took SALE with the new extent; there is no way back.
        refusing_iop: who refused SALE last.
        sale_attempts: how often SALE was refused.
    """

    committed: bool = False
    refusing_iop: str = ""
    sale_attempts: int = 0

    @property
    def party(self) -> Party:
        """The LPAR."""
        return self.parties[0]

    @property
    def frames(self) -> Zone:
        """The frames that come or go, host absolute."""
        smaller, larger = sorted((self.party.source, self.party.target))
        return Zone(smaller.end, larger.extent - smaller.extent)

    @property
    def wanted_bytes(self) -> int | None:
        """The size asked for; None: as far as it goes."""
        return self.party.target.extent_bytes


@frozen(kw_only=True)
class Expansion(Resizing):
    """Everything the machine knows of an EXPAND.

    Attributes:
        wanted: the extent asked for; None: as far as it goes. The party's target follows from what is reserved.
        denied: why the resource manager refused; None: it did not.
    """

    wanted: int | None
    state: State = State.EXTENSION_ASKED
    denied: Denial | None = None

    @property
    def wanted_bytes(self) -> int | None:
        """The size asked for; None: as far as it goes."""
        return None if self.wanted is None else self.wanted * PAGE_BYTES

    @property
    def phase(self) -> Phase:
        """The phase of the present state."""
        return Phase.BACKING_OUT if self.state in TAIL else PHASES[self.state]


@frozen(kw_only=True)
class Shrinkage(Resizing):
    """Everything the machine knows of a SHRINK.

    Attributes:
        given_up: the guest gave the frames up, and waits in its call; else it is stopped for it.
        reason: why it keeps them.
    """

    state: State = State.ADMITTED
    given_up: bool = False
    reason: str = ""

    @property
    def phase(self) -> Phase:
        """The phase of the present state."""
        if self.state not in TAIL:
            return PHASES[self.state]
        if not self.committed:
            return Phase.BACKING_OUT
        return Phase.SHRINKING if self.given_up else Phase.RESTARTING
