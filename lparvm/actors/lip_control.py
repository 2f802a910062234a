"""LIP control of one LPAR: stops its LIPs, starts them by SIE, simulates what they intercept (numeral 7).

Carries out `protocol.guest_control` (stop and SIE) and `protocol.interruptions` (who gets which I/O
interruption). Requests of the guest for I/O go on to the IOP of the device.
"""

from collections.abc import Mapping

import trio

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch.interception import StartSubchannel, WaitForInterruption
from lparvm.protocol import guest_control as gc
from lparvm.protocol import interruptions
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, SERVICE_PROCESSOR, lip_control_of
from lparvm.protocol.interruptions import Delivery, Interruptions, Wait
from lparvm.protocol.results import message_text
from lparvm.protocol.subchannels import CC_NOT_OPERATIONAL
from lparvm.trace.writer import TraceLogger


class LipControl(Actor):
    """One for each LPAR."""

    def __init__(
        self,
        directory: Mapping[str, Mailbox],
        log: TraceLogger,
        clock: RunClock,
        control: gc.GuestControl,
        iop_of: Mapping[int, str],
    ) -> None:
        """`iop_of` names the IOP of each device of the LPAR."""
        super().__init__(lip_control_of(control.lpar), directory, log, clock)
        self.lpar = control.lpar
        self._control = control
        self._interruptions = Interruptions()
        self._iop_of = iop_of
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
        """Stop and restart, interceptions, the IOPs' answers."""
        message, seq = envelope.message, envelope.seq
        match message:
            case m.GuestIntercepted(lip=lip, request=StartSubchannel() as request):
                self._start_io(lip, request, seq)
            case m.GuestIntercepted(lip=lip, request=WaitForInterruption() as request):
                self._begin_wait(lip, request, seq)
            case m.IoStarted(lip=lip, condition_code=condition_code):
                self._reply(lip, condition_code, seq)
            case m.IoEnded(interruption=interruption):
                self._deliver(interruptions.present(self._interruptions, interruption), seq)
            case m.WaitTimedOut(wait=number):
                self._deliver(interruptions.time_out(self._interruptions, number), seq)
            case m.GuestFailed(lip=lip, code=code, text=text):
                told = message_text(code, lpar=self.lpar, lip=lip, text=text)
                self.post(SERVICE_PROCESSOR, m.OperatorMessaged(None, code, told), seq)
                self._carry_out(gc.advance(self._control, message), seq)
            case _:
                self._carry_out(gc.advance(self._control, message), seq)

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
                    self.post(LPAR_CONTROL, m.GuestRestarted(op, self.lpar, standings), cause)

    def _start_io(self, lip: str, request: StartSubchannel, cause: int | None) -> None:
        iop = self._iop_of.get(request.device)
        if iop is None:
            self._reply(lip, CC_NOT_OPERATIONAL, cause)
            return
        start = m.StartIo(None, self.lpar, lip, request.device, request.program, request.key)
        self.post(iop, start, cause)

    def _begin_wait(self, lip: str, request: WaitForInterruption, cause: int | None) -> None:
        self._waits_begun += 1
        number = self._waits_begun
        wait = Wait(lip, self._control.lips.index(lip), number, request.devices)
        state, delivery = interruptions.begin_wait(self._interruptions, wait)
        self._deliver((state, delivery), cause)
        if delivery is None and request.duration_ns is not None:
            scope = self._timers[lip] = trio.CancelScope()
            self.nursery.start_soon(self._time, scope, lip, number, request.duration_ns, cause)

    async def _time(
        self, scope: trio.CancelScope, lip: str, number: int, duration_ns: int, cause: int | None
    ) -> None:
        # Cancelled with the wait: a guest that waits long for what comes soon would leave timers without end.
        with scope:
            await self.clock.sleep_ns(duration_ns)
            # Told to itself only where it can still matter: a wait that ended leaves no message behind.
            if any(wait.number == number for wait in self._interruptions.waits):
                self.post(self.name, m.WaitTimedOut(None, self.lpar, lip, number), cause)

    def _deliver(self, step: tuple[Interruptions, Delivery | None], cause: int | None) -> None:
        self._interruptions, delivery = step
        if delivery is not None:
            lip, interruption = delivery
            if lip in self._timers:
                self._timers.pop(lip).cancel()
            self._reply(lip, interruption, cause)

    def _reply(self, lip: str, reply: object, cause: int | None) -> None:
        self.post(lip, m.InterceptionSimulated(None, self.lpar, reply), cause)
