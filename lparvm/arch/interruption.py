"""Interruptions that a guest sees (Principles of Operation, chapter 6)."""

import enum

from attrs import frozen


class ProgramCode(enum.IntEnum):
    """Program-interruption codes."""

    OPERATION = 0x0001
    PRIVILEGED_OPERATION = 0x0002
    PROTECTION = 0x0004
    ADDRESSING = 0x0005
    SPECIFICATION = 0x0006


class ProgramInterruption(Exception):  # noqa: N818 - the architecture's name, and a guest may expect it
    """An access or instruction of a guest ended in a program interruption.

    A Python guest may catch it where it makes the access, as a real one has a program-new PSW for it.
    Uncaught, it stops the guest's LPAR with a message; it is never a traceback.

    Attributes:
        code: the program-interruption code.
        address: guest absolute address of the access.
    """

    def __init__(self, code: ProgramCode, address: int) -> None:
        """Keep code and guest absolute address."""
        self.code, self.address = code, address
        super().__init__(
            f"program interruption {code:04X} ({code.name.lower()}) at guest absolute {address:#x}"
        )


@frozen
class IoInterruption:
    """What an I/O interruption tells the guest: which subchannel, and how the start function ended.

    The status fields are those of the SCSW (Principles of Operation, chapter 16), cut down to what ends
    a start function.
    """

    device: int
    device_status: int
    subchannel_status: int
    residual_count: int
    ccw_address: int

    @property
    def ended_normally(self) -> bool:
        """Channel end and device end, and nothing else."""
        return self.device_status == 0x0C and self.subchannel_status == 0
