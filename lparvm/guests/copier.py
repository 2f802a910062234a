"""`copier`: copies a disk to a tape, reads the tape back and compares; again and again.

The LPAR's first device is the disk, the second the tape. First the guest fills its part of the disk with contents
that it knows, another generation for each pass. Then it copies record by record, READ from the disk and WRITE to
the tape through one buffer, ends the file with a tape mark, rewinds, and reads back: each record must be what the
disk has, and behind the last one must be the tape mark.

A tape has no block numbers: after a start that was halted or cleared nobody knows where it stands, so the pass
begins anew from the load point.
"""

from collections.abc import Generator
from typing import Any

from lparvm.arch.channel import CCW_BYTES, Ccw, DeviceStatus
from lparvm.arch.device_commands import TapeCommand
from lparvm.arch.fixed_block import DiskCommand
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Orb
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.base import GuestSetup
from lparvm.guests.channel_io import run_program
from lparvm.guests.disk_io import disk_program, ended_normally, run_again, stopped_by_order
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.guests.records import compare, record_bytes
from lparvm.guests.stamps import make_salt
from lparvm.options import Option, integer

RECORD_BLOCKS_MAX = 64
_DISK_PROGRAM, _TAPE_PROGRAM, _BUFFER = 0x1000, 0x1100, 0x4000


class _PassLostError(Exception):
    """The tape's position is not known any more."""


class Copier(PythonGuest):
    """Copies a disk to tape record by record, reads the tape back and compares."""

    OPTIONS = (
        Option("first_block", integer(0, 1 << 30), 0, "First 512-byte block of the disk to be copied."),
        Option("records", integer(1, 4096), 16, "Records of a pass."),
        Option("record_blocks", integer(1, RECORD_BLOCKS_MAX), 8, "Blocks of a record."),
    )

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._salt = make_salt(self.seed)
        self._size: int = self.options["record_blocks"] * DISK_BLOCK_BYTES
        self._generation = 0
        # What the buffer must hold when no I/O is under way; None: nothing is known.
        self._buffer: bytes | None = None

    def program(self, cpu: Processor) -> Program:
        """The first processor copies, the others wait."""
        if cpu.cpu_address:
            yield WaitForInterruption()
        if len(cpu.devices) < 2:
            raise ValueError(f"{len(cpu.devices)} devices; expected a disk and a tape")
        disk, tape = cpu.devices[:2]
        while True:
            self._generation += 1
            for number in range(self.options["records"]):
                yield from self._fill(cpu, disk, number)
            while True:
                try:
                    yield from self._copy(cpu, disk, tape)
                    yield from self._read_back(cpu, tape)
                except _PassLostError:
                    continue
                break

    def check(self, cpu: Processor) -> None:
        """The buffer; disk and tape were compared record by record."""
        if self._buffer is not None:
            self._compare(cpu, self._buffer)

    # --- the parts of a pass ------------------------------------------------------------------------------

    def _fill(self, cpu: Processor, disk: int, number: int) -> Program:
        self._put(cpu, self._record(number))
        yield
        yield from self._disk(cpu, disk, DiskCommand.WRITE, number)
        self._compare(cpu, self._record(number))

    def _copy(self, cpu: Processor, disk: int, tape: int) -> Program:
        yield from self._tape(cpu, tape, TapeCommand.REWIND)
        for number in range(self.options["records"]):
            self._put(cpu, bytes(self._size))
            self._buffer = None
            yield from self._disk(cpu, disk, DiskCommand.READ, number)
            self._buffer = self._record(number)
            self._compare(cpu, self._buffer)
            yield
            ended_normally(tape, (yield from self._tape(cpu, tape, TapeCommand.WRITE)))
            self._compare(cpu, self._buffer)
            cpu.step()
            yield
        ended_normally(tape, (yield from self._tape(cpu, tape, TapeCommand.WRITE_TAPE_MARK)))

    def _read_back(self, cpu: Processor, tape: int) -> Program:
        yield from self._tape(cpu, tape, TapeCommand.REWIND)
        for number in range(self.options["records"]):
            self._put(cpu, bytes(self._size))
            self._buffer = None
            ended_normally(tape, (yield from self._tape(cpu, tape, TapeCommand.READ_FORWARD)))
            self._buffer = self._record(number)
            self._compare(cpu, self._buffer)
            cpu.step()
            yield
        self._buffer = None
        status = yield from self._tape(cpu, tape, TapeCommand.READ_FORWARD)
        if not status.device_status & DeviceStatus.UNIT_EXCEPTION:
            cpu.damaged(_TAPE_PROGRAM, "the tape mark behind the last record", str(status))

    # --- I/O ----------------------------------------------------------------------------------------------

    def _disk(self, cpu: Processor, disk: int, command: DiskCommand, number: int) -> Program:
        block = self.options["first_block"] + number * self.options["record_blocks"]
        cpu.store_bytes(_DISK_PROGRAM, disk_program(_DISK_PROGRAM, command, block, [(_BUFFER, self._size)]))
        yield from run_again(disk, Orb(_DISK_PROGRAM))

    def _tape(self, cpu: Processor, tape: int, command: TapeCommand) -> Generator[Any, Any, Any]:
        """One tape command; its SCSW.

        Raises:
            _PassLostError: it was halted or cleared.
        """
        count = self._size if command in (TapeCommand.WRITE, TapeCommand.READ_FORWARD) else 0
        program = Ccw(command, 0, count, _BUFFER).encode()
        assert len(program) == CCW_BYTES
        cpu.store_bytes(_TAPE_PROGRAM, program)
        status = yield from run_program(tape, Orb(_TAPE_PROGRAM))
        if isinstance(status, int):
            raise RuntimeError(f"device {tape:04X} is not operational")  # noqa: TRY004 - no type error
        if stopped_by_order(status):
            raise _PassLostError
        return status

    # --- the buffer ---------------------------------------------------------------------------------------

    def _record(self, number: int) -> bytes:
        block = self.options["first_block"] + number * self.options["record_blocks"]
        return record_bytes(self._salt, 0, self._generation, block, self._size)

    def _put(self, cpu: Processor, data: bytes) -> None:
        cpu.store_bytes(_BUFFER, data)
        self._buffer = data

    def _compare(self, cpu: Processor, expected: bytes) -> None:
        compare(cpu, self._salt, _BUFFER, expected, cpu.fetch_bytes(_BUFFER, self._size))
