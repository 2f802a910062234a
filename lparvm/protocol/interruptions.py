"""Which guest processor gets which I/O interruption: LIP control's decision, pure.

An I/O interruption is floating: it belongs to the LPAR, and any of its processors may take it that waits enabled
for it: for the device, and for the interruption subclass. Rules of priority:

1. The interruption with the lowest subclass goes first, of those alike the oldest (`channel_subsystem.pending`).
2. Of several enabled waiting processors the one with the lowest CPU address takes it.

A processor takes one interruption with each wait. Nothing is presented while the guest is not in SIE, from the
order to stop until its restart is answered, nor ever after it failed: what is pending stays so, and is presented
after SIE. Invariant: an interruption is pending, or was taken or cleared, once.
"""

from attrs import frozen

from lparvm.arch.interruption import IoInterruption
from lparvm.protocol import channel_subsystem as cs


@frozen
class Wait:
    """A guest processor in the wait state.

    Attributes:
        lip: the LIP that runs it.
        cpu_address: its number in the guest.
        number: of the wait: names it to its timer.
        devices: device numbers that it is enabled for; None: all.
        classes: interruption-subclass mask, 0x80 for subclass 0.
    """

    lip: str
    cpu_address: int
    number: int
    devices: tuple[int, ...] | None
    classes: int = 0xFF


@frozen
class Presented:
    """A processor takes an interruption."""

    lip: str
    number: int
    interruption: IoInterruption


Waits = tuple[Wait, ...]
"""The processors of an LPAR that wait, in the order in which they began."""


def present(
    waits: Waits, subsystem: cs.ChannelSubsystem, *, in_sie: bool
) -> tuple[Waits, cs.ChannelSubsystem, tuple[Presented, ...]]:
    """Give what is pending to those who wait for it.

    Args:
        waits: who waits.
        subsystem: what is pending.
        in_sie: whether the guest runs: it does not from StopGuest until GuestRestarted, nor after it failed.

    Returns:
        Who goes on waiting, what is left pending, and who took what.
    """
    if not (in_sie and waits):
        return waits, subsystem, ()
    presented: list[Presented] = []
    for one in cs.pending(subsystem):
        taking = [wait for wait in waits if cs.enabled(one.interruption, wait.devices, wait.classes)]
        if taking:
            taker = min(taking, key=lambda wait: wait.cpu_address)
            waits = end_wait(waits, taker.number)
            subsystem = cs.take(subsystem, one.number)
            presented.append(Presented(taker.lip, one.number, one.interruption))
    return waits, subsystem, tuple(presented)


def waiting(waits: Waits, number: int) -> bool:
    """Whether this wait goes on: no interruption ended it."""
    return any(wait.number == number for wait in waits)


def end_wait(waits: Waits, number: int) -> Waits:
    """A wait is over: its time, or an interruption; nothing, where it was over before."""
    return tuple(wait for wait in waits if wait.number != number)
