"""A logical instruction processor: runs guests, slice by slice, in turn (patent numeral 1).

A LIP may serve several LPARs, interleaved in time with equal shares: of the guests that can run, the one that
has had the least time gets the next slice. What a guest could have had while it waited or stood still is
forgone: it does not catch up.

A stop takes hold between two slices, which is an instruction boundary; it is acknowledged, and from then on
the LIP makes no access for that guest until SIE.

The LIP owns the state descriptions of its guests. SIE sets their zone: that is all a relocation ever changes
in them. A resize changes the zone's extent, between two slices of a guest that goes on running.
"""

import enum
from collections.abc import Callable, Mapping

import trio
from attrs import define

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch import interception as i
from lparvm.arch.address import Zone
from lparvm.arch.service_signal import StorageGrown
from lparvm.arch.state_description import StateDescription
from lparvm.config import SLICE_AIM_NS, SLICE_INSTRUCTIONS, SLICE_INSTRUCTIONS_MAX
from lparvm.guests.base import Guest
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import lip_control_of
from lparvm.storage.view import Observer
from lparvm.trace.writer import TraceLogger

Find = Callable[[str, str], tuple[Guest, StateDescription]]
"""LPAR and LIP -> its guest now, and the state description of the guest's processor on that LIP."""


class Status(enum.Enum):
    """Whether a guest processor has something to run."""

    READY = enum.auto()
    INTERCEPTED = enum.auto()  # a request is being simulated, or it waits
    ENDED = enum.auto()  # nothing more to do, or failed


@define
class GuestProcessor:
    """One guest on this LIP.

    Attributes:
        in_sie: SIE was issued and no stop came since.
        last_exit_ns: end of its last slice.
        left_ns: when it left SIE for the present stop.
        budget: instructions of the next slice.
        had_ns: time it has had on this LIP, as far as it counts for its share.
        sie_seq: the event of the last SIE: the cause of its slices.
        wait: what its last slice ended with, where that was a wait.
    """

    guest: Guest
    state: StateDescription
    in_sie: bool = False
    status: Status = Status.READY
    last_exit_ns: int = 0
    left_ns: int = 0
    budget: int = SLICE_INSTRUCTIONS
    had_ns: int = 0
    sie_seq: int | None = None
    wait: i.WaitForInterruption | None = None

    @property
    def can_run(self) -> bool:
        """In SIE, with something to do."""
        return self.in_sie and self.status is Status.READY


