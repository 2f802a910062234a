from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lparvm.config import PICTURE_TRACK_SPANS_MAX
from lparvm.trace.pictures.spans import Span, Track, merged, within


def _placed(steps):
    at, found = 0, []
    for gap, length, text in steps:
        found.append(Span(at + gap, at + gap + length, text, length))
        at += gap + length
    return found


steps = st.tuples(st.integers(0, 50), st.integers(0, 50), st.sampled_from("ab"))
spans_in_order = st.lists(steps, max_size=30).map(_placed)


@given(spans_in_order, st.integers(1, 60))
def test_merging_keeps_what_is_covered_and_the_ends(spans: list[Span], resolution: int):
    found = merged(spans, resolution)
    assert sum(one.covered_ns for one in found) == sum(one.covered_ns for one in spans)
    assert all(one.end_ns <= other.start_ns for one, other in pairwise(found))
    if spans:
        assert (found[0].start_ns, found[-1].end_ns) == (spans[0].start_ns, spans[-1].end_ns)
    assert all(0 <= one.share <= 1 for one in found)


@given(spans_in_order, st.integers(1, 60))
def test_merging_leaves_long_spans_alone(spans: list[Span], resolution: int):
    long = [one for one in spans if one.length_ns >= resolution]
    apart = [one for one, other in pairwise(long) if one.text != other.text]
    assert len(merged(long, resolution)) >= len(apart)


@given(spans_in_order, st.integers(0, 800), st.integers(1, 400))
def test_a_window_has_what_lies_in_it(spans: list[Span], start: int, length: int):
    for one in within(spans, start, start + length):
        assert start <= one.start_ns <= one.end_ns <= start + length
        assert one.covered_ns <= one.length_ns


def test_a_track_stays_bounded_and_knows_its_share():
    track = Track()
    for place in range(5 * PICTURE_TRACK_SPANS_MAX):
        track.add(10 * place, 10 * place + 5)
    assert len(track.spans) <= PICTURE_TRACK_SPANS_MAX
    assert sum(one.covered_ns for one in track.spans) == 25 * PICTURE_TRACK_SPANS_MAX
    assert 0.4 < track.spans[0].share < 0.6


def test_a_span_that_ends_before_it_begins_is_left_out():
    track = Track()
    track.add(5, 4)
    assert track.spans == []
