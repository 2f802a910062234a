"""Subchannels as a guest sees them: ORB, SCSW, IRB, PMCW and SCHIB (Principles of Operation, chapters 14 to 16).

All are frozen, and encode to the bytes that an instruction stores; a guest written in Python uses them as they
are. The fields that lparvm never sets (logging, measurement, extended status but the paths) are zeros.
"""

import enum

from attrs import frozen

from lparvm.arch.channel import ENDED, SubchannelStatus

ORB_BYTES = 12
SCSW_BYTES = 12
IRB_BYTES = 64
PMCW_BYTES = 28
SCHIB_BYTES = 52
PATHS_MAX = 8
ISC_MAX = 7


class ConditionCode(enum.IntEnum):
    """What the condition code of an I/O instruction means, by and large."""

    DONE = 0
    STATUS_PENDING = 1  # of TEST SUBCHANNEL: not status pending
    BUSY = 2
    NOT_OPERATIONAL = 3


class Function(enum.IntFlag):
    """Function control: which functions were accepted and not yet cleared by TEST SUBCHANNEL."""

    START = 4
    HALT = 2
    CLEAR = 1


class Activity(enum.IntFlag):
    """Activity control: what is under way."""

    RESUME_PENDING = 0x40
    START_PENDING = 0x20
    HALT_PENDING = 0x10
    CLEAR_PENDING = 0x08
    SUBCHANNEL_ACTIVE = 0x04
    DEVICE_ACTIVE = 0x02
    SUSPENDED = 0x01


class Status(enum.IntFlag):
    """Status control: which sort of status is pending."""

    ALERT = 0x10
    INTERMEDIATE = 0x08
    PRIMARY = 0x04
    SECONDARY = 0x02
    PENDING = 0x01


class LimitMode(enum.IntEnum):
    """Address-limit checking of a subchannel, against the limit that SET ADDRESS LIMIT gave the guest."""

    NONE = 0
    NOT_BELOW = 1  # data addresses must be equal to or above the limit
    BELOW = 2  # data addresses must be below it


_NO_FUNCTION, _NO_ACTIVITY, _NO_STATUS = Function(0), Activity(0), Status(0)


@frozen
class Orb:
    """The operation-request block: the operand of START SUBCHANNEL.

    Attributes:
        program: guest absolute address of the first CCW.
        key: the subchannel key, 0 to 15: the access key of the channel program.
        parameter: interruption parameter, 32 bits, given back with each interruption of this start.
        format_1: CCWs are of format 1, else format 0.
        suspend_control: the suspend flag of CCWs is obeyed, else it is a program check.
        suppress_suspended: no interruption when the program is suspended.
        address_limit: address-limit checking, as the subchannel's limit mode says.
        path_mask: logical paths that may be used, bit 0x80 for the first.
        format_2_idaws: IDAWs have 8 bytes, for blocks of 4 KiB; else 4 bytes, for blocks of 2 KiB.
    """

    program: int
    key: int = 0
    parameter: int = 0
    format_1: bool = True
    suspend_control: bool = False
    suppress_suspended: bool = False
    address_limit: bool = False
    path_mask: int = 0xFF
    format_2_idaws: bool = True

    def encode(self) -> bytes:
        """The twelve bytes in storage."""
        flags = self.key << 28 | self.suspend_control << 27 | self.format_1 << 23
        flags |= self.address_limit << 20 | self.suppress_suspended << 19
        flags |= self.format_2_idaws << 17 | self.path_mask << 8
        return b"".join(word.to_bytes(4, "big") for word in (self.parameter, flags, self.program))

    @classmethod
    def decode(cls, data: bytes) -> "Orb":
        """The ORB of twelve bytes of storage; what an ORB may not hold is not looked at here."""
        parameter, flags, program = (int.from_bytes(data[at : at + 4], "big") for at in (0, 4, 8))
        return cls(
            program, flags >> 28, parameter, bool(flags >> 23 & 1), bool(flags >> 27 & 1),
            bool(flags >> 19 & 1), bool(flags >> 20 & 1), flags >> 8 & 0xFF, bool(flags >> 17 & 1),
        )  # fmt: skip


