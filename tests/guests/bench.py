"""A machine on a bench: one LPAR, LIPs in turn, real devices, and hands that damage storage or move the zone."""

from collections.abc import Iterator

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT, Zone
from lparvm.arch.interception import REQUESTS, Interception, ServiceCall, WaitForInterruption
from lparvm.arch.service_signal import StorageGivenUp, StorageGrown, StorageWanted
from lparvm.arch.state_description import StateDescription
from lparvm.arch.subchannel import Function
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
        self.stalled = ()  # processors whose LIPs are busy with others
        self.answers = []  # to service signals
        self.takes = True  # what is given up; else the zone stays as it is
        self.turns_until_taken = 0
        self.untouchable = None  # page from which on nobody may touch storage
        self.touched = []  # guest absolute addresses of what was touched there all the same
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
                if state.cpu_address in self.stalled:
                    continue
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

    def disturb(self, rng, slices, origins=60, functions=(Function.HALT, Function.CLEAR)):
        """Run while starts are halted and cleared, and the zone is moved; how many of each function."""
        ended = dict.fromkeys(functions, 0)
        for _ in range(slices):
            self.run(1)
            number = rng.choice(list(self.devices))
            running = self.rig.running.get(number)
            if running and not running.given_up and rng.random() < 0.1:
                function = rng.choice(functions)
                self.rig.end(number, function)
                ended[function] += 1
            if rng.random() < 0.02:
                self.relocate(rng.randrange(origins))
        return ended

    def reply(self, state, interception: Interception):
        if isinstance(interception, WaitForInterruption):
            self._wait(state, interception)
        elif isinstance(interception, ServiceCall):
            self._answered(state, interception)
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

    # The service processor and its signals.

    def grow(self, extent):
        """Frames are cleared and join the zone, and the guest is told."""
        added = Zone(self.zone.end, extent - self.zone.extent)
        self.storage.clear(added)
        self._set_zone(Zone(self.zone.origin, extent))
        self.untouchable = None
        self.signal(StorageGrown(extent))

    def want(self, extent):
        """The guest is asked for what is behind."""
        self.signal(StorageWanted(extent))

    def signal(self, signal):
        state = self.states[0]
        assert self.guest.can_take_signal(state)
        assert state.service_signal is None, "one at a time"
        state.service_signal = signal
        if not isinstance(self._waiting.get(0), ServiceCall):
            self._waiting.pop(0, None)

    def until_answered(self, slices=5000, budget=100):
        """Run until the guest has answered one more signal, and its handler has ended; the answer."""
        count, thread = len(self.answers), self.guest._threads[0]
        for _ in range(slices):
            self.run(1, budget)
            if len(self.answers) > count and not thread.interrupted:
                return self.answers[-1]
        raise AssertionError(f"no answer in {slices} slices; the processors: {self.ended()}")

    def _answered(self, state, call):
        if isinstance(call.answer, StorageGivenUp):
            if self.untouchable is None:
                self.untouchable = call.answer.extent
                self.guest.observe(self._watch)
                self._turns_left = self.turns_until_taken
            if self._turns_left:
                self._turns_left -= 1
                self._waiting[state.cpu_address] = call
                return
            if self.takes and call.answer.extent < self.zone.extent:
                taken = Zone(self.zone.origin + call.answer.extent, self.zone.extent - call.answer.extent)
                self._set_zone(Zone(self.zone.origin, call.answer.extent))
                self.storage.populate(taken)
                self.storage.poison(taken)
            self.untouchable = None
        self.answers.append(call.answer)
        state.reply = self.zone.extent

    def _watch(self, access, address, host, count):
        if self.untouchable is not None and address + count > self.untouchable << PAGE_SHIFT:
            self.touched.append(address)

    def _set_zone(self, zone):
        self.zone = zone
        for state in self.states:
            state.zone = zone

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
        self._set_zone(target)

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
