"""Interceptions: why SIE ended (ESA/390 Interpretive Execution; patent: "LIP control simulates").

`Guest.run` returns exactly one of these. Those with an operand for LIP control are *requests*: the guest
goes on with the reply that the simulation puts in the state description. A request that is none is refused
where the guest makes it, by a ValueError or TypeError: it is the guest that fails, not the machine.

The I/O requests are the I/O instructions (Principles of Operation, chapter 14). They name a subchannel by its
device number; one that the LPAR has not is condition code 3. SERVICE CALL is the guest's way to the service processor.
"""

import operator
from collections.abc import Iterable
from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import instance_of

from lparvm.arch.service_signal import ServiceAnswer
from lparvm.arch.subchannel import ISC_MAX, Irb, LimitMode, Orb, Schib

ALL_CLASSES = 0xFF
"""Interruption-subclass mask: enabled for all eight."""


def _not_negative(_request: object, attribute: "Attribute[Any]", value: int | None) -> None:
    if value is not None and value < 0:
        raise ValueError(f"{attribute.name} is {value}; expected 0 or more")


def _in_range(lowest: int, highest: int) -> Any:
    def check(_request: object, attribute: "Attribute[Any]", value: int) -> None:
        if not lowest <= value <= highest:
            raise ValueError(f"{attribute.name} is {value}; expected {lowest} to {highest}")

    return check


def _device_numbers(devices: Iterable[int] | None) -> tuple[int, ...] | None:
    return None if devices is None else tuple(operator.index(device) for device in devices)


def _duration(duration_ns: int | None) -> int | None:
    return None if duration_ns is None else operator.index(duration_ns)


def _orb(orb: Orb) -> Orb:
    """An ORB whose fields a channel subsystem can work with; ints of any sort become ints."""
    if not isinstance(orb, Orb):
        raise TypeError(f"orb is {orb!r:.60}; expected an Orb")
    for name, highest in (("program", None), ("key", 15), ("parameter", 0xFFFFFFFF), ("path_mask", 0xFF)):
        value = operator.index(getattr(orb, name))
        if value < 0 or (highest is not None and value > highest):
            expected = "0 or more" if highest is None else f"0 to {highest}"
            raise ValueError(f"{name} is {value}; expected {expected}")
    return Orb(
        operator.index(orb.program), operator.index(orb.key), operator.index(orb.parameter),
        bool(orb.format_1), bool(orb.suspend_control), bool(orb.suppress_suspended),
        bool(orb.address_limit), operator.index(orb.path_mask),
        bool(orb.format_2_idaws),
    )  # fmt: skip


@frozen
class TimeSliceEnded:
    """The budget is used up; the guest can go on at once."""


@frozen
class _Io:
    """An I/O instruction.

    Attributes:
        device: device number of the subchannel.
    """

    device: int = field(converter=operator.index, validator=_not_negative)


@frozen
class StartSubchannel(_Io):
    """START SUBCHANNEL; the reply is the condition code (int).

    0 accepted; 1 status pending (TEST SUBCHANNEL first); 2 busy with an earlier function; 3 not operational:
    no such subchannel, not enabled, or no path.

    Attributes:
        orb: the operation-request block.
    """

    orb: Orb = field(converter=_orb)


@frozen
class HaltSubchannel(_Io):
    """HALT SUBCHANNEL; the reply is the condition code (int).

    0 accepted: the device is told to end, status follows; 1 status pending; 2 busy: a halt or clear is under
    way; 3 not operational.
    """


@frozen
class ClearSubchannel(_Io):
    """CLEAR SUBCHANNEL; the reply is the condition code (int): 0 accepted, status follows; 3 not operational."""


@frozen
class ResumeSubchannel(_Io):
    """RESUME SUBCHANNEL; the reply is the condition code (int).

    0 accepted; 1 status pending; 2 no program that may be resumed; 3 not operational.
    """


@frozen
class TestSubchannel(_Io):
    """TEST SUBCHANNEL; the reply is a `Tested`: 0 status was pending and is cleared; 1 it was not; 3."""

    __test__ = False  # not a test, whatever pytest makes of its name


@frozen
class StoreSubchannel(_Io):
    """STORE SUBCHANNEL; the reply is a `Stored`: 0, or 3 and no SCHIB."""


