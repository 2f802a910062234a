"""What LPAR control keeps where its own death doesn't reach: the records of its operations.

LPAR control decides by these alone and holds nothing itself. When it dies, at any message and at any order,
the next one goes on from here: the message in hand is handled again if nothing was decided about it; orders that
were decided and not carried out are carried out; timers that ran are set again for what is left of them; work
on storage is begun again, and a mover goes on from its cursor.

So two things are done in one step, without an await in between: storing a decision with letting the message go,
and carrying out an order with striking it off.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

from attrs import Factory, define

from lparvm.actors.mailbox import Envelope
from lparvm.protocol import orders as o
from lparvm.protocol.calibration import Calibration, Prediction, Prior
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.phases import Phase
from lparvm.protocol.progress import Gauge
from lparvm.storage.custody import Custody
from lparvm.storage.transfer import Transfer

Work = (
    o.PrepareTargets | o.BeginMove | o.MoveBack | o.PoisonFrames | o.ClearFrames | o.ProveUnused | o.ClearZone
    | o.CheckGuest | o.LoadGuest | o.VerifyGuest
)  # fmt: skip
"""Orders that are work on storage, or with guests."""


class PartDied(Exception):  # noqa: N818 -- it is no error of lparvm: the scenario planted it
    """A control part died, by a fault of the scenario."""


_PRIOR = Prior()


@define(eq=False)
class Operation:
    """An operation under way, and what belongs to carrying it out.

    Attributes:
        record: where it stands.
        cause: the event that caused what is being carried out.
        phases: phases in order, each with the time it was entered.
        orders: decided, and not carried out yet.
        deadlines: timers that run: when they are over, run clock.
        work: work on storage that was begun and has not ended.
        interrupt: the mover is to stop after its chunk.
        moved: the forward move or exchange; its cursor is where the way back begins.
        moving: the one under way or last, forth or back.
        across_ns: when the last chunk that was begun is across, run clock: LPAR control may die meanwhile.
        recorded: checksums from before the move, by LPAR.
        progress: the last step of progress told.
        gauge: how far it is, for the operator.
        work_bytes: what the mover transfers for it.
        prediction: how long each guest should stand still.
    """

    record: OperationRecord
    cause: int | None = None
    phases: list[tuple[Phase, int]] = Factory(list)
    orders: deque[o.Command] = Factory(deque)
    deadlines: dict[o.Timer, int] = Factory(dict)
    work: Work | None = None
    interrupt: bool = False
    moved: Transfer[Any, Any] | None = None
    moving: Transfer[Any, Any] | None = None
    across_ns: int = 0
    recorded: dict[str, Custody] = Factory(dict)
    progress: int = -1
    gauge: Gauge = Factory(Gauge)
    work_bytes: int = 0
    prediction: Prediction | None = None


@define(eq=False)
class ControlRecords:
    """All of it.

    Attributes:
        lpars: every LPAR by name.
        operations: those under way, by id, oldest first.
        in_hand: the message that is being handled; None between two.
        calibration: what the machine's own history says of stopped times.
        fuse: how many more messages and orders LPAR control lives for; None: for ever.
    """

    lpars: dict[str, LparEntry]
    operations: dict[str, Operation] = Factory(dict)
    in_hand: Envelope | None = None
    fuse: int | None = None
    calibration: Calibration = Factory(Calibration)

    @classmethod
    def of(cls, lpars: Mapping[str, LparEntry], prior: Prior = _PRIOR) -> "ControlRecords":
        """Records of a machine that begins with these LPARs, and what is known of its mover."""
        return cls(dict(lpars), calibration=Calibration(prior))

    def burn(self) -> None:
        """A message or an order more.

        Raises:
            PartDied: it was the last.
        """
        if self.fuse is not None:
            if self.fuse == 0:
                self.fuse = None
                raise PartDied
            self.fuse -= 1
