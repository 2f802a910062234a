"""LIP control and the IOPs: the guests' own I/O, a start from its order to its end."""

from typing import ClassVar

from attrs import frozen

from lparvm.arch.channel import Ending
from lparvm.arch.subchannel import Function, Orb


@frozen
class StartIo:
    """LIP control -> IOP: run a channel program. It ends by one IoEnded or PathNotOperational.

    Attributes:
        start: number of the start, ascending in the LPAR: names it in messages and in the trace.
        limit: address-limit checking: lowest data address allowed, and the lowest not allowed; None: none.
    """

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    start: int
    orb: Orb
    limit: tuple[int, int] | None = None


@frozen
class ResumeIo:
    """LIP control -> IOP: a suspended channel program goes on with the CCW at which it was suspended."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    start: int


@frozen
class HaltIo:
    """LIP control -> IOP: tell the device to end. IoEnded of this start follows when it does."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    start: int


@frozen
class ClearIo:
    """LIP control -> IOP: give the start up. IoEnded follows at once, whatever the device does."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    start: int


@frozen
class IoBegan:
    """IOP -> LIP control: the start's channel program runs: subchannel and device are active."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    start: int
    iop: str


@frozen
class IoIntermediate:
    """IOP -> LIP control: a program-controlled interruption, or the program is suspended."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    start: int
    suspended: bool
    ccw_address: int


@frozen
class IoEnded:
    """IOP -> LIP control: a start ended. Exactly one for each start that an IOP took.

    Attributes:
        function: what ended it: `START` by itself, `HALT` or `CLEAR` by an order, of the guest or of 202.
    """

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    start: int
    iop: str
    function: Function
    ending: Ending


@frozen
class PathNotOperational:
    """IOP -> LIP control: the path is varied off; the start was not begun, another path may be tried."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    start: int
    iop: str


@frozen
class PathChanged:
    """IOP -> LIP control: a path to a device of the LPAR was varied."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    iop: str
    online: bool


@frozen
class StatusOffered:
    """IOP -> LIP control: a device has unsolicited status, such as attention."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    iop: str
    device_status: int


@frozen
class ChannelProgramEnded:
    """An IOP's channel program -> the IOP: it ended, with this status; `halted`: because it was told to."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int
    start: int
    ending: Ending
    halted: bool = False


@frozen
class DeviceFreed:
    """An IOP -> an IOP with a path to the same device: it is free, or was released; waiting starts may begin."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: str
    device: int


@frozen
class DeviceSignalled:
    """A device's own task -> its IOP: it has unsolicited status for the LPARs that use it."""

    PROTOCOL_LEVEL: ClassVar = False
    op: None
    lpar: None
    device: int
    device_status: int
