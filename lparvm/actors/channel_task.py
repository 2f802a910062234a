"""A channel program under way: the helper task of an IOP that drives it, from its begin to its device's end.

The program (`devices.channel_program`) is a synchronous generator: it touches storage in its steps, and yields
what it waits for. Between two steps:

- it sleeps, and a halt wakes it unless the wait is `Deaf`; the program then ends there;
- suspended, it stands still until it is resumed, halted or given up; what it touched until then is told, for
  what comes after belongs to another time, and perhaps to another zone;
- what its device wrote for people is told;
- a wait of no time goes on at once, for a number of steps and bytes; then other tasks get their turn.

*Given up*, a program goes on sleeping and stepping as its device does, but its first access is refused, and
that is its end.
"""

from collections.abc import Mapping
from typing import Any

import trio
from attrs import define

from lparvm.actors.mailbox import Actor, Mailbox
from lparvm.arch.channel import Ending
from lparvm.config import CHANNEL_BYTES_PER_TURN, CHANNEL_STEPS_PER_TURN, MAILBOX_BUSY_SHARE
from lparvm.devices.base import Deaf, Device
from lparvm.devices.channel_program import HaltSignal, Intermediate, Progress, Suspended, execute
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import SERVICE_PROCESSOR, lip_control_of
from lparvm.protocol.io_processor import NOTHING
from lparvm.protocol.results import message_text
from lparvm.storage.channel_view import ChannelView, TransferRefused
from lparvm.units import NS_PER_S, seconds