@frozen
class ModifySubchannel(_Io):
    """MODIFY SUBCHANNEL; the reply is the condition code (int).

    0 done; 1 status pending; 2 busy; 3 not operational.

    Attributes:
        parameter: interruption parameter for unsolicited status, 32 bits.
        isc: interruption subclass, 0 to 7.
        enabled: whether the subchannel accepts a start.
        limit_mode: how data addresses are checked, where an ORB asks for it.
    """

    parameter: int = field(default=0, converter=operator.index, validator=_in_range(0, 0xFFFFFFFF))
    isc: int = field(default=0, converter=operator.index, validator=_in_range(0, ISC_MAX))
    enabled: bool = field(default=True, converter=bool)
    limit_mode: LimitMode = field(default=LimitMode.NONE, converter=LimitMode)


@frozen
class SetAddressLimit:
    """SET ADDRESS LIMIT for all subchannels of the LPAR; the reply is None.

    Attributes:
        limit: guest absolute address, a multiple of 64 KiB, below 2 GiB; 0 at first.
    """

    limit: int = field(converter=operator.index)

    @limit.validator
    def _is_limit(self, _attribute: object, limit: int) -> None:
        if not 0 <= limit < 1 << 31 or limit & 0xFFFF:
            raise ValueError(f"limit is {limit:#x}; expected a multiple of 64 KiB below 2 GiB")


@frozen
class TestPendingInterruption:
    """TEST PENDING INTERRUPTION; the reply is an `IoInterruption`, which is cleared, or None.

    Attributes:
        devices: device numbers asked about; None: all.
        classes: interruption-subclass mask, 0x80 for subclass 0.
    """

    __test__ = False  # not a test, whatever pytest makes of its name

    devices: tuple[int, ...] | None = field(default=None, converter=_device_numbers)
    classes: int = field(default=ALL_CLASSES, converter=operator.index, validator=_in_range(0, 0xFF))


@frozen
class WaitForInterruption:
    """Load a wait PSW; the reply is an `IoInterruption`, or None when the time is over.

    A service signal ends the wait too, by the reply None, as if the time were over. A guest's handler then runs
    first; the processor may load its wait PSW again after it.

    Attributes:
        devices: device numbers whose interruptions this processor is enabled for; empty: none; None: all.
        duration_ns: clock-comparator time from now; None: no end.
        classes: interruption-subclass mask, 0x80 for subclass 0 (control register 6).
    """

    devices: tuple[int, ...] | None = field(default=(), converter=_device_numbers)
    duration_ns: int | None = field(default=None, converter=_duration, validator=_not_negative)
    classes: int = field(default=ALL_CLASSES, converter=operator.index, validator=_in_range(0, 0xFF))


@frozen
class ServiceCall:
    """SERVICE CALL: answer a service signal; the reply is the zone's extent that is in force (int, frames).

    The reply to `StorageGivenUp` comes when the zone has the new extent on every LIP; or, where the storage is not
    taken after all, the zone's extent is as before.

    Attributes:
        answer: to the signal.
    """

    answer: ServiceAnswer = field(validator=instance_of(ServiceAnswer))


@frozen
class Tested:
    """Reply to TEST SUBCHANNEL.

    Attributes:
        condition_code: 0: status was pending; 1: it was not; 3: not operational.
        irb: the interruption-response block; None with condition code 3.
    """

    condition_code: int
    irb: Irb | None = field(default=None, validator=instance_of(Irb | None))


@frozen
class Stored:
    """Reply to STORE SUBCHANNEL.

    Attributes:
        condition_code: 0, or 3: not operational.
        schib: the subchannel-information block; None with condition code 3.
    """

    condition_code: int
    schib: Schib | None = None


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


IoRequest = (
    StartSubchannel | HaltSubchannel | ClearSubchannel | ResumeSubchannel | TestSubchannel | StoreSubchannel
    | ModifySubchannel | SetAddressLimit | TestPendingInterruption
)  # fmt: skip
Request = IoRequest | WaitForInterruption | ServiceCall
Interception = TimeSliceEnded | Request | ProgramEnded | ProgramCheck | GuestError
REQUESTS: tuple[type[Request], ...] = (
    StartSubchannel, HaltSubchannel, ClearSubchannel, ResumeSubchannel, TestSubchannel, StoreSubchannel,
    ModifySubchannel, SetAddressLimit, TestPendingInterruption, WaitForInterruption,
    ServiceCall,
)  # fmt: skip
"""The classes of `Request`."""
