"""Which channel programs an IOP runs, holds and reports: the IOP's decisions, pure.

One subchannel for each (LPAR, device) pair; a device runs one channel program at a time, and starts that
find it busy with another LPAR's wait their turn. Invariants: a start is either running or waiting or has
ended; of one subchannel at most one start is running or waiting; no start of an LPAR begins while the LPAR
is quiescing; waiting starts begin in the order in which they came.

Quiescing an LPAR (patent step 202) holds its new starts and lets running ones end. SALE sets the zone that
addresses are checked against. Held starts begin on ReleaseHeldStarts, when SALE is in force at every IOP and
the guest's state descriptions hold the same origin.
"""

from collections.abc import Mapping

from attrs import evolve, frozen

from lparvm.arch.address import Zone
from lparvm.arch.interruption import IoInterruption
from lparvm.protocol import messages as m

# Condition codes of START SUBCHANNEL.
CC_STARTED = 0
CC_BUSY = 2
CC_NOT_OPERATIONAL = 3


@frozen
class Begin:
    """Run this start's channel program now. ChannelProgramEnded follows."""

    start: m.StartIo


@frozen
class AnswerStart:
    """Tell LIP control the condition code of a start."""

    start: m.StartIo
    condition_code: int


@frozen
class HoldStart:
    """A start came while its LPAR is quiescing: it waits (told for the trace)."""

    start: m.StartIo


@frozen
class PresentInterruption:
    """A start function ended: tell the guest."""

    lpar: str
    interruption: IoInterruption


@frozen
class ReportQuiesced:
    """No I/O of the LPAR is active here."""

    op: str
    lpar: str


@frozen
class ReportBusy:
    """These devices still run channel programs of the LPAR."""

    op: str
    lpar: str
    devices: tuple[int, ...]


@frozen
class ConfirmLimit:
    """SALE is in force."""

    op: str
    lpar: str
    zone: Zone


@frozen
class ConfirmRelease:
    """So many held starts may begin."""

    op: str
    lpar: str
    held: int


Order = (
    Begin | AnswerStart | HoldStart | PresentInterruption | ReportQuiesced | ReportBusy | ConfirmLimit
    | ConfirmRelease
)  # fmt: skip


@frozen
class Subchannels:
    """An IOP's state.

    Attributes:
        devices: device numbers on this IOP, by LPAR that may use them.
        zones: SALE, by LPAR.
        running: device number -> the start whose channel program it runs.
        waiting: accepted starts that have not begun, in order of arrival.
        quiescing: LPAR -> operation that holds its starts.
    """

    devices: Mapping[str, tuple[int, ...]]
    zones: Mapping[str, Zone]
    running: Mapping[int, m.StartIo]
    waiting: tuple[m.StartIo, ...] = ()
    quiescing: Mapping[str, str] = {}

    def active(self, lpar: str) -> tuple[int, ...]:
        """Devices that run a channel program of the LPAR, ascending."""
        return tuple(sorted(device for device, start in self.running.items() if start.lpar == lpar))


def advance(state: Subchannels, event: object) -> tuple[Subchannels, tuple[Order, ...]]:
    """The next state, and what to do, after a message to the IOP."""
    match event:
        case m.StartIo():
            return _start(state, event)
        case m.ChannelProgramEnded():
            return _end(state, event)
        case m.QuiesceIop(op=op, lpar=lpar):
            state = evolve(state, quiescing={**state.quiescing, lpar: op})
            return state, (_report(state, op, lpar),)
        case m.ReportBusyDevices(op=op, lpar=lpar):
            return state, (_report(state, op, lpar),)
        case m.SetAddressLimit(op=op, lpar=lpar, zone=zone):
            state = evolve(state, zones={**state.zones, lpar: zone})
            return state, (ConfirmLimit(op, lpar, zone),)
        case m.ReleaseHeldStarts(op=op, lpar=lpar):
            quiescing = {name: by for name, by in state.quiescing.items() if name != lpar}
            held = sum(start.lpar == lpar for start in state.waiting)
            state, begun = _begin_waiting(evolve(state, quiescing=quiescing))
            return state, (ConfirmRelease(op, lpar, held), *begun)
        case _:
            raise AssertionError(f"an IOP has no use for {event!r}")


def _start(state: Subchannels, start: m.StartIo) -> tuple[Subchannels, tuple[Order, ...]]:
    if start.device not in state.devices.get(start.lpar, ()):
        return state, (AnswerStart(start, CC_NOT_OPERATIONAL),)
    pending = (*state.running.values(), *state.waiting)
    if any(other.lpar == start.lpar and other.device == start.device for other in pending):
        return state, (AnswerStart(start, CC_BUSY),)
    state, begun = _begin_waiting(evolve(state, waiting=(*state.waiting, start)))
    held = (HoldStart(start),) if start.lpar in state.quiescing else ()
    return state, (AnswerStart(start, CC_STARTED), *held, *begun)


def _end(state: Subchannels, event: m.ChannelProgramEnded) -> tuple[Subchannels, tuple[Order, ...]]:
    device = event.interruption.device
    running = {number: start for number, start in state.running.items() if number != device}
    state = evolve(state, running=running)
    orders: tuple[Order, ...] = (PresentInterruption(event.lpar, event.interruption),)
    operation = state.quiescing.get(event.lpar)
    if operation is not None and not state.active(event.lpar):
        orders += (ReportQuiesced(operation, event.lpar),)
    state, begun = _begin_waiting(state)
    return state, orders + begun


def _report(state: Subchannels, op: str, lpar: str) -> Order:
    active = state.active(lpar)
    return ReportBusy(op, lpar, active) if active else ReportQuiesced(op, lpar)


def _begin_waiting(state: Subchannels) -> tuple[Subchannels, tuple[Order, ...]]:
    """Begin every waiting start whose device is free and whose LPAR is not quiescing, in order."""
    running, waiting, orders = dict(state.running), [], []
    for start in state.waiting:
        if start.device in running or start.lpar in state.quiescing:
            waiting.append(start)
        else:
            running[start.device] = start
            orders.append(Begin(start))
    return evolve(state, running=running, waiting=tuple(waiting)), tuple(orders)
