"""Main storage in the model: what every frame holds, page by page; and the mover, one page step at a time.

A frame holds a page of an LPAR, poison, or nothing that anybody would miss. One that was cleared for EXPAND becomes a
page of the zone when SALE gives it to the LPAR: from then on somebody may have stored there. So a guest that finds
anything but its pages in its zone has lost something, and a page in a frame that is free was not poisoned.
"""

from collections.abc import Iterable

from lparvm.arch.address import Zone
from lparvm.protocol.relocation_record import Relocation
from lparvm.storage.exchange_program import Run, RunKind, exchange_program

Page = tuple[str, int]
Frames = tuple[Page, ...]
NOTHING: Page = ("", 0)
POISON: Page = ("poison", 0)
CLEARED: Page = ("zeros", 0)


def first_frames(frame_count: int, zones: Iterable[tuple[str, Zone]]) -> Frames:
    """Every LPAR's pages are in its zone."""
    frames = [NOTHING] * frame_count
    for lpar, zone in zones:
        for page in range(zone.extent):
            frames[zone.origin + page] = (lpar, page)
    return tuple(frames)


def filled(frames: Frames, zone: Zone, page: Page) -> Frames:
    """The same in every frame of an area."""
    return (*frames[: zone.origin], *([page] * zone.extent), *frames[zone.end :])


def given(frames: Frames, lpar: str, zone: Zone) -> Frames:
    """SALE gives an LPAR a zone: cleared frames in it become its pages."""
    pages = [
        (lpar, frame - zone.origin) if page == CLEARED and frame in zone else page
        for frame, page in enumerate(frames)
    ]
    return tuple(pages)


def misplaced(frames: Frames, lpar: str, zone: Zone) -> str:
    """The first page of an LPAR that isn't where its zone says; empty where all are."""
    for page in range(zone.extent):
        found = frames[zone.origin + page]
        if found != (lpar, page):
            where = f"page {page} of {lpar} is not in frame {zone.origin + page}"
            return f"{where}: that holds {_told(found)}"
    return ""


def _told(page: Page) -> str:
    if page == NOTHING:
        return "nothing"
    return page[0] if page in (POISON, CLEARED) else f"page {page[1]} of {page[0]}"


def page_steps(record: Relocation) -> tuple[Run, ...]:
    """The steps of a move or an exchange, of one page each, in the mover's order."""
    if record.exchanges:
        first, second = (party.source for party in record.parties)
        runs = [
            phase.run_at(index) for phase in exchange_program(first, second) for index in range(phase.count)
        ]
    else:
        (party,) = record.parties
        runs = [Run(RunKind.SHIFT, party.source.origin, party.target.origin, party.source.extent)]
    return tuple(run.steps(step, step + 1) for run in runs for step in range(run.pages))


def stepped(frames: Frames, step: Run) -> Frames:
    """A page step is done."""
    after, first, second = list(frames), step.first_frame, step.second_frame
    after[second] = frames[first]
    if step.kind is RunKind.SWAP:
        after[first] = frames[second]
    return tuple(after)
