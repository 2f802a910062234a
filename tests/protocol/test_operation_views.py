import pytest
from attrs import evolve

from lparvm.arch.address import Zone
from lparvm.protocol.displays import OperationView
from lparvm.protocol.lifecycle_record import (
    ActivateOperation,
    DeactivateOperation,
    DefineOperation,
    HoldOperation,
    LoadOperation,
    UnholdOperation,
)
from lparvm.protocol.lpar_entry import Definition, LparEntry
from lparvm.protocol.operation_views import view_of_record
from lparvm.protocol.operations import KINDS
from lparvm.protocol.phases import State
from lparvm.protocol.progress import Gauge
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.resizing_record import Expansion, Shrinkage
from lparvm.protocol.standstill_record import Party

M = 256  # frames of a MiB
MOVE = Relocation(op="op.3", state=State.MOVING, parties=(Party("A", Zone(0, M), Zone(8 * M, M)),))


def test_a_move_shows_where_it_leads_and_how_far_it_is():
    gauge = Gauge().advance("MOVING", 0, M, 0).advance("MOVING", M // 2, M, 5)
    assert view_of_record(MOVE, gauge) == OperationView("op.3", "MVSTOR", ("A",), "MOVING", "to 8M", 50, 5)


def test_an_exchange_shows_both_targets():
    exchange = evolve(MOVE, parties=(*MOVE.parties, Party("B", Zone(8 * M, M), Zone(0, M))))
    assert view_of_record(exchange) == OperationView(
        "op.3", "XCHSTOR", ("A", "B"), "MOVING", "A to 8M, B to 0"
    )


ENTRY = LparEntry("A", Zone(0, M), (), ("LIP1",), definition=Definition(M))
LIVES = {
    "DEFINE": DefineOperation, "ACTIVATE": ActivateOperation, "STOP": HoldOperation, "START": UnholdOperation,
    "DEACTIVATE": DeactivateOperation, "IPL": LoadOperation,
}  # fmt: skip


@pytest.mark.parametrize("verb", LIVES)
def test_the_coming_and_going_of_an_lpar_is_shown_by_its_command(verb: str):
    more = {"definition": ENTRY.definition} if verb == "IPL" else {}
    record = LIVES[verb](op="op.4", state=State.STOPPING, before=ENTRY, now=ENTRY, **more)
    assert view_of_record(record) == OperationView("op.4", verb, ("A",), "STOPPING", "")


def test_expand_and_shrink_show_the_size():
    party = Party("A", Zone(0, M), Zone(0, 2 * M))
    expansion = Expansion(op="op.5", state=State.RAISING_LIMITS, parties=(party,), wanted=2 * M)
    assert view_of_record(expansion) == OperationView("op.5", "EXPAND", ("A",), "EXTENDING", "to 2M")
    shrinkage = Shrinkage(op="op.6", state=State.WANTING, parties=(Party("A", Zone(0, 2 * M), Zone(0, M)),))
    assert view_of_record(shrinkage) == OperationView("op.6", "SHRINK", ("A",), "ASKING", "to 1M")


def test_every_kind_of_operation_has_been_shown():
    assert {*LIVES.values(), Relocation, Expansion, Shrinkage} == set(KINDS)
