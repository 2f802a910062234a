"""late-transfers-refused: after a start has ended, its channel program touches storage no more.

A start that was cleared ends at once, and its device goes on: what it transfers then comes late, and must be
refused.

Checked:
- each transfer with accesses is of a start that has begun and not ended, or tells only what was before the end;
- `transfer.refused` is never told of a start that is under way: nothing that a guest waits for is refused.

Not checked: accesses one by one (a transfer tells its first and last time only); that a refused transfer
touched nothing (whoever owns the frames finds damage otherwise); whether the device ends at all.
`checked` counts transfers with accesses, and refused ones.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.vocabulary import Level

_Key = tuple[str, int]


class LateTransfersRefused(Checker):
    """No access of a start after its end."""

    name = "late-transfers-refused"
    steps = (202,)
    needs = Level.IO
    undecided = "transfers are not told at this level"

    def listen(self) -> Mapping[str, Handler]:
        """Starts and transfers."""
        self._running: dict[_Key, str] = {}  # start -> its device
        # Device -> the last start that ran there and ended: what ended it, when. A device that was given up
        # runs no other start until it ends what it does.
        self._over: dict[str, tuple[_Key, str, int]] = {}
        return {
            "lpar.activated": self._activated,
            "start.begun": self._begun,
            "start.ended": self._ended,
            "transfer.ended": self._transfer,
            "transfer.refused": self._refused,
        }

    def _activated(self, event: Event) -> None:
        for key in [key for key in self._running if key[0] == event["lpar"]]:
            del self._running[key]

    def _begun(self, event: Event) -> None:
        self._running[event["lpar"], event["start"]] = event["device"]

    def _ended(self, event: Event) -> None:
        key = event["lpar"], event["start"]
        if self._running.pop(key, None) is not None:
            self._over[event["device"]] = key, event["function"], event["t"]

    def _transfer(self, event: Event) -> None:
        if event["lowest_host"] is None:
            return
        self.checked += 1
        if (event["lpar"], event["start"]) not in self._running:
            self._judge(event)

    def _judge(self, event: Event) -> None:
        key = event["lpar"], event["start"]
        last, function, ended_ns = self._over.get(event["device"], (None, "", 0))
        what = f"start {key[1]} of {key[0]} (device {event['device']} at {event['iop']})"
        accessed = f"accessed storage from {event['first_ns']} to {event['last_ns']} ns"
        if last != key:
            self.violate(event, f"{what} {accessed}, but is not under way")
        elif event["last_ns"] > ended_ns:
            self.violate(event, f"{what} {accessed}, after its end by {function} at {ended_ns} ns")

    def _refused(self, event: Event) -> None:
        self.checked += 1
        if (event["lpar"], event["start"]) in self._running:
            what = f"start {event['start']} of {event['lpar']} (device {event['device']})"
            self.violate(event, f"{what} is refused {event['bytes']} bytes, but was not given up")
