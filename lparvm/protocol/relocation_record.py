"""What LPAR control knows of one MVSTOR or XCHSTOR: the record that the relocation machine turns."""

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.protocol.phases import PHASES, TAIL, Phase, State
from lparvm.protocol.results import Result
from lparvm.protocol.standstill_record import Standstill


@frozen
class Denial:
    """Why an area was refused.

    Attributes:
        lpar: whose area it is.
        reason: OUTSIDE_STORAGE, TARGET_OCCUPIED, TARGET_FAULTY or ZONE_FAULTY.
        holder: the LPAR in the way.
        frame: the faulty frame.
    """

    lpar: str
    reason: Result
    holder: str = ""
    frame: int | None = None


@frozen(kw_only=True)
class Relocation(Standstill):
    """Everything the machine knows of a move (one party) or an exchange (two).

    Attributes:
        test: every check is made, and nothing done.
        reserved: the resource manager holds the targets for this operation.
        committed: every IOP took SALE with the targets; there is no way back.
        pages_across: the mover's cursor: pages at the target, or page steps of an exchange.
        furthest: the most it ever was.
        denied: why the resource manager refused the area; None: it did not.
        fault_frame: the frame at which the mover had a machine check.
        refusing_iop: who refused SALE last.
        sale_attempts: how often SALE was refused, there and back.
    """

    state: State = State.ASKED
    test: bool = False
    reserved: bool = False
    committed: bool = False
    pages_across: int = 0
    furthest: int = 0
    denied: Denial | None = None
    fault_frame: int | None = None
    refusing_iop: str = ""
    sale_attempts: int = 0

    @property
    def phase(self) -> Phase:
        """The phase of the present state."""
        if self.state in TAIL:
            return Phase.RESTARTING if self.committed else Phase.BACKING_OUT
        return PHASES[self.state]

    @property
    def exchanges(self) -> bool:
        """XCHSTOR, not MVSTOR."""
        return len(self.parties) > 1

    @property
    def pages(self) -> int:
        """Pages of all zones together."""
        return sum(party.source.extent for party in self.parties)

    @property
    def lpar(self) -> str:
        """The first party's name."""
        return self.parties[0].lpar

    def vacated(self) -> tuple[tuple[str, Zone], ...]:
        """What the LPARs hold beside their zones and must be poisoned before it is freed, and who left it."""
        if not self.reserved:
            return ()
        kept = [party.target if self.committed else party.source for party in self.parties]
        left = []
        for party in self.parties:
            pieces: tuple[Zone, ...] = (party.source if self.committed else party.target,)
            for zone in kept:
                pieces = tuple(piece for one in pieces for piece in one.minus(zone))
            left += [(party.lpar, piece) for piece in pieces]
        return tuple(left)
