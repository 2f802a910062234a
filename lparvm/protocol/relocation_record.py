"""What LPAR control knows of one MVSTOR: the record that the relocation machine turns from state to state."""

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.protocol.busy_devices import Busy
from lparvm.protocol.phases import PHASES, TAIL, Phase, State
from lparvm.protocol.results import Result


@frozen
class Relocation:
    """Everything the machine knows of one MVSTOR. Times are durations; zones are host absolute frames.

    Attributes:
        iops: the IOPs that serve the LPAR.
        result: None while all goes well; set once, by the row that decides the outcome.
        busy: what to do when I/O does not end in time.
        busy_iops: IOPs not yet out of operation (phase QUIESCING), or not yet resumed (RESUMING_IO).
        attempt: number of the last question for busy devices; an answer to an earlier one is none to this.
        unanswered_iops: IOPs that have not answered the last question.
        busy_devices: every device 202 waited for, in the order first reported, as last reported.
        still_busy: what the IOPs named in answer to the last question and is not known to have ended.
        halted: devices that were told to end (BUSY=HALT).
        cleared: those of them that did not, and were given up.
        holding: IOPs hold starts for this operation.
        reserved: the resource manager holds the target for this operation.
        committed: every IOP took SALE with the target; there is no way back.
        pages_across: the mover's cursor.
        cancels: CANCEL commands to be answered at the report.
        story: states entered so far.
    """

    op: str
    lpar: str
    source: Zone
    target: Zone
    iops: tuple[str, ...] = ()
    stop_ns: int = 0
    quiesce_ns: int = 0
    state: State = State.ASKED
    busy: Busy = Busy.REFUSE
    result: Result | None = None
    busy_iops: tuple[str, ...] = ()
    attempt: int = 0
    unanswered_iops: tuple[str, ...] = ()
    busy_devices: tuple[m.BusyDevice, ...] = ()
    still_busy: tuple[m.BusyDevice, ...] = ()
    halted: tuple[m.BusyDevice, ...] = ()
    cleared: tuple[m.BusyDevice, ...] = ()
    holding: bool = False
    reserved: bool = False
    committed: bool = False
    pages_across: int = 0
    holder: str = ""
    fault_frame: int | None = None
    refusing_iop: str = ""
    sale_attempts: int = 0
    standings: tuple[m.LipStanding, ...] = ()
    cancels: tuple[str, ...] = ()
    story: tuple[str, ...] = ()

    @property
    def phase(self) -> Phase:
        """The phase of the present state."""
        if self.state in TAIL:
            return Phase.RESTARTING if self.committed else Phase.BACKING_OUT
        return PHASES[self.state]

    @property
    def vacated(self) -> tuple[Zone, ...]:
        """What the LPAR holds beside its zone and must be poisoned before it is freed."""
        if not self.reserved:
            return ()
        kept, left = (self.target, self.source) if self.committed else (self.source, self.target)
        return left.minus(kept)
