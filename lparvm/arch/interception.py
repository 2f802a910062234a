"""Interceptions: why SIE ended (ESA/390 Interpretive Execution; patent: "LIP control simulates").

`Guest.run` returns exactly one of these. Those with an operand for LIP control are *requests*: the guest
goes on with the reply that the simulation puts in the state description.
"""

from attrs import frozen


@frozen
class TimeSliceEnded:
    """The budget is used up; the guest can go on at once."""


@frozen
class StartSubchannel:
    """START SUBCHANNEL for a device; the reply is the condition code (int).

    0 accepted, 2 busy with an earlier start, 3 not operational (no such device).

    Attributes:
        device: device number.
        program: guest absolute address of the first CCW (format 1).
        key: the subchannel key of the ORB, 0 to 15: the access key of the channel program.
    """

    device: int
    program: int
    key: int = 0


@frozen
class WaitForInterruption:
    """Load a wait PSW; the reply is an `IoInterruption`, or None when the time is over.

    Attributes:
        devices: device numbers whose interruptions this processor is enabled for; empty: none.
        duration_ns: clock-comparator time from now; None: no end.
    """

    devices: tuple[int, ...] = ()
    duration_ns: int | None = None


@frozen
class ProgramEnded:
    """The guest loaded a disabled wait PSW: this processor has no more to do."""


@frozen
class ProgramCheck:
    """A program interruption that the guest has no handler for.

    Attributes:
        code: program-interruption code.
        address: guest absolute address.
    """

    code: int
    address: int


@frozen
class GuestError:
    """The guest program itself failed: an exception of its Python code.

    Attributes:
        text: the exception in one line, with the guest's own file and line.
    """

    text: str


Request = StartSubchannel | WaitForInterruption
Interception = (
    TimeSliceEnded | StartSubchannel | WaitForInterruption | ProgramEnded | ProgramCheck | GuestError
)
