"""Where every page stands, compared with real storage that real movers move."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.storage.exchange import ZoneExchange
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.mover import PageMove
from lparvm.trace.frame_story import FrameStory
from lparvm.trace.page_story import PageStory
from lparvm.trace.whereabouts import Page, Run, Whereabouts
from told_traces import Told, zone

FRAMES = 40


def follow(told: Told) -> Whereabouts:
    found = Whereabouts()
    for event in told.events:
        if event["event"].startswith("chunk."):
            for run in found.runs_of(event):
                found.apply(run)
        else:
            found.feed(event)
    return found


def test_pages_stand_in_their_zones():
    told = Told()
    told.boot(A=(0, 4), B=(8, 2))
    found = follow(told)
    assert found.page_at(9) == Page("B", 1)
    assert (found.page_at(4), found.page_at(10)) == (None, None)
    assert (found.frame_of(Page("A", 3)), found.frame_of(Page("A", 4))) == (3, None)
    assert (found.owner_of(0), found.owner_of(5)) == ("A", None)


def test_a_zone_that_grows_and_shrinks():
    told = Told()
    told.boot(A=(4, 4))
    told.zoned("zone.resized", "A", 4, 6, from_frames=4)
    assert follow(told).page_at(9) == Page("A", 5)
    told.zoned("zone.resized", "A", 4, 2, from_frames=6)
    found = follow(told)
    assert (found.page_at(5), found.page_at(6), found.frame_of(Page("A", 2))) == (Page("A", 1), None, None)


def test_what_is_deactivated_is_nowhere_and_loading_brings_it_back_whole():
    told = Told()
    told.boot(A=(0, 4))
    told.move("A", 0, 8, 4)
    told.chunk("A", 2, 2, 2)
    assert follow(told).frame_of(Page("A", 3)) == 11
    told.zoned("guest.loaded", "A", 0, 4)
    assert follow(told).frame_of(Page("A", 3)) == 3
    assert follow(told).page_at(11) is None
    told.zoned("lpar.deactivated", "A", 0, 4)
    assert follow(told).frame_of(Page("A", 0)) is None
    assert follow(told).zones == {}


@pytest.mark.parametrize(
    "runs", [[3], [["swap", 0, 1]], [["swap", 0, 8, "2"]], [["turn", 0, 8, 2]], [["swap", -1, 8, 2]],
             [["shift", 0, 8, 0]], [["swap", 0, 8, True]], [None, {}]],
)  # fmt: skip
def test_a_run_that_is_none_is_left_out(runs):
    told = Told()
    told.boot(A=(0, 4), B=(8, 4))
    told.exchanged([*runs, ["swap", 0, 8, 2]], 2)
    found = follow(told)
    assert (found.page_at(8), found.page_at(2)) == (Page("A", 0), Page("A", 2))


def test_a_chunk_of_a_move_that_was_not_told_is_left_out():
    told = Told()
    told.boot(A=(0, 4))
    told.chunk("A", 0, 4, 4)
    assert follow(told).frame_of(Page("A", 0)) == 0


def test_where_a_run_takes_what():
    swap, shift = Run("swap", 0, 8, 2), Run("shift", 0, 1, 4)
    assert [swap.goes_to(frame) for frame in (0, 1, 2, 8, 9)] == [8, 9, None, 0, 1]
    assert [swap.comes_from(frame) for frame in (0, 8, 7)] == [8, 0, None]
    assert [shift.goes_to(frame) for frame in (0, 3, 4)] == [1, 4, None]
    assert [shift.comes_from(frame) for frame in (0, 1, 4, 5)] == [None, 0, 3, None]


# --- against real storage --------------------------------------------------------------------------------------------


class Real:
    """Main storage in which each page holds its own name, and what is told of its movers."""

    def __init__(self, *zones: Zone) -> None:
        self.storage, self.told = MainStorage(FRAMES), Told()
        self.zones = dict(zip("AB", zones, strict=False))
        self.told.boot(FRAMES, **{name: (one.origin, one.extent) for name, one in self.zones.items()})
        for number, one in enumerate(self.zones.values()):
            for page in range(one.extent):
                self.storage.frames[one.origin + page] = 100 * number + page + 1
                self.storage.keys[one.origin + page] = 100 * number + page + 1

    def move(self, target: int, steps: list[int], back: bool) -> None:
        """Move A by chunks of these sizes, then back from there or to the end."""
        source = self.zones["A"]
        move = PageMove(self.storage, source, Zone(target, source.extent))
        for pages in steps:
            self._walk(move, pages, times=1)
        if back:
            move = move.inverted()
        self._walk(move, 3)
        if not back:
            self.zones["A"] = Zone(target, source.extent)
            self.told.zoned("zone.moved", "A", target, source.extent, from_frame=source.origin)

    def _walk(self, move: PageMove, pages: int, times: int = FRAMES) -> None:
        """One start, some chunks."""
        left, ends = move.part_left, (move.source.origin, move.target.origin)
        begin, end = reversed(ends) if move.inverse else ends
        if not left.pages:
            return
        self.told.move("A", begin, end, left.pages, first_page=left.first_page, inverse=move.inverse)
        while times and (chunk := move.next_chunk(pages)) is not None:
            move.move(chunk)
            self.told.chunk("A", chunk.first_page, chunk.pages, move.pages_across, inverse=move.inverse)
            times -= 1

    def exchange(self, pages: int, cancel_after: int | None) -> None:
        """Exchange A and B, or go back after so many chunks."""
        exchange, chunks = ZoneExchange(self.storage, *self.zones.values()), 0
        while (chunk := exchange.next_chunk(pages)) is not None and chunks != cancel_after:
            exchange.move(chunk)
            self.told.exchanged([list(run) for run in chunk.runs], exchange.cursor)
            chunks += 1
        if not exchange.done:
            exchange = exchange.inverted()
            while (chunk := exchange.next_chunk(pages)) is not None:
                exchange.move(chunk)
                self.told.exchanged([list(run) for run in chunk.runs], exchange.cursor, inverse=True)
            return
        for name, target in zip("AB", exchange.targets, strict=True):
            self.told.zoned("zone.moved", name, target.origin, target.extent)
            self.zones[name] = target

    def check(self) -> None:
        """Each page is told to stand where its contents are, and each frame to hold what it holds."""
        found = follow(self.told)
        for number, (name, one) in enumerate(self.zones.items()):
            for page in range(one.extent):
                frame, mark = found.frame_of(Page(name, page)), 100 * number + page + 1
                assert frame is not None
                assert np.all(self.storage.frames[frame] == mark), f"page {page} of {name} in frame {frame}"
                assert self.storage.keys[frame] == mark
                assert found.page_at(frame) == Page(name, page)

    def check_stories(self, frame: int, page: int) -> None:
        """A story tells a change of place exactly where there is one, and ends where storage has it."""
        story = PageStory(Page("A", page))
        texts = [entry.text for event in self.told.events for entry in story.feed(event)]
        places = [text.split()[6] for text in texts if text.startswith("from frame")]
        mark = page + 1
        at = int(np.flatnonzero(self.storage.frames[:, 0] == mark)[-1]) if not places else int(places[-1])
        assert np.all(self.storage.frames[at] == mark)
        assert f"is in frame {at} " in story.end()
        of_frame = FrameStory(frame)
        texts = [entry.text for event in self.told.events for entry in of_frame.feed(event)]
        assert not any("nowhere else" in text or "no page" in text for text in texts), "\n".join(texts)
        holds = follow(self.told).page_at(frame)
        assert holds is None or f"holds page {holds.number} " in of_frame.end()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_moves_in_any_direction_interrupted_and_backed_out(data):
    extent = data.draw(st.integers(1, 16))
    places = st.integers(0, FRAMES - extent)
    real = Real(Zone(data.draw(places), extent))
    for _ in range(data.draw(st.integers(1, 3))):
        target = data.draw(places.filter(lambda origin: origin != real.zones["A"].origin))
        real.move(target, data.draw(st.lists(st.integers(1, 9), max_size=3)), data.draw(st.booleans()))
        real.check()
    real.check_stories(data.draw(st.integers(0, FRAMES - 1)), data.draw(st.integers(0, extent - 1)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_exchanges_of_any_shape_cancelled_and_completed(data):
    lower, upper = data.draw(st.integers(1, 16)), data.draw(st.integers(1, 16))
    origin, gap = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 4))
    zones = [Zone(origin, lower), Zone(origin + lower + gap, upper)]
    real = Real(*(reversed(zones) if data.draw(st.booleans()) else zones))
    for _ in range(data.draw(st.integers(1, 2))):
        real.exchange(data.draw(st.integers(1, 9)), data.draw(st.none() | st.integers(0, 8)))
        real.check()
    page = data.draw(st.integers(0, real.zones["A"].extent - 1))
    real.check_stories(data.draw(st.integers(0, FRAMES - 1)), page)


def test_zones_without_extent_are_none():
    told = Told()
    told.tell("lpar.activated", lpar="A", **zone(-3, 8))
    told.tell("lpar.activated", lpar="B", **zone(3, -8))
    found = follow(told)
    assert [found.page_at(frame) for frame in range(8)] == [None] * 8
