"""The story of a frame of main storage: who had it, and what stood in it.

Who *holds* a frame follows from the map: it is in an LPAR's zone, reserved for one (until its commit or its report), or
vacated (until it is released). What *stands* in it is a page, the old copy that a shift left behind, poison, zeros, or
nothing anyone knows of.
"""

from collections.abc import Callable

from lparvm.arch.address import PAGE_SHIFT
from lparvm.errors import UsageError
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
from lparvm.trace.whereabouts import Area, Page, Run, area_of
from lparvm.trace.wording import bytes_text, frame_text, frames_text, printable

_ZONE, _RESERVED, _VACATED = "in the zone of", "reserved for", "vacated by, and still held for,"


class FrameStory(Story):
    """Follows one frame."""

    def __init__(self, frame: int, *, each_access: bool = False) -> None:
        """Begin.

        Args:
            frame: its number, host absolute.
            each_access: see `Story`.
        """
        self.frame = frame
        self._held: dict[str, str] = {}  # LPAR -> why
        self._left: str | None = None  # what stands there, where it is no page
        self._out_of_use = ""
        super().__init__(each_access=each_access)

    def listen(self) -> dict[str, Callable[[Event], list[str]]]:
        """What concerns frames."""
        return {
            "machine.started": self._machine,
            "lpar.activated": self._activated,
            "lpar.deactivated": self._deactivated,
            "guest.loaded": self._loaded,
            "area.reserved": self._reserved,
            "area.cleared": self._cleared,
            "area.poisoned": self._poisoned,
            "area.released": self._released,
            "target.prepared": self._prepared,
            "zone.moved": self._committed,
            "zone.resized": self._resized,
            "move.started": self._move,
            "move.ended": self._move_ended,
            "exchange.started": self._exchange,
            "exchange.ended": self._exchange_ended,
            "custody.recorded": self._custody,
            "custody.verified": self._custody,
            "storage.failed": self._failed,
            "frame.retired": self._retired,
            "phase.entered": self._phase,
        }

    def listen_to_accesses(self) -> dict[str, Callable[[Event], list[Entry]]]:
        """Accesses by guests are told at level storage, transfers from level io on."""
        return {"storage.accessed": self._accessed, "transfer.ended": self._transferred}

    def end(self) -> str:
        """Who holds it, and what stands in it."""
        holders = " and ".join(f"{why} {printable(lpar)}" for lpar, why in self._held.items())
        return (
            f"{frame_text(self.frame)} is {holders or 'free'}{self._out_of_use}; it holds {self._contents()}"
        )

    def _contents(self) -> str:
        page = self.map.page_at(self.frame)
        return page_text(page) if page is not None else self._left or "nothing that the trace tells of"

    # --- who has it ----------------------------------------------------------------------------------------------

    def _machine(self, event: Event) -> list[str]:
        frames = event["main_storage_frames"]
        if self.frame >= frames:
            raise UsageError(
                f"frame {self.frame}: main storage has {frames} frames ({bytes_text(frames)}); expected a lower one"
            )
        return []

    def _here(self, event: Event) -> bool:
        return self.frame in area_of(event)

    def _page_of(self, event: Event) -> str:
        return page_text(Page(event["lpar"], self.frame - event["origin_frame"]))

    def _activated(self, event: Event) -> list[str]:
        if not self._here(event):
            return []
        self._held[event["lpar"]] = _ZONE
        return [f"assigned and cleared: {self._page_of(event)}, zone {_area(event)}"]

    def _deactivated(self, event: Event) -> list[str]:
        if self._held.pop(event["lpar"], None) is None:
            return []
        return [f"free: {printable(event['lpar'])} was deactivated"]

    def _loaded(self, event: Event) -> list[str]:
        if not self._here(event):
            return []
        return [f"cleared and loaded: guest {printable(event['guest'])}, {self._page_of(event)}"]

    def _reserved(self, event: Event) -> list[str]:
        if not self._here(event):
            return []
        self._held.setdefault(event["lpar"], _RESERVED)
        partners = [printable(one) for one in event["partners"] if isinstance(one, str)]
        shared = f", shared with {', '.join(partners)} until the commit" if partners else ""
        own = ", in whose zone it is" if self._held[event["lpar"]] == _ZONE else ""
        return [f"reserved for {printable(event['lpar'])}{own}, {_area(event)}{shared}"]

    def _committed(self, event: Event) -> list[str]:
        lpar, new = event["lpar"], self._here(event)
        was = self.map.zones.get(lpar, Area(0, 0))
        if new:
            self._held[lpar] = _ZONE
            before = f"; it was page {self.frame - was.origin}" if self.frame in was else ""
            return [f"commit: {self._page_of(event)}{before}"]
        if self.frame not in was:
            return []
        return self._vacate(lpar, f"commit: vacated by {printable(lpar)}, which is at {_area(event)} now")

    def _resized(self, event: Event) -> list[str]:
        lpar, new = event["lpar"], self._here(event)
        was = self.map.zones.get(lpar, Area(0, 0))
        if new and self.frame not in was:
            self._held[lpar] = _ZONE
            return [f"{printable(lpar)} grew: {self._page_of(event)}, zone {_area(event)}"]
        if new or self.frame not in was:
            return []
        self._left = f"what {printable(lpar)} left in it"
        return self._vacate(lpar, f"{printable(lpar)} shrank to {_area(event)}: given up, and still held")

    def _vacate(self, lpar: str, text: str) -> list[str]:
        self._held[lpar] = _VACATED
        return [text]

    def _released(self, event: Event) -> list[str]:
        if not self._here(event):
            return []
        if self._held.get(event["lpar"]) != _ZONE:
            self._held.pop(event["lpar"], None)
        return [f"released by {printable(event['lpar'])}, {_area(event)}"]

    def _phase(self, event: Event) -> list[str]:
        """What an exchange held of its partner's zone was never its own to release."""
        lpar = event["lpar"]
        if event["phase"] != "REPORTED" or self._held.get(lpar, _ZONE) == _ZONE:
            return []
        owner = self.map.owner_of(self.frame)
        if owner is None or owner == lpar:
            return []
        del self._held[lpar]
        return [f"no longer held for {printable(lpar)}: in the zone of {printable(owner)}"]

    # --- what stands in it ---------------------------------------------------------------------------------------

    def _cleared(self, event: Event) -> list[str]:
        if not self._here(event):
            return []
        self._left = "zeros"
        return [f"cleared for {printable(event['lpar'])}, data and key, {_area(event)}"]

    def _poisoned(self, event: Event) -> list[str]:
        if not self._here(event):
            return []
        poisoned, frames = event["poisoned_frames"], event["extent_frames"]
        self._left = "poison" if poisoned == frames else "poison, or nothing if it was never touched"
        never = (
            "" if poisoned == frames else f", {poisoned} of {frames} frames: the others were never touched"
        )
        return [f"poisoned, data and key, by {printable(event['lpar'])}, {_area(event)}{never}"]

    def _prepared(self, event: Event) -> list[str]:
        if not self._here(event):
            return []
        return [f"touched beforehand, as a target of {printable(event['lpar'])}, {_area(event)}"]

    def _move(self, event: Event) -> list[str]:
        first, pages = event["first_page"], event["pages"]
        found = []
        for name, words in (("source_frame", "is to leave for"), ("target_frame", "is to come from")):
            page = self.frame - event[name]
            if first <= page < first + pages:
                other = event["target_frame" if name == "source_frame" else "source_frame"] + page
                found.append(f"page {page} {words} {frame_text(other)}")
        if not found:
            return []
        back = " back" if event["inverse"] else ""
        return [
            f"move{back} of {printable(event['lpar'])} begins, {printable(event['direction'])}: {', '.join(found)}"
        ]

    def _move_ended(self, event: Event) -> list[str]:
        lpar = event["lpar"]
        concerned = event["fault_frame"] == self.frame or lpar in self._held
        return [ended_text(event, f"move of {printable(lpar)}")] if concerned else []

    def _exchange(self, event: Event) -> list[str]:
        if not any(lpar in self._held for lpar in (event["lower"], event["upper"])):
            return []
        back = " back" if event["inverse"] else ""
        pair = f"{printable(event['lower'])} and {printable(event['upper'])}"
        return [f"exchange{back} of {pair} begins at step {event['steps_done']} of {event['steps']}"]

    def _exchange_ended(self, event: Event) -> list[str]:
        pair = event["lower"], event["upper"]
        if event["fault_frame"] != self.frame and not any(lpar in self._held for lpar in pair):
            return []
        return [ended_text(event, f"exchange of {printable(pair[0])} and {printable(pair[1])}")]

    def tell_run(self, event: Event, run: Run) -> list[str]:
        """A page leaves, a page arrives: in this order, for a frame is emptied before it is filled."""
        texts = []
        target, source = run.goes_to(self.frame), run.comes_from(self.frame)
        if target is not None:
            page = page_text(self.map.page_at(self.frame) or self._lone(event, run))
            self._left = f"the old copy of {page}"
            texts.append(f"{page} leaves for {frame_text(target)}: {how(event, run)}")
        if source is not None:
            page = page_text(self.map.page_at(source))
            over = "" if target is not None else self._overwritten()
            texts.append(f"{page} arrives from {frame_text(source)}{over}: {how(event, run)}")
        return texts

    def _lone(self, event: Event, run: Run) -> Page | None:
        """What a move says of a page that the map knows nothing of."""
        if event["event"] != "chunk.moved":
            return None
        return Page(event["lpar"], self.frame - run.first + event["first_page"])

    def _overwritten(self) -> str:
        page = self.map.page_at(self.frame)
        return "" if page is None else f" over {page_text(page)}, which stands nowhere else"

    # --- checksums, faults, accesses -----------------------------------------------------------------------------

    def _custody(self, event: Event) -> list[str]:
        return [custody_text(event)] if self._here(event) else []

    def _failed(self, event: Event) -> list[str]:
        return ["made faulty by the scenario"] if event["frame"] == self.frame else []

    def _retired(self, event: Event) -> list[str]:
        if event["frame"] != self.frame:
            return []
        lpar, self._out_of_use = event["lpar"], ", out of use"
        return [
            f"out of use{'' if lpar is None else f'; it stays in the zone of {printable(lpar)} until it is freed'}"
        ]

    def _accessed(self, event: Event) -> list[Entry]:
        host = event["host"]
        if (
            host is None
            or not host >> PAGE_SHIFT <= self.frame <= (host + max(event["bytes"], 1) - 1) >> PAGE_SHIFT
        ):
            return []
        return self.tally.note(
            event, f"{printable(event['lip'])} for {printable(event['lpar'])}", access_kind(event)
        )

    def _transferred(self, event: Event) -> list[Entry]:
        if not spans(event, self.frame):
            return []
        return self.tally.note(event, f"{transfer_whom(event)} for {printable(event['lpar'])}", MAY_TOUCH)


def _area(event: Event) -> str:
    return frames_text(event["origin_frame"], event["extent_frames"])
