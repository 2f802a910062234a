"""Names in commands and in scenarios: one rule."""

import pytest

from lparvm.protocol import command_values
from lparvm.protocol.command_values import NAME_EXPECTED, is_name
from lparvm.scenario import values


@pytest.mark.parametrize("name", ["A", "lpar-1", "X_9", "ABCDEFGHIJKLMNOP"])
def test_these_are_names(name: str):
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", "1A", "-A", "_A", "op.1", "...", "ABCDEFGHIJKLMNOPQ", "\u00c4", "A B", "A\n"]
)
def test_these_are_none(name: str):
    assert not is_name(name)


def test_a_command_and_a_scenario_have_the_same_rule():
    assert command_values._NAME.pattern == values._NAME.pattern
    assert values._NAME_EXPECTED == NAME_EXPECTED
