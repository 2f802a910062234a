"""An IOP in the model: the real decisions of `protocol.io_processor`, carried out on devices that are a word each."""

from collections.abc import Hashable, Iterator
from typing import Any

from attrs import evolve, frozen

from lparvm.arch.address import Zone
from lparvm.arch.channel import ENDED, Ending
from lparvm.protocol import io_orders as o
from lparvm.protocol import io_processor
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, lip_control_of
from lparvm.protocol.io_processor_state import IoProcessor
from lparvm.stress.statespace.configuration import Configuration, Io
from lparvm.stress.statespace.freezing import freeze
from lparvm.stress.statespace.part import Sent, Step
from lparvm.stress.statespace.wording import told, with_sent

_ENDING = Ending(ENDED, 0, 0, 0)


@frozen
class Program:
    """A channel program under way.

    Attributes:
        start: what is run.
        halted: the device was told to end.
        given_up: its accesses are refused.
        suspended: it touches nothing, and does not end, until it is resumed or told to end.
        may_suspend: it has not been so yet, and may be.
    """

    start: m.StartIo
    halted: bool = False
    given_up: bool = False
    suspended: bool = False
    may_suspend: bool = False


@frozen(eq=False)
class IopState:
    """An IOP.

    Attributes:
        io: what it knows.
        programs: those that have not ended, by device.
        refusals: how many SALEs it may still refuse.
    """

    io: IoProcessor
    programs: tuple[Program, ...]
    refusals: int


@frozen
class IopFacts:
    """What invariants look at.

    Attributes:
        zones: SALE, by LPAR.
        touching: LPARs of which a channel program can touch storage.
        held: LPARs that are quiescing, or have starts or resumes held.
        refused: how many SALEs it refused.
    """

    zones: tuple[tuple[str, Zone], ...]
    touching: tuple[str, ...]
    held: tuple[str, ...]
    refused: int


