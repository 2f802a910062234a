"""interruptions-once: every I/O interruption is presented or cleared exactly once.

Checked:
- the numbers of an LPAR's interruptions ascend: none is used again;
- each `interruption.presented` or `interruption.cleared` ends one that is pending, of that device;
- a subchannel has one pending at most: a second one means that the first was lost;
- none is pending when a guest is loaded anew, or its LPAR is deactivated: the reset cleared it;
- the end of a start makes one pending, unless one is already: before the next start of that subchannel; where
  the start ended before its IOP quiesced for an operation that still waited for that, before the guest's SIE; and in
  any case within a second.

Not checked: that a pending interruption is ever presented, as a guest need not enable for it: those still
pending at the end are fine; which of several goes first; what TEST SUBCHANNEL then tells.
`checked` counts interruptions presented or cleared.
"""

from collections.abc import Mapping

from attrs import define

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.vocabulary import Level

_SOON_NS = 1_000_000_000
"""A message that was sent has been handled by then, also under the real clock."""

_Where = tuple[str, str]


@define
class _End:
    """The end of a start that has made no interruption pending yet.

    Attributes:
        iop: the IOP where it ended; None: LIP control knew by itself.
        start: its number.
        at_ns: when.
        quiesced: its IOP has quiesced since.
    """

    iop: str | None
    start: int
    at_ns: int
    quiesced: bool = False


class InterruptionsOnce(Checker):
    """Each interruption is presented or cleared once."""

    name = "interruptions-once"
    needs = Level.IO
    undecided = "interruptions are not told at this level"

    def listen(self) -> Mapping[str, Handler]:
        """Interruptions, and what makes them pending. All by (LPAR, device): the subchannel."""
        self._pending: dict[_Where, int] = {}
        self._last: dict[str, int] = {}  # LPAR -> number of its last interruption
        self._ends: dict[_Where, _End] = {}
        self._backing_out: dict[str, str] = {}  # LPAR -> operation that waits for no I/O any more
        self._ended_ns: int | None = None
        return {
            "lpar.activated": self._activated,
            "lpar.reset": self._reset,
            "guest.loaded": self._gone,
            "lpar.deactivated": self._gone,
            "interruption.pending": self._becomes_pending,
            "interruption.presented": self._over,
            "interruption.cleared": self._over,
            "start.ended": self._start_ended,
            "start.accepted": self._start_accepted,
            "phase.entered": self._phase,
            "iop.quiesced": self._quiesced,
            "sie.issued": self._sie,
            "machine.ended": self._machine_ended,
        }

    def _activated(self, event: Event) -> None:
        lpar = event["lpar"]
        self._last.pop(lpar, None)
        self._pending = {where: number for where, number in self._pending.items() if where[0] != lpar}
        self._ends = {where: end for where, end in self._ends.items() if where[0] != lpar}

    def _reset(self, event: Event) -> None:
        # What the reset cleared makes no interruption.
        where = (event["lpar"], event["iop"])
        self._ends = {key: end for key, end in self._ends.items() if (key[0], end.iop) != where}

    def _gone(self, event: Event) -> None:
        """A new life of the guest, or none: it must not get interruptions of the one before."""
        for (lpar, device), number in tuple(self._pending.items()):
            if lpar == event["lpar"]:
                del self._pending[lpar, device]
                what = f"interruption {number} of {lpar} (device {device})"
                self.violate(event, f"{what} is still pending, though the LPAR was reset")
        self._ends = {key: end for key, end in self._ends.items() if key[0] != event["lpar"]}

    def _becomes_pending(self, event: Event) -> None:
        lpar, number = event["lpar"], event["number"]
        where = lpar, event["device"]
        if number <= self._last.get(lpar, 0):
            self.violate(event, f"interruption {number} of {lpar} comes after number {self._last[lpar]}")
        elif where in self._pending:
            lost = f"interruption {self._pending[where]} of that device was pending: it was lost"
            self.violate(event, f"{_text(event)} is pending, but {lost}")
        self._last[lpar] = number
        self._pending[where] = number
        self._ends.pop(where, None)

    def _over(self, event: Event) -> None:
        self.checked += 1
        where, number = (event["lpar"], event["device"]), event["number"]
        if self._pending.get(where) == number:
            del self._pending[where]
        else:
            known = number <= self._last.get(event["lpar"], 0)
            why = "is not pending any more" if known else "was never pending"
            what = event["event"].removeprefix("interruption.")
            self.violate(event, f"{_text(event)} is {what}, but it {why}")

    def _start_ended(self, event: Event) -> None:
        where = event["lpar"], event["device"]
        if where not in self._pending:
            self._ends[where] = _End(event["iop"], event["start"], event["t"])

    def _start_accepted(self, event: Event) -> None:
        where = event["lpar"], event["device"]
        if where in self._ends:
            self._lost(event, where, "before the next start")

    def _phase(self, event: Event) -> None:
        if event["phase"] == "BACKING_OUT":
            self._backing_out[event["lpar"]] = event["op"]

    def _quiesced(self, event: Event) -> None:
        if self._backing_out.get(event["lpar"]) == event["op"]:
            return  # the guest is being started again: what ends now, and the restart, come in any order
        for (lpar, _), end in self._ends.items():
            if (lpar, end.iop) == (event["lpar"], event["iop"]):
                end.quiesced = True

    def _sie(self, event: Event) -> None:
        # Told to LIP control before the IOP said that it was quiet, and so long before this SIE.
        for where in [where for where, end in self._ends.items() if end.quiesced]:
            if where[0] == event["lpar"]:
                self._lost(event, where, "before SIE")

    def _lost(self, event: Event | None, where: _Where, when: str) -> None:
        end = self._ends.pop(where)
        what = f"start {end.start} of {where[0]} (device {where[1]}) ended at {end.at_ns} ns"
        self.violate(event, f"{what}, and no interruption became pending {when}")

    def _machine_ended(self, event: Event) -> None:
        if not event["interrupted"]:
            self._ended_ns = event["t"]

    def end(self) -> None:
        """Find the starts whose end nobody heard of."""
        if self._ended_ns is not None:
            for where in [w for w, end in self._ends.items() if self._ended_ns - end.at_ns > _SOON_NS]:
                self._lost(None, where, "since")


def _text(event: Event) -> str:
    return f"interruption {event['number']} of {event['lpar']} (device {event['device']})"
