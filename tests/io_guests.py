"""A guest whose program the test writes: `io_guests:Scripted`, and what channel programs are made of."""

from collections.abc import Callable, Generator
from typing import Any, ClassVar

from lparvm.arch.channel import CCW_BYTES, Ccw, CcwFlag
from lparvm.arch.fixed_block import DiskCommand, Operation, define_extent, locate
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Orb
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import PythonGuest

PROGRAM, DATA = 0x1000, 0x4000
Script = Callable[[Processor, list[Any]], Generator[Any, Any, None]]


class Scripted(PythonGuest):
    """Each LPAR's first processor runs the script of its name; then it waits for ever.

    Attributes:
        scripts: LPAR -> script; what it appends to its list is in `told`.
    """

    scripts: ClassVar[dict[str, Script]] = {}
    told: ClassVar[dict[str, list[Any]]] = {}

    def program(self, cpu):
        script = self.scripts.get(self.setup.lpar)
        if script is not None and cpu.cpu_address == 0:
            yield from script(cpu, self.told.setdefault(self.setup.lpar, []))
        while True:
            yield WaitForInterruption()


def chain(cpu: Processor, at: int, *ccws: Ccw) -> Orb:
    """Put CCWs into storage, command-chained but the last one; the ORB that starts them."""
    for number, ccw in enumerate(ccws):
        flags = ccw.flags | (CcwFlag.CHAIN_COMMAND if number < len(ccws) - 1 else 0)
        cpu.store_bytes(at + number * CCW_BYTES, Ccw(ccw.command, flags, ccw.count, ccw.address).encode())
    return Orb(at)


def disk_program(
    cpu: Processor,
    at: int,
    data: int,
    *,
    block: int = 0,
    count: int = 512,
    write: bool = False,
    flags: int = 0,
) -> Orb:
    """DEFINE EXTENT, LOCATE and one READ or WRITE of whole blocks, with their parameters behind them."""
    parameters = at + 0x100
    operation, command = (Operation.WRITE, DiskCommand.WRITE) if write else (Operation.READ, DiskCommand.READ)
    cpu.store_bytes(
        parameters, define_extent(0, block + count // 512) + locate(operation, block, count // 512)
    )
    return chain(
        cpu, at, Ccw(DiskCommand.DEFINE_EXTENT, 0, 16, parameters), Ccw(DiskCommand.LOCATE, 0, 8, parameters + 16),
        Ccw(command, flags, count, data),
    )  # fmt: skip
