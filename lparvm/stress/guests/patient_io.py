"""I/O of guests that live among faults: whatever ends a start early, it is made again.

Halted and cleared starts, unit checks, faulty frames and lost paths belong to a campaign and are passed over in
silence. A device that does not end in time is cleared. What cannot be the device's doing is damage: a channel program
that is right meets no program check and no protection check, and moves all its data when it ends normally.

A channel program must do no harm when it runs twice, or in part.
"""

import enum
from collections.abc import Generator
from typing import Any

from attrs import define

from lparvm.arch.channel import ENDED, SubchannelStatus
from lparvm.arch.interception import ClearSubchannel, WaitForInterruption
from lparvm.arch.subchannel import Orb, Scsw
from lparvm.config import STRESS_PATIENCE_NS_MAX
from lparvm.guests.channel_io import await_end, start
from lparvm.guests.driver import RETRY_WAIT_NS, ended_whole, was_ordered
from lparvm.guests.processor import Processor
from lparvm.options import Option, duration

PATIENCE = Option(
    "patience", duration(1_000, STRESS_PATIENCE_NS_MAX), 100_000_000,
    "How long a device may take before it is cleared, twice as long the next time.",
)  # fmt: skip

_LOOKS = 8
"""So often a processor wakes while it waits for a device."""
_OWN_FAULTS = (
    SubchannelStatus.PROGRAM_CHECK | SubchannelStatus.PROTECTION_CHECK | SubchannelStatus.INCORRECT_LENGTH
)


class Came(enum.Enum):
    """What a start came to."""

    WHOLE = enum.auto()  # all data were moved
    ENDED_BY_ORDER = enum.auto()  # halted or cleared: some data may have been moved
    FAILED = enum.auto()  # the device, its path or a frame: some data may have been moved
    WRONG = enum.auto()  # nobody's fault but the machine's; damage was told


@define
class PatientIo:
    """A device as one processor uses it; no other processor does.

    Attributes:
        cpu: the processor.
        device: device number.
        patience_ns: how long the device may take; grows with each clear.
    """

    cpu: Processor
    device: int
    patience_ns: int

    def begin(self, orb: Orb) -> Generator[Any, Any, None]:
        """Have a start accepted."""
        while (yield from start(self.device, orb)):
            yield WaitForInterruption(duration_ns=RETRY_WAIT_NS)

    def end(self) -> Generator[Any, Any, Scsw]:
        """Wait for the end of the start, and clear it when that takes too long."""
        while True:
            for _ in range(_LOOKS):
                ended = yield from await_end(self.device, self.patience_ns // _LOOKS)
                if ended is not None:
                    return ended
            yield ClearSubchannel(self.device)
            self.patience_ns = min(2 * self.patience_ns, STRESS_PATIENCE_NS_MAX)

    def judge(self, orb: Orb, ended: Scsw) -> Came:
        """What an ended start came to; damage is told."""
        if was_ordered(ended):
            return Came.ENDED_BY_ORDER
        if ended_whole(ended):
            return Came.WHOLE
        if not ended.ended_normally and not ended.subchannel_status & _OWN_FAULTS:
            return Came.FAILED
        expected = (
            f"device {self.device:04X}: device status {int(ENDED):02X}, all data moved, or a fault of it"
        )
        found = (
            f"device status {ended.device_status:02X}, subchannel status {ended.subchannel_status:02X}, "
            f"residual count {ended.count}"
        )
        self.cpu.damaged(orb.program, expected, found)
        return Came.WRONG

    def finish(self, orb: Orb) -> Generator[Any, Any, bool]:
        """After `begin`: until all data were moved, however often that takes; false where the machine is wrong."""
        while True:
            came = self.judge(orb, (yield from self.end()))
            if came is Came.WHOLE or came is Came.WRONG:
                return came is Came.WHOLE
            if came is Came.FAILED:
                yield WaitForInterruption(duration_ns=RETRY_WAIT_NS)
            yield from self.begin(orb)

    def run(self, orb: Orb) -> Generator[Any, Any, bool]:
        """`begin` and `finish`."""
        yield from self.begin(orb)
        return (yield from self.finish(orb))
