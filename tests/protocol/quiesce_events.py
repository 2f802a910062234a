"""Events of step 202, and the relocation's machine played through them."""

from collections.abc import Iterable

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation as machine
from lparvm.protocol.busy_devices import Busy
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.standstill_record import Party

OP, LPAR = "op.1", "LPAR2"
ABOUT = (OP, LPAR)
PARTY = Party(LPAR, Zone(128, 256), Zone(192, 256), ("IOP1", "IOP2"), ("LIP1",))


def device(number: int, iop: str = "IOP1", bytes_left: int = 512) -> m.BusyDevice:
    return m.BusyDevice(number, iop, 0, "READ", 0x06, 0x1000, bytes_left, 5, ((1, 2),), LPAR)


def busy(iop: str, *numbers: int, attempt: int = 0, bytes_left: int = 512) -> m.IopBusy:
    devices = tuple(device(number, iop, bytes_left) for number in numbers)
    return m.IopBusy(OP, LPAR, iop, devices, attempt)


def quiet(iop: str) -> m.IopQuiesced:
    return m.IopQuiesced(OP, LPAR, iop)


TO_QUIESCING = (m.AreasFree(OP), m.TargetPrepared(OP), m.GuestStopped(*ABOUT))
TIMEOUT, REMINDER, GRACE = m.QuiesceTimedOut(OP), m.BusyReminderDue(OP), m.HaltTimedOut(OP)
CANCEL = m.CancelOperation("op.2", OP)
BACK = (
    m.AddressLimitsSet(OP), m.GuestRestarted(OP, LPAR, ()),
    m.HeldStartsReleased(OP, LPAR, "IOP1", 0), m.HeldStartsReleased(OP, LPAR, "IOP2", 0),
)  # fmt: skip


def play(events: Iterable[object], policy: Busy = Busy.REFUSE) -> tuple[Relocation, list[o.Command]]:
    """From the order to quiesce two IOPs through all events: the last record, and all orders since."""
    record = Relocation(op=OP, parties=(PARTY,), stop_ns=10, quiesce_ns=20, busy=policy)
    record, _ = machine.enter(record)
    all_orders: list[o.Command] = []
    for event in (*TO_QUIESCING, *events):
        record, orders = machine.advance(record, event)
        all_orders += orders
    return record, all_orders


def notices(orders: Iterable[o.Command]) -> list[tuple[str, str]]:
    return [(order.code, order.text) for order in orders if isinstance(order, o.Notify)]


def posts(orders: Iterable[o.Command], *kinds: type) -> list[tuple[str, object]]:
    return [
        (order.to, order.message)
        for order in orders
        if isinstance(order, o.Post) and isinstance(order.message, kinds)
    ]
