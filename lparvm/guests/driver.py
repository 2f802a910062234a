"""How a guest uses a device: it starts channel programs, works on while they run, and tries again.

A start that ends because it was halted or cleared, by whomever, is no fault: it is made again. I/O that ends
abnormally, or a device without a path, is damage or an error, unless the guest tolerates it; then it is tried
again too.
"""

from collections.abc import Callable, Generator
from typing import Any

from attrs import Factory, define

from lparvm.arch.channel import ENDED
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Function, Orb, Scsw
from lparvm.guests.channel_io import await_end, start
from lparvm.guests.processor import Processor
from lparvm.options import Option, boolean

RETRY_WAIT_NS = 1_000_000
"""How long to wait before I/O that failed is tried again."""
OVERLAP_FIRST_NS = 200_000
OVERLAP_LAST_NS = 50_000_000
"""While I/O runs, the LIP wakes to do other work: first after the one, then after twice as long, up to the
other."""
_WORKS_PER_WAKING = 4

TOLERATE = Option(
    "tolerate", boolean(), False,
    "Whether I/O that ends abnormally, or can't be started, is tried again without a word.",
)  # fmt: skip


def was_ordered(scsw: Scsw) -> bool:
    """Whether HALT or CLEAR ended the start, not the device."""
    return bool(scsw.function & (Function.HALT | Function.CLEAR))


def ended_whole(scsw: Scsw) -> bool:
    """Whether the start ended normally, and all data were moved."""
    return scsw.ended_normally and not scsw.count


@define
class Driver:
    """A device as a processor uses it.

    Attributes:
        cpu: the processor.
        device: device number.
        meanwhile: a piece of work that the processor does while I/O runs.
        unsolicited: status that belonged to no start, such as attention.
    """

    cpu: Processor
    device: int
    meanwhile: Callable[[], None]
    unsolicited: list[Scsw] = Factory(list)

    def run(self, orb: Orb) -> Generator[Any, Any, None]:
        """Run a channel program until all its data were moved; it must do no harm when it runs twice."""
        while True:
            ended = yield from self.attempt(orb)
            if ended is None or was_ordered(ended):
                continue
            if ended_whole(ended):
                return
            yield from self.fail(orb, ended)

    def order(self, orb: Orb) -> Generator[Any, Any, None]:
        """Run a channel program whose last command moves no data; otherwise like `run`."""
        while True:
            ended = yield from self.attempt(orb)
            if ended is None or was_ordered(ended):
                continue
            if ended.ended_normally:
                return
            yield from self.fail(orb, ended)

    def attempt(self, orb: Orb) -> Generator[Any, Any, Scsw | None]:
        """Run a channel program once; None where it wasn't run.

        Raises:
            RuntimeError: there is no path, and that is not tolerated.
        """
        code = yield from start(self.device, orb, unsolicited=self.unsolicited)
        if code:
            yield from self._not_operational(code)
            return None
        wait_ns = OVERLAP_FIRST_NS
        while True:
            for _ in range(_WORKS_PER_WAKING):
                self.meanwhile()
                yield
            ended = yield from await_end(self.device, wait_ns, unsolicited=self.unsolicited)
            if ended is None:
                wait_ns = min(wait_ns * 2, OVERLAP_LAST_NS)
            elif ended.deferred_code and not was_ordered(ended):
                yield from self._not_operational(ended.deferred_code)
                return None
            else:
                return ended

    def fail(self, orb: Orb, ended: Scsw) -> Generator[Any, Any, None]:
        """I/O ended abnormally: tell it, unless that is tolerated, and wait."""
        if not self.cpu.options["tolerate"]:
            expected = f"device {self.device:04X}: device status {int(ENDED):02X}, all data moved"
            found = (
                f"device status {ended.device_status:02X}, subchannel status {ended.subchannel_status:02X}, "
                f"residual count {ended.count}, CCW address {ended.ccw_address:#x}"
            )
            self.cpu.damaged(orb.program, expected, found)
        yield WaitForInterruption(duration_ns=RETRY_WAIT_NS)

    def _not_operational(self, code: int) -> Generator[Any, Any, None]:
        if not self.cpu.options["tolerate"]:
            what = f"is not operational (condition code {code})"
            raise RuntimeError(f"device {self.device:04X} {what}")
        yield WaitForInterruption(duration_ns=RETRY_WAIT_NS)
