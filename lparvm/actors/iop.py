"""An I/O processor: runs the guests' channel programs, reading and writing main storage by itself (numeral 10).

What it runs, holds, gives up and reports is decided by `protocol.io_processor`. Each running channel program is a
helper task (`actors.channel_task`); so is what a device does by itself.
"""

from collections.abc import Mapping
from typing import Any

from lparvm.actors.channel_task import ChannelRate, ChannelTask
from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.actors.run_clock import RunClock
from lparvm.arch.address import Zone
from lparvm.arch.channel import DeviceStatus
from lparvm.config import CHANNEL_STEPS_PER_TURN, MAILBOX_BUSY_SHARE
from lparvm.devices.base import Device
from lparvm.errors import UsageError
from lparvm.protocol import io_orders as o
from lparvm.protocol import io_processor as iop
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR, lip_control_of
from lparvm.protocol.results import message_text
from lparvm.storage.channel_view import ChannelView
from lparvm.storage.main_storage import MainStorage
from lparvm.trace.writer import TraceLogger


class Iop(Actor):
    """One I/O processor with its devices.

    Attributes:
        rate: what its channel carries.
        steps_per_turn: steps of a channel program that wait for nothing, before others get a turn.
    """

    steps_per_turn = CHANNEL_STEPS_PER_TURN

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
        """Take the devices.

        Args:
            name: of the IOP.
            directory: mailboxes of all actors.
            log: the trace.
            clock: the run clock.
            storage: main storage.
            devices: those with a path from here, by number. One with paths from others as well is shared.
            users: LPAR -> the devices that it may use here.
            zones: the first SALE of each of these LPARs.
            paths: device number -> names of its IOPs, in the order of its paths.
            rate: bytes a second, of all channel programs together; None: no limit.
        """
        super().__init__(name, directory, log, clock)
        self.rate = ChannelRate(rate)
        self._storage = storage
        self._devices = devices
        self._paths = paths
        self._state = iop.IoProcessor(users, dict(zones))
        self._tasks: dict[int, ChannelTask] = {}
        self._sale_refusals = 0

    def begin(self) -> None:
        """The first SALE of each LPAR is in force; devices that act by themselves begin."""
        for lpar, zone in self._state.zones.items():
            self._tell_limit(None, lpar, zone, None)
        for number, device in self._devices.items():
            if self._paths[number][0] == self.name:
                self.nursery.start_soon(self._run_alone, number, device)

    def refuse_next_sale(self) -> None:
        """A fault of the scenario: the next SALE is refused."""
        self._sale_refusals += 1

    def forget_refusals(self) -> None:
        """The next SALE is taken again."""
        self._sale_refusals = 0

    @property
    def quiescing(self) -> Mapping[str, str]:
        """LPARs whose starts are held, and the operation that they are held for."""
        return self._state.quiescing

    def zone_of(self, lpar: str) -> Zone:
        """The zone that addresses of the LPAR are checked against now."""
        return self._state.zones[lpar]

    def handle(self, envelope: Envelope) -> None:
        """Starts and endings, quiesce, SALE, release, paths, consoles."""
        message, seq = envelope.message, envelope.seq
        match message:
            case m.SetAddressLimit() if self._sale_refusals:
                self._sale_refusals -= 1
                refusal = m.AddressLimitRefused(message.op, message.lpar, self.name)
                self.post(RESOURCE_MANAGER, refusal, seq)
            case m.EnterLine():
                self._enter_line(message, seq)
            case m.SetAddressLimit(lpar=lpar):
                # An LPAR that is resized may have I/O under way.
                for task in self._tasks.values():
                    if task.start.lpar == lpar:
                        task.tell_touched()
                self._feed(message, seq)
            case _:
                self._feed(message, seq)

    def _feed(self, event: object, cause: int | None) -> None:
        self._state, orders = iop.advance(self._state, event)
        for order in orders:
            self._carry_out(order, cause)

    # --- carrying out orders --------------------------------------------------------------------------------

    def _carry_out(self, order: o.Order, cause: int | None) -> None:
        match order:
            case o.Begin():
                self._begin_program(order, cause)
            case o.HoldStart(start=start) | o.HoldResume(start=start):
                held = "start.held" if isinstance(order, o.HoldStart) else "resume.held"
                self.tell_start(held, start, cause)
            case o.EndStart():
                self._end_start(order, cause)
            case o.Halt() | o.GiveUp() | o.Resume():
                self._control_program(order, cause)
            case o.FreeDevice() | o.ResetDevices():
                self._let_go(order, cause)
            case o.TellLate(start=start, operation=operation):
                active_ns = self.clock.now_ns() - self._tasks[start.device].began_ns
                self.tell_start("device.ended", start, cause, operation=operation, active_ns=active_ns)
            case o.ConfirmVary():
                self._confirm_vary(order, cause)
            case o.RefuseStart() | o.Forward() | o.OfferStatus():
                self._tell_lip_control(order, cause)
            case o.ConfirmAttached() | o.ConfirmDetached() | o.ConfirmReset():
                self._confirm(order, cause)
            case _:
                self._report(order, cause)

    def _control_program(self, order: o.Halt | o.GiveUp | o.Resume, cause: int | None) -> None:
        task = self._tasks[order.device]
        match order:
            case o.Halt():
                task.halt()
            case o.GiveUp():
                task.give_up()
            case o.Resume():
                self._tell_began(task.start, self.tell_start("start.resumed", task.start, cause))
                task.resume()

    def _tell_lip_control(self, order: o.RefuseStart | o.Forward | o.OfferStatus, cause: int | None) -> None:
        message: m.PathNotOperational | m.IoIntermediate | m.StatusOffered
        match order:
            case o.RefuseStart(start=start):
                message = m.PathNotOperational(None, start.lpar, start.device, start.start, self.name)
            case o.Forward(message=told):
                message = told
            case o.OfferStatus(lpar=lpar, device=device, device_status=status):
                message = m.StatusOffered(None, lpar, device, self.name, status)
        self.post(lip_control_of(message.lpar), message, cause)

    def _report(
        self,
        order: o.ReportQuiesced | o.ReportBusy | o.ConfirmLimit | o.ConfirmRelease,
        cause: int | None,
    ) -> None:
        """What an operation waits for."""
        op, lpar = order.op, order.lpar
        match order:
            case o.ReportQuiesced():
                cause = self.log.emit("iop.quiesced", op=op, cause=cause, lpar=lpar, iop=self.name)
                self.post(LPAR_CONTROL, m.IopQuiesced(op, lpar, self.name), cause)
            case o.ReportBusy(devices=devices, attempt=attempt):
                busy = tuple(self._busy(device) for device in devices)
                self.post(LPAR_CONTROL, m.IopBusy(op, lpar, self.name, busy, attempt), cause)
            case o.ConfirmLimit(zone=zone):
                cause = self._tell_limit(op, lpar, zone, cause)
                self.post(RESOURCE_MANAGER, m.AddressLimitSet(op, lpar, self.name), cause)
            case o.ConfirmRelease(held=held):
                cause = self.log.emit(
                    "starts.released", op=op, cause=cause, lpar=lpar, iop=self.name, held=held
                )
                self.post(LPAR_CONTROL, m.HeldStartsReleased(op, lpar, self.name, held), cause)

    def _confirm(
        self, order: o.ConfirmAttached | o.ConfirmDetached | o.ConfirmReset, cause: int | None
    ) -> None:
        """LPARs that come, go, and are reset."""
        op, lpar = order.op, order.lpar
        match order:
            case o.ConfirmAttached(zone=zone, offline=offline):
                cause = self._tell_limit(op, lpar, zone, cause)
                for device in offline:
                    changed = m.PathChanged(None, lpar, device, self.name, False)
                    self.post(lip_control_of(lpar), changed, cause)
                self.post(LPAR_CONTROL, m.LparAttached(op, lpar, self.name), cause)
            case o.ConfirmDetached():
                self.post(LPAR_CONTROL, m.LparDetached(op, lpar, self.name), cause)
            case o.ConfirmReset(cleared=cleared):
                cause = self.log.emit(
                    "lpar.reset", op=op, cause=cause, lpar=lpar, iop=self.name, cleared=cleared
                )
                self.post(lip_control_of(lpar), m.LparReset(op, lpar, self.name), cause)

    def _tell_limit(self, op: str | None, lpar: str, zone: Zone, cause: int | None) -> int | None:
        return self.log.emit(
            "sale.set", op=op, cause=cause, lpar=lpar, iop=self.name, origin_frame=zone.origin,
            extent_frames=zone.extent,
        )  # fmt: skip

    def _busy(self, device: int) -> m.BusyDevice:
        task = self._tasks[device]
        progress = task.progress
        return m.BusyDevice(
            device, self.name, self._paths[device].index(self.name), progress.operation, progress.command,
            progress.ccw_address, progress.bytes_left, self.clock.now_ns() - task.began_ns, progress.pages,
            task.start.lpar,
        )  # fmt: skip

    # --- starts ---------------------------------------------------------------------------------------------

    def _begin_program(self, order: o.Begin, cause: int | None) -> None:
        start = order.start
        device = self._devices[start.device]
        if not device.available(start.lpar):
            reason = "reserved" if device.user is None else "busy"
            cause = self.tell_start("start.deferred", start, cause, reason=reason)
            self._feed(iop.DeviceNotAvailable(start, order.arrival, busy=reason == "busy"), cause)
            return
        device.connect(start.lpar)
        cause = self.tell_start("start.begun", start, cause)
        self._tell_began(start, cause)
        task = ChannelTask(self, device, start, self.view_of(start), cause)
        self._tasks[start.device] = task
        self.nursery.start_soon(task.run)

    def _tell_began(self, start: m.StartIo, cause: int | None) -> None:
        began = m.IoBegan(None, start.lpar, start.device, start.start, self.name)
        self.post(lip_control_of(start.lpar), began, cause)

    def view_of(self, start: m.StartIo) -> ChannelView:
        """Guest storage as a start's channel program may use it: by the zone of the last SALE."""
        return ChannelView(self._storage, lambda: self._state.zones[start.lpar], start.orb.key)

    def _end_start(self, order: o.EndStart, cause: int | None) -> None:
        start, ending = order.start, order.ending
        cause = self.tell_start(
            "start.ended", start, cause, function=order.function.name, device_status=ending.device_status,
            subchannel_status=ending.subchannel_status,
        )  # fmt: skip
        ended = m.IoEnded(None, start.lpar, start.device, start.start, self.name, order.function, ending)
        self.post(lip_control_of(start.lpar), ended, cause)

    def _let_go(self, order: o.FreeDevice | o.ResetDevices, cause: int | None) -> None:
        if isinstance(order, o.FreeDevice):
            lpar, number = order.start.lpar, order.start.device
            self._devices[number].disconnect()
            del self._tasks[number]
            if order.reset:
                self._devices[number].reset(lpar)  # it may have reserved the device since
            self._tell_freed(lpar, number, cause)
            return
        for number in order.devices:
            self._devices[number].reset(order.lpar)
            self._feed(m.DeviceFreed(None, order.lpar, number), cause)
            self._tell_freed(order.lpar, number, cause)

    def _tell_freed(self, lpar: str, number: int, cause: int | None) -> None:
        """The other IOPs with a path to the device may try again."""
        for other in self._paths[number]:
            if other != self.name:
                self.post(other, m.DeviceFreed(None, lpar, number), cause)

    def tell_start(self, event: str, start: m.StartIo, cause: int | None, **fields: Any) -> int | None:
        """A fact about a start, for the trace; the number of its event."""
        return self.log.emit(
            event, cause=cause, lpar=start.lpar, iop=self.name, device=f"{start.device:04X}",
            start=start.start, **fields,
        )  # fmt: skip

    # --- paths, consoles, devices that act by themselves -----------------------------------------------------

    def _confirm_vary(self, order: o.ConfirmVary, cause: int | None) -> None:
        device, online = order.device, order.online
        if order.changed:
            cause = self.log.emit(
                "path.varied", op=order.op, cause=cause, iop=self.name, device=f"{device:04X}", online=online
            )
        for lpar in order.lpars:
            self.post(lip_control_of(lpar), m.PathChanged(None, lpar, device, self.name, online), cause)
        varied = m.PathVaried(order.op, self.name, device, online, order.changed)
        self.post(SERVICE_PROCESSOR, varied, cause)

    def _enter_line(self, message: m.EnterLine, cause: int | None) -> None:
        op, lpar, number = message.op, message.lpar, message.device
        try:
            self._devices[number].enter(message.text, lpar)
        except UsageError as error:
            self.post(SERVICE_PROCESSOR, m.LineEntered(op, lpar, number, str(error)), cause)
            return
        cause = self.log.emit(
            "line.entered", op=op, cause=cause, lpar=lpar, device=f"{number:04X}", text=message.text
        )
        self.post(SERVICE_PROCESSOR, m.LineEntered(op, lpar, number), cause)
        self._carry_out(o.OfferStatus(lpar, number, DeviceStatus.ATTENTION), cause)

    async def _run_alone(self, number: int, device: Device) -> None:
        acts = device.alone()
        act = next(acts, None)
        while act is not None:
            wait_ns, status = act
            await self.clock.sleep_ns(wait_ns)
            self.post(self.name, m.DeviceSignalled(None, None, number, int(status)), None)
            act = next(acts, None)  # at once: what the device does with its signal is done before it is seen
            users = (lpar for lpar, numbers in self._state.devices.items() if number in numbers)
            await self.let_drain(self.name, *map(lip_control_of, users))

    def tell_output(self, device: Device, cause: int | None) -> bool:
        """Tell lines that the device wrote; whether there were any."""
        lines = device.take_output()
        for lpar, text in lines:
            number = f"{device.number:04X}"
            seq = self.log.emit("console.written", cause=cause, lpar=lpar, device=number, text=text)
            told = message_text("LVM090I", lpar=lpar, device=number, text=text)
            self.post(SERVICE_PROCESSOR, m.OperatorMessaged(None, "LVM090I", told), seq)
        return bool(lines)

    def tell_self(self, message: m.IoIntermediate | m.ChannelProgramEnded, cause: int | None) -> None:
        """Post to the own mailbox."""
        self.post(self.name, message, cause)

    async def let_drain(self, *names: str) -> None:
        """Let others run, until these actors have caught up with what was sent to them.

        For helper tasks that tell as often as a guest or a device likes: `actors.mailbox` bounds only what is
        answered, or comes once a start. Each of them adds one message, or its device's lines, beyond the share.
        """
        boxes = [self._directory[name] for name in names]
        while True:
            await self.clock.sleep_ns(0)
            if all(len(box) <= box.capacity // MAILBOX_BUSY_SHARE for box in boxes):
                return
