"""`typist`: writes to its console, reads what is typed there, and writes it back.

It says that it is ready, then waits for the console's attention, reads each line and echoes it. With `expect`
it knows which lines must come, and in which order. All lines read stay in a transcript in its storage, each
with a digest chained to that of the line before; the transcript is verified with every line.
"""

import hashlib
from collections.abc import Generator
from typing import Any

from lparvm.arch.channel import Ccw, CcwFlag, DeviceStatus
from lparvm.arch.device_commands import ConsoleCommand
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Orb
from lparvm.guests.channel_io import await_status, run_program
from lparvm.guests.disk_io import run_again, stopped_by_order
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Kind, Option, duration, list_of

LINE_BYTES = 256
ENTRY_BYTES = LINE_BYTES + 32
_PROGRAM, _LINE, _TRANSCRIPT = 0x1000, 0x2000, 0x4000


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(value)
    return value


class Typist(PythonGuest):
    """Echoes the lines typed at its console, and keeps a transcript that it verifies."""

    OPTIONS = (
        Option("expect", list_of(Kind("lines of text", _text), 1000), None, "The lines that must come."),
        Option("look", duration(1), 100_000_000, "How often it looks for lines without attention."),
    )

    def ipl(self, cpu: Processor) -> None:
        """Nothing is typed yet."""
        self._lines: list[bytes] = []
        self._places = (cpu.extent_bytes - _TRANSCRIPT) // ENTRY_BYTES
        if self._places < 1:
            raise ValueError(
                f"a zone of {cpu.extent_bytes} bytes; expected {_TRANSCRIPT + ENTRY_BYTES} or more"
            )

    def program(self, cpu: Processor) -> Program:
        """The first processor types, at the LPAR's first device; the others wait."""
        if cpu.cpu_address:
            yield WaitForInterruption()
        device = cpu.devices[0]
        yield from self._write(cpu, device, f"{self.setup.lpar} is ready".encode())
        while True:
            line = yield from self._read(cpu, device)
            if line is None:
                yield from await_status(device, self.options["look"])
                continue
            self._note(cpu, line)
            self.check(cpu)
            cpu.step()
            yield
            yield from self._write(cpu, device, b"you typed: " + line)

    def check(self, cpu: Processor) -> None:
        """The whole transcript, as far as it is kept."""
        chain = b""
        for number, line in enumerate(self._lines):
            chain = _digest(chain, line)
            if number >= len(self._lines) - self._places:
                address = self._entry(number)
                found = cpu.fetch_bytes(address, ENTRY_BYTES)
                expected = line.ljust(LINE_BYTES, b"\0") + chain
                if found != expected:
                    cpu.damaged(address, expected.hex(), found.hex())

    def _entry(self, number: int) -> int:
        return _TRANSCRIPT + number % self._places * ENTRY_BYTES

    def _note(self, cpu: Processor, line: bytes) -> None:
        number = len(self._lines)
        expected = self.options["expect"]
        if expected is not None and line != (wanted := "".join(expected[number : number + 1]).encode()):
            cpu.damaged(_LINE, repr(wanted), repr(line))
        self._lines.append(line)
        chain = b""
        for one in self._lines:
            chain = _digest(chain, one)
        cpu.store_bytes(self._entry(number), line.ljust(LINE_BYTES, b"\0") + chain)

    def _write(self, cpu: Processor, device: int, line: bytes) -> Generator[Any, Any, None]:
        line = line[:LINE_BYTES]
        cpu.store_bytes(_LINE, line)
        cpu.store_bytes(_PROGRAM, Ccw(ConsoleCommand.WRITE_LINE, 0, len(line), _LINE).encode())
        yield from run_again(device, Orb(_PROGRAM))

    def _read(self, cpu: Processor, device: int) -> Generator[Any, Any, bytes | None]:
        """The next line; None where none waits."""
        read = Ccw(ConsoleCommand.READ_INQUIRY, CcwFlag.SUPPRESS_LENGTH, LINE_BYTES, _LINE)
        cpu.store_bytes(_PROGRAM, read.encode())
        while True:
            cpu.store_bytes(_LINE, bytes(LINE_BYTES))
            status = yield from run_program(device, Orb(_PROGRAM))
            if isinstance(status, int):
                raise RuntimeError(f"device {device:04X} is not operational")  # noqa: TRY004 - no type error
            if not stopped_by_order(status):
                break
        if status.device_status & DeviceStatus.UNIT_EXCEPTION:
            return None
        return cpu.fetch_bytes(_LINE, LINE_BYTES - status.count)


def _digest(chain: bytes, line: bytes) -> bytes:
    return hashlib.blake2b(chain + line, digest_size=32).digest()
