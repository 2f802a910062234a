"""Interceptions: why SIE ended (ESA/390 Interpretive Execution; patent: "LIP control simulates").

`Guest.run` returns exactly one of these. Those with an operand for LIP control are *requests*: the guest
goes on with the reply that the simulation puts in the state description. A request that is none is refused
where the guest makes it, by a ValueError or TypeError: it is the guest that fails, not the machine.
"""

import operator
from collections.abc import Iterable
from typing import Any

from attrs import Attribute, field, frozen


def _not_negative(_request: object, attribute: "Attribute[Any]", value: int | None) -> None:
    if value is not None and value < 0:
        raise ValueError(f"{attribute.name} is {value}; expected 0 or more")


def _device_numbers(devices: Iterable[int]) -> tuple[int, ...]:
    return tuple(operator.index(device) for device in devices)


def _duration(duration_ns: int | None) -> int | None:
    return None if duration_ns is None else operator.index(duration_ns)


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

    device: int = field(converter=operator.index, validator=_not_negative)
    program: int = field(converter=operator.index, validator=_not_negative)
    key: int = field(default=0, converter=operator.index)

    @key.validator
    def _is_key(self, _attribute: object, key: int) -> None:
        if not 0 <= key <= 15:
            raise ValueError(f"key is {key}; expected 0 to 15")


@frozen
class WaitForInterruption:
    """Load a wait PSW; the reply is an `IoInterruption`, or None when the time is over.

    Attributes:
        devices: device numbers whose interruptions this processor is enabled for; empty: none.
        duration_ns: clock-comparator time from now; None: no end.
    """

    devices: tuple[int, ...] = field(default=(), converter=_device_numbers)
    duration_ns: int | None = field(default=None, converter=_duration, validator=_not_negative)


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
