"""given-up-storage: what a guest gave up is not touched any more, and what it gets is clear.

Checked:
- from `guest.answered` StorageGivenUp to the report of that operation, or until it gives the storage back
  (`extent.set`), or the guest's call is answered (`SignalSettled`, where messages are told), no slice and no transfer
  of the LPAR touches storage beyond the extent that was given up, whatever map and SALE still allow. An answer that
  belongs to no operation came too late, and promises nothing;
- a state description gets a larger extent (`extent.set`) only of frames that were cleared for it before, or that the
  same operation had taken from it.

Not checked: which processor of the guest gave the answer; that the guest had saved what was there.
`checked` counts answers, extents that grew, and slices and transfers while storage was being taken.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler, zone_of
from lparvm.trace.rules.intervals import Intervals
from lparvm.trace.vocabulary import Level

_PAGE_SHIFT = 12


class GivenUpStorage(Checker):
    """What was given up stays untouched; what is new is clear."""

    name = "given-up-storage"
    needs = Level.IO
    undecided = "slices and transfers are not told at this level; extents were checked against clearing"

    def listen(self) -> Mapping[str, Handler]:
        """Answers, extents, accesses."""
        self._zones: dict[str, tuple[int, int]] = {}
        self._ends: dict[tuple[str, str], int] = {}  # (LPAR, LIP) -> end of its extent
        self._cleared: dict[str, Intervals] = {}
        # LPAR -> operation, since when, and the first frame that is not its own any more.
        self._given_up: dict[str, tuple[str, int, int]] = {}
        self._back: dict[str, str] = {}  # LPAR -> the operation that gives back what it took
        return {
            "lpar.activated": self._activated,
            "zone.moved": self._moved,
            "zone.resized": self._moved,
            "sie.issued": self._sie,
            "zone.noted": self._sie,
            "area.cleared": self._clear,
            "extent.set": self._extent,
            "guest.answered": self._answered,
            "slice.ended": self._accessed,
            "transfer.ended": self._accessed,
            "phase.entered": self._phase,
            "SignalSettled": self._settled,
        }

    def _activated(self, event: Event) -> None:
        self._moved(event)
        self._cleared.pop(event["lpar"], None)
        self._given_up.pop(event["lpar"], None)

    def _moved(self, event: Event) -> None:
        self._zones[event["lpar"]] = zone_of(event)

    def _sie(self, event: Event) -> None:
        self._ends[event["lpar"], event["lip"]] = zone_of(event)[1]

    def _clear(self, event: Event) -> None:
        self._cleared.setdefault(event["lpar"], Intervals()).add(*zone_of(event))

    def _extent(self, event: Event) -> None:
        lpar, (_, end) = event["lpar"], zone_of(event)
        before = self._ends.get((lpar, event["lip"]), end)
        self._ends[lpar, event["lip"]] = end
        if end > before and self._given_back(event):
            return
        if end > before:
            self.checked += 1
            cleared = self._cleared.get(lpar, Intervals()).overlap(before, end)
            if len(cleared) != end - before:
                self.violate(event, f"{lpar} gets frames [{before}, {end}), but cleared were {cleared}")

    def _given_back(self, event: Event) -> bool:
        """Whether the operation that took storage gives it back; from then on the guest may use it."""
        lpar, op = event["lpar"], str(event["op"])
        if self._given_up.get(lpar, ("", 0, 0))[0] == op:
            del self._given_up[lpar]
            self._back[lpar] = op
        return bool(self._back.get(lpar) == op)

    def _answered(self, event: Event) -> None:
        if event["answer"] == "StorageGivenUp" and event["op"] is not None:
            self.checked += 1
            origin = self._zones.get(event["lpar"], (0, 0))[0]
            first = origin + event["extent_frames"]
            self._given_up[event["lpar"]] = event["op"], event["t"], first

    def _accessed(self, event: Event) -> None:
        given_up = self._given_up.get(event["lpar"])
        if given_up is None or event["highest_host"] is None:
            return
        _, since, first = given_up
        self.checked += 1
        # What began at the very moment may have come before: by another processor, or I/O.
        if event["first_ns"] > since and event["highest_host"] >> _PAGE_SHIFT >= first:
            what = f"{event['lpar']} touched host absolute {event['highest_host']:#x}"
            self.violate(event, f"{what}, but it gave up all from frame {first} on at {since} ns")

    def _settled(self, event: Event) -> None:
        """The guest's call is over, and it was told which extent is in force: that much it may use again."""
        if self._given_up.get(event["lpar"], ("", 0, 0))[0] == event["op"]:
            del self._given_up[event["lpar"]]

    def _phase(self, event: Event) -> None:
        given_up = self._given_up.get(event["lpar"])
        if event["phase"] == "REPORTED" and given_up is not None and given_up[0] == event["op"]:
            del self._given_up[event["lpar"]]
        if event["phase"] == "REPORTED":
            self._back.pop(event["lpar"], None)
            self._cleared.pop(event["lpar"], None)
