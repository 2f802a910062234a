"""starts-end-once: every start that was accepted ends exactly once, and none is lost.

Checked:
- the numbers of an LPAR's starts ascend; what is held, deferred, begun or ended was accepted and has not ended;
- a start begins at most once; none begins at an IOP where its LPAR is held, which is from `iop.quiesced`, or
  the first `start.held`, to `starts.released`;
- when an LPAR is reset at an IOP, every start of it there has ended; when its guest is loaded anew, or it is
  deactivated, no start is left at all;
- of the starts that have neither begun nor ended when the machine ends, each has a reason to wait: its LPAR is
  held, its device is still taken by another start, or it was deferred and the device may be reserved. One that
  has none was lost. So is a start that was held and did nothing at its release; where a message may still be
  on its way, a start counts as lost after a second. A run that was interrupted may leave starts as they are.

Not checked: that a program that runs ends at all (devices may never end); that one device runs one program at
a time; a start that is deferred at a device that several LPARs use (reservations are not told).
`checked` counts starts that ended.
"""

from collections.abc import Mapping

from attrs import define

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.vocabulary import Level

_SOON_NS = 1_000_000_000
"""What waits for a message has got it by then, also under the real clock."""
_AT_ONCE_NS = 1_000_000
"""What an IOP does in one go has been done by then."""

_Key = tuple[str, int]


@define
class _Start:
    """A start that has not ended.

    Attributes:
        device: device number.
        since: when it was last heard of.
        iop: the IOP where it waits or runs; None: on its way to one.
        state: accepted | held | deferred | begun.
        deferred: its device was busy or reserved when it should have begun.
    """

    device: str
    since: int
    iop: str | None = None
    state: str = "accepted"
    deferred: bool = False


