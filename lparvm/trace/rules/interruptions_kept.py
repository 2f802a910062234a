"""interruptions-after-sie: a stopped guest takes no interruption, and a move loses none.

Checked:
- no `interruption.presented` of an LPAR from the first `lip.stopped` of an operation until it goes on to
  restart, or a new guest that it loaded enters SIE; and none to a LIP from its own `lip.stopped` to its next SIE;
  after a guest failed, none at all;
- nothing clears an interruption while the guest stands: from QUIESCING to the first SIE;
- what was pending while the guest stood is still pending when LIP control goes on to present
  (`interruptions.kept`), and no younger interruption of the same subchannel overtakes it.

Not checked: when a pending interruption is presented: the trace does not tell what a processor is enabled for;
a LIP that stops late, when the stop was rescinded already; interruptions that never became pending (that is
interruptions-once).
`checked` counts interruptions presented, and those told as kept.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.rules.running import tells_failure
from lparvm.trace.vocabulary import Level

_GOES_ON = frozenset(("RESTARTING", "BACKING_OUT", "REPORTED"))

_Where = tuple[str, str]


class InterruptionsAfterSie(Checker):
    """Interruptions wait for SIE, and are there then."""

    name = "interruptions-after-sie"
    steps = (201, 210)
    needs = Level.IO
    undecided = "interruptions are not told at this level"

    def listen(self) -> Mapping[str, Handler]:
        """Interruptions, stops and SIEs."""
        self._pending: dict[_Where, int] = {}  # (LPAR, device) -> number
        self._kept: dict[_Where, int] = {}  # those of them that were pending while the guest stood
        self._stopping: dict[str, str] = {}  # LPAR -> operation that stops it, until it goes on
        self._anew: dict[str, str | None] = {}  # LPAR -> operation that loaded a guest, until that enters SIE
        self._stopped: dict[str, int] = {}  # LPAR -> when its first LIP stopped for that
        self._standing: dict[_Where, int] = {}  # (LPAR, LIP) -> when it stopped
        self._still: dict[str, int] = {}  # LPAR -> since when all its LIPs stand
        return {
            "lpar.activated": self._activated,
            "guest.loaded": self._loaded,
            "phase.entered": self._phase,
            "lip.stopped": self._lip_stopped,
            "sie.issued": self._sie,
            "interruption.pending": self._becomes_pending,
            "interruption.presented": self._presented,
            "interruption.cleared": self._cleared,
            "interruptions.kept": self._told_as_kept,
        }

    def _activated(self, event: Event) -> None:
        for known in (self._pending, self._kept, self._standing):
            for where in [where for where in known if where[0] == event["lpar"]]:
                del known[where]

    def _loaded(self, event: Event) -> None:
        self._activated(event)
        self._anew[event["lpar"]] = event["op"]

    def _phase(self, event: Event) -> None:
        lpar, phase = event["lpar"], event["phase"]
        if phase == "STOPPING":
            self._stopping[lpar] = event["op"]
        elif phase == "QUIESCING":
            self._still[lpar] = event["t"]
        elif phase in _GOES_ON:
            self._goes_on(lpar)
            if phase == "REPORTED":  # of a guest that failed, without SIE
                self._still.pop(lpar, None)

    def _goes_on(self, lpar: str) -> None:
        self._stopping.pop(lpar, None)
        self._stopped.pop(lpar, None)

    def _lip_stopped(self, event: Event) -> None:
        lpar = event["lpar"]
        stops = event["op"] is not None and event["op"] == self._stopping.get(lpar)
        if stops:
            self._stopped.setdefault(lpar, event["t"])
        # One that stops late, for a stop that was rescinded, has its SIE already: it may take what it waits for.
        if stops or tells_failure(event):
            self._standing[lpar, event["lip"]] = event["t"]

    def _sie(self, event: Event) -> None:
        lpar = event["lpar"]
        self._still.pop(lpar, None)
        if lpar in self._anew and self._anew.pop(lpar) == event["op"]:
            # The operation that stopped the guest before reports only later: LPAR control may be slow, or die.
            self._goes_on(lpar)
        if self._standing.pop((lpar, event["lip"]), None) is not None:
            self._kept.update({where: n for where, n in self._pending.items() if where[0] == lpar})

    def _becomes_pending(self, event: Event) -> None:
        where = event["lpar"], event["device"]
        if self._kept:
            self._overtakes(event, where)
        self._pending[where] = event["number"]

    def _presented(self, event: Event) -> None:
        self.checked += 1
        lpar, lip = event["lpar"], event["lip"]
        since = self._stopped.get(lpar, self._standing.get((lpar, lip)))
        if since is not None:
            what = f"{_text(event)} is presented on {lip}"
            self.violate(event, f"{what}, while the guest is stopped since {since} ns")
        self._over(event)

    def _cleared(self, event: Event) -> None:
        since = self._still.get(event["lpar"])
        if since is not None:
            what = f"{_text(event)} is cleared by {event['reason']}"
            self.violate(event, f"{what}, while the guest stands since {since} ns")
        self._over(event)

    def _over(self, event: Event) -> None:
        where = event["lpar"], event["device"]
        if self._kept:
            self._overtakes(event, where)
        if self._pending.get(where) == event["number"]:
            del self._pending[where]

    def _overtakes(self, event: Event, where: _Where) -> None:
        """An interruption comes or goes: of one subchannel, what was pending in the stop goes first."""
        older = self._kept.pop(where, None)
        if older is not None and older < event["number"]:
            told = event["event"].removeprefix("interruption.")
            lost = f"interruption {older}, pending while the guest was stopped, was lost"
            self.violate(event, f"{_text(event)} is {told}, but {lost}")

    def _told_as_kept(self, event: Event) -> None:
        lpar, told = event["lpar"], event["numbers"]
        self.checked += len(told)
        pending = {number: device for (name, device), number in self._pending.items() if name == lpar}
        for number, device in pending.items():
            if number not in told:
                what = f"interruption {number} of {lpar} (device {device})"
                self.violate(event, f"{what} was pending while the guest was stopped, and is lost")
        for number in told:
            if number not in pending:
                self.violate(event, f"interruption {number} of {lpar} is told as kept, but is not pending")


def _text(event: Event) -> str:
    return f"interruption {event['number']} of {event['lpar']} (device {event['device']})"
