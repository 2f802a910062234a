"""held-starts-in-order: starts that were held begin after SALE and release, in the order in which they came.

Checked, at each IOP for each LPAR:
- no start that is held begins before `starts.released`; that comes after a SALE at this IOP since the
  relocation began to quiesce;
- as many starts are released as are held;
- released starts begin in the order in which they were held, and before younger starts of the LPAR there. Only
  one that was deferred, or whose device is taken, may be overtaken, and never by one of its own device;
- a suspended program whose resume was held goes on at the release, unless it ended.

Not checked: that a released start begins at all (that is starts-end-once); the order of starts of several
LPARs; what SALE said (that is sale-agrees).
`checked` counts releases, and the held starts that began.
"""

from collections.abc import Mapping

from attrs import define

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.vocabulary import Level

_Where = tuple[str, str]


@define
class _Waiting:
    """A start that waits.

    Attributes:
        device: device number.
        deferred: its device was busy or reserved when it should have begun.
    """

    device: str
    deferred: bool = False


class HeldStartsInOrder(Checker):
    """Held starts begin after SALE, in their order."""

    name = "held-starts-in-order"
    steps = (202,)
    claims = (5, 11)
    needs = Level.IO
    undecided = "starts are not told at this level"

    def listen(self) -> Mapping[str, Handler]:
        """Starts, SALE and release. All by (LPAR, IOP); what holds nothing is not kept."""
        self._iops: dict[str, tuple[str, ...]] = {}
        self._unsold: dict[_Where, int] = {}  # quiescing since then, without SALE
        self._deferred: dict[_Where, dict[int, _Waiting]] = {}
        self._held: dict[_Where, dict[int, _Waiting]] = {}
        self._due: dict[_Where, dict[int, _Waiting]] = {}  # released, to begin in this order
        self._taken: dict[str, tuple[str, int]] = {}  # device -> start that it runs
        self._resumes: dict[_Where, list[int]] = {}  # held: starts whose programs are suspended
        self._resumes_due: dict[_Where, list[int]] = {}  # released, to go on at once
        return {
            "lpar.activated": self._activated,
            "lpar.reset": self._reset,
            "phase.entered": self._phase,
            "sale.set": self._sale,
            "start.held": self._hold,
            "start.deferred": self._defer,
            "resume.held": self._hold_resume,
            "start.resumed": self._resumed,
            "starts.released": self._released,
            "start.begun": self._begun,
            "start.ended": self._ended,
            "path.varied": self._varied,
        }

    def _activated(self, event: Event) -> None:
        self._iops[event["lpar"]] = tuple(event["iops"])
        for starts in (self._deferred, self._held, self._due):
            for where in [where for where in starts if where[0] == event["lpar"]]:
                del starts[where]

    def _reset(self, event: Event) -> None:
        where = event["lpar"], event["iop"]
        self._unsold.pop(where, None)
        for known in (self._deferred, self._held, self._due, self._resumes, self._resumes_due):
            known.pop(where, None)

    def _phase(self, event: Event) -> None:
        if event["phase"] == "QUIESCING":
            for iop in self._iops.get(event["lpar"], ()):
                self._unsold[event["lpar"], iop] = event["t"]

    def _sale(self, event: Event) -> None:
        self._unsold.pop((event["lpar"], event["iop"]), None)

    def _hold(self, event: Event) -> None:
        where, number = (event["lpar"], event["iop"]), event["start"]
        waiting = _take(self._deferred, where, number) or _take(self._due, where, number)
        self._held.setdefault(where, {})[number] = waiting or _Waiting(event["device"])

    def _defer(self, event: Event) -> None:
        where, number = (event["lpar"], event["iop"]), event["start"]
        due = self._due.get(where, {}).get(number)
        if due is not None:
            due.deferred = True
        else:
            self._deferred.setdefault(where, {})[number] = _Waiting(event["device"], deferred=True)

    def _released(self, event: Event) -> None:
        self.checked += 1
        where = lpar, iop = event["lpar"], event["iop"]
        if where in self._unsold:
            quiescing = f"quiescing since {self._unsold[where]} ns"
            self.violate(event, f"starts of {lpar} are released at {iop} without SALE, {quiescing}")
        self._resumes_due.setdefault(where, []).extend(self._resumes.pop(where, ()))
        held = self._held.pop(where, {})
        if event["held"] != len(held):
            numbers = ", ".join(map(str, held)) or "none"
            self.violate(event, f"{event['held']} starts of {lpar} are released at {iop}, held: {numbers}")
        if held:
            self._due.setdefault(where, {}).update(held)

    def _hold_resume(self, event: Event) -> None:
        self._resumes.setdefault((event["lpar"], event["iop"]), []).append(event["start"])

    def _resumed(self, event: Event) -> None:
        where, number = (event["lpar"], event["iop"]), event["start"]
        if number in self._resumes.get(where, ()):
            self.violate(event, f"the resume of start {number} of {where[0]} is held at {where[1]}")
        self._over(where, number)

    def _over(self, where: _Where, number: int) -> None:
        """The start's program went on, or ended."""
        for resumes in (self._resumes, self._resumes_due):
            if number in resumes.get(where, ()):
                resumes[where].remove(number)

    def end(self) -> None:
        """Whatever was released has gone on."""
        for (lpar, iop), numbers in self._resumes_due.items():
            for number in numbers:
                self.violate(
                    None, f"the resume of start {number} of {lpar}, held at {iop}, was lost at release"
                )

    def _begun(self, event: Event) -> None:
        where, number = (event["lpar"], event["iop"]), event["start"]
        self._taken[event["device"]] = event["lpar"], number
        if where in self._deferred:
            _take(self._deferred, where, number)
        if where in self._held and _take(self._held, where, number) is not None:
            self.checked += 1
            self.violate(event, f"start {number} of {where[0]} is held at {where[1]}, and begins")
        if where in self._due:
            self._judge_order(event, where, number)

    def _judge_order(self, event: Event, where: _Where, number: int) -> None:
        """A start begins while others that were released are due."""
        due = self._due[where]
        released = number in due
        self.checked += released
        for older, start in due.items():
            if older == number:
                break
            # One that was never held may be older than those that were, and go first.
            overtaken = released or older < number
            if overtaken and (start.device == event["device"] or not self._excused(start)):
                order = f"before start {older} (device {start.device}), which was held before it"
                self.violate(event, f"start {number} of {where[0]} begins at {where[1]} {order}")
                break
        _take(self._due, where, number)

    def _excused(self, start: _Waiting) -> bool:
        return start.deferred or start.device in self._taken

    def _ended(self, event: Event) -> None:
        where, number = (event["lpar"], event["iop"]), event["start"]
        self._over(where, number)
        for starts in (self._deferred, self._held, self._due):
            if where in starts:
                _take(starts, where, number)
        # A device that was given up ends when it ends; until another start begins there, it may be taken.
        if event["function"] != "CLEAR" and self._taken.get(event["device"]) == (where[0], number):
            del self._taken[event["device"]]

    def _varied(self, event: Event) -> None:
        # What waited for this path goes back to LIP control.
        for starts in () if event["online"] else (self._deferred, self._held, self._due):
            for where in [where for where in starts if where[1] == event["iop"]]:
                for number in [n for n, start in starts[where].items() if start.device == event["device"]]:
                    _take(starts, where, number)


def _take(starts: dict[_Where, dict[int, _Waiting]], where: _Where, number: int) -> _Waiting | None:
    """Take a start out; nothing stays where there was none but this one."""
    here = starts.get(where)
    start = None if here is None else here.pop(number, None)
    if here is not None and not here:
        del starts[where]
    return start
