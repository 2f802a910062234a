"""The listing."""

from collections import Counter

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.trace.listing import LINE_CHARACTERS, Pages, ending, entry, heading


def event(**own):
    head = {
        "seq": 41,
        "t": 3_661_001_940_000,
        "actor": "RM",
        "event": "area.reserved",
        "op": "op.1",
        "cause": 40,
    }
    return {**head, "step": 203, **own}


def test_an_entry_has_fixed_columns_and_unique_fields():
    (line,) = entry(event(lpar="LPAR2", origin_frame=49152, extent_frames=65536))
    assert line == (
        "00000029 01:01:01.001940000 RM               AREA.RESE 203 op.1      00000028 "
        "LPAR.... LPAR2    ORIGFRAM 0000C000 EXTEFRAM 00010000"
    )


def test_more_fields_go_to_continuation_lines_under_the_first():
    lines = entry(event(a=1, b=2, c=3, d=4, e=5, f=6, g=7))
    assert len(lines) == 3
    column = lines[0].index("A.......")
    assert [line[:column].strip() for line in lines[1:]] == ["", ""]
    assert lines[1][column:] == "D....... 00000004 E....... 00000005 F....... 00000006"
    assert all(len(line) <= LINE_CHARACTERS for line in lines)


def test_a_long_text_is_cut_in_rows_and_nothing_of_it_is_lost():
    text = "".join(chr(ord("a") + number % 26) for number in range(500))
    lines = entry(event(message=text))
    column = lines[0].index("MESSAGE.") + 9
    assert "".join(line[column:] for line in lines) == text


VALUES = {
    "X.......": [(None, "........"), ("", "........"), ([], "........"), (True, "Y"), (False, "N"), (1.5, "1.5"),
                 ("a b", "'a b'"), (-1, "-0000001"), ("a\nb", r"a\nb")],
}  # fmt: skip


@pytest.mark.parametrize(("value", "text"), VALUES["X......."])
def test_values_are_shown(value, text):
    (line,) = entry(event(x=value))
    assert line.endswith(f"X....... {text}")


def test_a_name_of_control_characters_is_cut():
    (first, *more) = entry(event(**{"\U000e0001" * 8: "x" * 200}))
    assert r"\U000e00 xxx" in first
    assert len(more) == 4
    assert all(len(line) <= LINE_CHARACTERS for line in (first, *more))


def test_nested_fields_stand_one_after_another():
    text = " ".join(
        entry(event(placements=[{"lpar": "A", "zone": {"origin": 1, "extent": 2}}, {"lpar": "B"}]))
    )
    assert " ".join(text.split()[-8:]) == "LPAR.... A ORIGIN.. 00000001 EXTENT.. 00000002 LPAR.... B"


def test_pages_have_titles_and_no_entry_is_torn():
    pages = Pages("figure-3", lines=8)
    lines = [line for number in range(4) for line in pages.put([f"entry {number}", "more"])]
    assert pages.number == 2
    titles = [index for index, line in enumerate(lines) if "PAGE 0000" in line]
    assert len(titles) == 2
    assert all(len(lines[index]) == LINE_CHARACTERS for index in titles)
    assert lines[titles[1] + 3 : titles[1] + 5] == ["entry 2", "more"]


def test_an_entry_longer_than_a_page_goes_on_over_pages():
    pages = Pages("x", lines=5)
    lines = list(pages.put([str(number) for number in range(5)]))
    assert [line for line in lines if line.isdigit()] == ["0", "1", "2", "3", "4"]
    assert pages.number == 3


def test_one_page_without_end():
    pages = Pages("x", lines=0)
    lines = [line for number in range(200) for line in pages.put([str(number)])]
    assert pages.number == 1
    assert len(lines) == 203


def test_the_heading_tells_options_and_environment():
    header = {
        "scenario": "figure-3",
        "seed": 0,
        "level": "io",
        "proof": False,
        "lparvm": "0.1.0",
        "version": 1,
    }
    text = "\n".join(heading(header, ["OP=(op.1)"], name="run.jsonl"))
    for words in (
        "GTFTRACE DISPLAY OPTIONS IN EFFECT",
        "OP=(op.1)",
        "LEVEL=IO PROOF=NO",
        "figure-3",
        "run.jsonl",
    ):
        assert words in text
    assert " ALL" in "\n".join(heading({}, [], name="x"))


def test_the_ending_tells_identifiers_and_verdict():
    shown = Counter({"area.reserved": 2, "ReserveAreas": 1})
    text = "\n".join(ending({"verdict": "damaged"}, shown, 9))
    assert "RESEAREA  ReserveAreas" in text
    assert "END OF TRACE - VERDICT DAMAGED - 3 OF 9 EVENTS SHOWN" in text
    assert "CUT OFF" in "\n".join(ending(None, shown, 9))


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=99),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(max_size=20), _JSON))
def test_any_event_can_be_listed(own):
    assert all(line.isprintable() for line in entry({**own, **event()}))


def test_a_deep_event_can_be_listed():
    assert entry(event(deep=orjson.loads(b"[" * 900 + b"1" + b"]" * 900)))[0].endswith("DEEP.... 00000001")
