import pytest

from lparvm.errors import CommandError, LparvmError, ProtocolError, ScenarioError, StorageFault, UsageError


def test_a_wrong_scenario_names_file_key_problem_and_expectation():
    error = ScenarioError("mine.toml", "lpar[1].size", "'12X' is not a size", "a size such as 192M")
    assert str(error) == "mine.toml: lpar[1].size: '12X' is not a size; expected a size such as 192M"


def test_a_scenario_that_is_wrong_as_a_whole_names_no_key():
    assert str(ScenarioError("mine.toml", "", "no such file")) == "mine.toml: no such file"


def test_a_wrong_command_names_the_word():
    error = CommandError("MVSTOR LPAR1 HSB=1M", "HSB", "no such keyword", "HSA")
    assert str(error) == "'HSB': no such keyword; expected HSA"
    assert error.text == "MVSTOR LPAR1 HSB=1M"


def test_a_command_with_a_word_missing_names_none():
    assert str(CommandError("MVSTOR", "", "a word is missing", "the name of an LPAR")) == (
        "a word is missing; expected the name of an LPAR"
    )


def test_a_storage_fault_names_the_frame_and_its_address():
    assert str(StorageFault(3)) == "storage fault at frame 3 (host absolute 0x3000)"


def test_a_breach_of_protocol_carries_the_story_that_led_there():
    error = ProtocolError("no row", ("ASKED", "PREPARING"))
    assert str(error) == "no row\n  ASKED\n  PREPARING"
    assert error.story == ("ASKED", "PREPARING")


@pytest.mark.parametrize("error", [ScenarioError("f", "k", "p"), CommandError("t", "w", "p")])
def test_what_the_caller_did_wrong_is_a_usage_error_in_one_line(error: UsageError):
    assert isinstance(error, UsageError)
    assert "\n" not in str(error)


@pytest.mark.parametrize("error", [ProtocolError("p"), StorageFault(1)])
def test_what_the_caller_did_not_do_is_no_usage_error(error: LparvmError):
    assert isinstance(error, LparvmError)
    assert not isinstance(error, UsageError)
