import pytest

from lparvm.protocol.catalogue import BY_RESULT, Result
from lparvm.protocol.results import Outcome, message_text


def test_a_value_with_braces_is_written_as_it_is():
    assert message_text("LVM025W", lpar="{target}") == "{target}: no such LPAR"


@pytest.mark.parametrize("result", Result)
def test_an_outcome_has_the_message_of_its_result(result: Result):
    outcome = Outcome(result, {"lpar": "LPAR1"})
    assert outcome.code == BY_RESULT[result].code
    assert outcome.message == message_text(outcome.code, lpar="LPAR1")


def test_a_command_that_completed_without_moving_anything_has_its_own_text():
    outcome = Outcome(Result.COMPLETED, {"text": "3 devices"})
    assert (outcome.code, outcome.message) == ("LVM011I", "3 devices")


def test_only_a_completed_command_has_its_own_text():
    outcome = Outcome(Result.UNKNOWN_LPAR, {"lpar": "LPAR9", "text": "something"})
    assert outcome.code == "LVM025W"
