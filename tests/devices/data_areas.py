"""A channel without guest storage: data areas of bytes, and devices driven without time."""

from lparvm.devices.base import Deaf, DeviceCheck

USER = "LPAR1"


class Area:
    """The data of one command: `count` bytes, out of `data` for output.

    Attributes:
        got: what the device gave.
        moves: how many bytes each take and give moved.
    """

    def __init__(self, data=b"", count=None):
        self.data = data
        self.left = len(data) if count is None else count
        self.got = bytearray()
        self.moves = []

    def take(self, most):
        taken = memoryview(self.data)[len(self.data) - self.left :][:most]
        self.left -= len(taken)
        self.moves.append(len(taken))
        return taken

    def give(self, data):
        took = min(self.left, len(data))
        self.got += data[:took]
        self.left -= took
        self.moves.append(took)
        return took


class Run:
    """One start: commands chained to each other; `waits` is what was waited for, in order."""

    def __init__(self, device, user=USER):
        self.device, self.user = device, user
        self.waits = []
        self.chained = False
        device.connect(user)

    def begin(self, command, area):
        """The command's generator, not yet begun."""
        chained, self.chained = self.chained, True
        return self.device.perform(command, area, chained=chained)

    def finish(self, waits):
        try:
            while True:
                self.waits.append(next(waits))
        except StopIteration as end:
            return end.value
        except DeviceCheck as check:
            self.device.note_check(check)
            raise

    def output(self, command, data=b""):
        area = Area(data)
        return self.finish(self.begin(command, area))

    def input(self, command, count=65_535):
        """What it gave; its status is kept as `status`."""
        area = Area(count=count)
        self.status = self.finish(self.begin(command, area))
        return bytes(area.got)

    def end(self):
        self.device.disconnect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def run(device, *commands, user=USER):
    """One start of commands, each (command, data) for output or (command, count) for input; what each gave."""
    with Run(device, user) as start:
        return [
            start.output(command, value) if isinstance(value, bytes) else start.input(command, value)
            for command, value in commands
        ]


def time_of(waits):
    return sum(wait.duration_ns if isinstance(wait, Deaf) else wait for wait in waits)
