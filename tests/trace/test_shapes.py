"""What the reader leaves open of an event, and checking does not."""

import pytest

from lparvm.trace.shapes import shape_problem
from lparvm.trace.vocabulary import Level
from real_traces import Event, parsed, trace_bytes


def of(name: str) -> Event:
    return next(event for event in parsed(trace_bytes())[1] if event["event"] == name)


@pytest.mark.parametrize("level", [Level.PROTOCOL, Level.STORAGE])
def test_nothing_is_wrong_with_what_a_machine_tells(level):
    assert not [problem for event in parsed(trace_bytes(level=level))[1] if (problem := shape_problem(event))]


WRONG = [
    ("sale.set", {"extent_frames": -1}, "extent_frames is -1"),
    ("sale.set", {"origin_frame": 2**63}, "origin_frame is 9223372036854775808"),
    ("sale.set", {"t": -5}, "t is -5"),
    ("sale.set", {"seq": 2**64 - 1}, "seq is 18446744073709551615"),
    ("sale.set", {"cause": -1}, "cause is -1"),
    ("CheckAreas", {"cause": -1}, "cause is -1"),
    ("lpar.activated", {"iops": [1]}, "iops is [1]; expected list of str"),
    ("lpar.activated", {"lips": [["LIP1"]]}, "lips is [['LIP1']]"),
    ("interruptions.kept", {"numbers": [1, None]}, "numbers is [1, None]"),
    ("area.reserved", {"partners": [{}]}, "partners is [{}]"),
    ("guest.stood", {"phases_ns": {"MOVING": "5"}}, "phases_ns is {'MOVING': '5'}"),
    ("guest.stood", {"phases_ns": {"MOVING": True}}, "phases_ns is {'MOVING': True}"),
    ("chunk.exchanged", {"runs": [["swap", 0, 1]]}, "runs is [['swap', 0, 1]]"),
    ("chunk.exchanged", {"runs": [["swap", 0, -1, 5]]}, "runs is [['swap', 0, -1, 5]]"),
    ("chunk.exchanged", {"runs": ["swap"]}, "runs is ['swap']"),
]


@pytest.mark.parametrize(("name", "new", "expected"), WRONG)
def test_what_is_wrong_inside_an_event_is_told_with_what_was_expected(name, new, expected):
    problem = shape_problem({**of(name), **new})
    assert expected in problem
    assert "; expected " in problem


def test_an_event_that_nobody_knows_is_left_alone():
    assert shape_problem({**of("sale.set"), "event": "sale.unset", "extent_frames": -1}) is None


def test_a_field_may_be_null_where_the_vocabulary_says_so():
    assert shape_problem({**of("slice.ended"), "lowest_host": None}) is None
