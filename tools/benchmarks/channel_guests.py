"""Guests that do nothing but I/O, for `channel`."""

from collections.abc import Generator
from typing import Any

from lparvm.arch.channel import CCW_BYTES, Ccw, CcwFlag
from lparvm.arch.fixed_block import DiskCommand, Operation, define_extent, locate
from lparvm.arch.interception import StartSubchannel, TestSubchannel, WaitForInterruption
from lparvm.arch.subchannel import Orb
from lparvm.guests.channel_io import run_program
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Option, integer

_BLOCK = 512
_PROGRAM = 0x1000
_DATA = 1 << 20


def build_reads(cpu: Processor, program: int, data: int, ccw_bytes: int, reads: int) -> None:
    """A channel program at `program`: one READ from block 0 on, of `reads` data-chained CCWs of `ccw_bytes` each."""
    blocks = ccw_bytes * reads // _BLOCK
    parameters = program + (reads + 2) * CCW_BYTES
    cpu.store_bytes(parameters, define_extent(0, blocks - 1) + locate(Operation.READ, 0, blocks))
    chain = CcwFlag.CHAIN_COMMAND
    ccws = [
        Ccw(DiskCommand.DEFINE_EXTENT, chain, 16, parameters),
        Ccw(DiskCommand.LOCATE, chain, 8, parameters + 16),
    ]
    for number in range(reads):
        flags = CcwFlag.CHAIN_DATA if number < reads - 1 else CcwFlag(0)
        ccws.append(Ccw(DiskCommand.READ, flags, ccw_bytes, data + number * ccw_bytes))
    cpu.store_bytes(program, b"".join(ccw.encode() for ccw in ccws))


class Reader(PythonGuest):
    """Runs one channel program again and again; a step is a program."""

    OPTIONS = (
        Option("ccw", integer(_BLOCK, 0xFE00), 4096, "Bytes of a CCW."),
        Option("reads", integer(1, 4000), 1, "Data-chained READ CCWs of a program."),
    )

    def program(self, cpu: Processor) -> Program:
        """Build it once, run it for ever."""
        build_reads(cpu, _PROGRAM, _DATA, self.options["ccw"], self.options["reads"])
        while True:
            status = yield from run_program(cpu.devices[0], Orb(_PROGRAM))
            if isinstance(status, int) or not status.ended_normally:
                raise RuntimeError(f"I/O ended with {status}")
            cpu.step()


class ManyReaders(PythonGuest):
    """Keeps every device of the LPAR in transfer; a step is a program."""

    OPTIONS = (Option("reads", integer(1, 64), 8, "READ CCWs of 4 KiB of a program."),)

    def program(self, cpu: Processor) -> Program:
        """Start all, then each again as it ends."""
        reads = self.options["reads"]
        programs = {}
        for number, device in enumerate(cpu.devices):
            programs[device] = _PROGRAM + number * 0x1000
            build_reads(cpu, programs[device], _DATA + number * reads * 4096, 4096, reads)
            yield from self._start(device, programs[device])
        while True:
            interruption = yield WaitForInterruption(devices=None)
            yield TestSubchannel(interruption.device)
            cpu.step()
            yield from self._start(interruption.device, programs[interruption.device])

    @staticmethod
    def _start(device: int, program: int) -> Generator[Any, Any, None]:
        code = yield StartSubchannel(device, Orb(program))
        if code:
            raise RuntimeError(f"device {device:04X}: condition code {code}")
