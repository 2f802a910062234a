"""The choice tape: named streams, independent of each other, that give again what they noted."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.dst import Tape
from lparvm.dst.tape import CHOICES_MAX
from lparvm.errors import UsageError

CHOICES = st.dictionaries(
    st.text(max_size=4).filter(lambda name: not name.startswith("_")),
    st.lists(st.integers(0, 1 << 70) | st.just(0), max_size=12),
    max_size=4,
)


def _draws(tape: Tape, name: str, count: int = 20) -> list[int]:
    stream = tape.stream(name)
    return [stream.draw(1000) for _ in range(count)]


def test_what_one_stream_gives_shifts_no_other():
    alone, beside = Tape(7), Tape(7)
    expected = _draws(alone, "guest")
    for number in range(20):
        beside.stream("devices").draw(number + 2)
        assert beside.stream("guest").draw(1000) == expected[number]


def test_streams_and_near_seeds_have_nothing_in_common():
    rows = {tuple(_draws(Tape(seed), name)) for seed in range(10) for name in ("a", "b", "ab")}
    assert len(rows) == 30


def test_a_replay_gives_what_was_noted():
    tape = Tape(3)
    drawn = _draws(tape, "a"), [tape.stream("b").weighted([("x", 1), ("y", 5)]) for _ in range(9)]
    again = tape.again()
    assert (
        _draws(again, "a"),
        [again.stream("b").weighted([("x", 1), ("y", 5)]) for _ in range(9)],
    ) == drawn
    assert again.choices == tape.choices


def test_where_a_tape_has_ended_everything_is_simplest():
    stream = Tape(given={}).stream("any")
    assert stream.draw(9) == 0
    assert stream.chance(99, 100) is False
    assert stream.choice("abc") == "a"
    assert stream.between(3, 8) == 3
    assert stream.weighted([("first", 1), ("second", 99)]) == "first"


def test_a_choice_of_another_run_is_made_to_fit():
    assert Tape(given={"a": [7]}).stream("a").draw(5) == 2


def test_where_there_is_no_choice_nothing_is_noted():
    tape = Tape(1)
    assert tape.stream("a").draw(1) == 0
    assert tape.stream("a").values == []


def test_chances_are_as_told():
    stream = Tape(5).stream("a")
    assert 200 < sum(stream.chance(1, 4) for _ in range(1000)) < 300
    weighted = Tape(5).stream("b")
    assert 650 < sum(weighted.weighted([(0, 1), (1, 2)]) for _ in range(1000)) < 690 + 40


def test_private_streams_are_not_kept():
    tape = Tape(1)
    _draws(tape, "_priorities")
    assert tape.choices == {}


def test_the_cost_counts_what_is_not_simplest():
    assert Tape(given={"a": [0, 3, 0, 2, 0], "b": [0]}).cost == (2, 5)


@given(CHOICES, st.sampled_from(["step", "batch"]))
@settings(max_examples=60)
def test_json_holds_the_whole_tape(choices, mode):
    tape = Tape(given=choices, mode=mode)
    read = Tape.from_json(json.loads(json.dumps(tape.as_json())))
    assert (read.choices, read.mode) == (tape.choices, mode)
    for name, values in choices.items():
        stream = read.stream(name)
        assert [stream.draw(1 << 71) for _ in values] == values


def test_zeros_take_no_room():
    assert Tape(given={"a": [0] * 1000 + [2]}).as_json()["streams"] == {"a": [-1000, 2]}


def test_a_file_holds_the_tape(tmp_path):
    Tape(given={"a": [0, 1]}).save(tmp_path / "tape.json")
    assert Tape.load(tmp_path / "tape.json").choices == {"a": (0, 1)}


GOOD = {"format": "lparvm.dst tape", "version": 1, "mode": "step", "streams": {"a": [1]}}


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (None, "no choice tape"),
        ([], "no choice tape"),
        ({"format": "other"}, "no choice tape"),
        ({**GOOD, "version": 2}, "version 2; expected 1"),
        ({**GOOD, "version": None}, "version None"),
        ({**GOOD, "mode": "both"}, "mode 'both'; expected step or batch"),
        ({**GOOD, "mode": ["step"]}, "mode"),
        ({**GOOD, "streams": [1]}, "expected an object of streams"),
        ({**GOOD, "streams": {"a": {}}}, "stream 'a'; expected a list of whole numbers"),
        ({**GOOD, "streams": {"a": [1, 2.0]}}, "stream 'a'"),
        ({**GOOD, "streams": {"a": [True]}}, "stream 'a'"),
        ({**GOOD, "streams": {"a": ["1"]}}, "stream 'a'"),
        ({**GOOD, "streams": {"a": [-CHOICES_MAX, -1]}}, "choices at most"),
        ({**GOOD, "streams": {"a": [-(1 << 99)]}}, "choices at most"),
    ],
)
def test_a_tape_that_is_foreign_or_damaged_is_refused_in_one_line(read, told):
    with pytest.raises(UsageError, match=told) as caught:
        Tape.from_json(read)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "expected JSON"),
        (b"\xff\xfe", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (b"{}", "no choice tape"),
        (None, "No such file"),
    ],
)
def test_a_file_without_a_tape_is_named_in_one_line(tmp_path, content, told):
    path = tmp_path / "some.tape"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=told) as caught:
        Tape.load(path)
    assert "some.tape" in str(caught.value)
    assert "\n" not in str(caught.value)
