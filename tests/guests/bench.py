"""A machine on a bench: one LPAR, LIPs in turn, a disk, and hands that damage storage or move the zone."""

import struct
from collections.abc import Iterator

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.channel import CCW_BYTES, Ccw, Command, DeviceStatus
from lparvm.arch.interception import Interception, StartSubchannel, WaitForInterruption
from lparvm.arch.interruption import IoInterruption
from lparvm.arch.state_description import StateDescription
from lparvm.guests import Guest, GuestSetup
from lparvm.guests.registry import load_guest
from lparvm.storage.channel_view import ChannelView
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import MainStorage

NORMAL = DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END


class FakeDisk:
    """Runs a channel program at the second look at it; what it does wrong can be set."""

    def __init__(self, storage, zone_in_force):
        self.storage, self.zone_in_force = storage, zone_in_force
        self.blocks = {}
        self.condition_codes = []  # to be given before 0
        self.device_status = NORMAL
        self.starts = 0
        self._program = None
        self._looks = 0

    def start(self, program):
        if self.condition_codes:
            return self.condition_codes.pop(0)
        assert self._program is None, "a guest starts one channel program at a time"
        self._program, self._looks = program, 0
        self.starts += 1
        return 0

    def look(self, device):
        """The interruption, or None while it runs."""
        self._looks += 1
        if self._program is None or self._looks < 2:
            return None
        program, self._program = self._program, None
        if self.device_status == NORMAL:
            self._run(ChannelView(self.storage, self.zone_in_force, 0), program)
        return IoInterruption(device, self.device_status, 0, 0, program + CCW_BYTES)

    def _run(self, view, program):
        block = None
        while True:
            ccw = Ccw.decode(view.fetch(program, CCW_BYTES))
            if ccw.command == Command.SEEK:
                assert ccw.count == 4
                (block,) = struct.unpack(">I", view.fetch(ccw.address, 4))
            elif ccw.command == Command.WRITE:
                data = view.fetch(ccw.address, ccw.count)
                for number in range(ccw.count // 512):
                    self.blocks[block + number] = data[number * 512 : (number + 1) * 512]
            elif ccw.command == Command.READ:
                count = ccw.count // 512
                view.store(
                    ccw.address, b"".join(self.blocks.get(block + n, bytes(512)) for n in range(count))
                )
            else:
                raise AssertionError(f"no such command: {ccw}")
            if not ccw.chains:
                return
            program += CCW_BYTES


class Bench:
    """A loaded guest in a zone of `pages` pages, of main storage three times as large.

    Of expanded storage it has `blocks` blocks, between those of two others.
    """

    def __init__(
        self, guest="hammer", *, lips=1, pages=16, seed=0, devices=(), lpar="LPAR1", options=None, blocks=48
    ):
        cls = load_guest(guest) if isinstance(guest, str) else guest
        self.storage = MainStorage(3 * pages + 8)
        self.zone = Zone(pages // 2 + 1, pages)
        names = tuple(f"LIP{number + 1}" for number in range(lips))
        self.expanded = ExpandedStorage(blocks + 16)
        self.expanded.assign("BELOW", 8)
        self.area = self.expanded.assign(lpar, blocks)
        self.expanded.assign("ABOVE", 8)
        self.states = [
            StateDescription(
                lpar,
                name,
                number,
                self.zone,
                expanded_origin=self.area.origin,
                expanded_blocks=self.area.blocks,
            )
            for number, name in enumerate(names)
        ]
        setup = GuestSetup(
            lpar, names, seed, options or {}, devices, storage=self.storage, expanded=self.expanded
        )
        self.guest: Guest = cls(setup)
        self.disks = {device: FakeDisk(self.storage, lambda: self.zone) for device in devices}
        self.guest.load(self.states)

    def run(self, slices, budget=100):
        """Give each LIP a slice in turn, `slices` times, and reply to its requests."""
        for _ in range(slices):
            for state in self.states:
                self.reply(state, self.guest.run(state, budget))

    def until_damage(self, slices=5000):
        """Run until the guest tells damage by itself; what it told first."""
        for _ in range(slices):
            self.run(1)
            if self.guest.damage:
                return self.guest.damage[0]
        raise AssertionError(f"no damage found in {slices} slices")

    def reply(self, state, interception: Interception):
        if isinstance(interception, StartSubchannel):
            disk = self.disks.get(interception.device)
            state.reply = disk.start(interception.program) if disk else 3
        elif isinstance(interception, WaitForInterruption):
            ends = (self.disks[device].look(device) for device in interception.devices)
            state.reply = next((end for end in ends if end is not None), None)

    def verify(self):
        """The final check; all damage."""
        failure = self.guest.verify(self.states)
        assert failure is None, failure
        return self.guest.damage

    def ended(self):
        """What each LIP ended with, or None while it can run on."""
        return [thread.ended for thread in self.guest._threads]

    # Hands.

    def host(self, address):
        return self.zone.origin_bytes + address

    def flip(self, address, bit=0):
        """Change one bit of guest absolute storage."""
        self.storage.buffer[self.host(address)] ^= 1 << bit

    def flip_key(self, page, bits):
        self.storage.keys[self.zone.origin + page] ^= bits

    def swap_pages(self, one, other):
        """Exchange two pages with their keys."""
        pair = [self.zone.origin + one, self.zone.origin + other]
        for array in (self.storage.frames, self.storage.keys):
            array[pair] = array[pair[::-1]]

    def relocate(self, origin):
        """Move the zone as a relocation does: data and keys; what is left behind is poisoned."""
        source, target = self.zone, Zone(origin, self.zone.extent)
        data = self.storage.frames[source.origin : source.end].copy()
        keys = self.storage.keys[source.origin : source.end].copy()
        self.storage.populate(source)
        self.storage.poison(source)
        self.storage.frames[target.origin : target.end] = data
        self.storage.keys[target.origin : target.end] = keys
        self.zone = target
        for state in self.states:
            state.zone = target

    def contents(self):
        """Data and keys of the zone."""
        zone = self.zone
        return (
            self.storage.frames[zone.origin : zone.end].tobytes(),
            self.storage.keys[zone.origin : zone.end].tobytes(),
        )

    def outside(self):
        """Frames outside the zone that hold anything."""
        held = self.storage.frames.any(axis=1) | (self.storage.keys != 0)
        held[self.zone.origin : self.zone.end] = False
        return held.nonzero()[0].tolist()

    def pages_in_use(self) -> Iterator[int]:
        """Pages of the zone that hold anything."""
        zone = self.zone
        return iter(self.storage.frames[zone.origin : zone.end].any(axis=1).nonzero()[0].tolist())


PAGE = PAGE_BYTES
