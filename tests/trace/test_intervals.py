import itertools

from hypothesis import given
from hypothesis import strategies as st

from lparvm.trace.rules.intervals import Intervals

BOUND = st.integers(0, 40)
STEPS = st.lists(st.tuples(st.booleans(), BOUND, BOUND), max_size=20)


def as_set(intervals):
    return {number for first, end in intervals.pairs() for number in range(first, end)}


@given(STEPS, BOUND, BOUND)
def test_intervals_are_the_set_that_was_added_and_taken_away(steps, low, high):
    intervals, numbers = Intervals(), set()
    for adds, first, end in steps:
        if adds:
            intervals.add(first, end)
            numbers |= set(range(first, end))
        else:
            intervals.discard(first, end)
            numbers -= set(range(first, end))
        assert as_set(intervals) == numbers
        assert len(intervals) == len(numbers)
        assert bool(intervals) == bool(numbers)
    assert as_set(intervals.overlap(low, high)) == numbers & set(range(low, high))


@given(STEPS)
def test_intervals_are_ascending_and_do_not_touch(steps):
    intervals = Intervals()
    for adds, first, end in steps:
        (intervals.add if adds else intervals.discard)(first, end)
    pairs = intervals.pairs()
    assert all(first < end for first, end in pairs)
    assert all(left[1] < right[0] for left, right in itertools.pairwise(pairs))


def test_intervals_in_words():
    assert str(Intervals((5, 6), (1, 3))) == "[1, 3), [5, 6)"
    assert str(Intervals()) == "none"
    assert Intervals((1, 2), (2, 3)) == Intervals((1, 3))
    assert Intervals() != "none"
