"""A small model of an IOP: takes starts, halts and clears, and ends things in whatever order it is told to."""

from collections import deque

from iop_messages import LPAR
from lparvm.arch.channel import ENDED, Ending
from lparvm.arch.subchannel import Function
from lparvm.protocol import messages as m


class ModelIop:
    """Orders come in by `orders`, what it tells goes out by `told`; both are queues.

    Attributes:
        starts: start -> its device and stage: "waiting", "running" or "suspended".
        halted: running starts that were told to end.
        off: devices whose path from here is varied off.
    """

    def __init__(self, name):
        self.name = name
        self.orders, self.told = deque(), deque()
        self.starts, self.halted, self.off = {}, [], []

    def handle(self):
        """The next order."""
        order = self.orders.popleft()
        device, number = order.device, order.start
        known = number in self.starts
        match order:
            case m.StartIo() if device in self.off:
                self.told.append(m.PathNotOperational(None, LPAR, device, number, self.name))
            case m.StartIo():
                self.starts[number] = device, "waiting"
            case m.ClearIo() if known:
                self.end(number, Function.CLEAR)
            case m.HaltIo() if known and self.starts[number][1] == "waiting":
                self.end(number, Function.HALT)
            case m.HaltIo() if known:
                self.halted.append(number)
            case m.ResumeIo() if known:
                self.starts[number] = device, "running"
            # Else: the order crossed with the end of the start, and means nothing.

    def begin(self, number):
        device, _ = self.starts[number]
        self.starts[number] = device, "running"
        self.told.append(m.IoBegan(None, LPAR, device, number, self.name))

    def intermediate(self, number, *, suspended):
        device, _ = self.starts[number]
        self.starts[number] = device, "suspended" if suspended else "running"
        self.told.append(m.IoIntermediate(None, LPAR, device, number, suspended, 0x2008))

    def end(self, number, function=None):
        """By itself or, told to, halted; or as `function` says."""
        device, _ = self.starts.pop(number)
        if function is None:
            function = Function.HALT if number in self.halted else Function.START
        self.told.append(
            m.IoEnded(None, LPAR, device, number, self.name, function, Ending(ENDED, 0, 0, 0x2010))
        )

    def vary(self, device, *, online):
        self.off = [other for other in self.off if other != device] + ([] if online else [device])
        self.told.append(m.PathChanged(None, LPAR, device, self.name, online))
        if not online:
            for number in self.at("waiting"):
                if self.starts[number][0] == device:
                    del self.starts[number]
                    self.told.append(m.PathNotOperational(None, LPAR, device, number, self.name))

    def at(self, *stages):
        """Starts at one of these stages."""
        return [number for number, (_, stage) in self.starts.items() if stage in stages]
