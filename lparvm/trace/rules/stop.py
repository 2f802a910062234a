"""stop-holds: a guest touches nothing between its stop (step 201) and its SIE (step 210).

Checked:
- a slice with accesses only on a LIP that has entered SIE for that LPAR and not stopped since; its accesses
  do not begin before that SIE. After `guest.ended` a slice may still be told, none may go on;
- no page moves, no checksum is taken and no move starts while a LIP of the LPAR runs;
- no SIE while the LPAR's pages are on the move, or its relocation is between QUIESCING and NOTIFYING;
- when QUIESCING is entered, no LIP of the LPAR runs any more; nor when it is held (STOP), loaded (IPL) or
  deactivated; from STOP to START there is no SIE.

Not checked: accesses one by one (a slice tells its first and last time only); that a LIP stops soon; whether
LIP control's messages are in order; guests' own final checks, which read a zone that nobody runs in.
`checked` counts slices with accesses, chunks and checksums.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.rules.running import Running
from lparvm.trace.vocabulary import Level

_STANDSTILL = frozenset(("QUIESCING", "CHECKING", "MOVING", "NOTIFYING"))


class StopHolds(Checker):
    """No guest access between stop and SIE."""

    name = "stop-holds"
    steps = (201, 210)
    needs = Level.IO
    undecided = "slices are not told at this level; stops and SIEs were checked against moves and phases"

    def listen(self) -> Mapping[str, Handler]:
        """The events of LIPs, and what must not happen while they run."""
        self._running = Running()
        self._since = self._running.since
        self._moving: dict[str, int] = {}  # LPAR -> when its move started
        self._phases: dict[str, str] = {}  # LPAR -> phase of its relocation
        self._held: dict[str, int] = {}  # LPAR -> since when the operator holds it
        return {
            "sie.issued": self._sie,
            "lip.stopped": self._running.stopped,
            "guest.ended": self._running.over,
            "slice.ended": self._slice,
            "phase.entered": self._phase,
            "move.started": self._move_started,
            "chunk.moved": self._needs_standstill,
            "move.ended": self._move_ended,
            "custody.recorded": self._needs_standstill,
            "custody.verified": self._needs_standstill,
            "exchange.started": self._exchange_started,
            "chunk.exchanged": self._exchange_chunk,
            "exchange.ended": self._exchange_ended,
            "guest.held": self._hold,
            "guest.loaded": self._loaded,
            "lpar.deactivated": self._loaded,
        }

    def _slice(self, event: Event) -> None:
        if event["lowest_host"] is None:
            return
        self.checked += 1
        since = self._since.get((event["lpar"], event["lip"]))
        if since is None or event["first_ns"] < since:
            self._judge_slice(event, since)

    def _judge_slice(self, event: Event, since: int | None) -> None:
        who = event["lpar"], event["lip"]
        what = f"{who[0]} on {who[1]} accessed storage from {event['first_ns']} to {event['last_ns']} ns"
        if since is not None:
            self.violate(event, f"{what}, before its SIE at {since} ns")
        elif event["last_ns"] > self._running.ended.get(who, -1):
            self.violate(event, f"{what}, without SIE since its stop")

    def _sie(self, event: Event) -> None:
        lpar = event["lpar"]
        if lpar in self._held:
            self.violate(event, f"{lpar} is started, but the operator holds it since {self._held[lpar]} ns")
        if lpar in self._moving:
            self.violate(event, f"{lpar} is started while its pages move since {self._moving[lpar]} ns")
        elif self._phases.get(lpar) in _STANDSTILL:
            self.violate(event, f"{lpar} is started in phase {self._phases[lpar]}")
        self._running.sie(event)

    def _phase(self, event: Event) -> None:
        lpar, phase = event["lpar"], event["phase"]
        if phase == "REPORTED":
            self._phases.pop(lpar, None)
        else:
            self._phases[lpar] = phase
        if phase == "QUIESCING":
            self._needs_standstill(event)

    def _move_started(self, event: Event) -> None:
        self._moving[event["lpar"]] = event["t"]
        self._needs_standstill(event)

    def _move_ended(self, event: Event) -> None:
        self._moving.pop(event["lpar"], None)

    def _exchange_started(self, event: Event) -> None:
        for lpar in (event["lower"], event["upper"]):
            self._moving[lpar] = event["t"]
            self._stands(event, lpar)

    def _exchange_chunk(self, event: Event) -> None:
        for lpar in (event["lower"], event["upper"]):
            self._stands(event, lpar)

    def _exchange_ended(self, event: Event) -> None:
        for lpar in (event["lower"], event["upper"]):
            self._moving.pop(lpar, None)

    def _hold(self, event: Event) -> None:
        if event["held"]:
            self._held[event["lpar"]] = event["t"]
            self._needs_standstill(event)
        else:
            self._held.pop(event["lpar"], None)

    def _loaded(self, event: Event) -> None:
        """IPL, or the end: nobody runs what was there before."""
        self._needs_standstill(event)
        self._held.pop(event["lpar"], None)

    def _needs_standstill(self, event: Event) -> None:
        self._stands(event, event["lpar"])

    def _stands(self, event: Event, lpar: str) -> None:
        self.checked += 1
        running = self._running.of(lpar)
        if running:
            self.violate(event, f"{lpar} still runs on {', '.join(running)}")
