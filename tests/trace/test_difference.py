"""Where two traces part."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.errors import UsageError
from lparvm.trace.difference import Ignoring, compare
from told_traces import Told


def events(*names, **more):
    told = Told()
    for name in names:
        told.tell(name, **more)
    return told.events


def parted(first, second, ignoring=None, context=2):
    return compare(first, second, ignoring or Ignoring(), context=context)


def differing(ignore, one, other):
    base = events("x.happened")[0]
    return [path for path, _, _ in Ignoring.parse(ignore).differences({**base, **one}, {**base, **other})]


def test_equal_traces_do_not_part():
    found = parted(events("a.b", "c.d"), events("a.b", "c.d"))
    assert (found.parted, found.equal) == (False, 2)


def test_two_traces_without_events_are_equal():
    assert not parted([], []).parted


def test_where_they_part_both_go_on_for_a_while():
    found = parted(events(*"abcdefg"), events(*"abcXefg"))
    assert found.equal == 3
    assert [event["event"] for event in found.before] == ["b", "c"]
    assert [event["event"] for event in found.first] == ["d", "e", "f"]
    assert [event["event"] for event in found.second] == ["X", "e", "f"]
    assert found.differences == [("event", "d", "X")]


@pytest.mark.parametrize(("one", "other"), [("abc", "ab"), ("ab", "abc"), ("", "abc")])
def test_one_may_be_the_beginning_of_the_other(one, other):
    found = parted(events(*one), events(*other))
    assert found.equal == min(len(one), len(other))
    assert (found.first == []) is (len(one) < len(other))
    assert (found.second == []) is (len(other) < len(one))
    assert found.differences == []


DIFFERENCES = {
    "a value": ((), {"a": 1}, {"a": 2}, ["a"]),
    "a field that is not there": ((), {}, {"a": None}, ["a"]),
    "true and 1": ((), {"a": True}, {"a": 1}, ["a"]),
    "true and 1, nested": ((), {"a": [True]}, {"a": [1]}, ["a[0]"]),
    "1 and 1.0": ((), {"a": {"b": 1}}, {"a": {"b": 1.0}}, ["a.b"]),
    "a nested value": ((), {"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 2}]}}, ["a.b[0].c"]),
    "a longer list": ((), {"a": [1]}, {"a": [1, 2]}, ["a[1]"]),
    "another type": ((), {"a": 1}, {"a": {"b": 1}}, ["a", "a.b"]),
    "order of fields is none": ((), {"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
    "an ignored field": (("a",), {"a": 1}, {"a": 2}, []),
    "an ignored field, nested": (("c,x",), {"a": [{"c": 1}]}, {"a": [{"c": 2}]}, []),
    "an ignored field with all in it": (("a",), {"a": {"b": 1}}, {"a": {"b": 2}}, []),
    "beside an ignored field": (("c",), {"a": [{"c": 1, "d": 1}]}, {"a": [{"c": 2, "d": 2}]}, ["a[0].d"]),
    "times": (("times",), {"t": 1, "sie_ns": 1, "lips": [{"left_ns": 1}]},
              {"t": 2, "sie_ns": 2, "lips": [{"left_ns": 3}]}, []),
    "times by phase": (("times",), {"phases_ns": {"MOVING": 1}}, {"phases_ns": {"MOVING": 2}}, []),
    "durations in texts": (("times",), {"message": "stood 640 ms, 1.05 s"}, {"message": "stood 3e+03 us, 2 s"}, []),
    "other numbers in texts": (("times",), {"message": "moved 3 pages"}, {"message": "moved 4 pages"}, ["message"]),
    "durations in texts, when times count": ((), {"message": "640 ms"}, {"message": "641 ms"}, ["message"]),
    "ids": (("ids",), {"seq": 1, "cause": 2, "op": "op.1"}, {"seq": 5, "cause": None, "op": "op.2"}, []),
    "ids in texts": (("ids",), {"target": "op.1", "message": "op.1.2 was cancelled"},
                     {"target": "op.7", "message": "op.3 was cancelled"}, []),
    "operations of a part": (("ids",), {"operations": ["op.1"]}, {"operations": []}, []),
    "ids and times together": (("ids,t",), {"t": 1, "seq": 1}, {"t": 2, "seq": 2}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", DIFFERENCES)
def test_differences_are_found_and_named(case):
    ignore, one, other, expected = DIFFERENCES[case]
    assert differing(ignore, one, other) == expected
    assert sorted(differing(ignore, other, one)) == sorted(expected)


def test_deep_events_are_compared():
    one, other = (orjson.loads(b"[" * 900 + end + b"]" * 900) for end in (b"1", b"2"))
    assert differing((), {"a": one}, {"a": one}) == []
    assert differing((), {"a": one}, {"a": other}) == ["a" + "[0]" * 900]


@pytest.mark.parametrize("ignore", ["", "t,,seq", "a b", "--t", "t;seq"])
def test_what_is_no_field_is_refused(ignore):
    with pytest.raises(UsageError, match="is not the name of a field"):
        Ignoring.parse([ignore])


def test_how_things_stood_is_told():
    told = Told()
    told.tell("phase.entered", op="op.1", lpar="A", phase="MOVING")
    told.tell("phase.entered", op="op.2", lpar="B", phase="STOPPING")
    told.tell("phase.entered", op="op.2", lpar="C", phase="QUIESCING")
    told.tell("phase.entered", op="op.3", lpar="D", phase="REPORTED")
    told.tell("area.reserved", "RM")
    other = [
        *told.events,
        {**told.events[-1], "seq": 6, "event": "ReserveAreas", "actor": "LPARCTL", "to": "RM"},
    ]
    told.tell("area.released", "SVP")
    found = parted(told.events, other)
    assert found.phases == {"op.1": {"A": "MOVING"}, "op.2": {"B": "STOPPING", "C": "QUIESCING"}}
    assert found.actors() == ["SVP", "LPARCTL", "RM"]
    assert {actor: event["seq"] for actor, event in found.last.items()} == {"LPARCTL": 4, "RM": 5}


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")), st.integers(0, 3))
def test_they_part_at_the_first_difference(one, other, context):
    found = parted(events(*one), events(*other), context=context)
    common = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    assert found.equal == common
    assert found.parted is (one != other)
    assert len(found.before) == min(context, common) * (one != other)
    assert [event["event"] for event in found.first] == one[common : common + context + 1]
