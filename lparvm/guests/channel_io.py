"""Input and output for guests written in Python: start a channel program, and wait for its end.

All are generators, for `yield from` in a guest's program, and yield nothing but requests:

    scsw = yield from run_program(device, Orb(program=0x2000))
    if isinstance(scsw, int):
        ...  # not operational: condition code 3
    elif scsw.ended_normally:
        ...  # channel end and device end; scsw.count is the residual count

One processor at a time does I/O with a device: an I/O interruption goes to *any* processor that waits enabled
for the device, and whoever makes TEST SUBCHANNEL clears the status for all.
"""

from collections.abc import Generator
from typing import Any

from lparvm.arch.interception import (
    ClearSubchannel,
    Request,
    StartSubchannel,
    Tested,
    TestSubchannel,
    WaitForInterruption,
)
from lparvm.arch.interruption import IoInterruption
from lparvm.arch.subchannel import ConditionCode, Orb, Scsw

BUSY_WAIT_NS = 1_000_000
"""How long to wait before a start that found the subchannel busy is tried again."""


def test(device: int) -> Generator[Request, Any, Scsw | None]:
    """TEST SUBCHANNEL: the status that was pending, and is cleared now; None: there was none."""
    tested: Tested = yield TestSubchannel(device)
    if tested.condition_code != ConditionCode.DONE:
        return None
    assert tested.irb is not None, "condition code 0 comes with an IRB"
    return tested.irb.scsw


test.__test__ = False  # type: ignore[attr-defined]  # an instruction, whatever pytest makes of its name


def start(
    device: int, orb: Orb, *, duration_ns: int | None = None, unsolicited: list[Scsw] | None = None
) -> Generator[Request, Any, int]:
    """START SUBCHANNEL, tried until it is accepted or can't be.

    Status that is pending from before is cleared by TEST SUBCHANNEL. While the subchannel is busy with an
    earlier function, this processor waits.

    Args:
        device: device number.
        orb: the operation-request block.
        duration_ns: how long to wait for a busy subchannel, about; None: as long as it takes.
        unsolicited: takes the status that was pending from before; None: it is dropped.

    Returns:
        The condition code: 0 accepted; 2 still busy when the time was over; 3 not operational.
    """
    waited_ns = 0
    while True:
        code: int = yield StartSubchannel(device, orb)
        if code == ConditionCode.STATUS_PENDING:
            status = yield from test(device)
            if status is not None and unsolicited is not None:
                unsolicited.append(status)
        elif code == ConditionCode.BUSY and (duration_ns is None or waited_ns < duration_ns):
            yield WaitForInterruption(duration_ns=BUSY_WAIT_NS)
            waited_ns += BUSY_WAIT_NS
        else:
            return code


def await_status(device: int, duration_ns: int | None = None) -> Generator[Request, Any, Scsw | None]:
    """Wait for an interruption of the device and clear its status, of whatever sort, by TEST SUBCHANNEL.

    For guests that want to see intermediate status (a suspended program, a program-controlled interruption)
    or attention.

    Args:
        device: device number.
        duration_ns: how long to wait; None: as long as it takes.

    Returns:
        The SCSW as it was with the status; None: the time is over.
    """
    while True:
        interruption: IoInterruption | None = yield WaitForInterruption((device,), duration_ns)
        if interruption is None:
            return None
        status = yield from test(device)
        if status is not None:
            return status


def await_end(
    device: int, duration_ns: int | None = None, *, unsolicited: list[Scsw] | None = None
) -> Generator[Request, Any, Scsw | None]:
    """Wait for the end of the start, halt or clear function that was accepted; `start` comes before.

    Intermediate status is cleared and passed over: a program that suspends itself must be resumed by another
    processor, or see `await_status`.

    Args:
        device: device number.
        duration_ns: how long to wait for each status; None: as long as it takes. May be called again when it
            is over.
        unsolicited: takes status that belongs to no function, such as attention; None: it is dropped.

    Returns:
        The SCSW of the end, its status cleared by TEST SUBCHANNEL; None: the time is over.
    """
    while True:
        status = yield from await_status(device, duration_ns)
        if status is None or (status.ended and status.function):
            return status
        if not status.function and unsolicited is not None:
            unsolicited.append(status)


def run_program(
    device: int, orb: Orb, *, duration_ns: int | None = None, unsolicited: list[Scsw] | None = None
) -> Generator[Request, Any, Scsw | int]:
    """Run a channel program to its end: START SUBCHANNEL, wait, TEST SUBCHANNEL.

    Args:
        device: device number.
        orb: the operation-request block: where the channel program lies, its key, and so on.
        duration_ns: how long to wait for each status; when it is over the subchannel is cleared (CLEAR
            SUBCHANNEL) and the SCSW has the clear function. Also how long a busy subchannel is waited for.
            None: as long as it takes.
        unsolicited: takes status of the device that is not of this start; None: it is dropped.

    Returns:
        The SCSW with which the start ended (`Scsw.ended_normally` tells how), also one halted or cleared; or
        the condition code where the start was not accepted: 3 not operational, 2 busy until the time was over.
    """
    code = yield from start(device, orb, duration_ns=duration_ns, unsolicited=unsolicited)
    if code != ConditionCode.DONE:
        return code
    ended = yield from await_end(device, duration_ns, unsolicited=unsolicited)
    while ended is None:
        yield ClearSubchannel(device)
        ended = yield from await_end(device, duration_ns, unsolicited=unsolicited)
    return ended
