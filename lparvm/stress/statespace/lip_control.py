"""LIP control of one LPAR in the model: the real actor."""

from collections.abc import Hashable
from typing import Any

from attrs import evolve, frozen

from lparvm.actors.lip_control import LipControl
from lparvm.arch.address import Zone
from lparvm.protocol.actor_names import lip_control_of
from lparvm.protocol.guest_control import GuestControl, Mode
from lparvm.stress.statespace.configuration import Configuration, Lpar
from lparvm.stress.statespace.part import Step
from lparvm.stress.statespace.surroundings import (
    NO_TRACE,
    STANDING_CLOCK,
    Directory,
    copied,
    envelope,
    key_of,
)
from lparvm.stress.statespace.wording import told, with_sent


@frozen
class Subchannels:
    """An LPAR's devices, as its guest sees them.

    Attributes:
        under_way: those whose start has not ended.
        ended: those whose start has ended, and waits to be seen.
        requests: those with an interruption request.
    """

    under_way: tuple[int, ...]
    ended: tuple[int, ...]
    requests: tuple[int, ...]


class Control(LipControl):
    """The real one, whose state can be compared."""

    def tidy(self) -> None:
        """Forget when LIPs left SIE and entered it: time stands still here, and all times are alike."""
        if self._control.mode is Mode.RUNNING:
            self._control = evolve(self._control, op=None, left_ns={}, sie_ns={})
        owed = {lip: count for lip, count in self._control.owed.items() if count}
        self._control = evolve(self._control, owed=owed)

    def key(self) -> Hashable:
        """Equal for controls that decide alike."""
        return key_of(self, ("_timers",))

    @property
    def guest(self) -> GuestControl:
        """What it knows of its guest."""
        return self._control

    @property
    def subchannels(self) -> Subchannels:
        """See there."""
        subs = self._subsystem.subchannels.items()
        return Subchannels(
            tuple(device for device, sub in subs if sub.start is not None),
            tuple(device for device, sub in subs if sub.scsw.ended),
            tuple(sorted(one.interruption.device for one in self._subsystem.requests)),
        )

    @property
    def owing(self) -> str:
        """What it waits for; empty: nothing."""
        control = self._control
        # One that has stopped waits for nobody: a guest that is check-stopped stays so, also in its call.
        told = [] if control.mode in (Mode.RUNNING, Mode.STOPPED) else [str(control.mode)]
        told += [f"{lip} owes an answer" for lip, count in control.owed.items() if count]
        told += [f"{lip} owes the extent" for lip in control.extent_due]
        told += [f"{lip} is to be stopped" for lip in control.to_stop]
        if self._signals.op is not None and control.mode is not Mode.STOPPED:
            told.append(f"the signal of {self._signals.op} is not settled")
        return ", ".join(told)


@frozen
class GuestFacts:
    """What invariants look at.

    Attributes:
        zone: the zone as LIP control knows it.
        may_run: whether the guest has neither failed nor is it held.
        failed: it failed.
    """

    zone: Zone
    may_run: bool
    failed: bool


class LipControlPart:
    """See the module."""

    sink = False

    def __init__(self, configuration: Configuration, lpar: Lpar, make: type[Control]) -> None:
        """`make` makes LIP control of the LPAR."""
        self._configuration, self._lpar, self._make = configuration, lpar, make
        self.name = lip_control_of(lpar.name)
        self._directory = Directory()
        # As in `assembly`; and of each command an order or two of LPAR control.
        devices = configuration.devices * len(lpar.iops)
        parts = 10 * len(lpar.lips) + 8 * devices + len(lpar.iops)
        self.in_flight_max = parts + 2 * len(configuration.commands)

    def first(self) -> Control:
        """The guest runs on all its LIPs."""
        lpar = self._lpar
        devices_of = self._configuration.devices_of
        paths = {device: (iop,) for iop in lpar.iops for device in devices_of(lpar.name, iop)}
        guest = GuestControl(lpar.name, lpar.lips, lpar.zone)
        control = self._make(self._directory, NO_TRACE, STANDING_CLOCK, guest, paths)
        control.tidy()
        return control

    def key(self, state: Control) -> Hashable:
        """See there."""
        return state.key()

    def facts(self, state: Control) -> GuestFacts:
        """See there."""
        guest = state.guest
        return GuestFacts(guest.zone, guest.may_run, guest.failed)

    def deaf(self, state: Control) -> bool:
        """Never."""
        del state
        return False

    def final(self, state: Control) -> Subchannels:
        """What the guest's devices are doing, as it sees them."""
        return state.subchannels

    def owing(self, state: Control) -> str:
        """What it waits for; a LIP that may hang is waited for in vain, perhaps."""
        in_vain = set(self._configuration.may_hang) & set(self._lpar.lips)
        return f"{self.name}: {state.owing}" if state.owing and not in_vain else ""

    def take(self, state: Control, message: Any) -> list[Step]:
        """Handle it."""
        self._directory.taken()
        after = copied(state)
        after.handle(envelope(message))
        after.tidy()
        sent = self._directory.taken()
        return [Step(with_sent(f"takes {told(message)}", sent), after, sent)]

    def act(self, state: Control) -> list[Step]:
        """Nothing."""
        del state
        return []
