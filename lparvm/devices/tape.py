"""`tape`: records and tape marks one behind the other, in memory or in an AWSTAPE file; the commands of a 3480.

The tape stands where the last command left it, also from one start to the next. A run begins at the load point.

- WRITE: the program's data, 1 to 65535 bytes, is a record. WRITE TAPE MARK; ERASE GAP. What followed is gone.
- READ FORWARD, READ BACKWARD: the next record, or the one before, last byte first.
- FORWARD SPACE BLOCK, BACKSPACE BLOCK: past a record or tape mark.
- FORWARD SPACE FILE, BACKSPACE FILE: past the next tape mark.
- REWIND; REWIND UNLOAD, after which the tape is gone: intervention is required until someone calls `load`.

A tape mark that is read, or passed by a block, is a unit exception. Unit checks tell in byte 3 of the sense data, as
a 3480 does, what it is (`Era`): moving back at the load point, moving forward at the end of what is recorded, a
place that was torn when a run was killed (data check), or the end of the tape.

A write that ends behind `size` bytes is done, and is a unit exception: time for a trailer. For that there are
`TAPE_RESERVE_BYTES` more; then it is a unit check, and nothing is written.
"""

import enum
from collections.abc import Mapping
from typing import Any, ClassVar

from lparvm.arch.channel import ENDED, SENSE_BYTES, DeviceStatus
from lparvm.arch.device_commands import TAPE_RECORD_BYTES_MAX, TapeCommand
from lparvm.config import RUN_NS_MAX, TAPE_BYTES_DEFAULT, TAPE_RESERVE_BYTES
from lparvm.devices.aws_tape import AwsReel
from lparvm.devices.base import DataArea, Device, DeviceCheck, Sense, Waits
from lparvm.devices.files import path_option
from lparvm.devices.reels import HEADER_BYTES, MemoryReel, Reel
from lparvm.options import Option, duration, size

_ONLINE, _LOAD_POINT, _WRITING = 0x40, 0x08, 0x04
_WRITES = (TapeCommand.WRITE, TapeCommand.WRITE_TAPE_MARK, TapeCommand.ERASE_GAP)
_EXCEPTION = ENDED | DeviceStatus.UNIT_EXCEPTION


class Era(enum.IntEnum):
    """Error recovery action: byte 3 of a 3480's sense data."""

    DATA_CHECK = 0x23
    COMMAND_REJECT = 0x27
    VOID = 0x31
    EQUIPMENT = 0x2C
    END_OF_TAPE = 0x38
    LOAD_POINT = 0x39
    NOT_READY = 0x43


_ERA_OF = {Sense.DATA_CHECK: Era.DATA_CHECK, Sense.COMMAND_REJECT: Era.COMMAND_REJECT}


