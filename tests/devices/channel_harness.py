"""What the tests of the channel share: a zone with a program in it, a device of their own, no time."""

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.channel import ENDED, Ccw, CcwFlag
from lparvm.arch.subchannel import Orb
from lparvm.devices.base import Device
from lparvm.devices.channel_program import Progress, execute
from lparvm.storage.channel_view import ChannelView
from lparvm.storage.main_storage import MainStorage

FRAMES, EXTENT, ORIGIN = 40, 8, 16
END = EXTENT * PAGE_BYTES
PROGRAM, IDAWS, DATA = 0x100, 0x800, 0x1000
CHAIN, CHAIN_DATA, SLI, SKIP = (
    CcwFlag.CHAIN_COMMAND, CcwFlag.CHAIN_DATA, CcwFlag.SUPPRESS_LENGTH, CcwFlag.SKIP,
)  # fmt: skip
PCI, IDA, SUSPEND = CcwFlag.PROGRAM_CONTROLLED, CcwFlag.INDIRECT, CcwFlag.SUSPEND
WRITE, READ, MODE, TIC, READ_BACKWARD = 0x01, 0x02, 0x07, 0x08, 0x0C
PATTERN = bytes(range(256)) * 64
LATENCY_NS = 7


class Peripheral(Device):
    """Gives `medium` to READ, takes `most` for WRITE, moves nothing for MODE; or does what a test says.

    `parts` is into how many pieces of so many bytes READ and WRITE cut the data; a wait is before each.
    """

    KIND = "peripheral"
    COMMANDS = {WRITE: "WRITE", READ: "READ", MODE: "MODE", READ_BACKWARD: "READ_BACKWARD"}  # noqa: RUF012

    def __init__(self, medium=b"", *, most=512, any_length=False, part=1 << 20, status=ENDED, behaviour=None):
        super().__init__(0x190, LATENCY_NS, {})
        self.medium, self.most, self.part = memoryview(bytes(medium)), most, part
        self.status, self.behaviour = status, behaviour
        self.ANY_LENGTH = frozenset([READ, WRITE] if any_length else [])
        self.performed, self.written, self.closed = [], b"", 0
        self.connect("LPAR1")

    def execute(self, command, data, *, chained):
        self.performed.append((command, chained))
        try:
            if self.behaviour is not None:
                return (yield from self.behaviour(command, data))
            if command not in self.COMMANDS:
                raise self.reject(command)
            yield LATENCY_NS
            if command in (READ, READ_BACKWARD):
                for at in range(0, len(self.medium), self.part):
                    data.give(self.medium[at : at + self.part])
                    yield LATENCY_NS
            elif command == WRITE:
                for at in range(0, self.most, self.part):
                    self.written += data.take(min(self.part, self.most - at))
                    yield LATENCY_NS
            return self.status
        finally:
            self.closed += 1


class Channel:
    """An IOP without time: the zone that SALE set, and programs that are run at once."""

    def __init__(self, key=0):
        self.storage = MainStorage(FRAMES)
        self.zone = Zone(ORIGIN, EXTENT)
        self.key = key
        self.progress = Progress()
        self.steps = []
        self.view = None

    def put(self, address, data):
        host = self.zone.origin_bytes + address
        self.storage.buffer[host : host + len(data)] = data

    def get(self, address, count):
        host = self.zone.origin_bytes + address
        return bytes(self.storage.buffer[host : host + count])

    def ccws(self, *ccws, at=PROGRAM, format_1=True):
        """Lay CCWs, each (command, flags, count, address), one behind the other."""
        self.put(at, b"".join(Ccw(*ccw).encode(format_1=format_1) for ccw in ccws))

    def idaws(self, *addresses, at=IDAWS, size=8):
        self.put(at, b"".join(address.to_bytes(size, "big") for address in addresses))

    def start(self, device, *ccws, limit=None, program=PROGRAM, **orb):
        """The generator, not yet begun."""
        if ccws:
            self.ccws(*ccws, format_1=orb.get("format_1", True))
        self.progress, self.steps = Progress(), []
        self.view = ChannelView(self.storage, lambda: self.zone, self.key)
        return execute(device, self.view, Orb(program, key=self.key, **orb), self.progress, limit)

    def finish(self, running):
        """Step to the end, at once; what was yielded is kept in `steps`."""
        while True:
            try:
                self.steps.append(next(running))
            except StopIteration as end:
                return end.value

    def run(self, device, *ccws, **how):
        return self.finish(self.start(device, *ccws, **how))

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


def ending(ended):
    """Device status, subchannel status, residual count, and how many bytes after PROGRAM the CCW address is."""
    return (
        ended.device_status, ended.subchannel_status, ended.residual_count, ended.ccw_address - PROGRAM,
    )  # fmt: skip
