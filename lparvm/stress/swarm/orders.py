"""Draws what the operators will do: all commands, in conflict, cancelled at any time."""

from collections.abc import Sequence

from lparvm.dst.tape import Stream, Tape
from lparvm.stress.swarm.plan import Order

VERBS: tuple[tuple[str, int], ...] = (
    ("MVSTOR", 14), ("XCHSTOR", 5), ("MVSTOR-EXPAND", 2), ("EXPAND", 2), ("SHRINK", 2), ("PLAN-FREE", 1),
    ("PLAN-EXPAND", 1), ("STOP", 1), ("START", 2), ("DEACTIVATE", 3), ("DEFINE", 1), ("ACTIVATE", 2), ("IPL", 3),
    ("VARY", 3), ("DISPLAY", 1), ("CANCEL", 1), ("TEST", 1),
)  # fmt: skip
OPERATORS_MAX = 3
ORDERS = {"small": (1, 1, 2, 3), "mixed": (1, 2, 2, 4, 4, 4, 4, 6, 6, 8, 8, 8, 12, 16, 24, 120)}
_US, _MS = 1_000, 1_000_000
_WAITS_NS = (0, 0, 20 * _US, 200 * _US, _MS, 4 * _MS)
_CANCELS_NS = (0, 5 * _US, 20 * _US, 100 * _US, 300 * _US, _MS, 3 * _MS, 10 * _MS)
_PHASES = (
    "", "", "", "", "QUIESCING", "CHECKING", "MOVING", "NOTIFYING", "NOTIFYING", "RESTARTING", "BACKING_OUT",
    "SHRINKING", "EXTENDING", "LOADING",
)  # fmt: skip
_LATEST_CANCEL_NS = 10 * _MS
# On both sides of the devices' latencies.
_QUIESCE = (
    "QUIESCE=20ms",
    "QUIESCE=50us",
    "QUIESCE=500us",
    "QUIESCE=2ms",
    "QUIESCE=2ms",
    "QUIESCE=8ms",
    "QUIESCE=8ms",
    "",
)
_BUSY = ("", "BUSY=HALT", "BUSY=REFUSE", "BUSY=HALT", "", "BUSY=WAIT")
_STOP = ("", "", "", "", "STOP=1us", "STOP=100us", "STOP=1ms")


def draw_operators(tape: Tape, size: str) -> tuple[tuple[Order, ...], ...]:
    """What each operator does; from the stream `operators`, and one for each order."""
    stream = tape.stream("operators")
    count = 1 + stream.weighted(((0, 3), (1, 4), (2, 3)))
    number = stream.choice(ORDERS[size])
    orders = [_draw_order(tape.stream(f"order.{place:03}")) for place in range(number)]
    return tuple(_present(orders[place::count]) for place in range(count))


def _present(orders: Sequence[Order | None]) -> tuple[Order, ...]:
    return tuple(order for order in orders if order is not None)


def _draw_order(stream: Stream) -> Order | None:
    """An order; always the same number of draws, so that what it is changes nothing else."""
    there = stream.draw(16)
    verb = stream.weighted(VERBS)
    lpar, other, place, size = stream.draw(4), stream.draw(4), stream.draw(24), stream.draw(12)
    wait_ns = stream.choice(_WAITS_NS)
    cancelled, cancel_ns, by_lpar = stream.chance(1, 4), stream.choice(_CANCELS_NS), stream.chance(1, 3)
    phase = stream.choice(_PHASES)
    words = tuple(
        word for word in (stream.choice(_QUIESCE), stream.choice(_BUSY), stream.choice(_STOP)) if word
    )
    twice = stream.chance(1, 4)
    if not there:
        return None
    if phase:
        cancel_ns = _LATEST_CANCEL_NS
    return Order(
        verb,
        lpar,
        other,
        place,
        size,
        wait_ns,
        cancel_ns if cancelled else None,
        phase,
        by_lpar,
        words,
        twice,
    )