class StartsEndOnce(Checker):
    """Each start ends once; none is lost."""

    name = "starts-end-once"
    steps = (202,)
    needs = Level.IO
    undecided = "starts are not told at this level"

    def listen(self) -> Mapping[str, Handler]:
        """Starts, and what makes them wait."""
        self._open: dict[_Key, _Start] = {}
        self._last: dict[str, int] = {}  # LPAR -> number of its last start
        self._held: dict[tuple[str, str], int] = {}  # (LPAR, IOP) -> since when
        self._released: dict[tuple[str, str], int] = {}  # (LPAR, IOP) -> when last
        # Devices: which start each runs, or was given up with; when it last became free; who used it first,
        # and whether others did, too (asked for members only).
        self._taken: dict[str, _Key] = {}
        self._freed: dict[str, int] = {}
        self._user: dict[str, str] = {}
        self._shared: set[str] = set()
        self._ended_ns: int | None = None
        return {
            "lpar.activated": self._activated,
            "lpar.reset": self._reset,
            "guest.loaded": self._gone,
            "lpar.deactivated": self._gone,
            "start.accepted": self._accepted,
            "start.held": self._waits,
            "start.deferred": self._waits,
            "start.begun": self._begun,
            "start.ended": self._ended,
            "device.ended": self._ended_late,
            "iop.quiesced": self._quiesced,
            "starts.released": self._release,
            "path.varied": self._varied,
            "machine.ended": self._machine_ended,
        }

    def _activated(self, event: Event) -> None:
        lpar = event["lpar"]
        self._last.pop(lpar, None)
        self._open = {key: start for key, start in self._open.items() if key[0] != lpar}
        self._held = {where: since for where, since in self._held.items() if where[0] != lpar}

    def _reset(self, event: Event) -> None:
        """System reset at an IOP: every start of the LPAR there has ended, and none is held."""
        lpar, iop = event["lpar"], event["iop"]
        self._held.pop((lpar, iop), None)
        for (name, number), start in self._open.items():
            if name == lpar and start.iop == iop:
                what = f"start {number} of {lpar} (device {start.device})"
                self.violate(event, f"{what} is {start.state} at {iop}, which is reset")

    def _gone(self, event: Event) -> None:
        """A new life of the guest, or none: nothing is left of the one before."""
        for (lpar, number), start in tuple(self._open.items()):
            if lpar == event["lpar"]:
                del self._open[lpar, number]
                what = f"start {number} of {lpar} (device {start.device})"
                self.violate(event, f"{what} is {start.state}, and was lost by the reset")

    def _accepted(self, event: Event) -> None:
        lpar, number = event["lpar"], event["start"]
        if number <= self._last.get(lpar, 0):
            self.violate(event, f"start {number} of {lpar} is accepted after start {self._last[lpar]}")
        self._last[lpar] = number
        self._open[lpar, number] = _Start(event["device"], event["t"])

    def _waits(self, event: Event) -> None:
        start = self._open.get((event["lpar"], event["start"]))
        state = event["event"].removeprefix("start.")
        if state == "held":
            self._held.setdefault((event["lpar"], event["iop"]), event["t"])
        if start is None or start.state == "begun":
            self._judge(event, start, state)
        else:
            start.state, start.iop, start.since = state, event["iop"], event["t"]
            start.deferred = start.deferred or state == "deferred"

    def _begun(self, event: Event) -> None:
        lpar, device = event["lpar"], event["device"]
        key = lpar, event["start"]
        start = self._open.get(key)
        if start is None or start.state == "begun" or start.device != device:
            self._judge(event, start, "begun")
        else:
            start.state, start.iop = "begun", event["iop"]
        since = self._held.get((lpar, event["iop"]))
        if since is not None:
            where = f"at {event['iop']}, where {lpar} is held since {since} ns"
            self.violate(event, f"{_text(event)} begins {where}")
        self._taken[device] = key
        if self._user.setdefault(device, lpar) != lpar:
            self._shared.add(device)

    def _ended(self, event: Event) -> None:
        self.checked += 1
        key, device = (event["lpar"], event["start"]), event["device"]
        start = self._open.pop(key, None)
        if start is None or start.device != device:
            self._judge(event, start, "ended")
        # A device that was given up is free when it ends what it does, and that is told apart.
        if event["function"] != "CLEAR" and self._taken.get(device) == key:
            self._free(event)

    def _ended_late(self, event: Event) -> None:
        if self._taken.get(event["device"]) == (event["lpar"], event["start"]):
            self._free(event)

    def _free(self, event: Event) -> None:
        del self._taken[event["device"]]
        self._freed[event["device"]] = event["t"]

    def _judge(self, event: Event, start: _Start | None, what: str) -> None:
        if start is None:
            accepted = event["start"] <= self._last.get(event["lpar"], 0)
            why = "has ended already" if accepted else "was never accepted"
        elif start.device != event["device"]:
            why = f"is of device {start.device}"
        else:
            why = "has begun already"
        self.violate(event, f"{_text(event)} is told as {what}, but {why}")

    def _quiesced(self, event: Event) -> None:
        self._held.setdefault((event["lpar"], event["iop"]), event["t"])

    def _release(self, event: Event) -> None:
        where = event["lpar"], event["iop"]
        self._held.pop(where, None)
        self._released[where] = event["t"]

    def _varied(self, event: Event) -> None:
        # What waited for this path goes back to LIP control, which tries another one.
        where = event["iop"], event["device"]
        for start in () if event["online"] else self._open.values():
            if start.state != "begun" and (start.iop, start.device) == where:
                start.state, start.iop, start.since = "accepted", None, event["t"]

    def _machine_ended(self, event: Event) -> None:
        if not event["interrupted"]:
            self._ended_ns = event["t"]

    def end(self) -> None:
        """Find the starts that were lost."""
        if self._ended_ns is None:
            return
        for (lpar, number), start in self._open.items():
            if start.state != "begun" and not self._may_wait(lpar, start, self._ended_ns):
                where = "" if start.iop is None else f" at {start.iop}"
                what = f"start {number} of {lpar} (device {start.device})"
                last = f"{start.state}{where} at {start.since} ns"
                self.violate(None, f"{what} was lost: {last}, and neither begun nor ended since")

    def _may_wait(self, lpar: str, start: _Start, now: int) -> bool:
        held = any(who == lpar and start.iop in (None, iop) for who, iop in self._held)
        if held or start.device in self._taken:
            return True
        others = start.device in self._shared or self._user.get(start.device, lpar) != lpar
        if start.deferred and others:
            return True
        released = 0 if start.iop is None else self._released.get((lpar, start.iop), 0)
        freed = self._freed.get(start.device, 0)
        at_once = start.state == "held" and freed <= released
        return now - max(start.since, released, freed) <= (_AT_ONCE_NS if at_once else _SOON_NS)


def _text(event: Event) -> str:
    return f"start {event['start']} of {event['lpar']} (device {event['device']})"
