"""stopped-time: how long a guest stood still is told as it was.

Checked, of each `guest.stood`:
- its phases add up to the whole, exactly, and none is negative;
- the whole is the time from the LIP's leaving SIE (`lip.stopped`) to its SIE (`sie.issued`), exactly.

Not checked: which phase a nanosecond belongs to; that a standing is told for every stop.
`checked` counts standings.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler


class StoppedTime(Checker):
    """Stopped times add up."""

    name = "stopped-time"
    steps = (201, 210, 211)

    def listen(self) -> Mapping[str, Handler]:
        """Stops, SIEs, and what is told of the time between."""
        self._left: dict[tuple[str, str], int] = {}
        self._stood: dict[tuple[str, str], int] = {}
        return {"lip.stopped": self._stopped, "sie.issued": self._sie, "guest.stood": self._told}

    def _stopped(self, event: Event) -> None:
        # An earlier stop still counts: a second one finds the LIP standing.
        self._left.setdefault((event["lpar"], event["lip"]), event["left_sie_ns"])

    def _sie(self, event: Event) -> None:
        who = event["lpar"], event["lip"]
        left = self._left.pop(who, None)
        if left is not None:
            self._stood[who] = event["t"] - left

    def _told(self, event: Event) -> None:
        self.checked += 1
        told, parts = event["stopped_ns"], event["phases_ns"]
        who = f"{event['lpar']} on {event['lip']}"
        if sum(parts.values()) != told or any(part < 0 for part in parts.values()):
            self.violate(event, f"{who}: phases {parts} do not add up to {told} ns")
        stood = self._stood.get((event["lpar"], event["lip"]))
        if stood is None:
            self.violate(event, f"{who} stood {told} ns, but was never stopped and started")
        elif stood != told:
            self.violate(event, f"{who} stood {told} ns, but from its stop to its SIE it was {stood} ns")
