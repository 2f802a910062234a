import re
import string
from collections import Counter

import pytest

from lparvm.protocol.catalogue import BY_CODE, BY_RESULT, CATALOGUE, MessageType, Result
from lparvm.protocol.results import message_text

EACH = pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.code)


@pytest.mark.parametrize("result", Result)
def test_every_result_has_exactly_one_message(result: Result):
    assert [entry.code for entry in CATALOGUE if entry.result is result] == [BY_RESULT[result].code]


def test_no_two_messages_share_an_id():
    twice = [code for code, times in Counter(entry.code for entry in CATALOGUE).items() if times > 1]
    assert not twice, f"ids used more than once: {twice}"
    numbers = [entry.code[3:6] for entry in CATALOGUE]
    assert len(set(numbers)) == len(numbers), "a number stands for one message, whatever its severity"
    assert list(BY_CODE.values()) == list(CATALOGUE)


def test_the_catalogue_is_in_the_order_of_its_numbers():
    assert [entry.code for entry in CATALOGUE] == sorted(entry.code for entry in CATALOGUE)


@EACH
def test_ids_are_well_formed(entry: MessageType):
    assert re.fullmatch(r"LVM\d{3}[IWE]", entry.code), entry.code


@EACH
def test_every_message_says_why_it_appears_and_what_to_do(entry: MessageType):
    for what, text in (("cause", entry.cause), ("action", entry.action)):
        assert text.strip() == text != "", f"{entry.code} has no {what}"
        assert text.endswith("."), f"{entry.code}: the {what} is no sentence: {text}"


@EACH
def test_every_text_can_be_written_without_its_values(entry: MessageType):
    written = message_text(entry.code)
    assert "{" not in written
    assert written.count("?") == len(_fields(entry))


@EACH
def test_every_text_shows_its_values(entry: MessageType):
    values = {name: f"<{name}>" for name in _fields(entry)}
    written = message_text(entry.code, **values)
    assert "?" not in written
    assert all(value in written for value in values.values())


@EACH
def test_a_text_is_one_line_and_names_its_values_plainly(entry: MessageType):
    assert "\n" not in entry.text
    assert all(name.isidentifier() for name in _fields(entry)), (
        "a name without a format: values are text already"
    )


def test_a_refusal_that_lost_nothing_is_a_warning_and_what_completed_is_information():
    assert BY_RESULT[Result.COMPLETED].code.endswith("I")
    assert BY_RESULT[Result.CANCELLED].code.endswith("I")
    for result in (
        Result.STORAGE_FAULT,
        Result.SALE_REFUSED,
        Result.CHECK_STOPPED,
        Result.LPAR_CHECK_STOPPED,
    ):
        assert BY_RESULT[result].code.endswith("E"), result
    errors = {entry.result for entry in CATALOGUE if entry.code.endswith("E")} - {None}
    refused = set(Result) - errors - {Result.COMPLETED, Result.CANCELLED}
    assert all(BY_RESULT[result].code.endswith("W") for result in refused)


def _fields(entry: MessageType) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(entry.text) if name is not None]