@define
class SharedChannel:
    """The way between storage and all devices of an IOP: bytes pass one after another.

    Attributes:
        rate: bytes a second; None: they take no time.
        free_ns: run clock: when all that was moved is through.
    """

    rate: int | None
    free_ns: int = 0

    def occupy(self, now_ns: int, count: int) -> int:
        """Bytes are moved now; returns how many ns it takes until they are through."""
        if not self.rate or not count:
            return 0
        self.free_ns = max(self.free_ns, now_ns) - (-count * NS_PER_S // self.rate)
        return self.free_ns - now_ns


async def let_drain(directory: Mapping[str, Mailbox], *names: str) -> None:
    """Let other tasks run, until these actors have caught up with what was sent to them.

    For what sends as often as it likes: what a mailbox holds is bounded by what is in flight (`actors.mailbox`)
    only for messages that are answered, or come once a start.
    """
    boxes = [directory[name] for name in names]
    while True:
        await trio.lowlevel.checkpoint()
        if not any(len(box) * MAILBOX_BUSY_SHARE > box.capacity for box in boxes):
            return


class ChannelTask:
    """One channel program.

    Attributes:
        start: its start.
        progress: how far it is.
        began_ns: run clock.
    """

    def __init__(
        self,
        iop: Actor,
        directory: Mapping[str, Mailbox],
        start: m.StartIo,
        device: Device,
        view: ChannelView,
        channel: SharedChannel,
        cause: int | None,
    ) -> None:
        """Make it ready; `run` runs it.

        Args:
            iop: the IOP: sends and tells in its name.
            directory: all mailboxes.
            start: what to run.
            device: the device, connected.
            view: storage, with the start's key; used by nobody else.
            channel: the IOP's.
            cause: number of the event that began it.
        """
        self.start, self.progress, self.began_ns = start, Progress(), iop.clock.now_ns()
        self._iop, self._directory, self._clock = iop, directory, iop.clock
        self._device, self._view, self._channel, self._cause = device, view, channel, cause
        self._program = execute(device, view, start.orb, self.progress, start.limit)
        # Most devices write nothing, and need not be asked after each step.
        self._writes = type(device).take_output is not Device.take_output
        self._first_ns, self._told_bytes = self.began_ns, 0
        self._scope: trio.CancelScope | None = None  # of a wait that can be ended
        self._halt = self._halted = self._suspended = self._given_up = False
        view.on_zone_change = self._note_zone_change

    # --- for the IOP ---

    def halt(self) -> None:
        """Tell the device to end; it does when it hears it."""
        self._halt = True
        self._wake()

    def resume(self) -> None:
        """Suspended, go on."""
        self._suspended = False
        self._wake()

    def give_up(self, cause: int | None) -> int | None:
        """Let it touch nothing more; returns the number of the event that tells what it touched."""
        self._given_up = True
        self._view.revoke()
        if self._suspended:
            self._wake()
        return self._tell_transfer(NOTHING, cause)

    # --- the task ---

    async def run(self) -> None:
        """Run it, until its device has ended."""
        ending, seq = NOTHING, self._cause
        try:
            if not self._given_up:  # else it was so before it began, and the device is told nothing
                ending = await self._perform()
        finally:
            # Also when the run ends here: what the channel program touched is told.
            self._program.close()
            self._device.disconnect()
            if not self._given_up:
                seq = self._tell_transfer(ending, seq)
        start = self.start
        ended = m.ChannelProgramEnded(None, start.lpar, start.device, start.start, ending, self._halted)
        self._iop.post(self._iop.name, ended, seq)

    async def _perform(self) -> Ending:
        """All steps and waits; returns how the program ended."""
        progress, channel = self.progress, self._channel
        hears, steps, turn_bytes, occupied_ns = False, 0, 0, 0
        while True:
            before = progress.bytes_moved
            wait = self._step(hears=hears)
            moved = progress.bytes_moved - before
            if channel.rate:
                occupied_ns = channel.occupy(self._clock.now_ns(), moved)
            if self._writes:
                await self._tell_output()
            if isinstance(wait, int):
                hears, duration_ns = True, wait + occupied_ns
            elif isinstance(wait, Deaf):
                hears, duration_ns = False, wait.duration_ns + occupied_ns
            else:
                hears, duration_ns = isinstance(wait, Suspended), 0
                ending = await self._pause(wait, occupied_ns)
                if ending is not None:
                    return ending
            steps, turn_bytes = steps + 1, turn_bytes + moved
            if duration_ns:
                await self._sleep(duration_ns, hears=hears)
            elif steps < CHANNEL_STEPS_PER_TURN and turn_bytes < CHANNEL_BYTES_PER_TURN:
                continue
            else:
                await trio.lowlevel.checkpoint()
            steps = turn_bytes = 0

    def _step(self, *, hears: bool) -> int | Deaf | Suspended | Intermediate | Ending:
        """Go on to the next wait, or the end. Halted at a wait in which it hears that, it ends there."""
        try:
            if hears and self._halt:
                self._halted = True
                return self._program.throw(HaltSignal())
            return next(self._program)
        except StopIteration as end:
            ending: Ending = end.value
            return ending
        except TransferRefused as refused:
            self._tell("transfer.refused", self._cause, address=refused.address, bytes=refused.count)
            return NOTHING

    async def _pause(self, at: Suspended | Intermediate | Ending, occupied_ns: int) -> Ending | None:
        """What is no plain wait; returns the ending, if that is the end."""
        if occupied_ns:
            await self._sleep(occupied_ns, hears=False)
        match at:
            case Suspended():
                await self._stand(at)
                return NOTHING if self._given_up else None
            case Intermediate():
                await self._interrupt(at)
                return None
            case _:
                return at

    async def _sleep(self, duration_ns: int, *, hears: bool) -> None:
        with trio.CancelScope(deadline=trio.current_time() + seconds(duration_ns)) as scope:
            if hears:
                if self._halt:
                    return
                self._scope = scope
            await trio.sleep_forever()
        self._scope = None

    async def _stand(self, at: Suspended) -> None:
        """Suspended: touch nothing, until somebody wants something of it."""
        self._suspended = True
        if self._given_up:
            return
        seq = self._tell_transfer(NOTHING, self._cause)
        start = self.start
        told = m.IoIntermediate(None, start.lpar, start.device, start.start, True, at.ccw_address)
        # To the IOP first: it has to know what is active.
        self._iop.post(self._iop.name, told, seq)
        while self._suspended and not (self._halt or self._given_up):
            with trio.CancelScope() as self._scope:
                await trio.sleep_forever()
        self._scope = None
        self._first_ns = self._clock.now_ns()

    async def _interrupt(self, at: Intermediate) -> None:
        """A program-controlled interruption; a program may ask for any number of them."""
        start = self.start
        if self._given_up:
            return
        control = lip_control_of(start.lpar)
        told = m.IoIntermediate(None, start.lpar, start.device, start.start, False, at.ccw_address)
        self._iop.post(control, told, self._cause)
        await let_drain(self._directory, control)

    def _wake(self) -> None:
        if self._scope is not None:
            self._scope.cancel()

    # --- what is told ---

    def _note_zone_change(self) -> None:
        """The next access is under another SALE than those until now."""
        if self._view.span.lowest_host is not None:
            self._tell_transfer(NOTHING, self._cause)
        self._first_ns = self._clock.now_ns()

    def _tell_transfer(self, ending: Ending, cause: int | None) -> int | None:
        """What was touched since this was told last."""
        span, moved = self._view.take_span(), self.progress.bytes_moved
        count, self._told_bytes = moved - self._told_bytes, moved
        return self._tell(
            "transfer.ended", cause, first_ns=self._first_ns, last_ns=self._clock.now_ns(),
            fetches=span.fetches, stores=span.stores, lowest_host=span.lowest_host,
            highest_host=span.highest_host, origin_frame=self._view.origin, bytes=count,
            device_status=int(ending.device_status), subchannel_status=int(ending.subchannel_status),
        )  # fmt: skip

    def _tell(self, event: str, cause: int | None, **fields: Any) -> int | None:
        start, iop = self.start, self._iop
        return iop.log.emit(
            event, cause=cause, lpar=start.lpar, iop=iop.name, device=f"{start.device:04X}",
            start=start.start, **fields,
        )  # fmt: skip

    async def _tell_output(self) -> None:
        """Lines that the device wrote."""
        lines = self._device.take_output()
        device = f"{self.start.device:04X}"
        for lpar, text in lines:
            seq = self._iop.log.emit(
                "console.written", cause=self._cause, lpar=lpar, device=device, text=text
            )
            code = "LVM090I"
            message = message_text(code, lpar=lpar, device=device, text=text)
            self._iop.post(SERVICE_PROCESSOR, m.OperatorMessaged(None, code, message), seq)
        if lines:
            await let_drain(self._directory, SERVICE_PROCESSOR)
