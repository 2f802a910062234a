"""A LIP in the model, and the guest processors that it runs: the real actor, with guests that do what they like.

A slice of a guest is no step: whatever a guest in SIE does to its storage is judged by where its pages are then. What
it asks for is one: it starts each device once, takes a service signal and answers it in some way at some later time,
or fails. Where two LIPs run a guest, the first one starts the devices of its first IOP, the last one the others.
"""

from collections.abc import Hashable, Iterator
from typing import Any, cast

from attrs import evolve, frozen

from lparvm.actors.lip import GuestProcessor, Lip, Status
from lparvm.arch import interception as i
from lparvm.arch.address import Zone
from lparvm.arch.service_signal import StorageGivenUp, StorageKept, StorageWanted
from lparvm.arch.state_description import StateDescription
from lparvm.arch.subchannel import Orb
from lparvm.guests.base import Guest
from lparvm.stress.statespace.configuration import Configuration
from lparvm.stress.statespace.freezing import freeze
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


class _Guest:
    """As much of a guest as its LIP asks."""

    def __init__(self, *, takes_signals: bool) -> None:
        self._takes_signals = takes_signals

    def can_take_signal(self, _state: StateDescription) -> bool:
        """Whether it has a handler."""
        return self._takes_signals


class Processors(Lip):
    """The real LIP, whose state can be compared, and whose guests are told what to do."""

    def key(self) -> Hashable:
        """Equal for LIPs that act alike."""
        processors = tuple(
            (lpar, one.in_sie, one.status, one.state.zone, one.state.service_signal, freeze(one.state.reply))
            for lpar, one in self.processors.items()
        )
        return processors, key_of(self, ("processors", "_instruction_ns"))

    def ask(self, lpar: str, request: i.Request) -> None:
        """The guest's slice ends with a request; what it was told before, it has taken."""
        processor = self.processors[lpar]
        processor.state.reply = None
        self._intercept(processor, request)

    def fail(self, lpar: str) -> None:
        """The guest's slice ends with its failure."""
        self._fail(self.processors[lpar], "LVM071E", "it fails")


@frozen(eq=False)
class LipState:
    """A LIP, and what its guests have still to do.

    Attributes:
        lip: the LIP; never changed.
        starts: (LPAR, device) that are not started yet.
        resumes: (LPAR, device) that are started, and were not told to go on yet.
        asked: LPARs whose guest took a question, with the extent asked for, and has not answered.
        failures: how many guests may still fail.
        hangs: a guest reaches no instruction boundary any more: it takes no message, and its guests ask for nothing.
        may_hang: it may come to that.
    """

    lip: Processors
    starts: tuple[tuple[str, int], ...]
    resumes: tuple[tuple[str, int], ...]
    asked: tuple[tuple[str, int], ...]
    failures: int
    hangs: bool
    may_hang: bool


@frozen
class LipFacts:
    """What invariants look at.

    Attributes:
        zones: of each guest processor its LPAR, its state description's zone, and whether it is in SIE.
    """

    zones: tuple[tuple[str, Zone, bool], ...]


