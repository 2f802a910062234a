import pytest

from lparvm.errors import UsageError
from lparvm.options import (
    SEED,
    Option,
    boolean,
    choice,
    duration,
    integer,
    list_of,
    parse_options,
    power_of_two,
    size,
)

OPTIONS = (
    Option("count", integer(1, 9), 3, "A number."),
    Option("lines", power_of_two(1, 64), 8, "A power."),
    Option("fill", boolean(), False, "A switch."),
    Option("area", size(4096), 8192, "A size."),
    Option("pause", duration(1), 5, "A time."),
    SEED,
)


def test_what_is_not_given_has_its_default():
    assert parse_options(OPTIONS, {}, "guest Test") == {
        "count": 3, "lines": 8, "fill": False, "area": 8192, "pause": 5, "seed": 0,
    }  # fmt: skip


def test_defaults_are_shown_as_a_scenario_would_write_them():
    assert [option.default_text for option in OPTIONS] == ["3", "8", "false", "8K", "5ns", "0"]


def test_what_scenarios_write_becomes_what_guests_use():
    given = {"count": 9, "lines": 64, "fill": True, "area": "1M", "pause": "2ms", "seed": 1 << 63}
    assert parse_options(OPTIONS, given, "guest Test") == {
        "count": 9, "lines": 64, "fill": True, "area": 1 << 20, "pause": 2_000_000, "seed": 1 << 63,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("count", 0, "a whole number from 1 to 9"),
        ("count", 10, "a whole number from 1 to 9"),
        ("count", True, "a whole number from 1 to 9"),
        ("count", "3", "a whole number from 1 to 9"),
        ("count", 3.0, "a whole number from 1 to 9"),
        ("lines", 12, "a power of two from 1 to 64"),
        ("lines", 0, "a power of two from 1 to 64"),
        ("lines", None, "a power of two from 1 to 64"),
        ("fill", "true", "true or false"),
        ("fill", 1, "true or false"),
        ("area", "4095", "a size such as 192M, 192MiB, 1G or a number of bytes, 4096 at least"),
        ("area", [1], "a size such as"),
        ("pause", "0s", "a duration such as 250us, 2ms, 0.1s or 10m, 1 ns at least"),
        ("pause", 5, "a duration such as"),
        ("seed", -1, "a whole number from 0"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(name, value, expected):
    with pytest.raises(UsageError) as caught:
        parse_options(OPTIONS, {name: value}, "guest Test")
    assert str(caught.value).startswith(f"guest Test: option '{name}': {value!r}; expected {expected}")


def test_an_unknown_option_is_named_with_those_that_exist():
    with pytest.raises(UsageError, match="guest Test: unknown option 'counts'; expected one of count, lines"):
        parse_options(OPTIONS, {"counts": 1}, "guest Test")


def test_an_owner_without_options_says_so():
    with pytest.raises(UsageError, match="device 0190: unknown option 'x'; expected one of none"):
        parse_options((), {"x": 1}, "device 0190")


KINDS = (
    Option("code", choice("ascii", "ebcdic"), "ascii", "One of several."),
    Option("pauses", list_of(duration(1, 3_600_000_000_000), 2), None, "Several."),
)


def test_words_and_lists_are_checked_each():
    values = parse_options(KINDS, {"code": "ebcdic", "pauses": ["1h", "2ns"]}, "device Test")
    assert values == {"code": "ebcdic", "pauses": (3_600_000_000_000, 2)}
    assert parse_options(KINDS, {"pauses": []}, "device Test") == {"code": "ascii", "pauses": ()}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("code", "latin", "one of ascii, ebcdic"),
        ("code", ["ascii"], "one of ascii, ebcdic"),
        ("pauses", "1h", "a list of 2 at most, each a duration such as"),
        ("pauses", ["1h"] * 3, "a list of 2 at most"),
        ("pauses", ["1h", 5], "a list of 2 at most"),
        ("pauses", ["61m"], "1 ns at least, 1h at most"),
    ],
)
def test_what_is_no_word_or_list_is_refused(name, value, expected):
    with pytest.raises(UsageError, match=expected):
        parse_options(KINDS, {name: value}, "device Test")