@frozen
class Scsw:
    """The subchannel-status word.

    Attributes:
        key: subchannel key of the last start.
        suspend_control: of the last start's ORB; `format_1` likewise.
        deferred_code: deferred condition code: 3, where no path could be used after all.
        function: accepted functions.
        activity: what is under way.
        status: which status is pending.
        ccw_address: guest absolute; the last CCW used, plus 8.
        device_status: device status byte.
        subchannel_status: subchannel status byte.
        count: residual count in bytes.
    """

    key: int = 0
    suspend_control: bool = False
    format_1: bool = True
    deferred_code: int = 0
    function: Function = _NO_FUNCTION
    activity: Activity = _NO_ACTIVITY
    status: Status = _NO_STATUS
    ccw_address: int = 0
    device_status: int = 0
    subchannel_status: int = 0
    count: int = 0

    @property
    def pending(self) -> bool:
        """Whether status is pending."""
        return bool(self.status & Status.PENDING)

    @property
    def ended(self) -> bool:
        """Whether the start function has ended: primary and secondary status, or a deferred code."""
        return bool(self.status & Status.PENDING and not self.activity)

    @property
    def ended_normally(self) -> bool:
        """A start function that ended by channel end and device end, and nothing else.

        A program-controlled interruption may have come before, and be told with the end.
        """
        return (
            self.ended and self.function == Function.START and not self.deferred_code
            and self.device_status == ENDED
            and not self.subchannel_status & ~SubchannelStatus.PROGRAM_CONTROLLED
        )  # fmt: skip

    def encode(self) -> bytes:
        """The twelve bytes in storage."""
        word = self.key << 28 | self.suspend_control << 27 | self.deferred_code << 24 | self.format_1 << 23
        word |= int(self.function) << 12 | int(self.activity) << 5 | int(self.status)
        last = self.device_status << 24 | self.subchannel_status << 16 | self.count
        return b"".join(value.to_bytes(4, "big") for value in (word, self.ccw_address, last))


@frozen
class Pmcw:
    """The path-management-control word, as far as there is something to manage.

    Attributes:
        device: device number.
        parameter: interruption parameter for unsolicited status.
        isc: interruption subclass, 0 (first) to 7 (last).
        enabled: START SUBCHANNEL is accepted.
        limit_mode: see `LimitMode`.
        path_mask: installed logical paths, bit 0x80 for the first; all masks are alike.
        not_operational: paths found not operational.
        last_used: the path of the last start.
        operational: paths that are varied on.
    """

    device: int
    parameter: int = 0
    isc: int = 0
    enabled: bool = True
    limit_mode: LimitMode = LimitMode.NONE
    path_mask: int = 0
    not_operational: int = 0
    last_used: int = 0
    operational: int = 0

    def encode(self) -> bytes:
        """The 28 bytes in storage. Channel-path identifiers are the paths' numbers from 0."""
        flags = self.isc << 27 | self.enabled << 23 | int(self.limit_mode) << 21 | 1 << 16 | self.device
        masks = bytes((self.path_mask, self.not_operational, self.last_used, self.path_mask))
        more = bytes((0, 0, self.operational, self.operational))
        identifiers = bytes(number if self.path_mask << number & 0x80 else 0 for number in range(PATHS_MAX))
        words = self.parameter.to_bytes(4, "big") + flags.to_bytes(4, "big")
        return words + masks + more + identifiers + bytes(4)


@frozen
class Schib:
    """The subchannel-information block: what STORE SUBCHANNEL gives."""

    pmcw: Pmcw
    scsw: Scsw

    def encode(self) -> bytes:
        """The 52 bytes in storage; the model-dependent area is zeros."""
        return self.pmcw.encode() + self.scsw.encode() + bytes(SCHIB_BYTES - PMCW_BYTES - SCSW_BYTES)


@frozen
class Irb:
    """The interruption-response block: what TEST SUBCHANNEL gives.

    Attributes:
        scsw: the subchannel-status word as it was before TEST SUBCHANNEL cleared its status.
        path: the path of the last start as a mask, 0x80 for the first; 0: none.
    """

    scsw: Scsw
    path: int = 0

    def encode(self) -> bytes:
        """The 64 bytes in storage; of the extended status only the last-path-used mask is kept."""
        esw = bytes((0, self.path, 0, 0))
        return (self.scsw.encode() + esw).ljust(IRB_BYTES, b"\0")
