"""The storage map, and the pieces whose edges slide."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_samples import MS, gathered, report_of

from lparvm.trace.pictures.pieces import Band, Pieces
from lparvm.trace.pictures.storage_map import (
    PAGES,
    POISONED,
    RESERVED,
    VACATED,
    StorageMap,
    StorageMapCollector,
)
from told_traces import Told


def _map(told: Told) -> StorageMap:
    return gathered(StorageMapCollector(), told.events)


def _corners(storage: StorageMap, lpar: str, state: str = PAGES) -> list[list[tuple[int, int, int]]]:
    """Corners of an LPAR's bands, in ms."""
    bands = [one for one in storage.bands if (one.lpar, one.state) == (lpar, state)]
    return [[(t // MS, low, high) for t, low, high in band.corners] for band in bands]


def _at(storage: StorageMap, t_ns: int) -> list[tuple[int, int, str]]:
    """Where pages are at a time: (low, high, LPAR), by the bands."""
    found = []
    for band in storage.bands:
        cut = band.cut(t_ns, t_ns + 1) if band.state == PAGES else None
        if cut is not None and cut.corners[0][1] < cut.corners[0][2]:
            found.append((cut.corners[0][1], cut.corners[0][2], band.lpar))
    return sorted(found)


def _moved(told: Told) -> None:
    """A's 8 frames from 0 to 4, over their own old area, in four chunks."""
    told.boot(A=(0, 8))
    told.zoned("area.reserved", "A", 4, 8)
    told.move("A", 0, 4, 8)
    for across in (2, 4, 6, 8):
        told.chunk("A", 8 - across, 2, across)
    told.tell("move.ended", op="op.1", lpar="A", pages_across=8, outcome="moved")


def test_a_move_over_its_own_area_has_two_pieces_with_a_gap_that_goes_down():
    told = Told()
    _moved(told)
    assert _corners(_map(told), "A") == [
        [(2, 0, 8), (5, 0, 8), (9, 0, 0)],
        [(5, 12, 12), (9, 4, 12), (10, 4, 12)],
    ]


def test_what_is_reserved_becomes_the_zone_and_what_is_vacated_is_poisoned_and_freed():
    told = Told()
    _moved(told)
    told.zoned("zone.moved", "A", 4, 8, from_frame=0)
    told.zoned("area.poisoned", "A", 0, 4, poisoned_frames=4)
    told.zoned("area.released", "A", 0, 4)
    told.tell("machine.ended", "MACHINE")
    storage = _map(told)
    assert _corners(storage, "A", RESERVED) == [[(4, 4, 12), (11, 4, 12)]]
    assert _corners(storage, "A", VACATED) == [[(11, 0, 4), (13, 0, 4)]]
    assert _corners(storage, "", POISONED) == [[(12, 0, 4), (14, 0, 4)]]
    (transfer,) = storage.transfers
    assert (transfer.op, transfer.text, transfer.start_ns // MS, transfer.end_ns // MS) == (
        "op.1",
        "moved",
        5,
        10,
    )


def test_a_move_back_ends_where_it_began():
    told = Told()
    told.boot(A=(0, 8))
    told.move("A", 0, 8, 8)
    told.chunk("A", 4, 4, 4)
    told.tell("move.ended", op="op.1", lpar="A", outcome="interrupted")
    told.move("A", 8, 0, 4, first_page=4, inverse=True)
    told.chunk("A", 4, 4, 0, inverse=True)
    told.tell("move.ended", op="op.1", lpar="A", outcome="moved", inverse=True)
    told.tell("machine.ended", "MACHINE")
    storage = _map(told)
    assert _at(storage, 5 * MS) == [(0, 4, "A"), (12, 16, "A")]
    assert _at(storage, 9 * MS) == [(0, 8, "A")]
    assert [one.text for one in storage.transfers] == ["interrupted", "moved back"]


def test_an_exchange_swaps_page_by_page():
    told = Told()
    told.boot(A=(0, 4), B=(4, 4))
    told.tell("exchange.started", op="op.1", lower="A", upper="B")
    told.exchanged([["swap", 0, 4, 4]], 4)
    told.tell("exchange.ended", op="op.1", lower="A", upper="B", outcome="moved")
    told.tell("machine.ended", "MACHINE")
    storage = _map(told)
    start, half = 6 * MS, 6 * MS + MS // 2
    assert _at(storage, start) == [(0, 4, "A"), (4, 8, "B")]
    assert _at(storage, half) == [(0, 2, "B"), (2, 4, "A"), (4, 6, "A"), (6, 8, "B")]
    assert _at(storage, start + MS) == [(0, 4, "B"), (4, 8, "A")]


@pytest.mark.parametrize(
    "runs", [[["swap", 1]], [["turn", 0, 4, 4]], ["swap"], [None], [["swap", 0, 4, 0]], [["swap", 0, "4", 4]]]
)
def test_runs_that_are_none_are_left_out(runs: list):
    told = Told()
    told.boot(A=(0, 4), B=(4, 4))
    told.tell("exchange.started", op="op.1", lower="A", upper="B")
    told.exchanged(runs, 4)
    assert _at(_map(told), 5 * MS) == [(0, 4, "A"), (4, 8, "B")]


def test_a_frame_out_of_use_is_marked():
    told = Told()
    told.boot(A=(0, 4))
    told.tell("frame.retired", "RM", frame=9)
    assert _map(told).retired == ((9, 4 * MS),)


SCENARIOS = (
    "figure-3",
    "exchange",
    "cancel",
    "control-dies",
    "bad-frame",
    "make-room",
    "move-expand",
    "crowd",
    "tape-copy",
)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_at_no_time_two_lpars_pages_are_in_one_frame(scenario: str):
    storage = report_of(scenario).storage
    times = sorted({corner[0] for band in storage.bands for corner in band.corners})
    for first, second in pairwise(times):
        found = _at(storage, (first + second) // 2)
        assert all(one[1] <= other[0] + 1 for one, other in pairwise(found))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_at_the_end_every_lpars_pages_are_its_zone(scenario: str):
    storage = report_of(scenario).storage
    zones, pages = {}, {}
    for band in storage.bands:
        t_ns, low, high = band.corners[-1]
        if t_ns == storage.end_ns and band.state in ("zone", PAGES):
            of = zones if band.state == "zone" else pages
            of.setdefault(band.lpar, []).append((low, high))
    assert zones == pages


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_held_beside_zones_when_all_operations_are_over(scenario: str):
    storage = report_of(scenario).storage
    held = [one for one in storage.bands if one.state in (RESERVED, VACATED)]
    assert all(one.corners[-1][0] < storage.end_ns for one in held)


def test_a_window_can_be_cut_out():
    whole = report_of("cancel").storage
    storage = whole.cut(300_000_000, 350_000_000)
    assert {corner[0] for band in storage.bands for corner in band.corners} >= {300_000_000, 350_000_000}
    assert all(300_000_000 <= t <= 350_000_000 for band in storage.bands for t, _, _ in band.corners)
    assert _at(storage, 310_000_000) == _at(whole, 310_000_000)


# --- pieces -------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(-30, 30), st.booleans())
def test_chunks_of_any_size_move_all_frames_and_none_twice(chunks: list[int], way: int, descending: bool):
    """At every corner as many frames are held as the zone has, whatever the chunks."""
    if way == 0 or (way > 0) != descending:
        way = abs(way) + 1 if descending else -abs(way) - 1
    pages, pieces = sum(chunks), Pieces(PAGES)
    pieces.put("A", [(100, 100 + pages)], 0)
    done = 0
    for place, count in enumerate(chunks):
        first = pages - done - count if descending else done
        times = 100 * place, 100 * place + 100
        pieces.lose("A", 100 + first, 100 + first + count, times, descending=descending)
        pieces.gain("A", 100 + way + first, 100 + way + first + count, times, descending=descending)
        done += count
        assert sum(piece.high - piece.low for piece in pieces.of("A")) == pages
    assert pieces.of("A")[0].low == 100 + way
    bands = pieces.finish(100 * len(chunks) + 50)
    assert all(band.corners[0][0] <= band.corners[-1][0] for band in bands)


def test_an_even_move_has_few_corners_however_many_chunks():
    pieces = Pieces(PAGES)
    pieces.put("A", [(0, 1000)], 0)
    for place in range(1000):
        times = 10 * place, 10 * place + 10
        pieces.lose("A", 999 - place, 1000 - place, times, descending=True)
        pieces.gain("A", 1999 - place, 2000 - place, times, descending=True)
    assert sum(len(band.corners) for band in pieces.finish(10_000)) <= 6


def test_both_edges_of_a_piece_may_slide_at_once():
    pieces = Pieces(PAGES)
    pieces.put("A", [(0, 8)], 0)
    pieces.lose("A", 0, 4, (10, 20), descending=False)
    pieces.gain("A", 8, 12, (10, 20), descending=False)
    (band,) = pieces.finish(30)
    assert band.corners == ((0, 0, 8), (10, 0, 8), (20, 4, 12), (30, 4, 12))


@given(st.integers(0, 40), st.integers(1, 20))
def test_a_cut_band_lies_in_its_window(start: int, length: int):
    band = Band("A", PAGES, ((0, 0, 8), (10, 0, 8), (20, 4, 12), (30, 4, 12)))
    cut = band.cut(start, start + length)
    if start >= 30:
        assert cut is None
    else:
        assert cut is not None
        assert (cut.corners[0][0], cut.corners[-1][0]) == (start, min(start + length, 30))
