"""LIP control of one LPAR: stops its LIPs, starts them by SIE, simulates what they intercept (numeral 7).

Carries out `protocol.guest_control` (stop and SIE), `protocol.channel_subsystem` (the guest's I/O instructions,
and what the IOPs tell of its starts) and `protocol.interruptions` (who gets which I/O interruption). An I/O
instruction is answered at once, before any IOP knows of it.
"""

from collections.abc import Mapping
from typing import Any

import trio

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch.interception import Request, WaitForInterruption
from lparvm.protocol import channel_subsystem as cs
from lparvm.protocol import guest_control as gc
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
        self._subsystem = cs.make(control.lpar, paths)
        self._iops = tuple(sorted({iop for names in paths.values() for iop in names}))
        self._waits: Waits = ()
        self._waits_begun = 0
        self._timers: dict[str, trio.CancelScope] = {}  # of the LIP's wait

    @property
    def failed(self) -> bool:
        """Whether a guest processor failed, and the LPAR is stopped for it."""
        return self._control.failed

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
                self._subsystem, orders = cs.advance(self._subsystem, message)
                self._carry_out_io(orders, seq)
            case m.WaitTimedOut(lip=lip, wait=number):
                if interruptions.waiting(self._waits, number):
                    self._waits = interruptions.end_wait(self._waits, number)
                    self._end_wait(lip, None, seq)
            case m.GuestFailed(lip=lip, code=code, text=text):
                told = message_text(code, lpar=self.lpar, lip=lip, text=text)
                self.post(SERVICE_PROCESSOR, m.OperatorMessaged(None, code, told), seq)
                if not self._control.failed:
                    self._reset_devices(seq)
                self._carry_out(gc.advance(self._control, message), seq)
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
                case gc.AnswerStopped(op=op):
                    self.post(LPAR_CONTROL, m.GuestStopped(op, self.lpar), cause)
                case gc.AnswerRestarted(op=op, standings=standings):
                    numbers = [one.number for one in cs.pending(self._subsystem)]
                    cause = self.log.emit(
                        "interruptions.kept", op=op, cause=cause, lpar=self.lpar, numbers=numbers
                    )
                    self.post(LPAR_CONTROL, m.GuestRestarted(op, self.lpar, standings), cause)

    def _simulate(self, lip: str, request: Request, cause: int | None) -> None:
        if isinstance(request, WaitForInterruption):
            self._begin_wait(lip, request, cause)
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

    def _reset_devices(self, cause: int | None) -> None:
        """The guest is stopped for good: what it has reserved is free for others."""
        for iop in self._iops:
            self.post(iop, m.ResetLpar(None, self.lpar), cause)

    def _reply(self, lip: str, reply: object, cause: int | None) -> None:
        self.post(lip, m.InterceptionSimulated(None, self.lpar, reply), cause)