class LipPart:
    """See the module."""

    sink = False

    def __init__(self, configuration: Configuration, name: str, make: type[Processors]) -> None:
        """`make` makes the LIP."""
        self.name, self._configuration, self._make = name, configuration, make
        self._lpars = tuple(lpar for lpar in configuration.lpars if name in lpar.lips)
        self._directory = Directory()
        # Of each LPAR: two orders, a third when its guest fails, an extent, a signal, the reply to a request.
        self.in_flight_max = (5 + bool(configuration.guest_failures)) * len(self._lpars)

    def first(self) -> LipState:
        """Every guest is in SIE."""
        guests, starts = {}, []
        for lpar in self._lpars:
            guest = cast("Guest", _Guest(takes_signals=lpar.takes_signals))
            guests[lpar.name] = (
                guest,
                StateDescription(lpar.name, self.name, lpar.lips.index(self.name), lpar.zone),
            )
            for iop in lpar.iops:
                owner = lpar.lips[0] if iop == lpar.iops[0] else lpar.lips[-1]
                if owner == self.name:
                    devices = self._configuration.devices_of(lpar.name, iop)
                    starts += [(lpar.name, device) for device in devices]
        lip = self._make(self.name, self._directory, NO_TRACE, STANDING_CLOCK, guests, 0, observe=False)
        for processor in lip.processors.values():
            processor.in_sie = True
        return LipState(lip, tuple(starts), (), (), self._configuration.guest_failures, hangs=False,
                        may_hang=self.name in self._configuration.may_hang)  # fmt: skip

    def key(self, state: LipState) -> Hashable:
        """See there."""
        return (
            state.lip.key(),
            state.starts,
            state.resumes,
            state.asked,
            state.failures,
            state.hangs,
            state.may_hang,
        )

    def facts(self, state: LipState) -> LipFacts:
        """See there."""
        return LipFacts(
            tuple((lpar, one.state.zone, one.in_sie) for lpar, one in state.lip.processors.items())
        )

    def deaf(self, state: LipState) -> bool:
        """Whether it hangs."""
        return state.hangs

    def final(self, state: LipState) -> bool:
        """Whether it hangs."""
        return state.hangs

    def owing(self, state: LipState) -> str:
        """Guests in SIE that wait for the reply to a request."""
        if state.hangs:
            return ""
        processors = state.lip.processors.items()
        waiting = [lpar for lpar, one in processors if one.in_sie and one.status is Status.INTERCEPTED]
        return f"{self.name}: {', '.join(waiting)} waits for a reply" if waiting else ""

    def take(self, state: LipState, message: Any) -> list[Step]:
        """Handle it, between two slices."""
        if state.hangs:
            return []
        lip = self._changed(state)
        lip.handle(envelope(message))
        for processor in lip.processors.values():
            if processor.status is not Status.INTERCEPTED:
                processor.state.reply = None  # what the guest makes of it is its own affair
        return [self._step(f"takes {told(message)}", state, lip)]

    def act(self, state: LipState) -> list[Step]:
        """What the guests in SIE ask for."""
        if state.hangs:
            return []
        steps: list[Step] = []
        if state.may_hang and any(one.in_sie for one in state.lip.processors.values()):
            steps.append(Step("reaches no instruction boundary any more", evolve(state, hangs=True)))
        for lpar, processor in state.lip.processors.items():
            if processor.can_run:
                steps += self._acts(state, lpar, processor)
        return steps

    def _acts(self, state: LipState, lpar: str, processor: GuestProcessor) -> Iterator[Step]:
        yield from self._does_io(state, lpar)
        yield from self._is_asked(state, lpar, processor)
        if state.failures:
            lip = self._changed(state)
            lip.fail(lpar)
            yield self._step(f"{lpar} fails", evolve(state, failures=state.failures - 1), lip)

    def _does_io(self, state: LipState, lpar: str) -> Iterator[Step]:
        """START, and RESUME."""
        suspends = self._configuration.suspends
        for start in state.starts:
            if start[0] == lpar:
                lip = self._changed(state)
                # Without an interruption for it: RESUME is refused while status is pending.
                orb = Orb(0, suspend_control=suspends, suppress_suspended=suspends)
                lip.ask(lpar, i.StartSubchannel(start[1], orb))
                resumes = (*state.resumes, start) if suspends else ()
                after = evolve(state, starts=_without(state.starts, start), resumes=resumes)
                yield self._step(f"{lpar} starts device {start[1]:04X}", after, lip)
        for start in state.resumes:
            if start[0] == lpar:
                lip = self._changed(state)
                lip.ask(lpar, i.ResumeSubchannel(start[1]))
                after = evolve(state, resumes=_without(state.resumes, start))
                yield self._step(f"{lpar} resumes device {start[1]:04X}", after, lip)

    def _is_asked(self, state: LipState, lpar: str, processor: GuestProcessor) -> Iterator[Step]:
        """A service signal is taken; a question that was taken is answered."""
        others = tuple(one for one in state.asked if one[0] != lpar)
        signal = processor.state.service_signal
        if signal is not None:
            lip = self._changed(state)
            lip.processors[lpar].state.service_signal = None
            # What was asked before counts no more.
            asked = (*others, (lpar, signal.extent)) if isinstance(signal, StorageWanted) else others
            yield self._step(f"{lpar} takes {told(signal)}", evolve(state, asked=asked), lip)
        for question in state.asked:
            if question[0] == lpar:
                for answer in (StorageGivenUp(question[1]), StorageKept("it is in use")):
                    lip = self._changed(state)
                    lip.ask(lpar, i.ServiceCall(answer))
                    yield self._step(f"{lpar} answers {told(answer)}", evolve(state, asked=others), lip)

    def _changed(self, state: LipState) -> Processors:
        self._directory.taken()
        return copied(state.lip)

    def _step(self, text: str, state: LipState, lip: Processors) -> Step:
        sent = self._directory.taken()
        return Step(with_sent(text, sent), evolve(state, lip=lip), sent)


def _without(starts: tuple[tuple[str, int], ...], start: tuple[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(one for one in starts if one != start)
