"""The machines of the page: their titles and prose, and records by which their orders are read off."""

from collections.abc import Callable
from typing import Any

from attrs import evolve, fields_dict, frozen

from lparvm.arch.address import Zone
from lparvm.config import SHRINK_ANSWER_NS
from lparvm.protocol import lifecycle_record as lives
from lparvm.protocol import messages as m
from lparvm.protocol.engine import Machine
from lparvm.protocol.lpar_entry import Definition, LparEntry, Stage
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.operations import KINDS
from lparvm.protocol.phases import TAIL, State
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.resizing_record import Expansion, Resizing, Shrinkage
from lparvm.protocol.results import Result
from lparvm.protocol.standstill_record import Party
from lparvm.units import format_duration
from protocol_page.routes import IOP, LIP

LPAR = "lpar"
OLD, NEW, HERE = Zone(0, 2), Zone(0, 3), Zone(4, 2)
_PARTY = Party(LPAR, OLD, NEW, (IOP,), (LIP,))
_CANCEL = ("op.2",)

Sample = tuple[str, Any]
"""When, and a record in that case; the first one of a state is the usual case, and has no words."""


@frozen
class Drawn:
    """A machine on the page.

    Attributes:
        title: its commands.
        source: where its table stands.
        prose: what it is for.
        record: the class of its records.
        samples: records in a state, one for each case in which other things are ordered.
    """

    title: str
    source: str
    prose: str
    record: type[OperationRecord]
    samples: Callable[[State], list[Sample]]

    @property
    def machine(self) -> Machine[Any]:
        """The machine itself."""
        return KINDS[self.record].machine

    @property
    def first(self) -> State:
        """Where it begins."""
        begun = fields_dict(self.record)["state"].default
        assert isinstance(begun, State), "every record begins in a state"
        return begun

    @property
    def states(self) -> list[State]:
        """Its states, in the order in which the table comes to them; those of CANCEL and the last one at the end."""
        table = self.machine.table
        in_order = [self.first, *(row.state for row in table if row.event is not m.CancelOperation)]
        rest = [
            state for row in table for state in (row.state, row.to) if state not in (None, State.REPORTED)
        ]
        return list(dict.fromkeys((*in_order, *rest, State.REPORTED)))


# --- records ----------------------------------------------------------------------------------------------


def _ends(base: Relocation | Resizing) -> list[Sample]:
    lost = evolve(base, result=Result.CHECK_STOPPED, cancels=_CANCEL)
    return [("", base), ("after a CANCEL", evolve(base, cancels=_CANCEL)), ("when it is check-stopped", lost)]


def _relocations(state: State) -> list[Sample]:
    forth = state in (State.RESTARTING, *TAIL)
    base = Relocation(
        op="op.1", parties=(_PARTY,), state=state, busy_iops=_PARTY.pairs, reserved=True, committed=forth,
        fault_frame=0,
    )  # fmt: skip
    if state in TAIL:
        return [("", base), ("on the way back", evolve(base, committed=False))]
    return _ends(base) if state is State.REPORTED else [("", base)]


def _expansions(state: State) -> list[Sample]:
    base = Expansion(op="op.1", parties=(_PARTY,), state=state, wanted=NEW.extent)
    return _ends(base) if state is State.REPORTED else [("", base)]


def _shrinkages(state: State) -> list[Sample]:
    forth = state in (State.RESTARTING, *TAIL)
    base = Shrinkage(op="op.1", parties=(_PARTY,), state=state, busy_iops=_PARTY.pairs, committed=forth)
    if state is State.RESUMING_IO:
        return [("", base), ("on the way back", evolve(base, committed=False))]
    if state in TAIL:
        return [("", evolve(base, given_up=True)), ("of a guest that stood", base)]
    return _ends(base) if state is State.REPORTED else [("", base)]


def _lifecycles(record: type[lives.Lifecycle], after: Callable[[LparEntry], LparEntry], **more: Any) -> Any:
    """Records of an LPAR that is loaded and runs; `after`: what it is at the end."""
    plan = Definition(HERE.extent, lips=(LIP,), devices=(0,))
    entry = LparEntry(LPAR, HERE, (IOP,), (LIP,), definition=plan)
    if record is lives.LoadOperation:
        more["definition"] = plan

    def samples(state: State) -> list[Sample]:
        base = record(op="op.1", state=state, before=entry, now=entry, **more)
        if state is not State.REPORTED:
            return [("", base)]
        ended = after(entry)
        cases: list[Sample] = [("", base)]
        if ended.active and ended.state is not entry.state:
            cases.append(("when the LPAR's state has changed", evolve(base, now=ended)))
        if any(row.result is Result.CANCELLED for row in KINDS[record].machine.table):
            cases.append(("after a CANCEL", evolve(base, cancels=_CANCEL)))
        return cases

    return samples


def _same(entry: LparEntry) -> LparEntry:
    return entry


def _changed(entry: LparEntry) -> LparEntry:
    return evolve(entry, held=True)


