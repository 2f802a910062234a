"""An I/O processor: runs the guests' channel programs, reading and writing main storage by itself (numeral 10).

What it runs, holds and reports is decided by `protocol.subchannels`; a channel program is a synchronous
generator (`devices.channel_program`) that touches storage between waits, each address checked against the
zone of the last SALE. Each running channel program is a helper task.
"""

from collections.abc import Mapping

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import Zone
from lparvm.arch.interruption import IoInterruption
from lparvm.devices.base import Device
from lparvm.devices.channel_program import Progress, execute
from lparvm.protocol import messages as m
from lparvm.protocol import subchannels as sc
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, lip_control_of
from lparvm.storage.channel_view import ChannelView
from lparvm.storage.main_storage import MainStorage
from lparvm.trace.writer import TraceLogger


class Iop(Actor):
    """One I/O processor with its devices."""

    def __init__(
        self,
        name: str,
        directory: Mapping[str, Mailbox],
        log: TraceLogger,
        clock: RunClock,
        storage: MainStorage,
        devices: Mapping[int, Device],
        users: Mapping[str, tuple[int, ...]],
        zones: Mapping[str, Zone],
    ) -> None:
        """`users` are the LPARs that may use devices here; `zones` their first SALE."""
        super().__init__(name, directory, log, clock)
        self._storage = storage
        self._devices = devices
        self._state = sc.Subchannels(users, dict(zones), {})
        self._progress: dict[int, tuple[Progress, int]] = {}
        self._sale_refusals = 0

    def begin(self) -> None:
        """The first SALE of each LPAR is in force."""
        for lpar, zone in self._state.zones.items():
            self._tell_limit(None, lpar, zone, None)

    def refuse_next_sale(self) -> None:
        """A fault of the scenario: the next SALE is refused."""
        self._sale_refusals += 1

    def zone_of(self, lpar: str) -> Zone:
        """The zone that addresses of the LPAR are checked against now."""
        return self._state.zones[lpar]

    def handle(self, envelope: Envelope) -> None:
        """Starts, endings, quiesce, SALE, release."""
        message, seq = envelope.message, envelope.seq
        if isinstance(message, m.SetAddressLimit) and self._sale_refusals:
            self._sale_refusals -= 1
            refusal = m.AddressLimitRefused(message.op, message.lpar, self.name)
            self.post(RESOURCE_MANAGER, refusal, seq)
            return
        self._state, orders = sc.advance(self._state, message)
        for order in orders:
            self._carry_out(order, seq)

    def _carry_out(self, order: sc.Order, cause: int | None) -> None:
        match order:
            case sc.Begin(start=start):
                self._progress[start.device] = (Progress(), self.clock.now_ns())
                self.nursery.start_soon(self._run_program, start, cause)
            case sc.AnswerStart(start=start, condition_code=condition_code):
                answer = m.IoStarted(None, start.lpar, start.lip, condition_code)
                self.post(lip_control_of(start.lpar), answer, cause)
            case sc.HoldStart(start=start):
                self.log.emit(
                    "start.held", cause=cause, lpar=start.lpar, iop=self.name, device=f"{start.device:04X}"
                )
            case sc.PresentInterruption(lpar=lpar, interruption=interruption):
                self.post(lip_control_of(lpar), m.IoEnded(None, lpar, interruption), cause)
            case sc.ReportQuiesced(op=op, lpar=lpar):
                cause = self.log.emit("iop.quiesced", op=op, cause=cause, lpar=lpar, iop=self.name)
                self.post(LPAR_CONTROL, m.IopQuiesced(op, lpar, self.name), cause)
            case sc.ReportBusy(op=op, lpar=lpar, devices=devices):
                busy = tuple(self._busy(device) for device in devices)
                self.post(LPAR_CONTROL, m.IopBusy(op, lpar, self.name, busy), cause)
            case sc.ConfirmLimit(op=op, lpar=lpar, zone=zone):
                cause = self._tell_limit(op, lpar, zone, cause)
                self.post(RESOURCE_MANAGER, m.AddressLimitSet(op, lpar, self.name), cause)
            case sc.ConfirmRelease(op=op, lpar=lpar, held=held):
                cause = self.log.emit(
                    "starts.released", op=op, cause=cause, lpar=lpar, iop=self.name, held=held
                )
                self.post(LPAR_CONTROL, m.HeldStartsReleased(op, lpar, self.name, held), cause)

    def _tell_limit(self, op: str | None, lpar: str, zone: Zone, cause: int | None) -> int | None:
        return self.log.emit(
            "sale.set", op=op, cause=cause, lpar=lpar, iop=self.name, origin_frame=zone.origin,
            extent_frames=zone.extent,
        )  # fmt: skip

    def _busy(self, device: int) -> m.BusyDevice:
        progress, began_ns = self._progress[device]
        active_ns = self.clock.now_ns() - began_ns
        return m.BusyDevice(device, self.name, progress.operation, progress.ccw_address, active_ns)

    async def _run_program(self, start: m.StartIo, cause: int | None) -> None:
        progress, first_ns = self._progress[start.device]
        view = ChannelView(self._storage, lambda: self._state.zones[start.lpar], start.key)
        interruption: IoInterruption | None = None
        try:
            program = execute(self._devices[start.device], view, start.program, progress)
            while True:
                try:
                    wait_ns = next(program)
                except StopIteration as end:
                    interruption = end.value
                    break
                await self.clock.sleep_ns(wait_ns)
        finally:
            # Also when the run ends here: what the channel program touched is told.
            seq = self._tell_transfer(start, view, progress, first_ns, interruption, cause)
        assert interruption is not None, "a channel program ends with a status"
        self.post(self.name, m.ChannelProgramEnded(None, start.lpar, interruption), seq)

    def _tell_transfer(
        self,
        start: m.StartIo,
        view: ChannelView,
        progress: Progress,
        first_ns: int,
        interruption: IoInterruption | None,
        cause: int | None,
    ) -> int | None:
        span = view.take_span()
        return self.log.emit(
            "transfer.ended", cause=cause, lpar=start.lpar, iop=self.name, device=f"{start.device:04X}",
            first_ns=first_ns, last_ns=self.clock.now_ns(), fetches=span.fetches, stores=span.stores,
            lowest_host=span.lowest_host, highest_host=span.highest_host, origin_frame=view.origin,
            bytes=progress.bytes_moved,
            device_status=interruption.device_status if interruption else 0,
            subchannel_status=interruption.subchannel_status if interruption else 0,
        )  # fmt: skip
