"""Which guest processor gets which I/O interruption: LIP control's decision, pure.

An I/O interruption is floating: it belongs to the LPAR, and any of its processors that waits enabled for the
device may take it. The lowest CPU address waiting gets it; of several pending ones for a processor the
oldest comes first. Invariant: an interruption is either pending or was delivered, once.
"""

from attrs import evolve, frozen

from lparvm.arch.interruption import IoInterruption


@frozen
class Wait:
    """A guest processor in the wait state, enabled for the interruptions of `devices`."""

    lip: str
    cpu_address: int
    number: int
    devices: tuple[int, ...]


@frozen
class Interruptions:
    """What is pending for an LPAR, oldest first, and who waits."""

    pending: tuple[IoInterruption, ...] = ()
    waits: tuple[Wait, ...] = ()


Delivery = tuple[str, IoInterruption | None]
"""(LIP, interruption); None: the time of the wait is over."""


def begin_wait(state: Interruptions, wait: Wait) -> tuple[Interruptions, Delivery | None]:
    """A processor begins to wait; what is pending for it is delivered at once."""
    for interruption in state.pending:
        if interruption.device in wait.devices:
            left = tuple(other for other in state.pending if other is not interruption)
            return evolve(state, pending=left), (wait.lip, interruption)
    return evolve(state, waits=(*state.waits, wait)), None


def present(state: Interruptions, interruption: IoInterruption) -> tuple[Interruptions, Delivery | None]:
    """An interruption arrives: to the lowest enabled waiting processor, or it stays pending."""
    enabled = [wait for wait in state.waits if interruption.device in wait.devices]
    if not enabled:
        return evolve(state, pending=(*state.pending, interruption)), None
    taker = min(enabled, key=lambda wait: wait.cpu_address)
    return evolve(state, waits=_without(state, taker.number)), (taker.lip, interruption)


def time_out(state: Interruptions, number: int) -> tuple[Interruptions, Delivery | None]:
    """The time of a wait is over; nothing, if it ended by an interruption before."""
    for wait in state.waits:
        if wait.number == number:
            return evolve(state, waits=_without(state, number)), (wait.lip, None)
    return state, None


def _without(state: Interruptions, number: int) -> tuple[Wait, ...]:
    return tuple(wait for wait in state.waits if wait.number != number)
