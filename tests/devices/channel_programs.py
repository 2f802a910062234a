"""What the tests of devices share: a zone, a view of it, and a channel program run to its end."""

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.channel import Ccw, CcwFlag
from lparvm.devices.channel_program import Progress, execute
from lparvm.storage.channel_view import ChannelView
from lparvm.storage.main_storage import MainStorage

FRAMES, EXTENT = 40, 8
END = EXTENT * PAGE_BYTES
PROGRAM, DATA, SEEK_AT = 0x100, 0x1000, 0x80
CHAIN, SLI = CcwFlag.CHAIN_COMMAND, CcwFlag.SUPPRESS_LENGTH


class Channel:
    """An IOP without time: the zone that SALE set, and programs that are run at once."""

    def __init__(self, key=0):
        self.storage = MainStorage(FRAMES)
        self.zone = Zone(16, EXTENT)
        self.key = key
        self.progress = Progress()
        self.waits = []

    def view(self):
        return ChannelView(self.storage, lambda: self.zone, self.key)

    def put(self, address, data):
        host = self.zone.origin_bytes + address
        self.storage.buffer[host : host + len(data)] = data

    def get(self, address, count):
        host = self.zone.origin_bytes + address
        return bytes(self.storage.buffer[host : host + count])

    def ccws(self, *ccws, at=PROGRAM):
        """Lay CCWs, each (command, flags, count, address), one behind the other."""
        self.put(at, b"".join(Ccw(*ccw).encode() for ccw in ccws))

    def start(self, device, program=PROGRAM):
        """The generator, not yet begun."""
        self.progress, self.waits = Progress(), []
        return execute(device, self.view(), program, self.progress)

    def finish(self, running):
        while True:
            try:
                self.waits.append(next(running))
            except StopIteration as end:
                return end.value

    def run(self, device, *ccws, program=PROGRAM):
        if ccws:
            self.ccws(*ccws, at=program)
        return self.finish(self.start(device, program))

    def outside(self):
        """Data and keys of all frames that are not the zone's."""
        return [
            bytes(part)
            for part in (
                self.storage.frames[: self.zone.origin],
                self.storage.frames[self.zone.end :],
                self.storage.keys[: self.zone.origin],
                self.storage.keys[self.zone.end :],
            )
        ]