def _freed(entry: LparEntry) -> LparEntry:
    return evolve(entry, stage=Stage.DEFINED)


# --- the machines -----------------------------------------------------------------------------------------

_MOVE = """\
A move has one party, an exchange two; everything else is the same, and `parties` are what the rows talk of. Nothing is
stopped before the early check (`ASKED`), which is asked again when it counts (`CHECKING`, step 203): then all areas are
reserved, or none. With TEST the early check is all that is done. While pages are moved (204 to 209), a frame that fails
is taken out of use, and all pages go back; so they do when the mover itself fails or is interrupted by CANCEL. The way
back has one column: `MOVING_BACK` (if pages were moved), `RESTORING_LIMITS` (once IOPs were told to hold starts),
`RETURNING`. The mover takes no machine check there: what a faulty frame held, it holds again. The tail is the same both
ways: held starts begin, what the LPARs hold beside their zones is poisoned and freed.
"""
_EXPAND = """\
The origin stays, and so does every page. Contract: *the zone has its new size at the map, at every IOP and every LIP,
or its old one as if nothing had happened.* The guest runs all the time. The frames behind the zone are held and cleared
first, then come the IOPs (SALE, the commit), the LIPs, and the guest, which is told last. What the guest does
with the storage is its own affair; one that takes no signals just has it. An IOP that took a SALE which another refused
may have let I/O into the new frames, so they are poisoned on the way back.
"""
_SHRINK = f"""\
The contract is that of EXPAND. At no moment may a guest or an I/O reach a frame that the LPAR does not hold, so the
guest comes first here and the frames are freed last. The guest is asked (`WANTING`):

- It gives the frames up, and waits in its call until the matter is settled: LIPs, then IOPs, then its reply. It is
  not stopped.
- It refuses: `GUEST_REFUSED`, and nothing was changed.
- It does not answer within {format_duration(SHRINK_ANSWER_NS)}, or cannot be asked: it is brought to a standstill as
  for a move, and the frames go if they were never used (`PROVING`); else `STORAGE_IN_USE`.
"""
_DEFINE = """\
The definition counts when the operation has completed; until then the LPAR is what it was, or is not there. It owns
nothing yet. What is wrong with names, sizes, LIPs and devices is refused at once; whether there is such a guest, and it
takes its options, is looked up here.
"""
_ACTIVATE = """\
An LPAR that is defined gets a zone, where its definition says or where it fits. The zone is cleared before anybody
knows of it; then LIP control and the IOPs are told, which can't be called back any more.
"""
_IPL = """\
IPL loads a guest into an LPAR that is active. A guest that is there, or a check-stop, is ended first by a
*system reset*: the LIPs leave it for good, its I/O is cleared at every IOP, its pending interruptions are gone. After
it nothing from before can reach the LPAR, and the guest's life is verified. Contract, the same for DEACTIVATE: *until
the reset begins, all ends as if nothing had happened; from then on the operation goes through.* One exception: the new
guest can't be made (`IPL_FAILED`); then the LPAR is left active, without a guest.
"""
_STOP = """\
A guest that runs is stopped as by step 201, and stays so until START, IPL or DEACTIVATE, whatever moves or resizes its
LPAR meanwhile. Its I/O goes on. One that turns out to have failed is left as it is.
"""
_START = """\
The counterpart of STOP: SIE, at the zone that the LPAR has now.
"""
_DEACTIVATE = """\
The LPAR gives up all that it has and is what it was after DEFINE. A guest is ended first, by the system reset of IPL;
then the IOPs forget the LPAR, and its frames are poisoned before they are free.
"""

_LIVES = "lifecycle.py"

DRAWN: tuple[Drawn, ...] = (
    Drawn("MVSTOR and XCHSTOR", "relocation.py", _MOVE, Relocation, _relocations),
    Drawn("EXPAND", "resizing.py", _EXPAND, Expansion, _expansions),
    Drawn("SHRINK", "resizing.py", _SHRINK, Shrinkage, _shrinkages),
    Drawn("DEFINE", _LIVES, _DEFINE, lives.DefineOperation, _lifecycles(lives.DefineOperation, _same)),
    Drawn("ACTIVATE", _LIVES, _ACTIVATE, lives.ActivateOperation, _lifecycles(lives.ActivateOperation, _changed)),
    Drawn("IPL", _LIVES, _IPL, lives.LoadOperation, _lifecycles(lives.LoadOperation, _changed)),
    Drawn("STOP", _LIVES, _STOP, lives.HoldOperation, _lifecycles(lives.HoldOperation, _changed)),
    Drawn("START", _LIVES, _START, lives.UnholdOperation, _lifecycles(lives.UnholdOperation, _changed)),
    Drawn("DEACTIVATE", _LIVES, _DEACTIVATE, lives.DeactivateOperation,
          _lifecycles(lives.DeactivateOperation, _freed)),
)  # fmt: skip


def undrawn() -> list[str]:
    """Kinds of operations that have no section."""
    drawn = {one.record for one in DRAWN}
    return [record.__name__ for record in KINDS if record not in drawn]
