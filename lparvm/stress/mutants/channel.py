"""Errors of input and output around a move: starts, their endings, and interruptions are lost, doubled, or early."""

from typing import Any

from attrs import evolve

from lparvm.actors.iop import Iop
from lparvm.actors.lip_control import LipControl
from lparvm.actors.mailbox import Envelope
from lparvm.assembly import Parts
from lparvm.protocol import channel_subsystem as cs
from lparvm.protocol import interruptions
from lparvm.protocol import io_orders as io
from lparvm.protocol import messages as m
from lparvm.protocol.interruptions import Presented, Waits
from lparvm.stress.mutants.mutant import Mutant, Patch


class IopThatLosesAHeldStart(Iop):
    """At the release, the last start that is held is gone."""

    def handle(self, envelope: Envelope) -> None:
        """As ever, but for the release."""
        message, waiting = envelope.message, self._state.waiting
        if isinstance(message, m.ReleaseHeldStarts):
            held = [one for one in waiting if one.held and one.start.lpar == message.lpar]
            if held:
                self._state = evolve(
                    self._state, waiting=tuple(one for one in waiting if one is not held[-1])
                )
        super().handle(envelope)


class IopThatReleasesTheLastFirst(Iop):
    """Begins held starts in the reverse order."""

    def handle(self, envelope: Envelope) -> None:
        """As ever, but for the release."""
        if isinstance(envelope.message, m.ReleaseHeldStarts):
            self._state = evolve(self._state, waiting=self._state.waiting[::-1])
        super().handle(envelope)


class IopThatHoldsUntilItIsQuiet(Iop):
    """Holds starts only until it has reported itself quiesced."""

    def _carry_out(self, order: io.Order, cause: int | None) -> None:
        super()._carry_out(order, cause)
        if isinstance(order, io.ReportQuiesced):
            quiescing = {lpar: op for lpar, op in self._state.quiescing.items() if lpar != order.lpar}
            self._state = evolve(self._state, quiescing=quiescing)


class IopThatEndsAStartTwice(Iop):
    """Tells the end of each start to LIP control, and then once more."""

    def _carry_out(self, order: io.Order, cause: int | None) -> None:
        super()._carry_out(order, cause)
        if isinstance(order, io.EndStart):
            super()._carry_out(order, cause)


class IopThatTellsNobody(Iop):
    """Does not tell the other IOPs with a path to a device that it is free."""

    def _tell_freed(self, lpar: str, number: int, cause: int | None) -> None:
        pass


class LipControlThatForgetsInterruptions(LipControl):
    """A restart drops what is pending."""

    def handle(self, envelope: Envelope) -> None:
        """As ever, but for the restart."""
        if isinstance(envelope.message, m.RestartGuest):
            self._subsystem = evolve(self._subsystem, requests=())
        super().handle(envelope)


class LipControlThatHearsNothing(LipControl):
    """While the guest is stopped, ends of its starts are passed over."""

    def handle(self, envelope: Envelope) -> None:
        """As ever, but for those."""
        if self._control.in_sie or not isinstance(envelope.message, m.IoEnded):
            super().handle(envelope)


def _take_any_start(state: cs.ChannelSubsystem, message: Any) -> cs.Step:
    """`channel_subsystem.advance`, without a look at which start is told of."""
    sub = state.subchannels[message.device]
    if sub.start is not None and hasattr(message, "start"):
        message = evolve(message, start=sub.start.start)
    return _advance(state, message)


_advance = cs.advance


def _present_always(
    waits: Waits, subsystem: cs.ChannelSubsystem, *, in_sie: bool
) -> tuple[Waits, cs.ChannelSubsystem, tuple[Presented, ...]]:
    """`interruptions.present`, also while the guest is stopped."""
    del in_sie
    return _present(waits, subsystem, in_sie=True)


_present = interruptions.present

MUTANTS = (
    Mutant(
        "held-start-lost", "Of the starts that an IOP holds, one is lost.", Parts(iop=IopThatLosesAHeldStart)
    ),
    Mutant(
        "held-start-begun-early",
        "An IOP begins starts again as soon as it has reported itself quiesced.",
        Parts(iop=IopThatHoldsUntilItIsQuiet),
    ),
    Mutant(
        "held-starts-in-reverse",
        "An IOP begins the starts that it held the last one first.",
        Parts(iop=IopThatReleasesTheLastFirst),
    ),
    Mutant("start-ends-twice", "An IOP tells the end of a start twice.", Parts(iop=IopThatEndsAStartTwice)),
    Mutant(
        "duplicate-ending-taken-twice",
        "What an IOP tells late, or again, of a start that is over is taken for the start that is under way.",
        patches=(Patch(cs, "advance", _take_any_start),),
    ),
    Mutant(
        "freed-device-not-told",
        "The other IOPs with a path to a device are not told when it is free.",
        Parts(iop=IopThatTellsNobody),
        rare="It takes a disk that two LPARs share over two IOPs, and a path varied off while a program runs there: "
        "seed 110 is the first to show it, under first come, first served.",
    ),
    Mutant(
        "interruption-lost-by-restart",
        "The interruptions that are pending when a guest is restarted are dropped.",
        Parts(lip_control=LipControlThatForgetsInterruptions),
    ),
    Mutant(
        "ending-lost-while-stopped",
        "The end of a start that comes while the guest is stopped is passed over.",
        Parts(lip_control=LipControlThatHearsNothing),
    ),
    Mutant(
        "interruption-while-stopped",
        "An interruption is presented while the guest is stopped.",
        patches=(Patch(interruptions, "present", _present_always),),
    ),
)
