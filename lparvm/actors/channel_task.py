"""One channel program under way: a helper task of an IOP.

The program itself is a synchronous generator (`devices.channel_program`) that touches storage between waits. This
task does the waiting: for the device, for its turn on the IOP's channel, for RESUME; and lets the IOP's handlers
halt it or give it up. It tells the IOP by messages what it came to.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import trio

from lparvm.actors.run_clock import RunClock
from lparvm.arch.channel import NO_ENDING, Ending
from lparvm.devices.base import Deaf, Device
from lparvm.devices.channel_program import HaltSignal, Intermediate, Progress, Steps, Suspended, execute
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import SERVICE_PROCESSOR, lip_control_of
from lparvm.storage.channel_view import ChannelView, TransferRefused
from lparvm.units import NS_PER_S


class ChannelRate:
    """The total rate of an IOP: what one program moves occupies the channel for all."""

    def __init__(self, bytes_s: int | None) -> None:
        """`bytes_s` bytes a second; None: no limit."""
        self._bytes_s = bytes_s
        self._free_ns = 0

    def occupy_ns(self, count: int, now_ns: int) -> int:
        """How long until `count` bytes have passed, in ns from now."""
        if not self._bytes_s or not count:
            return 0
        self._free_ns = max(self._free_ns, now_ns) + count * NS_PER_S // self._bytes_s
        return self._free_ns - now_ns


class Owner(Protocol):
    """What the task needs of its IOP."""

    name: str
    clock: RunClock
    rate: ChannelRate
    steps_per_turn: int

    def tell_output(self, device: Device, cause: int | None) -> bool:
        """Tell lines that the device wrote; whether there were any."""

    def tell_start(self, event: str, start: m.StartIo, cause: int | None, **fields: Any) -> int | None:
        """A fact about a start, for the trace; the number of its event."""

    def tell_self(self, message: m.IoIntermediate | m.ChannelProgramEnded, cause: int | None) -> None:
        """Post to the IOP's own mailbox."""

    async def let_drain(self, *names: str) -> None:
        """Let others run, until these actors have caught up with what was sent to them."""