class Tape(Device):
    """A tape of records and tape marks, in memory or in an AWSTAPE file."""

    KIND = "tape"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("size", size(1), TAPE_BYTES_DEFAULT, "Bytes from the load point to the end of the tape."),
        Option("rewind", duration(0, RUN_NS_MAX), 100_000_000, "How long rewinding takes."),
        path_option("File that holds the records, in AWSTAPE format; none: in memory."),
    )
    # Control unit 3480 model 31, device 3480 model 31.
    IDENTITY = bytes.fromhex("FF 3480 31 3480 31")
    COMMANDS: ClassVar[Mapping[int, str]] = {command: command.name for command in TapeCommand}
    ANY_LENGTH: ClassVar[frozenset[int]] = frozenset((TapeCommand.WRITE,))

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any], seed: int = 0) -> None:
        """Open the file, if there is one.

        Raises:
            UsageError: an option is wrong, or the file cannot be used.
        """
        super().__init__(number, latency_ns, options, seed)
        path: str | None = self.options["path"]
        self._reel: Reel = MemoryReel() if path is None else AwsReel(path, self.option_error)
        self._loaded = True
        self._writing = False
        self.position = 0
        """How many records and tape marks lie before where it stands."""

    def load(self) -> None:
        """Put the tape back after REWIND UNLOAD; it stands at the load point."""
        self._loaded = True

    def execute(self, command: int, data: DataArea, *, chained: bool) -> Waits:  # noqa: ARG002
        """Perform one of `TapeCommand`."""
        if command not in self.COMMANDS:
            raise self.reject(command)
        self._writing = command in _WRITES
        if not self._loaded:
            raise self._check(Sense.INTERVENTION_REQUIRED, Era.NOT_READY, "the tape is unloaded")
        try:
            return (yield from self._execute(TapeCommand(command), data))
        except DeviceCheck as check:
            if not check.detail:  # out of the reel
                raise self._check(check.sense, _ERA_OF.get(check.sense, Era.EQUIPMENT), str(check)) from None
            raise

    def _execute(self, command: TapeCommand, data: DataArea) -> Waits:
        match command:
            case TapeCommand.REWIND | TapeCommand.REWIND_UNLOAD:
                yield self.options["rewind"] if self.position else 0
                self.position = 0
                self._loaded = command is TapeCommand.REWIND
                return ENDED
            case TapeCommand.FORWARD_SPACE_FILE | TapeCommand.BACKSPACE_FILE:
                return (yield from self._space_file(forward=command is TapeCommand.FORWARD_SPACE_FILE))
            case TapeCommand.WRITE | TapeCommand.WRITE_TAPE_MARK | TapeCommand.ERASE_GAP:
                yield self.latency_ns
                return self._write(command, data)
            case _:
                yield self.latency_ns
                return self._pass(command, data)

    # --- reading and spacing ------------------------------------------------------------------------------

    def _pass(self, command: TapeCommand, data: DataArea) -> DeviceStatus:
        """Over one record or tape mark."""
        forward = command in (TapeCommand.READ_FORWARD, TapeCommand.FORWARD_SPACE_BLOCK)
        record = self._step(forward=forward)
        if record is None:
            return _EXCEPTION
        if command is TapeCommand.READ_FORWARD:
            data.give(record)
        elif command is TapeCommand.READ_BACKWARD:
            data.give(record[::-1])
        return ENDED

    def _step(self, *, forward: bool) -> bytes | None:
        number = self.position if forward else self.position - 1
        if number < 0:
            raise self._check(Sense.COMMAND_REJECT, Era.LOAD_POINT, "the tape stands at the load point")
        if number == self._reel.records:
            if self._reel.torn:
                raise self._check(Sense.DATA_CHECK, Era.DATA_CHECK, f"record {number} was cut off")
            raise self._check(Sense.EQUIPMENT_CHECK, Era.VOID, "the tape ends here")
        record = self._reel.read(number)
        self.position += 1 if forward else -1
        return record

    def _space_file(self, *, forward: bool) -> Waits:
        while True:
            yield self.latency_ns
            if self._step(forward=forward) is None:
                return ENDED

    # --- writing ------------------------------------------------------------------------------------------

    def _write(self, command: TapeCommand, data: DataArea) -> DeviceStatus:
        record: bytes | memoryview | None = None
        if command is TapeCommand.WRITE:
            record = data.take(TAPE_RECORD_BYTES_MAX)
            if not len(record):
                raise self._check(Sense.COMMAND_REJECT, Era.COMMAND_REJECT, "a record without data")
        size_bytes: int = self.options["size"]
        end = self._reel.end_of(self.position)
        if command is not TapeCommand.ERASE_GAP:
            end += HEADER_BYTES + (0 if record is None else len(record))
        if end > size_bytes + TAPE_RESERVE_BYTES:
            raise self._check(Sense.EQUIPMENT_CHECK, Era.END_OF_TAPE, "the tape is full")
        if self.position < self._reel.records or self._reel.torn:
            self._reel.truncate(self.position)
        if command is not TapeCommand.ERASE_GAP:
            self._reel.append(record)
            self.position += 1
        return _EXCEPTION if end > size_bytes else ENDED

    # --- sense --------------------------------------------------------------------------------------------

    def _check(self, sense: Sense, era: Era, problem: str) -> DeviceCheck:
        state = _ONLINE if self._loaded else 0
        if self._loaded and not self.position:
            state |= _LOAD_POINT
        if self._writing:
            state |= _WRITING
        return DeviceCheck(sense, problem, bytes((state, 0, era)).ljust(SENSE_BYTES - 1, b"\0"))

    def close(self) -> None:
        """Write the file out and close it. Idempotent."""
        self._reel.close()
