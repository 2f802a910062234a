from attrs import evolve, field, frozen

from lparvm.arch.address import Zone
from lparvm.protocol.displays import OperationView
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.operation_views import view_of_record
from lparvm.protocol.phases import State
from lparvm.protocol.progress import Gauge
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.standstill_record import Party

M = 256  # frames of a MiB
MOVE = Relocation(op="op.3", state=State.MOVING, parties=(Party("A", Zone(0, M), Zone(8 * M, M)),))


@frozen(kw_only=True)
class Load(OperationRecord):
    """An operation of a kind that no view knows."""

    lpar: str = field(default="A")

    @property
    def lpars(self) -> tuple[str, ...]:
        return (self.lpar,)


def test_a_move_shows_where_it_leads_and_how_far_it_is():
    gauge = Gauge().advance("MOVING", 0, M, 0).advance("MOVING", M // 2, M, 5)
    assert view_of_record(MOVE, gauge) == OperationView("op.3", "MVSTOR", ("A",), "MOVING", "to 8M", 50, 5)


def test_an_exchange_shows_both_targets():
    exchange = evolve(MOVE, parties=(*MOVE.parties, Party("B", Zone(8 * M, M), Zone(0, M))))
    assert view_of_record(exchange) == OperationView(
        "op.3", "XCHSTOR", ("A", "B"), "MOVING", "A to 8M, B to 0"
    )


def test_any_other_operation_shows_its_kind_and_lpars():
    view = view_of_record(Load(op="op.4", state=State.STOPPING))
    assert view == OperationView("op.4", "LOAD", ("A",), "STOPPING", "")
