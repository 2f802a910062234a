"""What is known of an expansion before it is given: judged on the LPAR frame, by LPAR control's own policies.

A command that moves LPARs to expand one of them should not stop a guest for an expansion that can't be. What is
told here is told in the words of EXPAND itself. Whether there is room is another matter: see `room_after`.
"""

from collections.abc import Mapping

from attrs import evolve

from lparvm.arch.address import Holding, HoldingKind, Zone
from lparvm.protocol import commands as c
from lparvm.protocol import messages as m
from lparvm.protocol.admission import Circumstances, Denied, admit_move
from lparvm.protocol.command_orders import move_of
from lparvm.protocol.composite_parts import Frame
from lparvm.protocol.lpar_entry import NO_ZONE, LparEntry, LparState, Stage
from lparvm.protocol.outcomes import denied_outcome
from lparvm.protocol.relocation_record import Denial, Relocation
from lparvm.protocol.resizing_admission import admit_expand, reach
from lparvm.protocol.resizing_outcomes import resized_outcome
from lparvm.protocol.resizing_record import Expansion
from lparvm.protocol.results import Outcome, Result

# The map tells areas beside zones without their holders; each is held by an LPAR, and no other can grow there.
_SOMEBODY = "another LPAR"


def refusal_of(
    frame: Frame, lpar: str, extent: int | None, held: Mapping[str, str] | None = None
) -> Outcome | None:
    """Why an LPAR can't be expanded, whatever room there is: it is unknown, not fit, or has that much already.

    Args:
        frame: the LPAR frame now.
        lpar: which one.
        extent: its new extent, in frames; None: as far as it goes.
        held: LPAR -> the operation that holds it; None: that is not asked.

    Returns:
        What EXPAND would be answered; None: it may begin.
    """
    decided = admit_expand(m.ExpandStorage("", lpar, extent), _circumstances(frame, held or {}))
    return denied_outcome(decided) if isinstance(decided, Denied) else None


def room_after(frame: Frame, command: c.MoveStor, lpar: str, extent: int | None) -> int | Outcome:
    """How far an LPAR, which is not the one moved, can grow once a move is done.

    Args:
        frame: the LPAR frame before the move.
        command: the move.
        lpar: which one is to grow; `refusal_of` has nothing against it.
        extent: its new extent, in frames; None: as far as it goes.

    Returns:
        The new extent, in frames; or what EXPAND would be answered then.
    """
    zones = dict(frame.layout)
    move = admit_move(move_of("", command), _circumstances(frame, {}))
    if isinstance(move, Relocation):
        zones[command.lpar] = move.parties[0].target
    holdings = [Holding(name, zone) for name, zone in zones.items()]
    holdings += [Holding(_SOMEBODY, area, HoldingKind.RESERVED) for area in frame.beside]
    reached = reach(lpar, extent, holdings, frame.retired, frame.frame_count)
    if not isinstance(reached, Denial):
        return reached
    record = admit_expand(m.ExpandStorage("", lpar, extent), _circumstances(frame, {}))
    assert isinstance(record, Expansion), "nothing is against it but the room"
    return resized_outcome(evolve(record, denied=reached, result=Result.NO_ROOM), ())


def _circumstances(frame: Frame, held: Mapping[str, str]) -> Circumstances:
    entries = {
        row.name: LparEntry(
            row.name, Zone(row.origin, row.size), (), (), check_stopped=row.state == LparState.CHECK_STOPPED
        )
        for row in frame.rows
    }
    entries |= {name: LparEntry(name, NO_ZONE, (), (), stage=Stage.DEFINED) for name in frame.inactive}
    return Circumstances(entries, held, 0, frame.frame_count)
