"""A machine on a bench: one LPAR, LIPs in turn, real devices, and hands that damage storage or move the zone."""

from collections.abc import Iterator

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.interception import REQUESTS, Interception, WaitForInterruption
from lparvm.arch.state_description import StateDescription
from lparvm.guests import Guest, GuestSetup
from lparvm.guests.registry import load_guest
from lparvm.protocol import channel_subsystem as css
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import MainStorage

from .io_rig import Rig, disks, subsystem


class Bench:
    """A loaded guest in a zone of `pages` pages, of main storage three times as large.

    `devices`: numbers, of disks; or the devices by number; or a rig that others use too.

    Of expanded storage it has `blocks` blocks, between those of two others.
    """

    def __init__(
        self, guest="hammer", *, lips=1, pages=16, seed=0, devices=(), lpar="LPAR1", options=None, blocks=48
    ):
        cls = load_guest(guest) if isinstance(guest, str) else guest
        self.lpar = lpar
        self.storage = MainStorage(3 * pages + 8)
        self.zone = Zone(pages // 2 + 1, pages)
        self.zone_of_channel = lambda: self.zone
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
        if not isinstance(devices, Rig):
            devices = Rig(devices if isinstance(devices, dict) else disks(*devices))
        self.rig = devices
        self.devices = self.rig.devices
        self.rig.benches.append(self)
        self.subsystem = subsystem(lpar, self.devices)
        self.told = []  # orders of the channel subsystem
        self._waiting = {}
        setup = GuestSetup(
            lpar,
            names,
            seed,
            options or {},
            tuple(self.devices),
            storage=self.storage,
            expanded=self.expanded,
        )
        self.guest: Guest = cls(setup)
        self.guest.load(self.states)

    def run(self, slices, budget=100):
        """Give each LIP a slice in turn, `slices` times, and reply to its requests."""
        for _ in range(slices):
            for state in self.states:
                waiting = self._waiting.pop(state.cpu_address, None)
                if waiting is None:
                    self.reply(state, self.guest.run(state, budget))
                else:
                    self.reply(state, waiting)

    def until_damage(self, slices=5000):
        """Run until the guest tells damage by itself; what it told first."""
        for _ in range(slices):
            self.run(1)
            if self.guest.damage:
                return self.guest.damage[0]
        raise AssertionError(f"no damage found in {slices} slices")

    def until(self, condition, slices=5000):
        """Run until the condition holds."""
        for _ in range(slices):
            if condition():
                return
            self.run(1)
        raise AssertionError(f"the condition did not come to hold in {slices} slices")

    def reply(self, state, interception: Interception):
        if isinstance(interception, WaitForInterruption):
            self._wait(state, interception)
        elif isinstance(interception, REQUESTS):
            self.subsystem, state.reply, orders = css.perform(self.subsystem, interception)
            self._carry_out(orders)

    def _wait(self, state, request):
        """Time passes; a processor that waits without end has its next turn when there is an interruption."""
        self.rig.step()
        for one in css.pending(self.subsystem):
            if css.enabled(one.interruption, request.devices, request.classes):
                self.subsystem = css.take(self.subsystem, one.number)
                state.reply = one.interruption
                return
        if request.duration_ns is None:
            self._waiting[state.cpu_address] = request

    def advance(self, message):
        """What an IOP tells."""
        self.subsystem, orders = css.advance(self.subsystem, message)
        self._carry_out(orders)

    def _carry_out(self, orders):
        for order in orders:
            self.told.append(order)
            if isinstance(order, css.Send):
                self.rig.order(self, order.message)

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
