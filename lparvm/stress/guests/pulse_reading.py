"""How a `Pulse` reads from its devices: one look at a time, and never standing still for one that does not end.

Where it does not suspend, one channel program reads a block; whoever shares the disk says what that holds.

Where it suspends, the program reads the same block twice, into two places, and suspends itself in between. The guest
lets a while pass, in which it is often moved, and resumes. A device runs one program at a time, so nobody writes
between the two reads: both places must hold the same, whatever it is. Before the start each held something else. So
a transfer into a zone that was left is missing here.
"""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
from attrs import define, field

from lparvm.arch.channel import CCW_BYTES, Ccw, CcwFlag
from lparvm.arch.fixed_block import EXTENT_BYTES, LOCATE_BYTES, DiskCommand, Operation, define_extent, locate
from lparvm.arch.interception import (
    ClearSubchannel,
    ResumeSubchannel,
    StartSubchannel,
    TestSubchannel,
    WaitForInterruption,
)
from lparvm.arch.subchannel import Activity, ConditionCode, Orb, Scsw
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.channel_io import await_status
from lparvm.guests.processor import BIG_ENDIAN_WORD, Processor
from lparvm.stress.guests.patient_io import Came, PatientIo

PROGRAM, PARAMETERS, BLOCK, AGAIN = 0x400, 0x500, 0x800, 0xA00
"""Guest absolute addresses."""
_SUSPENSION_NS = (100_000, 2_000_000)
"""How long a program stays suspended: the shortest, and the longest."""
_UNREAD = tuple(
    (address, np.full(DISK_BLOCK_BYTES >> 3, word, BIG_ENDIAN_WORD))
    for address, word in ((BLOCK, 0x5A5A5A5A_5A5A5A5A), (AGAIN, 0xA5A5A5A5_A5A5A5A5))
)
"""What the two places hold before they are read into."""
_STOPS_AT = PROGRAM + 3 * CCW_BYTES
"""The second LOCATE: the program suspends itself before it."""


@define
class ReadingProgram:
    """The channel program, in the first page.

    Attributes:
        block: 512-byte block of the disk that is read.
        suspends: whether it reads it twice, and suspends itself in between.
        stops: whether the CCW in between has the suspend flag now.
        holds: what storage must hold from `PROGRAM` on.
        orb: starts it.
    """

    block: int
    suspends: bool
    stops: bool = field(init=False)
    holds: bytearray = field(init=False, repr=False)
    orb: Orb = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.stops = self.suspends
        where = PARAMETERS + EXTENT_BYTES
        ccws = [
            Ccw(DiskCommand.DEFINE_EXTENT, CcwFlag.CHAIN_COMMAND, EXTENT_BYTES, PARAMETERS),
            Ccw(DiskCommand.LOCATE, CcwFlag.CHAIN_COMMAND, LOCATE_BYTES, where),
            Ccw(DiskCommand.READ, CcwFlag.CHAIN_COMMAND if self.suspends else 0, DISK_BLOCK_BYTES, BLOCK),
        ]
        if self.suspends:
            ccws += [_second_locate(stops=True), Ccw(DiskCommand.READ, 0, DISK_BLOCK_BYTES, AGAIN)]
        parameters = define_extent(self.block, self.block) + locate(Operation.READ, self.block, 1)
        program = b"".join(ccw.encode() for ccw in ccws)
        self.holds = bytearray(program.ljust(PARAMETERS - PROGRAM, b"\0") + parameters)
        self.orb = Orb(PROGRAM, suspend_control=self.suspends)

    def load(self, cpu: Processor) -> None:
        """IPL."""
        cpu.store_bytes(PROGRAM, bytes(self.holds))

    def prepare(self, cpu: Processor) -> None:
        """Before a start: it will suspend itself, and neither place holds the block."""
        if self.suspends:
            self._set_stops(cpu, stops=True)
            for address, words in _UNREAD:
                cpu.move_long(address, words)

    def let_go_on(self, cpu: Processor) -> None:
        """Before RESUME: the CCW is fetched again, without the suspend flag."""
        self._set_stops(cpu, stops=False)

    def verify_suspended(self, cpu: Processor) -> None:
        """It is suspended: only where the CCW says so."""
        if not self.stops:
            cpu.damaged(_STOPS_AT, "a channel program that goes on after RESUME", "suspended again")

    def verify(self, cpu: Processor) -> None:
        """After all data were moved: it was resumed, and both places hold the same."""
        if self.stops:
            cpu.damaged(_STOPS_AT, "a channel program that stays suspended until RESUME", "its end")
        elif self.suspends:
            words = np.frombuffer(cpu.fetch_bytes(BLOCK, DISK_BLOCK_BYTES), BIG_ENDIAN_WORD)
            for address, expected, found in cpu.compare_long(AGAIN, words)[:1]:
                cpu.damaged(address, expected, found)

    def check(self, cpu: Processor) -> None:
        """Verify the program itself."""
        found = cpu.fetch_bytes(PROGRAM, len(self.holds))
        if found != self.holds:
            cpu.damaged(PROGRAM, f"channel program {self.holds.hex()}", found.hex())

    def _set_stops(self, cpu: Processor, *, stops: bool) -> None:
        ccw = _second_locate(stops=stops).encode()
        place = _STOPS_AT - PROGRAM
        self.stops, self.holds[place : place + CCW_BYTES] = stops, ccw
        cpu.store_bytes(_STOPS_AT, ccw)


