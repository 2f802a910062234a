"""What the stories of a frame and of a page have in common: one pass over the events, each told as it comes."""

from collections.abc import Callable, Iterator
from typing import Any

from lparvm.arch.address import PAGE_SHIFT
from lparvm.trace.access_tally import AccessTally, Entry
from lparvm.trace.whereabouts import Page, Run, Whereabouts
from lparvm.trace.wording import bytes_text, frame_text, printable

Event = dict[str, Any]

_CHUNKS = ("chunk.moved", "chunk.exchanged")
_FAULTS = ("lost", "duplicated", "stale", "keys_wrong")


class Story:
    """Follows the map; a subclass lists in `listen` what concerns it.

    Attributes:
        map: where everything is, before the event that is being told.
        tally: accesses that wait to be told.
    """

    def __init__(self, *, each_access: bool = False) -> None:
        """Begin.

        Args:
            each_access: tell each access, not how many there were between two other events.
        """
        self.map = Whereabouts()
        self.tally = AccessTally(each_access)
        self._handlers: dict[str, Callable[[Event], list[str]]] = self.listen()
        self._accesses: dict[str, Callable[[Event], list[Entry]]] = self.listen_to_accesses()
        self._wanted = (
            frozenset(self._handlers) | frozenset(self._accesses) | self.map.wants | frozenset(_CHUNKS)
        )

    def listen(self) -> dict[str, Callable[[Event], list[str]]]:
        """Event -> what tells it."""
        raise NotImplementedError

    def listen_to_accesses(self) -> dict[str, Callable[[Event], list[Entry]]]:
        """Event -> what counts it."""
        raise NotImplementedError

    def tell_run(self, event: Event, run: Run) -> list[str]:
        """What a run that is about to be done means."""
        raise NotImplementedError

    def end(self) -> str:
        """How things stand after the last event."""
        raise NotImplementedError

    def feed(self, event: Event) -> Iterator[Entry]:
        """What an event means; nothing for most."""
        name = event["event"]
        if name not in self._wanted:
            return
        count = self._accesses.get(name)
        if count is not None:
            yield from count(event)
            return
        texts = []
        if name in _CHUNKS:
            for run in self.map.runs_of(event):
                texts += self.tell_run(event, run)
                self.map.apply(run)
        else:
            handler = self._handlers.get(name)
            if handler is not None:
                texts = handler(event)
            self.map.feed(event)
        if texts:
            yield from self.tally.told()
            yield from (Entry(event, text) for text in texts)

    def finish(self) -> Iterator[Entry]:
        """What is left to tell after the last event."""
        yield from self.tally.told()


def how(event: Event, run: Run) -> str:
    """By which step of which move or exchange, and where the cursor stood after it."""
    back = ", going back" if event["inverse"] else ""
    if event["event"] == "chunk.moved":
        first, pages = event["first_page"], event["pages"]
        text = f"chunk of pages [{first}, {first + pages}), cursor {event['pages_across']} pages across{back}"
        counts = (event["keys_read"], event["keys_set"], event["steps"])
        if any(count != pages for count in counts):
            text += f"; of {pages} pages {counts[0]} keys were read, {counts[1]} set, {counts[2]} steps done"
        return text
    return (
        f"{run.kind} of frames {run.first}+{run.pages} and {run.second}+{run.pages}, cursor {event['steps_done']} "
        f"steps{back}"
    )


def page_text(page: Page | None) -> str:
    """A page for people."""
    if page is None:
        return "what is no page"
    return f"page {page.number} ({bytes_text(page.number)}) of {printable(page.lpar)}"


def ended_text(event: Event, what: str) -> str:
    """How a move or an exchange ended."""
    cursor = event.get("pages_across", event.get("steps_done"))
    fault = event["fault_frame"]
    at = f" at {frame_text(fault)}" if fault is not None else ""
    back = " back" if event["inverse"] else ""
    return f"{what}{back} ended: {printable(event['outcome'])}{at}, cursor {cursor}"


def custody_text(event: Event) -> str:
    """What checksums said; they are of whole zones, pages and keys apart."""
    lpar, digests = printable(event["lpar"]), f"data {_digest(event, 'data')}, keys {_digest(event, 'key')}"
    if event["event"] == "custody.recorded":
        return f"checksums of all {event['pages']} pages and keys of {lpar} taken: {digests}"
    faults = [f"{event[name]} {name.replace('_', ' ')}" for name in _FAULTS if event[name]]
    return f"pages and keys of {lpar} compared: {', '.join(faults) or 'all as before'}: {digests}"


def _digest(event: Event, name: str) -> str:
    return printable(event[f"{name}_digest"])[:8]


def spans(event: Event, frame: int) -> bool:
    """Whether what a transfer touched may include a frame: only its lowest and highest address are told."""
    lowest, highest = event["lowest_host"], event["highest_host"]
    return (
        lowest is not None and highest is not None and lowest >> PAGE_SHIFT <= frame <= highest >> PAGE_SHIFT
    )


def transfer_whom(event: Event) -> str:
    """Who ran a channel program."""
    return f"{printable(event['iop'])}, device {printable(event['device'])}"


MAY_TOUCH = "transfer whose span covers it"
