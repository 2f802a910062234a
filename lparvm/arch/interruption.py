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
    """What an I/O interruption tells the guest: which subchannel has status. TEST SUBCHANNEL tells the status.

    Attributes:
        device: device number of the subchannel.
        subchannel: subchannel number; the subsystem-identification word is 0x00010000 plus this.
        parameter: interruption parameter, 32 bits: of the start's ORB, or the subchannel's own.
        isc: interruption subclass, 0 to 7.
    """

    device: int
    subchannel: int
    parameter: int
    isc: int