def _second_locate(*, stops: bool) -> Ccw:
    flags = CcwFlag.CHAIN_COMMAND | (CcwFlag.SUSPEND if stops else 0)
    return Ccw(DiskCommand.LOCATE, flags, LOCATE_BYTES, PARAMETERS + EXTENT_BYTES)


@define
class Reading:
    """Reads from a device, start after start.

    Attributes:
        io: the device.
        program: what is started.
        pause_ns: how long a look takes at most.
        started: a start was accepted, and has not ended.
        waited_ns: since then, since it went on, or since it was cleared.
        rests_ns: it is suspended, and stays so for so long; None: it is not.
    """

    io: PatientIo
    program: ReadingProgram
    pause_ns: int
    started: bool = False
    waited_ns: int = 0
    rests_ns: int | None = None

    def look(self) -> Generator[Any, Any, None]:
        """Start it, or wait a little for what it comes to."""
        if not self.started:
            yield from self._start()
            return
        wait_ns = self.pause_ns if self.rests_ns is None else min(self.pause_ns, self.rests_ns)
        status = yield from await_status(self.io.device, wait_ns)
        if status is not None:
            self._take(status)
        elif self.rests_ns is None:
            yield from self._be_patient(wait_ns)
        elif self.rests_ns > wait_ns:
            self.rests_ns -= wait_ns
        else:
            yield from self._resume()

    def _start(self) -> Generator[Any, Any, None]:
        io = self.io
        self.program.prepare(io.cpu)
        code = yield StartSubchannel(io.device, self.program.orb)
        self.started, self.waited_ns, self.rests_ns = code == ConditionCode.DONE, 0, None
        if code == ConditionCode.STATUS_PENDING:
            yield TestSubchannel(io.device)
        if not self.started:
            yield WaitForInterruption(duration_ns=self.pause_ns)

    def _take(self, status: Scsw) -> None:
        """Status came; what belongs to no function is passed over."""
        cpu = self.io.cpu
        if status.ended and status.function:
            self.started = False
            if self.io.judge(self.program.orb, status) is Came.WHOLE:
                self.program.verify(cpu)
        elif status.activity & Activity.SUSPENDED:
            self.program.verify_suspended(cpu)
            self.rests_ns = cpu.rng.randint(*_SUSPENSION_NS)

    def _be_patient(self, wait_ns: int) -> Generator[Any, Any, None]:
        """The device takes its time; when that is too long it is cleared."""
        self.waited_ns += wait_ns
        if self.waited_ns >= self.io.patience_ns:
            self.waited_ns = 0
            yield ClearSubchannel(self.io.device)

    def _resume(self) -> Generator[Any, Any, None]:
        """It goes on, unless somebody has ended it meanwhile."""
        cpu = self.io.cpu
        self.program.let_go_on(cpu)
        self.waited_ns, self.rests_ns = 0, None
        code = yield ResumeSubchannel(self.io.device)
        if code not in (ConditionCode.DONE, ConditionCode.STATUS_PENDING):
            cpu.damaged(_STOPS_AT, "condition code 0 or 1 of RESUME SUBCHANNEL", f"condition code {code}")


def next_of(readings: Sequence[Reading], looks: int) -> Reading:
    """Whose turn it is at a look: one after the other; programs that suspend themselves run one at a time."""
    under_way = (one for one in readings if one.started and one.program.suspends)
    return next(under_way, readings[looks % len(readings)])
