"""LIP control of one LPAR: stops its LIPs, starts them by SIE, simulates what they intercept (numeral 7).

Carries out `protocol.guest_control` (stop, SIE, extent), `protocol.guest_signals` (what the guest is told of its
storage, and answers), `protocol.channel_subsystem` (the guest's I/O instructions,
and what the IOPs tell of its starts) and `protocol.interruptions` (who gets which I/O interruption). An I/O
instruction is answered at once, before any IOP knows of it.
"""

from collections.abc import Mapping
from typing import Any

import trio
from attrs import evolve

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import Zone
from lparvm.arch.interception import Request, ServiceCall, WaitForInterruption
from lparvm.arch.service_signal import StorageKept
from lparvm.protocol import channel_subsystem as cs
from lparvm.protocol import guest_control as gc
from lparvm.protocol import guest_signals as gs
from lparvm.protocol import interruptions
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, SERVICE_PROCESSOR, lip_control_of
from lparvm.protocol.interruptions import Wait, Waits
from lparvm.protocol.results import message_text
from lparvm.trace.writer import TraceLogger


class LipControl(Actor):
    """One for each LPAR."""

    def __init__(
        self,
        directory: Mapping[str, Mailbox],
        log: TraceLogger,
        clock: RunClock,
        control: gc.GuestControl,
        paths: Mapping[int, tuple[str, ...]],
    ) -> None:
        """`paths` names the IOPs of each device of the LPAR, in the order of its paths."""
        super().__init__(lip_control_of(control.lpar), directory, log, clock)
        self.lpar = control.lpar
        self._control = control
        self._signals = gs.GuestSignals(control.lpar)
        self._subsystem = cs.make(control.lpar, paths)
        self._know_iops(paths)
        self._waits: Waits = ()
        self._waits_begun = 0
        self._timers: dict[str, trio.CancelScope] = {}  # of the LIP's wait

    @property
    def failed(self) -> bool:
        """Whether a guest processor failed, and the LPAR is stopped for it."""
        return self._control.failed

    @property
    def zone(self) -> Zone:
        """Where the guest is, as far as LIP control knows."""
        return self._control.zone

    def begin(self) -> None:
        """IPL is done: run the guest."""
        self._carry_out(gc.begin(self._control), None)

    def handle(self, envelope: Envelope) -> None:
        """Stop and restart, interceptions, what the IOPs tell; then interruptions, where any can be presented."""
        message, seq = envelope.message, envelope.seq
        match message:
            case m.GuestIntercepted(lip=lip, request=request):
                self._simulate(lip, request, seq)
            case (
                m.IoBegan() | m.IoIntermediate() | m.IoEnded() | m.PathNotOperational() | m.PathChanged()
                | m.StatusOffered()
            ):  # fmt: skip
                self._take(message, seq)
            case m.WaitTimedOut(lip=lip, wait=number):
                if interruptions.waiting(self._waits, number):
                    self._waits = interruptions.end_wait(self._waits, number)
                    self._end_wait(lip, None, seq)
            case m.GuestFailed(lip=lip, code=code, text=text):
                told = message_text(code, lpar=self.lpar, lip=lip, text=text)
                self.post(SERVICE_PROCESSOR, m.OperatorMessaged(None, code, told), seq)
                if not self._control.failed:
                    self._release_reservations(seq)
                self._carry_out(gc.advance(self._control, message), seq)
                self._signal(message, seq)
            case m.PrepareGuest(op=op, paths=paths):
                self._subsystem = cs.renew(self._subsystem, dict(paths))
                self._know_iops(dict(paths))
                self.post(LPAR_CONTROL, m.GuestPrepared(op, self.lpar), seq)
            case m.ResetGuest():
                self._begin_reset(message, seq)
            case m.SignalGuest() | m.SignalPresented() | m.SettleSignal():
                self._signal(message, seq)
            case _:
                self._carry_out(gc.advance(self._control, message), seq)
        self._present(seq)

    def _carry_out(self, step: gc.Step, cause: int | None) -> None:
        self._control, orders = step
        for order in orders:
            match order:
                case gc.OrderStop(op=op, lip=lip):
                    self.post(lip, m.StopLip(op, self.lpar, self.clock.now_ns()), cause)
                case gc.OrderSie(op=op, lip=lip, zone=zone, run=run):
                    self.post(lip, m.StartInterpretiveExecution(op, self.lpar, zone, run), cause)
                case gc.OrderExtent(op=op, lip=lip, zone=zone):
                    self.post(lip, m.SetExtent(op, self.lpar, zone), cause)
                case gc.AnswerExtent(op=op):
                    self.post(LPAR_CONTROL, m.ExtentChanged(op, self.lpar), cause)
                case gc.AnswerStopped(op=op, failed=failed):
                    self.post(LPAR_CONTROL, m.GuestStopped(op, self.lpar, failed), cause)
                case gc.AnswerRestarted(op=op, standings=standings):
                    numbers = [one.number for one in cs.pending(self._subsystem)]
                    cause = self.log.emit(
                        "interruptions.kept", op=op, cause=cause, lpar=self.lpar, numbers=numbers
                    )
                    self.post(LPAR_CONTROL, m.GuestRestarted(op, self.lpar, standings), cause)
                case _:
                    cause = self._come_and_go(order, cause)

    def _come_and_go(self, order: gc.Order, cause: int | None) -> int | None:
        """STOP and START, a new guest, and the end of one; what follows a fact is caused by it."""
        match order:
            case gc.OrderAttach(op=op, lip=lip):
                self.post(lip, m.AttachProcessor(op, self.lpar), cause)
            case gc.OrderDetach(op=op, lip=lip):
                self.post(lip, m.DetachProcessor(op, self.lpar), cause)
            case gc.OrderReset(op=op, iop=iop):
                self.post(iop, m.ResetLpar(op, self.lpar), cause)
            case gc.TellHeld(op=op, held=held):
                return self.log.emit("guest.held", op=op, cause=cause, lpar=self.lpar, held=held)
            case gc.AnswerHeld(op=op):
                self.post(LPAR_CONTROL, m.GuestHeld(op, self.lpar), cause)
            case gc.AnswerStarted(op=op):
                self.post(LPAR_CONTROL, m.GuestStarted(op, self.lpar), cause)
            case gc.AnswerReset(op=op, failed=failed):
                self._signals = gs.GuestSignals(self.lpar)
                self._subsystem, orders = cs.end_reset(self._subsystem)
                self._carry_out_io(orders, cause)
                self.post(LPAR_CONTROL, m.GuestReset(op, self.lpar, failed), cause)
        return cause

    def _begin_reset(self, message: m.ResetGuest, cause: int | None) -> None:
        """The guest's waits are over, and so are its starts: what the IOPs have of them, they clear."""
        self._waits = ()
        for lip in tuple(self._timers):
            self._timers.pop(lip).cancel()
        self._subsystem, orders = cs.begin_reset(self._subsystem)
        self._carry_out_io(orders, cause)
        self._carry_out(gc.advance(self._control, message), cause)

    def _know_iops(self, paths: Mapping[int, tuple[str, ...]]) -> None:
        self._iops = tuple(sorted({iop for names in paths.values() for iop in names}))
        self._control = evolve(self._control, iops=self._iops)

    def _take(self, message: cs.IopMessage, cause: int | None) -> None:
        """What an IOP tells of a device; of one that the LPAR has no more, or that nobody could see, nothing."""
        if message.device not in self._subsystem.subchannels:
            return
        if isinstance(message, m.StatusOffered) and not self._control.lips:
            return
        self._subsystem, orders = cs.advance(self._subsystem, message)
        self._carry_out_io(orders, cause)

    def _signal(self, message: gs.Event, cause: int | None) -> None:
        control = self._control
        lip = control.lips[0] if control.lips else None
        step = gs.advance(self._signals, message, lip=lip, runs=control.in_sie, failed=control.failed)
        self._carry_out_signals(step, cause)

    def _carry_out_signals(self, step: gs.Step, cause: int | None) -> None:
        """Post, tell and reply; what follows a fact is caused by it."""
        self._signals, orders = step
        for order in orders:
            match order:
                case gs.Present(op=op, lip=lip, signal=signal):
                    self.post(lip, m.PresentSignal(op, self.lpar, signal), cause)
                case gs.WakeUp(lip=lip):
                    self._wake_up(lip, cause)
                case gs.TellSignalled(op=op, lip=lip, signal=signal):
                    cause = self.log.emit(
                        "guest.signalled", op=op, cause=cause, lpar=self.lpar, lip=lip,
                        signal=type(signal).__name__, extent_frames=signal.extent,
                    )  # fmt: skip
                case gs.TellAnswered(op=op, lip=lip, answer=said):
                    cause = self.log.emit(
                        "guest.answered", op=op, cause=cause, lpar=self.lpar, lip=lip,
                        answer=type(said).__name__,
                        extent_frames=0 if isinstance(said, StorageKept) else said.extent,
                    )  # fmt: skip
                case gs.ReplyExtent(lip=lip):
                    self._reply(lip, self._control.zone.extent, cause)
                case gs.Answer(message=message):
                    self.post(LPAR_CONTROL, message, cause)

    def _wake_up(self, lip: str, cause: int | None) -> None:
        """A wait on this LIP is over, without an interruption."""
        for wait in self._waits:
            if wait.lip == lip:
                self._waits = interruptions.end_wait(self._waits, wait.number)
                self._end_wait(lip, None, cause)

    def _simulate(self, lip: str, request: Request, cause: int | None) -> None:
        if isinstance(request, WaitForInterruption):
            self._begin_wait(lip, request, cause)
            return
        if isinstance(request, ServiceCall):
            self._carry_out_signals(gs.answer(self._signals, lip, request.answer), cause)
            return
        self._subsystem, reply, orders = cs.perform(self._subsystem, request)
        self._carry_out_io(orders, cause)
        self._reply(lip, reply, cause)

    def _carry_out_io(self, orders: tuple[cs.Order, ...], cause: int | None) -> None:
        """Post and tell; what follows a fact is caused by it."""
        for order in orders:
            match order:
                case cs.Send(iop=iop, message=message):
                    self.post(iop, message, cause)
                case cs.TellAccepted(device=device, start=start):
                    cause = self._tell("start.accepted", device, cause, start=start)
                case cs.TellEnded(device=device, start=start, function=function):
                    cause = self._tell(
                        "start.ended", device, cause, start=start, iop=None, function=function.name,
                        device_status=0, subchannel_status=0,
                    )  # fmt: skip
                case cs.TellPending(device=device, number=number):
                    self._tell("interruption.pending", device, cause, number=number)
                case cs.TellCleared(device=device, number=number, reason=reason):
                    self._tell("interruption.cleared", device, cause, number=number, reason=reason)

    def _tell(self, event: str, device: int, cause: int | None, **fields: Any) -> int | None:
        return self.log.emit(event, cause=cause, lpar=self.lpar, device=f"{device:04X}", **fields)

    def _begin_wait(self, lip: str, request: WaitForInterruption, cause: int | None) -> None:
        """The processor waits, if only until `_present` finds something for it."""
        self._waits_begun += 1
        number = self._waits_begun
        wait = Wait(lip, self._control.lips.index(lip), number, request.devices, request.classes)
        self._waits = (*self._waits, wait)
        self._present(cause)
        if request.duration_ns is not None and interruptions.waiting(self._waits, number):
            scope = self._timers[lip] = trio.CancelScope()
            self.nursery.start_soon(self._time, scope, lip, number, request.duration_ns, cause)

    async def _time(
        self, scope: trio.CancelScope, lip: str, number: int, duration_ns: int, cause: int | None
    ) -> None:
        # Cancelled with the wait: a guest that waits long for what comes soon would leave timers without end.
        with scope:
            await self.clock.sleep_ns(duration_ns)
            # Told to itself only where it can still matter: a wait that ended leaves no message behind.
            if interruptions.waiting(self._waits, number):
                self.post(self.name, m.WaitTimedOut(None, self.lpar, lip, number), cause)

    def _present(self, cause: int | None) -> None:
        self._waits, self._subsystem, presented = interruptions.present(
            self._waits, self._subsystem, in_sie=self._control.in_sie
        )
        for one in presented:
            interruption = one.interruption
            told = self._tell(
                "interruption.presented", interruption.device, cause, number=one.number, lip=one.lip
            )
            self._end_wait(one.lip, interruption, told)

    def _end_wait(self, lip: str, reply: object, cause: int | None) -> None:
        if lip in self._timers:
            self._timers.pop(lip).cancel()
        self._reply(lip, reply, cause)

    def _release_reservations(self, cause: int | None) -> None:
        """The guest is stopped for good: what it has reserved is free for others."""
        for iop in self._iops:
            self.post(iop, m.ReleaseReservations(None, self.lpar), cause)

    def _reply(self, lip: str, reply: object, cause: int | None) -> None:
        self.post(lip, m.InterceptionSimulated(None, self.lpar, reply), cause)
