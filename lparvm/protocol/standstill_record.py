"""What LPAR control knows of an operation that brings guests to a standstill."""

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.config import QUIESCE_TIMEOUT_NS, STOP_TIMEOUT_NS
from lparvm.protocol import messages as m
from lparvm.protocol.busy_devices import Busy
from lparvm.protocol.operation_record import OperationRecord

Pair = tuple[str, str]
"""(LPAR, IOP): what is waited for in quiescing."""


@frozen
class Party:
    """An LPAR that takes part in an operation.

    Attributes:
        lpar: its name.
        source: its zone when the operation began, host absolute frames.
        target: its zone when all goes well.
        iops: the IOPs that serve it.
        lips: the LIPs that run it.
    """

    lpar: str
    source: Zone
    target: Zone
    iops: tuple[str, ...] = ()
    lips: tuple[str, ...] = ()

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The party with each of its IOPs."""
        return tuple((self.lpar, iop) for iop in self.iops)


@frozen(kw_only=True)
class Standstill(OperationRecord):
    """A record of an operation that stops guests. Times are durations.

    Attributes:
        parties: the LPARs.
        busy: what to do when I/O does not end in time.
        stopped: LPARs whose LIPs have all acknowledged.
        busy_iops: (LPAR, IOP) not yet out of operation (phase QUIESCING), or not yet resumed (RESUMING_IO).
        attempt: number of the last question for busy devices; an answer to an earlier one is none to this.
        unanswered_iops: those that have not answered the last question.
        busy_devices: every device 202 waited for, in the order first reported, as last reported.
        still_busy: what the IOPs named in answer to the last question and is not known to have ended.
        halted: devices that were told to end (BUSY=HALT).
        cleared: those of them that did not, and were given up.
        holding: IOPs hold starts for this operation.
        restarted: LPARs whose LIPs are in SIE again.
        standings: when their LIPs left SIE, and when they entered it again.
    """

    parties: tuple[Party, ...]
    stop_ns: int = STOP_TIMEOUT_NS
    quiesce_ns: int = QUIESCE_TIMEOUT_NS
    busy: Busy = Busy.REFUSE
    stopped: tuple[str, ...] = ()
    busy_iops: tuple[Pair, ...] = ()
    attempt: int = 0
    unanswered_iops: tuple[Pair, ...] = ()
    busy_devices: tuple[m.BusyDevice, ...] = ()
    still_busy: tuple[m.BusyDevice, ...] = ()
    halted: tuple[m.BusyDevice, ...] = ()
    cleared: tuple[m.BusyDevice, ...] = ()
    holding: bool = False
    restarted: tuple[str, ...] = ()
    standings: tuple[tuple[str, m.LipStanding], ...] = ()

    @property
    def lpars(self) -> tuple[str, ...]:
        """The parties' names."""
        return tuple(party.lpar for party in self.parties)

    @property
    def title(self) -> str:
        """The LPARs, for the operator."""
        return " and ".join(self.lpars)