class ChannelTask:
    """A channel program under way.

    Attributes:
        start: what is run.
        progress: how far it is.
        began_ns: when it began, run clock.
        given_up: its accesses are refused.
    """

    def __init__(
        self, owner: Owner, device: Device, start: m.StartIo, view: ChannelView, cause: int | None
    ) -> None:
        """A task that has not begun; `run` is the task itself.

        Args:
            owner: the IOP.
            device: connected.
            start: what is to be run.
            view: guest storage as the program may use it.
            cause: the event that began it.
        """
        self.start, self.device = start, device
        self.progress = Progress()
        self.began_ns = owner.clock.now_ns()
        self.given_up = False
        self._owner, self._view, self._cause = owner, view, cause
        self._first_ns = self.began_ns
        self._halted = False  # told to end
        self._heard = False  # and ended for it
        self._told_bytes = 0
        self._resumed = trio.Event()
        # Entered for each wait that a halt may end.
        self._wait: trio.CancelScope | None = None
        view.on_zone_change = self._tell_span

    # --- what the IOP's handlers do -----------------------------------------------------------------------

    def halt(self) -> None:
        """Tell the device to end; one that is deaf doesn't hear it."""
        self._halted = True
        if self._wait is not None:
            self._wait.cancel()

    def give_up(self) -> None:
        """Refuse every further access; what was touched is told."""
        self._tell_span()
        self.given_up = True
        self._view.revoke()
        self.halt()

    def resume(self) -> None:
        """Go on after a suspension."""
        self._resumed.set()

    def tell_touched(self) -> None:
        """SALE is about to change the zone: what was touched until now is told with the old one."""
        if not self.given_up and self._view.span.lowest_host is not None:
            self._tell_span()

    # --- the task -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run the program to its end, whatever that is, and tell the IOP."""
        ending: Ending | None = None
        try:
            ending = await self._drive()
        except TransferRefused as refused:
            ending = NO_ENDING  # nobody waits for it
            self._cause = self._emit("transfer.refused", address=refused.address, bytes=refused.count)
        finally:
            # Also when the run ends here: what the channel program touched is told.
            if not self.given_up or self._view.span.lowest_host is not None:
                self._tell_span(ending)
        start = self.start
        ended = m.ChannelProgramEnded(None, start.lpar, start.device, start.start, ending, self._heard)
        self._owner.tell_self(ended, self._cause)

    async def _drive(self) -> Ending:
        owner, start = self._owner, self.start
        program = execute(self.device, self._view, start.orb, self.progress, start.limit)
        steps, hears, moved = 0, False, 0
        while True:
            step = self._step(program, halt=self._halted and hears)
            hears = not isinstance(step, Deaf)
            occupied_ns = owner.rate.occupy_ns(self.progress.bytes_moved - moved, owner.clock.now_ns())
            moved = self.progress.bytes_moved
            if owner.tell_output(self.device, self._cause):
                await owner.let_drain(SERVICE_PROCESSOR)
            match step:
                case Ending():
                    # What it moved last has to pass as well before all is over.
                    if occupied_ns:
                        await owner.clock.sleep_ns(occupied_ns)
                    return step
                case Suspended(ccw_address=address):
                    await self._suspend(address)
                case Intermediate(ccw_address=address):
                    # Who is told gets a turn: a program may do nothing but tell.
                    self._tell_intermediate(address, suspended=False)
                    await owner.let_drain(owner.name, lip_control_of(start.lpar))
                case Deaf(duration_ns=duration_ns):
                    await owner.clock.sleep_ns(max(duration_ns, occupied_ns))
                case int():
                    steps += 1
                    wait_ns = max(step, occupied_ns)
                    # What waits for nothing goes on at once, but not for ever.
                    if wait_ns or steps % owner.steps_per_turn == 0:
                        await self._until_halted(owner.clock.sleep_ns, wait_ns)

    def _step(self, program: Steps, *, halt: bool) -> int | Deaf | Suspended | Intermediate | Ending:
        """Go on to the next wait, or to the end; `halt` ends it where it is.

        Raises:
            TransferRefused: it was given up.
        """
        self._heard = halt
        try:
            return program.throw(HaltSignal()) if halt else next(program)
        except StopIteration as end:
            ending: Ending = end.value
            return ending

    async def _until_halted(self, wait: Callable[..., Awaitable[None]], *arguments: int) -> None:
        """Wait, unless the program is told to end before or meanwhile."""
        if self._halted:
            return
        with trio.CancelScope() as self._wait:
            await wait(*arguments)
        self._wait = None

    async def _suspend(self, ccw_address: int) -> None:
        # What it touches after it was resumed may be elsewhere: the account begins anew.
        self._tell_span()
        self._resumed = trio.Event()
        self._tell_intermediate(ccw_address, suspended=True)
        await self._until_halted(self._resumed.wait)
        self._first_ns = self._owner.clock.now_ns()

    # --- telling --------------------------------------------------------------------------------------------

    def _tell_intermediate(self, ccw_address: int, *, suspended: bool) -> None:
        start = self.start
        told = m.IoIntermediate(None, start.lpar, start.device, start.start, suspended, ccw_address)
        self._owner.tell_self(told, self._cause)

    def _tell_span(self, ending: Ending | None = None) -> None:
        """What was touched since the last time this was told."""
        span, now_ns = self._view.take_span(), self._owner.clock.now_ns()
        moved = self.progress.bytes_moved - self._told_bytes
        self._cause = self._emit(
            "transfer.ended", first_ns=self._first_ns, last_ns=now_ns, fetches=span.fetches,
            stores=span.stores, lowest_host=span.lowest_host, highest_host=span.highest_host,
            origin_frame=self._view.origin, bytes=moved,
            device_status=ending.device_status if ending else 0,
            subchannel_status=ending.subchannel_status if ending else 0,
        )  # fmt: skip
        self._told_bytes += moved
        self._first_ns = now_ns

    def _emit(self, event: str, **fields: Any) -> int | None:
        return self._owner.tell_start(event, self.start, self._cause, **fields)
