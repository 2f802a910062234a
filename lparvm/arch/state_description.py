"""The state description: the operand of SIE (patent step 210; ESA/390 Interpretive Execution).

One for each (LPAR, LIP) pair. The LIP owns it from SIE to the stop; nobody else writes it. A relocation
reaches a guest by one way only: SIE with a new origin sets `zone`, and every access translates by it.
"""

from typing import Any

from attrs import Factory, define

from lparvm.arch.address import Zone
from lparvm.arch.psw import Psw
from lparvm.arch.service_signal import ServiceSignal


@define
class StateDescription:
    """What SIE needs to run one guest processor.

    Attributes:
        lpar: name of the LPAR.
        lip: name of the LIP that runs it.
        cpu_address: the guest's own number for this processor, from 0.
        zone: main storage origin and extent, in host absolute frames.
        psw: program status word; its key is the access key of storage accesses.
        general_registers: sixteen 64-bit values.
        control_registers: sixteen 64-bit values.
        prefix: guest absolute address of the prefix area.
        reply: what the simulation of the last intercepted instruction returns to the guest.
        instructions: instructions run since IPL.
        expanded_origin: block of expanded storage that is the guest's block 0.
        expanded_blocks: how many blocks it has from there on. A relocation leaves both as they are.
        service_signal: pending external interruption from the service processor, only ever at `cpu_address` 0. The LIP
            sets it between two slices; the guest takes it at an instruction boundary, and it is None again.
    """

    lpar: str
    lip: str
    cpu_address: int
    zone: Zone
    psw: Psw = Factory(Psw)
    general_registers: list[int] = Factory(lambda: [0] * 16)
    control_registers: list[int] = Factory(lambda: [0] * 16)
    prefix: int = 0
    reply: Any = None
    instructions: int = 0
    expanded_origin: int = 0
    expanded_blocks: int = 0
    service_signal: ServiceSignal | None = None