class Lip(Actor):
    """One processor; `processors` are its guests by LPAR name."""

    def __init__(
        self,
        name: str,
        directory: Mapping[str, Mailbox],
        log: TraceLogger,
        clock: RunClock,
        guests: Mapping[str, tuple[Guest, StateDescription]],
        instruction_ns: float,
        *,
        observe: bool,
        find: Find | None = None,
    ) -> None:
        """Take the guests that run here.

        Args:
            name: of the LIP.
            directory: mailboxes of all actors.
            log: the trace.
            clock: the run clock.
            guests: LPAR name -> its guest, and the state description of its processor on this LIP.
            instruction_ns: what an instruction costs under the virtual clock.
            observe: tell each access of a guest (trace level `storage`).
            find: where a guest that is loaded later is found, with the state description of its processor.
        """
        super().__init__(name, directory, log, clock)
        self.processors = {lpar: GuestProcessor(guest, state) for lpar, (guest, state) in guests.items()}
        self._least_had_ns = 0
        self._hangs_until_ns = 0
        self._instruction_ns = instruction_ns
        self._observe = observe
        self._find = find

    @property
    def busy(self) -> bool:
        """Whether a guest can run here now."""
        return any(processor.can_run for processor in self.processors.values())

    def hang(self, duration_ns: int) -> None:
        """A fault of the scenario: for so long the LIP neither runs nor answers."""
        self._hangs_until_ns = self.clock.now_ns() + duration_ns

    async def loop(self) -> None:
        """Slice after slice; messages between them."""
        while True:
            if self._hangs_until_ns:
                await self.clock.sleep_until_ns(self._hangs_until_ns)
                self._hangs_until_ns = 0
            while len(self.mailbox):
                self.handle(self.mailbox.get_nowait())
            processor = self._next()
            if processor is None:
                await self._wait()
            else:
                await self._run_slice(processor)

    async def _wait(self) -> None:
        """Nothing can run: wait for a message."""
        envelope = await self.mailbox.get()
        if self._hangs_until_ns:
            await self.clock.sleep_until_ns(self._hangs_until_ns)
        self.handle(envelope)

    def _next(self) -> GuestProcessor | None:
        """Of the guests that can run, the one that has had the least time."""
        ready = [processor for processor in self.processors.values() if processor.can_run]
        if not ready:
            return None
        processor = min(ready, key=lambda one: one.had_ns)
        self._least_had_ns = processor.had_ns
        return processor

    def _come_back(self, processor: GuestProcessor) -> None:
        """The guest can run again: it may not catch up on the time it did not use."""
        processor.had_ns = max(processor.had_ns, self._least_had_ns)

    async def _run_slice(self, processor: GuestProcessor) -> None:
        guest, state = processor.guest, processor.state
        first_ns, before, origin = self.clock.now_ns(), state.instructions, state.zone.origin
        if self._observe:
            guest.observe(self._observer(processor))
        processor.wait = None
        interception = guest.run(state, self.budget_of(processor))
        instructions = state.instructions - before
        try:
            if self.clock.virtual:
                took_ns = self._cost_ns(processor, instructions, first_ns)
                processor.had_ns += took_ns
                await self.clock.sleep_ns(took_ns)
            else:
                # Until here: what others do at the checkpoint is not this guest's time.
                took_ns = self.clock.now_ns() - first_ns
                processor.had_ns += took_ns
                self._adapt(processor, instructions, took_ns)
                await trio.lowlevel.checkpoint()
        finally:
            # Also when the run ends here: what the guest touched is told.
            last_ns = processor.last_exit_ns = self.clock.now_ns()
            span = guest.take_span(state)
            self.log.emit(
                "slice.ended", cause=processor.sie_seq, lpar=state.lpar, lip=self.name, first_ns=first_ns,
                last_ns=last_ns, fetches=span.fetches, stores=span.stores, lowest_host=span.lowest_host,
                highest_host=span.highest_host, origin_frame=origin, instructions=instructions,
                interception=type(interception).__name__,
            )  # fmt: skip
            for damage in guest.take_damage():
                self.log.emit(
                    "guest.damaged", cause=processor.sie_seq, lpar=state.lpar, lip=self.name,
                    address=damage.address, expected=damage.expected, found=damage.found,
                )  # fmt: skip
        self._act_on(processor, interception)

    def budget_of(self, processor: GuestProcessor) -> int:
        """Instructions of its next slice; a simulation cuts slices where it likes."""
        return processor.budget

    def _cost_ns(self, processor: GuestProcessor, instructions: int, first_ns: int) -> int:
        """Virtual clock: how long a slice takes.

        A guest whose requests are answered at once, and who does nothing but make them, costs an instruction
        each time: it would hold the time of the whole machine otherwise.
        """
        took_ns = round(instructions * self._instruction_ns)
        if not took_ns and processor.last_exit_ns == first_ns:
            return max(1, round(self._instruction_ns))
        return took_ns

    @staticmethod
    def _adapt(processor: GuestProcessor, instructions: int, took_ns: int) -> None:
        """Real clock: let the next slice take about SLICE_AIM_NS, changing it by half or double at most."""
        if instructions >= processor.budget:
            wanted = processor.budget * SLICE_AIM_NS // max(took_ns, 1)
            wanted = max(processor.budget // 2, min(wanted, processor.budget * 2))
            processor.budget = max(1, min(wanted, SLICE_INSTRUCTIONS_MAX))

    def _act_on(self, processor: GuestProcessor, interception: i.Interception) -> None:
        match interception:
            case i.TimeSliceEnded():
                pass
            case i.ProgramEnded():
                self._end(processor, "program ended")
            case i.ProgramCheck(code=code, address=address):
                text = f"program interruption {code:04X} at guest absolute {address:#x}"
                self._fail(processor, "LVM070E", text)
            case i.GuestError(text=text):
                self._fail(processor, "LVM071E", text)
            case request:  # what is left are the requests
                self._intercept(processor, request)

    def _intercept(self, processor: GuestProcessor, request: i.Request) -> None:
        processor.status = Status.INTERCEPTED
        processor.wait = request if isinstance(request, i.WaitForInterruption) else None
        lpar = processor.state.lpar
        intercepted = m.GuestIntercepted(None, lpar, self.name, request)
        self.post(lip_control_of(lpar), intercepted, processor.sie_seq)

    def _end(self, processor: GuestProcessor, reason: str) -> int | None:
        processor.status = Status.ENDED
        return self.log.emit(
            "guest.ended", cause=processor.sie_seq, lpar=processor.state.lpar, lip=self.name, reason=reason
        )

    def _fail(self, processor: GuestProcessor, code: str, text: str) -> None:
        seq = self._end(processor, text)
        lpar = processor.state.lpar
        self.post(lip_control_of(lpar), m.GuestFailed(None, lpar, self.name, code, text), seq)

    def handle(self, envelope: Envelope) -> None:
        """Stop, SIE, a new extent, a service signal, the reply of an interception."""
        message = envelope.message
        if isinstance(message, m.AttachProcessor | m.DetachProcessor):
            self._take_up(message, envelope.seq)
            return
        processor = self.processors[message.lpar]
        match message:
            case m.StopLip():
                self._stop(processor, message, envelope.seq)
            case m.StartInterpretiveExecution():
                self._start(processor, message, envelope.seq)
            case m.SetExtent():
                self._set_extent(processor, message, envelope.seq)
            case m.PresentSignal():
                self._present_signal(processor, message, envelope.seq)
            case m.InterceptionSimulated(reply=reply):
                processor.state.reply = reply
                if processor.status is Status.INTERCEPTED:
                    processor.status = Status.READY
                    self._come_back(processor)
            case _:
                raise AssertionError(f"{self.name} has no use for {message!r}")

    def _take_up(self, message: m.AttachProcessor | m.DetachProcessor, cause: int | None) -> None:
        """A new guest, or none any more."""
        op, lpar = message.op, message.lpar
        answer: object
        if isinstance(message, m.AttachProcessor):
            assert self._find is not None, "a machine whose guests change says where they are"
            guest, state = self._find(lpar, self.name)
            self.processors[lpar] = GuestProcessor(guest, state)
            answer = m.ProcessorAttached(op, lpar, self.name)
        else:
            del self.processors[lpar]
            answer = m.ProcessorDetached(op, lpar, self.name)
        self.post(lip_control_of(lpar), answer, cause)

    def _stop(self, processor: GuestProcessor, message: m.StopLip, cause: int | None) -> None:
        if processor.in_sie:
            processor.in_sie = False
            # In this guest when the order came: it left with its last slice. Else: with the order.
            processor.left_ns = max(message.ordered_ns, processor.last_exit_ns)
            cause = self.log.emit(
                "lip.stopped", op=message.op, cause=cause, lpar=message.lpar, lip=self.name,
                left_sie_ns=processor.left_ns,
            )  # fmt: skip
        answer = m.LipStopped(message.op, message.lpar, self.name, processor.left_ns)
        self.post(lip_control_of(message.lpar), answer, cause)

    def _start(
        self, processor: GuestProcessor, message: m.StartInterpretiveExecution, cause: int | None
    ) -> None:
        self._set_zone(processor, message.zone)
        sie_ns = self.clock.now_ns()
        if message.run:
            processor.in_sie = True
            self._come_back(processor)
            cause = self._tell_sie(processor, message.op, sie_ns, cause)
        else:
            cause = self._tell_zone("zone.noted", processor, message.op, cause, at_ns=sie_ns)
        answer = m.InterpretiveExecutionStarted(message.op, message.lpar, self.name, sie_ns)
        self.post(lip_control_of(message.lpar), answer, cause)

    def _set_extent(self, processor: GuestProcessor, message: m.SetExtent, cause: int | None) -> None:
        self._set_zone(processor, message.zone)
        if processor.in_sie:
            cause = self._tell_zone("extent.set", processor, message.op, cause)
        else:
            now_ns = self.clock.now_ns()
            cause = self._tell_zone("zone.noted", processor, message.op, cause, at_ns=now_ns)
        self.post(lip_control_of(message.lpar), m.ExtentSet(message.op, message.lpar, self.name), cause)

    def _present_signal(self, processor: GuestProcessor, message: m.PresentSignal, cause: int | None) -> None:
        """A signal replaces one that the guest has not taken: the newer one tells all that counts."""
        state = processor.state
        taken = message.signal is None or processor.guest.can_take_signal(state)
        if message.signal is None:
            self._take_signal_back(processor)
        elif taken:
            state.service_signal = message.signal
        if taken and message.signal is not None and processor.status is Status.ENDED:
            # A processor that has no more to do is run again for it.
            processor.status = Status.READY
            if processor.in_sie:
                self._come_back(processor)
                cause = self._tell_sie(processor, message.op, self.clock.now_ns(), cause)
        answer = m.SignalPresented(message.op, message.lpar, self.name, taken)
        self.post(lip_control_of(message.lpar), answer, cause)

    def _take_signal_back(self, processor: GuestProcessor) -> None:
        state, wait = processor.state, processor.wait
        if state.service_signal is None:
            return  # it has seen it
        state.service_signal = None
        if processor.status is Status.READY and wait is not None and state.reply is None:
            # Its wait was ended for a signal that it will not see: the wait PSW is loaded again.
            self._intercept(processor, wait)

    def _set_zone(self, processor: GuestProcessor, zone: Zone) -> None:
        state = processor.state
        state.zone, signal = zone, state.service_signal
        if isinstance(signal, StorageGrown) and signal.extent > zone.extent:
            # It grew, and shrank again, while the guest stood: there is no such storage any more.
            self._take_signal_back(processor)

    def _tell_sie(
        self, processor: GuestProcessor, op: str | None, at_ns: int, cause: int | None
    ) -> int | None:
        processor.sie_seq = self._tell_zone("sie.issued", processor, op, cause, at_ns=at_ns)
        return processor.sie_seq

    def _tell_zone(
        self, event: str, processor: GuestProcessor, op: str | None, cause: int | None, **more: int
    ) -> int | None:
        zone = processor.state.zone
        return self.log.emit(
            event, op=op, cause=cause, **more, lpar=processor.state.lpar, lip=self.name,
            origin_frame=zone.origin, extent_frames=zone.extent,
        )  # fmt: skip

    def _observer(self, processor: GuestProcessor) -> Observer:
        """One event an access of this guest on this LIP."""

        def tell(access: str, address: int, host: int, count: int) -> None:
            self.log.emit(
                "storage.accessed", cause=processor.sie_seq, lpar=processor.state.lpar, lip=self.name,
                access=access, address=address, host=host, bytes=count,
            )  # fmt: skip

        return tell