class IopPart:
    """See the module."""

    sink = False

    def __init__(self, configuration: Configuration, name: str) -> None:
        """An IOP of the configuration."""
        self.name, self._configuration = name, configuration
        # Of each LPAR and device, and of each LPAR's operation, as in `assembly`.
        self.in_flight_max = 8 * (1 + configuration.devices) * len(configuration.lpars)

    def first(self) -> IopState:
        """SALE is in force for every LPAR; nothing runs."""
        one = self._configuration
        mine = [lpar for lpar in one.lpars if self.name in lpar.iops]
        devices = {lpar.name: one.devices_of(lpar.name, self.name) for lpar in mine}
        zones = {lpar.name: lpar.zone for lpar in mine}
        return IopState(IoProcessor(devices, zones), (), one.sale_refusals)

    def key(self, state: IopState) -> Hashable:
        """See there."""
        return freeze(state.io), state.programs, state.refusals

    def facts(self, state: IopState) -> IopFacts:
        """See there."""
        io = state.io
        touching = {one.start.lpar for one in state.programs if not one.given_up and not one.suspended}
        held = {*io.quiescing, *(one.start.lpar for one in io.waiting)}
        held |= {io.running[device].lpar for device in io.resumes}
        refused = self._configuration.sale_refusals - state.refusals
        return IopFacts(
            tuple(sorted(io.zones.items())), tuple(sorted(touching)), tuple(sorted(held)), refused
        )

    def deaf(self, state: IopState) -> bool:
        """Never."""
        del state
        return False

    def final(self, state: IopState) -> tuple[tuple[str, int], ...]:
        """LPAR and device of each start that has not ended for the guest."""
        starts = (*state.io.running.values(), *(one.start for one in state.io.waiting))
        return tuple((start.lpar, start.device) for start in starts)

    def owing(self, state: IopState) -> str:
        """Nothing: whether a device ends is its own affair, and what is held shows in the facts."""
        del state
        return ""

    # --- what happens -------------------------------------------------------------------------------------

    def take(self, state: IopState, message: Any) -> list[Step]:
        """Handle it; SALE may be refused."""
        steps = [self._feed(f"takes {told(message)}", state, message)]
        if isinstance(message, m.SetAddressLimit) and state.refusals:
            sent = ((RESOURCE_MANAGER, m.AddressLimitRefused(message.op, message.lpar, self.name)),)
            after = evolve(state, refusals=state.refusals - 1)
            steps.append(Step(with_sent(f"takes {told(message)} and refuses", sent), after, sent))
        return steps

    def act(self, state: IopState) -> list[Step]:
        """Channel programs end, or suspend themselves."""
        steps = []
        for one in state.programs:
            if one.may_suspend and not one.halted:
                steps.append(self._suspends(state, one))
            hears = one.halted and self._configuration.io is not Io.NEVER
            if hears or (self._configuration.io is Io.ENDS and not one.suspended):
                start = one.start
                rest = tuple(other for other in state.programs if other is not one)
                ended = m.ChannelProgramEnded(
                    None, start.lpar, start.device, start.start, _ENDING, halted=one.halted
                )
                text = f"the program of device {start.device:04X} ends"
                steps.append(Step(text, evolve(state, programs=rest), ((self.name, ended),)))
        return steps

    def _suspends(self, state: IopState, program: Program) -> Step:
        start = program.start
        told_ = m.IoIntermediate(None, start.lpar, start.device, start.start, suspended=True, ccw_address=0)
        after = _changed(state, start.device, suspended=True, may_suspend=False)
        return Step(f"the program of device {start.device:04X} suspends itself", after, ((self.name, told_),))

    def _feed(self, text: str, state: IopState, event: object) -> Step:
        io, orders = io_processor.advance(state.io, event)
        state, sent = evolve(state, io=io), []
        for order in orders:
            state, more = self._carry_out(state, order)
            sent += more
        return Step(with_sent(text, tuple(sent)), state, tuple(sent))

    def _carry_out(self, state: IopState, order: o.Order) -> tuple[IopState, list[Sent]]:
        match order:
            case o.Begin(start=start):
                began = m.IoBegan(None, start.lpar, start.device, start.start, self.name)
                state = evolve(
                    state,
                    programs=(*state.programs, Program(start, may_suspend=self._configuration.suspends)),
                )
                return state, [(lip_control_of(start.lpar), began)]
            case o.Halt(device=device):
                return _changed(state, device, halted=True), []
            case o.GiveUp(device=device):
                return _changed(state, device, halted=True, given_up=True), []
            case o.Resume(device=device):
                start = state.io.running[device]
                began = m.IoBegan(None, start.lpar, device, start.start, self.name)
                return _changed(state, device, suspended=False), [(lip_control_of(start.lpar), began)]
            case o.ResetDevices(lpar=lpar, devices=devices):
                sent: list[Sent] = []
                for device in devices:
                    step = self._feed("", state, m.DeviceFreed(None, lpar, device))
                    state, sent = step.state, [*sent, *step.sent]
                return state, sent
            case _:
                return state, list(self._tells(order))

    def _tells(self, order: o.Order) -> Iterator[Sent]:
        match order:
            case o.Forward(message=message):
                yield lip_control_of(message.lpar), message
            case o.EndStart(start=start, function=function, ending=ending):
                ended = m.IoEnded(None, start.lpar, start.device, start.start, self.name, function, ending)
                yield lip_control_of(start.lpar), ended
            case o.ReportQuiesced(op=op, lpar=lpar):
                yield LPAR_CONTROL, m.IopQuiesced(op, lpar, self.name)
            case o.ReportBusy(op=op, lpar=lpar, devices=devices, attempt=attempt):
                busy = tuple(m.BusyDevice(one, self.name, 0, "", 0, 0, 0, 0, (), lpar) for one in devices)
                yield LPAR_CONTROL, m.IopBusy(op, lpar, self.name, busy, attempt)
            case o.ConfirmLimit(op=op, lpar=lpar):
                yield RESOURCE_MANAGER, m.AddressLimitSet(op, lpar, self.name)
            case o.ConfirmRelease(op=op, lpar=lpar, held=held):
                yield LPAR_CONTROL, m.HeldStartsReleased(op, lpar, self.name, held)
            case o.HoldStart() | o.HoldResume() | o.TellLate() | o.FreeDevice():
                pass
            case _:
                raise AssertionError(f"the model has no {order!r}")


def _changed(state: IopState, device: int, **changes: Any) -> IopState:
    programs = tuple(evolve(one, **changes) if one.start.device == device else one for one in state.programs)
    return evolve(state, programs=programs)
