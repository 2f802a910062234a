"""The story of a page of an LPAR: in which frame it stood, and what was done to it.

The page is followed wherever a move, an exchange, or their way back takes it. It is gone when the LPAR gives it up or
is deactivated, and comes anew when the LPAR grows again, is activated, or loaded.
"""

from collections.abc import Callable
from typing import Any

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.trace.access_tally import Entry, access_kind
from lparvm.trace.story import (
    MAY_TOUCH,
    Event,
    Story,
    custody_text,
    ended_text,
    how,
    page_text,
    spans,
    transfer_whom,
)
from lparvm.trace.whereabouts import Page, Run, area_of
from lparvm.trace.wording import frame_text, frames_text, printable


class PageStory(Story):
    """Follows one page.

    Attributes:
        page: whose, and its number.
        seen: the LPAR occurs in the trace.
    """

    def __init__(self, page: Page, *, each_access: bool = False) -> None:
        """Begin.

        Args:
            page: LPAR, in any case, and number of the page.
            each_access: see `Story`.
        """
        self.page = page
        self.seen = False
        self._origins: dict[str, int] = {}  # LIP -> the origin that it runs the guest with
        super().__init__(each_access=each_access)

    def listen(self) -> dict[str, Callable[[Event], list[str]]]:
        """What concerns pages of the LPAR; the LPAR itself is looked for in `feed` of each."""
        mine: dict[str, Callable[[Event], list[str]]] = {
            "lpar.activated": self._activated,
            "lpar.deactivated": self._deactivated,
            "guest.loaded": self._loaded,
            "zone.moved": self._committed,
            "zone.resized": self._resized,
            "move.started": self._move,
            "move.ended": self._move_ended,
            "custody.recorded": self._custody,
            "custody.verified": self._custody,
            "sie.issued": self._runs,
            "extent.set": self._runs,
            "zone.noted": self._runs,
            "guest.damaged": self._damaged,
            "transfer.refused": self._refused,
        }
        return {
            **{name: self._of_lpar(handler) for name, handler in mine.items()},
            "exchange.started": self._exchange,
            "exchange.ended": self._exchange_ended,
            "storage.failed": self._failed,
            "frame.retired": self._retired,
            "IopBusy": self._busy,
        }

    def listen_to_accesses(self) -> dict[str, Callable[[Event], list[Entry]]]:
        """Accesses by guests are told at level storage, transfers from level io on."""
        return {"storage.accessed": self._accessed, "transfer.ended": self._transferred}

    def _of_lpar(self, handler: Callable[[Event], list[str]]) -> Callable[[Event], list[str]]:
        def handle(event: Event) -> list[str]:
            if not self.seen and event["lpar"].upper() == self.page.lpar.upper():
                self.seen = True
                self.page = Page(event["lpar"], self.page.number)
            if event["lpar"] != self.page.lpar:
                return []
            return handler(event)

        return handle

    @property
    def _lpar(self) -> str:
        return printable(self.page.lpar)

    @property
    def _frame(self) -> int | None:
        return self.map.frame_of(self.page)

    def end(self) -> str:
        """Where it is."""
        frame = self._frame
        if frame is None:
            zone = self.map.zones.get(self.page.lpar)
            size = "has no zone" if zone is None else f"has {zone.extent} pages"
            return f"{page_text(self.page)} is nowhere: {self._lpar} {size}"
        zone = self.map.zones[self.page.lpar]
        inside = "in its zone" if frame in zone else "outside of its zone"
        return f"{page_text(self.page)} is in {frame_text(frame)}, {inside} {frames_text(*zone)}"

    # --- where it stands -----------------------------------------------------------------------------------------

    def _place_in(self, event: Event) -> int | None:
        """The frame that it has by a zone."""
        area = area_of(event)
        return area.origin + self.page.number if self.page.number < area.extent else None

    def _activated(self, event: Event) -> list[str]:
        frame = self._place_in(event)
        return [] if frame is None else [f"in {frame_text(frame)}, cleared: {self._lpar} was activated"]

    def _deactivated(self, _event: Event) -> list[str]:
        self._origins.clear()
        return [] if self._frame is None else [f"gone: {self._lpar} was deactivated"]

    def _loaded(self, event: Event) -> list[str]:
        frame = self._place_in(event)
        self._origins.clear()
        if frame is None:
            return []
        return [f"in {frame_text(frame)}, cleared and loaded: guest {printable(event['guest'])} begins"]

    def _committed(self, event: Event) -> list[str]:
        frame, now = self._place_in(event), self._frame
        if frame is None:
            return []
        wrong = "" if frame == now else f", but it stands in {'none' if now is None else frame_text(now)}"
        return [f"commit: by the map it is in {frame_text(frame)}{wrong}"]

    def _resized(self, event: Event) -> list[str]:
        frame, now = self._place_in(event), self._frame
        if frame is not None and now is None:
            return [f"in {frame_text(frame)}: {self._lpar} grew"]
        if frame is None and now is not None:
            return [f"gone, given up: {self._lpar} shrank; it stood in {frame_text(now)}"]
        return []

    def _move(self, event: Event) -> list[str]:
        first, pages = event["first_page"], event["pages"]
        if not first <= self.page.number < first + pages:
            return []
        back = " back" if event["inverse"] else ""
        target = frame_text(event["target_frame"] + self.page.number)
        return [
            f"move{back} of pages [{first}, {first + pages}) begins, {printable(event['direction'])}, to {target}"
        ]

    def _move_ended(self, event: Event) -> list[str]:
        return [ended_text(event, "move")]

    def _is_of_pair(self, event: Event) -> bool:
        return self.page.lpar in (event["lower"], event["upper"])

    def _exchange(self, event: Event) -> list[str]:
        if not self._is_of_pair(event):
            return []
        other = event["upper"] if event["lower"] == self.page.lpar else event["lower"]
        back = " back" if event["inverse"] else ""
        return [
            f"exchange{back} with {printable(other)} begins at step {event['steps_done']} of {event['steps']}"
        ]

    def _exchange_ended(self, event: Event) -> list[str]:
        return [ended_text(event, "exchange")] if self._is_of_pair(event) else []

    def tell_run(self, event: Event, run: Run) -> list[str]:
        """It goes to another frame, or is overwritten."""
        frame = self._frame
        if frame is None:
            return []
        target = run.goes_to(frame)
        if target is not None:
            return [f"from {frame_text(frame)} to {frame_text(target)}: {how(event, run)}"]
        if run.comes_from(frame) is not None:
            return [f"overwritten in {frame_text(frame)}, and stands nowhere else: {how(event, run)}"]
        return []

    # --- what is done to it --------------------------------------------------------------------------------------

    def _custody(self, event: Event) -> list[str]:
        return [custody_text(event)]

    def _runs(self, event: Event) -> list[str]:
        """A LIP runs the guest at another place than before."""
        lip, origin, frame = event["lip"], event["origin_frame"], self._place_in(event)
        if self._origins.get(lip) == origin or frame is None:
            return []
        self._origins[lip] = origin
        verb = {"sie.issued": "runs", "zone.noted": "would run"}.get(event["event"], "has its zone and runs")
        return [f"{printable(lip)} {verb} the guest with it in {frame_text(frame)}"]

    def _covers(self, address: int, count: int) -> bool:
        return address >> PAGE_SHIFT <= self.page.number <= (address + max(count, 1) - 1) >> PAGE_SHIFT

    def _damaged(self, event: Event) -> list[str]:
        if not self._covers(event["address"], 1):
            return []
        found = f"expected {printable(event['expected'])}, found {printable(event['found'])}"
        return [f"DAMAGED at guest absolute {event['address']:#x}: {found}"]

    def _refused(self, event: Event) -> list[str]:
        if not self._covers(event["address"], event["bytes"]):
            return []
        return [f"late transfer of {event['bytes']} bytes refused: {transfer_whom(event)}"]

    def _faulty(self, event: Event, text: str) -> list[str]:
        return [text] if event["frame"] == self._frame else []

    def _failed(self, event: Event) -> list[str]:
        return self._faulty(event, f"its frame, {event['frame']}, was made faulty by the scenario")

    def _retired(self, event: Event) -> list[str]:
        return self._faulty(event, f"its frame, {event['frame']}, is out of use from when it is freed")

    def _busy(self, event: Event) -> list[str]:
        """A message: nothing is certain of its fields."""
        devices = event.get("devices")
        return [
            f"in use by device {value:04X}, for which {printable(event['actor'])} waits"
            for device in (devices if isinstance(devices, list) else [])
            if isinstance(device, dict) and device.get("lpar") == self.page.lpar and self._is_listed(device)
            and type(value := device.get("device")) is int
        ]  # fmt: skip

    def _is_listed(self, device: dict[str, Any]) -> bool:
        pages = device.get("pages")
        return any(
            isinstance(pair, list)
            and len(pair) == 2
            and all(type(number) is int for number in pair)
            and pair[0] <= self.page.number <= pair[1]
            for pair in (pages if isinstance(pages, list) else [])
        )

    def _accessed(self, event: Event) -> list[Entry]:
        if event["lpar"] != self.page.lpar or not self._covers(event["address"], event["bytes"]):
            return []
        kind, host, frame = access_kind(event), event["host"], self._frame
        if host is None:
            kind = f"{kind}, refused"
        elif frame is None or host - event["address"] != (frame - self.page.number) * PAGE_BYTES:
            where = "nowhere" if frame is None else f"in {frame_text(frame)}"
            kind = f"{kind} at host absolute {host:#x}, but the page is {where}"
        return self.tally.note(event, printable(event["lip"]), kind)

    def _transferred(self, event: Event) -> list[Entry]:
        frame = self._frame
        if event["lpar"] != self.page.lpar or frame is None or not spans(event, frame):
            return []
        return self.tally.note(event, transfer_whom(event), MAY_TOUCH)
