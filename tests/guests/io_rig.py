"""Devices without time: channel programs run one wait at a time, whenever the rig is stepped.

Several benches may share a rig, as LPARs share devices. A test can halt or clear what runs, vary devices off,
and look at what the devices hold.
"""

from itertools import islice

from attrs import define

from lparvm.arch.channel import ENDED, Ending
from lparvm.arch.subchannel import Function
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.devices.base import Device
from lparvm.devices.channel_program import HaltSignal, Progress, Suspended, execute
from lparvm.devices.registry import make_device
from lparvm.protocol import channel_subsystem as css
from lparvm.protocol import messages as m
from lparvm.storage.channel_view import ChannelView, TransferRefused

IOP = "IOP1"
ALONE_STEPS = 5


@define(eq=False)
class Running:
    """A channel program under way; `given_up`: it was cleared, and its device is not through with it.

    `suspended`: it has suspended itself, and is not resumed yet.
    """

    bench: object
    start: m.StartIo
    view: ChannelView
    steps: object
    given_up: bool = False
    suspended: bool = False


class Rig:
    """Devices, and the channel programs that run on them.

    Attributes:
        devices: by number.
        waiting: starts whose device is not available, in order.
        running: by device number.
        begun: starts begun, by device number.
    """

    def __init__(self, devices):
        self.devices: dict[int, Device] = devices
        self.waiting: list[tuple[object, m.StartIo]] = []
        self.running: dict[int, Running] = {}
        self.begun = dict.fromkeys(devices, 0)
        self.benches = []
        self._alone = [(number, device.alone()) for number, device in devices.items()]
        self._steps = 0

    # Orders of a channel subsystem.

    def order(self, bench, message):
        match message:
            case m.StartIo():
                self.waiting.append((bench, message))
                self._begin_waiting()
            case m.ResumeIo():
                self._resume(bench, message)
            case m.HaltIo() | m.ClearIo():
                function = Function.HALT if isinstance(message, m.HaltIo) else Function.CLEAR
                for place, (other, start) in enumerate(self.waiting):
                    if other is bench and start.start == message.start:
                        del self.waiting[place]
                        self._tell_ended(bench, start, function, Ending(0, 0, 0, 0))
                        return
                self.end(message.device, function)

    def _begin_waiting(self):
        for bench, start in list(self.waiting):
            device = self.devices[start.device]
            if device.available(bench.lpar):
                self.waiting.remove((bench, start))
                device.connect(bench.lpar)
                view = ChannelView(bench.storage, bench.zone_of_channel, start.orb.key)
                steps = execute(device, view, start.orb, Progress(), start.limit)
                self.running[start.device] = Running(bench, start, view, steps)
                self.begun[start.device] += 1
                bench.advance(m.IoBegan(None, bench.lpar, start.device, start.start, IOP))

    def _resume(self, bench, message):
        """Nothing where the start has ended meanwhile."""
        running = self.running.get(message.device)
        if running and running.bench is bench and running.start.start == message.start:
            running.suspended = False
            bench.advance(m.IoBegan(None, bench.lpar, message.device, message.start, IOP))

    def step(self):
        """Every program goes on to its next wait, or ends; now and then a device does something by itself."""
        self._steps += 1
        if self._steps % ALONE_STEPS == 0:
            for number, doings in self._alone:
                for _, status in islice(doings, 1):
                    self.offer(number, status)
        for number in list(self.running):
            running = self.running[number]
            if running.suspended and not running.given_up:
                continue
            try:
                step = next(running.steps)
                if isinstance(step, Suspended) and not running.given_up:
                    self._tell_suspended(running, step)
            except StopIteration as end:
                self._ended(number, Function.START, end.value)
            except TransferRefused:
                self._free(number)

    @staticmethod
    def _tell_suspended(running, step):
        running.suspended = True
        bench, start = running.bench, running.start
        bench.advance(
            m.IoIntermediate(
                None, bench.lpar, start.device, start.start, suspended=True, ccw_address=step.ccw_address
            )
        )

    def _ended(self, number, function, ending):
        running = self._free(number)
        if not running.given_up:
            self._tell_ended(running.bench, running.start, function, ending)

    def _free(self, number):
        running = self.running.pop(number)
        self.devices[number].disconnect()
        self._begin_waiting()
        return running

    @staticmethod
    def _tell_ended(bench, start, function, ending):
        bench.advance(m.IoEnded(None, bench.lpar, start.device, start.start, IOP, function, ending))

    # Hands.

    def end(self, number, function):
        """Halt or clear what runs on a device, as a guest or an operation does."""
        running = self.running[number]
        if function == Function.HALT:
            try:
                running.steps.throw(HaltSignal)
            except StopIteration as end:
                self._ended(number, function, end.value)
            except HaltSignal:  # it was not at its first wait yet
                self._ended(number, function, Ending(0, 0, 0, 0))
        else:
            running.view.revoke()
            running.given_up = True
            self._tell_ended(running.bench, running.start, function, Ending(0, 0, 0, 0))

    def offer(self, number, status):
        """Unsolicited status."""
        for bench in self.benches:
            if number in bench.subsystem.subchannels:
                bench.advance(m.StatusOffered(None, bench.lpar, number, IOP, int(status)))

    def vary(self, number, *, online):
        for bench in self.benches:
            bench.advance(m.PathChanged(None, bench.lpar, number, IOP, online))


def disks(*numbers, size="1M"):
    """Disks by number."""
    return {number: make_device("disk", number, 1000, {"size": size}) for number in numbers}


def block_of(disk, number):
    """A block of a disk."""
    return bytes(disk._store.read(number, 1)[:DISK_BLOCK_BYTES])


def put_block(disk, number, data):
    """Change a block behind everyone's back."""
    disk._store.write(number, data)


def flip_block(disk, byte, bit=0):
    """Change one bit of a disk."""
    number, place = divmod(byte, DISK_BLOCK_BYTES)
    data = bytearray(block_of(disk, number))
    data[place] ^= 1 << bit
    put_block(disk, number, bytes(data))


def used_blocks(disk):
    """Numbers of the blocks that hold anything."""
    return [number for number in range(disk.blocks) if any(block_of(disk, number))]


def subsystem(lpar, devices):
    """The channel subsystem of an LPAR with these devices, each on one path."""
    return css.make(lpar, dict.fromkeys(devices, (IOP,)))


NORMAL = ENDED
