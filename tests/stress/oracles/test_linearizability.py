"""The checker against all orders there are, on small histories; and histories that no order explains."""

from itertools import permutations

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.stress.oracles.linearizability import Call, Kind, Outcome, check_register

CALLS_MAX = 5
WORD = st.integers(0, 2)


def fetch(begin, end, value, **more):
    return Call(Kind.FETCH, begin, end, value, **more)


def store(begin, end, value, **more):
    return Call(Kind.STORE, begin, end, value, **more)


def swap(begin, end, expected, value, *, swapped=True, **more):
    return Call(Kind.SWAP, begin, end, value, expected, swapped, **more)


@st.composite
def histories(draw):
    """A few calls whose begins and ends are places in an order; now and then one is optional, or has not ended."""
    count = draw(st.integers(0, CALLS_MAX))
    places = draw(st.permutations(range(2 * count)))
    calls = []
    for number in range(count):
        begin, end = sorted(places[2 * number : 2 * number + 2])
        optional = draw(st.integers(0, 3)) == 0
        calls.append(
            Call(
                draw(st.sampled_from(Kind)),
                begin,
                None if optional and draw(st.booleans()) else end,
                draw(WORD),
                draw(WORD),
                draw(st.booleans()),
                optional,
            )
        )
    return calls


def by_all_orders(calls, initial):
    """Whether there is an order: every choice of the optional calls, every permutation."""
    certain = [call for call in calls if not call.optional]
    options = [call for call in calls if call.optional]
    for choice in range(1 << len(options)):
        chosen = certain + [call for number, call in enumerate(options) if choice >> number & 1]
        if any(_explains(order, initial) for order in permutations(chosen)):
            return True
    return False


def _explains(order, initial):
    word = initial
    for number, call in enumerate(order):
        if any(later.end is not None and later.end < call.begin for later in order[number + 1 :]):
            return False
        word = call.apply(word)
        if word is None:
            return False
    return True


@given(calls=histories(), initial=WORD)
@settings(max_examples=120)
def test_it_says_what_all_orders_say(calls, initial):
    found = check_register(calls, initial).outcome
    assert found is not Outcome.UNDECIDED
    assert (found is Outcome.LINEARIZABLE) == by_all_orders(calls, initial), calls


@given(calls=histories(), initial=WORD, shuffled=st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_the_order_of_the_list_says_nothing(calls, initial, shuffled):
    other = list(calls)
    shuffled.shuffle(other)
    assert check_register(other, initial) == check_register(calls, initial)


def test_nothing_is_linearizable():
    assert check_register([], 7).outcome is Outcome.LINEARIZABLE


WRONG = {
    "a stale fetch": [store(0, 1, 5), fetch(2, 3, 0)],
    "a lost store": [store(0, 1, 5), store(2, 3, 6), fetch(4, 5, 5)],
    "a value that nobody stored": [store(0, 3, 5), fetch(1, 2, 6)],
    "two swaps of one value": [swap(0, 3, 0, 1), swap(1, 2, 0, 1)],
    "a refused swap that had to be done": [swap(0, 1, 0, 1, swapped=False)],
    "a fetch that goes back": [store(0, 9, 5), fetch(1, 2, 5), fetch(3, 4, 0)],
    "a halted transfer that comes late": [store(0, 1, 5, optional=True), fetch(2, 3, 0), fetch(4, 5, 5)],
    "a transfer that was done and had no effect": [store(0, 5, 5), fetch(6, 7, 0)],
}


@pytest.mark.parametrize("calls", WRONG.values(), ids=WRONG)
def test_a_history_that_no_order_explains_is_found(calls):
    judgement = check_register(calls, 0)
    assert judgement.outcome is Outcome.NOT_LINEARIZABLE, "no order explains it"
    assert "no order explains it" in judgement.why


RIGHT = {
    "a transfer that takes effect between two fetches": [store(0, 9, 5), fetch(1, 2, 0), fetch(3, 4, 5)],
    "a halted transfer that had its effect": [store(0, 3, 5, optional=True), fetch(4, 5, 5)],
    "a halted transfer that had none": [store(0, 3, 5, optional=True), fetch(4, 5, 0)],
    "a transfer that has not ended": [store(0, None, 5, optional=True), fetch(1, 2, 0), fetch(4, 5, 5)],
    "a swap that is refused as another came first": [swap(0, 3, 0, 1), swap(1, 2, 0, 2, swapped=False)],
    "a word counted by two": [
        swap(0, 1, 0, 1),
        swap(2, 3, 0, 1, swapped=False),
        swap(4, 5, 1, 2),
        fetch(6, 7, 2),
    ],
    "stores that overlap in either order": [store(0, 3, 5), store(1, 2, 6), fetch(4, 5, 5), fetch(6, 7, 5)],
}


@pytest.mark.parametrize("calls", RIGHT.values(), ids=RIGHT)
def test_a_history_that_some_order_explains_passes(calls):
    judgement = check_register(calls, 0)
    assert judgement.outcome is Outcome.LINEARIZABLE, judgement.why


def test_it_tells_who_saw_what_and_what_the_word_was():
    calls = [store(0, 1, 5, who="LIP1"), fetch(2, 3, 9, who="LIP2")]
    assert check_register(calls, 0).why == (
        "LIP2: fetch 0x9; no order explains it, as the word was 0x5 before the calls that were open then"
    )
    refused = swap(2, 3, 5, 6, swapped=False, who="LIP2")
    assert check_register([calls[0], refused], 0).why.startswith(
        "LIP2: compare and swap 0x5 by 0x6, refused;"
    )


def test_of_many_possible_values_some_are_told():
    open_stores = [store(0, 9, value, optional=True) for value in range(1, 7)]
    ended = [evolve(call, end=1) for call in open_stores]
    assert (
        "the word was 0x0, 0x1, 0x2, 0x3 and 3 more before" in check_register([*ended, fetch(2, 3, 9)], 0).why
    )


def test_too_many_orders_are_left_undecided_and_that_is_said():
    # All of these overlap, and each fetch sees what no store has put there.
    calls = [store(number, 100 + number, number) for number in range(12)]
    calls.append(fetch(50, 60, 99))
    judgement = check_register(calls, 0, configurations_max=50)
    assert judgement.outcome is Outcome.UNDECIDED
    assert judgement.why == "more than 50 configurations at fetch 0x63"


def test_a_long_history_is_judged_at_once():
    calls = [
        call
        for number in range(0, 4000, 4)
        for call in (store(number, number + 2, number), fetch(number + 1, number + 3, number))
    ]
    assert check_register(calls, 0).outcome is Outcome.LINEARIZABLE
