"""Chains of causes and trees of effects."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.trace.causes import CauseIndex, EffectTree, SeqMap, shorten


def caused(*causes, first=1):
    """Events with these causes, numbered from `first`."""
    return [
        {
            "seq": first + index,
            "cause": cause,
            "t": index,
            "actor": "RM",
            "event": "x.y",
            "op": None,
            "step": None,
        }
        for index, cause in enumerate(causes)
    ]


def indexed(events):
    index = CauseIndex()
    for event in events:
        index.add(event)
    return index


def grown(events, seq, *, depth=99, limit=99):
    tree = EffectTree(seq, depth=depth, limit=limit)
    for event in events:
        tree.feed(event)
    return tree


def test_a_chain_begins_with_what_has_no_cause():
    chain = indexed(caused(None, 1, 1, 3, None, 4)).chain(6)
    assert (chain.seqs, chain.broken) == ((1, 3, 4, 6), "")


def test_what_has_no_cause_is_a_chain_of_one():
    assert indexed(caused(None, None)).chain(2).seqs == (2,)


@pytest.mark.parametrize("seq", [0, -1, 4, 10**30])
def test_there_is_no_chain_of_what_is_not_there(seq):
    assert indexed(caused(None, 1, 2)).chain(seq) is None


@pytest.mark.parametrize(
    ("causes", "told"),
    [((None, 3, 2), "comes later"), ((None, 2), "comes later"), ((None, -5, 2), "is not there"),
     ((None, 10**30), "no event")],
)  # fmt: skip
def test_a_broken_chain_is_told_and_ends(causes, told):
    events = caused(*causes)
    chain = indexed(events).chain(len(causes))
    assert told in ("no event" if chain is None else chain.broken)


def test_numbers_may_be_missing_or_in_disorder():
    events = caused(None, 1, 2, 3)
    assert indexed([*events[:1], *events[2:]]).chain(4).seqs == (3, 4)
    assert indexed([*events[2:], *events[:2]]).chain(4).seqs == (1, 2, 3, 4)


def test_a_long_chain_keeps_beginning_and_end():
    assert shorten((1, 2, 3), 3) == ((1, 2, 3), 0, ())
    assert shorten(tuple(range(10)), 5) == ((0, 1), 5, (7, 8, 9))
    assert shorten(tuple(range(10)), 2) == ((0,), 8, (9,))


def test_a_tree_has_each_effect_below_its_cause():
    tree = grown(caused(None, 1, 1, 2, None, 3, 2), 1)
    assert [(effect.event["seq"], effect.depth) for effect in tree] == [
        (1, 0), (2, 1), (4, 2), (7, 2), (3, 1), (6, 2),
    ]  # fmt: skip
    assert (tree.shown, tree.left_out) == (5, 0)


def test_what_is_too_deep_is_counted_where_it_belongs():
    tree = grown(caused(None, 1, 2, 3, 3, 1), 1, depth=1)
    assert [(effect.event["seq"], effect.left_out) for effect in tree] == [(1, 0), (2, 3), (6, 0)]
    assert (tree.shown, tree.left_out) == (2, 3)


def test_what_is_too_much_is_counted_where_it_belongs():
    tree = grown(caused(None, 1, 1, 1, 4, 2), 1, limit=2)
    assert [(effect.event["seq"], effect.left_out) for effect in tree] == [(1, 2), (2, 1), (3, 0)]
    assert (tree.shown, tree.left_out) == (2, 3)


def test_there_is_no_tree_without_its_root():
    tree = grown(caused(None, 1), 7)
    assert tree.root is None
    assert list(tree) == []


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 60), st.integers(1, 6), st.integers(1, 20))
def test_chains_and_trees_tell_the_same(data, count, depth, limit):
    """An event is in the tree of another exactly where that one is in its chain; none is lost or counted twice."""
    causes = [
        data.draw(st.none() | st.integers(1, seq - 1)) if seq > 1 else None for seq in range(1, count + 1)
    ]
    events = caused(*causes)
    index, root = indexed(events), data.draw(st.integers(1, count))
    belongs = [event["seq"] for event in events if root in index.chain(event["seq"]).seqs]
    whole = grown(events, root, depth=count, limit=count)
    assert sorted(effect.event["seq"] for effect in whole) == belongs
    part = grown(events, root, depth=depth, limit=limit)
    assert part.shown + part.left_out == len(belongs) - 1
    assert sum(effect.left_out for effect in part) == part.left_out
    assert part.shown <= limit
    assert all(effect.depth <= depth for effect in part)


@given(st.lists(st.integers(1, 40), unique=True), st.integers(0, 41))
def test_a_map_finds_what_was_noted(seqs, asked):
    numbers = SeqMap()
    for seq in seqs:
        numbers.add(seq, seq * 2)
    assert numbers.get(asked) == (asked * 2 if asked in seqs else None)
    assert len(numbers) == len(seqs)
