"""Short names of events and fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.trace.short_names import (
    IDENTIFIER_CHARACTERS,
    KEYWORD_CHARACTERS,
    event_identifier,
    field_keyword,
)
from lparvm.trace.vocabulary import VOCABULARY


def test_no_two_events_have_the_same_identifier():
    names: dict[str, list[str]] = {}
    for name in VOCABULARY:
        names.setdefault(event_identifier(name), []).append(name)
    doubled = [events for events in names.values() if len(events) > 1]
    assert doubled == [], "give the newer event another identifier in short_names._GIVEN"


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("area.reserved", "AREA.RESE"),
        ("lip.stopped", "LIP.STOP"),
        ("ReserveAreas", "RESEAREA"),
        ("SetAddressLimit", "SETADLIM"),
        ("SetAddressLimits", "SETADLMS"),
        ("StartInterpretiveExecution", "STAINEXE"),
        ("guest.danced", "GUES.DANC"),
        ("", ""),
    ],
)
def test_identifiers_stay_what_they_are(name, identifier):
    assert event_identifier(name) == identifier


@pytest.mark.parametrize(
    ("name", "keyword"),
    [("lpar", "LPAR"), ("origin_frame", "ORIGFRAM"), ("direction", "DIRECTIO"), ("keys_set", "KEYSSET"),
     ("data_digest", "DATADIGE"), ("first_ns", "FIRSTNS"), ("lower_target_frame", "LOWETARG")],
)  # fmt: skip
def test_keywords_stay_what_they_are(name, keyword):
    assert field_keyword(name) == keyword


@given(st.text(max_size=40))
def test_short_names_are_short(name):
    # Some letters become two when they are capitals.
    assert len(event_identifier(name)) <= 3 * IDENTIFIER_CHARACTERS
    assert len(field_keyword(name)) <= 3 * KEYWORD_CHARACTERS
