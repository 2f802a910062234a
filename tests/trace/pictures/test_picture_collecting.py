import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.trace.pictures.collecting import durations_of, label, names_of, natural, number_of, shown


@given(st.text(), st.integers(2, 50))
def test_a_label_is_one_short_printable_line(text: str, limit: int):
    line = label(text, limit)
    assert len(line) <= limit
    assert not any(unicodedata.category(character)[0] == "C" for character in line)
    assert label(line, limit) == line


def test_what_turns_text_round_or_ends_a_document_is_replaced():
    assert label("a\u202eb\x00c\ud800\n\t d") == "a\ufffdb\ufffdc\ufffd d"


def test_a_long_label_is_cut_with_an_ellipsis():
    assert label("x" * 100, 10) == "x" * 9 + "…"


def test_names_sort_by_their_numbers():
    assert sorted(["LPAR10", "LPAR2", "A", "LPAR1"], key=natural) == ["A", "LPAR1", "LPAR2", "LPAR10"]


@given(st.lists(st.text(), max_size=6))
def test_any_names_can_be_sorted(names: list[str]):
    sorted(names, key=natural)


@pytest.mark.parametrize("value", [None, 3, "x", {"a": 1}, [1, None, ["a"]]])
def test_what_is_no_list_of_names_has_none(value: object):
    assert names_of(value) == ()


def test_what_is_no_time_is_left_out():
    told = {"MOVING": 5, "A": -1, "B": True, "C": "5", "D": 1.5}
    assert durations_of(told) == {"MOVING": 5}
    assert durations_of([1]) == {}
    assert number_of(True) is None


def test_microseconds_have_their_sign():
    assert shown(250_000) == "250 \N{MICRO SIGN}s"
