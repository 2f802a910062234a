"""What is explored: a small machine, the commands that it is given, and what may befall it."""

import enum

from attrs import frozen

from lparvm.arch.address import Zone


class Io(enum.StrEnum):
    """What becomes of a channel program that was begun."""

    ENDS = "ends"  # at any time
    HEARS = "hears"  # when the device is told to end, at any time after that; never by itself
    NEVER = "never"


@frozen
class Lpar:
    """An LPAR with a guest that runs.

    Attributes:
        name: of the LPAR.
        zone: host absolute frames.
        lips: the LIPs that run it.
        iops: on each of them it has devices, and starts each of them once, at any time.
        takes_signals: its guest is told and asked of its storage; it answers in any way, at any time, or never.
    """

    name: str
    zone: Zone
    lips: tuple[str, ...]
    iops: tuple[str, ...] = ()
    takes_signals: bool = False


@frozen
class Configuration:
    """A model.

    Attributes:
        name: by which it is asked for.
        title: what it is about, in one line.
        frames: main storage, in frames.
        lpars: at most two.
        commands: given at any time, in any order, each once; a CANCEL not before what it cancels.
        io: what becomes of channel programs.
        sale_refusals: so often each IOP may refuse SALE.
        frame_faults: so many frames may have a machine check when the mover comes to them.
        mover_failures: so often the mover itself may fail.
        control_deaths: so often LPAR control may die, at any order that it carries out.
        guest_failures: so many guest processors of each LIP may fail.
        may_hang: LIPs on which a guest may reach no instruction boundary any more: they never answer a stop.
        devices: how many devices each LPAR has on each of its IOPs.
        suspends: each channel program may suspend itself once, and may be resumed at any time.
        reminders: BUSY=WAIT: so often the operator is reminded.
        pairwise: messages keep their order only between the same two parts, not in the whole mailbox.
        large: takes more than a few seconds.
    """

    name: str
    title: str
    frames: int
    lpars: tuple[Lpar, ...]
    commands: tuple[str, ...]
    io: Io = Io.ENDS
    sale_refusals: int = 0
    frame_faults: int = 0
    mover_failures: int = 0
    control_deaths: int = 0
    guest_failures: int = 0
    may_hang: tuple[str, ...] = ()
    devices: int = 1
    suspends: bool = False
    reminders: int = 1
    pairwise: bool = False
    large: bool = False

    @property
    def lips(self) -> tuple[str, ...]:
        """All LIPs."""
        return tuple(dict.fromkeys(lip for lpar in self.lpars for lip in lpar.lips))

    @property
    def iops(self) -> tuple[str, ...]:
        """All IOPs."""
        return tuple(dict.fromkeys(iop for lpar in self.lpars for iop in lpar.iops))

    def lpar(self, name: str) -> Lpar:
        """The LPAR of that name."""
        return next(one for one in self.lpars if one.name == name)

    def devices_of(self, lpar: str, iop: str) -> tuple[int, ...]:
        """The numbers of the LPAR's devices on an IOP."""
        names = [one.name for one in self.lpars]
        first = 0x100 * (1 + names.index(lpar)) + 0x10 * self.iops.index(iop)
        return tuple(range(first, first + self.devices))
