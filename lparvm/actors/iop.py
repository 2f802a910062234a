"""An I/O processor: runs the guests' channel programs, reading and writing main storage by itself (numeral 10).

What it runs, holds, gives up and reports is decided by `protocol.io_processor`. Each channel program is a helper
task (`actors.channel_task`), each address of it checked against the zone of the last SALE. A device that does
something by itself has a helper task of its own, at the first of its IOPs.
"""

from collections.abc import Mapping
from typing import Any

from lparvm.actors.channel_task import ChannelTask, SharedChannel, let_drain
from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import Zone
from lparvm.arch.channel import DeviceStatus
from lparvm.devices.base import Device
from lparvm.errors import UsageError
from lparvm.protocol import io_orders as o
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR, lip_control_of
from lparvm.protocol.io_processor import IoProcessor, advance
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
        paths: Mapping[int, tuple[str, ...]],
        rate: int | None = None,
    ) -> None:
        """Nothing runs yet.

        Args:
            name: its name.
            directory: all mailboxes.
            log: tells what it does.
            clock: the run clock.
            storage: main storage.
            devices: those with a path from here, by number; shared with other IOPs.
            users: which of them each LPAR may use.
            zones: the first SALE of each LPAR.
            paths: the IOPs of each device, in the order of its paths.
            rate: bytes a second, over all devices; None: as fast as it goes.
        """
        super().__init__(name, directory, log, clock)
        self._storage = storage
        self._devices = devices
        self._paths = paths
        self._channel = SharedChannel(rate)
        self._state = IoProcessor(users, dict(zones))
        self._tasks: dict[int, ChannelTask] = {}
        self._sale_refusals = 0

    def begin(self) -> None:
        """The first SALE of each LPAR is in force, and devices that do something by themselves begin to."""
        for lpar, zone in self._state.zones.items():
            self._tell_limit(None, lpar, zone, None)
        for number, device in self._devices.items():
            acts = type(device).alone is not Device.alone
            if acts and self._paths[number][0] == self.name:
                self.nursery.start_soon(self._let_act, device)

    def refuse_next_sale(self) -> None:
        """A fault of the scenario: the next SALE is refused."""
        self._sale_refusals += 1

    def zone_of(self, lpar: str) -> Zone:
        """The zone that addresses of the LPAR are checked against now."""
        return self._state.zones[lpar]

    def handle(self, envelope: Envelope) -> None:
        """Starts, endings, quiesce, SALE, release, paths; see `protocol.io_processor`."""
        message, seq = envelope.message, envelope.seq
        if isinstance(message, m.EnterLine):
            self._enter(message, seq)
            return
        if self._sale_refusals and isinstance(message, m.SetAddressLimit):
            self._sale_refusals -= 1
            refusal = m.AddressLimitRefused(message.op, message.lpar, self.name)
            self.post(RESOURCE_MANAGER, refusal, seq)
            return
        self._state, orders = advance(self._state, message, self._refusal)
        for order in orders:
            self._carry_out(order, seq)

    def _refusal(self, start: m.StartIo) -> o.Deferral | None:
        device = self._devices[start.device]
        if device.available(start.lpar):
            return None
        return o.Deferral.RESERVED if device.user is None else o.Deferral.BUSY

    # --- orders -------------------------------------------------------------------------------------------

    def _carry_out(self, order: o.Order, cause: int | None) -> None:
        match order:
            case o.Begin(start=start):
                self._begin(start, cause)
            case o.EndStart():
                self._end(order, cause)
            case o.FreeDevice(lpar=lpar, device=device):
                del self._tasks[device]
                for iop in self._paths[device]:
                    if iop != self.name:
                        self.post(iop, m.DeviceFreed(None, lpar, device), cause)
            case o.Resume(start=start):
                self._tasks[start.device].resume()
                self._post_began(start, cause)
            case o.Halt(start=start):
                self._tasks[start.device].halt()
            case o.GiveUp(start=start):
                self._tasks[start.device].give_up(cause)
            case _:
                self._report(order, cause)

    def _report(self, order: o.Order, cause: int | None) -> None:
        """What LIP control is to know, and the trace."""
        match order:
            case o.ReturnStart(start=start):
                lost = m.PathNotOperational(None, start.lpar, start.device, start.start, self.name)
                self.post(lip_control_of(start.lpar), lost, cause)
            case o.TellIntermediate(message=message):
                self.post(lip_control_of(message.lpar), message, cause)
            case o.OfferStatus(lpar=lpar, device=device, device_status=status):
                self._offer(lpar, device, status, cause)
            case o.TellHeld(start=start):
                self._tell("start.held", start, cause)
            case o.TellDeferred(start=start, reason=reason):
                self._tell("start.deferred", start, cause, reason=str(reason))
            case _:
                self._answer(order, cause)

    def _answer(self, order: o.Order, cause: int | None) -> None:
        """What an operation or a command waits for, or wants to know."""
        match order:
            case o.ReportQuiesced(op=op, lpar=lpar):
                cause = self.log.emit("iop.quiesced", op=op, cause=cause, lpar=lpar, iop=self.name)
                self.post(LPAR_CONTROL, m.IopQuiesced(op, lpar, self.name), cause)
            case o.ReportBusy(op=op, lpar=lpar, devices=devices, attempt=attempt):
                busy = tuple(self._busy(device) for device in devices)
                self.post(LPAR_CONTROL, m.IopBusy(op, lpar, self.name, busy, attempt), cause)
            case o.ConfirmLimit(op=op, lpar=lpar, zone=zone):
                cause = self._tell_limit(op, lpar, zone, cause)
                self.post(RESOURCE_MANAGER, m.AddressLimitSet(op, lpar, self.name), cause)
            case o.ConfirmRelease(op=op, lpar=lpar, held=held):
                cause = self.log.emit(
                    "starts.released", op=op, cause=cause, lpar=lpar, iop=self.name, held=held
                )
                self.post(LPAR_CONTROL, m.HeldStartsReleased(op, lpar, self.name, held), cause)
            case o.TellEndedLate(start=start, op=op):
                active_ns = self.clock.now_ns() - self._tasks[start.device].began_ns
                self._tell("device.ended_late", start, cause, operation=op, active_ns=active_ns)
            case o.ConfirmVary():
                self._confirm_vary(order, cause)
            case _:
                raise AssertionError(f"{self.name} has no use for {order!r}")

    def _begin(self, start: m.StartIo, cause: int | None) -> None:
        device, lpar = self._devices[start.device], start.lpar
        device.connect(lpar)
        cause = self._tell("start.begun", start, cause)
        view = ChannelView(self._storage, lambda: self._state.zones[lpar], start.orb.key)
        task = ChannelTask(self, self._directory, start, device, view, self._channel, cause)
        self._tasks[start.device] = task
        self._post_began(start, cause)
        self.nursery.start_soon(task.run)

    def _post_began(self, start: m.StartIo, cause: int | None) -> None:
        began = m.IoBegan(None, start.lpar, start.device, start.start, self.name)
        self.post(lip_control_of(start.lpar), began, cause)

    def _end(self, order: o.EndStart, cause: int | None) -> None:
        start, function, ending = order.start, order.function, order.ending
        cause = self._tell(
            "start.ended", start, cause, function=function.name, device_status=int(ending.device_status),
            subchannel_status=int(ending.subchannel_status),
        )  # fmt: skip
        ended = m.IoEnded(None, start.lpar, start.device, start.start, self.name, function, ending)
        self.post(lip_control_of(start.lpar), ended, cause)

    def _busy(self, device: int) -> m.BusyDevice:
        task = self._tasks[device]
        progress, path = task.progress, self._paths[device].index(self.name)
        return m.BusyDevice(
            device, self.name, path, progress.operation, progress.command, progress.ccw_address,
            progress.bytes_left, self.clock.now_ns() - task.began_ns, progress.pages,
        )  # fmt: skip

    def _confirm_vary(self, order: o.ConfirmVary, cause: int | None) -> None:
        op, device, online = order.order.op, order.order.device, order.order.online
        if order.changed:
            cause = self.log.emit(
                "path.varied", op=op, cause=cause, iop=self.name, device=f"{device:04X}", online=online
            )
        for lpar in order.lpars:
            self.post(lip_control_of(lpar), m.PathChanged(None, lpar, device, self.name, online), cause)
        self.post(SERVICE_PROCESSOR, m.PathVaried(op, self.name, device, online, order.changed), cause)

    # --- what comes from outside --------------------------------------------------------------------------

    def _offer(self, lpar: str, device: int, status: int, cause: int | None) -> None:
        self.post(lip_control_of(lpar), m.StatusOffered(None, lpar, device, self.name, status), cause)

    def _enter(self, message: m.EnterLine, cause: int | None) -> None:
        """A line typed at a console: offered as attention."""
        op, lpar, device, text = message.op, message.lpar, message.device, message.text
        problem = None
        try:
            self._devices[device].enter(text, lpar)
        except UsageError as error:
            problem = str(error)
        else:
            cause = self.log.emit(
                "line.entered", op=op, cause=cause, lpar=lpar, device=f"{device:04X}", text=text
            )
            self._offer(lpar, device, int(DeviceStatus.ATTENTION), cause)
        self.post(SERVICE_PROCESSOR, m.LineEntered(op, lpar, device, problem), cause)

    async def _let_act(self, device: Device) -> None:
        """What a device does by itself, as long as it goes on."""
        users = [
            lip_control_of(lpar) for lpar, numbers in self._state.users.items() if device.number in numbers
        ]
        at_ns, acts = self.clock.now_ns(), device.alone()
        step = next(acts, None)
        while step is not None:
            wait_ns, status = step
            at_ns += wait_ns
            await self.clock.sleep_until_ns(at_ns)
            self.post(self.name, m.DeviceSignalled(None, None, device.number, int(status)), None)
            # At once: what it does for the status is done by then.
            step = next(acts, None)
            await let_drain(self._directory, self.name, *users)

    # --- facts --------------------------------------------------------------------------------------------

    def _tell(self, event: str, start: m.StartIo, cause: int | None, **fields: Any) -> int | None:
        return self.log.emit(
            event, cause=cause, lpar=start.lpar, iop=self.name, device=f"{start.device:04X}",
            start=start.start, **fields,
        )  # fmt: skip

    def _tell_limit(self, op: str | None, lpar: str, zone: Zone, cause: int | None) -> int | None:
        return self.log.emit(
            "sale.set", op=op, cause=cause, lpar=lpar, iop=self.name, origin_frame=zone.origin,
            extent_frames=zone.extent,
        )  # fmt: skip
